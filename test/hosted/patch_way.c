/* patch_way.c - changed call sites on the way: signals, steps, threads, GS; see patch_next.c */
#include "sites.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define THREADS 4

static const unsigned char *hit_site;
static volatile long hits;
static volatile long strays, steps[16];

/* Where an instruction of the site begins. */
static bool in_site(uint64_t offset)
{
	return offset == 0 || offset == 5 || offset == CALL || offset == BEHIND || offset == END;
}

static void on_alarm(int sig, siginfo_t *info, void *context)
{
	uint64_t rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	hits++;
	if (!in_site(rip - (uint64_t)(uintptr_t)hit_site) && !in_program(rip))
		strays++;
	as_fn(hit_site)(0, 0, 0);
}

void next_signals(void)
{
	unsigned char *at = one_next(SYS_getppid);

	warm(at);
	check_patched(at);
	hit_site = at;
	hits = strays = 0;
	CHECK_EQ(call_in_storm(at, on_alarm, &hits), 0);
	CHECK(hits > 50);
	CHECK_EQ(strays, 0);
}

static void on_step(int sig, siginfo_t *info, void *context)
{
	uint64_t rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	uint64_t offset = rip - (uint64_t)(uintptr_t)hit_site;

	hits++;
	if (in_site(offset))
		steps[offset]++;
	else if (!in_program(rip))
		strays++;
}

/* Calls with the trap flag on. */
static uint64_t step_through(const unsigned char *at, uint64_t *flags)
{
	uint64_t rax;

	__asm__ volatile(
		"subq $256, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tcall *%2\n\t"
		"pushfq\n\tmovq (%%rsp), %1\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
		"addq $256, %%rsp"
		: "=a"(rax), "=r"(*flags)
		: "r"(at)
		: "rcx", "r11", "memory");
	return rax;
}

static void check_steps(const unsigned char *at)
{
	struct sigaction act = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	pid_t parent = getppid();

	REQUIRE_OK(sigaction(SIGTRAP, &act, NULL));
	hit_site = at;
	for (int i = 0; i < 3; i++) {
		uint64_t flags;

		memset((void *)steps, 0, sizeof(steps));
		hits = strays = 0;
		CHECK_EQ(step_through(at, &flags), parent);
		CHECK_EQ(flags & (CF | 0x100), CF | 0x100);
		CHECK_EQ(strays, 0);
		for (int n = 0; n < CALL; n += 5)
			CHECK_EQ(steps[n], 1);
		CHECK_EQ(steps[CALL], 1);
		CHECK_EQ(steps[END], 1);
		/* the call's own step ends behind it, or one further */
		CHECK(steps[BEHIND] <= 1 && hits < 16);
	}
}

void next_steps(void)
{
	unsigned char *at = one_next(SYS_getppid);

	check_steps(at);
	warm(at);
	check_patched(at);
	check_steps(at);
}

static volatile bool storm_ends;

static void *storm_thread(void *arg)
{
	unsigned char *page = arg;
	pid_t parent = getppid(), tid = gettid();
	long wrong = 0;

	while (!storm_ends)
		for (int i = 0; i < SITES; i++)
			wrong += as_fn(page + i * 64)(0, 0, 0) != (i & 1 ? tid : parent);
	return (void *)wrong;
}

/* A base of one's own in GS: the slots make the calls, by an instruction. */
void next_gs_is_taken(void)
{
	static uint64_t data[1024];
	unsigned char *page = text_page(fill_all_next, NULL), *later = one_next(SYS_getppid);
	pthread_t t;
	void *wrong;
	uint64_t v;

	for (int i = 0; i < SITES; i++)
		warm(page + i * 64);
	storm_ends = false;
	REQUIRE(!pthread_create(&t, NULL, storm_thread, page));
	data[0] = 0x1234567;
	REQUIRE_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, data));
	for (int i = 0; i < OFTEN * 10; i++) {
		uint64_t r[NREGS] = {0};

		regs_call(page, r);
		CHECK_EQ(r[RAX], getppid());
		CHECK_EQ(r[RCX], (uint64_t)(uintptr_t)page + BEHIND);
		CHECK_EQ(r[FLAGS] & CF, CF);
		CHECK_EQ(as_fn(later)(0, 0, 0), getppid());
		__asm__ volatile("movq %%gs:0, %0" : "=r"(v));
		CHECK_EQ(v, 0x1234567);
	}
	jump_behind(page, 1);
	jump_behind(page, -1ull);
	check_steps(page);
	storm_ends = true;
	pthread_join(t, &wrong);
	CHECK_EQ((long)wrong, 0);
	for (size_t i = 1; i < ARRAY_SIZE(data); i++)
		CHECK_EQ(data[i], 0);
	CHECK_EQ(later[CALL], 0x0f);
}

void next_gs_is_lost(void)
{
	unsigned char *at = one_next(SYS_getppid);

	warm(at);
	for (int i = 0; i < 3; i++) {
		__asm__ volatile("movw %w0, %%gs" ::"r"(0));
		CHECK_EQ(as_fn(at)(0, 0, 0), getppid());
		CHECK_EQ(as_fn(at)(0, 0, 0), getppid());
	}
	check_patched(at);
}

/* Writable text, a page's border, a prefix: left alone. Text that is written over later. */
void next_odd_sites(void)
{
	unsigned char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *border = p + PAGE - END + 1, *prefix = p + 256, *plain = p + 512;

	REQUIRE(p != MAP_FAILED);
	put_next(border, SYS_getppid, cmp, sizeof(cmp));
	put_next(prefix, SYS_getppid, cmp, sizeof(cmp));
	prefix[5] = 0x66;
	for (int i = 0; i < OFTEN * 2; i++) {
		put_next(plain, i & 1 ? SYS_getpid : SYS_getppid, cmp, sizeof(cmp));
		CHECK_EQ(as_fn(plain)(0, 0, 0), i & 1 ? getpid() : getppid());
	}
	CHECK_EQ(plain[CALL], 0x0f);
	put_next(plain, SYS_getppid, cmp, sizeof(cmp));
	REQUIRE_OK(mprotect(p, 2 * PAGE, PROT_READ | PROT_EXEC));
	for (int i = 0; i < OFTEN; i++) {
		CHECK_EQ(as_fn(border)(0, 0, 0), getppid());
		CHECK_EQ(as_fn(prefix)(0, 0, 0), getppid());
	}
	CHECK(border[CALL] == 0x0f && prefix[CALL] == 0x0f);
	/* from another address, so that it has not been counted */
	REQUIRE(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 0x10000000) ==
		p + 0x10000000);
	plain += 0x10000000;
	p += 0x10000000;
	warm(plain);
	check_patched(plain);
	REQUIRE_OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
	put_next(plain, SYS_getpid, cmp, sizeof(cmp));
	REQUIRE_OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	for (int i = 0; i < OFTEN; i++)
		CHECK_EQ(as_fn(plain)(0, 0, 0), getpid());
}

/* Sites are changed while other threads run through them. */
void next_threads(void)
{
	for (int round = 0; round < 4; round++) {
		unsigned char *page = text_page(fill_all_next, NULL);
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
