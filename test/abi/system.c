/* system.c - rlimits, prctl, scheduling, uname, sysinfo, rusage, getrandom */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abitest.h"

static void test_rlimits(void)
{
	struct rlimit rl, again;

	for (int i = 0; i < 16; i++) {
		memset(&rl, 0xa5, sizeof(rl));
		CHECK_OK(syscall(SYS_getrlimit, i, &rl));
		CHECK(rl.rlim_cur <= rl.rlim_max);
		CHECK_OK(syscall(SYS_setrlimit, i, &rl));
		CHECK_OK(syscall(SYS_prlimit64, 0, i, NULL, &again));
		CHECK_EQ(rl.rlim_cur, again.rlim_cur);
		CHECK_EQ(rl.rlim_max, again.rlim_max);
	}
	CHECK_ERR(syscall(SYS_getrlimit, 16, &rl), EINVAL);
	CHECK_ERR(syscall(SYS_getrlimit, -1, &rl), EINVAL);
	CHECK_ERR(syscall(SYS_setrlimit, 99, &rl), EINVAL);
	rl = (struct rlimit){10, 5};
	CHECK_ERR(syscall(SYS_setrlimit, RLIMIT_CORE, &rl), EINVAL);
	CHECK_ERR(syscall(SYS_prlimit64, 0x3ffffff, 0, NULL, &rl), ESRCH);
	CHECK_FAULTS(p, sizeof(rl), BAD_OUT, syscall(SYS_getrlimit, 0, p));
	CHECK_FAULTS(p, sizeof(rl), BAD_IN, syscall(SYS_setrlimit, 0, p));
	CHECK_FAULTS(p, sizeof(rl), BAD_NONNULL, syscall(SYS_prlimit64, 0, 0, p, NULL));
	CHECK_FAULTS(p, sizeof(rl), BAD_OUT | BAD_NONNULL, syscall(SYS_prlimit64, 0, 0, NULL, p));
}

static void hard_limit(void *arg)
{
	struct rlimit rl;
	struct stat init;

	abi_drop_root();
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = rl.rlim_max = 64;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_max = 65;
	CHECK_ERR(setrlimit(RLIMIT_NOFILE, &rl), EPERM);
	CHECK_ERR(dup2(0, 64), EBADF);
	CHECK_EQ(dup2(0, 63), 63);
	REQUIRE_OK(stat("/proc/1", &init));
	if (init.st_uid != geteuid())
		CHECK_ERR(syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, &rl, NULL), EPERM);
}

static void test_hard_limit(void)
{
	struct rlimit rl;

	abi_join(abi_spawn(hard_limit, NULL));
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &rl));
	CHECK(rl.rlim_max > 65);
}

static void forks_beyond(void *arg)
{
	struct rlimit rl = {1, 1};

	abi_drop_root();
	CHECK_OK(setrlimit(RLIMIT_NPROC, &rl));
	CHECK_ERR(fork(), EAGAIN);
}

static void test_nproc_limit(void)
{
	/* The user has this process already. */
	if (geteuid() == 0)
		abi_join(abi_spawn(forks_beyond, NULL));
	else
		SKIP("needs root");
}

static void test_prctl_names(void)
{
	char name[17] = "";

	CHECK_OK(prctl(PR_SET_NAME, "a-name-that-is-too-long", 0, 0, 0));
	CHECK_OK(prctl(PR_GET_NAME, name, 0, 0, 0));
	CHECK_EQ(strcmp(name, "a-name-that-is-"), 0);
	CHECK_FAULTS(p, 16, BAD_OUT, prctl(PR_GET_NAME, p, 0, 0, 0));
	CHECK_FAULTS(p, 1, BAD_IN, prctl(PR_SET_NAME, p, 0, 0, 0));
	CHECK_ERR(prctl(9999, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(prctl(-1, 0, 0, 0, 0), EINVAL);
}

static void test_prctl_flags(void)
{
	int status;
	pid_t pid;

	CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	CHECK_EQ(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	CHECK_ERR(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0), EINVAL);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_ERR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	CHECK_EQ(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), 0);
	CHECK_ERR(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0), EINVAL);
	CHECK_OK(prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0));
	CHECK_EQ(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), 1000);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) { /* the child's default is what the parent has */
		prctl(PR_SET_TIMERSLACK, 5000, 0, 0, 0);
		prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);
		_exit(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 1000 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
}

