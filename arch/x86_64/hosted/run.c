/* run.c - user mode: a turn of a stub's thread
 *
 * mach_run_user() writes the task's registers into the area of this CPU in the space's stub, gives
 * the turn to the stub's thread (turn.c), and waits until that has been interrupted by a system
 * call, an exception or a kick, all of which are signals there. Faults that only the mirror lacks
 * are mended here, without the portable kernel.
 * Trust: the turn, the event and the frame are claims of the application, copied once. Any of them
 *   means no more than a system call or fault that it could have made; registers are its own.
 * Tests: test/abi under --platform=systrap, test/hosted
 */
#include "abi/boot.h"
#include "abi/linux/signal.h"
#include "count.h"
#include "hosted.h"
#include "log.h"
#include "mm.h"
#include "sanitize/sanitize.h"
#include "string.h"
#include "syscall.h"
#include "task.h"

#define SAME_MAX 64u /* times that a fault may come again at once though it was mended */

#define SIG_SYS	     31u
#define AUDIT_X86_64 0xc000003eu
#define SIGINFO_SIZE 128u

/* Linux's struct ucontext up to the registers' end, as the host's kernel writes it. */
struct host_frame {
	u64 flags, link, stack[3];
	u64 regs[STUB_NREGS];
	u64 selectors, error, trapno, oldmask, cr2, fpstate;
};
struct host_siginfo {
	s32 sig, error, code, pad;
	u64 addr; /* also the address of a trapped call */
	s32 call;
	u32 arch;
};

/* What came out of a turn, as copied from the area. */
struct event {
	bool none; /* nothing of the application has run */
	bool call; /* a call by a patched site: no signal, no frame */
	u32 sig;
	struct host_siginfo info;
	struct host_frame frame;
};

static void regs_copy(const struct mach_user *u, u64 *r)
{
	r[STUB_R8] = u->r8;
	r[STUB_R9] = u->r9;
	r[STUB_R10] = u->r10;
	r[STUB_R11] = u->r11;
	r[STUB_R12] = u->r12;
	r[STUB_R13] = u->r13;
	r[STUB_R14] = u->r14;
	r[STUB_R15] = u->r15;
	r[STUB_RDI] = u->rdi;
	r[STUB_RSI] = u->rsi;
	r[STUB_RBP] = u->rbp;
	r[STUB_RBX] = u->rbx;
	r[STUB_RDX] = u->rdx;
	r[STUB_RAX] = u->rax;
	r[STUB_RCX] = u->rcx;
	r[STUB_RSP] = u->rsp;
	r[STUB_RIP] = u->rip;
	r[STUB_RFLAGS] = (u->rflags & FLAG_USER_MASK) | FLAG_IF | 2;
}

static void regs_from_frame(struct mach_user *u, const u64 *r)
{
	u->r8 = r[STUB_R8];
	u->r9 = r[STUB_R9];
	u->r10 = r[STUB_R10];
	u->r11 = r[STUB_R11];
	u->r12 = r[STUB_R12];
	u->r13 = r[STUB_R13];
	u->r14 = r[STUB_R14];
	u->r15 = r[STUB_R15];
	u->rdi = r[STUB_RDI];
	u->rsi = r[STUB_RSI];
	u->rbp = r[STUB_RBP];
	u->rbx = r[STUB_RBX];
	u->rdx = r[STUB_RDX];
	u->rax = r[STUB_RAX];
	u->rcx = r[STUB_RCX];
	u->rsp = r[STUB_RSP];
	u->rip = r[STUB_RIP];
	u->rflags = (r[STUB_RFLAGS] & FLAG_USER_MASK) | FLAG_IF | 2;
}

/* Patched sites need GS to point to the area, where the stub sees it. */
static u64 own_gs(void)
{
	return plan->patch ? STUB_AREA + (u64)cpu_self()->id * STUB_AREA_SIZE : 0;
}

/* Nothing but the call's result is new since the thread left by a patched site, where it waits. */
static bool is_fast(const struct mach_user *u, const struct stub_thread *t)
{
	u64 now[STUB_NREGS];

	if (t->caller != u || !(u->flags & MACH_USER_FPU) ||
	    u->live != (const u8 *)t->area + STUB_AREA_FPU || t->fs_base != u->fs_base ||
	    u->gs_base)
		return false;
	regs_copy(u, now);
	now[STUB_RAX] = t->sent[STUB_RAX];
	return !memcmp(now, t->sent, sizeof(now));
}

