/* turn.c - handing over between a virtual CPU's thread and a stub's, and how both wait
 *
 * Provides: turn_take(). One word of the area says whose turn it is. How a side waits for it
 *   depends on what hand-overs cost here (vmm/systrap/calibrate.c) and on where the threads are.
 * States: enum hand_place of a virtual CPU. What costs most is a wake-up on another, idle CPU: so
 *   nobody sleeps where the other side runs elsewhere. Threads side by side yield, twice at most,
 *   then sleep; threads apart look for the word, and before one sleeps they are brought together.
 *   They part again after many quick turns in a row, if a CPU is free for each thread that runs.
 *   Turns that take long release both: the host's scheduler then places them.
 * Locks: struct hand is [c], cpus_wanted and bound are [a]; both are hints.
 * Sleeps: in the host, until the turn is back or the CPU's deadline, and never longer than LOOK_NS,
 *   because the application can spoil the word. An interrupt or a deadline kicks the thread; one
 *   that does not answer in ANSWER_NS loses its process.
 * Tests: test/abi under --platform=systrap with one and two CPUs, test/hosted
 */
#include "abi/boot.h"
#include "count.h"
#include "hosted.h"
#include "task.h"

#define LOOK_NS	     20000000ull
#define ANSWER_NS    5000000000ull
#define QUICK_PAIR   4u	    /* quick turns before the threads are brought together */
#define QUICK_PART   50u    /* and before they part */
#define QUICK_WORTH  20u    /* and apart, for it to have paid */
#define PATIENCE_MAX 25600u /* where parting did not pay */
#define PARTING	     8u	    /* times that a side looks longer then */
#define YIELDS	     2u
#define NO_YIELDS    2000u /* turns without yielding once a yield took long */
#define YIELD_TICKS  4u	   /* long: so many times plan->look_ticks, or YIELD_MIN */
#define YIELD_MIN    300000u
#define CHANGE_WORTH 8u /* turns after which a change of the stub is forgotten */
#define CHANGES_MAX  64u
#define HOST_CPUS    1024u
#define CPU_NODE_SEL 0x7bu /* Linux: its limit is the CPU's number and, from bit 12, the node's */

enum hand_place {
	HAND_FREE, /* anywhere: they sleep at once */
	HAND_PAIR, /* on one CPU */
	HAND_PART, /* the stub's on its CPU, this one on any other */
};

struct hand {
	enum hand_place place;
	u32 cpu;	/* of the stub's thread, unless free */
	u32 quick;	/* turns in a row that came back soon */
	u32 patience;	/* quick ones to be seen before they part */
	u32 no_yield;	/* turns left without yielding */
	u32 changes;	/* of the stub, lately: see hand_changes() */
	bool awake;	/* counted in cpus_wanted */
	u64 slept_from; /* ns, while at rest */
	struct stub_area *last;
} aligned_to(64);

static struct hand hands[STUB_CPUS_MAX]; /* [c] */
static u32 cpus_wanted;			 /* [a] threads that would like a CPU each */
static u8 bound[HOST_CPUS];		 /* [a] virtual CPUs bound to it */

/* ---- places ---- */

static u32 host_cpu(void)
{
	u32 limit;

	__asm__ volatile("lsl %1, %0" : "=r"(limit) : "r"(CPU_NODE_SEL) : "cc");
	return limit & 0xfff;
}

static const u64 *allowed(void)
{
	return plan->cpu_set;
}

static bool is_allowed(u32 cpu)
{
	return cpu < HOST_CPUS && cpu < plan->cpu_set_size * 8 &&
	       allowed()[cpu / 64] >> cpu % 64 & 1;
}

/* tid 0: the calling thread. */
static void set_affinity(s32 tid, const u64 *set)
{
	host_call(HOST_sched_setaffinity, (u64)tid, plan->cpu_set_size, (u64)set, 0, 0, 0);
}

/* except: on all but that one. */
static void bind_thread(s32 tid, u32 cpu, bool except)
{
	u64 set[HOST_CPUS / 64] = {0};
	u32 words = MIN(plan->cpu_set_size / 8, HOST_CPUS / 64);

	for (u32 i = 0; except && i < words; i++)
		set[i] = allowed()[i];
	set[cpu / 64] ^= 1ull << cpu % 64;
	set_affinity(tid, set);
}

static void count(u32 *n, s32 by)
{
	__atomic_fetch_add(n, (u32)by, __ATOMIC_RELAXED);
}

static bool placing(void)
{
	return plan->host_cpus > 1;
}

void turn_bring(s32 tid, u32 *bound_to)
{
	u32 here;

	if (!placing())
		return;
	here = host_cpu();
	if (here == *bound_to || !is_allowed(here))
		return;
	*bound_to = here;
	bind_thread(tid, here, false);
}

/* Where this thread is, unless another virtual CPU is bound there already. */
static u32 choose_cpu(void)
{
	u32 here = host_cpu(), best = here;

	if (!is_allowed(here))
		return HOST_CPUS;
	for (u32 i = 0; i < HOST_CPUS && bound[best]; i++)
		if (is_allowed(i) && bound[i] < bound[best])
			best = i;
	return best;
}

