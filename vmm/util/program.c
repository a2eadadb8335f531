/* program.c - this program's own addresses, and memory that may not be there */
#include "vmm/util/program.h"

#include <elf.h>
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static uint32_t build_in(const char *note, size_t size)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr head;
		size_t name, whole;
		uint32_t id;

		memcpy(&head, note, sizeof(head));
		name = (head.n_namesz + 3u) & ~3u;
		whole = sizeof(head) + name + ((head.n_descsz + 3u) & ~3u);
		if (whole > size)
			return 0;
		if (head.n_type == NT_GNU_BUILD_ID && head.n_descsz >= sizeof(id)) {
			memcpy(&id, note + sizeof(head) + name, sizeof(id));
			return __builtin_bswap32(id);
		}
		note += whole;
		size -= whole;
	}
	return 0;
}

uint32_t program_build(void)
{
	const Elf64_Ehdr *eh = (const void *)__ehdr_start;
	const Elf64_Phdr *ph = (const void *)(__ehdr_start + eh->e_phoff);
	uint32_t build = 0;

	for (unsigned i = 0; !build && i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_NOTE && ph[i].p_align <= 4)
			build = build_in(__ehdr_start + ph[i].p_vaddr, ph[i].p_memsz);
	return build;
}

bool program_offset(uint64_t va, uint64_t *offset)
{
	*offset = va - (uint64_t)__ehdr_start;
	return va >= (uint64_t)__ehdr_start && va < (uint64_t)_end;
}

/* A futex call looks at a word without more than EFAULT to fear, and every filter allows it. */
static bool readable(uint64_t va)
{
	struct timespec none = {0};

	return !syscall(SYS_futex, va & ~3ull, FUTEX_WAIT_PRIVATE, 0x7265616c, &none, NULL, 0) ||
	       errno != EFAULT;
}

bool program_read(uint64_t va, void *to, size_t len)
{
	if (!len || va + len < va)
		return false;
	for (uint64_t at = va & ~(uint64_t)(PAGE - 1); at < va + len; at += PAGE)
		if (!readable(at < va ? va : at))
			return false;
	memcpy(to, (const void *)va, len);
	return true;
}
