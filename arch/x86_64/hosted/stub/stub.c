/* stub.c - the code of stub processes: from birth to the application and back
 *
 * Provides: the process that stubs are forked from (stub_parent), a stub's set-up, and what
 *   runs in it when the application is interrupted: every system call and every exception
 *   comes in as a signal, is shown to the kernel in the CPU's area, and left when the kernel
 *   says so.
 *   Calls by patched sites come in without a signal (entry.S, stub_site).
 * Kicks: one that meets the application is an event like any other, also on the first steps
 *   of a call, where all is still to be seen (STUB_ANSWER to STUB_SITE_IN). One that meets
 *   the last steps to it (stub_leave) takes these back: nothing of the application has run.
 *   Anywhere else in here it leaves a mark, which is looked at before these last steps.
 * Trust: none in what runs here once the application has run. What the kernel relies on is
 *   the filter of the application's threads, which is set before its first instruction: from
 *   stub_call's own instruction futex (wait, wake), sched_yield and arch_prctl (bases); from
 *   anywhere else nothing; all else is a signal. No descriptor is open in those threads. The
 *   mapper (entry.S) has its descriptors for itself, and orders nobody here can write.
 * Differs from Linux: no variables, no libc, general registers only: the extended state
 *   belongs to the application from the moment it is loaded.
 * Tests: test/hosted
 */
#include "stub.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>

#include "stub_offsets.h"

_Static_assert(STUB_AREA_SIZE == 0x10000u && STUB_STACK + STUB_STACK_SZ == STUB_STACK_TOP, "");
_Static_assert(STUB_ORDERS == STUB_ORDERS_AT && R_RFLAGS == 8 * STUB_RFLAGS, "");
_Static_assert(A_KICKED == offsetof(struct stub_area, kicked), "");
_Static_assert(A_BASE == offsetof(struct stub_area, base), "");
_Static_assert(A_FS_BASE == offsetof(struct stub_area, fs_base), "");
_Static_assert(A_SET == offsetof(struct stub_area, set), "");
_Static_assert(A_EVENT == offsetof(struct stub_area, event), "");
_Static_assert(A_TOP == offsetof(struct stub_area, top), "");
_Static_assert(A_TAIL == offsetof(struct stub_area, tail), "");
_Static_assert(A_AFTER == offsetof(struct stub_area, after), "");
_Static_assert(A_PID == offsetof(struct stub_area, pid), "");
_Static_assert(A_TID == offsetof(struct stub_area, tid), "");
_Static_assert(A_TURN == offsetof(struct stub_area, turn) && STUB_TURN_KERNEL == 1, "");
_Static_assert(A_SLEEPS == offsetof(struct stub_area, stub_sleeps) && STUB_TURN_USER == 0, "");
_Static_assert(STUB_TURN_MAPPER == TURN_MAPPER, "");
_Static_assert(O_PASS == offsetof(struct stub_orders, pass), "");
_Static_assert(A_LOOK == offsetof(struct stub_area, look), "");
_Static_assert(A_FAST == offsetof(struct stub_area, fast), "");
_Static_assert(A_RESULT == offsetof(struct stub_area, result), "");
_Static_assert(A_KERNEL_SLEEPS == offsetof(struct stub_area, kernel_sleeps), "");
_Static_assert(AREA_TOP == STUB_AREA_TOP && AREA_FPU == STUB_AREA_FPU, "");
_Static_assert(SET_FSGSBASE == STUB_FSGSBASE && EV_CALL == STUB_EV_CALL, "");
_Static_assert(offsetof(struct stub_area, regs) == 0, "known to entry.S");
_Static_assert(R_RDI == 8 * STUB_RDI && R_RBX == 8 * STUB_RBX && R_RIP == 8 * STUB_RIP, "");

/* Linux's numbers: the headers of the C library are not for here. */
enum {
	NR_read = 0,
	NR_write = 1,
	NR_munmap = 11,
	NR_mmap = 9,
	NR_sigaction = 13,
	NR_sigprocmask = 14,
	NR_yield = 24,
	NR_clone = 56,
	NR_getpid = 39,
	NR_exit = 60,
	NR_sigaltstack = 131,
	NR_arch_prctl = 158,
	NR_gettid = 186,
	NR_futex = 202,
	NR_exit_group = 231,
	NR_seccomp = 317,
	NR_mprotect = 10,
	NR_close_range = 436,
};
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define FUTEX_WAIT  0
#define FUTEX_WAKE  1
#define PROT_READ   1
#define PROT_WRITE  2
#define MAP_SHARED  1
#define MAP_FIXED   0x10
#define SA_FLAGS \
	(0x4u | 0x04000000u | 0x08000000u | 0x40000000u) /* SIGINFO RESTORER ONSTACK NODEFER */

