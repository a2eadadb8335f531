/* proc.c - /proc as ps, glibc and python read it, of this process and of the system */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abitest.h"

static bool has_line(const char *text, const char *start)
{
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, start, strlen(start)) == 0)
			return true;
		if (!*p)
			break;
	}
	return false;
}

/* The line's text after its name, or NULL. */
static const char *field(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? p + strlen(name) : NULL;
}

static void test_maps(void)
{
	char *p = abi_pages(4, PROT_READ | PROT_WRITE), want[64];
	const char *text;
	int fd;

	REQUIRE_OK(mprotect(p + PAGE, PAGE, PROT_READ));
	REQUIRE_OK(mprotect(p + 2 * PAGE, PAGE, PROT_NONE));
	fd = (int)REQUIRE_OK(open(abi_tmp_file("mapped", "x"), O_RDONLY));
	mmap(p + 3 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	text = abi_read_file("/proc/self/maps");
	snprintf(want, sizeof(want), "%lx-%lx r--p", (long)(p + PAGE), (long)(p + 2 * PAGE));
	CHECK(has_line(text, want));
	snprintf(want, sizeof(want), "%lx-%lx ---p", (long)(p + 2 * PAGE), (long)(p + 3 * PAGE));
	CHECK(has_line(text, want));
	snprintf(want, sizeof(want), "%lx-%lx r--s 00000000", (long)(p + 3 * PAGE),
		 (long)(p + 4 * PAGE));
	CHECK(has_line(text, want));
	CHECK(strstr(text, abi_tmp("mapped")) != NULL);
	CHECK(strstr(text, "[stack]") != NULL);
	CHECK(strstr(text, abi_self_path()) != NULL);
}

/* oom_score_adj: its range, who may lower it, and that it is inherited. */
static void test_oom_adj(void)
{
	const char *path = "/proc/self/oom_score_adj";
	int fd = (int)REQUIRE_OK(open(path, O_RDWR)), status;
	static const char *const bad[] = {"1001", "-1001", "x", "", "1 2", "99999999999"};
	pid_t pid;

	CHECK_OK(write(fd, "500\n", 4));
	CHECK(strcmp(abi_read_file(path), "500\n") == 0);
	CHECK(atoi(abi_read_file("/proc/self/oom_score")) >= 900);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ssize_t n = write(fd, bad[i], strlen(bad[i]));

		CHECK(n == (*bad[i] ? -1 : 0) || n == -1);
		CHECK(strcmp(abi_read_file(path), "500\n") == 0);
	}
	pid = fork();
	if (pid == 0) {
		bool ok = strcmp(abi_read_file(path), "500\n") == 0;

		/* a child's lowest is what a privileged writer set last */
		ok = ok && write(fd, "400", 3) == 3;
		_exit(ok ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
	CHECK_OK(write(fd, "0", 1));
	close(fd);
}

static void test_maps_in_pieces(void)
{
	static char text[65536];
	size_t len = 0;
	ssize_t n;
	int fd = (int)REQUIRE_OK(open("/proc/self/maps", O_RDONLY));
	unsigned long start, end, last = 0;

	while ((n = read(fd, text + len, 7)) > 0 && len < sizeof(text) - 8)
		len += (size_t)n;
	CHECK_EQ(n, 0);
	/* Read in tiny pieces, the lines are whole and in order. */
	for (char *p = text; *p; p = strchr(p, '\n') + 1) {
		if (!CHECK_EQ(sscanf(p, "%lx-%lx", &start, &end), 2) || !CHECK(start < end) ||
		    !CHECK(start >= last))
			break;
		last = end;
	}
	CHECK(last > 0);
}

static void test_stat(void)
{
	int pid, ppid, pgrp, session, threads;
	char comm[32], state;
	const char *text, *rest;

	CHECK_OK(prctl(PR_SET_NAME, "a (b) c", 0, 0, 0));
	text = abi_read_file("/proc/self/stat");
	rest = strrchr(text, ')');
	REQUIRE(rest != NULL);
	CHECK_EQ(sscanf(text, "%d (%31[^)])", &pid, comm), 2);
	CHECK_EQ(pid, getpid());
	CHECK(strncmp(strchr(text, '('), "(a (b) c)", 9) == 0);
	CHECK_EQ(sscanf(rest, ") %c %d %d %d", &state, &ppid, &pgrp, &session), 4);
	CHECK_EQ(state, 'R');
	CHECK_EQ(ppid, getppid());
	CHECK_EQ(pgrp, getpgrp());
	CHECK_EQ(session, getsid(0));
	CHECK_EQ(sscanf(rest,
			") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
			&threads),
		 1);
	CHECK_EQ(threads, 1);
}

static void test_status(void)
{
	const char *text = abi_read_file("/proc/self/status"), *p;
	int a = -1, b = -1;

	CHECK(has_line(text, "Name:\t"));
	CHECK(has_line(text, "State:\tR"));
	p = field(text, "\nPid:\t");
	CHECK(p && atoi(p) == getpid());
	p = field(text, "\nTgid:\t");
	CHECK(p && atoi(p) == getpid());
	p = field(text, "\nPPid:\t");
	CHECK(p && atoi(p) == getppid());
	p = field(text, "\nUid:\t");
	CHECK(p && sscanf(p, "%d\t%d", &a, &b) == 2 && a == (int)getuid() && b == (int)geteuid());
	p = field(text, "\nThreads:\t");
	CHECK(p && atoi(p) == 1);
	CHECK(has_line(text, "VmRSS:"));
	CHECK(has_line(text, "VmSize:"));
	CHECK(has_line(text, "SigBlk:\t"));
	CHECK(has_line(text, "CapEff:\t"));
	CHECK(has_line(text, "Cpus_allowed:\t"));
	CHECK(has_line(text, "Groups:\t"));
}

static void test_names(void)
{
	char link[512];
	const char *text;
	ssize_t n;

	CHECK_OK(prctl(PR_SET_NAME, "renamed", 0, 0, 0));
	CHECK_EQ(strcmp(abi_read_file("/proc/self/comm"), "renamed\n"), 0);
	text = abi_read_file("/proc/self/cmdline");
	CHECK(strstr(text, "proc") != NULL);
	n = readlink("/proc/self/exe", link, sizeof(link) - 1);
	REQUIRE(n > 0);
	link[n] = '\0';
	CHECK_EQ(link[0], '/');
	CHECK(access(link, X_OK) == 0);
	n = readlink("/proc/self", link, sizeof(link) - 1);
	REQUIRE(n > 0);
	link[n] = '\0';
	CHECK_EQ(atoi(link), getpid());
	CHECK_OK(chdir(abi_tmpdir()));
	n = readlink("/proc/self/cwd", link, sizeof(link) - 1);
	REQUIRE(n > 0);
	link[n] = '\0';
	CHECK_EQ(strcmp(link, abi_tmpdir()), 0);
	n = readlink("/proc/self/root", link, sizeof(link) - 1);
	CHECK_EQ(n, 1);
}

static void test_fd(void)
{
	char link[512], path[64];
	int fds[2], fd = (int)REQUIRE_OK(open(abi_tmp_file("f", "text"), O_RDWR | O_APPEND)), again;
	const char *text;
	ssize_t n;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	REQUIRE(n > 0);
	link[n] = '\0';
	CHECK_EQ(strcmp(link, abi_tmp("f")), 0);
	/* Opening it is opening the file anew. */
	again = (int)CHECK_OK(open(path, O_RDONLY));
	CHECK_EQ(read(again, link, 4), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_OK(stat(path, &st));
	CHECK_EQ(st.st_size, 4);
	CHECK_OK(lstat(path, &st));
	CHECK(S_ISLNK(st.st_mode));
	REQUIRE_OK(pipe(fds));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	n = readlink(path, link, sizeof(link) - 1);
	REQUIRE(n > 0);
	CHECK_EQ(strncmp(link, "pipe:[", 6), 0);
	CHECK_OK(lseek(fd, 3, SEEK_SET));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	text = abi_read_file(path);
	CHECK(has_line(text, "pos:\t3"));
	CHECK(field(text, "flags:\t") && strtol(field(text, "flags:\t"), NULL, 8) & O_APPEND);
	CHECK_ERR(readlink("/proc/self/fd/9999", link, 10), ENOENT);
	CHECK_ERR(open("/proc/self/fd/x", O_RDONLY), ENOENT);
	REQUIRE_OK(unlink(abi_tmp("f")));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	REQUIRE(n > 10);
	link[n] = '\0';
	CHECK_EQ(strcmp(link + n - 10, " (deleted)"), 0);
	CHECK_OK(open(path, O_RDONLY));
}

static void test_other_process(void)
{
	char path[64];
	const char *text;
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		for (;;)
			pause();
	}
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = abi_read_file(path);
	CHECK(field(text, "\nPPid:\t") && atoi(field(text, "\nPPid:\t")) == getpid());
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	CHECK(strstr(abi_read_file(path), "[stack]") != NULL);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(abi_wait_status(pid), SIGKILL);
	CHECK_ERR(open(path, O_RDONLY), ENOENT);
	CHECK_ERR(open("/proc/99999999", O_RDONLY), ENOENT);
	CHECK_ERR(open("/proc/-1", O_RDONLY), ENOENT);
	CHECK_ERR(open("/proc/01", O_RDONLY), ENOENT);
}

static void test_zombie(void)
{
	char path[64];
	const char *text;
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0)
		_exit(0);
	CHECK_OK(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT));
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	text = abi_read_file(path);
	CHECK(strstr(text, ") Z ") != NULL);
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_ERR(open(path, O_RDONLY), ENOENT);
}

