/* process.c - fork(2), vfork(2), clone(2), clone3(2), exit(2), orphans, PR_SET_PDEATHSIG */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abitest.h"

static void test_fork_returns(void)
{
	int fds[2], seen[2] = {0, 0};
	pid_t pid, self = (pid_t)syscall(SYS_getpid);

	REQUIRE_OK(pipe(fds));
	pid = (pid_t)REQUIRE_OK(syscall(SYS_fork));
	if (pid == 0) {
		int mine[2] = {(int)syscall(SYS_getpid), (int)syscall(SYS_getppid)};

		_exit(write(fds[1], mine, sizeof(mine)) == sizeof(mine) ? 5 : 6);
	}
	CHECK_EQ(read(fds[0], seen, sizeof(seen)), sizeof(seen));
	CHECK_EQ(seen[0], pid);
	CHECK_EQ(seen[1], self);
	CHECK_EQ(abi_wait_status(pid), 5 << 8);
}

static void test_vfork(void)
{
	static volatile int shared;
	pid_t pid;

	shared = 1;
	pid = vfork();
	if (pid == 0) {
		shared = 2;
		_exit(7);
	}
	/* The memory is the same, and the parent was held until the child's exit. */
	CHECK_EQ(shared, 2);
	CHECK_EQ(abi_wait_status(pid), 7 << 8);
}

static void test_clone_sigchld(void)
{
	int fds[2];
	char c = 0;
	pid_t pid;

	REQUIRE_OK(pipe(fds));
	pid = (pid_t)REQUIRE_OK(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
	if (pid == 0)
		_exit(write(fds[1], "c", 1) == 1 ? 0 : 1);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	CHECK_EQ(abi_wait_status(pid), 0);
}

static void test_clone_tids(void)
{
	pid_t *shared, ptid = 0, pid;

	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared != MAP_FAILED);
	pid = (pid_t)REQUIRE_OK(syscall(SYS_clone,
					CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL,
					&ptid, shared, NULL));
	if (pid == 0)
		_exit(*shared == syscall(SYS_getpid) ? 0 : 1);
	CHECK_EQ(ptid, pid);
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_EQ(*shared, pid);
	/* A bad parent_tid is only noticed once the child is there. */
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, NULL, 8, NULL, NULL);
	if (pid == 0)
		_exit(0);
	if (CHECK(pid > 0))
		CHECK_EQ(abi_wait_status(pid), 0);
}

static void test_clone_errors(void)
{
	CHECK_ERR(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, NULL, NULL, NULL, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_SIGHAND | CLONE_THREAD, NULL, NULL, NULL, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL),
		  EINVAL);
	CHECK_ERR(waitpid(-1, NULL, WNOHANG), ECHILD);
}

static void test_clone_files(void)
{
	int fd = (int)REQUIRE_OK(open("/dev/null", O_RDONLY));
	pid_t pid = (pid_t)REQUIRE_OK(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));

	if (pid == 0) {
		close(fd);
		_exit(0);
	}
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_ERR(fcntl(fd, F_GETFD), EBADF);
}

static void test_clone_fs(void)
{
	char cwd[256];
	pid_t pid;

	REQUIRE_OK(chdir("/tmp"));
	pid = (pid_t)REQUIRE_OK(syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0));
	if (pid == 0)
		_exit(chdir("/") ? 1 : 0);
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_OK(syscall(SYS_getcwd, cwd, sizeof(cwd)));
	CHECK_EQ(strcmp(cwd, "/"), 0);
	pid = (pid_t)REQUIRE_OK(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	if (pid == 0)
		_exit(chdir("/tmp") ? 1 : 0);
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_OK(syscall(SYS_getcwd, cwd, sizeof(cwd)));
	CHECK_EQ(strcmp(cwd, "/"), 0);
}

