/* sigframe.c - signal frames in Linux's format (abi_arch/sigframe.h draws them)
 *
 * Building: registers and extended state are copied below the given stack pointer, and the task
 * enters the handler with initial extended state. Returning: everything in the frame is hostile.
 * Selectors are not taken from it, flags are masked, the XSAVE image is copied into the task's area
 * and checked there (fpu.c) before any instruction loads it.
 * Sleeps: copies to and from the application do; the extended state is in memory by then.
 * Tests: test/abi/x86_64/sigframe.c
 */
#include "fpu.h"
#include "abi_arch/sigframe.h"
#include "abi/linux/signal.h"
#include "string.h"
#include "task.h"
#include "uaccess.h"

#define RED_ZONE     128u
#define RETURN_FLAGS (FLAG_USER_MASK & ~FLAG_ID)

size_t mach_signal_frame_max(void)
{
	size_t n = sizeof(struct abi_rt_sigframe) + x86.xstate_size + ABI_FP_XSTATE_MAGIC2_SIZE;

	return ROUND_UP(n + 64 + 16 + 8, 16);
}

static void save_registers(struct abi_sigcontext *sc, const struct mach_user *u,
			   const struct mach_sigframe *f, u64 fpstate)
{
	*sc = (struct abi_sigcontext){
		.r8 = u->r8,
		.r9 = u->r9,
		.r10 = u->r10,
		.r11 = u->r11,
		.r12 = u->r12,
		.r13 = u->r13,
		.r14 = u->r14,
		.r15 = u->r15,
		.rdi = u->rdi,
		.rsi = u->rsi,
		.rbp = u->rbp,
		.rbx = u->rbx,
		.rdx = u->rdx,
		.rax = u->rax,
		.rcx = u->rcx,
		.rsp = u->rsp,
		.rip = u->rip,
		.eflags = u->rflags,
		.cs = SEL_USER_CS,
		.ss = SEL_USER_DS,
		.oldmask = f->old_mask,
		.fpstate = fpstate,
	};
	if (f->why && (f->why->cause == MACH_FAULT || f->why->cause == MACH_TRAP)) {
		sc->err = f->why->error;
		sc->trapno = f->why->vector;
		sc->cr2 = f->why->cause == MACH_FAULT ? f->why->addr : 0;
	}
}

static int save_xstate(struct mach_user *u, u64 fpstate)
{
	struct abi_fpx_sw sw = {
		.magic1 = ABI_FP_XSTATE_MAGIC1,
		.extended_size = x86.xstate_size + ABI_FP_XSTATE_MAGIC2_SIZE,
		.xfeatures = x86.xcr0,
		.xstate_size = x86.xstate_size,
	};
	u64 *bv = (u64 *)(void *)(u->xstate + FPU_LEGACY);

	fpu_sync(u);
	fpu_fill_init(u);
	*bv |= 3; /* a handler may change the legacy part and know nothing of the header */
	memcpy(u->xstate + ABI_FPX_SW_OFFSET, &sw, sizeof(sw));
	if (copy_out(UADDR(fpstate), u->xstate, x86.xstate_size))
		return -EFAULT;
	return put_user32(UADDR(fpstate + x86.xstate_size), ABI_FP_XSTATE_MAGIC2);
}

static void enter_handler(struct mach_user *u, const struct mach_sigframe *f, u64 frame)
{
	u->rip = f->act->handler;
	u->rsp = frame;
	u->rdi = (u64)f->sig;
	u->rsi = frame + offsetof(struct abi_rt_sigframe, info);
	u->rdx = frame + offsetof(struct abi_rt_sigframe, uc);
	u->rax = 0;
	u->rflags &= ~(FLAG_DF | FLAG_RF | FLAG_TF);
	u->orig_rax = ~0ull;
	/* A handler expects nothing in rcx and r11, so sysret will do. */
	u->vector = u->rip < mach_user_top ? VEC_SYSCALL : 0;
	fpu_reset(u);
}