static void test_affinity(void)
{
	static unsigned long mask[128], other[128];
	long n = CHECK_OK(syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask));
	unsigned cpu = 0;
	int bits = 0;

	CHECK(n >= 8 && n % 8 == 0);
	for (long i = 0; i < n / 8; i++)
		bits += __builtin_popcountl(mask[i]);
	CHECK(bits <= get_nprocs_conf());
	while (!(mask[cpu / 64] >> cpu % 64 & 1) && cpu < 8191)
		cpu++;
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 4, mask), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0, 0, mask), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getaffinity, 0x3ffffff, sizeof(mask), mask), ESRCH);
	CHECK_FAULTS(p, 8, BAD_OUT, syscall(SYS_sched_getaffinity, 0, sizeof(mask), p));
	CHECK_ERR(syscall(SYS_sched_setaffinity, 0, sizeof(other), other), EINVAL);
	other[cpu / 64] = 1ul << cpu % 64;
	CHECK_OK(syscall(SYS_sched_setaffinity, 0, sizeof(other), other));
	for (int i = 0; i < 50; i++) {
		unsigned now = 9999, node = 9999;

		sched_yield();
		CHECK_OK(syscall(SYS_getcpu, &now, &node, NULL));
		if (!CHECK_EQ(now, cpu) || !CHECK_EQ(sched_getcpu(), (int)cpu))
			break;
	}
	CHECK_OK(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
	CHECK_FAULTS(p, 8, BAD_IN, syscall(SYS_sched_setaffinity, 0, 8, p));
	CHECK_FAULTS(p, 4, BAD_OUT | BAD_NONNULL, syscall(SYS_getcpu, p, NULL, NULL));
	CHECK_FAULTS(p, 4, BAD_OUT | BAD_NONNULL, syscall(SYS_getcpu, NULL, p, NULL));
	CHECK_OK(syscall(SYS_getcpu, NULL, NULL, NULL));
}

static void test_scheduler(void)
{
	struct sched_param sp = {-1};

	CHECK_EQ(syscall(SYS_sched_yield), 0);
	CHECK_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
	CHECK_OK(syscall(SYS_sched_getparam, 0, &sp));
	CHECK_EQ(sp.sched_priority, 0);
	CHECK_EQ(syscall(SYS_sched_get_priority_max, SCHED_FIFO), 99);
	CHECK_EQ(syscall(SYS_sched_get_priority_min, SCHED_FIFO), 1);
	CHECK_EQ(syscall(SYS_sched_get_priority_max, SCHED_OTHER), 0);
	CHECK_ERR(syscall(SYS_sched_get_priority_max, 99), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getscheduler, -1), EINVAL);
	CHECK_ERR(syscall(SYS_sched_getscheduler, 0x3ffffff), ESRCH);
	CHECK_ERR(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
	sp.sched_priority = 5;
	CHECK_ERR(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &sp), EINVAL);
	sp.sched_priority = 0;
	CHECK_OK(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &sp));
	CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 20);
	CHECK_OK(syscall(SYS_setpriority, PRIO_PROCESS, 0, 5));
	CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 15);
	CHECK_ERR(syscall(SYS_getpriority, 99, 0), EINVAL);
	CHECK_ERR(syscall(SYS_getpriority, PRIO_PROCESS, 0x3ffffff), ESRCH);
}

static void test_uname(void)
{
	struct utsname u;

	memset(&u, 0xff, sizeof(u));
	CHECK_OK(syscall(SYS_uname, &u));
	CHECK_EQ(strcmp(u.sysname, "Linux"), 0);
	CHECK(u.release[0] >= '4' && u.release[0] <= '9');
	CHECK_EQ(strcmp(u.machine, "x86_64"), 0);
	CHECK(strnlen(u.nodename, 65) < 65);
	CHECK_FAULTS(p, sizeof(u), BAD_OUT, syscall(SYS_uname, p));
}

