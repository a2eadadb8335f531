/* bench.c - what one operation costs, in ticks of the CPU's time-stamp counter
 *
 * usage: bench [--ns] FILE   FILE: at least 4 KiB, in a file system that the kernel under test
 * caches
 *
 * Under QEMU's -icount a tick is an instruction. Each operation is repeated in rounds short enough
 * to fit between two timer interrupts; the cheapest round is the figure, after warming rounds, so
 * that it is the same in every run. Prints `NAME TICKS` lines, TICKS for one operation; tools/bench
 * runs it on Linux and in a sandbox and compares. With --ns the figures are nanoseconds, and the
 * median round counts: where others run too, the cheapest is luck. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <x86intrin.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE	      4096
#define REGION_PAGES  256 /* 1 MiB: below what Linux backs with a huge page */
#define FRESH_PAGES   4096
#define LARGE_PAGES   8192 /* 32 MiB */
#define MAX_ROUNDS    40

struct bench {
	const char *name;
	int times; /* operations in a round */
	int rounds;
	void (*prepare)(void); /* before each round, not counted; may be NULL */
	void (*run)(int times);
};

static const char *file_name;
static int file_fd, tmp_fd, self_pipe[2], to_peer[2], from_peer[2];
static char *region;
static char page[PAGE];
static volatile sig_atomic_t signals;
static bool in_ns;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A benchmark of calls that fail would be a fast one. */
static void must(long result, const char *what)
{
	if (result < 0)
		fail(what);
}

static void run_getppid(int times)
{
	while (times--)
		syscall(SYS_getppid);
}

static void run_getpid(int times)
{
	while (times--)
		syscall(SYS_getpid);
}

static void run_clock(int times)
{
	struct timespec t;

	while (times--)
		clock_gettime(CLOCK_MONOTONIC, &t);
}

static void run_pread_64(int times)
{
	while (times--)
		must(pread(file_fd, page, 64, 0), "pread");
}

static void run_pread_4k(int times)
{
	while (times--)
		must(pread(file_fd, page, PAGE, 0), "pread");
}

static void run_pwrite_64(int times)
{
	while (times--)
		must(pwrite(tmp_fd, page, 64, 0), "pwrite");
}

static void run_stat(int times)
{
	struct stat st;

	while (times--)
		must(stat(file_name, &st), "stat");
}

static void run_open(int times)
{
	while (times--) {
		int fd = open(file_name, O_RDONLY);
		must(fd, "open");
		close(fd);
	}
}

static void prepare_fault(void)
{
	must(madvise(region, REGION_PAGES * PAGE, MADV_DONTNEED), "madvise");
}

static void run_fault(int times)
{
	for (int i = 0; i < times; i++)
		*(volatile char *)(region + (size_t)i * PAGE) = 1;
}

static void run_pipe(int times)
{
	char c = 0;

	while (times--) {
		must(write(self_pipe[1], &c, 1), "pipe write");
		must(read(self_pipe[0], &c, 1), "pipe read");
	}
}

static void run_pipe_switch(int times)
{
	char c = 0;

	while (times--) {
		must(write(to_peer[1], &c, 1), "peer write");
		must(read(from_peer[0], &c, 1), "peer read");
	}
}

static void run_fork(int times)
{
	int status;

	while (times--) {
		pid_t pid = fork();
		must(pid, "fork");
		if (!pid)
			_exit(0);
		must(waitpid(pid, &status, 0), "waitpid");
	}
}

static void run_exec(int times)
{
	int status;

	while (times--) {
		pid_t pid = fork();
		must(pid, "fork");
		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(127);
		}
		must(waitpid(pid, &status, 0), "waitpid");
		if (status) {
			errno = ENOEXEC;
			fail("/bin/true");
		}
	}
}

static void run_mmap(int times)
{
	while (times--) {
		char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
		if (p == MAP_FAILED)
			fail("mmap");
		*(volatile char *)p = 1;
		must(munmap(p, PAGE), "munmap");
	}
}

static int futex_turn; /* 0: the main thread's, 1: the other's */

