/* user.c - user mode: a script on a fibre of its own
 *
 * mach_run_user switches to the script's fibre; user_trap switches back with a cause. The task's
 * struct mach_user is the register file between the two.
 *
 * Signal frames: mach_signal_build writes struct frame to user memory at the new sp (so that bad
 * and alternate stacks matter) and asks for the handler; the script's fibre runs it on top of
 * whatever was interrupted, then makes the rt_sigreturn call itself.
 */
#include "machine.h"
#include "abi/linux/signal.h"
#include "ksignal.h"
#include "script.h"
#include "string.h"
#include "syscalls_proto.h"
#include "task.h"
#include "uaccess.h"

enum { RESTART_NO, RESTART_SAME, RESTART_BLOCK };

#define FRAME_MAGIC 0x736967667261u

struct frame {
	u64 magic, mask;
	struct abi_stack stack;
	u64 nr, arg[6], sp;
	s64 result;
	u64 restart;
	u64 handler_sig, handler, handler_info; /* one that was about to run when this came */
	struct abi_siginfo info;
};

static struct mach_user *self(void)
{
	return &cpu_current()->user;
}

/* ---- the script's side ---- */

void user_trap(struct mach_user *u)
{
	fibre_switch(u->kernel);
}

/* Traps if the CPU has interrupts to take; every step of a script begins here. */
static void step(void)
{
	struct mach_user *u;

	vcpu_point();
	u = self();
	if (!vcpu_interrupted(cpu_self()))
		return;
	*u->why = (struct mach_exit){.cause = MACH_INTERRUPT};
	u->in_syscall = false;
	user_trap(u);
}

bool (*user_code_ok)(u64 pc);

/* Handlers that the last exits asked for, each with its sigreturn. */
static void run_handlers(void)
{
	struct mach_user *u = self();

	while (u->handler_sig) {
		u_handler fn = (u_handler)u->handler;
		int sig = u->handler_sig;
		u64 sp = u->sp;

		u->handler_sig = 0;
		if (user_code_ok && !user_code_ok(u->handler)) {
			*u->why = (struct mach_exit){.cause = MACH_TRAP,
						     .sig = ABI_SIGSEGV,
						     .code = ABI_SEGV_MAPERR,
						     .addr = u->handler};
			u->in_syscall = false;
			user_trap(u);
			u = self();
			continue;
		}
		fn(sig, u->info, sp);
		u = self();
		u->sp = sp;
		u->nr = NR_rt_sigreturn;
		u->in_syscall = true;
		*u->why = (struct mach_exit){.cause = MACH_SYSCALL};
		user_trap(u);
		u = self();
	}
}

long u_syscall6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct mach_user *u;

	step();
	run_handlers();
	u = self();
	u->nr = nr;
	memcpy(u->arg, (u64[]){a, b, c, d, e, f}, sizeof(u->arg));
	do {
		u->restart = RESTART_NO;
		u->in_syscall = true;
		*u->why = (struct mach_exit){.cause = MACH_SYSCALL};
		user_trap(u);
		run_handlers();
		u = self();
		if (u->restart == RESTART_BLOCK)
			u->nr = NR_restart_syscall;
	} while (u->restart != RESTART_NO);
	return u->result;
}

/* One access; faults until the kernel has made it possible. Returns the byte's kernel address. */
static void *reach(u64 va, u32 access)
{
	for (;;) {
		struct mach_user *u;
		bool present;
		u64 pa;

		step();
		run_handlers();
		pa = tlb_translate(va, access, &present);
		if (pa != PAGE_NONE)
			return mach_pa_to_va(PADDR(pa));
		u = self();
		*u->why = (struct mach_exit){
			.cause = MACH_FAULT, .addr = va, .access = access, .present = present};
		u->in_syscall = false;
		user_trap(u);
	}
}

