/* user.c - a task's user state: the same on every machine whose user mode is an x86-64 CPU */
#include "fpu.h"
#include "log.h"
#include "string.h"
#include "task.h"
#include "uaccess.h"
#include "abi_arch/prctl.h"

_Static_assert(offsetof(struct task, user) == 0, "the machine finds a task by its user state");

static bool is_current(const struct mach_user *u)
{
	return u == &cpu_current()->user;
}

int mach_user_init(struct mach_user *u)
{
	memset(u, 0, sizeof(*u));
	u->orig_rax = ~0ull;
	u->cs = SEL_USER_CS;
	u->ss = SEL_USER_DS;
	u->rflags = FLAG_IF | 2;
	return fpu_alloc(u);
}

void mach_user_free(struct mach_user *u)
{
	fpu_free(u);
}

void mach_user_exec(struct mach_user *u, u64 pc, u64 sp)
{
	u8 *xstate = u->xstate;

	memset(u, 0, sizeof(*u));
	u->xstate = xstate;
	u->orig_rax = ~0ull;
	u->rip = pc;
	u->rsp = sp;
	u->cs = SEL_USER_CS;
	u->ss = SEL_USER_DS;
	u->rflags = FLAG_IF | 2;
	fpu_reset(u);
	if (is_current(u))
		bases_load(u);
}

void mach_user_fork(struct mach_user *child, struct mach_user *parent, u64 sp, bool set_tls,
		    u64 tls)
{
	u8 *xstate = child->xstate;

	if (is_current(parent))
		bases_save(parent);
	fpu_copy(child, parent);
	*child = *parent;
	child->xstate = xstate;
	child->xstate_cpu = ~0u;
	child->flags &= ~(MACH_USER_FPU | MACH_USER_STEP);
	child->rax = 0;
	if (parent->flags & MACH_USER_STEP)
		child->rflags &= ~FLAG_TF;
	if (sp)
		child->rsp = sp;
	if (set_tls)
		child->fs_base = tls;
}

/* sysret takes rip and rflags from rcx and r11: once either differs, iret is the way back. */
static void leave_by_iret(struct mach_user *u)
{
	if (u->vector == VEC_SYSCALL)
		u->vector = 0;
}

u64 mach_user_pc(const struct mach_user *u)
{
	return u->rip;
}

u64 mach_user_sp(const struct mach_user *u)
{
	return u->rsp;
}

void mach_user_set_pc(struct mach_user *u, u64 pc)
{
	leave_by_iret(u);
	u->rip = pc;
}

void mach_user_step(struct mach_user *u, bool on)
{
	leave_by_iret(u);
	u->rflags = on ? u->rflags | FLAG_TF : u->rflags & ~FLAG_TF;
	u->flags = on ? u->flags | MACH_USER_STEP : u->flags & ~MACH_USER_STEP;
}

/* The instruction is two bytes long: rip stays canonical, so sysret remains possible. */
void mach_syscall_restart(struct mach_user *u)
{
	u->rax = u->orig_rax;
	u->rip -= 2;
}

void mach_syscall_restart_block(struct mach_user *u)
{
	u->rax = 219; /* restart_syscall(2) */
	u->rip -= 2;
}

long mach_syscall_result(const struct mach_user *u)
{
	return (long)u->rax;
}

bool mach_in_syscall(const struct mach_user *u)
{
	return u->orig_rax != ~0ull;
}

long mach_arch_prctl(int code, uaddr_t addr)
{
	struct mach_user *u = &cpu_current()->user;

	bases_save(u);
	switch (code) {
	case ABI_ARCH_SET_FS:
	case ABI_ARCH_SET_GS:
		if (addr.va >= mach_user_top)
			return -EPERM;
		*(code == ABI_ARCH_SET_FS ? &u->fs_base : &u->gs_base) = addr.va;
		bases_load(u);
		return 0;
	case ABI_ARCH_GET_FS:
		return put_user64(addr, u->fs_base);
	case ABI_ARCH_GET_GS:
		return put_user64(addr, u->gs_base);
	case ABI_ARCH_GET_CPUID:
		return 1; /* CPUID is allowed, and the virtual CPU cannot make it fault */
	case ABI_ARCH_SET_CPUID:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}
