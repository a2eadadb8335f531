/* futex.c - futex(2): wait, wake, bitsets, requeue, timeouts, between processes */
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static long futex(void *addr, int op, uint32_t val, const void *timeout, void *addr2, uint32_t val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static uint32_t *shared_words(void)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	return p;
}

static void test_value_differs(void)
{
	uint32_t word = 5;

	CHECK_ERR(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0), EAGAIN);
	CHECK_ERR(futex(&word, FUTEX_WAIT_PRIVATE, 4, NULL, NULL, 0), EAGAIN);
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 4, NULL, NULL, 1), EAGAIN);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0), 0);
}

static void test_errors(void)
{
	struct timespec bad = {.tv_nsec = 1000000000}, neg = {.tv_sec = -1};
	uint32_t words[2] = {0, 0};

	CHECK_ERR(futex((char *)words + 1, FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex((char *)words + 2, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex(words, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
	CHECK_ERR(futex(words, FUTEX_WAIT, 0, &neg, NULL, 0), EINVAL);
	CHECK_ERR(futex(words, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex(words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERR(futex(words, 99, 0, NULL, NULL, 0), ENOSYS);
	CHECK_ERR(futex(words, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
	CHECK_ERR(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)1, words + 1, 9), EAGAIN);
	CHECK_ERR(futex(words, FUTEX_CMP_REQUEUE, -1, NULL, words + 1, 0), EINVAL);
	CHECK_ERR(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)-1l, words + 1, 0), EINVAL);
}

static void test_faults(void)
{
	uint32_t word = 0;

	CHECK_FAULTS(p, 4, BAD_IN,
		     (long)p & 3 ? (errno = EFAULT, -1) : futex(p, FUTEX_WAIT, 0, NULL, NULL, 0));
	CHECK_FAULTS(p, sizeof(struct timespec), BAD_NONNULL,
		     futex(&word, FUTEX_WAIT, 0, p, NULL, 0));
	CHECK_ERR(futex(&word, FUTEX_CMP_REQUEUE, 1, NULL, (void *)0xffff800000000000, 0), EFAULT);
	CHECK_ERR(futex((void *)0x800000000000, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	/* A private wake only compares addresses; a shared one must find the page. */
	CHECK_ERR(futex((void *)0x1000, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_EQ(futex((void *)0x1000, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
}

static void test_timeouts(void)
{
	uint32_t word = 0;
	struct timespec ts = {.tv_nsec = 2000000}, before, after, zero = {0};

	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &before));
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, &ts, NULL, 0), ETIMEDOUT);
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &after));
	CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
	      2000000);
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, &zero, NULL, 0), ETIMEDOUT);
	/* The bitset form takes a point in time, on either clock. */
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 0, &before, NULL, ~0u), ETIMEDOUT);
	after.tv_nsec += 1000000;
	after.tv_sec += after.tv_nsec / 1000000000;
	after.tv_nsec %= 1000000000;
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET, 0, &after, NULL, ~0u), ETIMEDOUT);
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &before));
	CHECK(before.tv_sec > after.tv_sec ||
	      (before.tv_sec == after.tv_sec && before.tv_nsec >= after.tv_nsec));
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &ts));
	CHECK_ERR(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &ts, NULL, ~0u),
		  ETIMEDOUT);
}

/* Sleepers on word 0 (or 1): each counts itself down in word 2 when woken. */
struct sleeper {
	uint32_t *words;
	unsigned word;
	uint32_t bits;
	int flags;
};