static void bases_to_area(const struct mach_user *u, struct stub_thread *t)
{
	struct stub_area *a = t->area;
	u64 gs = u->gs_base ? u->gs_base : own_gs();
	u32 set = 0;

	a->fs_base = u->fs_base;
	a->gs_base = gs;
	if (x86.fsgsbase)
		set = STUB_FSGSBASE;
	if (t->fs_base != u->fs_base)
		set |= STUB_BASE_FS;
	if (t->gs_base != gs)
		set |= STUB_BASE_GS;
	t->fs_base = u->fs_base;
	t->gs_base = gs;
	a->set = set;
}

/* ---- what it says ---- */

/* Copies n bytes at an offset that the application names. */
static bool area_copy(const struct stub_area *a, void *to, u32 offset, u32 n)
{
	if (offset < sizeof(*a) || offset > STUB_AREA_SIZE - n)
		return false;
	memcpy(to, (const u8 *)a + offset, n);
	return true;
}

static void bases_read(const struct stub_area *a, struct mach_user *u, bool gs)
{
	u64 base;

	if (!x86.fsgsbase)
		return;
	u->fs_base = READ_ONCE(a->fs_base);
	base = READ_ONCE(a->gs_base);
	if (gs)
		u->gs_base = base == own_gs() ? 0 : base;
}

/* A call by a patched site: as if the instruction itself had been met. */
static void call_read(struct stub_thread *t, struct mach_user *u)
{
	const struct stub_area *a = t->area;

	for (u32 i = 0; i < STUB_NREGS; i++)
		t->sent[i] = READ_ONCE(a->regs[i]);
	t->sent[STUB_RIP] = t->sent[STUB_RCX];
	t->sent[STUB_RFLAGS] = t->sent[STUB_R11];
	regs_from_frame(u, t->sent);
	t->sent[STUB_RFLAGS] = u->rflags;
	u->after = u->rip;
	u->tail = READ_ONCE(a->tail);
	if (u->tail >> 47) /* not an address */
		u->tail = u->after;
	u->orig_rax = u->rax;
	u->vector = VEC_SYSCALL;
	u->live = (const u8 *)a + STUB_AREA_FPU;
	u->flags |= MACH_USER_FPU;
	bases_read(a, u, false);
	t->fs_base = u->fs_base;
	t->caller = u;
}

/* False: no event that a stub of ours would tell. */
static bool event_read(struct stub_thread *t, struct mach_user *u, struct event *ev)
{
	const struct stub_area *a = t->area;
	u32 event = READ_ONCE(a->event);
	u64 fpu;

	t->caller = NULL;
	ev->none = event == STUB_EV_NONE;
	ev->call = event == STUB_EV_CALL;
	if (ev->call)
		call_read(t, u);
	if (ev->none || ev->call)
		return true;
	ev->sig = READ_ONCE(a->sig);
	if (!area_copy(a, &ev->info, READ_ONCE(a->info), sizeof(ev->info)) ||
	    !area_copy(a, &ev->frame, READ_ONCE(a->frame), sizeof(ev->frame)))
		return false;
	/* The host's pointer into the area, as the stub sees it. */
	fpu = ev->frame.fpstate - STUB_AREA - (u64)cpu_self()->id * STUB_AREA_SIZE;
	if (fpu < STUB_AREA_FPU || fpu > STUB_AREA_SIZE - x86.xstate_size || fpu & 63)
		return false;
	u->live = (const u8 *)a + fpu;
	u->flags |= MACH_USER_FPU;
	regs_from_frame(u, ev->frame.regs);
	u->after = u->tail = 0;
	u->orig_rax = ~0ull;
	u->vector = 0;
	bases_read(a, u, true);
	return true;
}

static void why_trap(struct mach_exit *why, int sig, int code, u64 addr)
{
	*why = (struct mach_exit){.cause = MACH_TRAP, .sig = sig, .code = code, .addr = addr};
}

