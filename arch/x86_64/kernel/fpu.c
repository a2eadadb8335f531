/* fpu.c - extended state in memory: a task's xstate area, in XSAVE's standard format, which is also
 * what signal frames hold. Where the state is while the task runs is the machine's (fpu_cpu.c
 * here).
 */
#include "fpu.h"
#include "abi_arch/sigframe.h"
#include "log.h"
#include "slab.h"
#include "string.h"

#define XCR0_FP	 1ull
#define XCR0_SSE 2ull
#define NOBODY	 (~0u)

static struct slab_cache *fpu_cache; /* [a] null: areas come from kmalloc, which aligns them */

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