int mach_signal_build(struct mach_user *u, const struct mach_sigframe *f)
{
	struct abi_rt_sigframe frame = {0};
	size_t size = offsetof(struct abi_rt_sigframe, info);
	u64 sp = f->on_altstack ? f->sp : f->sp - RED_ZONE;
	u64 fpstate = (sp - x86.xstate_size - ABI_FP_XSTATE_MAGIC2_SIZE) & ~63ull;
	u64 at = ((fpstate - sizeof(frame)) & ~15ull) - 8;

	if (!(f->act->flags & ABI_SA_RESTORER) || at > f->sp || f->sp > mach_user_top)
		return -EFAULT;
	if (f->on_altstack && at < f->stack->ss_sp)
		return -EFAULT;
	if (save_xstate(u, fpstate))
		return -EFAULT;
	frame.pretcode = f->act->restorer;
	frame.uc.uc_flags = ABI_UC_FP_XSTATE | ABI_UC_SIGCONTEXT_SS | ABI_UC_STRICT_RESTORE_SS;
	frame.uc.uc_stack = *f->stack;
	frame.uc.uc_stack.pad = 0;
	frame.uc.uc_sigmask = f->old_mask;
	save_registers(&frame.uc.uc_mcontext, u, f, fpstate);
	if (f->act->flags & ABI_SA_SIGINFO) {
		frame.info = *f->info;
		size = sizeof(frame);
	}
	if (copy_out(UADDR(at), &frame, size))
		return -EFAULT;
	enter_handler(u, f, at);
	return 0;
}

static void restore_registers(struct mach_user *u, const struct abi_sigcontext *sc)
{
	u->r8 = sc->r8;
	u->r9 = sc->r9;
	u->r10 = sc->r10;
	u->r11 = sc->r11;
	u->r12 = sc->r12;
	u->r13 = sc->r13;
	u->r14 = sc->r14;
	u->r15 = sc->r15;
	u->rdi = sc->rdi;
	u->rsi = sc->rsi;
	u->rbp = sc->rbp;
	u->rbx = sc->rbx;
	u->rdx = sc->rdx;
	u->rax = sc->rax;
	u->rcx = sc->rcx;
	u->rsp = sc->rsp;
	u->rip = sc->rip;
	u->rflags = (sc->eflags & RETURN_FLAGS) | (u->rflags & ~RETURN_FLAGS);
	u->cs = SEL_USER_CS;
	u->ss = SEL_USER_DS;
	u->orig_rax = ~0ull;
	u->vector = 0;
}

/* How many bytes of the frame's XSAVE image count: 0, only the legacy part, else with a header. */
static int xstate_bytes(const u8 *legacy, u64 fpstate, u32 *bytes)
{
	struct abi_fpx_sw sw;
	u32 magic2;

	memcpy(&sw, legacy + ABI_FPX_SW_OFFSET, sizeof(sw));
	*bytes = 0;
	if (sw.magic1 != ABI_FP_XSTATE_MAGIC1 || sw.xstate_size < FPU_LEGACY + FPU_HEADER ||
	    sw.xstate_size > x86.xstate_size || sw.xstate_size > sw.extended_size)
		return 0;
	if (copy_in_obj(&magic2, UADDR(fpstate + sw.xstate_size)))
		return -EFAULT;
	if (magic2 == ABI_FP_XSTATE_MAGIC2)
		*bytes = sw.xstate_size;
	return 0;
}

static int restore_xstate(struct mach_user *u, u64 fpstate)
{
	u32 bytes;
	int err;

	fpu_reset(u);
	if (!fpstate)
		return 0;
	if (copy_in(u->xstate, UADDR(fpstate), FPU_LEGACY))
		return -EFAULT;
	err = xstate_bytes(u->xstate, fpstate, &bytes);
	if (err)
		return err;
	if (bytes &&
	    copy_in(u->xstate + FPU_LEGACY, UADDR(fpstate + FPU_LEGACY), bytes - FPU_LEGACY))
		return -EFAULT;
	return fpu_accept(u, bytes != 0);
}

int mach_signal_return(struct mach_user *u, u64 *mask, struct abi_stack *stack)
{
	struct abi_ucontext uc;
	int err;

	/* The handler's ret has taken the restorer's address off. */
	if (copy_in_obj(&uc, UADDR(u->rsp - 8 + offsetof(struct abi_rt_sigframe, uc))))
		return -EFAULT;
	err = restore_xstate(u, uc.uc_mcontext.fpstate);
	if (err) {
		fpu_reset(u);
		return err;
	}
	restore_registers(u, &uc.uc_mcontext);
	*mask = uc.uc_sigmask;
	*stack = uc.uc_stack;
	return 0;
}