static void tell_call(struct mach_user *u, const struct event *ev, struct mach_exit *why)
{
	/* int $0x80: as where there is no gate for it. The instruction is two bytes long. */
	if (ev->info.arch != AUDIT_X86_64) {
		u->rip -= 2;
		why_trap(why, ABI_SIGSEGV, ABI_SI_KERNEL, 0);
		why->vector = VEC_GP;
		return;
	}
	sanitize_self_test(u->rax);
	why->cause = MACH_SYSCALL;
	u->orig_rax = u->rax;
	u->vector = VEC_SYSCALL;
}

static u32 fault_access(u64 error)
{
	return error & PF_WRITE ? MACH_WRITE : error & PF_FETCH ? MACH_EXEC : MACH_READ;
}

static void tell_fault(struct mach_user *u, const struct event *ev, struct mach_exit *why)
{
	struct mach_pte pte = {0};

	if (ev->frame.cr2 < mach_user_top)
		pte = mach_lookup(cpu_self()->mach.space, ev->frame.cr2);
	*why = (struct mach_exit){
		.cause = MACH_FAULT,
		.access = fault_access(ev->frame.error),
		.addr = ev->frame.cr2,
		.present = pte.prot,
		.vector = VEC_PF,
		.error = (u32)(ev->frame.error & ~1ull) | (pte.prot ? PF_PRESENT : 0),
	};
	u->fault = why->addr;
	u->fault_access = why->access;
}

static bool is_fault(const struct event *ev)
{
	return (ev->sig == ABI_SIGSEGV || ev->sig == ABI_SIGBUS) && ev->frame.trapno == VEC_PF;
}

/* Everything but faults. */
static void tell(struct cpu *c, struct mach_user *u, const struct event *ev, struct mach_exit *why)
{
	int code = ev->info.code;

	switch (ev->sig) {
	case SIG_SYS:
		tell_call(u, ev, why);
		return;
	case ABI_SIGSEGV:
	case ABI_SIGBUS:
	case ABI_SIGFPE:
	case ABI_SIGILL:
	case ABI_SIGTRAP:
		/* Codes of other senders than the CPU would be the application's invention. */
		if (code <= 0 || code > ABI_SI_KERNEL)
			code = ABI_SI_KERNEL;
		why_trap(why, (int)ev->sig, code, code == ABI_SI_KERNEL ? 0 : ev->info.addr);
		why->vector = (u32)ev->frame.trapno & 31;
		why->error = (u32)ev->frame.error;
		return;
	default:
		why->cause = MACH_INTERRUPT;
		irq_take(c);
	}
}

/* ---- putting it together ---- */

static void lost(struct stub *s, struct mach_exit *why)
{
	if (s) {
		klog(LOG_WARN, "the host process of a program is gone or does not answer");
		stub_end(s);
	}
	why_trap(why, ABI_SIGKILL, ABI_SI_KERNEL, 0);
}

struct same {
	u64 addr;
	u32 times;
	bool trapped; /* a system call came by a signal */
};

/* A fault is mended by the mirror alone: true. One that comes again and again at one address is
 * not: the host has no memory behind the page (its SIGBUS looks like any other fault). */
static bool mend(struct same *same, u64 addr, u32 access)
{
	if (same->addr != addr)
		*same = (struct same){.addr = addr};
	return mirror_fill(current->mm, addr, access) == FILL_DONE && same->times++ < SAME_MAX;
}

/* What the stub may answer by itself: not where each call is to be seen. */
static void answers_to_area(struct stub_area *a)
{
	bool any = !syscall_traced();

	a->pid = any ? task_pid(current) : 0;
	a->tid = any ? current->tid : 0;
}

static void user_to_area(struct mach_user *u, struct stub_thread *t)
{
	struct stub_area *a = t->area;

	answers_to_area(a);
	if (is_fast(u, t)) {
		a->result = u->rax;
		a->fast = 1;
		return;
	}
	t->caller = NULL;
	a->fast = 0;
	regs_copy(u, a->regs);
	if (u->rip == u->after)
		a->regs[STUB_RIP] = u->tail;
	bases_to_area(u, t);
	fpu_to_stub(u, a);
}

