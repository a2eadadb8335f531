/* exec.c - execve(2), execveat(2): arguments, scripts, errors, what survives, the auxiliary vector
 */
#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abitest.h"

static char *big[40];

static long exec_(const void *path, const void *argv, const void *envp)
{
	return syscall(SYS_execve, path, argv, envp);
}

/* Runs this program's --child with these arguments; returns its exit status. */
static int run(const char *path, const char *const *argv, const char *const *envp)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());
	int status;

	if (pid == 0) {
		exec_(path, argv, envp);
		_exit(100 + errno);
	}
	status = abi_wait_status(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

static void test_faults(void)
{
	const char *const argv[] = {"x", NULL}, *const envp[] = {NULL};
	const char *bad[] = {"x", (const char *)0xffff800000000000, NULL};

	CHECK_FAULTS(p, 1, BAD_IN, exec_(p, argv, envp));
	/* Not half in good memory: its zeroes would be the end of the list. */
	CHECK_FAULTS(p, 1, BAD_NONNULL, exec_(abi_self_path(), p, envp));
	CHECK_FAULTS(p, 1, BAD_NONNULL, exec_(abi_self_path(), argv, p));
	CHECK_ERR(exec_(abi_self_path(), bad, envp), EFAULT);
	CHECK_ERR(exec_(abi_self_path(), argv, bad), EFAULT);
}

static void test_errors(void)
{
	const char *const argv[] = {"x", NULL};
	const char *text = abi_tmp_file("text", "not a program\n"), *f;
	int fd;

	CHECK_ERR(exec_(abi_tmp("none"), argv, NULL), ENOENT);
	CHECK_ERR(exec_("", argv, NULL), ENOENT);
	CHECK_ERR(exec_(abi_tmpdir(), argv, NULL), EACCES);
	CHECK_ERR(exec_(text, argv, NULL), EACCES);
	REQUIRE_OK(chmod(text, 0755));
	CHECK_ERR(exec_(text, argv, NULL), ENOEXEC);
	CHECK_ERR(exec_(abi_tmp("text/x"), argv, NULL), ENOTDIR);
	f = abi_tmp_file("empty", "");
	REQUIRE_OK(chmod(f, 0755));
	CHECK_ERR(exec_(f, argv, NULL), ENOEXEC);
	f = abi_tmp_file("magic", "\177ELF");
	REQUIRE_OK(chmod(f, 0755));
	CHECK_ERR(exec_(f, argv, NULL), ENOEXEC);
	/* Open for writing, it cannot be run. */
	fd = (int)REQUIRE_OK(open(f, O_WRONLY));
	CHECK_ERR_OF(exec_(f, argv, NULL), ETXTBSY, ENOEXEC);
	close(fd);
	f = abi_tmp_file("nointerp", "#!/nowhere/at/all\n");
	REQUIRE_OK(chmod(f, 0755));
	CHECK_ERR(exec_(f, argv, NULL), ENOENT);
	f = abi_tmp_file("blank", "#!   \n");
	REQUIRE_OK(chmod(f, 0755));
	CHECK_ERR(exec_(f, argv, NULL), ENOEXEC);
}

static void test_too_big(void)
{
	const char *argv[] = {"x", NULL, NULL};
	size_t len = 32 * PAGE;
	char *arg = abi_pages(34, PROT_READ | PROT_WRITE);
	struct rlimit rl;

	/* One string may have 32 pages, its NUL included. */
	memset(arg, 'a', len);
	argv[1] = arg;
	CHECK_ERR(exec_(abi_self_path(), argv, NULL), E2BIG);
	CHECK_OK(getrlimit(RLIMIT_STACK, &rl));
	rl.rlim_cur = 1 << 20;
	CHECK_OK(setrlimit(RLIMIT_STACK, &rl));
	/* All of them, a quarter of the stack's limit. */
	arg[len - 1] = '\0';
	for (size_t i = 0; i < 4; i++)
		big[i] = arg;
	CHECK_ERR(exec_(abi_self_path(), big, NULL), E2BIG);
}

static int child_args(int argc, char **argv)
{
	/* --child args WANT... */
	if (argc != 4 || strcmp(argv[1], "one") || strcmp(argv[2], "") || strcmp(argv[3], "three"))
		return 1;
	if (!environ[0] || strcmp(environ[0], "A=b") || !environ[1] || strcmp(environ[1], "C=") ||
	    environ[2])
		return 2;
	return 42;
}

static void test_arguments(void)
{
	const char *const argv[] = {"name", "--child", "args", "one", "", "three", NULL};
	const char *const envp[] = {"A=b", "C=", NULL};

	CHECK_EQ(run(abi_self_path(), argv, envp), 42);
}

static void test_large_arguments(void)
{
	static char arg[100000];
	const char *argv[] = {"name", "--child", "lengths", arg, arg, arg, NULL};

	memset(arg, 'y', sizeof(arg) - 1);
	CHECK_EQ(run(abi_self_path(), argv, NULL), 43);
}

static int child_lengths(int argc, char **argv)
{
	for (int i = 1; i < 4; i++) {
		if (argc != 4 || strlen(argv[i]) != 99999)
			return 1;
	}
	return 43;
}

static void test_no_arguments(void)
{
	const char *const none[] = {NULL};

	/* An empty vector is given one empty name; the harness answers that with 3. */
	CHECK_EQ(run(abi_self_path(), none, none), 3);
	CHECK_EQ(run(abi_self_path(), NULL, NULL), 3);
}

static void script(const char *name, const char *line)
{
	static char text[1000];

	snprintf(text, sizeof(text), "%s\n", line);
	REQUIRE_OK(chmod(abi_tmp_file(name, text), 0755));
}

static int child_script(int argc, char **argv)
{
	/* interpreter --child "script..." PATH ARG: the one optional argument is one word. */
	if (argc < 2)
		return 50 + argc;
	return strcmp(argv[argc - 1], "arg") ? 1 : 60 + argc;
}

static void test_scripts(void)
{
	static char line[400];
	const char *const argv[] = {"name", "arg", NULL};

	/* The interpreter finds argv: itself, --child (from the line), the path, arg. */
	snprintf(line, sizeof(line), "#!%s --child", abi_self_path());
	script("s1", line);
	CHECK_EQ(run(abi_tmp("s1"), argv, NULL), 62);
	snprintf(line, sizeof(line), "#! \t%s   --child  ", abi_self_path());
	script("s2", line);
	CHECK_EQ(run(abi_tmp("s2"), argv, NULL), 62);
	/* A script as interpreter, up to four deep. */
	for (int i = 3; i < 6; i++) {
		char name[8];

		snprintf(line, sizeof(line), "#!%s", abi_tmp(i == 3 ? "s1" : i == 4 ? "s3" : "s4"));
		snprintf(name, sizeof(name), "s%d", i);
		script(name, line);
	}
	CHECK_EQ(run(abi_tmp("s3"), argv, NULL), 63);
	CHECK_EQ(run(abi_tmp("s5"), argv, NULL), 65);
	snprintf(line, sizeof(line), "#!%s", abi_tmp("loop"));
	script("loop", line);
	CHECK_EQ(run(abi_tmp("loop"), argv, NULL), 100 + ELOOP);
}

static void test_cloexec(void)
{
	char text[8];
	int keep = open("/dev/null", O_RDONLY), gone = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const char *argv[] = {"x", "--child", "fds", text, NULL};

	snprintf(text, sizeof(text), "%d", keep);
	CHECK_EQ(gone, keep + 1);
	CHECK_EQ(run(abi_self_path(), argv, NULL), 44);
}

static int child_fds(int argc, char **argv)
{
	int keep = atoi(argv[1]);

	return fcntl(keep, F_GETFD) == 0 && fcntl(keep + 1, F_GETFD) == -1 ? 44 : 1;
}

static void test_failed_exec_keeps_all(void)
{
	const char *const argv[] = {"x", NULL};
	char *page = abi_pages(1, PROT_READ | PROT_WRITE);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	page[0] = 5;
	signal(SIGUSR1, SIG_IGN);
	CHECK_ERR(exec_(abi_tmp("none"), argv, NULL), ENOENT);
	CHECK_EQ(page[0], 5);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
}

static void nothing(int signo)
{
}

static int execs(void *arg)
{
	const char *const argv[] = {"x", "--child", "exit", NULL};

	exec_(abi_self_path(), argv, NULL);
	return 1;
}

/* Handlers shared with another process are its own after exec; the other's stay. */
static void test_shared_handlers(void)
{
	char *stack = abi_pages(16, PROT_READ | PROT_WRITE);
	pid_t pid;

	signal(SIGUSR1, nothing);
	signal(SIGUSR2, SIG_IGN);
	pid = (pid_t)REQUIRE_OK(clone(execs, stack + 16 * PAGE,
				      CLONE_VM | CLONE_SIGHAND | CLONE_VFORK | SIGCHLD, NULL));
	CHECK_EQ(abi_wait_status(pid), 45 << 8);
	CHECK(signal(SIGUSR1, SIG_DFL) == nothing);
	CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}

static void test_execveat(void)
{
	const char *const argv[] = {"x", "--child", "exit", NULL};
	int fd = (int)REQUIRE_OK(open(abi_self_path(), O_RDONLY | O_CLOEXEC)), dir;
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH);
		_exit(1);
	}
	CHECK_EQ(abi_wait_status(pid), 45 << 8);
	CHECK_ERR(syscall(SYS_execveat, fd, "", argv, NULL, 0), ENOENT);
	CHECK_ERR(syscall(SYS_execveat, fd, "x", argv, NULL, 0), ENOTDIR);
	CHECK_ERR(syscall(SYS_execveat, 9999, "x", argv, NULL, 0), EBADF);
	CHECK_ERR(syscall(SYS_execveat, fd, "x", argv, NULL, 0x8000), EINVAL);
	REQUIRE_OK(symlink(abi_self_path(), abi_tmp("l")));
	dir = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY));
	CHECK_ERR(syscall(SYS_execveat, dir, "l", argv, NULL, AT_SYMLINK_NOFOLLOW), ELOOP);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		syscall(SYS_execveat, dir, "l", argv, NULL, 0);
		_exit(1);
	}
	CHECK_EQ(abi_wait_status(pid), 45 << 8);
}

