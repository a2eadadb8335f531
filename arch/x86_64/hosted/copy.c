/* copy.c - user memory as the kernel reaches it: by the tables, a page at a time
 *
 * The stub is not asked: the frames are this process's memory too. Accessed and dirty bits are set
 * without the space's lock, so an entry that changed meanwhile is looked at again. The frame stays
 * what it is until the copy is over: shoot-downs wait for CPU_COPY.
 */
#include "hosted.h"
#include "string.h"

u64 mach_user_top = STUB_BASE;

/* The kernel's address of a user byte, or null; *room: bytes left in its page. */
static void *user_page(u64 va, u32 access, size_t *room)
{
	struct mach_space *s = cpu_self()->mach.space;
	u64 bits = PTE_A | (access & MACH_WRITE ? PTE_D : 0), *entry, e;

	*room = PAGE_SIZE - (va & (PAGE_SIZE - 1));
	if (unlikely(va >= mach_user_top || !s))
		return NULL;
	entry = space_leaf(s->root, va);
	if (!entry)
		return NULL;
	e = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	do {
		if (!(e & PTE_P) || (access & MACH_WRITE && !(e & PTE_W)))
			return NULL;
	} while ((e & bits) != bits &&
		 !__atomic_compare_exchange_n(entry, &e, e | bits, false, __ATOMIC_ACQ_REL,
					      __ATOMIC_ACQUIRE));
	return (char *)DIRECT(e & PTE_ADDR) + (va & (PAGE_SIZE - 1));
}

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
