/* epoll.c - epoll_create1(2), epoll_ctl(2), epoll_pwait(2), epoll_pwait2(2) */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static int make(void)
{
	return (int)REQUIRE_OK(syscall(SYS_epoll_create1, 0));
}

static long ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};

	return syscall(SYS_epoll_ctl, ep, op, fd, &ev);
}

static long wait_(int ep, struct epoll_event *ev, int n, int ms)
{
	return syscall(SYS_epoll_wait, ep, ev, n, ms);
}

static void test_level(void)
{
	struct epoll_event ev[4];
	int ep = make(), fds[2];
	char c;

	REQUIRE_OK(pipe(fds));
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0x123456789abcdef0));
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
	CHECK_EQ(write(fds[1], "xy", 2), 2);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(wait_(ep, ev, 4, -1), 1);
		CHECK_EQ(ev[0].events, EPOLLIN);
		CHECK_EQ(ev[0].data.u64, 0x123456789abcdef0);
	}
	CHECK_EQ(read(fds[0], &c, 1), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
	close(fds[1]);
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	CHECK_EQ(ev[0].events, EPOLLHUP);
}

static void test_edge(void)
{
	struct epoll_event ev[4];
	int ep = make(), fds[2];

	REQUIRE_OK(pipe(fds));
	CHECK_EQ(write(fds[1], "x", 1), 1);
	/* What is ready when added is reported once. */
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET, 1));
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
	CHECK_OK(ctl(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLET, 1));
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
}

static void test_oneshot(void)
{
	struct epoll_event ev[4];
	int ep = make(), fds[2];

	REQUIRE_OK(pipe(fds));
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLONESHOT, 1));
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
	close(fds[1]);
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
	CHECK_OK(ctl(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT, 2));
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	CHECK_EQ(ev[0].events, EPOLLIN | EPOLLHUP);
	CHECK_EQ(ev[0].data.u64, 2);
}

static void test_ctl_errors(void)
{
	int ep = make(), fds[2], file;

	REQUIRE_OK(pipe(fds));
	file = (int)REQUIRE_OK(open(abi_tmp_file("f", ""), O_RDONLY));
	CHECK_ERR(ctl(ep, EPOLL_CTL_ADD, file, EPOLLIN, 0), EPERM);
	CHECK_ERR(ctl(ep, EPOLL_CTL_ADD, 9999, EPOLLIN, 0), EBADF);
	CHECK_ERR(ctl(9999, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0), EBADF);
	CHECK_ERR(ctl(fds[0], EPOLL_CTL_ADD, fds[1], EPOLLIN, 0), EINVAL);
	CHECK_ERR(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0), EINVAL);
	CHECK_ERR(ctl(ep, 99, fds[0], EPOLLIN, 0), EINVAL);
	CHECK_ERR(ctl(ep, EPOLL_CTL_MOD, fds[0], EPOLLIN, 0), ENOENT);
	CHECK_ERR(ctl(ep, EPOLL_CTL_DEL, fds[0], 0, 0), ENOENT);
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0));
	CHECK_ERR(ctl(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0), EEXIST);
	CHECK_FAULTS(p, sizeof(struct epoll_event), BAD_IN,
		     syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, fds[1], p));
	CHECK_OK(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_DEL, fds[0], NULL));
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 0));
	CHECK_ERR(syscall(SYS_epoll_create1, 1), EINVAL);
	CHECK_ERR(syscall(SYS_epoll_create, 0), EINVAL);
	CHECK_ERR(syscall(SYS_epoll_create, -1), EINVAL);
	CHECK_EQ(fcntl((int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC), F_GETFD), FD_CLOEXEC);
}