static void test_fresh_memory(void)
{
	const char *const argv[] = {"x", "--child", "bss", NULL};

	CHECK_EQ(run(abi_self_path(), argv, NULL), 46);
}

static char bss[100000];

static int child_bss(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(bss); i++) {
		if (bss[i])
			return 1;
	}
	return 46;
}

static int child_auxv(int argc, char **argv)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	int sum = 0;

	for (int i = 0; i < 16; i++)
		sum |= random[i];
	if (!ph || getauxval(AT_PHENT) != sizeof(*ph) || getauxval(AT_PHNUM) == 0)
		return 1;
	if (ph->p_type == 0 || getauxval(AT_PAGESZ) != PAGE || !sum)
		return 2;
	if (vdso && memcmp(vdso, "\177ELF", 4))
		return 3;
	if (strcmp((const char *)getauxval(AT_EXECFN), argv[1]))
		return 4;
	if (getauxval(AT_UID) != getuid() || getauxval(AT_EGID) != getegid() ||
	    getauxval(AT_SECURE) != 0)
		return 5;
	if (getauxval(AT_CLKTCK) != 100 || !getauxval(AT_ENTRY) || !getauxval(AT_PLATFORM))
		return 6;
	return 47;
}

static void test_auxv(void)
{
	const char *const argv[] = {"x", "--child", "auxv", abi_self_path(), NULL};

	CHECK_EQ(run(abi_self_path(), argv, NULL), 47);
	CHECK_EQ(run("/proc/self/exe", (const char *const[]){"x", "--child", "exit", NULL}, NULL),
		 45);
}

