/* ctx.c - the switch between kernel contexts, and what of a user state lives in the CPU's bases */
#include "fpu.h"
#include "log.h"
#include "task.h"
#include "string.h"

void bases_save(struct mach_user *u)
{
	/* Without these instructions only arch_prctl(2) changes a base, and stores it. */
	if (!x86.fsgsbase)
		return;
	u->fs_base = x86_rdfsbase();
	u->gs_base = x86_rdgsbase_user();
}

void bases_load(const struct mach_user *u)
{
	if (x86.fsgsbase) {
		x86_wrfsbase(u->fs_base);
		x86_wrgsbase_user(u->gs_base);
		return;
	}
	x86_wrmsr(MSR_FS_BASE, u->fs_base);
	x86_wrmsr(MSR_KERNEL_GS_BASE, u->gs_base);
}

void mach_ctx_switch(struct task *prev, struct task *next)
{
	struct cpu *c = cpu_self();

	if (prev->user.xstate) {
		if (prev->user.flags & MACH_USER_FPU)
			fpu_suspend(&prev->user);
		bases_save(&prev->user);
	}
	if (next->user.xstate)
		bases_load(&next->user);
	c->curr = next;
	c->mach.user_frame = (u64)next->user.frame_end;
	memcpy(c->mach.tss_rsp0, &c->mach.user_frame, sizeof(u64));
	ctx_swap(&prev->ctx.sp, next->ctx.sp);
}

void mach_ctx_init(struct task *t, void (*fn)(void *arg), void *arg)
{
	u64 *sp = (u64 *)(void *)((char *)t->kstack + KSTACK_SIZE);

	*--sp = 0; /* ends the chain of frames, and aligns the stack for ctx_start's call */
	*--sp = 0;
	*--sp = (u64)ctx_start;
	*--sp = 0;	  /* rbp */
	*--sp = 0;	  /* rbx */
	*--sp = (u64)fn;  /* r12 */
	*--sp = (u64)arg; /* r13 */
	*--sp = 0;	  /* r14 */
	*--sp = 0;	  /* r15 */
	t->ctx.sp = (u64)sp;
}

size_t mach_backtrace(const struct task *t, u64 *pc, size_t max)
{
	const u64 *fp = t ? (const u64 *)t->ctx.sp + 5 : __builtin_frame_address(0);
	u64 low = (u64)fp & ~(KSTACK_SIZE - 1ul), high = low + KSTACK_SIZE;
	size_t n = 0;

	/* The saved rbp and the return address lie side by side, as in any frame. */
	while (n < max && (u64)fp >= low && (u64)fp < high - 8 && !((u64)fp & 7) && fp[1]) {
		pc[n++] = fp[1];
		if (fp[0] <= (u64)fp)
			break;
		fp = (const u64 *)fp[0];
	}
	return n;
}
