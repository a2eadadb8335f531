/* wait.c - wait4(2), waitid(2): which children, which events, what is reported */
#include <linux/wait.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

#define W_STOPPED(sig) ((sig) << 8 | 0x7f)
#define W_CONTINUED    0xffff

static long wait4_(pid_t pid, int *status, int options)
{
	return syscall(SYS_wait4, pid, status, options, NULL);
}

static long waitid_(int type, int id, siginfo_t *info, int options)
{
	return syscall(SYS_waitid, type, id, info, options, NULL);
}

static pid_t exiting(int code)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0)
		_exit(code);
	return pid;
}

static pid_t sleeping(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		for (;;)
			pause();
	}
	return pid;
}

static void test_no_children(void)
{
	int status;
	siginfo_t info;

	CHECK_ERR(wait4_(-1, &status, 0), ECHILD);
	CHECK_ERR(wait4_(-1, &status, WNOHANG), ECHILD);
	CHECK_ERR(wait4_(1, &status, 0), ECHILD);
	CHECK_ERR(wait4_(0, &status, 0), ECHILD);
	CHECK_ERR(wait4_(-12345, &status, 0), ECHILD);
	CHECK_ERR(wait4_((pid_t)0x80000000, &status, 0), ESRCH);
	CHECK_ERR(wait4_(-1, &status, 0x10), EINVAL);
	CHECK_ERR(waitid_(P_ALL, 0, &info, WEXITED), ECHILD);
	CHECK_ERR(waitid_(P_ALL, 0, &info, 0), EINVAL);
	CHECK_ERR(waitid_(P_ALL, 0, &info, WNOHANG), EINVAL);
	CHECK_ERR(waitid_(P_ALL, 0, &info, 0x10 | WEXITED), EINVAL);
	CHECK_ERR(waitid_(99, 0, &info, WEXITED), EINVAL);
	CHECK_ERR(waitid_(P_PID, 0, &info, WEXITED), EINVAL);
	CHECK_ERR(waitid_(P_PID, -1, &info, WEXITED), EINVAL);
	CHECK_ERR(waitid_(P_PIDFD, 9999, &info, WEXITED), EBADF);
}

static void test_faults(void)
{
	siginfo_t info;
	struct rusage ru;

	/* The child is reaped all the same: a fresh one each time. */
	CHECK_FAULTS(p, sizeof(int), BAD_OUT | BAD_NONNULL, (exiting(0), wait4_(-1, p, 0)));
	CHECK_FAULTS(p, sizeof(ru), BAD_OUT | BAD_NONNULL,
		     (exiting(0), syscall(SYS_wait4, -1, NULL, 0, p)));
	CHECK_FAULTS(p, 28, BAD_OUT | BAD_NONNULL, (exiting(0), waitid_(P_ALL, 0, p, WEXITED)));
	CHECK_FAULTS(p, sizeof(ru), BAD_OUT | BAD_NONNULL,
		     (exiting(0), syscall(SYS_waitid, P_ALL, 0, &info, WEXITED, p)));
	while (wait4_(-1, NULL, WNOHANG) > 0)
		;
	exiting(0);
	CHECK(wait4_(-1, NULL, 0) > 0);
}

