/* pidfd.c - pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2), CLONE_PIDFD, P_PIDFD */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abitest.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int pidfd_open_(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static long pidfd_send(int fd, int sig, siginfo_t *info, unsigned flags)
{
	return syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}

static long waitid_(int type, int id, siginfo_t *info, int options)
{
	return syscall(SYS_waitid, type, id, info, options, NULL);
}

static short ready(int fd, int timeout)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	CHECK_OK(poll(&p, 1, timeout));
	return p.revents & POLLIN; /* and POLLHUP, since Linux 6.9 */
}

static pid_t sleeper(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	while (pid == 0)
		pause();
	return pid;
}

static void test_open(void)
{
	pid_t pid = sleeper();
	int fd = pidfd_open_(pid, 0);

	CHECK_OK(fd);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(fcntl((int)CHECK_OK(pidfd_open_(pid, O_NONBLOCK)), F_GETFL) & O_NONBLOCK,
		 O_NONBLOCK);
	CHECK_ERR(pidfd_open_(pid, 1), EINVAL);
	CHECK_ERR(pidfd_open_(0, 0), EINVAL);
	CHECK_ERR(pidfd_open_(-1, 0), EINVAL);
	CHECK_ERR(pidfd_open_(4000000, 0), ESRCH);
	CHECK_ERR(read(fd, &pid, 1), EINVAL);
	CHECK_ERR(write(fd, &pid, 1), EINVAL);
	CHECK_OK(pidfd_send(fd, SIGKILL, NULL, 0));
}

/* Readable from its end on, waited for or not; then the number says nothing any more. */
static void test_life(void)
{
	pid_t pid = sleeper();
	int fd = (int)REQUIRE_OK(pidfd_open_(pid, 0)), later;
	siginfo_t info;

	CHECK_EQ(ready(fd, 0), 0);
	CHECK_OK(pidfd_send(fd, 0, NULL, 0));
	CHECK_OK(pidfd_send(fd, SIGTERM, NULL, 0));
	CHECK_EQ(ready(fd, -1), POLLIN);
	later = pidfd_open_(pid, 0);
	CHECK_EQ(ready(later, 0), POLLIN);
	CHECK_OK(pidfd_send(fd, SIGTERM, NULL, 0));
	CHECK_EQ(waitid_(P_PIDFD, fd, &info, WEXITED), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, SIGTERM);
	CHECK_EQ(ready(fd, 0), POLLIN);
	CHECK_ERR(pidfd_send(fd, 0, NULL, 0), ESRCH);
	CHECK_ERR(waitid_(P_PIDFD, fd, &info, WEXITED), ECHILD);
	CHECK_ERR(pidfd_open_(pid, 0), ESRCH);
}

