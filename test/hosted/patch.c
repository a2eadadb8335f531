/* patch.c - call sites that the hosted machine changes (arch/x86_64/hosted/patch.c)
 *
 * Here those of `mov $nr, %eax; syscall`; in patch_next.c those of `syscall` and what follows it,
 * in patch_answers.c those that are answered without the kernel. Each test makes call sites of its
 * own, calls them until they have been patched, and then does what could show that they are not
 * what they were: jumps into their middle, interrupts them, writes over them, runs them in many
 * threads, takes GS away. On Linux and in a virtual machine nothing is patched, and the same must
 * hold.
 */
#include "sites.h"

#include <asm/prctl.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define THREADS 4

static void fill_one(unsigned char *page, void *arg)
{
	put_site(page + 64, *(uint32_t *)arg);
}

static unsigned char *one_site(uint32_t nr)
{
	return text_page(fill_one, &nr) + 64;
}

static bool is_patched(const unsigned char *at)
{
	return *(const volatile unsigned char *)at == 0xe9;
}

/* All registers but those that a call may change, and the flags, survive. */
static void registers_are_kept(void)
{
	unsigned char *at = one_site(SYS_getppid);

	for (uint64_t i = 0; i < OFTEN; i++) {
		uint64_t r[NREGS];

		for (int n = 0; n < KEPT; n++)
			r[n] = i << 32 | 0x101u * n;
		regs_call(at, r);
		for (int n = 0; n < KEPT; n++)
			CHECK_EQ(r[n], i << 32 | 0x101u * n);
		CHECK_EQ(r[RAX], getppid());
		CHECK_EQ(r[RCX], (uint64_t)(uintptr_t)at + 7);
		CHECK(r[FLAGS] & 1 && r[FLAGS] & 0x400);
		CHECK_EQ(r[R11] & 0xcd5, r[FLAGS] & 0xcd5);
	}
}

static void arguments_and_errors(void)
{
	unsigned char *at = one_site(SYS_lseek);

	for (int i = 0; i < OFTEN; i++)
		CHECK_EQ(as_fn(at)(-1, i, 0), -EBADF);
}

/* The `syscall` is still there, and takes any number. */
static void middle_is_a_call(void)
{
	unsigned char *at = one_site(SYS_getppid);
	long r;

	warm(at);
	__asm__ volatile("subq $256, %%rsp\n\tcall *%1\n\taddq $256, %%rsp"
			 : "=a"(r)
			 : "r"(at + 5), "0"((long)SYS_getpid)
			 : "rcx", "r11", "memory");
	CHECK_EQ(r, getpid());
	CHECK_EQ(as_fn(at)(0, 0, 0), getppid());
}

/* `41 b8` is another mov, a page's border and writable text are left alone: all still work. */
static void odd_sites(void)
{
	static const unsigned char r8_code[] = {0xb8,	     SYS_getppid, 0, 0, 0,    0x41, 0xb8,
						SYS_getppid, 0,		  0, 0, 0x0f, 0x05, 0xc3};
	unsigned char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	memcpy(p, r8_code, sizeof(r8_code));
	put_site(p + PAGE - 4, SYS_getpid);
	for (int i = 0; i < OFTEN; i++) {
		CHECK_EQ(as_fn(p)(0, 0, 0), getppid());
		CHECK_EQ(as_fn(p + PAGE - 4)(0, 0, 0), getpid());
	}
	CHECK(!memcmp(p, r8_code, sizeof(r8_code)));
	/* text that changes while it is in use */
	for (int i = 0; i < OFTEN * 2; i++) {
		put_site(p + 128, i & 1 ? SYS_getpid : SYS_getppid);
		CHECK_EQ(as_fn(p + 128)(0, 0, 0), i & 1 ? getpid() : getppid());
	}
	REQUIRE_OK(mprotect(p, 2 * PAGE, PROT_READ | PROT_EXEC));
	warm(p + PAGE - 4);
	warm(p);
	CHECK(!is_patched(p + PAGE - 4) && !memcmp(p, r8_code, sizeof(r8_code)));
}

