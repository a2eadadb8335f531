/* image.c - the guest kernel's ELF image: checks, segments, symbols */
#include "vmm/sandbox/image.h"

#include <elf.h>
#include <string.h>

#include "vmm/util/util.h"

#define PAGE 4096u

static bool inside(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

static int image_check_segment(struct image *image, const Elf64_Phdr *ph, uint64_t base,
			       uint64_t room, struct error *err)
{
	if (ph->p_filesz > ph->p_memsz || !inside(ph->p_offset, ph->p_filesz, image->size))
		return error_set(err, "kernel image: a segment reaches beyond the file");
	if (ph->p_vaddr < base || !inside(ph->p_vaddr - base, ph->p_memsz, room))
		return error_set(err, "kernel image: a segment lies outside the kernel's range");
	if (ph->p_vaddr < image->start)
		image->start = ph->p_vaddr;
	if (ph->p_vaddr + ph->p_memsz > image->end)
		image->end = ph->p_vaddr + ph->p_memsz;
	return 0;
}

static int image_check_segments(struct image *image, uint64_t base, uint64_t room,
				struct error *err)
{
	image->start = UINT64_MAX;
	for (unsigned i = 0; i < image->phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, image->data + image->phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD && ph.p_memsz &&
		    image_check_segment(image, &ph, base, room, err))
			return -1;
	}
	if (image->start >= image->end)
		return error_set(err, "kernel image: no segments");
	image->start &= ~(uint64_t)(PAGE - 1);
	image->end = round_up(image->end, PAGE);
	if (image->entry < image->start || image->entry >= image->end)
		return error_set(err, "kernel image: the entry point lies outside");
	return 0;
}

/* A missing or odd symbol table costs names in reports, nothing else. */
static void image_find_symbols(struct image *image, const Elf64_Ehdr *eh)
{
	if (eh->e_shentsize != sizeof(Elf64_Shdr) ||
	    !inside(eh->e_shoff, (uint64_t)eh->e_shnum * sizeof(Elf64_Shdr), image->size))
		return;
	for (unsigned i = 0; i < eh->e_shnum; i++) {
		Elf64_Shdr sh, strings;

		memcpy(&sh, image->data + eh->e_shoff + i * sizeof(sh), sizeof(sh));
		if (sh.sh_type != SHT_SYMTAB || sh.sh_link >= eh->e_shnum)
			continue;
		memcpy(&strings, image->data + eh->e_shoff + sh.sh_link * sizeof(sh),
		       sizeof(strings));
		if (!inside(sh.sh_offset, sh.sh_size, image->size) || !strings.sh_size ||
		    !inside(strings.sh_offset, strings.sh_size, image->size) ||
		    image->data[strings.sh_offset + strings.sh_size - 1])
			continue;
		image->symbols = image->data + sh.sh_offset;
		image->symbol_count = sh.sh_size / sizeof(Elf64_Sym);
		image->names = (const char *)image->data + strings.sh_offset;
		image->names_size = strings.sh_size;
		return;
	}
}

int image_open(struct image *image, const void *data, size_t size, uint64_t base, uint64_t room,
	       struct error *err)
{
	Elf64_Ehdr eh;

	memset(image, 0, sizeof(*image));
	image->data = data;
	image->size = size;
	if (size < sizeof(eh))
		return error_set(err, "kernel image: too short");
	memcpy(&eh, data, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_type != ET_EXEC)
		return error_set(err, "kernel image: not a static 64-bit ELF program");
	if (eh.e_phentsize != sizeof(Elf64_Phdr) ||
	    !inside(eh.e_phoff, (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr), size))
		return error_set(err, "kernel image: the program headers reach beyond the file");
	image->entry = eh.e_entry;
	image->phoff = eh.e_phoff;
	image->phnum = eh.e_phnum;
	if (image_check_segments(image, base, room, err))
		return -1;
	image_find_symbols(image, &eh);
	image->ap_entry = image_lookup(image, "ap_entry");
	return 0;
}

void image_open_symbols(struct image *image, const void *data, size_t size)
{
	Elf64_Ehdr eh;

	memset(image, 0, sizeof(*image));
	image->data = data;
	image->size = size;
	if (size < sizeof(eh))
		return;
	memcpy(&eh, data, sizeof(eh));
	if (!memcmp(eh.e_ident, ELFMAG, SELFMAG) && eh.e_ident[EI_CLASS] == ELFCLASS64 &&
	    eh.e_ident[EI_DATA] == ELFDATA2LSB)
		image_find_symbols(image, &eh);
}

void image_load(const struct image *image, uint8_t *to)
{
	for (unsigned i = 0; i < image->phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, image->data + image->phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD && ph.p_filesz)
			memcpy(to + (ph.p_vaddr - image->start), image->data + ph.p_offset,
			       ph.p_filesz);
	}
}

static bool image_symbol_at(const struct image *image, size_t i, Elf64_Sym *sym)
{
	memcpy(sym, image->symbols + i * sizeof(*sym), sizeof(*sym));
	return sym->st_shndx != SHN_UNDEF && sym->st_name && sym->st_name < image->names_size;
}

const char *image_symbol(const struct image *image, uint64_t address, uint64_t *offset)
{
	const char *best = NULL;
	uint64_t best_value = 0;

	for (size_t i = 0; i < image->symbol_count; i++) {
		Elf64_Sym sym;
		unsigned type;

		if (!image_symbol_at(image, i, &sym))
			continue;
		type = ELF64_ST_TYPE(sym.st_info);
		if ((type != STT_FUNC && type != STT_NOTYPE) || sym.st_value > address ||
		    (best && sym.st_value < best_value) ||
		    (sym.st_size && address - sym.st_value >= sym.st_size))
			continue;
		best = image->names + sym.st_name;
		best_value = sym.st_value;
	}
	*offset = address - best_value;
	return best;
}

uint64_t image_lookup(const struct image *image, const char *name)
{
	for (size_t i = 0; i < image->symbol_count; i++) {
		Elf64_Sym sym;

		if (image_symbol_at(image, i, &sym) && !strcmp(image->names + sym.st_name, name))
			return sym.st_value;
	}
	return 0;
}
