/* abitest.c - the harness: options, the table loop, the checks; helpers are in abihelp.c */
#include "abitest.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abihelp.h"

enum { EXIT_SKIP = 77, EXIT_FAILED = 99 };

unsigned abi_failures;

static bool nofork;
static unsigned timeout_seconds = 60;
static sigjmp_buf case_end;
static pid_t case_pid;
static const char *context;

void abi_context(const char *text)
{
	context = text;
}

void abi_fail(const char *file, int line, const char *fmt, ...)
{
	static char text[512];
	const char *base = strrchr(file, '/');
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	abi_failures++;
	dprintf(1, "  %s:%d: %s%s%s\n", base ? base + 1 : file, line, text,
		context ? " with pointer " : "", context ? context : "");
}

static void end_case(int status)
{
	if (nofork && getpid() == case_pid)
		siglongjmp(case_end, status);
	if (getpid() == case_pid)
		abi_tmp_remove();
	_exit(status);
}

void abi_abort(void)
{
	end_case(EXIT_FAILED);
	__builtin_unreachable();
}

void abi_skip(const char *reason)
{
	dprintf(1, "  skipped: %s\n", reason);
	end_case(abi_failures ? EXIT_FAILED : EXIT_SKIP);
	__builtin_unreachable();
}

bool abi_check_eq(const char *file, int line, const char *text, long long got, long long want)
{
	if (got == want)
		return true;
	abi_fail(file, line, "%s: %lld (%#llx), not %lld (%#llx)", text, got, got, want, want);
	return false;
}

bool abi_check_err(const char *file, int line, const char *text, long ret, int got, int want)
{
	if (ret == -1 && got == want)
		return true;
	if (ret == -1)
		abi_fail(file, line, "%s: %s, not %s", text, strerrorname_np(got),
			 strerrorname_np(want));
	else
		abi_fail(file, line, "%s: returned %ld, not %s", text, ret, strerrorname_np(want));
	return false;
}

long abi_check_ok(const char *file, int line, const char *text, long ret, int err)
{
	if (ret == -1)
		abi_fail(file, line, "%s: %s", text, strerrorname_np(err));
	return ret;
}

pid_t abi_spawn(void (*fn)(void *), void *arg)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid)
		return pid;
	abi_failures = 0;
	fn(arg);
	_exit(abi_failures ? EXIT_FAILED : 0);
}

int abi_wait_status(pid_t pid)
{
	int status = -1;
	pid_t got;

	do {
		got = waitpid(pid, &status, 0);
	} while (got == -1 && errno == EINTR);
	CHECK_EQ(got, pid);
	return got == pid ? status : -1;
}

void abi_join(pid_t pid)
{
	int status = abi_wait_status(pid);

	if (status && !(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILED))
		abi_fail(__FILE__, __LINE__, "a helper process ended with wait status %#x", status);
	else if (status)
		abi_failures++;
}

static int run_here(const struct abi_test *test)
{
	int status;

	case_pid = getpid();
	abi_failures = 0;
	context = NULL;
	status = sigsetjmp(case_end, 1);
	if (status == 0) {
		test->run();
		status = abi_failures ? EXIT_FAILED : 0;
	}
	abi_tmp_remove();
	return status;
}

static int run_forked(const struct abi_test *test)
{
	int status;
	pid_t pid = fork();

	if (pid == -1) {
		dprintf(1, "  fork: %s\n", strerrorname_np(errno));
		return EXIT_FAILED;
	}
	if (pid == 0) {
		setpgid(0, 0);
		alarm(timeout_seconds);
		_exit(run_here(test));
	}
	setpgid(pid, pid);
	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR) {
			dprintf(1, "  waitpid: %s\n", strerrorname_np(errno));
			return EXIT_FAILED;
		}
	}
	kill(-pid, SIGKILL);
	if (WIFSIGNALED(status)) {
		dprintf(1, "  killed by SIG%s%s\n", sigabbrev_np(WTERMSIG(status)),
			WTERMSIG(status) == SIGALRM ? " (a hang)" : "");
		abi_tmp_remove_of(pid);
		return EXIT_FAILED;
	}
	return WEXITSTATUS(status);
}

struct tally {
	unsigned passed, failed, skipped;
};

static void run_one(const struct abi_test *test, struct tally *tally)
{
	int status = nofork ? run_here(test) : run_forked(test);

	if (status == 0) {
		tally->passed++;
		dprintf(1, "ok %s\n", test->name);
	} else if (status == EXIT_SKIP) {
		tally->skipped++;
		dprintf(1, "skip %s\n", test->name);
	} else {
		tally->failed++;
		dprintf(1, "FAIL %s\n", test->name);
	}
}

static void usage(const char *self)
{
	dprintf(2, "usage: %s [--list] [--nofork] [--timeout SECONDS] [--only NAME]...\n", self);
	exit(2);
}

static bool wanted(const char *name, char **only, unsigned n)
{
	if (n == 0)
		return true;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(name, only[i]) == 0)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static char *only[64];
	unsigned n_only = 0;
	struct tally tally = {0};
	bool list = false;

	if (argc > 1 && strcmp(argv[1], "--child") == 0 && abi_suite.child)
		return abi_suite.child(argc - 2, argv + 2);
	/* A case's execve without arguments: to run the suite again would never end. */
	if (argc == 0 || (argc == 1 && strlen(argv[0]) < 2))
		return 3;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0)
			list = true;
		else if (strcmp(argv[i], "--nofork") == 0)
			nofork = true;
		else if (strcmp(argv[i], "--timeout") == 0 && i + 1 < argc)
			timeout_seconds = (unsigned)atoi(argv[++i]);
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc &&
			 n_only < ARRAY_SIZE(only))
			only[n_only++] = argv[++i];
		else
			usage(argv[0]);
	}
	/* Cases count on the lowest descriptors being free. */
	syscall(SYS_close_range, 3, ~0u, 0);
	for (size_t i = 0; i < abi_suite.count; i++) {
		const struct abi_test *test = &abi_suite.tests[i];

		if (list)
			dprintf(1, "%s\n", test->name);
		else if (wanted(test->name, only, n_only))
			run_one(test, &tally);
	}
	if (list)
		return 0;
	dprintf(1, "%u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
	return tally.failed || tally.passed + tally.skipped == 0 ? 1 : 0;
}