/* Patched text becomes writable and is written over, then another site takes its place. */
static void rewritten(void)
{
	unsigned char *at = one_site(SYS_getppid), *page = at - 64;

	warm(at);
	REQUIRE_OK(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	put_site(at, SYS_getpid);
	REQUIRE_OK(mprotect(page, PAGE, PROT_READ | PROT_EXEC));
	for (int i = 0; i < OFTEN; i++)
		CHECK_EQ(as_fn(at)(0, 0, 0), getpid());
}

static volatile bool storm_ends;

static void *storm_thread(void *arg)
{
	unsigned char *page = arg;
	pid_t parent = getppid(), pid = getpid();
	long wrong = 0;

	while (!storm_ends)
		for (int i = 0; i < (int)PAGE / 64; i++)
			wrong += as_fn(page + i * 64)(0, 0, 0) != (i & 1 ? pid : parent);
	return (void *)wrong;
}

static void fill_all(unsigned char *page, void *arg)
{
	for (int i = 0; i < (int)PAGE / 64; i++)
		put_site(page + i * 64, i & 1 ? SYS_getpid : SYS_getppid);
}

/* Sites are patched while other threads run through them. */
static void thread_storm(void)
{
	for (int round = 0; round < 4; round++) {
		unsigned char *page = text_page(fill_all, NULL);
		pthread_t t[THREADS];

		storm_ends = false;
		for (int i = 0; i < THREADS; i++)
			REQUIRE(!pthread_create(&t[i], NULL, storm_thread, page));
		usleep(100000);
		storm_ends = true;
		for (int i = 0; i < THREADS; i++) {
			void *wrong;

			pthread_join(t[i], &wrong);
			CHECK_EQ((long)wrong, 0);
		}
		munmap(page, PAGE);
	}
}

static const unsigned char *hit_site;
static volatile long hits, strays;

static void on_alarm(int sig, siginfo_t *info, void *context)
{
	uint64_t rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	uint64_t at = (uint64_t)(uintptr_t)hit_site;

	hits++;
	/* in a slot, or in the machine's own code */
	if (rip - at > 8 && !in_program(rip))
		strays++;
	as_fn(hit_site)(0, 0, 0);
}

/* Signals that land anywhere on the way see the program's own text, and lose nothing. */
static void signals_on_the_way(void)
{
	unsigned char *at = one_site(SYS_getppid);

	warm(at);
	hit_site = at;
	hits = strays = 0;
	CHECK_EQ(call_in_storm(at, on_alarm, &hits), 0);
	CHECK(hits > 50);
	CHECK_EQ(strays, 0);
}

static void on_usr1(int sig)
{
	hits++;
}

/* An interrupted call is made again by its own instruction. */
static void restarted(void)
{
	struct sigaction act = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
	unsigned char *at = one_site(SYS_read);
	int fds[2], status;
	char c = 0;
	pid_t pid;

	REQUIRE_OK(pipe(fds));
	for (int i = 0; i < OFTEN; i++)
		CHECK_EQ(as_fn(at)(-1, 0, 0), -EBADF);
	hits = 0;
	REQUIRE_OK(sigaction(SIGUSR1, &act, NULL));
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		usleep(50000);
		_exit(write(fds[1], "x", 1) != 1);
	}
	CHECK_EQ(as_fn(at)(fds[0], (long)&c, 1), 1);
	CHECK(c == 'x' && hits == 1);
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}

static void forked(void)
{
	unsigned char *at = one_site(SYS_getppid), *later = one_site(SYS_getppid);
	pid_t parent = getpid(), pid;
	int status;

	warm(at);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		REQUIRE(pid >= 0);
		if (!pid) {
			bool ok = true;

			for (int n = 0; n < OFTEN; n++)
				ok &= as_fn(at)(0, 0, 0) == parent &&
				      as_fn(later)(0, 0, 0) == parent;
			_exit(!ok);
		}
		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK_EQ(status, 0);
		CHECK_EQ(as_fn(at)(0, 0, 0), getppid());
		CHECK_EQ(as_fn(later)(0, 0, 0), getppid());
	}
}

static void *gs_thread(void *arg)
{
	unsigned char *page = ((unsigned char **)arg)[0];

	return storm_thread(page);
}

/* A base of one's own in GS is kept, and nothing is written there. */
static void gs_is_taken(void)
{
	static uint64_t data[1024];
	unsigned char *page = text_page(fill_all, NULL);
	pthread_t t;
	void *wrong;
	uint64_t v;

	for (int i = 0; i < (int)PAGE / 64; i++)
		warm(page + i * 64);
	storm_ends = false;
	REQUIRE(!pthread_create(&t, NULL, gs_thread, &page));
	data[0] = 0x1234567;
	REQUIRE_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, data));
	for (int i = 0; i < OFTEN * 10; i++) {
		CHECK_EQ(as_fn(page)(0, 0, 0), getppid());
		__asm__ volatile("movq %%gs:0, %0" : "=r"(v));
		CHECK_EQ(v, 0x1234567);
	}
	storm_ends = true;
	pthread_join(t, &wrong);
	CHECK_EQ((long)wrong, 0);
	for (size_t i = 1; i < sizeof(data) / 8; i++)
		CHECK_EQ(data[i], 0);
	REQUIRE_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
	CHECK_EQ(as_fn(page)(0, 0, 0), getppid());
}

/* The selector is loaded: the base is gone without a call that says so. */
static void gs_is_lost(void)
{
	unsigned char *at = one_site(SYS_getppid);

	warm(at);
	for (int i = 0; i < 3; i++) {
		__asm__ volatile("movw %w0, %%gs" ::"r"(0));
		CHECK_EQ(as_fn(at)(0, 0, 0), getppid());
		CHECK_EQ(as_fn(at)(0, 0, 0), getppid());
	}
}

static const struct abi_test tests[] = {{"registers_are_kept", registers_are_kept},
					{"arguments_and_errors", arguments_and_errors},
					{"middle_is_a_call", middle_is_a_call},
					{"odd_sites", odd_sites},
					{"rewritten", rewritten},
					{"thread_storm", thread_storm},
					{"signals_on_the_way", signals_on_the_way},
					{"restarted", restarted},
					{"forked", forked},
					{"gs_is_taken", gs_is_taken},
					{"gs_is_lost", gs_is_lost},
#define NEXT_CASE(name) {#name, name},
					NEXT_TESTS(NEXT_CASE) ANSWER_TESTS(NEXT_CASE)};

/* Executed by a test. */
static int child(int argc, char **argv)
{
	return argc ? answer_child() : 7;
}

ABI_SUITE(tests, child);