static void hand_unbind(struct hand *h)
{
	if (h->place == HAND_FREE)
		return;
	if (h->place == HAND_PART)
		count(&cpus_wanted, -1);
	h->place = HAND_FREE;
	h->quick = 0;
	if (!placing())
		return;
	__atomic_fetch_sub(&bound[h->cpu], 1, __ATOMIC_RELAXED);
	set_affinity(0, allowed());
}

static void hand_pair(struct hand *h)
{
	if (h->place == HAND_PART)
		count(&cpus_wanted, -1);
	if (h->place == HAND_FREE && placing()) {
		h->cpu = choose_cpu();
		if (h->cpu == HOST_CPUS)
			return;
		__atomic_fetch_add(&bound[h->cpu], 1, __ATOMIC_RELAXED);
	}
	h->place = HAND_PAIR;
	h->quick = 0;
	if (placing())
		bind_thread(0, h->cpu, false);
}

static bool crowded(u32 more)
{
	return __atomic_load_n(&cpus_wanted, __ATOMIC_RELAXED) + more > plan->host_cpus;
}

static void hand_part(struct hand *h)
{
	h->place = HAND_PART;
	h->quick = 0;
	count_one(cpu_self(), COUNT_PARTED);
	count(&cpus_wanted, 1);
	bind_thread(0, h->cpu, true);
}

/* Together again, as one is about to sleep. */
static void hand_rejoin(struct hand *h)
{
	if (h->quick < QUICK_WORTH)
		h->patience = MIN(h->patience * 2, PATIENCE_MAX);
	else
		h->patience = QUICK_PART;
	hand_pair(h);
}

static bool sleeps(struct stub_area *a)
{
	return __atomic_load_n(&a->stub_sleeps, __ATOMIC_RELAXED);
}

/* The thread that had the last turn waits in vain: it is to sleep. Once the next one has been
 * woken, so that the CPU is not idle in between. */
static void hand_dismiss(struct hand *h, struct stub_area *next)
{
	if (h->last && h->last != next) {
		h->last->look = 0;
		h->last->yield = 0;
	}
	h->last = next;
}

/* Whether stubs take turns with each other here. One that yields while it waits in vain is switched
 * to once more than one that sleeps at once; to wake it costs less. */
static bool hand_changes(struct hand *h, const struct stub_area *next)
{
	if (h->last && h->last != next)
		h->changes = MIN(h->changes + CHANGE_WORTH, CHANGES_MAX);
	else if (h->changes)
		h->changes--;
	return h->changes;
}

/* Before a turn. */
static void hand_prepare(struct hand *h, struct stub_thread *t)
{
	bool changes = hand_changes(h, t->area);
	u32 want;

	if (h->place == HAND_PART && crowded(0))
		hand_pair(h);
	/* Waking it from here would take long, but for a CPU where another looks for its turn in
	 * vain. When they have just parted it must be. */
	if (h->place == HAND_PART && h->quick >= QUICK_PAIR && sleeps(t->area) &&
	    (h->last == t->area || !h->last || sleeps(h->last)))
		hand_rejoin(h);
	t->area->look = h->place == HAND_PART ? plan->look_rounds : 0;
	t->area->yield =
		h->place == HAND_PAIR && !h->no_yield && plan->yields && !changes ? YIELDS : 0;
	want = h->place == HAND_FREE ? ~0u : h->cpu;
	if (t->cpu == want || !placing())
		return;
	if (want == ~0u)
		set_affinity(t->tid, allowed());
	else
		bind_thread(t->tid, want, false);
	t->cpu = want;
}

/* After one; quick: it came back while somebody looked for it. */
static void hand_learn(struct hand *h, bool quick)
{
	if (h->no_yield)
		h->no_yield--;
	h->quick = quick ? h->quick + 1 : 0;
	if (h->place == HAND_FREE && h->quick >= QUICK_PAIR)
		hand_pair(h);
	else if (h->place == HAND_PAIR && plan->look_ticks && h->quick >= h->patience &&
		 !crowded(1))
		hand_part(h);
}

void turn_rest(struct cpu *c)
{
	struct hand *h = &hands[c->id];

	if (!h->awake)
		return;
	if (h->place == HAND_PART)
		hand_rejoin(h);
	hand_dismiss(h, NULL);
	h->awake = false;
	h->slept_from = mach_clock();
	count(&cpus_wanted, -1);
}

void turn_awake(struct cpu *c)
{
	struct hand *h = &hands[c->id];

	if (h->awake)
		return;
	h->awake = true;
	count(&cpus_wanted, 1);
	if (!h->patience)
		h->patience = QUICK_PART;
	else if (mach_clock() - h->slept_from > LOOK_NS)
		hand_unbind(h);
}

/* ---- waiting ---- */