static void *sleep_thread(void *arg)
{
	struct sleeper *s = arg;

	CHECK_OK(futex(&s->words[s->word], FUTEX_WAIT_BITSET | s->flags, 0, NULL, NULL, s->bits));
	__atomic_sub_fetch(&s->words[2], 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Waking and requeueing nobody tells how many wait, so a wake is repeated until it has found its n.
 */
static void wake_exactly(uint32_t *word, int op, unsigned n, uint32_t bits)
{
	long woken = 0;

	while (woken < (long)n) {
		woken += CHECK_OK(futex(word, op, n - (unsigned)woken, NULL, NULL, bits));
		sched_yield();
	}
	CHECK_EQ(woken, n);
}

static void start(pthread_t *t, struct sleeper *s)
{
	__atomic_add_fetch(&s->words[2], 1, __ATOMIC_SEQ_CST);
	REQUIRE(pthread_create(t, NULL, sleep_thread, s) == 0);
}

static void run_wakes(uint32_t *words, int flags)
{
	struct sleeper s = {words, 0, ~0u, flags};
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		start(&t[i], &s);
	wake_exactly(words, FUTEX_WAKE | flags, 1, 0);
	wake_exactly(words, FUTEX_WAKE | flags, 3, 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(words[2], 0);
	CHECK_EQ(futex(words, FUTEX_WAKE | flags, 1, NULL, NULL, 0), 0);
}

static void test_wake_threads(void)
{
	static uint32_t words[3];

	run_wakes(words, FUTEX_PRIVATE_FLAG);
	run_wakes(words, 0);
	run_wakes(shared_words(), 0);
}

static void test_bitset(void)
{
	static uint32_t words[3];
	struct sleeper a = {words, 0, 1, FUTEX_PRIVATE_FLAG}, b = {words, 0, 2, FUTEX_PRIVATE_FLAG};
	pthread_t ta, tb;

	start(&ta, &a);
	start(&tb, &b);
	CHECK_EQ(futex(words, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 4), 0);
	wake_exactly(words, FUTEX_WAKE_BITSET_PRIVATE, 1, 2);
	pthread_join(tb, NULL);
	CHECK_EQ(words[2], 1);
	wake_exactly(words, FUTEX_WAKE_BITSET_PRIVATE, 1, 1);
	pthread_join(ta, NULL);
}

static void test_requeue(void)
{
	static uint32_t words[3];
	struct sleeper s = {words, 0, ~0u, FUTEX_PRIVATE_FLAG};
	pthread_t t[3];
	long moved = 0;

	for (int i = 0; i < 3; i++)
		start(&t[i], &s);
	while (moved < 3) {
		moved += CHECK_OK(futex(words, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)(3 - moved),
					words + 1, 0));
		sched_yield();
	}
	CHECK_EQ(futex(words, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
	CHECK_EQ(words[2], 3);
	/* They sleep on the other word now; requeue onto itself wakes one and keeps the rest. */
	CHECK_EQ(futex(words + 1, FUTEX_REQUEUE_PRIVATE, 1, (void *)5, words, 0), 3);
	CHECK_EQ(futex(words + 1, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
	CHECK_EQ(futex(words, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 2);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(words[2], 0);
}

static void test_wake_op(void)
{
	static uint32_t words[3];
	struct sleeper s = {words, 0, ~0u, FUTEX_PRIVATE_FLAG};
	pthread_t t;
	long woken = 0;

	words[1] = 7;
	CHECK_EQ(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, words + 1,
		       FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 7)),
		 0);
	CHECK_EQ(words[1], 10);
	CHECK_EQ(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, words + 1,
		       FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)),
		 0);
	CHECK_EQ(words[1], 0);
	start(&t, &s);
	while (!woken) {
		woken = CHECK_OK(futex(words + 1, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, words,
				       FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0)));
		sched_yield();
	}
	CHECK_EQ(woken, 1);
	pthread_join(t, NULL);
	CHECK_ERR(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, (void *)8,
			FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 7)),
		  EFAULT);
}

static void waits_shared(void *arg)
{
	uint32_t *words = arg;

	while (__atomic_load_n(words, __ATOMIC_SEQ_CST) == 0)
		futex(words, FUTEX_WAIT, 0, NULL, NULL, 0);
	CHECK_EQ(words[0], 1);
}

static void test_between_processes(void)
{
	uint32_t *words = shared_words();
	pid_t pid = abi_spawn(waits_shared, words);

	for (int i = 0; i < 20; i++)
		sched_yield();
	__atomic_store_n(words, 1, __ATOMIC_SEQ_CST);
	futex(words, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	abi_join(pid);
}

static void waits_forever(void *arg)
{
	futex(arg, FUTEX_WAIT, 0, NULL, NULL, 0);
	abi_fail(__FILE__, __LINE__, "woken");
}

static void test_private_is_private(void)
{
	uint32_t *word = (void *)abi_pages(1, PROT_READ | PROT_WRITE);
	pid_t pid = abi_spawn(waits_forever, word);

	/* Copied by fork, so another futex, whichever way it is named. */
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
		sched_yield();
	}
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(abi_wait_status(pid), SIGKILL);
}

static void nothing(int signo)
{
}

static void pesters(void *arg)
{
	struct timespec ts = {.tv_nsec = 5000000};

	for (;;) {
		nanosleep(&ts, NULL);
		kill(getppid(), SIGUSR1);
	}
}

static void test_interrupted(void)
{
	struct sigaction sa = {.sa_handler = nothing};
	uint32_t word = 0;
	pid_t pid;

	REQUIRE_OK(sigaction(SIGUSR1, &sa, NULL));
	pid = abi_spawn(pesters, NULL);
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EINTR);
	sa.sa_flags = SA_RESTART;
	REQUIRE_OK(sigaction(SIGUSR1, &sa, NULL));
	/* With a timeout it is interrupted whatever the handler says. */
	CHECK_ERR(futex(&word, FUTEX_WAIT, 0, &(struct timespec){.tv_sec = 50}, NULL, 0), EINTR);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(abi_wait_status(pid), SIGKILL);
}

static const struct abi_test tests[] = {
	{"value_differs", test_value_differs},
	{"errors", test_errors},
	{"faults", test_faults},
	{"timeouts", test_timeouts},
	{"wake_threads", test_wake_threads},
	{"bitset", test_bitset},
	{"requeue", test_requeue},
	{"wake_op", test_wake_op},
	{"between_processes", test_between_processes},
	{"private_is_private", test_private_is_private},
	{"interrupted", test_interrupted},
};

ABI_SUITE(tests, NULL);
