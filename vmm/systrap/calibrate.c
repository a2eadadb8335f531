/* calibrate.c - measures what handing over costs here, so that the kernel knows how to wait
 *
 * Provides: systrap_calibrate(). A second thread answers: by looking for a word from another CPU,
 * by sleeping there, or by sleeping on this one. Every wait is bounded: on a host whose CPUs are
 * taken away meanwhile a figure stays 0, which reads as "does not pay". Where the figures go:
 * struct hosted_plan, `runsc help platforms`. Tests: test/unit/vmm/calibrate_test.c
 */
#include "vmm/systrap/calibrate.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm/util/util.h"

#define SPIN_TURNS  100
#define SPIN_ROUNDS 9
#define SPIN_TRIES  2
#define WAKE_ROUNDS 7
#define SAME_ROUNDS 25
#define IDLE_NS	    60000ull /* a CPU with nothing to do has gone to sleep after that */
#define STEP_NS	    4000000ull
#define PAUSES	    2000

enum how { HOW_LOOK, HOW_SLEEP, HOW_END };

struct pair {
	uint32_t word __attribute__((aligned(64))); /* 0: the caller's turn, 1: the other's */
	uint32_t how;
	uint32_t cpu; /* where the other thread is to be */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void pin(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void futex(uint32_t *word, int op, uint32_t value)
{
	static const struct timespec limit = {0, STEP_NS};

	syscall(SYS_futex, word, op, value, op == FUTEX_WAIT_PRIVATE ? &limit : NULL, NULL, 0);
}

/* Waits for the word to be v. False: it took too long. */
static bool wait_for(struct pair *p, uint32_t v, bool sleep)
{
	uint64_t end = now_ns() + STEP_NS;

	while (load(&p->word) != v) {
		if (sleep)
			futex(&p->word, FUTEX_WAIT_PRIVATE, !v);
		for (int i = 0; !sleep && i < 500 && load(&p->word) != v; i++)
			__builtin_ia32_pause();
		if (load(&p->word) != v && now_ns() > end)
			return false;
	}
	return true;
}

static void give(struct pair *p, uint32_t v, bool wake)
{
	__atomic_store_n(&p->word, v, __ATOMIC_SEQ_CST);
	if (wake)
		futex(&p->word, FUTEX_WAKE_PRIVATE, 1);
}

static void *answer(void *arg)
{
	struct pair *p = arg;
	uint32_t how, cpu = ~0u;

	while ((how = load(&p->how)) != HOW_END) {
		if (cpu != load(&p->cpu)) {
			cpu = load(&p->cpu);
			pin(cpu);
		}
		if (wait_for(p, 1, how == HOW_SLEEP))
			give(p, 0, how == HOW_SLEEP);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t median(uint32_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* The other thread has seen what is asked of it. here: it shares this CPU; else it may answer
 * without a wake-up. */
static bool settle(struct pair *p, enum how how, uint32_t cpu, bool here)
{
	__atomic_store_n(&p->how, how, __ATOMIC_SEQ_CST);
	__atomic_store_n(&p->cpu, cpu, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++) {
		give(p, 1, true);
		if (!wait_for(p, 0, here))
			return false;
	}
	return true;
}

static uint32_t spinning(struct pair *p)
{
	uint32_t v[SPIN_ROUNDS];

	for (int i = 0; i < SPIN_ROUNDS; i++) {
		uint64_t start = now_ns();

		for (int n = 0; n < SPIN_TURNS; n++) {
			give(p, 1, false);
			if (!wait_for(p, 0, false))
				return 0;
		}
		v[i] = (now_ns() - start) / SPIN_TURNS;
	}
	return median(v, SPIN_ROUNDS);
}

static uint32_t waking(struct pair *p)
{
	uint32_t v[WAKE_ROUNDS];

	for (int i = 0; i < WAKE_ROUNDS; i++) {
		uint64_t start = now_ns();

		while (now_ns() - start < IDLE_NS)
			__builtin_ia32_pause();
		start = now_ns();
		give(p, 1, true);
		if (!wait_for(p, 0, false))
			return 0;
		v[i] = now_ns() - start;
	}
	return median(v, WAKE_ROUNDS);
}

static uint32_t handing(struct pair *p)
{
	uint32_t v[SAME_ROUNDS];

	for (int i = 0; i < SAME_ROUNDS; i++) {
		uint64_t start = now_ns();

		give(p, 1, true);
		if (!wait_for(p, 0, true))
			return 0;
		v[i] = now_ns() - start;
	}
	return median(v, SAME_ROUNDS);
}

static uint32_t pausing(void)
{
	uint64_t start = now_ns();

	for (int i = 0; i < PAUSES; i++)
		__builtin_ia32_pause();
	return (now_ns() - start) * 1000 / PAUSES + 1;
}

static void measure(struct systrap_figures *f, struct pair *p)
{
	uint32_t cpu[2] = {0, 0};
	unsigned n = 0;

	for (uint32_t i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &f->set))
			cpu[n++] = i;
	pin(cpu[0]);
	/* The neighbour may be taken away for as long as another program has a CPU at a time; all
	 * that runs later would wait the slow way. */
	for (int i = 0; i < SPIN_TRIES && n == 2 && !f->spin_ns; i++)
		if (settle(p, HOW_LOOK, cpu[1], false))
			f->spin_ns = spinning(p);
	if (f->spin_ns && settle(p, HOW_SLEEP, cpu[1], false))
		f->wake_ns = waking(p);
	if (settle(p, HOW_SLEEP, cpu[0], true))
		f->same_ns = handing(p);
}

void systrap_calibrate(struct systrap_figures *f)
{
	static struct pair p;
	pthread_t thread;
	sigset_t all, old;

	memset(f, 0, sizeof(*f));
	if (sched_getaffinity(0, sizeof(f->set), &f->set))
		CPU_ZERO(&f->set);
	f->cpus = CPU_COUNT(&f->set);
	f->pause_ps = pausing();
	if (!f->cpus)
		return;
	p = (struct pair){.how = HOW_SLEEP};
	for (uint32_t i = 0; !CPU_ISSET(p.cpu, &f->set) && i < CPU_SETSIZE; i++)
		p.cpu = i;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!pthread_create(&thread, NULL, answer, &p)) {
		measure(f, &p);
		__atomic_store_n(&p.how, HOW_END, __ATOMIC_SEQ_CST);
		give(&p, 1, true);
		pthread_join(thread, NULL);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)sched_setaffinity(0, sizeof(f->set), &f->set);
}
