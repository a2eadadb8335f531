/* refuse.c - runs a command for which the host refuses calls, as some containers' filters do
 *
 * usage: refuse ERRNO CALL... -- COMMAND...   ERRNO is a number; the call "userns" stands for what
 *   makes a user namespace
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int refuse(scmp_filter_ctx ctx, uint32_t action, const char *name)
{
	const struct scmp_arg_cmp flag = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER);
	int nr;

	if (!strcmp(name, "userns"))
		return seccomp_rule_add(ctx, action, SCMP_SYS(clone), 1, flag) ||
		       seccomp_rule_add(ctx, action, SCMP_SYS(unshare), 1, flag) ||
		       seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	nr = seccomp_syscall_resolve_name(name);
	return nr == __NR_SCMP_ERROR || seccomp_rule_add(ctx, action, nr, 0);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int i = 2;

	if (argc < 5 || !ctx)
		return 99;
	for (; i < argc && strcmp(argv[i], "--"); i++)
		if (refuse(ctx, SCMP_ACT_ERRNO((uint32_t)atoi(argv[1])), argv[i])) {
			fprintf(stderr, "refuse: %s?\n", argv[i]);
			return 99;
		}
	if (i + 1 >= argc || seccomp_load(ctx))
		return 99;
	seccomp_release(ctx);
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 99;
}
