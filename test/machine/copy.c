/* copy.c - user memory as the kernel reaches it: through the CPU's TLB, a page at a time */
#include "machine.h"
#include "string.h"

/* The kernel's address of a user byte, or null; *room: bytes left in its page. */
static void *user_page(u64 va, u32 access, size_t *room)
{
	bool present;
	u64 pa;

	if (a_load(&cpu_self()->mode) != CPU_COPY)
		host_fail("user memory is touched without CPU_COPY published");
	pa = tlb_translate(va, access, &present);
	*room = 4096 - (va & 0xfff);
	return pa == PAGE_NONE ? NULL : mach_pa_to_va(PADDR(pa));
}

size_t mach_copy_in(void *dst, u64 src_va, size_t n)
{
	while (n) {
		size_t room;
		char *p = user_page(src_va, MACH_READ, &room);

		if (!p)
			break;
		room = MIN(room, n);
		memcpy(dst, p, room);
		dst = (char *)dst + room;
		src_va += room;
		n -= room;
	}
	return n;
}

size_t mach_copy_out(u64 dst_va, const void *src, size_t n)
{
	while (n) {
		size_t room;
		char *p = user_page(dst_va, MACH_WRITE, &room);

		if (!p)
			break;
		room = MIN(room, n);
		memcpy(p, src, room);
		src = (const char *)src + room;
		dst_va += room;
		n -= room;
	}
	return n;
}

size_t mach_zero_out(u64 dst_va, size_t n)
{
	while (n) {
		size_t room;
		char *p = user_page(dst_va, MACH_WRITE, &room);

		if (!p)
			break;
		room = MIN(room, n);
		memset(p, 0, room);
		dst_va += room;
		n -= room;
	}
	return n;
}

void mach_copy_str(char *dst, u64 src_va, size_t n, size_t *len, bool *found)
{
	*len = 0;
	*found = false;
	while (n && !*found) {
		size_t room;
		char *p = user_page(src_va + *len, MACH_READ, &room);
		char *nul;

		if (!p)
			return;
		room = MIN(room, n);
		nul = memchr(p, 0, room);
		*found = nul;
		memcpy(dst + *len, p, nul ? (size_t)(nul - p) + 1 : room);
		*len += nul ? (size_t)(nul - p) : room;
		n -= room;
	}
}

int mach_cmpxchg_user(u64 va, u32 *expected, u32 desired)
{
	size_t room;
	u32 *p = user_page(va, MACH_READ | MACH_WRITE, &room);

	if (!p)
		return -EFAULT;
	__atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	return 0;
}

int mach_load_user32(u64 va, u32 *value)
{
	size_t room;
	u32 *p = user_page(va, MACH_READ, &room);

	if (!p)
		return -EFAULT;
	*value = __atomic_load_n(p, __ATOMIC_SEQ_CST);
	return 0;
}