struct prog {
	uint16_t len;
	const struct sock_filter *filter;
};

struct leave {
	uint64_t regs; /* address, or LEAVE_* */
	void *fpu;
};

/* Linux's struct ucontext as far as it is used: flags, link, stack, then sigcontext. */
struct frame {
	uint64_t flags, link, stack[3];
	uint64_t regs[STUB_NREGS];
	uint64_t selectors, error, trapno, oldmask, cr2, fpstate;
};

/* Reached relative to the instruction: nobody fills in a table of addresses here. */
#pragma GCC visibility push(hidden)
long stub_call(long nr, long a, long b, long c, long d, long e);
long stub_setup_call(long nr, long a, long b, long c, long d, long e, long f);
long stub_clone(unsigned long flags, void (*fn)(void *arg), void *arg, unsigned long stack);
void stub_mapper(void *arg);
void stub_signal(void);
void stub_restorer(void);
void stub_thread(void *area) __attribute__((noreturn));
void stub_parent(unsigned cpus) __attribute__((noreturn));
struct leave stub_signalled(uint64_t sig, void *info, struct frame *frame, struct stub_area *a,
			    uint64_t stack);
struct leave stub_none(struct stub_area *a);
void stub_wait(struct stub_area *a);
struct leave stub_go(struct stub_area *a);
extern const char stub_after[], stub_leave[], stub_leave_end[];
extern const char stub_fast[], stub_fast_end[];
extern const struct prog stub_mapper_prog;
#pragma GCC visibility pop

/* ---- the hand-over ---- */

static inline void relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* The kernel has been given the turn: returns when it is back. */
void stub_wait(struct stub_area *a)
{
	if (__atomic_load_n(&a->kernel_sleeps, __ATOMIC_SEQ_CST)) {
		__atomic_store_n(&a->kernel_word, 1, __ATOMIC_SEQ_CST);
		stub_call(NR_futex, (long)&a->kernel_word, FUTEX_WAKE, 1, 0, 0);
	}
	for (uint32_t n = 0; n < __atomic_load_n(&a->look, __ATOMIC_RELAXED); n++) {
		if (__atomic_load_n(&a->turn, __ATOMIC_ACQUIRE) == STUB_TURN_USER)
			return;
		relax();
	}
	for (uint32_t n = 0; n < __atomic_load_n(&a->yield, __ATOMIC_RELAXED); n++) {
		stub_call(NR_yield, 0, 0, 0, 0, 0);
		if (__atomic_load_n(&a->turn, __ATOMIC_ACQUIRE) == STUB_TURN_USER)
			return;
	}
	while (__atomic_load_n(&a->turn, __ATOMIC_ACQUIRE) != STUB_TURN_USER) {
		uint32_t seen;

		__atomic_exchange_n(&a->stub_sleeps, 1, __ATOMIC_SEQ_CST);
		seen = __atomic_load_n(&a->turn, __ATOMIC_SEQ_CST);
		if (seen != STUB_TURN_USER)
			stub_call(NR_futex, (long)&a->turn, FUTEX_WAIT, seen, 0, 0);
	}
	a->stub_sleeps = 0;
}

static void hand_over(struct stub_area *a)
{
	__atomic_exchange_n(&a->turn, STUB_TURN_KERNEL, __ATOMIC_SEQ_CST);
	stub_wait(a);
}

static void bases_report(struct stub_area *a)
{
	if (!(a->set & STUB_FSGSBASE))
		return;
	__asm__ volatile("rdfsbase %0" : "=r"(a->fs_base));
	__asm__ volatile("rdgsbase %0" : "=r"(a->gs_base));
}

static void bases_load(struct stub_area *a)
{
	if (a->set & STUB_FSGSBASE) {
		__asm__ volatile("wrfsbase %0" ::"r"(a->fs_base) : "memory");
		__asm__ volatile("wrgsbase %0" ::"r"(a->gs_base) : "memory");
		return;
	}
	if (a->set & STUB_BASE_FS)
		stub_call(NR_arch_prctl, ARCH_SET_FS, (long)a->fs_base, 0, 0, 0);
	if (a->set & STUB_BASE_GS)
		stub_call(NR_arch_prctl, ARCH_SET_GS, (long)a->gs_base, 0, 0, 0);
}

/* How to go on as the kernel says. */
struct leave stub_go(struct stub_area *a)
{
	bases_load(a);
	return (struct leave){(uint64_t)a->regs, a->fpu ? (char *)a + a->fpu : NULL};
}

