/* sigrestart.c - signals during system calls: SA_RESTART, EINTR, restart blocks, stop and continue
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static volatile sig_atomic_t calls;

static void count(int signo)
{
	calls++;
}

static void handle(int flags)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = count;
	sa.sa_flags = flags;
	REQUIRE_OK(sigaction(SIGUSR1, &sa, NULL));
	calls = 0;
}

static void pesters(void *arg)
{
	struct timespec ts = {.tv_nsec = 5000000};

	for (;;) {
		nanosleep(&ts, NULL);
		kill(getppid(), SIGUSR1);
	}
}

static void end(pid_t pid)
{
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(abi_wait_status(pid), SIGKILL);
}

/* Signals the parent four times and then writes a byte to the pipe. */
static void pesters_then_writes(void *arg)
{
	struct timespec ts = {.tv_nsec = 10000000};
	int *fds = arg;

	for (int i = 0; i < 4; i++) {
		nanosleep(&ts, NULL);
		kill(getppid(), SIGUSR1);
	}
	CHECK_EQ(write(fds[1], "w", 1), 1);
}

static void test_read_restarts(void)
{
	int fds[2];
	char c = 0;
	pid_t pid;

	handle(SA_RESTART);
	REQUIRE_OK(pipe(fds));
	pid = abi_spawn(pesters_then_writes, fds);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	CHECK_EQ(c, 'w');
	CHECK(calls >= 1);
	abi_join(pid);
}

static void test_read_eintr(void)
{
	int fds[2];
	char c;
	pid_t pid;

	handle(0);
	REQUIRE_OK(pipe(fds));
	pid = abi_spawn(pesters, NULL);
	CHECK_ERR(read(fds[0], &c, 1), EINTR);
	CHECK(calls >= 1);
	end(pid);
}

static void test_write_partial(void)
{
	static char big[3 * 65536];
	int fds[2];
	ssize_t n;
	pid_t pid;

	handle(SA_RESTART);
	REQUIRE_OK(pipe(fds));
	pid = abi_spawn(pesters, NULL);
	/* Something was written, so it is that much and no restart. */
	n = write(fds[1], big, sizeof(big));
	CHECK_EQ(n, 65536);
	end(pid);
}

static void test_never_restarted(void)
{
	struct timespec ts = {.tv_sec = 50};
	struct timeval tv = {.tv_sec = 50};
	pid_t pid;

	handle(SA_RESTART);
	pid = abi_spawn(pesters, NULL);
	CHECK_ERR(syscall(SYS_poll, NULL, 0, -1), EINTR);
	CHECK_ERR(syscall(SYS_poll, NULL, 0, 50000), EINTR);
	CHECK_ERR(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8), EINTR);
	CHECK_ERR(syscall(SYS_select, 0, NULL, NULL, NULL, &tv), EINTR);
	CHECK_ERR(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, NULL), EINTR);
	CHECK_ERR(syscall(SYS_nanosleep, &ts, NULL), EINTR);
	CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, NULL), EINTR);
	CHECK_ERR(syscall(SYS_pause), EINTR);
	end(pid);
}

static void test_nanosleep_remainder(void)
{
	struct timespec ts = {.tv_sec = 50}, left = {.tv_sec = -1};
	pid_t pid;

	handle(0);
	pid = abi_spawn(pesters, NULL);
	CHECK_ERR(syscall(SYS_nanosleep, &ts, &left), EINTR);
	CHECK(left.tv_sec >= 0 && left.tv_sec < 50);
	CHECK(left.tv_nsec >= 0 && left.tv_nsec < 1000000000);
	/* An absolute sleep says nothing about the rest. */
	left.tv_sec = -7;
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	ts.tv_sec += 50;
	CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, &left), EINTR);
	CHECK_EQ(left.tv_sec, -7);
	ts = (struct timespec){.tv_sec = 50};
	CHECK_FAULTS(p, sizeof(ts), BAD_OUT | BAD_NONNULL, syscall(SYS_nanosleep, &ts, p));
	end(pid);
}

static long long since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - from->tv_sec) * 1000000000ll + now.tv_nsec - from->tv_nsec;
}

/* A sleep that is stopped and continued goes on with what is left, and answers 0. */
static void sleeps(void *arg)
{
	int *fds = arg;
	struct timespec ts = {.tv_nsec = 200000000}, start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_EQ(write(fds[1], "s", 1), 1);
	CHECK_EQ(syscall(SYS_nanosleep, &ts, NULL), 0);
	CHECK(since(&start) >= 200000000);
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &start));
	CHECK_EQ(write(fds[1], "p", 1), 1);
	CHECK_EQ(syscall(SYS_poll, NULL, 0, 200), 0);
	CHECK(since(&start) >= 200000000);
}

