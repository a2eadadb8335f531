/* session.c - sessions and process groups: setsid(2), setpgid(2), getpgid(2), kill(2) of groups */
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abitest.h"

static pid_t sleeping(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(abi_wait_status(pid), SIGKILL);
}

static void new_session(void *arg)
{
	pid_t self = (pid_t)syscall(SYS_getpid);

	CHECK_EQ(syscall(SYS_setsid), self);
	CHECK_EQ(syscall(SYS_getsid, 0), self);
	CHECK_EQ(syscall(SYS_getpgid, 0), self);
	CHECK_EQ(syscall(SYS_getpgrp), self);
	/* A group leader cannot begin a session, a session leader not change its group. */
	CHECK_ERR(syscall(SYS_setsid), EPERM);
	CHECK_ERR(syscall(SYS_setpgid, 0, 0), EPERM);
}

static void test_setsid(void)
{
	abi_join(abi_spawn(new_session, NULL));
}

static void inherits(void *arg)
{
	pid_t *ids = arg;

	CHECK_EQ(syscall(SYS_getpgid, 0), ids[0]);
	CHECK_EQ(syscall(SYS_getsid, 0), ids[1]);
	CHECK_EQ(syscall(SYS_getpgid, syscall(SYS_getppid)), ids[0]);
	CHECK_OK(syscall(SYS_setpgid, 0, 0));
	CHECK_EQ(syscall(SYS_getpgid, 0), syscall(SYS_getpid));
	CHECK_EQ(syscall(SYS_getsid, 0), ids[1]);
	CHECK_OK(syscall(SYS_setpgid, 0, ids[0]));
	CHECK_EQ(syscall(SYS_getpgid, 0), ids[0]);
}

static void test_inherited(void)
{
	pid_t ids[2] = {(pid_t)syscall(SYS_getpgid, 0), (pid_t)syscall(SYS_getsid, 0)};

	abi_join(abi_spawn(inherits, ids));
}

static void test_setpgid_of_child(void)
{
	pid_t pid = sleeping(), second = sleeping();

	CHECK_OK(syscall(SYS_setpgid, pid, 0));
	CHECK_EQ(syscall(SYS_getpgid, pid), pid);
	CHECK_OK(syscall(SYS_setpgid, second, pid));
	CHECK_EQ(syscall(SYS_getpgid, second), pid);
	/* A group that does not exist, and one that is not a child of ours. */
	CHECK_ERR(syscall(SYS_setpgid, second, 0x3ffffff), EPERM);
	CHECK_ERR(syscall(SYS_setpgid, second, -1), EINVAL);
	CHECK_ERR(syscall(SYS_setpgid, -1, 0), EINVAL);
	CHECK_ERR(syscall(SYS_setpgid, 0x3ffffff, 0), ESRCH);
	CHECK_ERR(syscall(SYS_setpgid, syscall(SYS_getppid), 0), ESRCH);
	CHECK_ERR(syscall(SYS_getpgid, 0x3ffffff), ESRCH);
	CHECK_ERR(syscall(SYS_getpgid, -1), ESRCH);
	CHECK_ERR(syscall(SYS_getsid, 0x3ffffff), ESRCH);
	end(pid);
	/* The leader is gone, the group is not. */
	CHECK_EQ(syscall(SYS_getpgid, second), pid);
	CHECK_OK(kill(-pid, 0));
	CHECK_OK(kill(-pid, SIGKILL));
	CHECK_EQ(abi_wait_status(second), SIGKILL);
	CHECK_ERR(kill(-pid, 0), ESRCH);
}

static void test_setpgid_after_exec(void)
{
	int fds[2];
	char c;
	pid_t pid;

	REQUIRE_OK(pipe(fds));
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		dup2(fds[1], 5);
		execl(abi_self_path(), "session", "--child", "sleep", NULL);
		_exit(1);
	}
	CHECK_EQ(read(fds[0], &c, 1), 1);
	CHECK_ERR(syscall(SYS_setpgid, pid, 0), EACCES);
	end(pid);
}

static void other_session(void *arg)
{
	int *fds = arg;

	setsid();
	CHECK_EQ(write(fds[1], "s", 1), 1);
	for (;;)
		pause();
}

