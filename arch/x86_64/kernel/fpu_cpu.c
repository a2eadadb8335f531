/* fpu_cpu.c - extended state in the CPU: x87, SSE, AVX, AVX-512 as far as the VMM gives them
 *
 * The kernel itself never uses these registers. A task's state is in the registers of the CPU it
 * runs on (MACH_USER_FPU) or in its xstate area. It is saved when the task is switched away from,
 * and loaded before user mode unless the registers still hold it: xstate_of of the CPU and
 * xstate_cpu of the task name each other. Whoever changes the area in memory sets xstate_cpu to ~0.
 */
#include "fpu.h"
#include "log.h"

#define XCR0_WANTED 0xe7ull /* x87, SSE, AVX, AVX-512 (three parts) */

void fpu_detect(void)
{
	struct x86_cpuid r = x86_cpuid(1, 0);
	u64 size = FPU_LEGACY + FPU_HEADER;

	if (!(r.c & 1u << 26))
		panic("this processor has no XSAVE, which the kernel needs");
	r = x86_cpuid(0xd, 0);
	x86.xcr0 = r.a & XCR0_WANTED;
	/* The three parts of AVX-512 go together, and with AVX. */
	if ((x86.xcr0 & 0xe4) != 0xe4)
		x86.xcr0 &= 7;
	for (u32 i = 2; i < 8; i++) {
		if (!(x86.xcr0 >> i & 1))
			continue;
		r = x86_cpuid(0xd, i);
		size = MAX(size, (u64)r.a + r.b);
	}
	x86.xstate_size = (u32)size;
	x86.xsaveopt = x86_cpuid(0xd, 1).a & 1;
}

static void xsave(u8 *area)
{
	u32 lo = (u32)x86.xcr0, hi = (u32)(x86.xcr0 >> 32);

	if (x86.xsaveopt)
		__asm__ volatile("xsaveopt64 (%0)" ::"r"(area), "a"(lo), "d"(hi) : "memory");
	else
		__asm__ volatile("xsave64 (%0)" ::"r"(area), "a"(lo), "d"(hi) : "memory");
}

static void xrstor(const u8 *area)
{
	u32 lo = (u32)x86.xcr0, hi = (u32)(x86.xcr0 >> 32);

	__asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"(lo), "d"(hi) : "memory");
}

void fpu_suspend(struct mach_user *u)
{
	struct cpu *c = cpu_self();

	xsave(u->xstate);
	u->flags &= ~MACH_USER_FPU;
	u->xstate_cpu = c->id;
	c->mach.xstate_of = u;
}

void fpu_load(struct mach_user *u)
{
	struct cpu *c = cpu_self();

	if (c->mach.xstate_of != u || u->xstate_cpu != c->id)
		xrstor(u->xstate);
	c->mach.xstate_of = u;
	u->flags |= MACH_USER_FPU;
}

void fpu_sync(struct mach_user *u)
{
	if (u->flags & MACH_USER_FPU)
		fpu_suspend(u);
}
