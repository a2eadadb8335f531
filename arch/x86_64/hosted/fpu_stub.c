/* fpu_stub.c - extended state between a stub and a task's memory
 *
 * When the application is interrupted by a signal, the host writes its extended state into the
 * frame, in the area of its CPU. It stays there (MACH_USER_FPU, .live) until the task is switched
 * away from or the state is wanted; going on, the stub loads it from where it is. All of an area is
 * the application's word: what is copied from there is checked before it counts as a state.
 */
#include "../kernel/fpu.h"
#include "hosted.h"
#include "log.h"
#include "string.h"
#include "task.h"

#define XCR0_WANTED 0xe7ull /* x87, SSE, AVX, AVX-512 (three parts) */

void fpu_detect(void)
{
	struct x86_cpuid r = x86_cpuid(1, 0);
	u64 size = FPU_LEGACY + FPU_HEADER;
	u32 lo, hi;

	if (!(r.c & 1u << 27))
		panic("this host has no XSAVE, which the kernel needs");
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	x86.xcr0 = lo & XCR0_WANTED;
	/* The three parts of AVX-512 go together, and with AVX. */
	if ((x86.xcr0 & 0xe4) != 0xe4)
		x86.xcr0 &= 7;
	for (u32 i = 2; i < 8; i++) {
		if (!(x86.xcr0 >> i & 1))
			continue;
		r = x86_cpuid(0xd, i);
		size = MAX(size, (u64)r.a + r.b);
	}
	if (size > STUB_AREA_STACK - STUB_AREA_FPU)
		panic("the extended state of this CPU is too large: %lu bytes", size);
	x86.xstate_size = (u32)size;
}

void fpu_suspend(struct mach_user *u)
{
	memcpy(u->xstate, u->live, x86.xstate_size);
	u->flags &= ~MACH_USER_FPU;
	if (fpu_accept(u, true))
		fpu_reset(u);
}

void fpu_sync(struct mach_user *u)
{
	if (u->flags & MACH_USER_FPU)
		fpu_suspend(u);
}

void fpu_to_stub(struct mach_user *u, struct stub_area *a)
{
	u8 *base = (u8 *)a;

	if (!(u->flags & MACH_USER_FPU)) {
		memcpy(base + STUB_AREA_FPU, u->xstate, x86.xstate_size);
		u->live = base + STUB_AREA_FPU;
		u->flags |= MACH_USER_FPU;
	}
	a->fpu = (u32)(u->live - base);
}