/* A copy of this program, of another owner; /var/tmp, as /tmp is often mounted nosuid. */
static const char *copy_of_another(unsigned mode)
{
	static char copy[1 << 16], name[64];
	int from, to;
	ssize_t n;

	snprintf(name, sizeof(name), "/var/tmp/abitest-suid.%d", (int)getpid());
	from = (int)REQUIRE_OK(open(abi_self_path(), O_RDONLY));
	to = (int)REQUIRE_OK(open(name, O_WRONLY | O_CREAT | O_EXCL, 0700));
	while ((n = read(from, copy, sizeof(copy))) > 0)
		REQUIRE(write(to, copy, (size_t)n) == n);
	REQUIRE_OK(fchown(to, 12345, 23456));
	REQUIRE_OK(fchmod(to, mode));
	close(to);
	close(from);
	return name;
}

static void exec_as(unsigned mode, const char *uid, const char *gid, const char *secure)
{
	const char *name = copy_of_another(mode);
	const char *const argv[] = {"x", "--child", "rights", uid, gid, secure, NULL};

	CHECK_EQ(run(name, argv, NULL), 48);
	CHECK_OK(unlink(name));
}

static void test_set_id_programs(void)
{
	if (geteuid() != 0 || getegid() != 0)
		SKIP("needs root");
	exec_as(0755, "0", "0", "0");
	exec_as(04755, "12345", "0", "1");
	exec_as(02755, "0", "23456", "1");
	exec_as(06755, "12345", "23456", "1");
	exec_as(02745, "0", "0", "0");
	REQUIRE_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	exec_as(06755, "0", "0", "0");
}

