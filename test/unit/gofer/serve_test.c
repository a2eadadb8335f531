/* serve_test.c - the confined process: it serves everything, and can do nothing else
 *
 * Without sanitizers, whose run time makes calls of its own. Each test forks: the child becomes
 * the server, jail, filter and all. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "abi/gofer_codec.h"
#include "gofer/server.h"

static pid_t server_fork(struct client *c)
{
	pid_t pid;

	c->cfg.confine = true;
	pid = fork();
	if (pid == 0) {
		close(c->control[0]);
		gofer_serve(&c->cfg);
		_exit(77); /* not confined: it came back */
	}
	assert_true(pid > 0);
	/* Ours must not keep the control socket of the child alive. */
	close(c->control[1]);
	c->control[1] = -1;
	return pid;
}

static int server_end(struct client *c, pid_t pid)
{
	int status = 0;

	close(c->control[0]);
	c->control[0] = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static uint32_t call_ok(struct client *c, struct abi_gofer_request q)
{
	struct abi_gofer_reply r;

	assert_int_equal(client_call(c, &q, &r), 0);
	return r.open ? r.open : r.handle;
}

static struct abi_gofer_request make(struct client *c, unsigned op, uint32_t dir, const char *name,
				     unsigned mode)
{
	struct abi_gofer_request q = client_request(c, op, dir, name, NULL);

	q.args.make.mode = mode;
	q.args.make.uid = getuid();
	q.args.make.gid = getgid();
	return q;
}

/* Every operation once: a call that the filter does not know would kill the server. */
static void content_operations(struct client *c, uint32_t file, uint32_t open)
{
	struct abi_gofer_request q = client_request(c, ABI_GOFER_READ, file, NULL, NULL);
	struct abi_gofer_reply r;

	q.out_len = 100000;
	call_ok(c, q);
	q = client_request(c, ABI_GOFER_SETATTR, file, NULL, NULL);
	q.args.setattr.valid = ABI_GOFER_A_ALL & ~(ABI_GOFER_A_ATIME_NOW | ABI_GOFER_A_MTIME_NOW);
	q.args.setattr.mode = 0600;
	q.args.setattr.uid = getuid();
	q.args.setattr.gid = getgid();
	q.args.setattr.size = 5;
	call_ok(c, q);
	q = client_request(c, ABI_GOFER_FALLOCATE, open, NULL, NULL);
	q.args.fallocate.len = 10;
	call_ok(c, q);
	q = client_request(c, ABI_GOFER_LSEEK, file, NULL, NULL);
	q.args.lseek.whence = SEEK_HOLE;
	call_ok(c, q);
	q = client_request(c, ABI_GOFER_FSYNC, open, NULL, NULL);
	call_ok(c, q);
	q.flags = ABI_GOFER_F_DATASYNC;
	call_ok(c, q);
	/* Whether there are attributes depends on the file system; that the call is let through
	 * does not. */
	q = client_request(c, ABI_GOFER_SETXATTR, file, "user.k", NULL);
	client_call(c, &q, &r);
	q.op = ABI_GOFER_GETXATTR;
	client_call(c, &q, &r);
	q.op = ABI_GOFER_REMOVEXATTR;
	client_call(c, &q, &r);
	q = client_request(c, ABI_GOFER_LISTXATTR, file, NULL, NULL);
	client_call(c, &q, &r);
}

static void every_operation(struct client *c, uint32_t root)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint32_t dir, open, file;
	int error;

	dir = call_ok(c, make(c, ABI_GOFER_MKDIR, root, "dir", 0700));
	call_ok(c, make(c, ABI_GOFER_MKNOD, root, "fifo", S_IFIFO | 0600));
	q = make(c, ABI_GOFER_SYMLINK, root, "link", 0777);
	client_in(c)[q.in_len++] = 'x';
	q.args.make.uid = getuid() ? getuid() : 1;
	q = client_request(c, ABI_GOFER_READLINK, call_ok(c, q), NULL, NULL);
	q.out_len = 100;
	call_ok(c, q);
	q = make(c, ABI_GOFER_CREATE, root, "file", 04711);
	q.args.make.open_flags = ABI_GOFER_O_READ | ABI_GOFER_O_WRITE;
	open = call_ok(c, q);
	q = client_request(c, ABI_GOFER_WRITE, open, NULL, NULL);
	q.in_len = 100000;
	call_ok(c, q);
	file = client_walk(c, root, "file", &error, NULL);
	content_operations(c, file, open);
	q = client_request(c, ABI_GOFER_LINK, file, "hard", NULL);
	q.args.link.dir = dir;
	call_ok(c, q);
	q = client_request(c, ABI_GOFER_RENAME, dir, "hard", "other");
	q.args.rename.dir = root;
	call_ok(c, q);
	call_ok(c, client_request(c, ABI_GOFER_UNLINK, root, "other", NULL));
	call_ok(c, client_request(c, ABI_GOFER_RMDIR, root, "dir", NULL));
	q = client_request(c, ABI_GOFER_READDIR, root, NULL, NULL);
	q.out_len = 4096;
	q.flags = ABI_GOFER_F_ATTR;
	call_ok(c, q);
	q.args.io.off = INT64_MAX;
	client_call(c, &q, &r);
	call_ok(c, client_request(c, ABI_GOFER_STATFS, root, NULL, NULL));
	call_ok(c, client_request(c, ABI_GOFER_SYNCFS, root, NULL, NULL));
	call_ok(c, client_request(c, ABI_GOFER_GETATTR, open, NULL, NULL));
	client_open(c, file, ABI_GOFER_O_READ, &error);
	assert_int_equal(error, 0);
	assert_int_equal(client_close(c, file), 0);
	q = client_request(c, ABI_GOFER_CLOSE_BATCH, 0, NULL, NULL);
	memcpy(client_in(c), &open, sizeof(open));
	q.in_len = sizeof(open);
	call_ok(c, q);
}