static void test_hostname(void)
{
	if (geteuid() == 0) {
		CHECK_ERR(syscall(SYS_sethostname, "x", 65), EINVAL);
		CHECK_ERR(syscall(SYS_sethostname, "x", -1), EINVAL);
	}
	abi_drop_root();
	CHECK_ERR(syscall(SYS_sethostname, "x", 1), EPERM);
}

static void test_sysinfo(void)
{
	struct sysinfo si;

	memset(&si, 0xff, sizeof(si));
	CHECK_OK(syscall(SYS_sysinfo, &si));
	CHECK(si.uptime >= 0);
	CHECK(si.totalram * si.mem_unit >= 16ul << 20);
	CHECK(si.freeram <= si.totalram);
	CHECK(si.procs >= 1);
	CHECK_FAULTS(p, sizeof(si), BAD_OUT, syscall(SYS_sysinfo, p));
}

static void burns(void *arg)
{
	volatile unsigned spin = 0;

	for (int i = 0; i < 5000000; i++)
		spin++;
}

static void test_rusage(void)
{
	struct rusage before, after;

	CHECK_OK(getrusage(RUSAGE_CHILDREN, &before));
	abi_join(abi_spawn(burns, NULL));
	CHECK_OK(getrusage(RUSAGE_CHILDREN, &after));
	CHECK(after.ru_utime.tv_sec > before.ru_utime.tv_sec ||
	      (after.ru_utime.tv_sec == before.ru_utime.tv_sec &&
	       after.ru_utime.tv_usec >= before.ru_utime.tv_usec));
	CHECK_OK(getrusage(RUSAGE_SELF, &after));
	CHECK(after.ru_maxrss > 0);
	CHECK(after.ru_minflt > 0);
	CHECK_OK(getrusage(RUSAGE_THREAD, &after));
	CHECK_ERR(syscall(SYS_getrusage, 99, &after), EINVAL);
	CHECK_FAULTS(p, sizeof(after), BAD_OUT, syscall(SYS_getrusage, RUSAGE_SELF, p));
}

static void test_getrandom(void)
{
	static unsigned char a[1000], b[1000];
	int zeros = 0;

	CHECK_EQ(syscall(SYS_getrandom, a, sizeof(a), 0), sizeof(a));
	CHECK_EQ(syscall(SYS_getrandom, b, sizeof(b), GRND_NONBLOCK), sizeof(b));
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	CHECK(zeros < 50);
	CHECK_EQ(syscall(SYS_getrandom, a, 0, 0), 0);
	CHECK_ERR(syscall(SYS_getrandom, a, 10, 0x100), EINVAL);
	CHECK_ERR(syscall(SYS_getrandom, a, 10, GRND_RANDOM | GRND_INSECURE), EINVAL);
	CHECK_FAULTS(p, 1, BAD_OUT, syscall(SYS_getrandom, p, 1, 0));
	CHECK_ERR(syscall(SYS_getrandom, (char *)-4l, 8, 0), EFAULT);
}

static void test_membarrier(void)
{
	long r = syscall(SYS_membarrier, 0, 0, 0);

	if (r == -1 && errno == ENOSYS)
		SKIP("no membarrier");
	CHECK(r >= 0);
	CHECK_ERR(syscall(SYS_membarrier, 0x40000000, 0, 0), EINVAL);
}

static const struct abi_test tests[] = {
	{"rlimits", test_rlimits},	   {"hard_limit", test_hard_limit},
	{"nproc_limit", test_nproc_limit}, {"prctl_names", test_prctl_names},
	{"prctl_flags", test_prctl_flags}, {"affinity", test_affinity},
	{"scheduler", test_scheduler},	   {"uname", test_uname},
	{"hostname", test_hostname},	   {"sysinfo", test_sysinfo},
	{"rusage", test_rusage},	   {"getrandom", test_getrandom},
	{"membarrier", test_membarrier},
};

ABI_SUITE(tests, NULL);
