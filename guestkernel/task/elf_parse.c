/* elf_parse.c - reading ELF headers (elf(5)): pure, fuzzed by test/fuzz/elf.c */
#include "elf_parse.h"
#include "abi/linux/elf.h"
#include "abi/linux/mman.h"
#include "string.h"

int elf_parse_header(const void *buf, size_t n, struct elf_image *out)
{
	struct abi_elf64_ehdr h;

	memset(out, 0, sizeof(*out));
	if (n < sizeof(h))
		return -ENOEXEC;
	memcpy(&h, buf, sizeof(h));
	if (memcmp(h.e_ident, ABI_ELFMAG, ABI_SELFMAG) ||
	    h.e_ident[ABI_EI_CLASS] != ABI_ELFCLASS64 || h.e_ident[ABI_EI_DATA] != ABI_ELFDATA2LSB)
		return -ENOEXEC;
	if ((h.e_type != ABI_ET_EXEC && h.e_type != ABI_ET_DYN) || h.e_machine != ABI_ELF_MACHINE)
		return -ENOEXEC;
	if (h.e_phentsize != sizeof(struct abi_elf64_phdr) || h.e_phnum == 0 ||
	    h.e_phnum > ELF_PHDR_MAX / sizeof(struct abi_elf64_phdr))
		return -ENOEXEC;
	if (h.e_phoff > INT64_MAX - ELF_PHDR_MAX)
		return -ENOEXEC;
	out->phoff = h.e_phoff;
	out->phnum = h.e_phnum;
	out->entry = h.e_entry;
	out->dyn = h.e_type == ABI_ET_DYN;
	out->align = PAGE_SIZE;
	return 0;
}

static int parse_interp(const struct abi_elf64_phdr *p, struct elf_image *out)
{
	if (out->interp_len)
		return 0; /* the first counts */
	if (p->p_filesz < 2 || p->p_filesz > ELF_PATH_MAX || p->p_offset > INT64_MAX - ELF_PATH_MAX)
		return -ENOEXEC;
	out->interp_off = p->p_offset;
	out->interp_len = (u32)p->p_filesz;
	return 0;
}

static u32 prot_of(u32 flags)
{
	return (flags & ABI_PF_R ? ABI_PROT_READ : 0) | (flags & ABI_PF_W ? ABI_PROT_WRITE : 0) |
	       (flags & ABI_PF_X ? ABI_PROT_EXEC : 0);
}

static int parse_load(const struct abi_elf64_phdr *p, u64 top, struct elf_image *out)
{
	struct elf_segment *s = &out->seg[out->nseg];
	u64 low = PAGE_ALIGN_DOWN(p->p_vaddr), high;

	if (p->p_filesz > p->p_memsz || p->p_offset > INT64_MAX - PAGE_SIZE ||
	    p->p_filesz > INT64_MAX - PAGE_SIZE - p->p_offset)
		return -EINVAL;
	if (p->p_memsz == 0)
		return 0;
	if (p->p_vaddr >= top || p->p_memsz > top - p->p_vaddr)
		return -ENOMEM;
	if ((p->p_vaddr ^ p->p_offset) & ~PAGE_MASK)
		return -EINVAL;
	if (out->nseg == ELF_SEG_MAX)
		return -ENOEXEC;
	high = PAGE_ALIGN_UP(p->p_vaddr + p->p_memsz);
	if (high > top)
		return -ENOMEM;
	*s = (struct elf_segment){p->p_offset, p->p_vaddr, p->p_filesz, p->p_memsz,
				  prot_of(p->p_flags)};
	out->low = out->nseg ? MIN(out->low, low) : low;
	out->high = MAX(out->high, high);
	/* an alignment that is no power of two means nothing */
	if (p->p_align > out->align && (p->p_align & (p->p_align - 1)) == 0 && p->p_align < top)
		out->align = p->p_align;
	out->nseg++;
	return 0;
}

/* Where the program headers are in memory: in the segment that holds them. */
static void find_phdrs(struct elf_image *out)
{
	u64 size = out->phnum * sizeof(struct abi_elf64_phdr);

	for (u32 i = 0; i < out->nseg && !out->phdr_vaddr; i++) {
		const struct elf_segment *s = &out->seg[i];

		if (out->phoff >= s->offset && out->phoff - s->offset <= s->filesz &&
		    size <= s->filesz - (out->phoff - s->offset))
			out->phdr_vaddr = s->vaddr + (out->phoff - s->offset);
	}
}

int elf_parse_segments(const void *phdrs, size_t n, u64 top, struct elf_image *out)
{
	struct abi_elf64_phdr p;
	int err = 0;

	if (n != out->phnum * sizeof(p))
		return -ENOEXEC;
	for (u32 i = 0; i < out->phnum && !err; i++) {
		memcpy(&p, (const u8 *)phdrs + i * sizeof(p), sizeof(p));
		if (p.p_type == ABI_PT_INTERP)
			err = parse_interp(&p, out);
		else if (p.p_type == ABI_PT_GNU_STACK)
			out->exec_stack = p.p_flags & ABI_PF_X;
		else if (p.p_type == ABI_PT_LOAD)
			err = parse_load(&p, top, out);
	}
	if (err)
		return err;
	if (!out->nseg)
		return -ENOEXEC;
	find_phdrs(out);
	return 0;
}
