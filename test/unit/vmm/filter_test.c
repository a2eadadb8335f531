/* filter_test.c - what the filters of the boot process and of the parent of stubs let through */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/x86_64/hosted/stub/stub.h"
#include "vmm/jail/jail.h"
#include "vmm/systrap/parent.h"
#include "vmm/util/util.h"

#define X32 0x40000000
#define RW  (PROT_READ | PROT_WRITE)
#define RWX (RW | PROT_EXEC)
#define OWN (MAP_PRIVATE | MAP_ANONYMOUS)

struct attempt {
	long nr, a, b, c, d;
	bool allowed;
};

static int lock_kvm(void)
{
	struct error err;

	return jail_lock_boot(false, &err);
}

static int lock_systrap(void)
{
	struct error err;

	return jail_lock_boot(true, &err);
}

/* In a process of its own: true if it came back from the call. */
static bool survives(int (*lock)(void), const struct attempt *t)
{
	int status;
	pid_t pid = fork();

	assert_return_code(pid, errno);
	if (!pid) {
		signal(SIGSYS, SIG_DFL);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || lock())
			_exit(1);
		syscall(t->nr, t->a, t->b, t->c, t->d, -1, 0);
		syscall(SYS_exit_group, 7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 7)
		return true;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
	return false;
}

static void check(int (*lock)(void), const struct attempt *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (survives(lock, &t[i]) != t[i].allowed)
			fail_msg("call %ld (%#lx, %#lx, %#lx): should%s be allowed", t[i].nr,
				 t[i].a, t[i].b, t[i].c, t[i].allowed ? "" : " not");
}

/* Of all boot processes. */
static const struct attempt boot[] = {
	{SYS_gettid, .allowed = true},
	{SYS_read, -1, .allowed = true},
	{SYS_mmap, 0, 4096, RW, OWN, .allowed = true},
	{SYS_mmap, 0, 4096, RWX, OWN},
	{SYS_mmap, 0, 4096, RW, MAP_SHARED},
	{SYS_mprotect, 0, 0, RW, .allowed = true},
	{SYS_mprotect, 0, 0, RWX},
	{SYS_openat, AT_FDCWD},
	{SYS_execve},
	{SYS_socket, AF_UNIX, SOCK_STREAM},
	{SYS_clone, SIGCHLD},
	{SYS_ptrace},
	{SYS_unshare, CLONE_NEWUSER},
	{SYS_process_vm_readv},
	{SYS_kill, 0, SIGTERM},
	{SYS_tgkill, 1, 1, SIGKILL},
	{SYS_ioctl, -1, TIOCSTI},
	{SYS_memfd_create},
	{SYS_getpid | X32},
};

static void test_boot(void **state)
{
	check(lock_kvm, boot, ARRAY_SIZE(boot));
	check(lock_systrap, boot, ARRAY_SIZE(boot));
}

/* What only one machine's may. */
static void test_boot_kvm(void **state)
{
	struct attempt t[] = {
		{SYS_ioctl, -1, KVM_RUN, .allowed = true},
		{SYS_sched_yield},
		{SYS_kill, 0, SIGKILL},
		{SYS_madvise, 0, 0, MADV_REMOVE},
	};

	check(lock_kvm, t, ARRAY_SIZE(t));
}

static void test_boot_systrap(void **state)
{
	struct attempt t[] = {
		{SYS_ioctl, -1, KVM_RUN},
		{SYS_sched_yield, .allowed = true},
		{SYS_madvise, 0, 0, MADV_REMOVE, .allowed = true},
		{SYS_madvise, 0, 0, MADV_DONTNEED},
	};

	check(lock_systrap, t, ARRAY_SIZE(t));
}

/* Birth, mappers and application threads: no more than their calls, and no other clone. */
static void test_parent_of_stubs(void **state)
{
	struct attempt t[] = {
		{SYS_getpid, .allowed = true},
		{SYS_sched_yield, .allowed = true},
		{SYS_mmap, 0, 4096, RW, OWN, .allowed = true},
		{SYS_write, -1, .allowed = true},
		{SYS_read, STUB_FD_ASK, .allowed = true},
		{SYS_read, STUB_FD_RAM},
		{SYS_clone, SIGCHLD},
		{SYS_clone, STUB_CLONE_STUB | CLONE_NEWUSER},
		{SYS_clone, STUB_CLONE_MAPPER | CLONE_PTRACE},
		{SYS_clone3},
		{SYS_fork},
		{SYS_openat, AT_FDCWD},
		{SYS_execve},
		{SYS_execveat, 0},
		{SYS_socket, AF_UNIX, SOCK_STREAM},
		{SYS_ioctl, 0, TIOCSTI},
		{SYS_kill, 0, SIGTERM},
		{SYS_tgkill, 1, 1, SIGURG},
		{SYS_ptrace},
		{SYS_unshare, CLONE_NEWUSER},
		{SYS_mremap},
		{SYS_prctl},
		{SYS_io_uring_setup, 1},
		{SYS_rt_sigreturn},
		{SYS_getpid | X32},
	};

	check(stub_parent_lock, t, ARRAY_SIZE(t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_boot_kvm),
		cmocka_unit_test(test_boot_systrap),
		cmocka_unit_test(test_parent_of_stubs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