uint64_t u_load(uint64_t va, unsigned size)
{
	u64 v = 0;

	memcpy(&v, reach(va, MACH_READ), size);
	return v;
}

void u_store(uint64_t va, uint64_t value, unsigned size)
{
	memcpy(reach(va, MACH_WRITE), &value, size);
}

uint32_t u_cmpxchg32(uint64_t va, uint32_t expected, uint32_t desired)
{
	u32 *p = reach(va, MACH_READ | MACH_WRITE);
	u32 old = *p;

	if (old == expected)
		*p = desired;
	return old;
}

uint32_t u_add32(uint64_t va, uint32_t n)
{
	u32 *p = reach(va, MACH_READ | MACH_WRITE);

	return *p += n;
}

void u_execute(uint64_t va)
{
	reach(va, MACH_EXEC);
}

void u_write(uint64_t va, const void *src, size_t n)
{
	while (n) {
		size_t room = MIN(n, (size_t)(4096 - (va & 0xfff)));

		memcpy(reach(va, MACH_WRITE), src, room);
		va += room;
		src = (const char *)src + room;
		n -= room;
	}
}

void u_read(void *dst, uint64_t va, size_t n)
{
	while (n) {
		size_t room = MIN(n, (size_t)(4096 - (va & 0xfff)));

		memcpy(dst, reach(va, MACH_READ), room);
		va += room;
		dst = (char *)dst + room;
		n -= room;
	}
}

void u_child(u_fn fn, void *arg)
{
	self()->child_entry = fn;
	self()->child_arg = arg;
}

long u_fork(u_fn fn, void *arg)
{
	u_child(fn, arg);
	return u_syscall(NR_fork);
}

long u_clone(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid, uint64_t tls, u_fn fn,
	     void *arg)
{
	u_child(fn, arg);
	return u_syscall(NR_clone, flags, stack, ptid, ctid, tls);
}

void u_exit(int status)
{
	u_syscall(NR_exit_group, status);
	host_fail("exit_group returned");
}

void u_exit_thread(int status)
{
	u_syscall(NR_exit, status);
	host_fail("exit returned");
}

uint64_t u_mmap(size_t size)
{
	long r = u_syscall(NR_mmap, 0, size, 3, 0x22, -1, 0);

	u_check(r > 0);
	return (u64)r;
}

void u_pause(void)
{
	vcpu_yield();
	step();
	run_handlers();
}

void u_failed(const char *file, int line, const char *what)
{
	host_fail("%s:%d: task %u: failed: %s", file, line, cpu_current()->tid, what);
}

void u_failed_eq(const char *file, int line, const char *what, long a, long b)
{
	host_fail("%s:%d: task %u: %s is %ld, not %ld", file, line, cpu_current()->tid, what, a, b);
}

/* ---- the kernel's side ---- */

static void script_main(void *arg)
{
	struct mach_user *u = arg;

	run_handlers();
	u->entry(u->entry_arg);
	u_exit(0);
}

/* A program whose entry point is no code. */
static void bad_program(void *pc)
{
	for (;;) {
		*self()->why = (struct mach_exit){.cause = MACH_TRAP,
						  .sig = ABI_SIGSEGV,
						  .code = ABI_SEGV_MAPERR,
						  .addr = (u64)pc};
		self()->in_syscall = false;
		user_trap(self());
		run_handlers();
	}
}

static void script_start(struct mach_user *u, void (*entry)(void *), void *arg)
{
	if (u->fibre)
		fibre_free(u->fibre);
	u->fibre = fibre_new();
	u->entry = entry;
	u->entry_arg = arg;
	fibre_start(u->fibre, script_main, u);
}

void mach_run_user(struct mach_user *u, struct mach_exit *why)
{
	struct cpu *c = cpu_self();

	if (a_load(&c->mode) != CPU_USER)
		host_fail("user mode is entered without CPU_USER published");
	if (c->spin_depth)
		host_fail("user mode is entered with a spinlock held");
	u->why = why;
	u->kernel = fibre_self();
	fibre_switch(u->fibre);
	if (why->cause == MACH_INTERRUPT)
		vcpu_take_interrupts();
}

