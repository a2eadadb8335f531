/* filter.c - the calls that the serving process makes, and no others (libseccomp)
 *
 * One line per call, with the reason. A call that is not here, or with other arguments, kills the
 * process. Loaded when the threads exist and for all of them at once, so no thread is ever made
 * and no memory mapped under it. The rules with a descriptor in them hold because those descriptors
 * are kept from start to end.
 * AT_FDCWD is no directory of ours: where a call takes a directory, it must be a real descriptor.
 * Tests: test/unit/gofer/serve_test.c */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Above every descriptor there can be, below AT_FDCWD however it is extended. */
#define FD_LIMIT (1u << 30)

#define IS(n, v)	 SCMP_CMP32(n, SCMP_CMP_EQ, (uint32_t)(v))
#define IS_DIR(n)	 SCMP_CMP32(n, SCMP_CMP_LT, FD_LIMIT)
#define NO_BITS(n, mask) SCMP_CMP32(n, SCMP_CMP_MASKED_EQ, (uint32_t)(mask), 0)

struct rule {
	int call;
	unsigned count;
	struct scmp_arg_cmp arg[2];
};

static int rules_add(scmp_filter_ctx ctx, const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rules[i].call, rules[i].count,
					       rules[i].arg);

		if (r)
			return r;
	}
	return 0;
}

#define RULES_ADD(ctx, rules) rules_add(ctx, rules, sizeof(rules) / sizeof(*(rules)))

/* Sleeping, waking, ending. */
static int add_process(scmp_filter_ctx ctx, const struct gofer_server *srv)
{
	const struct rule rules[] = {
		/* locks and barriers of the threads */
		{SCMP_SYS(futex), 0, {}},
		/* waiting for doorbells and for the control socket */
		{SCMP_SYS(epoll_pwait), 0, {}},
		/* taking a doorbell's count, noticing the end of the control socket */
		{SCMP_SYS(read), 1, {IS(0, srv->kick_fd)}},
		{SCMP_SYS(read), 1, {IS(0, srv->control_fd)}},
		/* ringing: the guest, the other workers, the end */
		{SCMP_SYS(write), 1, {IS(0, srv->kick_fd)}},
		{SCMP_SYS(write), 1, {IS(0, srv->call_fd)}},
		{SCMP_SYS(write), 1, {IS(0, srv->stop_fd)}},
		/* the polling's clock, where the vDSO cannot tell it */
		{SCMP_SYS(clock_gettime), 1, {IS(0, CLOCK_MONOTONIC)}},
		/* the pause of a worker woken for nothing too often, also when it is resumed */
		{SCMP_SYS(clock_nanosleep), 1, {IS(0, CLOCK_MONOTONIC)}},
		{SCMP_SYS(restart_syscall), 0, {}},
		/* returning from a signal handler: none is installed, but stopping and going on
		 * under a debugger or a freezer ends in it on some kernels */
		{SCMP_SYS(rt_sigreturn), 0, {}},
		/* _exit */
		{SCMP_SYS(exit_group), 0, {}},
	};

	return RULES_ADD(ctx, rules);
}