static void futex_pass(int mine)
{
	__atomic_store_n(&futex_turn, !mine, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &futex_turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	while (__atomic_load_n(&futex_turn, __ATOMIC_SEQ_CST) != mine)
		syscall(SYS_futex, &futex_turn, FUTEX_WAIT_PRIVATE, !mine, NULL, NULL, 0);
}

static void *futex_thread(void *arg)
{
	while (__atomic_load_n(&futex_turn, __ATOMIC_SEQ_CST) != 1)
		syscall(SYS_futex, &futex_turn, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	for (;;)
		futex_pass(1);
	return arg;
}

/* Counted per hand-over: there are two in a round trip. */
static void run_futex(int times)
{
	for (int i = 0; i < times; i += 2)
		futex_pass(0);
}

static void on_signal(int sig)
{
	signals = sig;
}

static void run_signal(int times)
{
	while (times--)
		raise(SIGUSR1);
}

static const struct bench benches[] = {
	{"getppid", 1000, 30, NULL, run_getppid},
	{"getpid", 1000, 30, NULL, run_getpid},
	{"clock_gettime", 1000, 30, NULL, run_clock},
	{"pread-64", 200, 30, NULL, run_pread_64},
	{"pread-4k", 100, 30, NULL, run_pread_4k},
	{"pwrite-tmpfs-64", 100, 30, NULL, run_pwrite_64},
	{"stat", 200, 30, NULL, run_stat},
	{"open-close", 100, 30, NULL, run_open},
	{"fault", REGION_PAGES, 30, prepare_fault, run_fault},
	{"mmap-touch-munmap", 50, 30, NULL, run_mmap},
	{"pipe", 200, 30, NULL, run_pipe},
	{"pipe-switch", 50, 30, NULL, run_pipe_switch},
	{"futex-handover", 100, 30, NULL, run_futex},
	{"signal", 100, 30, NULL, run_signal},
	{"fork-exit-wait", 3, 30, prepare_fault, run_fork},
	{"fork-exec-true", 1, 40, prepare_fault, run_exec},
};

static unsigned long now(void)
{
	struct timespec t;

	if (!in_ns)
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec * 1000000000ul + (unsigned long)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	const unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return (x > y) - (x < y);
}

static void measure(const struct bench *b)
{
	unsigned long taken[MAX_ROUNDS];

	for (int round = 0; round < b->rounds; round++) {
		if (b->prepare)
			b->prepare();
		unsigned long start = now();
		b->run(b->times);
		taken[round] = now() - start;
	}
	qsort(taken, (size_t)b->rounds, sizeof(taken[0]), by_value);
	printf("%s %.2f\n", b->name, (double)taken[in_ns ? b->rounds / 2 : 0] / b->times);
	fflush(stdout);
}

/* ---- what only time can tell ---- */

/* A new area each time, as a program's heap grows; its end is not counted. */
static char *large;

static void prepare_large(void)
{
	if (large)
		munmap(large, LARGE_PAGES * PAGE);
	large = mmap(NULL, LARGE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (large == MAP_FAILED)
		fail("mmap");
	madvise(large, LARGE_PAGES * PAGE, MADV_NOHUGEPAGE);
}

static void run_large(int times)
{
	for (int i = 0; i < times; i++)
		*(volatile char *)(large + (size_t)i * PAGE) = 1;
}

static void run_compute(int times)
{
	volatile unsigned long sink;
	unsigned long x = 1;

	while (times--)
		for (int i = 0; i < 1000; i++)
			x = x * 6364136223846793005ul + 1442695040888963407ul;
	sink = x;
	(void)sink;
}

static void spin_on(const volatile unsigned *word, unsigned wanted)
{
	while (*word != wanted)
		__builtin_ia32_pause();
}

static volatile unsigned *spin_word;

static void run_spin(int times)
{
	while (times--) {
		*spin_word = 1;
		spin_on(spin_word, 0);
	}
}

static const struct bench timed[] = {
	{"touch-large", LARGE_PAGES, 5, prepare_large, run_large},
	{"compute", 20000, 9, NULL, run_compute},
};
static const struct bench spin = {"spin-round-trip", 5000, 30, NULL, run_spin};

/* What a hand-over by shared memory costs between two CPUs, if there are two. */
static void measure_spin(void)
{
	cpu_set_t all, one;
	int first = 0, second;

	must(sched_getaffinity(0, sizeof(all), &all), "sched_getaffinity");
	while (!CPU_ISSET(first, &all))
		first++;
	for (second = first + 1; second < CPU_SETSIZE && !CPU_ISSET(second, &all); second++)
		;
	if (second == CPU_SETSIZE)
		return;
	spin_word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (spin_word == MAP_FAILED)
		fail("mmap");
	pid_t pid = fork();
	must(pid, "fork");
	CPU_ZERO(&one);
	CPU_SET(pid ? first : second, &one);
	must(sched_setaffinity(0, sizeof(one), &one), "sched_setaffinity");
	while (!pid) {
		spin_on(spin_word, 1);
		*spin_word = 0;
	}
	measure(&spin);
	kill(pid, SIGKILL);
	must(waitpid(pid, NULL, 0), "waitpid");
	must(sched_setaffinity(0, sizeof(all), &all), "sched_setaffinity");
}

static int by_size(const void *a, const void *b)
{
	const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

/* First of all, while most of memory has never been touched. No second round is possible, so the
 * figure is the median of single touches. */
static void measure_fresh(void)
{
	static unsigned ticks[FRESH_PAGES];
	char *p = mmap(NULL, FRESH_PAGES * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	memset(ticks, 1, sizeof(ticks));
	madvise(p, FRESH_PAGES * PAGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < FRESH_PAGES; i++) {
		unsigned long start = __rdtsc();
		*(volatile char *)(p + i * PAGE) = 1;
		ticks[i] = __rdtsc() - start;
	}
	qsort(ticks, FRESH_PAGES, sizeof(ticks[0]), by_size);
	printf("fault-fresh %u.00\n", ticks[FRESH_PAGES / 2]);
	munmap(p, FRESH_PAGES * PAGE);
}

static pid_t start_peer(void)
{
	char c;

	must(pipe(to_peer), "pipe");
	must(pipe(from_peer), "pipe");
	pid_t pid = fork();
	must(pid, "fork");
	if (pid)
		return pid;
	close(to_peer[1]);
	while (read(to_peer[0], &c, 1) == 1)
		must(write(from_peer[1], &c, 1), "peer");
	_exit(0);
}

/* `bench --run COMMAND...`: the ticks of one command from fork to wait. */
static int run_command(char **argv)
{
	int status;
	unsigned long start = __rdtsc();
	pid_t pid = fork();

	must(pid, "fork");
	if (!pid) {
		execvp(argv[0], argv);
		fail(argv[0]);
	}
	must(waitpid(pid, &status, 0), "waitpid");
	printf("command %lu\n", (unsigned long)(__rdtsc() - start));
	return status != 0;
}

/* `bench --serve FILE`: reads `NAME ROUNDS` lines, does so many operations, answers `done`. For the
 * counters of exits, which are read from outside. */
static void serve(void)
{
	char line[80], name[64];
	int rounds;

	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%63s %d", name, &rounds) == 2) {
		const struct bench *b = benches, *end = benches + ARRAY_SIZE(benches);
		while (b < end && strcmp(b->name, name))
			b++;
		for (int left = rounds; b < end && left > 0; left -= b->times) {
			if (b->prepare)
				b->prepare();
			b->run(left < b->times ? left : b->times);
		}
		printf("%s\n", b < end || !rounds ? "done" : "unknown");
		fflush(stdout);
	}
}

static void fix_addresses(char **argv)
{
	if (!getenv("BENCH_AGAIN") && personality(ADDR_NO_RANDOMIZE) >= 0) {
		setenv("BENCH_AGAIN", "1", 1);
		execv("/proc/self/exe", argv);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread;
	bool served = argc == 3 && !strcmp(argv[1], "--serve");

	in_ns = argc == 3 && !strcmp(argv[1], "--ns");
	if (argc == 2 && !strcmp(argv[1], "--spin")) {
		in_ns = true;
		measure_spin();
		return 0;
	}
	if (argc > 2 && !strcmp(argv[1], "--run"))
		return run_command(argv + 2);
	if (argc != 2 && !served && !in_ns) {
		fprintf(stderr,
			"usage: bench [--ns] FILE | --spin | --serve FILE | --run COMMAND...\n");
		return 2;
	}
	fix_addresses(argv);
	if (!served && !in_ns)
		measure_fresh();
	file_name = argv[argc - 1];
	must(file_fd = open(file_name, O_RDONLY), file_name);
	must(tmp_fd = memfd_create("bench", 0), "memfd_create");
	must(pipe(self_pipe), "pipe");
	region = mmap(NULL, REGION_PAGES * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED)
		fail("mmap");
	madvise(region, REGION_PAGES * PAGE, MADV_NOHUGEPAGE);
	signal(SIGUSR1, on_signal);
	pid_t peer = start_peer();
	if (pthread_create(&thread, NULL, futex_thread, NULL))
		fail("pthread_create");
	if (served)
		serve();
	for (size_t i = 0; !served && i < ARRAY_SIZE(benches); i++)
		measure(&benches[i]);
	for (size_t i = 0; in_ns && i < ARRAY_SIZE(timed); i++)
		measure(&timed[i]);
	kill(peer, SIGKILL);
	return 0;
}