static long clone3(void *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

static void test_clone3(void)
{
	struct clone_args args = {.flags = CLONE_PARENT_SETTID, .exit_signal = SIGCHLD};
	pid_t tid = 0, pid;

	args.parent_tid = (uintptr_t)&tid;
	pid = (pid_t)REQUIRE_OK(clone3(&args, sizeof(args)));
	if (pid == 0)
		_exit(3);
	CHECK_EQ(tid, pid);
	CHECK_EQ(abi_wait_status(pid), 3 << 8);
	/* The first published size still works. */
	pid = (pid_t)REQUIRE_OK(clone3(&args, CLONE_ARGS_SIZE_VER0));
	if (pid == 0)
		_exit(4);
	CHECK_EQ(abi_wait_status(pid), 4 << 8);
}

static void test_clone3_errors(void)
{
	struct {
		struct clone_args args;
		uint64_t beyond;
	} big = {.args = {.exit_signal = SIGCHLD}, .beyond = 1};
	struct clone_args args = {.exit_signal = SIGCHLD};

	CHECK_FAULTS(p, sizeof(args), BAD_IN, clone3(p, sizeof(args)));
	CHECK_ERR(clone3(&args, CLONE_ARGS_SIZE_VER0 - 1), EINVAL);
	CHECK_ERR(clone3(&args, PAGE + 1), E2BIG);
	CHECK_ERR(clone3(&big, sizeof(big)), E2BIG);
	args.exit_signal = 1000;
	CHECK_ERR(clone3(&args, sizeof(args)), EINVAL);
	args.exit_signal = SIGCHLD;
	args.flags = 1ull << 62;
	CHECK_ERR(clone3(&args, sizeof(args)), EINVAL);
	args.flags = 0;
	args.stack = 0x1000;
	CHECK_ERR(clone3(&args, sizeof(args)), EINVAL);
	args.stack = 0;
	args.stack_size = 0x1000;
	CHECK_ERR(clone3(&args, sizeof(args)), EINVAL);
	CHECK_ERR(waitpid(-1, NULL, WNOHANG), ECHILD);
}

static void test_exit_status(void)
{
	static const struct {
		long arg;
		int status;
	} cases[] = {{0, 0}, {1, 1}, {255, 255}, {256, 0}, {-1, 255}, {0x1234, 0x34}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid_t pid = (pid_t)REQUIRE_OK(fork());

		if (pid == 0)
			syscall(i % 2 ? SYS_exit : SYS_exit_group, cases[i].arg);
		CHECK_EQ(abi_wait_status(pid), cases[i].status << 8);
	}
}

static void test_killed_status(void)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE, SIGALRM};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		pid_t pid = (pid_t)REQUIRE_OK(fork());

		if (pid == 0) {
			for (;;)
				pause();
		}
		CHECK_OK(kill(pid, signals[i]));
		CHECK_EQ(abi_wait_status(pid), signals[i]);
	}
}

/* A grandchild that says who its parent is once its own parent is gone. */
static pid_t adopted_by(void)
{
	int gone[2], said[2];
	pid_t pid, parent = -1;

	REQUIRE_OK(pipe(gone));
	REQUIRE_OK(pipe(said));
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		pid_t old = (pid_t)syscall(SYS_getpid), now;
		char c;

		if (fork())
			_exit(0);
		close(gone[1]);
		if (read(gone[0], &c, 1) != 0)
			_exit(1);
		while ((now = (pid_t)syscall(SYS_getppid)) == old)
			sched_yield();
		_exit(write(said[1], &now, sizeof(now)) == sizeof(now) ? 0 : 1);
	}
	CHECK_EQ(abi_wait_status(pid), 0);
	close(gone[1]);
	CHECK_EQ(read(said[0], &parent, sizeof(parent)), sizeof(parent));
	return parent;
}

static void test_orphan_to_init(void)
{
	pid_t parent = adopted_by();

	CHECK(parent != syscall(SYS_getpid));
	CHECK_ERR(waitpid(-1, NULL, 0), ECHILD);
}