static void test_wait_errors(void)
{
	struct epoll_event ev[4];
	int ep = make(), fd = eventfd(1, 0);

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0));
	CHECK_ERR(wait_(ep, ev, 0, 0), EINVAL);
	CHECK_ERR(wait_(ep, ev, -1, 0), EINVAL);
	CHECK_ERR(wait_(ep, ev, 0x7fffffff, 0), EINVAL);
	CHECK_ERR(wait_(fd, ev, 4, 0), EINVAL);
	CHECK_ERR(wait_(9999, ev, 4, 0), EBADF);
	CHECK_FAULTS(p, sizeof(ev[0]), BAD_OUT, wait_(ep, p, 1, 0));
	/* The events that could not be delivered are still there. */
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	CHECK_ERR(read(ep, ev, 8), EINVAL);
	CHECK_ERR(syscall(SYS_epoll_pwait, ep, ev, 4, 0, &(uint64_t){0}, 4), EINVAL);
	CHECK_FAULTS(p, 8, BAD_NONNULL, syscall(SYS_epoll_pwait, ep, ev, 4, 0, p, 8));
}

static void test_closed_fd_leaves(void)
{
	struct epoll_event ev[4];
	int ep = make(), fds[2], copy;

	REQUIRE_OK(pipe(fds));
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, 1));
	copy = dup(fds[0]);
	close(fds[0]);
	/* The description lives on in the copy, so the entry does too. */
	CHECK_EQ(wait_(ep, ev, 4, 0), 1);
	close(copy);
	CHECK_EQ(wait_(ep, ev, 4, 0), 0);
}

static void test_two_entries_for_one_file(void)
{
	struct epoll_event ev[4];
	int ep = make(), fd = eventfd(1, 0), copy = dup(fd);

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, copy, EPOLLIN | EPOLLOUT, 2));
	CHECK_EQ(wait_(ep, ev, 4, 0), 2);
	CHECK_EQ(ev[0].data.u64 + ev[1].data.u64, 3);
	CHECK_EQ(wait_(ep, ev, 1, 0), 1);
}

static void test_fairness(void)
{
	struct epoll_event ev[2];
	int ep = make();
	unsigned seen = 0;

	/* With more ready than asked for, all get their turn. */
	for (uint64_t i = 0; i < 8; i++)
		CHECK_OK(ctl(ep, EPOLL_CTL_ADD, eventfd(1, 0), EPOLLIN, i));
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(wait_(ep, ev, 2, 0), 2);
		seen |= 1u << ev[0].data.u64 | 1u << ev[1].data.u64;
	}
	CHECK_EQ(seen, 0xff);
}

static void test_nested(void)
{
	struct epoll_event ev[4];
	int inner = make(), outer = make(), fd = eventfd(0, 0);
	uint64_t one = 1;
	struct pollfd p = {.fd = inner, .events = POLLIN};

	CHECK_OK(ctl(inner, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
	CHECK_OK(ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 2));
	CHECK_EQ(wait_(outer, ev, 4, 0), 0);
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_EQ(write(fd, &one, 8), 8);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(wait_(outer, ev, 4, 0), 1);
	CHECK_EQ(ev[0].data.u64, 2);
	CHECK_EQ(wait_(inner, ev, 4, 0), 1);
	CHECK_EQ(ev[0].data.u64, 1);
	/* A ring is refused. */
	CHECK_ERR(ctl(inner, EPOLL_CTL_ADD, outer, EPOLLIN, 3), ELOOP);
}

static void test_nesting_depth(void)
{
	int ep[8];

	for (size_t i = 0; i < ARRAY_SIZE(ep); i++)
		ep[i] = make();
	for (size_t i = 0; i < 4; i++)
		CHECK_OK(ctl(ep[i + 1], EPOLL_CTL_ADD, ep[i], EPOLLIN, 0));
	CHECK_ERR(ctl(ep[5], EPOLL_CTL_ADD, ep[4], EPOLLIN, 0), ELOOP);
}

static void adds_later(void *arg)
{
	uint64_t one = 1;
	struct timespec ts = {.tv_nsec = 10000000};

	nanosleep(&ts, NULL);
	CHECK_EQ(write(*(int *)arg, &one, 8), 8);
}

static void test_blocking(void)
{
	struct epoll_event ev[4];
	int ep = make(), fd = eventfd(0, 0);
	pid_t pid;
	uint64_t v;

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
	pid = abi_spawn(adds_later, &fd);
	CHECK_EQ(wait_(ep, ev, 4, -1), 1);
	CHECK_EQ(read(fd, &v, 8), 8);
	abi_join(pid);
	pid = abi_spawn(adds_later, &fd);
	/* Through a nested one too. */
	{
		int outer = make();

		CHECK_OK(ctl(outer, EPOLL_CTL_ADD, ep, EPOLLIN, 5));
		CHECK_EQ(wait_(outer, ev, 4, -1), 1);
		CHECK_EQ(ev[0].data.u64, 5);
	}
	abi_join(pid);
	CHECK_EQ(wait_(ep, ev, 4, 5), 1);
	CHECK_EQ(read(fd, &v, 8), 8);
	CHECK_EQ(wait_(ep, ev, 4, 5), 0);
}

static volatile int calls;

static void count(int signo)
{
	calls++;
}

static void test_pwait_mask(void)
{
	struct epoll_event ev[4];
	struct timespec ts = {.tv_nsec = 1000000};
	uint64_t block = 1ull << (SIGUSR1 - 1), none = 0;
	int ep = make();

	signal(SIGUSR1, count);
	REQUIRE_OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &block, NULL, 8));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_ERR(syscall(SYS_epoll_pwait, ep, ev, 4, 50000, &none, 8), EINTR);
	CHECK_EQ(calls, 1);
	if (syscall(SYS_epoll_pwait2, ep, ev, 4, &ts, NULL, 0) == -1 && errno == ENOSYS)
		return;
	CHECK_EQ(syscall(SYS_epoll_pwait2, ep, ev, 4, &ts, NULL, 0), 0);
	CHECK_FAULTS(p, sizeof(ts), BAD_NONNULL, syscall(SYS_epoll_pwait2, ep, ev, 4, p, NULL, 0));
}

