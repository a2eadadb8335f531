/* sigframe.c - what a handler finds and leaves: registers, stacks, siginfo of faults, ways out */
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "../abitest.h"

static volatile int calls;
static volatile uintptr_t handler_sp;
static siginfo_t seen;
static ucontext_t seen_context;
static sigjmp_buf out;

static void handle(int signo, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = fn;
	sa.sa_flags = SA_SIGINFO | flags;
	REQUIRE_OK(sigaction(signo, &sa, NULL));
	calls = 0;
}

static void note(int signo, siginfo_t *info, void *ctx)
{
	calls++;
	seen = *info;
	memcpy(&seen_context, ctx, sizeof(seen_context));
	handler_sp = (uintptr_t)__builtin_frame_address(0);
}

static void note_and_jump(int signo, siginfo_t *info, void *ctx)
{
	note(signo, info, ctx);
	siglongjmp(out, 1);
}

/* Ruins what a handler may ruin: sigreturn has to bring it all back. */
static void scribble(int signo, siginfo_t *info, void *ctx)
{
	calls++;
	__asm__ volatile("xorl %%eax, %%eax\n\t"
			 "pxor %%xmm0, %%xmm0\n\t"
			 "pxor %%xmm7, %%xmm7\n\t"
			 "pxor %%xmm15, %%xmm15\n\t"
			 "fninit"
			 :
			 :
			 : "rax", "xmm0", "xmm7", "xmm15", "r8", "r9", "r10", "r11", "rcx", "rdx",
			   "rsi", "rdi", "cc");
}

static void test_registers(void)
{
	long rax = SYS_tkill, tid = syscall(SYS_gettid), rbx = 0x4444, rdx = 0x5555;
	long got[5] = {0};
	unsigned char carry = 0;

	handle(SIGUSR1, scribble, 0);
	__asm__ volatile("movl $0x1111, %%r8d\n\t"
			 "movl $0x2222, %%r9d\n\t"
			 "movl $0x3333, %%r10d\n\t"
			 "movl $0x6666, %%r12d\n\t"
			 "movl $0x7777, %%r13d\n\t"
			 "stc\n\t"
			 "syscall\n\t"
			 "setc %[carry]\n\t"
			 "movq %%r8, (%[got])\n\t"
			 "movq %%r9, 8(%[got])\n\t"
			 "movq %%r10, 16(%[got])\n\t"
			 "movq %%r12, 24(%[got])\n\t"
			 "movq %%r13, 32(%[got])"
			 : "+a"(rax), "+b"(rbx), "+d"(rdx), [carry] "=m"(carry)
			 : "D"(tid), "S"((long)SIGUSR1), [got] "r"(got)
			 : "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "memory", "cc");
	CHECK_EQ(rax, 0);
	CHECK_EQ(calls, 1);
	CHECK_EQ(rbx, 0x4444);
	CHECK_EQ(rdx, 0x5555);
	CHECK_EQ(got[0], 0x1111);
	CHECK_EQ(got[1], 0x2222);
	CHECK_EQ(got[2], 0x3333);
	CHECK_EQ(got[3], 0x6666);
	CHECK_EQ(got[4], 0x7777);
	CHECK_EQ(carry, 1);
}

static void test_sse_state(void)
{
	uint64_t in[6] = {1, 2, 3, 4, 5, 6}, got[6] = {0};
	long rax = SYS_tkill, tid = syscall(SYS_gettid);

	handle(SIGUSR1, scribble, 0);
	__asm__ volatile("movdqu (%[in]), %%xmm0\n\t"
			 "movdqu 16(%[in]), %%xmm7\n\t"
			 "movdqu 32(%[in]), %%xmm15\n\t"
			 "syscall\n\t"
			 "movdqu %%xmm0, (%[got])\n\t"
			 "movdqu %%xmm7, 16(%[got])\n\t"
			 "movdqu %%xmm15, 32(%[got])"
			 : "+a"(rax)
			 : "D"(tid), "S"((long)SIGUSR1), [in] "r"(in), [got] "r"(got)
			 : "rcx", "r11", "xmm0", "xmm7", "xmm15", "memory");
	CHECK_EQ(calls, 1);
	CHECK_EQ(memcmp(in, got, sizeof(in)), 0);
}

static void test_x87_state(void)
{
	long rax = SYS_tkill, tid = syscall(SYS_gettid);
	double got = 0;
	uint16_t cw = 0x0f7f, cw_after = 0, cw_normal = 0x037f;
	uint32_t mxcsr = 0x3f80, mxcsr_after = 0, mxcsr_normal = 0x1f80;

	handle(SIGUSR1, scribble, 0);
	__asm__ volatile("fldcw %[cw]\n\t"
			 "ldmxcsr %[mx]\n\t"
			 "fldpi\n\t"
			 "syscall\n\t"
			 "fstpl %[got]\n\t"
			 "fnstcw %[cwa]\n\t"
			 "stmxcsr %[mxa]\n\t"
			 "fldcw %[cwn]\n\t"
			 "ldmxcsr %[mxn]"
			 : "+a"(rax), [got] "=m"(got), [cwa] "=m"(cw_after), [mxa] "=m"(mxcsr_after)
			 : "D"(tid), "S"((long)SIGUSR1), [cw] "m"(cw), [mx] "m"(mxcsr),
			   [cwn] "m"(cw_normal), [mxn] "m"(mxcsr_normal)
			 : "rcx", "r11", "memory");
	CHECK_EQ(calls, 1);
	CHECK(got > 3.14159 && got < 3.1416);
	CHECK_EQ(cw_after, cw);
	CHECK_EQ(mxcsr_after, mxcsr);
}

static void edits_context(int signo, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	calls++;
	/* The two bytes of ud2. */
	uc->uc_mcontext.gregs[REG_RIP] += 2;
	uc->uc_mcontext.gregs[REG_RBX] = 0x1234;
	uc->uc_mcontext.fpregs->_xmm[3].element[0] = 77;
}

static void test_edited_context(void)
{
	long rbx = 1;
	uint32_t xmm = 0;

	handle(SIGILL, edits_context, 0);
	__asm__ volatile("pxor %%xmm3, %%xmm3\n\tud2\n\tmovd %%xmm3, %[x]"
			 : "+b"(rbx), [x] "=r"(xmm)
			 :
			 : "xmm3", "memory");
	CHECK_EQ(calls, 1);
	CHECK_EQ(rbx, 0x1234);
	CHECK_EQ(xmm, 77);
}

static void test_bad_context(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	/* rt_sigreturn without a frame: the process is killed, not the machine. */
	if (pid == 0) {
		__asm__ volatile("movq %0, %%rsp\n\tsyscall"
				 :
				 : "r"(64l), "a"((long)SYS_rt_sigreturn)
				 : "memory");
		_exit(1);
	}
	CHECK_EQ(abi_wait_status(pid) & ~0x80, SIGSEGV);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		__asm__ volatile("movq %0, %%rsp\n\tsyscall"
				 :
				 : "r"(0xffff800000000000), "a"((long)SYS_rt_sigreturn)
				 : "memory");
		_exit(1);
	}
	CHECK_EQ(abi_wait_status(pid) & ~0x80, SIGSEGV);
}