static void test_setpgid_other_session(void)
{
	int fds[2];
	char c;
	pid_t pid, own = sleeping();

	REQUIRE_OK(pipe(fds));
	pid = abi_spawn(other_session, fds);
	CHECK_EQ(read(fds[0], &c, 1), 1);
	CHECK_ERR(syscall(SYS_setpgid, pid, 0), EPERM);
	CHECK_ERR(syscall(SYS_setpgid, own, pid), EPERM);
	CHECK_EQ(syscall(SYS_getsid, pid), pid);
	end(pid);
	end(own);
}

static void test_kill_group(void)
{
	pid_t a = sleeping(), b = sleeping(), c = sleeping();

	CHECK_OK(setpgid(a, a));
	CHECK_OK(setpgid(b, a));
	CHECK_OK(kill(-a, SIGTERM));
	CHECK_EQ(abi_wait_status(a), SIGTERM);
	CHECK_EQ(abi_wait_status(b), SIGTERM);
	CHECK_OK(kill(c, 0));
	end(c);
}

static void kills_own_group(void *arg)
{
	pid_t other;

	setpgid(0, 0);
	other = sleeping();
	signal(SIGUSR1, SIG_IGN);
	CHECK_OK(kill(0, SIGUSR1));
	CHECK_EQ(abi_wait_status(other), SIGUSR1);
}

static void test_kill_own_group(void)
{
	abi_join(abi_spawn(kills_own_group, NULL));
}

static void test_kill_errors(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0)
		_exit(0);
	CHECK_ERR(kill(0x3ffffff, SIGTERM), ESRCH);
	CHECK_ERR(kill(getpid(), 65), EINVAL);
	CHECK_ERR(kill(getpid(), -1), EINVAL);
	CHECK_ERR(kill((pid_t)0x80000000, SIGTERM), ESRCH);
	CHECK_ERR(kill(-0x3ffffff, 0), ESRCH);
	CHECK_OK(kill(getpid(), 0));
	/* A zombie can be signalled; once reaped it cannot. */
	CHECK_OK(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT));
	CHECK_OK(kill(pid, SIGTERM));
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_ERR(kill(pid, SIGTERM), ESRCH);
}

static void test_kill_rights(void)
{
	pid_t pid, parent = getpid();

	if (geteuid() != 0)
		SKIP("needs root");
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		abi_drop_root();
		CHECK_ERR(kill(parent, SIGTERM), EPERM);
		CHECK_ERR(kill(parent, 0), EPERM);
		CHECK_ERR(kill(1, 0), EPERM);
		/* Within one session anybody may say SIGCONT. */
		CHECK_OK(kill(parent, SIGCONT));
		_exit(abi_failures ? 1 : 0);
	}
	CHECK_EQ(abi_wait_status(pid), 0);
}

/* A stopped group whose last tie to its session ends gets SIGHUP and SIGCONT. The adopter is of
 * another session, so it is no tie.
 */
static void orphans_a_stopped_group(void *arg)
{
	int *fds = arg, status;
	pid_t job;

	setsid();
	job = (pid_t)REQUIRE_OK(fork());
	if (job == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(job, job);
	CHECK_OK(kill(job, SIGSTOP));
	CHECK_EQ(waitpid(job, &status, WUNTRACED), job);
	CHECK_EQ(write(fds[1], &job, sizeof(job)), sizeof(job));
}

static void test_orphaned_group(void)
{
	int fds[2], status = 0;
	pid_t pid;

	CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	REQUIRE_OK(pipe(fds));
	abi_join(abi_spawn(orphans_a_stopped_group, fds));
	CHECK_EQ(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, SIGHUP);
}

static int child(int argc, char **argv)
{
	if (write(5, "r", 1) != 1)
		return 1;
	for (;;)
		pause();
}

static const struct abi_test tests[] = {
	{"setsid", test_setsid},
	{"inherited", test_inherited},
	{"setpgid_of_child", test_setpgid_of_child},
	{"setpgid_after_exec", test_setpgid_after_exec},
	{"setpgid_other_session", test_setpgid_other_session},
	{"kill_group", test_kill_group},
	{"kill_own_group", test_kill_own_group},
	{"kill_errors", test_kill_errors},
	{"kill_rights", test_kill_rights},
	{"orphaned_group", test_orphaned_group},
};

ABI_SUITE(tests, child);