static void test_nohang(void)
{
	int status = 77;
	pid_t pid = sleeping();
	siginfo_t info;

	CHECK_EQ(wait4_(-1, &status, WNOHANG), 0);
	CHECK_EQ(status, 77);
	memset(&info, 0xff, sizeof(info));
	CHECK_EQ(waitid_(P_ALL, 0, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(info.si_signo, 0);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(wait4_(pid, &status, 0), pid);
	CHECK_EQ(status, SIGKILL);
	CHECK_ERR(wait4_(pid, &status, WNOHANG), ECHILD);
}

static void test_which(void)
{
	int status;
	pid_t a = exiting(1), b = exiting(2), c = exiting(3);

	CHECK_EQ(wait4_(b, &status, 0), b);
	CHECK_EQ(status, 2 << 8);
	CHECK_EQ(wait4_(c, &status, 0), c);
	CHECK_ERR(wait4_(c, &status, 0), ECHILD);
	CHECK_EQ(wait4_(-1, &status, 0), a);
	CHECK_EQ(status, 1 << 8);
}

static void test_process_groups(void)
{
	pid_t own = exiting(1), other = (pid_t)REQUIRE_OK(fork());
	siginfo_t info;
	int status;

	if (other == 0) {
		setpgid(0, 0);
		_exit(2);
	}
	setpgid(other, other);
	CHECK_EQ(wait4_(-other, &status, 0), other);
	CHECK_EQ(status, 2 << 8);
	CHECK_ERR(wait4_(-other, &status, 0), ECHILD);
	CHECK_EQ(wait4_(0, &status, 0), own);
	own = exiting(4);
	CHECK_EQ(waitid_(P_PGID, getpgrp(), &info, WEXITED), 0);
	CHECK_EQ(info.si_pid, own);
	own = exiting(5);
	CHECK_EQ(waitid_(P_PGID, 0, &info, WEXITED), 0);
	CHECK_EQ(info.si_pid, own);
}

static void test_waitid_info(void)
{
	siginfo_t info;
	pid_t pid = exiting(9);

	memset(&info, 0, sizeof(info));
	CHECK_EQ(waitid_(P_PID, pid, &info, WEXITED), 0);
	CHECK_EQ(info.si_signo, SIGCHLD);
	CHECK_EQ(info.si_errno, 0);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_uid, getuid());
	CHECK_EQ(info.si_status, 9);
	pid = sleeping();
	CHECK_OK(kill(pid, SIGTERM));
	CHECK_EQ(waitid_(P_PID, pid, &info, WEXITED), 0);
	CHECK_EQ(info.si_code, CLD_KILLED);
	CHECK_EQ(info.si_status, SIGTERM);
	pid = exiting(0);
	CHECK_EQ(waitid_(P_PID, pid, NULL, WEXITED), 0);
}

static void test_nowait(void)
{
	siginfo_t info;
	int status;
	pid_t pid = exiting(3);

	CHECK_EQ(waitid_(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(waitid_(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(wait4_(-1, &status, 0), pid);
	CHECK_EQ(status, 3 << 8);
}

static void test_stop_continue(void)
{
	int status;
	pid_t pid = sleeping();

	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(wait4_(pid, &status, WUNTRACED), pid);
	CHECK_EQ(status, W_STOPPED(SIGSTOP));
	CHECK_EQ(wait4_(pid, &status, WUNTRACED | WNOHANG), 0);
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(wait4_(pid, &status, WCONTINUED), pid);
	CHECK_EQ(status, W_CONTINUED);
	CHECK_EQ(wait4_(pid, &status, WCONTINUED | WNOHANG), 0);
	CHECK_OK(kill(pid, SIGTSTP));
	CHECK_EQ(wait4_(pid, &status, WUNTRACED), pid);
	CHECK_EQ(status, W_STOPPED(SIGTSTP));
	/* Stopped, it takes no signal but these two. */
	CHECK_OK(kill(pid, SIGTERM));
	CHECK_EQ(wait4_(pid, &status, WNOHANG), 0);
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(wait4_(pid, &status, 0), pid);
	CHECK_EQ(status, SIGTERM);
	pid = sleeping();
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(wait4_(pid, &status, WUNTRACED), pid);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(wait4_(pid, &status, 0), pid);
	CHECK_EQ(status, SIGKILL);
}

static void test_stop_continue_waitid(void)
{
	siginfo_t info;
	pid_t pid = sleeping();

	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitid_(P_PID, pid, &info, WSTOPPED | WNOWAIT), 0);
	CHECK_EQ(info.si_code, CLD_STOPPED);
	CHECK_EQ(info.si_status, SIGSTOP);
	CHECK_EQ(waitid_(P_PID, pid, &info, WSTOPPED), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(waitid_(P_PID, pid, &info, WSTOPPED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(waitid_(P_PID, pid, &info, WCONTINUED), 0);
	CHECK_EQ(info.si_code, CLD_CONTINUED);
	CHECK_EQ(info.si_status, SIGCONT);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitid_(P_PID, pid, &info, WEXITED | WSTOPPED | WCONTINUED), 0);
	CHECK_EQ(info.si_code, CLD_KILLED);
}

static void nothing(int signo)
{
}

static void interrupter(void *arg)
{
	for (int i = 0; i < 3; i++) {
		struct timespec ts = {.tv_nsec = 20 * 1000 * 1000};

		nanosleep(&ts, NULL);
		kill(getppid(), SIGUSR1);
	}
	for (;;)
		pause();
}

static void test_interrupted(void)
{
	struct sigaction sa = {.sa_handler = nothing};
	pid_t pid;
	siginfo_t info;

	REQUIRE_OK(sigaction(SIGUSR1, &sa, NULL));
	pid = abi_spawn(interrupter, NULL);
	CHECK_ERR(wait4_(pid, NULL, 0), EINTR);
	CHECK_ERR(waitid_(P_PID, pid, &info, WEXITED), EINTR);
	CHECK_OK(kill(pid, SIGKILL));
	while (wait4_(pid, NULL, 0) == -1 && errno == EINTR)
		;
}

static void test_rusage(void)
{
	struct rusage ru;
	pid_t pid = exiting(0);

	memset(&ru, 0xff, sizeof(ru));
	CHECK_EQ(syscall(SYS_wait4, pid, NULL, 0, &ru), pid);
	CHECK(ru.ru_utime.tv_sec >= 0 && ru.ru_utime.tv_sec < 60);
	CHECK(ru.ru_utime.tv_usec >= 0 && ru.ru_utime.tv_usec < 1000000);
	CHECK(ru.ru_stime.tv_usec >= 0 && ru.ru_stime.tv_usec < 1000000);
	CHECK(ru.ru_maxrss >= 0);
}

static void test_clone_children(void)
{
	int status;
	/* A child without an exit signal is a "clone" child, for __WCLONE or __WALL only. */
	pid_t pid = (pid_t)REQUIRE_OK(syscall(SYS_clone, 0, NULL, NULL, NULL, NULL));

	if (pid == 0)
		_exit(6);
	CHECK_ERR(wait4_(pid, &status, 0), ECHILD);
	CHECK_EQ(wait4_(pid, &status, __WCLONE), pid);
	CHECK_EQ(status, 6 << 8);
	signal(SIGUSR2, SIG_IGN);
	pid = (pid_t)REQUIRE_OK(syscall(SYS_clone, SIGUSR2, NULL, NULL, NULL, NULL));
	if (pid == 0)
		_exit(7);
	CHECK_EQ(wait4_(pid, &status, __WALL), pid);
	CHECK_EQ(status, 7 << 8);
}

static void test_pidfd(void)
{
	siginfo_t info;
	pid_t pid = sleeping();
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd == -1 && errno == ENOSYS) {
		kill(pid, SIGKILL);
		SKIP("no pidfd_open");
	}
	CHECK(fd >= 0);
	CHECK_OK(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
	CHECK_EQ(waitid_(P_PIDFD, fd, &info, WEXITED), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_ERR(syscall(SYS_pidfd_open, pid, 0), ESRCH);
}

static const struct abi_test tests[] = {
	{"no_children", test_no_children},
	{"faults", test_faults},
	{"nohang", test_nohang},
	{"which", test_which},
	{"process_groups", test_process_groups},
	{"waitid_info", test_waitid_info},
	{"nowait", test_nowait},
	{"stop_continue", test_stop_continue},
	{"stop_continue_waitid", test_stop_continue_waitid},
	{"interrupted", test_interrupted},
	{"rusage", test_rusage},
	{"clone_children", test_clone_children},
	{"pidfd", test_pidfd},
};

ABI_SUITE(tests, NULL);