static void ruins_context(int signo, siginfo_t *info, void *ctx)
{
	greg_t *regs = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	switch (info->si_value.sival_int) {
	case 0: /* a non-canonical return address */
		regs[REG_RIP] = 0x800000000000;
		break;
	case 1: /* the kernel's half */
		regs[REG_RIP] = (greg_t)0xffffffff81000000;
		break;
	case 2: /* supervisor selectors */
		regs[REG_CSGSFS] = 0x10;
		break;
	case 3: /* IOPL 3, NT, VM, interrupts off: then IN must still be refused */
		regs[REG_EFL] |= 0x3000 | 0x4000;
		regs[REG_EFL] &= ~0x200;
		break;
	case 4: /* a null stack pointer */
		regs[REG_RSP] = 0;
		break;
	default: /* reserved words and the compacted form in the header of the extended state */
		memset((char *)((ucontext_t *)ctx)->uc_mcontext.fpregs + 512 + 8, 0xff, 56);
		break;
	}
}

static void test_hostile_context(void)
{
	for (int i = 0; i < 6; i++) {
		pid_t pid = (pid_t)REQUIRE_OK(fork());

		if (pid == 0) {
			handle(SIGUSR1, ruins_context, 0);
			sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = i});
			__asm__ volatile("cli");
			_exit(1);
		}
		CHECK_EQ(abi_wait_status(pid) & ~0x80, SIGSEGV);
	}
}