static struct leave wait_and_leave(struct stub_area *a)
{
	a->kicked = 0;
	hand_over(a);
	return stub_go(a);
}

struct leave stub_none(struct stub_area *a)
{
	a->event = STUB_EV_NONE;
	return wait_and_leave(a);
}

/* stack: where the signal's frame ends. */
struct leave stub_signalled(uint64_t sig, void *info, struct frame *frame, struct stub_area *a,
			    uint64_t stack)
{
	uint64_t at = frame->regs[STUB_RIP];

	if (sig == STUB_SIG_KICK && at - STUB_TEXT < STUB_TEXT_MAX &&
	    at - STUB_ANSWER >= STUB_SITE_IN - STUB_ANSWER) {
		if ((at >= (uint64_t)stub_leave && at < (uint64_t)stub_leave_end) ||
		    (at >= (uint64_t)stub_fast && at < (uint64_t)stub_fast_end))
			return (struct leave){LEAVE_NONE, NULL};
		a->kicked = 1;
		return (struct leave){(uint64_t)frame->regs + LEAVE_BACK, (void *)frame->fpstate};
	}
	bases_report(a);
	a->base = stack;
	a->event = STUB_EV_SIGNAL;
	a->sig = (uint32_t)sig;
	a->info = (uint32_t)((char *)info - (char *)a);
	a->frame = (uint32_t)((char *)frame - (char *)a);
	return wait_and_leave(a);
}

/* ---- filters ---- */

#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define TRAP  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)
#define KILL  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define LOAD_HIGH(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field) + 4)
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)

static const struct sock_filter mapper_filter[] = {
	LOAD(arch),
	IS(AUDIT_ARCH_X86_64, 0, 7),
	LOAD(nr),
	IS(NR_mmap, 4, 0),
	IS(NR_munmap, 3, 0),
	IS(NR_mprotect, 2, 0),
	IS(NR_futex, 1, 0),
	IS(NR_write, 0, 1),
	ALLOW,
	KILL,
};
const struct prog stub_mapper_prog = {
	sizeof(mapper_filter) / sizeof(mapper_filter[0]),
	mapper_filter,
};

/* Where a stub that is being born keeps its number, on the mapper's page of the stack. */
static uint32_t *birth_index(void)
{
	return (uint32_t *)(STUB_STACK + 0x1000);
}

/* The end of a birth. Nobody hears of it once the kernel has been given the turn. */
static void fail(long nr, long err)
{
	struct stub_answer answer;

	answer.index = *birth_index();
	answer.mapper = (int32_t)err;
	answer.tid[0] = (int32_t)nr;
	answer.pid = (int32_t)stub_setup_call(NR_getpid, 0, 0, 0, 0, 0, 0);
	stub_setup_call(NR_write, STUB_FD_ANSWER, (long)&answer, sizeof(answer), 0, 0, 0);
	stub_setup_call(NR_exit_group, 1, 0, 0, 0, 0, 0);
}

static void setup(long nr, long a, long b, long c, long d, long e, long f)
{
	long r = stub_setup_call(nr, a, b, c, d, e, f);

	if (r < 0 && r > -4096)
		fail(nr, r);
}

/* The filter of the calling thread, the application's. */
static void lock_down(void)
{
	uint64_t at = (uint64_t)stub_after;
	const struct sock_filter f[] = {
		/*  0 */ LOAD(arch),
		/*  1 */ IS(AUDIT_ARCH_X86_64, 0, 14),
		/*  2 */ LOAD(instruction_pointer),
		/*  3 */ IS(at, 0, 12),
		/*  4 */ LOAD_HIGH(instruction_pointer),
		/*  5 */ IS(at >> 32, 0, 10),
		/*  6 */ LOAD(nr),
		/*  7 */ IS(NR_yield, 9, 0),
		/*  8 */ IS(NR_futex, 4, 0),
		/*  9 */ IS(NR_arch_prctl, 0, 6),
		/* 10 */ LOAD(args[0]),
		/* 11 */ IS(ARCH_SET_FS, 5, 0),
		/* 12 */ IS(ARCH_SET_GS, 4, 3),
		/* 13 */ LOAD(args[1]),
		/* 14 */ IS(FUTEX_WAIT, 2, 0),
		/* 15 */ IS(FUTEX_WAKE, 1, 0),
		/* 16 */ TRAP,
		/* 17 */ ALLOW,
	};
	struct prog p = {sizeof(f) / sizeof(f[0]), f};

	setup(NR_seccomp, 1, 0, (long)&p, 0, 0, 0);
}

/* ---- birth ---- */

