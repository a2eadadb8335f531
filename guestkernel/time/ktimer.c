/* ktimer.c - kernel timers
 *
 * Provides: ktimer_* (time.h). Each CPU has a tree of timers by expiry; the machine's timer is
 *   armed for the first. It is never disarmed: an interrupt that finds nothing due re-arms it.
 * Owns: nothing; a timer belongs to its user, who serialises start and cancel of one timer.
 * States: idle, queued, and (the queue's .running) its function is being called. While it is, a
 *   start puts it into the same CPU's tree, so one lock, that of the queue of timer->cpu, covers
 *   all of its life. After the call the timer is not touched: the function may free it.
 * Locks: the queue's (RANK_TIMER). Sleeps: never; ktimer_cancel() spins for a running function, so
 *   its caller holds no lock that the function takes.
 * Tests: test/abi/timers.c, test/machine
 */
#include "cpu.h"
#include "init.h"
#include "log.h"
#include "slab.h"
#include "time_internal.h"

enum { TIMER_IDLE = 0, TIMER_QUEUED = 1 };

RB_HEAD(ktimer_tree, ktimer);

struct timer_queue {
	struct spinlock lock;
	struct ktimer_tree tree; /* [l] by expiry */
	struct ktimer *running;	 /* [l] whose function is being called */
};

static int ktimer_cmp(const struct ktimer *a, const struct ktimer *b)
{
	if (a->expires != b->expires)
		return a->expires < b->expires ? -1 : 1;
	return (a > b) - (a < b);
}

RB_GENERATE_INTERNAL(ktimer_tree, ktimer, node, ktimer_cmp, __attribute__((unused)) static)

void time_init_cpu(struct cpu *c)
{
	struct timer_queue *q = kzalloc(sizeof(*q));

	if (!q)
		panic("no memory for the timers of CPU %u", c->id);
	spin_init(&q->lock, RANK_TIMER);
	RB_INIT(&q->tree);
	c->timers = q;
}

void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t))
{
	*t = (struct ktimer){.fn = fn, .cpu = cpu_self()->id};
}

/* The queue that the timer is bound to, locked. */
static struct timer_queue *queue_lock(struct ktimer *t)
{
	for (;;) {
		u32 cpu = READ_ONCE(t->cpu);
		struct timer_queue *q = cpus[cpu]->timers;

		spin_lock(&q->lock);
		if (t->cpu == cpu)
			return q;
		spin_unlock(&q->lock);
	}
}

static bool unqueue_locked(struct timer_queue *q, struct ktimer *t)
{
	if (t->state != TIMER_QUEUED)
		return false;
	RB_REMOVE(ktimer_tree, &q->tree, t);
	t->state = TIMER_IDLE;
	return true;
}

void ktimer_start(struct ktimer *t, u64 expires_ns)
{
	struct cpu *c = cpu_self();
	struct timer_queue *q = queue_lock(t);
	bool first;

	unqueue_locked(q, t);
	if (t->cpu != c->id && q->running != t) {
		/* Neither queued nor running: nobody else looks at it. */
		t->cpu = c->id;
		spin_unlock(&q->lock);
		q = c->timers;
		spin_lock(&q->lock);
	}
	t->expires = expires_ns;
	t->state = TIMER_QUEUED;
	RB_INSERT(ktimer_tree, &q->tree, t);
	first = RB_MIN(ktimer_tree, &q->tree) == t;
	/* Another CPU that is running it looks at its tree again afterwards. */
	if (first && q == c->timers)
		mach_timer_arm(expires_ns);
	spin_unlock(&q->lock);
}

bool ktimer_try_cancel(struct ktimer *t)
{
	struct timer_queue *q = queue_lock(t);
	bool was = unqueue_locked(q, t);

	spin_unlock(&q->lock);
	return was;
}

bool ktimer_cancel(struct ktimer *t)
{
	bool was = false;

	for (;;) {
		struct timer_queue *q = queue_lock(t);
		bool elsewhere = q->running == t && q != cpu_self()->timers;

		was |= unqueue_locked(q, t);
		spin_unlock(&q->lock);
		if (!elsewhere)
			return was;
		mach_relax();
	}
}

void ktimer_interrupt(void)
{
	struct timer_queue *q = cpu_self()->timers;
	struct ktimer *t;
	u64 now = mach_clock();

	spin_lock(&q->lock);
	while ((t = RB_MIN(ktimer_tree, &q->tree)) && t->expires <= now) {
		unqueue_locked(q, t);
		q->running = t;
		spin_unlock(&q->lock);
		t->fn(t);
		spin_lock(&q->lock);
		q->running = NULL;
		/* now stays: a timer that restarts itself at once does not keep the loop going */
	}
	if (t)
		mach_timer_arm(t->expires);
	spin_unlock(&q->lock);
}