static void test_wait(void)
{
	pid_t pid = sleeper(), other = sleeper();
	int fd = (int)REQUIRE_OK(pidfd_open_(pid, O_NONBLOCK));
	siginfo_t info;

	CHECK_ERR(waitid_(P_PIDFD, fd, &info, WEXITED), EAGAIN);
	info.si_pid = 1;
	CHECK_EQ(waitid_(P_PIDFD, fd, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_OK(kill(other, SIGKILL));
	CHECK_EQ(waitid_(P_PID, other, &info, WEXITED | WNOWAIT), 0);
	CHECK_ERR(waitid_(P_PIDFD, fd, &info, WEXITED), EAGAIN);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(ready(fd, -1), POLLIN);
	CHECK_EQ(waitid_(P_PIDFD, fd, &info, WEXITED), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_ERR(waitid_(P_PIDFD, 9999, &info, WEXITED), EBADF);
	CHECK_ERR(waitid_(P_PIDFD, 0, &info, WEXITED), EBADF);
	CHECK_ERR(waitid_(P_PIDFD, -1, &info, WEXITED), EINVAL);
	fd = (int)REQUIRE_OK(pidfd_open_(getpid(), 0));
	CHECK_ERR(waitid_(P_PIDFD, fd, &info, WEXITED | WNOHANG), ECHILD);
}

static void test_send_info(void)
{
	int self = (int)REQUIRE_OK(pidfd_open_(getpid(), 0));
	int parent = (int)REQUIRE_OK(pidfd_open_(getppid(), 0));
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE}, got;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	info.si_value.sival_int = 77;
	CHECK_OK(pidfd_send(self, SIGUSR1, &info, 0));
	CHECK_EQ(sigwaitinfo(&set, &got), SIGUSR1);
	CHECK_EQ(got.si_value.sival_int, 77);
	CHECK_OK(pidfd_send(self, SIGUSR1, NULL, 0));
	CHECK_EQ(sigwaitinfo(&set, &got), SIGUSR1);
	CHECK_EQ(got.si_code, SI_USER);
	CHECK_EQ(got.si_pid, getpid());
	CHECK_ERR(pidfd_send(self, SIGUSR2, &info, 0), EINVAL);
	CHECK_ERR(pidfd_send(self, 65, NULL, 0), EINVAL);
	CHECK_ERR(pidfd_send(self, 0, NULL, 1u << 31), EINVAL);
	CHECK_ERR(pidfd_send(0, 0, NULL, 0), EBADF);
	CHECK_ERR(pidfd_send(9999, 0, NULL, 0), EBADF);
	info.si_code = SI_USER;
	CHECK_ERR(pidfd_send(parent, SIGUSR1, &info, 0), EPERM);
	CHECK_FAULTS(p, 48, BAD_NONNULL, /* what the kernel has of it */
		     syscall(SYS_pidfd_send_signal, self, SIGUSR1, p, 0));
}

static void test_clone(void)
{
	int fd = -1;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
	siginfo_t info;

	if (pid == 0)
		_exit(fd == -1 ? 5 : 6);
	REQUIRE_OK(pid);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(ready(fd, -1), POLLIN);
	CHECK_EQ(waitid_(P_PIDFD, fd, &info, WEXITED), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, 5);
	CHECK_ERR(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0),
		  EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, 0, &fd, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, 8, 0, 0), EFAULT);
	CHECK_ERR(waitid_(P_ALL, 0, &info, WEXITED | WNOHANG), ECHILD);
}

static void test_clone3(void)
{
	int fd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	int before;
	siginfo_t info;

	if (pid == 0)
		_exit(9);
	REQUIRE_OK(pid);
	CHECK_EQ(waitid_(P_PIDFD, fd, &info, WEXITED), 0);
	CHECK_EQ(info.si_status, 9);
	before = (int)CHECK_OK(dup(0));
	close(before);
	args.pidfd = 8;
	CHECK_ERR(syscall(SYS_clone3, &args, sizeof(args)), EFAULT);
	CHECK_EQ(dup(0), before); /* a clone that fails leaves no descriptor */
}

static void *thread_main(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	CHECK_EQ(pidfd_open_(*(pid_t *)arg, 0), -1);
	CHECK(errno == EINVAL || errno == ENOENT); /* the latter since 6.13 */
	return NULL;
}

static void test_thread(void)
{
	pthread_t thread;
	pid_t tid;

	REQUIRE(pthread_create(&thread, NULL, thread_main, &tid) == 0);
	REQUIRE(pthread_join(thread, NULL) == 0);
}

static long getfd(int pidfd, int fd, unsigned flags)
{
	return syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}

static void getfd_as_user(void *arg)
{
	CHECK_OK(setresgid(1000, 1000, 1000));
	CHECK_OK(setresuid(1000, 1000, 1000));
	CHECK_ERR(getfd(*(int *)arg, 0, 0), EPERM);
}

static void test_getfd(void)
{
	int fds[2], fd, mine;
	char c = 0;
	pid_t pid;

	REQUIRE_OK(pipe(fds));
	pid = sleeper();
	fd = (int)REQUIRE_OK(pidfd_open_(pid, 0));
	close(fds[0]);
	mine = (int)CHECK_OK(getfd(fd, fds[0], 0));
	CHECK_EQ(fcntl(mine, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(read(mine, &c, 1), 1);
	CHECK_EQ(c, 'x');
	CHECK_ERR(getfd(fd, 9999, 0), EBADF);
	CHECK_ERR(getfd(0, 0, 0), EBADF);
	CHECK_ERR(getfd(fd, 0, 1), EINVAL);
	if (geteuid() == 0)
		abi_join(abi_spawn(getfd_as_user, &fd));
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(ready(fd, -1), POLLIN);
	CHECK_ERR(getfd(fd, 0, 0), ESRCH);
}

static const struct abi_test tests[] = {
	{"open", test_open},	       {"life", test_life},   {"wait", test_wait},
	{"send_info", test_send_info}, {"clone", test_clone}, {"clone3", test_clone3},
	{"thread", test_thread},       {"getfd", test_getfd},
};

ABI_SUITE(tests, NULL);
