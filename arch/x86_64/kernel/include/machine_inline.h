/* machine_inline.h - what must be inline: included by cpu.h once struct cpu is complete */
#pragma once

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
/* User mode brings back no register but rsp and rbp: the caller keeps nothing in the others, so
 * that none is saved on the way out and restored on the way in. */
static inline void mach_run_user(struct mach_user *u, struct mach_exit *why)
{
	u32 cause;

	__asm__ volatile("call user_enter"
			 : "=a"(cause), "+D"(u)
			 :
			 : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "memory", "cc");
	why->cause = (enum mach_cause)cause;
}
static inline void *mach_pa_to_va(paddr_t pa)
{
	return (void *)(pa.pa + 0xffff800000000000ull);
}
