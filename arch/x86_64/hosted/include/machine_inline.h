/* machine_inline.h - what must be inline: included by cpu.h once struct cpu is complete
 *
 * The C library finds its thread by FS and leaves GS alone: a thread that is a virtual CPU has its
 * struct cpu there. */
#pragma once

void mach_run_user(struct mach_user *u, struct mach_exit *why); /* run.c */

static inline struct cpu *cpu_self(void)
{
	struct cpu *c;

	/* volatile: a task that blocked may go on elsewhere, so no value outlives a block */
	__asm__ volatile("movq %%gs:%c1, %0" : "=r"(c) : "i"(offsetof(struct cpu, self)));
	return c;
}
static inline struct task *cpu_current(void)
{
	struct task *t;

	/* not volatile: whatever CPU it runs on, a task is itself */
	__asm__("movq %%gs:%c1, %0" : "=r"(t) : "i"(offsetof(struct cpu, curr)));
	return t;
}
static inline void mach_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}
static inline u64 mach_syscall_nr(const struct mach_user *u)
{
	return (u32)u->orig_rax; /* as Linux: the upper half is ignored */
}
static inline u64 mach_syscall_arg(const struct mach_user *u, unsigned i)
{
	switch (i) {
	case 0:
		return u->rdi;
	case 1:
		return u->rsi;
	case 2:
		return u->rdx;
	case 3:
		return u->r10;
	case 4:
		return u->r8;
	default:
		return u->r9;
	}
}
static inline void mach_syscall_set_result(struct mach_user *u, long r)
{
	u->rax = (u64)r;
}
static inline void *mach_pa_to_va(paddr_t pa)
{
	return (void *)(pa.pa + HOSTED_DIRECT);
}