/* An ordinary user's way to root, and what it does to signals and traces. */
static void set_id_root(void *arg)
{
	const char *const argv[] = {"x", "--child", "rights", "0", "1000", "1", NULL};

	CHECK_OK(setresgid(1000, 1000, 1000));
	CHECK_OK(setresuid(1000, 1000, 1000));
	CHECK_EQ(run(arg, argv, NULL), 48);
}

static void test_set_id_root(void)
{
	char name[64];

	if (geteuid() != 0)
		SKIP("needs root");
	snprintf(name, sizeof(name), "%s", copy_of_another(0700));
	REQUIRE_OK(chown(name, 0, 0));
	REQUIRE_OK(chmod(name, 04755));
	abi_join(abi_spawn(set_id_root, name));
	CHECK_OK(unlink(name));
}

/* rights EUID EGID SECURE: what exec made of them; the saved IDs follow. */
static int child_rights(int argc, char **argv)
{
	uid_t r, e, saved;
	gid_t rg, eg, savedg;
	bool secure = argc == 4 && argv[3][0] == '1';

	if (argc != 4 || getresuid(&r, &e, &saved) || getresgid(&rg, &eg, &savedg))
		return 1;
	if (e != (uid_t)atoi(argv[1]) || saved != e || eg != (gid_t)atoi(argv[2]) || savedg != eg)
		return 2;
	if (getauxval(AT_SECURE) != secure || getauxval(AT_EUID) != e || getauxval(AT_EGID) != eg)
		return 3;
	return prctl(PR_GET_DUMPABLE) == !secure ? 48 : 4;
}

static int child(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int, char **);
	} modes[] = {
		{"args", child_args}, {"lengths", child_lengths}, {"fds", child_fds},
		{"bss", child_bss},   {"auxv", child_auxv},	  {"rights", child_rights},
	};

	memset(bss + 1, bss[0], 1);
	for (size_t i = 0; argc > 0 && i < ARRAY_SIZE(modes); i++) {
		if (strcmp(argv[0], modes[i].name) == 0)
			return modes[i].run(argc, argv);
	}
	if (argc > 0 && strcmp(argv[0], "exit") == 0)
		return 45;
	return child_script(argc, argv);
}

static const struct abi_test tests[] = {
	{"faults", test_faults},
	{"errors", test_errors},
	{"too_big", test_too_big},
	{"arguments", test_arguments},
	{"large_arguments", test_large_arguments},
	{"no_arguments", test_no_arguments},
	{"scripts", test_scripts},
	{"cloexec", test_cloexec},
	{"failed_exec_keeps_all", test_failed_exec_keeps_all},
	{"shared_handlers", test_shared_handlers},
	{"execveat", test_execveat},
	{"fresh_memory", test_fresh_memory},
	{"auxv", test_auxv},
	{"set_id_programs", test_set_id_programs},
	{"set_id_root", test_set_id_root},
};

ABI_SUITE(tests, child);