static bool has_turn(struct stub_area *a)
{
	u32 turn = __atomic_load_n(&a->turn, __ATOMIC_SEQ_CST);

	return turn != STUB_TURN_USER && turn != STUB_TURN_MAPPER;
}

/* Looks for the turn from another CPU. Threads that have just parted have woken one another there
 * once, which takes longer. */
static void look(struct cpu *c, const struct hand *h, struct stub_area *a)
{
	u64 limit = (u64)plan->look_ticks * (h->quick < QUICK_PAIR ? PARTING : 1);
	u64 start = mach_cycles();

	while (!has_turn(a) && !READ_ONCE(c->mach.irq)) {
		mach_relax();
		if (mach_cycles() - start > limit)
			return;
	}
}

static u64 yield_limit(void)
{
	return MAX((u64)plan->look_ticks * YIELD_TICKS, YIELD_MIN);
}

/* The stub's thread is ready to run on this CPU. */
static void yield(struct cpu *c, struct hand *h, struct stub_area *a)
{
	for (u32 i = 0; i < YIELDS && !h->no_yield && !has_turn(a) && !READ_ONCE(c->mach.irq);
	     i++) {
		u64 start = mach_cycles();

		count_one(c, COUNT_YIELDS);
		host_call(HOST_sched_yield, 0, 0, 0, 0, 0, 0);
		if (mach_cycles() - start > yield_limit())
			h->no_yield = NO_YIELDS;
	}
}

struct kicks {
	u64 first, last; /* ns, 0: none yet */
};

/* Makes the thread come back: again and again, as a kick may come when it is on its way out. False:
 * it does not answer. */
static bool kick(const struct cpu *c, const struct stub *s, const struct stub_thread *t,
		 struct kicks *k)
{
	u64 now = mach_clock();

	if (!k->first)
		k->first = now;
	else if (now - k->first > ANSWER_NS)
		return false;
	else if (now - k->last < LOOK_NS / 4)
		return true;
	k->last = now;
	count_one(c, COUNT_KICKS);
	host_call(HOST_tgkill, (u64)s->pid, (u64)t->tid, STUB_SIG_KICK, 0, 0, 0);
	return true;
}

/* Sleeps until the stub has the turn given back, or something else is to be looked at. */
static void turn_sleep(struct cpu *c, struct stub_area *a, bool kicked)
{
	u64 until = mach_clock() + LOOK_NS;

	__atomic_store_n(&c->mach.wait_word, &a->kernel_word, __ATOMIC_RELAXED);
	__atomic_store_n(&a->kernel_word, 0, __ATOMIC_RELAXED);
	__atomic_exchange_n(&a->kernel_sleeps, 1, __ATOMIC_SEQ_CST);
	if (!has_turn(a) && (kicked || !irq_waiting(c))) {
		if (!kicked)
			until = MIN(until, c->mach.deadline);
		count_one(c, COUNT_SLEEPS);
		host_futex_wait(&a->kernel_word, 0, until);
	}
	a->kernel_sleeps = 0;
	__atomic_store_n(&c->mach.wait_word, NULL, __ATOMIC_RELAXED);
}

/* True: it comes by the mapper, that has something to do before. */
static bool turn_give(const struct cpu *c, struct stub *s, struct stub_thread *t)
{
	struct stub_area *a = t->area;

	if (mirror_pass(current->mm, s, t))
		return true;
	__atomic_exchange_n(&a->turn, STUB_TURN_USER, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&a->stub_sleeps, __ATOMIC_SEQ_CST)) {
		count_one(c, COUNT_WAKES);
		host_futex_wake(&a->turn);
	}
	return false;
}

bool turn_take(struct cpu *c, struct stub *s, struct stub_thread *t)
{
	struct hand *h = &hands[c->id];
	struct stub_area *a = t->area;
	struct kicks k = {0};
	bool alive = true, passed;
	u64 start;

	turn_awake(c);
	hand_prepare(h, t);
	passed = turn_give(c, s, t);
	hand_dismiss(h, a);
	start = mach_cycles();
	/* The mapper is on this CPU. */
	if (passed && h->place == HAND_PART) {
		count_one(c, COUNT_YIELDS);
		host_call(HOST_sched_yield, 0, 0, 0, 0, 0, 0);
	}
	if (h->place == HAND_PART)
		look(c, h, a);
	else if (h->place == HAND_PAIR && plan->yields)
		yield(c, h, a);
	while (alive && !has_turn(a)) {
		if (irq_waiting(c))
			alive = kick(c, s, t, &k);
		if (h->place == HAND_PART) {
			look(c, h, a);
			if (has_turn(a))
				break;
			hand_rejoin(h);
		}
		turn_sleep(c, a, k.first != 0);
		if (has_turn(a))
			break;
		if (stub_has_ended(s))
			alive = false;
		else if (mach_cycles() - start > 100 * yield_limit())
			hand_unbind(h);
	}
	if (passed)
		mirror_passed(current->mm, s);
	hand_learn(h, mach_cycles() - start < MAX((u64)plan->look_ticks, YIELD_MIN / 2));
	return alive;
}
