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
