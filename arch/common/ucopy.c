/* ucopy.c - user memory as a kernel without the CPU's translation reaches it: a page at a time
 *
 * For machines whose page tables are software: each offers user_page.h, with
 *   static inline void *user_page(u64 va, u32 access, size_t *room)
 * the kernel's address of a user byte, or null, and how many bytes are left in its page. The page
 * stays what it is until the copy is over: shoot-downs wait for CPU_COPY.
 * Tests: test/machine, test/abi under --platform=systrap
 */
#include "user_page.h"
#include "string.h"

size_t mach_copy_in(void *dst, u64 src_va, size_t n)
{
	while (n) {
		size_t room;
		const void *p = user_page(src_va, MACH_READ, &room);

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
		void *p = user_page(dst_va, MACH_WRITE, &room);

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
		void *p = user_page(dst_va, MACH_WRITE, &room);

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
		size_t room, i;
		const volatile char *p = user_page(src_va + *len, MACH_READ, &room);

		if (!p)
			return;
		room = MIN(room, n);
		/* each byte is read once: the application may write meanwhile */
		for (i = 0; i < room && !*found; i++) {
			dst[*len + i] = p[i];
			*found = !dst[*len + i];
		}
		*len += *found ? i - 1 : i;
		n -= room;
	}
}

int mach_cmpxchg_user(u64 va, u32 *expected, u32 desired)
{
	size_t room;
	u32 *p = va & 3 ? NULL : user_page(va, MACH_READ | MACH_WRITE, &room);

	if (!p)
		return -EFAULT;
	__atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	return 0;
}

int mach_load_user32(u64 va, u32 *value)
{
	size_t room;
	u32 *p = va & 3 ? NULL : user_page(va, MACH_READ, &room);

	if (!p)
		return -EFAULT;
	*value = __atomic_load_n(p, __ATOMIC_SEQ_CST);
	return 0;
}