void mach_syscall_restart(struct mach_user *u)
{
	u->restart = RESTART_SAME;
}

void mach_syscall_restart_block(struct mach_user *u)
{
	u->restart = RESTART_BLOCK;
}

long mach_syscall_result(const struct mach_user *u)
{
	return u->result;
}

bool mach_in_syscall(const struct mach_user *u)
{
	return u->in_syscall;
}

int mach_user_init(struct mach_user *u)
{
	memset(u, 0, sizeof(*u));
	return 0;
}

void mach_user_free(struct mach_user *u)
{
	if (u->fibre)
		fibre_free(u->fibre);
	u->fibre = NULL;
}

void mach_user_exec(struct mach_user *u, u64 pc, u64 sp)
{
	if (user_code_ok && !user_code_ok(pc))
		script_start(u, bad_program, (void *)pc);
	else
		script_start(u, (void (*)(void *))pc, (void *)sp);
	u->sp = sp;
	u->pc = pc;
	u->handler_sig = 0;
	u->restart = RESTART_NO;
	u->in_syscall = false;
}

void mach_user_fork(struct mach_user *child, struct mach_user *parent, u64 sp, bool set_tls,
		    u64 tls)
{
	child->sp = sp ? sp : parent->sp;
	child->tls = set_tls ? tls : parent->tls;
	child->result = 0;
	if (!parent->child_entry)
		host_fail("fork without u_fork()");
	script_start(child, parent->child_entry, parent->child_arg);
}

u64 mach_user_pc(const struct mach_user *u)
{
	return u->pc;
}

u64 mach_user_sp(const struct mach_user *u)
{
	return u->sp;
}

void mach_user_set_pc(struct mach_user *u, u64 pc)
{
	u->pc = pc;
}

long mach_arch_prctl(int code, uaddr_t addr)
{
	return -EINVAL;
}

void mach_user_step(struct mach_user *u, bool on)
{
}

int mach_signal_build(struct mach_user *u, const struct mach_sigframe *f)
{
	u64 sp = (f->sp - sizeof(struct frame)) & ~15ull;
	struct frame frame = {
		.magic = FRAME_MAGIC,
		.mask = f->old_mask,
		.stack = *f->stack,
		.nr = u->nr,
		.sp = u->sp,
		.result = u->result,
		.restart = u->restart,
		.handler_sig = (u64)u->handler_sig,
		.handler = u->handler,
		.handler_info = u->info,
		.info = *f->info,
	};

	memcpy(frame.arg, u->arg, sizeof(frame.arg));
	if (copy_out(UADDR(sp), &frame, sizeof(frame)))
		return -EFAULT;
	u->sp = sp;
	u->handler_sig = f->sig;
	u->handler = f->act->handler;
	u->info = sp + offsetof(struct frame, info);
	u->restart = RESTART_NO;
	return 0;
}

int mach_signal_return(struct mach_user *u, u64 *mask, struct abi_stack *stack)
{
	struct frame frame;

	if (copy_in(&frame, UADDR(u->sp), sizeof(frame)))
		return -EFAULT;
	if (frame.magic != FRAME_MAGIC)
		return -EINVAL;
	u->nr = frame.nr;
	memcpy(u->arg, frame.arg, sizeof(u->arg));
	u->sp = frame.sp;
	u->result = frame.result;
	u->restart = (u8)frame.restart;
	u->handler_sig = (int)frame.handler_sig;
	u->handler = frame.handler;
	u->info = frame.handler_info;
	u->in_syscall = false;
	*mask = frame.mask;
	*stack = frame.stack;
	return 0;
}

size_t mach_signal_frame_max(void)
{
	return sizeof(struct frame) + 16;
}