/* Names and descriptors. */
static int add_paths(scmp_filter_ctx ctx, const struct gofer_server *srv)
{
	const struct rule rules[] = {
		/* every walk, and creating files; its flags are behind a pointer, what keeps it in
		 * the mount even for a hijacked server is the jail's root */
		{SCMP_SYS(openat2), 1, {IS_DIR(0)}},
		/* opening for real what a descriptor stands for */
		{SCMP_SYS(openat), 1, {IS(0, srv->proc_fd)}},
		/* closing handles */
		{SCMP_SYS(close), 0, {}},
		/* attributes of a descriptor or of a directory's entry */
		{SCMP_SYS(statx), 1, {IS_DIR(0)}},
		/* STATFS, and telling the host's procfs */
		{SCMP_SYS(fstatfs), 0, {}},
		/* READLINK of a descriptor */
		{SCMP_SYS(readlinkat), 1, {IS_DIR(0)}},
		/* making and removing names */
		{SCMP_SYS(mkdirat), 1, {IS_DIR(0)}},
		{SCMP_SYS(mknodat), 1, {IS_DIR(0)}},
		{SCMP_SYS(symlinkat), 1, {IS_DIR(1)}},
		{SCMP_SYS(linkat), 2, {IS(0, srv->proc_fd), IS_DIR(2)}},
		{SCMP_SYS(unlinkat), 1, {IS_DIR(0)}},
		{SCMP_SYS(renameat2), 2, {IS_DIR(0), IS_DIR(2)}},
		/* SETATTR, and giving new files their owner and mode */
		{SCMP_SYS(fchmodat), 1, {IS(0, srv->proc_fd)}},
		{SCMP_SYS(fchownat), 2, {IS_DIR(0), IS(4, AT_EMPTY_PATH)}},
		{SCMP_SYS(utimensat), 2, {IS(0, srv->proc_fd), IS(3, 0)}},
		/* extended attributes, by the names of our descriptors */
		{SCMP_SYS(getxattr), 0, {}},
		{SCMP_SYS(setxattr), 0, {}},
		{SCMP_SYS(listxattr), 0, {}},
		{SCMP_SYS(removexattr), 0, {}},
	};

	return RULES_ADD(ctx, rules);
}

/* Content. */
static int add_content(scmp_filter_ctx ctx)
{
	const struct rule rules[] = {
		/* READ and WRITE */
		{SCMP_SYS(pread64), 0, {}},
		{SCMP_SYS(pwrite64), 0, {}},
		/* READDIR, with the seek to its cookie; LSEEK for data and holes */
		{SCMP_SYS(getdents64), 0, {}},
		{SCMP_SYS(lseek), 0, {}},
		/* SETATTR of the size, FALLOCATE */
		{SCMP_SYS(ftruncate), 0, {}},
		{SCMP_SYS(fallocate), 0, {}},
		/* FSYNC, SYNCFS */
		{SCMP_SYS(fsync), 0, {}},
		{SCMP_SYS(fdatasync), 0, {}},
		{SCMP_SYS(syncfs), 0, {}},
	};

	return RULES_ADD(ctx, rules);
}

#ifdef __SANITIZE_ADDRESS__
/* What the sanitizers' run time does behind the code's back. */
static int add_sanitizer(scmp_filter_ctx ctx)
{
	const struct rule rules[] = {
		{SCMP_SYS(mmap), 0, {}},	{SCMP_SYS(munmap), 0, {}},
		{SCMP_SYS(mprotect), 0, {}},	{SCMP_SYS(madvise), 0, {}},
		{SCMP_SYS(sigaltstack), 0, {}}, {SCMP_SYS(rt_sigprocmask), 0, {}},
		{SCMP_SYS(gettid), 0, {}},	{SCMP_SYS(getpid), 0, {}},
		{SCMP_SYS(sched_yield), 0, {}}, {SCMP_SYS(write), 1, {IS(0, 2)}},
	};

	return RULES_ADD(ctx, rules);
}
#else
static int add_sanitizer(scmp_filter_ctx ctx)
{
	(void)ctx;
	return 0;
}
#endif

/* Loads the filter for every thread. 0 or a negative errno, told on stderr. */
int gofer_filter_load(const struct gofer_server *srv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!ctx) {
		fprintf(stderr, "gofer: no seccomp filters here, or no memory for one\n");
		return -ENOMEM;
	}
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A decision tree instead of a list: the calls of the common operations come early. */
	if (!r)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!r)
		r = add_process(ctx, srv);
	if (!r)
		r = add_paths(ctx, srv);
	if (!r)
		r = add_content(ctx);
	if (!r)
		r = add_sanitizer(ctx);
	if (!r)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r)
		fprintf(stderr, "gofer: seccomp filter: %s\n", strerror(-r));
	return r;
}
