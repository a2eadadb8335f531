/* elf_parse.h - reading ELF headers, without any other part of the kernel
 *
 * Works on copies of the file's bytes; every number in them may be hostile. */
#pragma once
#include "types.h"

#define ELF_SEG_MAX  64u
#define ELF_PHDR_MAX 65536u /* bytes of program headers, as on Linux */
#define ELF_PATH_MAX 4096u  /* of the interpreter, with NUL */

struct elf_segment {
	u64 offset, vaddr; /* congruent modulo the page size */
	u64 filesz, memsz; /* filesz <= memsz, memsz > 0 */
	u32 prot;	   /* ABI_PROT_* */
};

struct elf_image {
	u64 phoff; /* where the program headers are in the file */
	u32 phnum;
	u64 entry; /* relative to the load address if dyn */
	bool dyn;
	bool exec_stack; /* PT_GNU_STACK asks for it */
	u64 phdr_vaddr;	 /* of the program headers in memory, 0 if they are not loaded */
	u64 interp_off;
	u32 interp_len; /* with NUL; 0: none */
	u64 align;	/* largest p_align, at least a page */
	u64 low, high;	/* page-aligned bounds of all segments */
	u32 nseg;
	struct elf_segment seg[ELF_SEG_MAX]; /* as in the file */
};

/* The ELF header in buf: 0 and .phoff .phnum .entry .dyn, or -ENOEXEC. */
int elf_parse_header(const void *buf, size_t n, struct elf_image *out) must_check;
/* The program headers, phnum of them, for addresses below top: 0 and the rest, -ENOEXEC, -EINVAL
 * (segment that cannot be mapped), -ENOMEM (beyond top). */
int elf_parse_segments(const void *phdrs, size_t n, u64 top, struct elf_image *out) must_check;