static struct stub_area *area_of(unsigned cpu)
{
	return (struct stub_area *)(STUB_AREA + (uint64_t)cpu * STUB_AREA_SIZE);
}

static void thread_stack(struct stub_area *a)
{
	struct {
		uint64_t sp;
		int32_t flags, pad;
		uint64_t size;
	} stack = {(uint64_t)a + STUB_AREA_STACK, 0, 0, STUB_AREA_SIZE - STUB_AREA_STACK};

	setup(NR_sigaltstack, (long)&stack, 0, 0, 0, 0, 0);
}

/* An application thread but the first. */
static void thread_main(void *arg)
{
	thread_stack(arg);
	lock_down();
	stub_thread(arg);
}

static void handlers(void)
{
	static const uint8_t signals[] = {4, 5, 7, 8, 11, STUB_SIG_KICK, 31};
	struct {
		void (*handler)(void);
		uint64_t flags;
		void (*restorer)(void);
		uint64_t mask;
	} act = {stub_signal, SA_FLAGS, stub_restorer, 0};

	for (unsigned i = 0; i < sizeof(signals); i++)
		setup(NR_sigaction, signals[i], (long)&act, 0, 8, 0, 0);
}

static void map_shared(uint64_t at, uint64_t size, int prot, int fd, uint64_t offset)
{
	setup(NR_mmap, (long)at, (long)size, prot, MAP_SHARED | MAP_FIXED, fd, (long)offset);
}

/* A new stub. The order is the point: the mapper takes a copy of the descriptors along, then they
 * are closed here, then the filter comes, and only then does the kernel get the turn. */
static void stub_main(uint32_t index, unsigned cpus)
{
	struct stub_answer answer;
	uint64_t none = 0;

	*birth_index() = index;
	map_shared(STUB_ORDERS, 4096, PROT_READ, STUB_FD_ORDERS, (uint64_t)index * 4096);
	map_shared(STUB_AREA, (uint64_t)cpus * STUB_AREA_SIZE, PROT_READ | PROT_WRITE,
		   STUB_FD_AREAS, (uint64_t)index * cpus * STUB_AREA_SIZE);
	handlers();
	thread_stack(area_of(0));
	/* All signals are blocked here, and stay so in the mapper. */
	answer.mapper =
		(int32_t)stub_clone(STUB_CLONE_MAPPER, stub_mapper, NULL, STUB_STACK + 0x2000);
	if (answer.mapper < 0)
		fail(NR_clone, answer.mapper);
	setup(NR_sigprocmask, 2, (long)&none, 0, 8, 0, 0);
	answer.index = index;
	answer.pid = (int32_t)stub_setup_call(NR_getpid, 0, 0, 0, 0, 0, 0);
	answer.tid[0] = (int32_t)stub_setup_call(NR_gettid, 0, 0, 0, 0, 0, 0);
	for (unsigned i = 1; i < cpus; i++)
		answer.tid[i] = (int32_t)stub_clone(STUB_CLONE_THREAD, thread_main, area_of(i),
						    (uint64_t)area_of(i) + STUB_AREA_SIZE - 64);
	for (unsigned i = 1; i < cpus; i++)
		if (answer.tid[i] < 0)
			fail(NR_clone, answer.tid[i]);
	setup(NR_write, STUB_FD_ANSWER, (long)&answer, sizeof(answer), 0, 0, 0);
	setup(NR_close_range, 0, ~0u, 0, 0, 0, 0);
	lock_down();
	stub_thread(area_of(0));
}

void stub_parent(unsigned cpus)
{
	uint64_t end = STUB_AREA + (uint64_t)cpus * STUB_AREA_SIZE;
	struct stub_ask ask;

	/* What the program that this was forked from had mapped. */
	setup(NR_munmap, 0, (long)STUB_BASE, 0, 0, 0, 0);
	setup(NR_munmap, (long)end, (long)(STUB_END - end), 0, 0, 0, 0);
	while (stub_setup_call(NR_read, STUB_FD_ASK, (long)&ask, sizeof(ask), 0, 0, 0) ==
	       sizeof(ask)) {
		struct stub_answer failed;
		long pid = stub_setup_call(NR_clone, STUB_CLONE_STUB, 0, 0, 0, 0, 0);

		if (pid == 0)
			stub_main(ask.index, cpus);
		failed.index = ask.index;
		failed.mapper = (int32_t)pid;
		failed.tid[0] = NR_clone;
		failed.pid = 0;
		if (pid < 0)
			setup(NR_write, STUB_FD_ANSWER, (long)&failed, sizeof(failed), 0, 0, 0);
	}
	setup(NR_exit_group, 0, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}
