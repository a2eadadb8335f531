/* fpu.c - extended state: x87, SSE, AVX, AVX-512 as far as the CPU and the VMM give them
 *
 * The kernel itself never uses these registers. A task's state is in the registers of the CPU it
 * runs on (MACH_USER_FPU) or in its xstate area. It is saved when the task is switched away from,
 * and loaded before user mode unless the registers still hold it: xstate_of of the CPU and
 * xstate_cpu of the task name each other. Whoever changes the area in memory sets xstate_cpu to ~0.
 * The area is XSAVE's standard format, which is also what signal frames hold.
 */
#include "fpu.h"
#include "abi_arch/sigframe.h"
#include "log.h"
#include "slab.h"
#include "string.h"

#define XCR0_FP	    1ull
#define XCR0_SSE    2ull
#define XCR0_WANTED 0xe7ull /* x87, SSE, AVX, AVX-512 (three parts) */
#define NOBODY	    (~0u)

static struct slab_cache *fpu_cache; /* [a] null: areas come from kmalloc, which aligns them */

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

static void fpu_init_area(u8 *area)
{
	static const u16 fcw = 0x37f;
	static const u32 mxcsr = FPU_MXCSR_INIT;

	memset(area, 0, x86.xstate_size);
	memcpy(area, &fcw, sizeof(fcw));
	memcpy(area + FPU_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(area + FPU_MXCSR_MASK, &(u32){0xffff}, sizeof(u32));
}

void fpu_reset(struct mach_user *u)
{
	u->flags &= ~MACH_USER_FPU;
	u->xstate_cpu = NOBODY;
	fpu_init_area(u->xstate);
}

void fpu_copy(struct mach_user *child, struct mach_user *parent)
{
	fpu_sync(parent);
	child->flags &= ~MACH_USER_FPU;
	child->xstate_cpu = NOBODY;
	memcpy(child->xstate, parent->xstate, x86.xstate_size);
}

/* Slabs hold small areas; kmalloc's larger ones are whole frames, so aligned anyway. */
int fpu_alloc(struct mach_user *u)
{
	struct slab_cache *cache = __atomic_load_n(&fpu_cache, __ATOMIC_ACQUIRE);

	if (x86.xstate_size <= 2048 && !cache) {
		cache = slab_cache_create("xstate", x86.xstate_size, 64);
		__atomic_store_n(&fpu_cache, cache, __ATOMIC_RELEASE);
	}
	u->xstate = x86.xstate_size <= 2048 ? slab_alloc(cache) : kmalloc(x86.xstate_size);
	if (!u->xstate)
		return -ENOMEM;
	kassert(!((u64)u->xstate & 63));
	fpu_reset(u);
	return 0;
}

void fpu_free(struct mach_user *u)
{
	if (!u->xstate)
		return;
	if (x86.xstate_size <= 2048)
		slab_free(fpu_cache, u->xstate);
	else
		kfree(u->xstate);
	u->xstate = NULL;
}

/* Components in their initial state are not written by XSAVE: what a debugger or a handler reads
 * there must be that state all the same. */
void fpu_fill_init(struct mach_user *u)
{
	u8 *area = u->xstate;
	u64 *bv = (u64 *)(void *)(area + FPU_LEGACY);

	for (u32 i = 2; i < 8; i++) {
		struct x86_cpuid r;

		if (!(x86.xcr0 >> i & 1) || *bv >> i & 1)
			continue;
		r = x86_cpuid(0xd, i);
		memset(area + r.b, 0, r.a);
	}
	if (!(*bv & XCR0_FP)) {
		static const u16 fcw = 0x37f;

		memset(area, 0, FPU_MXCSR);
		memset(area + 32, 0, 128);
		memcpy(area, &fcw, sizeof(fcw));
	}
	if (!(*bv & XCR0_SSE))
		memset(area + 160, 0, 256);
}

/* A state that came from the application, in u->xstate: made safe to load, or -EINVAL. full: it
 * has a header and size bytes; else only the legacy part, and the rest is initial. */
int fpu_accept(struct mach_user *u, bool full)
{
	u8 *area = u->xstate;
	u64 header[8];
	u32 mxcsr;

	memcpy(header, area + FPU_LEGACY, sizeof(header));
	if (!full) {
		memset(header, 0, sizeof(header));
		header[0] = XCR0_FP | XCR0_SSE;
	}
	header[0] &= x86.xcr0;
	/* xcomp_bv and the reserved words: a compacted or unknown image would fault in ring 0. */
	for (u32 i = 1; i < 8; i++)
		if (header[i])
			return -EINVAL;
	memcpy(area + FPU_LEGACY, header, sizeof(header));
	memcpy(&mxcsr, area + FPU_MXCSR, sizeof(mxcsr));
	mxcsr &= fpu_mxcsr_mask();
	memcpy(area + FPU_MXCSR, &mxcsr, sizeof(mxcsr));
	memset(area + ABI_FPX_SW_OFFSET, 0, sizeof(struct abi_fpx_sw));
	u->flags &= ~MACH_USER_FPU;
	u->xstate_cpu = NOBODY;
	return 0;
}

u32 fpu_mxcsr_mask(void)
{
	static u32 mask; /* the same on all CPUs */
	u8 image[512] aligned_to(16) = {0};

	if (!mask) {
		u32 m;

		__asm__ volatile("fxsave64 %0" : "=m"(image));
		memcpy(&m, image + FPU_MXCSR_MASK, sizeof(m));
		mask = m ? m : 0xffbf;
	}
	return mask;
}
