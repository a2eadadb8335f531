/* machine_inline.h - see machine_types.h beside it */
#pragma once

static inline struct cpu *cpu_self(void)
{
	struct cpu *c;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(c));
	return c;
}
static inline struct task *cpu_current(void)
{
	return cpu_self()->curr;
}
static inline void mach_relax(void)
{
	__asm__ volatile("yield" ::: "memory");
}
void mach_run_user(struct mach_user *u, struct mach_exit *why);
static inline u64 mach_syscall_nr(const struct mach_user *u)
{
	return u->x[8];
}
static inline u64 mach_syscall_arg(const struct mach_user *u, unsigned i)
{
	return u->x[i];
}
static inline void mach_syscall_set_result(struct mach_user *u, long r)
{
	u->x[0] = (u64)r;
}
static inline void *mach_pa_to_va(paddr_t pa)
{
	return (void *)(pa.pa + 0xffff800000000000ull);
}
