/* user_page.h - where arch/common/ucopy.c finds a user page: by the tables
 *
 * The stub is not asked: the frames are this process's memory too. Accessed and dirty bits are set
 * without the space's lock, so an entry that changed meanwhile is looked at again.
 */
#pragma once
#include "hosted.h"

/* The kernel's address of a user byte, or null; *room: bytes left in its page. */
static inline void *user_page(u64 va, u32 access, size_t *room)
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