/* All events but faults and calls by patched sites. True and false as run_once(). */
static bool run_event(struct cpu *c, struct mach_user *u, struct stub_thread *t,
		      const struct event *ev, struct same *same, struct mach_exit *why)
{
	u32 vector = (u32)ev->frame.trapno;
	enum patch_pc at;

	if ((ev->sig == ABI_SIGTRAP || ev->sig == ABI_SIGSEGV || ev->sig == ABI_SIGILL) &&
	    patch_resume(c->mach.space, u, vector))
		return false;
	at = patch_fix_pc(c->mach.space, u, t->area);
	if (unlikely(at != PATCH_ELSEWHERE))
		t->gs_base = ~0ull;
	/* A step that began at such a site ends behind the call. */
	if (at == PATCH_BEFORE && ev->sig == ABI_SIGTRAP && vector == VEC_DB) {
		u->rip += 2;
		u->rcx = u->rip;
		u->r11 = u->rflags;
		u->orig_rax = u->rax;
		u->vector = VEC_SYSCALL;
		why->cause = MACH_SYSCALL;
		return true;
	}
	same->trapped = ev->sig == SIG_SYS;
	tell(c, u, ev, why);
	return true;
}

/* One turn. True: *why says why it ended; false: again. */
static bool run_once(struct cpu *c, struct mach_user *u, struct stub *s, struct same *same,
		     struct mach_exit *why)
{
	struct stub_thread *t = &s->thread[c->id];
	struct event ev;

	user_to_area(u, t);
	if (!turn_take(c, s, t) || !event_read(t, u, &ev)) {
		lost(s, why);
		return true;
	}
	count_one(c, ev.none	     ? COUNT_KICKED
		     : ev.call	     ? COUNT_PATCHED
		     : is_fault(&ev) ? COUNT_FAULT
				     : COUNT_SIGNAL);
	if (ev.none) {
		/* It may not have come as far as loading them. */
		t->fs_base = t->gs_base = ~0ull;
		if (!irq_waiting(c))
			return false;
		why->cause = MACH_INTERRUPT;
		irq_take(c);
		return true;
	}
	if (ev.call) {
		why->cause = MACH_SYSCALL;
		return true;
	}
	if (!is_fault(&ev))
		return run_event(c, u, t, &ev, same, why);
	if (patch_in_entry(u->rip)) {
		/* GS was lost by loading the selector */
		patch_fix_pc(c->mach.space, u, t->area);
		t->gs_base = ~0ull;
		return false;
	}
	if (mend(same, ev.frame.cr2, fault_access(ev.frame.error)))
		return false;
	patch_fix_pc(c->mach.space, u, t->area);
	if (same->times > SAME_MAX)
		why_trap(why, ABI_SIGBUS, ABI_BUS_ADRERR, ev.frame.cr2);
	else
		tell_fault(u, &ev, why);
	return true;
}

void mach_run_user(struct mach_user *u, struct mach_exit *why)
{
	struct cpu *c = cpu_self();
	struct stub *s = stub_of(&current->mm->space);
	struct same same = {~0ull, 0, false};

	if (!s || __atomic_load_n(&s->dead, __ATOMIC_ACQUIRE)) {
		lost(s, why);
		return;
	}
	if (u->rip >> 47) { /* not an address at all: as the #GP that it would be */
		why_trap(why, ABI_SIGSEGV, ABI_SI_KERNEL, 0);
		why->vector = VEC_GP;
		return;
	}
	if (unlikely(u->gs_base) && plan->patch && !READ_ONCE(current->mm->space.patch_off)) {
		mm_leave_user(c);
		patch_off(current->mm);
		why->cause = MACH_INTERRUPT;
		return;
	}
	if (unlikely(!s->begun))
		mirror_begin(current->mm);
	/* What the portable kernel has just mended need not be met again. */
	if (u->fault != ~0ull)
		(void)mirror_fill(current->mm, u->fault, u->fault_access);
	u->fault = ~0ull;
	for (;;) {
		if (irq_waiting(c)) {
			why->cause = MACH_INTERRUPT;
			irq_take(c);
			return;
		}
		if (run_once(c, u, s, &same, why))
			break;
	}
	if (same.trapped && why->cause == MACH_SYSCALL && patch_wanted(c, u)) {
		/* it sleeps: no shoot-down is to wait for that */
		mm_leave_user(c);
		patch_site(current->mm, u);
	}
}
