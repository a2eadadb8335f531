/* machine_inline.h - the scripted machine's inline part: included by cpu.h */
#pragma once

extern struct cpu *vcpu_current; /* the virtual CPU whose turn it is */
extern char *machine_ram;	 /* host address of guest-physical ABI_GPA_RAM */

static inline struct cpu *cpu_self(void)
{
	return vcpu_current;
}
static inline struct task *cpu_current(void)
{
	return vcpu_current->curr;
}
void mach_relax(void);
void mach_run_user(struct mach_user *u, struct mach_exit *why);
static inline u64 mach_syscall_nr(const struct mach_user *u)
{
	return u->nr;
}
static inline u64 mach_syscall_arg(const struct mach_user *u, unsigned i)
{
	return u->arg[i];
}
static inline void mach_syscall_set_result(struct mach_user *u, long r)
{
	u->result = r;
}
static inline void *mach_pa_to_va(paddr_t pa)
{
	return machine_ram + (pa.pa - ABI_GPA_RAM);
}