static void test_segv_info(void)
{
	char *p = abi_pages(2, PROT_READ);

	handle(SIGSEGV, note_and_jump, 0);
	if (sigsetjmp(out, 1) == 0)
		*(volatile char *)(p + 123) = 1;
	CHECK_EQ(calls, 1);
	CHECK_EQ(seen.si_signo, SIGSEGV);
	CHECK_EQ(seen.si_code, SEGV_ACCERR);
	CHECK_EQ((long)seen.si_addr, (long)(p + 123));
	CHECK_EQ(seen_context.uc_mcontext.gregs[REG_CR2], (long)(p + 123));
	CHECK_EQ(seen_context.uc_mcontext.gregs[REG_TRAPNO], 14);
	CHECK_EQ(seen_context.uc_mcontext.gregs[REG_ERR] & 6, 6);
}

static void test_fpe_info(void)
{
	volatile int zero = 0, one = 1;

	handle(SIGFPE, note_and_jump, 0);
	if (sigsetjmp(out, 1) == 0)
		one = one / zero;
	CHECK_EQ(calls, 1);
	CHECK_EQ(seen.si_code, FPE_INTDIV);
	CHECK_EQ((long)seen.si_addr, seen_context.uc_mcontext.gregs[REG_RIP]);
	CHECK_EQ(seen_context.uc_mcontext.gregs[REG_TRAPNO], 0);
}

static void test_ill_and_trap_info(void)
{
	handle(SIGILL, note_and_jump, 0);
	if (sigsetjmp(out, 1) == 0)
		__asm__ volatile("ud2");
	CHECK_EQ(calls, 1);
	CHECK_EQ(seen.si_code, ILL_ILLOPN);
	CHECK_EQ((long)seen.si_addr, seen_context.uc_mcontext.gregs[REG_RIP]);
	handle(SIGTRAP, note, 0);
	__asm__ volatile("int3");
	CHECK_EQ(calls, 1);
	CHECK_EQ(seen.si_code, SI_KERNEL);
	CHECK_EQ((long)seen.si_addr, 0);
	handle(SIGSEGV, note_and_jump, 0);
	if (sigsetjmp(out, 1) == 0)
		__asm__ volatile("hlt");
	CHECK_EQ(calls, 1);
	CHECK_EQ(seen.si_code, SI_KERNEL);
	handle(SIGSEGV, note_and_jump, 0);
	if (sigsetjmp(out, 1) == 0)
		__asm__ volatile("int $0x90");
	CHECK_EQ(calls, 1);
	CHECK_EQ(seen.si_code, SI_KERNEL);
}

static void test_altstack(void)
{
	static char stack[32768] __attribute__((aligned(16)));
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
	uintptr_t lo = (uintptr_t)stack, hi = lo + sizeof(stack);

	CHECK_OK(syscall(SYS_sigaltstack, &ss, &old));
	CHECK_EQ(old.ss_flags, SS_DISABLE);
	handle(SIGUSR1, note, SA_ONSTACK);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK(handler_sp > lo && handler_sp < hi);
	CHECK_EQ(seen_context.uc_stack.ss_size, sizeof(stack));
	CHECK_EQ((long)seen_context.uc_stack.ss_sp, (long)stack);
	handle(SIGUSR1, note, 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK(handler_sp < lo || handler_sp >= hi);
	CHECK_OK(syscall(SYS_sigaltstack, NULL, &old));
	CHECK_EQ((long)old.ss_sp, (long)stack);
	CHECK_EQ(old.ss_flags, 0);
	ss.ss_flags = SS_DISABLE;
	CHECK_OK(syscall(SYS_sigaltstack, &ss, NULL));
	handle(SIGUSR1, note, SA_ONSTACK);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK(handler_sp < lo || handler_sp >= hi);
}

static void tries_altstack(int signo, siginfo_t *info, void *ctx)
{
	static char other[16384];
	stack_t ss = {.ss_sp = other, .ss_size = sizeof(other)}, old;

	calls++;
	CHECK_OK(syscall(SYS_sigaltstack, NULL, &old));
	CHECK_EQ(old.ss_flags, SS_ONSTACK);
	CHECK_ERR(syscall(SYS_sigaltstack, &ss, NULL), EPERM);
}

static void test_altstack_errors(void)
{
	static char stack[16384];
	stack_t ss = {.ss_sp = stack, .ss_size = 100};

	CHECK_ERR(syscall(SYS_sigaltstack, &ss, NULL), ENOMEM);
	ss.ss_size = sizeof(stack);
	ss.ss_flags = 0x1000;
	CHECK_ERR(syscall(SYS_sigaltstack, &ss, NULL), EINVAL);
	ss.ss_flags = 0;
	CHECK_FAULTS(p, sizeof(ss), BAD_NONNULL, syscall(SYS_sigaltstack, p, NULL));
	CHECK_FAULTS(p, sizeof(ss), BAD_OUT | BAD_NONNULL, syscall(SYS_sigaltstack, NULL, p));
	CHECK_OK(syscall(SYS_sigaltstack, &ss, NULL));
	handle(SIGUSR1, tries_altstack, SA_ONSTACK);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(calls, 1);
}

static int overflow(volatile char *up, int depth);
/* Called by it, so that the compiler does not inline the recursion. */
static int (*volatile overflow_again)(volatile char *, int) = overflow;

static int overflow(volatile char *up, int depth)
{
	volatile char here[1024];

	here[0] = *up;
	if (depth < 100000000)
		here[1] = (char)overflow_again(here, depth + 1);
	return here[0] + here[1];
}

static void test_stack_overflow(void)
{
	static char stack[32768], c;
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};

	REQUIRE_OK(sigaltstack(&ss, NULL));
	handle(SIGSEGV, note_and_jump, SA_ONSTACK);
	if (sigsetjmp(out, 1) == 0)
		overflow(&c, 0);
	CHECK_EQ(calls, 1);
	CHECK(seen.si_code == SEGV_MAPERR || seen.si_code == SEGV_ACCERR);
	/* And once more: the alternate stack is free again. */
	if (sigsetjmp(out, 1) == 0)
		overflow(&c, 0);
	CHECK_EQ(calls, 2);
}