static void test_exclusive(void)
{
	int ep = make(), fd = eventfd(0, 0);

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE, 0));
	CHECK_ERR(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0), EINVAL);
	CHECK_OK(ctl(ep, EPOLL_CTL_DEL, fd, 0, 0));
	CHECK_ERR(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0), EINVAL);
	CHECK_ERR(ctl(ep, EPOLL_CTL_ADD, make(), EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
}

static char state_of(pid_t pid)
{
	char path[64];
	const char *text;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	text = strrchr(abi_read_file(path), ')');
	return text ? text[2] : '?';
}

/* One byte wakes one of those that wait exclusively for the pipe, each with an instance of its own;
 * the others go on sleeping until they are told to stop. */
static void test_exclusive_wakes_one(void)
{
	enum { N = 4 };
	int fds[2], status, woken = 0;
	pid_t pids[N];

	REQUIRE_OK(pipe(fds));
	for (int i = 0; i < N; i++) {
		pids[i] = (pid_t)REQUIRE_OK(fork());
		if (pids[i] == 0) {
			struct epoll_event ev;
			int ep = make();

			ctl(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, 0);
			_exit(wait_(ep, &ev, 1, -1) == 1 ? 1 : 2);
		}
	}
	for (int i = 0; i < N; i++)
		while (state_of(pids[i]) != 'S')
			usleep(1000);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_OK(wait(&status));
	CHECK_EQ(status, 1 << 8);
	for (int i = 0; i < N; i++)
		kill(pids[i], SIGKILL);
	while (wait(&status) > 0)
		woken += status != SIGKILL;
	CHECK(woken < N - 1);
	close(fds[0]);
	close(fds[1]);
}

static const struct abi_test tests[] = {
	{"level", test_level},
	{"edge", test_edge},
	{"oneshot", test_oneshot},
	{"ctl_errors", test_ctl_errors},
	{"wait_errors", test_wait_errors},
	{"closed_fd_leaves", test_closed_fd_leaves},
	{"two_entries_for_one_file", test_two_entries_for_one_file},
	{"fairness", test_fairness},
	{"nested", test_nested},
	{"nesting_depth", test_nesting_depth},
	{"blocking", test_blocking},
	{"pwait_mask", test_pwait_mask},
	{"exclusive", test_exclusive},
	{"exclusive_wakes_one", test_exclusive_wakes_one},
};

ABI_SUITE(tests, NULL);
