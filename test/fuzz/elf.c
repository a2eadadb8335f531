/* elf.c - hostile ELF headers: what the parser accepts keeps its promises */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "task/elf_parse.h"
#include "abi/linux/elf.h"

#define TOP 0x7ffffffff000ull

static void check(int good)
{
	if (!good)
		abort();
}

static void check_image(const struct elf_image *e)
{
	check(e->nseg > 0 && e->nseg <= ELF_SEG_MAX);
	check(e->low < e->high && e->high <= TOP);
	check(e->low % PAGE_SIZE == 0 && e->high % PAGE_SIZE == 0);
	check((e->align & (e->align - 1)) == 0 && e->align >= PAGE_SIZE && e->align < TOP);
	check(e->interp_len <= ELF_PATH_MAX && e->interp_off <= INT64_MAX - e->interp_len);
	for (u32 i = 0; i < e->nseg; i++) {
		const struct elf_segment *s = &e->seg[i];

		check(s->memsz > 0 && s->filesz <= s->memsz);
		check(s->vaddr >= e->low && s->vaddr < e->high && s->memsz <= e->high - s->vaddr);
		check(s->offset <= INT64_MAX - s->filesz);
		check(((s->offset ^ s->vaddr) & ~PAGE_MASK) == 0);
		check(s->prot <= 7);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct elf_image e;
	size_t head = sizeof(struct abi_elf64_ehdr), n;

	if (elf_parse_header(data, size, &e))
		return 0;
	/* The input goes on with the program headers, wherever the header says they are. */
	n = e.phnum * sizeof(struct abi_elf64_phdr);
	if (size - head < n)
		return 0;
	if (!elf_parse_segments(data + head, n, TOP, &e))
		check_image(&e);
	return 0;
}
