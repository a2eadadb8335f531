/* sigaction.c - rt_sigaction(2), rt_sigprocmask(2), default actions, handlers and their flags */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abitest.h"

/* What the kernel takes: libc's struct sigaction has another layout. */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static volatile int calls, nested, last_signo;
static volatile uint64_t mask_in_handler;
static siginfo_t last_info;

static long sigaction_(int signo, const void *act, void *old, size_t size)
{
	return syscall(SYS_rt_sigaction, signo, act, old, size);
}

static long sigprocmask_(int how, const void *set, void *old, size_t size)
{
	return syscall(SYS_rt_sigprocmask, how, set, old, size);
}

static uint64_t bit(int signo)
{
	return 1ull << (signo - 1);
}

static uint64_t current_mask(void)
{
	uint64_t mask = 0;

	CHECK_OK(sigprocmask_(SIG_BLOCK, NULL, &mask, 8));
	return mask;
}

static void count(int signo)
{
	calls++;
	last_signo = signo;
	mask_in_handler = current_mask();
}

static void count_info(int signo, siginfo_t *info, void *ctx)
{
	count(signo);
	last_info = *info;
}

static void handle(int signo, void (*fn)(int), int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = fn;
	sa.sa_flags = flags;
	REQUIRE_OK(sigaction(signo, &sa, NULL));
	calls = 0;
}

static void test_errors(void)
{
	struct kernel_sigaction sa = {.handler = (void *)SIG_IGN}, old;
	uint64_t set = 0;

	CHECK_ERR(sigaction_(0, NULL, &old, 8), EINVAL);
	CHECK_ERR(sigaction_(65, NULL, &old, 8), EINVAL);
	CHECK_ERR(sigaction_(-1, NULL, &old, 8), EINVAL);
	CHECK_ERR(sigaction_(SIGUSR1, NULL, &old, 4), EINVAL);
	CHECK_ERR(sigaction_(SIGUSR1, NULL, &old, 128), EINVAL);
	CHECK_ERR(sigaction_(SIGKILL, &sa, NULL, 8), EINVAL);
	CHECK_ERR(sigaction_(SIGSTOP, &sa, NULL, 8), EINVAL);
	CHECK_OK(sigaction_(SIGKILL, NULL, &old, 8));
	CHECK_ERR(sigprocmask_(SIG_BLOCK, &set, NULL, 4), EINVAL);
	CHECK_ERR(sigprocmask_(99, &set, NULL, 8), EINVAL);
	CHECK_OK(sigprocmask_(99, NULL, NULL, 8));
}

static void test_faults(void)
{
	uint64_t old;

	CHECK_FAULTS(p, sizeof(struct kernel_sigaction), BAD_NONNULL,
		     sigaction_(SIGUSR1, p, NULL, 8));
	CHECK_FAULTS(p, sizeof(struct kernel_sigaction), BAD_OUT | BAD_NONNULL,
		     sigaction_(SIGUSR1, NULL, p, 8));
	CHECK_FAULTS(p, 8, BAD_NONNULL, sigprocmask_(SIG_BLOCK, p, NULL, 8));
	CHECK_FAULTS(p, 8, BAD_OUT | BAD_NONNULL, sigprocmask_(SIG_BLOCK, NULL, p, 8));
	CHECK_FAULTS(p, 8, BAD_OUT, syscall(SYS_rt_sigpending, p, 8));
	CHECK_ERR(syscall(SYS_rt_sigpending, &old, 9), EINVAL);
}

static void test_old_action(void)
{
	struct sigaction sa, old;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = count;
	sa.sa_flags = SA_NODEFER | SA_RESTART;
	sigaddset(&sa.sa_mask, SIGUSR2);
	REQUIRE_OK(sigaction(SIGUSR1, &sa, &old));
	CHECK(old.sa_handler == SIG_DFL);
	REQUIRE_OK(sigaction(SIGUSR1, NULL, &old));
	CHECK(old.sa_handler == count);
	CHECK_EQ(old.sa_flags & (SA_NODEFER | SA_RESTART | SA_SIGINFO), SA_NODEFER | SA_RESTART);
	CHECK_EQ(sigismember(&old.sa_mask, SIGUSR2), 1);
	CHECK_EQ(sigismember(&old.sa_mask, SIGUSR1), 0);
}