static void status_field(pid_t pid, const char *field, char *value, size_t size)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	value[0] = 0;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, field, strlen(field)) == 0)
			snprintf(value, size, "%.63s", line + strlen(field));
	fclose(f);
}

static void assert_confined(pid_t pid)
{
	const unsigned long allowed = 1ul << CAP_CHOWN | 1ul << CAP_DAC_OVERRIDE |
				      1ul << CAP_DAC_READ_SEARCH | 1ul << CAP_FOWNER |
				      1ul << CAP_FSETID;
	const char *sets[] = {"CapPrm:", "CapEff:", "CapInh:", "CapAmb:"};
	char value[64];

	status_field(pid, "Seccomp:", value, sizeof(value));
	assert_int_equal(atoi(value), 2);
	status_field(pid, "NoNewPrivs:", value, sizeof(value));
	assert_int_equal(atoi(value), 1);
	for (size_t i = 0; i < 4; i++) {
		status_field(pid, sets[i], value, sizeof(value));
		assert_int_equal(strtoul(value, NULL, 16) & ~allowed, 0);
	}
}

static void test_serves_confined(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	struct client c;
	uint32_t root;
	pid_t pid;

	(void)state;
	client_make(&c);
	pid = server_fork(&c);
	root = client_attach(&c, 0);
	assert_confined(pid);
	every_operation(&c, root);
	/* And the read-only mount still is. */
	q = make(&c, ABI_GOFER_MKDIR, client_attach(&c, 1), "d", 0700);
	assert_int_equal(client_call(&c, &q, &r), -EROFS);
	assert_int_equal(server_end(&c, pid), 0);
	assert_int_not_equal(abi_channel_closed(&c.chan), 0);
	client_free(&c);
}

/* In the confined process of a privileged user, nothing of the host is above the mounts. */
static void test_root_is_empty(void **state)
{
	char path[64];
	struct client c;
	pid_t pid;
	int fd;

	(void)state;
	if (getuid())
		skip();
	client_make(&c);
	pid = server_fork(&c);
	client_attach(&c, 0);
	snprintf(path, sizeof(path), "/proc/%d/root/etc", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(server_end(&c, pid), 0);
	client_free(&c);
}

static void test_broken_guest_ends_it(void **state)
{
	const uint64_t one = 1;
	struct client c;
	int status;
	pid_t pid;

	(void)state;
	client_make(&c);
	pid = server_fork(&c);
	client_attach(&c, 0);
	c.req.ring->prod += 12345;
	assert_int_equal(write(c.kick, &one, sizeof(one)), sizeof(one));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_not_equal(abi_channel_closed(&c.chan), 0);
	client_free(&c);
}

static struct gofer_server server;

/* One call under the filter: the signal that ended it, or 0 if it came back. */
static int filtered(struct client *c, long call, long a0, long a1)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || gofer_server_open(&server, &c->cfg) ||
		    gofer_filter_load(&server))
			_exit(1);
		syscall(call, a0 == -2 ? server.proc_fd : a0, a1, 0, 0, 0, 0);
		syscall(SYS_exit_group, 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	assert_int_equal(WEXITSTATUS(status), 0);
	return 0;
}

static void test_filter_kills(void **state)
{
	const long killed[][3] = {
		{SYS_socket, 1, 1},	    {SYS_execve, 0, 0},	 {SYS_openat, AT_FDCWD, 0},
		{SYS_openat2, AT_FDCWD, 0}, {SYS_mmap, 0, 4096}, {SYS_mprotect, 0, 4096},
		{SYS_clone, 17, 0},	    {SYS_ioctl, 0, 0},	 {SYS_read, 0, 0},
		{SYS_write, 1, 0},	    {SYS_kill, 0, 0},	 {SYS_ptrace, 0, 0},
		{SYS_statx, AT_FDCWD, 0},   {SYS_mount, 0, 0},	 {SYS_unlinkat, AT_FDCWD, 0},
		{SYS_fcntl, 0, 0},	    {SYS_prctl, 0, 0},	 {SYS_setns, 0, 0},
	};
	const long passed[][3] = {
		{SYS_openat, -2, 0},
		{SYS_statx, -2, 0},
		{SYS_close, 900, 0},
	};
	struct client c;

	(void)state;
	client_make(&c);
	for (size_t i = 0; i < sizeof(killed) / sizeof(*killed); i++)
		assert_int_equal(filtered(&c, killed[i][0], killed[i][1], killed[i][2]), SIGSYS);
	for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
		assert_int_equal(filtered(&c, passed[i][0], passed[i][1], passed[i][2]), 0);
	client_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves_confined),
		cmocka_unit_test(test_root_is_empty),
		cmocka_unit_test(test_broken_guest_ends_it),
		cmocka_unit_test(test_filter_kills),
	};

	return cmocka_run_group_tests_name("gofer-serve", tests, NULL, NULL);
}