static void test_no_stack_kills(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());
	char c = 0;

	/* Without an alternate stack there is no room for the frame. */
	if (pid == 0) {
		handle(SIGSEGV, note_and_jump, 0);
		if (sigsetjmp(out, 1) == 0)
			overflow(&c, 0);
		_exit(1);
	}
	CHECK_EQ(abi_wait_status(pid) & ~0x80, SIGSEGV);
}

static void test_jump_out(void)
{
	sigset_t now;

	handle(SIGUSR1, note_and_jump, 0);
	for (int i = 1; i <= 100; i++) {
		if (sigsetjmp(out, 1) == 0)
			kill(getpid(), SIGUSR1);
		if (!CHECK_EQ(calls, i))
			break;
	}
	REQUIRE_OK(sigprocmask(SIG_BLOCK, NULL, &now));
	CHECK_EQ(sigismember(&now, SIGUSR1), 0);
}

static void *frames[64];
static int n_frames;

static void traces(int signo, siginfo_t *info, void *ctx)
{
	calls++;
	n_frames = backtrace(frames, 64);
}

static __attribute__((noinline)) void raises(void)
{
	kill(getpid(), SIGUSR1);
	__asm__ volatile("");
}

static void test_unwinds(void)
{
	uintptr_t lo = (uintptr_t)raises;
	bool found = false;

	handle(SIGUSR1, traces, 0);
	raises();
	CHECK_EQ(calls, 1);
	/* The trace passes the frame and reaches the function that was interrupted. */
	for (int i = 0; i < n_frames; i++)
		found |= (uintptr_t)frames[i] >= lo && (uintptr_t)frames[i] < lo + 128;
	CHECK(found);
}

static void test_frame_alignment(void)
{
	handle(SIGUSR1, note, 0);
	for (int i = 0; i < 16; i++) {
		volatile char *pad = __builtin_alloca((size_t)i + 1);

		pad[0] = 0;
		CHECK_OK(kill(getpid(), SIGUSR1));
		/* At the handler's entry the stack was 8 off 16. */
		CHECK_EQ(handler_sp % 16, 0);
		CHECK_EQ((uintptr_t)seen_context.uc_mcontext.fpregs % 64, 0);
	}
}

static const struct abi_test tests[] = {
	{"registers", test_registers},
	{"sse_state", test_sse_state},
	{"x87_state", test_x87_state},
	{"edited_context", test_edited_context},
	{"bad_context", test_bad_context},
	{"hostile_context", test_hostile_context},
	{"segv_info", test_segv_info},
	{"fpe_info", test_fpe_info},
	{"ill_and_trap_info", test_ill_and_trap_info},
	{"altstack", test_altstack},
	{"altstack_errors", test_altstack_errors},
	{"stack_overflow", test_stack_overflow},
	{"no_stack_kills", test_no_stack_kills},
	{"jump_out", test_jump_out},
	{"unwinds", test_unwinds},
	{"frame_alignment", test_frame_alignment},
};

ABI_SUITE(tests, NULL);