static void test_handler_runs(void)
{
	handle(SIGUSR1, count, 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(calls, 1);
	CHECK_EQ(last_signo, SIGUSR1);
	CHECK_EQ(mask_in_handler & bit(SIGUSR1), bit(SIGUSR1));
	CHECK_EQ(current_mask() & bit(SIGUSR1), 0);
	CHECK_OK(syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1));
	CHECK_EQ(calls, 2);
}

static void test_block(void)
{
	uint64_t set = bit(SIGUSR1), old = 0, pending = 0;

	handle(SIGUSR1, count, 0);
	CHECK_OK(sigprocmask_(SIG_BLOCK, &set, &old, 8));
	CHECK_EQ(old & set, 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(calls, 0);
	CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
	CHECK_EQ(pending, set);
	/* A standard signal is pending once; it is taken before the call returns. */
	CHECK_OK(sigprocmask_(SIG_UNBLOCK, &set, &old, 8));
	CHECK_EQ(old & set, set);
	CHECK_EQ(calls, 1);
	CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
	CHECK_EQ(pending, 0);
	set = ~0ull;
	CHECK_OK(sigprocmask_(SIG_SETMASK, &set, NULL, 8));
	CHECK_EQ(current_mask(), ~(bit(SIGKILL) | bit(SIGSTOP)));
}

static void test_pending_is_not_inherited(void)
{
	uint64_t set = bit(SIGUSR1), pending = 0;
	pid_t pid;

	CHECK_OK(sigprocmask_(SIG_BLOCK, &set, NULL, 8));
	CHECK_OK(kill(getpid(), SIGUSR1));
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
		CHECK_EQ(pending, 0);
		CHECK_EQ(current_mask() & set, set);
		_exit(abi_failures ? 1 : 0);
	}
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
	CHECK_EQ(pending, set);
	/* Ignoring it drops what is pending. */
	signal(SIGUSR1, SIG_IGN);
	CHECK_OK(syscall(SYS_rt_sigpending, &pending, 8));
	CHECK_EQ(pending, 0);
}

static void raise_once_more(int signo)
{
	if (++calls == 1) {
		kill(getpid(), signo);
		nested = calls;
	}
}

static void test_nodefer(void)
{
	handle(SIGUSR1, raise_once_more, 0);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(calls, 2);
	CHECK_EQ(nested, 1);
	handle(SIGUSR1, raise_once_more, SA_NODEFER);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(calls, 2);
	CHECK_EQ(nested, 2);
}

static void test_resethand(void)
{
	struct sigaction old;

	handle(SIGUSR1, count, SA_RESETHAND);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(calls, 1);
	CHECK_OK(sigaction(SIGUSR1, NULL, &old));
	CHECK(old.sa_handler == SIG_DFL);
}

static void test_handler_mask(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = count;
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaddset(&sa.sa_mask, SIGKILL);
	REQUIRE_OK(sigaction(SIGUSR1, &sa, NULL));
	calls = 0;
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(calls, 1);
	CHECK_EQ(mask_in_handler, bit(SIGUSR1) | bit(SIGUSR2));
}

