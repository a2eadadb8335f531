/* trap.c - what brought the CPU into the kernel
 *
 * From user mode: filled into struct mach_exit, as Linux would put it into siginfo. From the
 * kernel: interrupts that mach_idle() or mach_poll() let in, and page faults at the few
 * instructions that touch the application's memory (ucopy.S); anything else is a bug and panics.
 */
#include "abi/linux/signal.h"
#include "kernel.h"
#include "log.h"
#include "task.h"

/* Signal and code of exceptions that need no look at registers; sig 0: a panic even from user mode.
 */
static const struct {
	u8 sig;
	u8 code;
	bool at_pc; /* si_addr is the instruction's address */
} user_traps[32] = {
	[VEC_DE] = {ABI_SIGFPE, ABI_FPE_INTDIV, true},
	[VEC_BP] = {ABI_SIGTRAP, ABI_SI_KERNEL, false},
	[VEC_OF] = {ABI_SIGSEGV, ABI_SI_KERNEL, false},
	[VEC_BR] = {ABI_SIGSEGV, ABI_SI_KERNEL, false},
	[VEC_UD] = {ABI_SIGILL, ABI_ILL_ILLOPN, true},
	[VEC_TS] = {ABI_SIGSEGV, ABI_SI_KERNEL, false},
	[VEC_NP] = {ABI_SIGBUS, ABI_SI_KERNEL, false},
	[VEC_SS] = {ABI_SIGBUS, ABI_SI_KERNEL, false},
	[VEC_GP] = {ABI_SIGSEGV, ABI_SI_KERNEL, false},
	[VEC_AC] = {ABI_SIGBUS, ABI_BUS_ADRALN, false},
};

/* The code of an unmasked floating-point exception: the first in the order of the manuals. */
static int fpe_code(u32 raised)
{
	if (raised & 1)
		return ABI_FPE_FLTINV;
	if (raised & 4)
		return ABI_FPE_FLTDIV;
	if (raised & 8)
		return ABI_FPE_FLTOVF;
	if (raised & (2 | 16))
		return ABI_FPE_FLTUND;
	return raised & 32 ? ABI_FPE_FLTRES : ABI_SI_KERNEL;
}

static void trap_fpe(struct mach_user *u, struct mach_exit *why)
{
	u16 fcw, fsw;
	u32 mxcsr;

	why->sig = ABI_SIGFPE;
	why->addr = u->rip;
	if (u->vector == VEC_MF) {
		__asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(fcw), "=m"(fsw));
		why->code = fpe_code(fsw & ~fcw & 0x3f);
	} else {
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		why->code = fpe_code(mxcsr & ~(mxcsr >> 7) & 0x3f);
	}
}

static void trap_debug(struct mach_user *u, struct mach_exit *why)
{
	u64 dr6;

	__asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("movq %0, %%dr6" ::"r"(0xffff0ff0ul));
	why->sig = ABI_SIGTRAP;
	why->code = dr6 & 1u << 14 ? ABI_TRAP_TRACE : ABI_TRAP_BRKPT;
	why->addr = u->rip;
}

static void trap_page_fault(struct mach_user *u, struct mach_exit *why, u64 addr)
{
	if (u->error & PF_RSVD)
		trap_panic(u, "reserved bit in a page-table entry");
	why->addr = addr;
	why->present = u->error & PF_PRESENT;
	why->access = u->error & PF_WRITE   ? MACH_WRITE
		      : u->error & PF_FETCH ? MACH_EXEC
					    : MACH_READ;
}

u32 user_trap(void)
{
	struct mach_user *u = &cpu_current()->user;
	struct mach_exit *why = &cpu_current()->why;
	u32 vector = (u32)u->vector;

	if (vector >= VEC_IRQ) {
		irq_dispatch(vector);
		return MACH_INTERRUPT;
	}
	why->vector = vector;
	why->error = (u32)u->error;
	if (vector == VEC_PF) {
		trap_page_fault(u, why, x86_cr2());
		return MACH_FAULT;
	}
	why->addr = 0;
	if (vector == VEC_MF || vector == VEC_XF) {
		trap_fpe(u, why);
	} else if (vector == VEC_DB) {
		trap_debug(u, why);
	} else if (user_traps[vector].sig) {
		why->sig = user_traps[vector].sig;
		why->code = user_traps[vector].code;
		why->addr = user_traps[vector].at_pc ? u->rip : 0;
	} else {
		trap_panic(u, "unexpected exception in user mode");
	}
	return MACH_TRAP;
}

/* The task asked to go on at an address that iretq would refuse: as the #GP it would get. */
u32 user_bad_pc(void)
{
	struct mach_exit *why = &cpu_current()->why;

	why->vector = VEC_GP;
	why->error = 0;
	why->sig = ABI_SIGSEGV;
	why->code = ABI_SI_KERNEL;
	why->addr = 0;
	return MACH_TRAP;
}

static bool fix_up(struct mach_user *f)
{
	for (const struct extable_entry *e = extable_start; e < extable_end; e++) {
		if ((u64)&e->at + (u64)(s64)e->at == f->rip) {
			f->rip = (u64)&e->fix + (u64)(s64)e->fix;
			return true;
		}
	}
	return false;
}

void kernel_trap(struct mach_user *f)
{
	if (f->vector >= VEC_IRQ) {
		irq_dispatch((u32)f->vector);
		/* What the handler has woken must not find this CPU asleep: see apic.c. */
		if (f->rip == (u64)idle_halt_hlt)
			f->rip++;
		return;
	}
	if (f->vector == VEC_PF && x86_cr2() < mach_user_top && !(f->error & PF_RSVD) && fix_up(f))
		return;
	/* A non-canonical address cannot come from here: ucopy.c has checked the range. */
	trap_panic(f, "exception in the kernel");
}

void ist_trap(struct mach_user *f)
{
	switch (f->vector) {
	case VEC_DB:
		/* Single-step state that reached ring 0: a debug trap there is nobody's. */
		f->rflags &= ~FLAG_TF;
		__asm__ volatile("movq %0, %%dr6" ::"r"(0xffff0ff0ul));
		return;
	case VEC_NMI:
		return;
	case VEC_DF:
		trap_panic(f, "double fault: is the kernel stack too small?");
	default:
		trap_panic(f, "machine check");
	}
}