static void test_limits_and_environ(void)
{
	const char *text = abi_read_file("/proc/self/limits");

	CHECK(has_line(text, "Max open files"));
	CHECK(has_line(text, "Max stack size"));
	text = abi_read_file("/proc/self/environ");
	if (environ[0])
		CHECK_EQ(strncmp(text, environ[0], strlen(environ[0])), 0);
	CHECK(abi_read_file("/proc/self/auxv")[0] != 0);
}

static void test_mounts(void)
{
	const char *text = abi_read_file("/proc/self/mounts");

	CHECK(strstr(text, " / ") != NULL);
	CHECK(strstr(text, " /proc proc ") != NULL);
	text = abi_read_file("/proc/self/mountinfo");
	CHECK(strstr(text, " / / ") != NULL);
	CHECK(strstr(text, " - proc ") != NULL);
	CHECK(abi_read_file("/proc/mounts")[0]);
}

static void test_system(void)
{
	const char *text = abi_read_file("/proc/meminfo");
	double up = -1, idle = -1;

	CHECK(has_line(text, "MemTotal: "));
	CHECK(has_line(text, "MemFree: "));
	CHECK(has_line(text, "MemAvailable: "));
	text = abi_read_file("/proc/cpuinfo");
	CHECK(has_line(text, "processor\t: 0"));
	CHECK(has_line(text, "flags\t\t: "));
	text = abi_read_file("/proc/stat");
	CHECK(has_line(text, "cpu  "));
	CHECK(has_line(text, "cpu0 "));
	CHECK(has_line(text, "btime "));
	CHECK_EQ(sscanf(abi_read_file("/proc/uptime"), "%lf %lf", &up, &idle), 2);
	CHECK(up >= 0 && idle >= 0);
	CHECK_EQ(sscanf(abi_read_file("/proc/loadavg"), "%lf %lf", &up, &idle), 2);
	CHECK_EQ(strncmp(abi_read_file("/proc/version"), "Linux version ", 14), 0);
	CHECK(strstr(abi_read_file("/proc/filesystems"), "\tproc\n") != NULL);
}