static void test_siginfo(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = count_info;
	sa.sa_flags = SA_SIGINFO;
	REQUIRE_OK(sigaction(SIGUSR1, &sa, NULL));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(last_info.si_signo, SIGUSR1);
	CHECK_EQ(last_info.si_code, SI_USER);
	CHECK_EQ(last_info.si_pid, getpid());
	CHECK_EQ(last_info.si_uid, getuid());
	CHECK_OK(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
	CHECK_EQ(last_info.si_code, SI_TKILL);
	CHECK_EQ(last_info.si_pid, getpid());
}

static void test_tgkill_errors(void)
{
	pid_t self = getpid();

	CHECK_ERR(syscall(SYS_tgkill, self, self, 65), EINVAL);
	CHECK_ERR(syscall(SYS_tgkill, self, self, -1), EINVAL);
	CHECK_ERR(syscall(SYS_tgkill, -1, self, SIGUSR1), EINVAL);
	CHECK_ERR(syscall(SYS_tgkill, self, 0, SIGUSR1), EINVAL);
	CHECK_ERR(syscall(SYS_tgkill, self, 0x3ffffff, SIGUSR1), ESRCH);
	CHECK_ERR(syscall(SYS_tgkill, self + 1, self, SIGUSR1), ESRCH);
	CHECK_ERR(syscall(SYS_tkill, 0, SIGUSR1), EINVAL);
	CHECK_ERR(syscall(SYS_tkill, 0x3ffffff, SIGUSR1), ESRCH);
	CHECK_OK(syscall(SYS_tgkill, self, self, 0));
}

static void test_default_actions(void)
{
	static const int kills[] = {SIGHUP,  SIGINT,	SIGKILL,   SIGUSR1, SIGUSR2,
				    SIGPIPE, SIGALRM,	SIGTERM,   SIGPROF, SIGIO,
				    SIGPWR,  SIGVTALRM, SIGSTKFLT, 34,	    64},
			 ignored[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT},
			 cores[] = {SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
				    SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(kills) + ARRAY_SIZE(cores); i++) {
		int signo = i < ARRAY_SIZE(kills) ? kills[i] : cores[i - ARRAY_SIZE(kills)];

		pid = (pid_t)REQUIRE_OK(fork());
		if (pid == 0) {
			kill(getpid(), signo);
			_exit(1);
		}
		/* Whether a core was written is the system's business. */
		CHECK_EQ(abi_wait_status(pid) & ~0x80, signo);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) {
		pid = (pid_t)REQUIRE_OK(fork());
		if (pid == 0) {
			kill(getpid(), ignored[i]);
			_exit(3);
		}
		CHECK_EQ(abi_wait_status(pid), 3 << 8);
	}
}

static void test_ignored_fault_kills(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());
	uint64_t set = bit(SIGSEGV);

	if (pid == 0) {
		signal(SIGSEGV, SIG_IGN);
		*(volatile int *)8 = 1;
		_exit(1);
	}
	CHECK_EQ(abi_wait_status(pid) & ~0x80, SIGSEGV);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		handle(SIGSEGV, count, 0);
		sigprocmask_(SIG_BLOCK, &set, NULL, 8);
		*(volatile int *)8 = 1;
		_exit(1);
	}
	CHECK_EQ(abi_wait_status(pid) & ~0x80, SIGSEGV);
}

static void test_fork_keeps_handlers(void)
{
	pid_t pid;

	handle(SIGUSR1, count, 0);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		kill(getpid(), SIGUSR1);
		_exit(calls);
	}
	CHECK_EQ(abi_wait_status(pid), 1 << 8);
	CHECK_EQ(calls, 0);
}

static int child(int argc, char **argv)
{
	struct sigaction usr1, usr2;
	uint64_t pending = 0;

	sigaction(SIGUSR1, NULL, &usr1);
	sigaction(SIGUSR2, NULL, &usr2);
	syscall(SYS_rt_sigpending, &pending, 8);
	return (usr1.sa_handler == SIG_DFL) | (usr2.sa_handler == SIG_IGN) << 1 |
	       (current_mask() == bit(SIGTERM)) << 2 | (pending == bit(SIGTERM)) << 3;
}

static void test_exec_resets_handlers(void)
{
	uint64_t set = bit(SIGTERM);
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		handle(SIGUSR1, count, 0);
		signal(SIGUSR2, SIG_IGN);
		sigprocmask_(SIG_SETMASK, &set, NULL, 8);
		kill(getpid(), SIGTERM);
		execl(abi_self_path(), "sigaction", "--child", NULL);
		_exit(99);
	}
	CHECK_EQ(abi_wait_status(pid), 15 << 8);
}

static const struct abi_test tests[] = {
	{"errors", test_errors},
	{"faults", test_faults},
	{"old_action", test_old_action},
	{"handler_runs", test_handler_runs},
	{"block", test_block},
	{"pending_is_not_inherited", test_pending_is_not_inherited},
	{"nodefer", test_nodefer},
	{"resethand", test_resethand},
	{"handler_mask", test_handler_mask},
	{"siginfo", test_siginfo},
	{"tgkill_errors", test_tgkill_errors},
	{"default_actions", test_default_actions},
	{"ignored_fault_kills", test_ignored_fault_kills},
	{"fork_keeps_handlers", test_fork_keeps_handlers},
	{"exec_resets_handlers", test_exec_resets_handlers},
};

ABI_SUITE(tests, child);