static void test_orphan_to_subreaper(void)
{
	int set = 0, status = -1;

	CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	CHECK_OK(prctl(PR_GET_CHILD_SUBREAPER, &set, 0, 0, 0));
	CHECK_EQ(set, 1);
	CHECK_EQ(adopted_by(), syscall(SYS_getpid));
	CHECK(waitpid(-1, &status, 0) > 0);
	CHECK_EQ(status, 0);
	CHECK_FAULTS(p, sizeof(int), BAD_OUT, prctl(PR_GET_CHILD_SUBREAPER, p, 0, 0, 0));
}

static void test_pdeathsig(void)
{
	int ready[2], alive[2], sig = -1;
	char c;
	pid_t pid;

	CHECK_ERR(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0), EINVAL);
	CHECK_OK(prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0));
	CHECK_EQ(sig, 0);
	CHECK_FAULTS(p, sizeof(int), BAD_OUT, prctl(PR_GET_PDEATHSIG, p, 0, 0, 0));
	REQUIRE_OK(pipe(ready));
	REQUIRE_OK(pipe(alive));
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			if (write(ready[1], "r", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		_exit(read(ready[0], &c, 1) == 1 ? 0 : 1);
	}
	CHECK_EQ(abi_wait_status(pid), 0);
	close(alive[1]);
	/* The end of file comes only with the grandchild's death. */
	CHECK_EQ(read(alive[0], &c, 1), 0);
}

static void test_sigchld(void)
{
	sigset_t set;
	siginfo_t info;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	REQUIRE_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0)
		_exit(42);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGCHLD);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, 42);
	CHECK_EQ(info.si_uid, getuid());
	CHECK_EQ(abi_wait_status(pid), 42 << 8);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		for (;;)
			pause();
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(sigwaitinfo(&set, &info), SIGCHLD);
	CHECK_EQ(info.si_code, CLD_KILLED);
	CHECK_EQ(info.si_status, SIGKILL);
	CHECK_EQ(abi_wait_status(pid), SIGKILL);
}

static void test_sigchld_ignored(void)
{
	struct sigaction sa = {.sa_handler = SIG_IGN};

	REQUIRE_OK(sigaction(SIGCHLD, &sa, NULL));
	for (int i = 0; i < 5; i++) {
		if (REQUIRE_OK(fork()) == 0)
			_exit(0);
	}
	/* Nothing to reap: the wait blocks until the last is gone. */
	CHECK_ERR(waitpid(-1, NULL, 0), ECHILD);
}

static void test_many(void)
{
	int left = 200;

	for (int i = 0; i < 200; i++) {
		if (REQUIRE_OK(fork()) == 0)
			_exit(i % 256);
	}
	while (left > 0) {
		int status = -1;

		if (!CHECK(waitpid(-1, &status, 0) > 0) || !CHECK(WIFEXITED(status)))
			break;
		left--;
	}
	CHECK_ERR(waitpid(-1, NULL, 0), ECHILD);
}

static const struct abi_test tests[] = {
	{"fork_returns", test_fork_returns},
	{"vfork", test_vfork},
	{"clone_sigchld", test_clone_sigchld},
	{"clone_tids", test_clone_tids},
	{"clone_errors", test_clone_errors},
	{"clone_files", test_clone_files},
	{"clone_fs", test_clone_fs},
	{"clone3", test_clone3},
	{"clone3_errors", test_clone3_errors},
	{"exit_status", test_exit_status},
	{"killed_status", test_killed_status},
	{"orphan_to_init", test_orphan_to_init},
	{"orphan_to_subreaper", test_orphan_to_subreaper},
	{"pdeathsig", test_pdeathsig},
	{"sigchld", test_sigchld},
	{"sigchld_ignored", test_sigchld_ignored},
	{"many", test_many},
};

ABI_SUITE(tests, NULL);