static void *idles(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static void test_threads(void)
{
	char path[64];
	const char *p;
	pthread_t t;

	REQUIRE(pthread_create(&t, NULL, idles, NULL) == 0);
	p = field(abi_read_file("/proc/self/status"), "\nThreads:\t");
	CHECK(p && atoi(p) == 2);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	CHECK_EQ(atoi(abi_read_file(path)), getpid());
}

static void test_read_only(void)
{
	struct stat st;

	if (geteuid() == 0) { /* docs/CAVEATS.md: others are refused earlier */
		CHECK_ERR(unlink("/proc/self/maps"), EPERM);
		CHECK_ERR_OF(open("/proc/new", O_WRONLY | O_CREAT, 0600), ENOENT, EPERM);
		CHECK_ERR_OF(mkdir("/proc/new", 0700), ENOENT, EPERM);
	}
	CHECK_OK(stat("/proc/self/maps", &st));
	CHECK_EQ(st.st_mode, S_IFREG | 0444);
	CHECK_OK(stat("/proc/self", &st));
	CHECK_EQ(st.st_mode, S_IFDIR | 0555);
	CHECK_ERR(open("/proc/self/maps/x", O_RDONLY), ENOTDIR);
}

static const struct abi_test tests[] = {
	{"maps", test_maps},	   {"maps_in_pieces", test_maps_in_pieces},
	{"oom_adj", test_oom_adj}, {"stat", test_stat},
	{"status", test_status},   {"names", test_names},
	{"fd", test_fd},	   {"other_process", test_other_process},
	{"zombie", test_zombie},   {"limits_and_environ", test_limits_and_environ},
	{"mounts", test_mounts},   {"system", test_system},
	{"threads", test_threads}, {"read_only", test_read_only},
};

ABI_SUITE(tests, NULL);
