/* user_page.h - where arch/common/ucopy.c finds a user page: by the CPU's TLB */
#pragma once
#include "machine.h"

/* The kernel's address of a user byte, or null; *room: bytes left in its page. */
static inline void *user_page(u64 va, u32 access, size_t *room)
{
	bool present;
	u64 pa;

	if (a_load(&cpu_self()->mode) != CPU_COPY)
		host_fail("user memory is touched without CPU_COPY published");
	pa = tlb_translate(va, access, &present);
	*room = 4096 - (va & 0xfff);
	return pa == PAGE_NONE ? NULL : mach_pa_to_va(PADDR(pa));
}