static void test_sleep_through_stop(void)
{
	struct timespec ts = {.tv_nsec = 20000000};
	int fds[2], status;
	char c;
	pid_t pid;

	REQUIRE_OK(pipe(fds));
	pid = abi_spawn(sleeps, fds);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(read(fds[0], &c, 1), 1);
		nanosleep(&ts, NULL);
		CHECK_OK(kill(pid, SIGSTOP));
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK(WIFSTOPPED(status));
		CHECK_OK(kill(pid, SIGCONT));
	}
	abi_join(pid);
}

static void reads_through_stop(void *arg)
{
	int *fds = arg;
	char c = 0;

	CHECK_EQ(write(fds[1], "r", 1), 1);
	CHECK_EQ(read(fds[2], &c, 1), 1);
	CHECK_EQ(c, 'x');
}

static void test_read_through_stop(void)
{
	int fds[4], status;
	char c;
	pid_t pid;

	REQUIRE_OK(pipe(fds));
	REQUIRE_OK(pipe(fds + 2));
	pid = abi_spawn(reads_through_stop, fds);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	sched_yield();
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK_EQ(write(fds[3], "x", 1), 1);
	abi_join(pid);
}

static void ignores_then_reads(void *arg)
{
	int *fds = arg;
	char c = 0;

	signal(SIGUSR2, SIG_IGN);
	CHECK_EQ(write(fds[1], "r", 1), 1);
	CHECK_EQ(read(fds[2], &c, 1), 1);
	CHECK_EQ(write(fds[1], "r", 1), 1);
	CHECK_EQ(syscall(SYS_nanosleep, &(struct timespec){.tv_nsec = 50000000}, NULL), 0);
}

static void test_ignored_does_not_interrupt(void)
{
	int fds[4];
	char c;
	pid_t pid;

	REQUIRE_OK(pipe(fds));
	REQUIRE_OK(pipe(fds + 2));
	pid = abi_spawn(ignores_then_reads, fds);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	for (int i = 0; i < 10; i++) {
		kill(pid, SIGUSR2);
		kill(pid, SIGCHLD);
		kill(pid, SIGWINCH);
		sched_yield();
	}
	CHECK_EQ(write(fds[3], "x", 1), 1);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	for (int i = 0; i < 10; i++)
		kill(pid, SIGUSR2);
	abi_join(pid);
}

static void test_wait_restarts(void)
{
	struct timespec ts = {.tv_nsec = 100000000};
	pid_t pid, other;
	int status;

	handle(SA_RESTART);
	pid = abi_spawn(pesters, NULL);
	other = (pid_t)fork();
	if (other == 0) {
		nanosleep(&ts, NULL);
		_exit(5);
	}
	CHECK_EQ(waitpid(other, &status, 0), other);
	CHECK_EQ(status, 5 << 8);
	CHECK(calls >= 1);
	end(pid);
}

static void test_open_fifo_restarts(void)
{
	const char *path = abi_tmp("fifo");
	struct timespec ts = {.tv_nsec = 60000000};
	pid_t pid, opener;
	int fd;

	handle(SA_RESTART);
	REQUIRE_OK(mkfifo(path, 0600));
	pid = abi_spawn(pesters, NULL);
	opener = (pid_t)fork();
	if (opener == 0) {
		nanosleep(&ts, NULL);
		_exit(open(path, O_WRONLY) >= 0 ? 0 : 1);
	}
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(abi_wait_status(opener), 0);
	end(pid);
}

static void test_kill_blocked_sleepers(void)
{
	/* SIGKILL ends every kind of sleep. */
	for (int how = 0; how < 5; how++) {
		int fds[2], ready[2];
		char c;
		pid_t pid;

		REQUIRE_OK(pipe(fds));
		REQUIRE_OK(pipe(ready));
		pid = (pid_t)fork();
		if (pid == 0) {
			CHECK_EQ(write(ready[1], "r", 1), 1);
			if (how == 0)
				pause();
			else if (how == 1)
				(void)!read(fds[0], &c, 1);
			else if (how == 2)
				syscall(SYS_futex, fds, 0, fds[0], NULL);
			else if (how == 3)
				sleep(100);
			else if (vfork() == 0)
				pause();
			_exit(1);
		}
		CHECK_EQ(read(ready[0], &c, 1), 1);
		sched_yield();
		end(pid);
	}
}

static const struct abi_test tests[] = {
	{"read_restarts", test_read_restarts},
	{"read_eintr", test_read_eintr},
	{"write_partial", test_write_partial},
	{"never_restarted", test_never_restarted},
	{"nanosleep_remainder", test_nanosleep_remainder},
	{"sleep_through_stop", test_sleep_through_stop},
	{"read_through_stop", test_read_through_stop},
	{"ignored_does_not_interrupt", test_ignored_does_not_interrupt},
	{"wait_restarts", test_wait_restarts},
	{"open_fifo_restarts", test_open_fifo_restarts},
	{"kill_blocked_sleepers", test_kill_blocked_sleepers},
};

ABI_SUITE(tests, NULL);
