/* elf.h - 64-bit ELF files (elf(5)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"
#include <abi_arch/elf.h>

struct abi_elf64_ehdr {
	uint8_t e_ident[16];
	uint16_t e_type;
	uint16_t e_machine;
	uint32_t e_version;
	uint64_t e_entry;
	uint64_t e_phoff;
	uint64_t e_shoff;
	uint32_t e_flags;
	uint16_t e_ehsize;
	uint16_t e_phentsize;
	uint16_t e_phnum;
	uint16_t e_shentsize;
	uint16_t e_shnum;
	uint16_t e_shstrndx;
};
ABI_CHECK_SIZE(struct abi_elf64_ehdr, 64);
ABI_CHECK_AT(struct abi_elf64_ehdr, e_entry, 24);
ABI_CHECK_AT(struct abi_elf64_ehdr, e_phnum, 56);

struct abi_elf64_phdr {
	uint32_t p_type;
	uint32_t p_flags;
	uint64_t p_offset;
	uint64_t p_vaddr;
	uint64_t p_paddr;
	uint64_t p_filesz;
	uint64_t p_memsz;
	uint64_t p_align;
};
ABI_CHECK_SIZE(struct abi_elf64_phdr, 56);
ABI_CHECK_AT(struct abi_elf64_phdr, p_align, 48);

struct abi_elf64_shdr {
	uint32_t sh_name;
	uint32_t sh_type;
	uint64_t sh_flags;
	uint64_t sh_addr;
	uint64_t sh_offset;
	uint64_t sh_size;
	uint32_t sh_link;
	uint32_t sh_info;
	uint64_t sh_addralign;
	uint64_t sh_entsize;
};
ABI_CHECK_SIZE(struct abi_elf64_shdr, 64);

struct abi_elf64_sym {
	uint32_t st_name;
	uint8_t st_info;
	uint8_t st_other;
	uint16_t st_shndx;
	uint64_t st_value;
	uint64_t st_size;
};
ABI_CHECK_SIZE(struct abi_elf64_sym, 24);

#define ABI_EI_CLASS	4
#define ABI_EI_DATA	5
#define ABI_EI_VERSION	6
#define ABI_EI_OSABI	7
#define ABI_ELFMAG	"\177ELF"
#define ABI_SELFMAG	4
#define ABI_ELFCLASS64	2
#define ABI_ELFDATA2LSB 1
#define ABI_EV_CURRENT	1

#define ABI_ET_REL     1
#define ABI_ET_EXEC    2
#define ABI_ET_DYN     3
#define ABI_EM_X86_64  62
#define ABI_EM_AARCH64 183

#define ABI_PT_NULL	    0
#define ABI_PT_LOAD	    1
#define ABI_PT_DYNAMIC	    2
#define ABI_PT_INTERP	    3
#define ABI_PT_NOTE	    4
#define ABI_PT_PHDR	    6
#define ABI_PT_TLS	    7
#define ABI_PT_GNU_EH_FRAME 0x6474e550
#define ABI_PT_GNU_STACK    0x6474e551
#define ABI_PT_GNU_RELRO    0x6474e552
#define ABI_PT_GNU_PROPERTY 0x6474e553

#define ABI_PF_X 1
#define ABI_PF_W 2
#define ABI_PF_R 4

#define ABI_SHT_SYMTAB 2
#define ABI_SHT_STRTAB 3
#define ABI_STT_FUNC   2
