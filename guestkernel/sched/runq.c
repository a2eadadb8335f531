/* runq.c - run queues, waking, stealing
 *
 * Provides: sched_start, sched_wake*, the queues below schedule() (switch.c).
 * Owns: struct runq of each CPU. A ready task is in exactly one queue (t->queued), or is the
 *   running one of a CPU, or is being carried from one to the other by the single waker that
 *   changed its state to TASK_RUNNING.
 * Order: fair by virtual time, weighted by nice; a woken task starts no further back than half a
 *   slice before the queue's minimum, so that sleepers get in quickly but never bank their sleep.
 * Placement: where it ran last if that CPU is idle, else any idle CPU, else where it ran last; a
 *   hand-over stays with the waker, which is about to block. An idle CPU steals.
 * Locks: rq->lock (RANK_RUNQ); two at a time only by trylock. Sleeps: never here.
 * Differs from Linux: SCHED_FIFO and SCHED_RR are accepted and told back, without effect (CAVEATS).
 * Tests: test/machine */
#include "runq.h"
#include "ksignal.h"
#include "log.h"

/* Weight of a nice level: each step is a quarter more or less. */
static u32 nice_weight(int nice)
{
	u32 w = 1024;

	for (; nice < 0; nice++)
		w = w * 5 / 4;
	for (; nice > 0; nice--)
		w = w * 4 / 5;
	return w ? w : 1;
}

u64 runq_now(void)
{
	return mach_clock();
}

void runq_charge_locked(struct runq *rq, struct task *t, u64 now)
{
	u64 ran = now > t->last_in ? now - t->last_in : 0;

	t->last_in = now;
	t->run_ns += ran;
	t->vtime += t->nice ? ran * 1024 / nice_weight(t->nice) : ran;
	if (t->vtime > rq->min_vtime && TAILQ_EMPTY(&rq->ready))
		rq->min_vtime = t->vtime;
}

/* A task's virtual time means something only beside its queue's: it takes its lead or lag along to
 * another queue, in bounds, so that no queue's past starves or favours it there. The old queue's
 * minimum is read without its lock: one that is a little old costs a little fairness. */
static void runq_adopt_locked(struct runq *rq, struct task *t)
{
	s64 lag;

	if (t->cpu == rq->cpu->id)
		return;
	lag = (s64)(t->vtime - READ_ONCE(cpus[t->cpu]->runq->min_vtime));
	lag = MAX(MIN(lag, (s64)(2 * SLICE_NS)), -(s64)(SLICE_NS / 2));
	t->vtime = lag < 0 && rq->min_vtime < (u64)-lag ? 0 : rq->min_vtime + (u64)lag;
	t->cpu = rq->cpu->id;
}

void runq_insert_locked(struct runq *rq, struct task *t)
{
	struct task *p;
	u64 floor = rq->min_vtime > SLICE_NS / 2 ? rq->min_vtime - SLICE_NS / 2 : 0;

	assert_held(&rq->lock);
	runq_adopt_locked(rq, t);
	if (t->vtime < floor)
		t->vtime = floor;
	t->queued = 1;
	for (p = TAILQ_LAST(&rq->ready, ready_list); p; p = TAILQ_PREV(p, ready_list, run_link))
		if (p->vtime <= t->vtime)
			break;
	if (p)
		TAILQ_INSERT_AFTER(&rq->ready, p, t, run_link);
	else
		TAILQ_INSERT_HEAD(&rq->ready, t, run_link);
	a_store(&rq->nr, a_load(&rq->nr) + 1);
}

static void runq_remove_locked(struct runq *rq, struct task *t)
{
	if (rq->next == t)
		rq->next = NULL;
	else
		TAILQ_REMOVE(&rq->ready, t, run_link);
	t->queued = 0;
	a_store(&rq->nr, a_load(&rq->nr) - 1);
}

struct task *runq_pick_locked(struct runq *rq)
{
	struct task *t = rq->next ? rq->next : TAILQ_FIRST(&rq->ready);

	if (!t)
		return NULL;
	runq_remove_locked(rq, t);
	if (t->vtime > rq->min_vtime)
		rq->min_vtime = t->vtime;
	return t;
}

/* Takes a task that waits elsewhere; rq->lock is held, others are only tried. */
struct task *runq_steal(struct runq *rq)
{
	for (u32 i = 1; i < cpu_count; i++) {
		struct runq *from = cpus[(rq->cpu->id + i) % cpu_count]->runq;
		struct task *t;

		if (!from || !a_load(&from->nr) || !spin_trylock(&from->lock))
			continue;
		TAILQ_FOREACH (t, &from->ready, run_link)
			if (task_may_run_on(t, rq->cpu->id))
				break;
		if (!t && from->next && task_may_run_on(from->next, rq->cpu->id))
			t = from->next;
		if (t) {
			runq_remove_locked(from, t);
			runq_adopt_locked(rq, t);
		}
		spin_unlock(&from->lock);
		if (t)
			return t;
	}
	return NULL;
}

struct cpu *runq_idle_cpu(const struct task *t)
{
	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *c = cpus[(t->cpu + i) % cpu_count];

		if (c && c->runq && a_load(&c->idle) && !a_load(&c->runq->nr) &&
		    task_may_run_on(t, c->id))
			return c;
	}
	return NULL;
}

void runq_kick(struct cpu *c)
{
	a_or(&c->pending, CPU_PENDING_RESCHED);
	mem_barrier(); /* the flag before the target's mode; pairs with its entry to user or idle */
	if (c != cpu_self())
		mach_ipi(c);
}

void runq_arm_slice(struct runq *rq)
{
	if (a_load(&rq->slice_armed) || rq->cpu != cpu_self())
		return;
	a_store(&rq->slice_armed, 1);
	ktimer_start(&rq->slice, runq_now() + SLICE_NS);
}

static struct cpu *sched_place(struct task *t)
{
	struct cpu *c = runq_idle_cpu(t);

	if (c)
		return c;
	if (task_may_run_on(t, t->cpu))
		return cpus[t->cpu];
	for (u32 i = 0; i < cpu_count; i++)
		if (task_may_run_on(t, i))
			return cpus[i];
	return cpu_self();
}

void sched_enqueue(struct task *t)
{
	struct cpu *c = sched_place(t);
	struct runq *rq = c->runq;
	bool preempt;

	spin_lock(&rq->lock);
	runq_insert_locked(rq, t);
	preempt = rq->running == c->idle_task || t->vtime + SLICE_NS / 4 < rq->running->vtime;
	spin_unlock(&rq->lock);
	if (preempt)
		runq_kick(c);
	else if (c == cpu_self())
		runq_arm_slice(rq); /* whoever runs here may never call the kernel again */
	else if (!a_load(&rq->slice_armed))
		runq_kick(c); /* only the CPU itself can start its slice timer */
}

void sched_start(struct task *t)
{
	kassert(a_load(&t->state) == TASK_NEW);
	t->cpu = cpu_self()->id;
	t->vtime = cpu_self()->runq->min_vtime;
	t->start_ns = runq_now();
	a_store_release(&t->state, TASK_RUNNING);
	sched_enqueue(t);
}

/* Wins the task for the caller: true if its state was in the mask. *running: it has not left its
 * CPU, and will see the new state there.
 * State and place are looked at under one hold of its queue's lock. Else the task could, between
 * the two, go on, sleep again and be woken by another, and end up in two places at once. A task
 * that is not running keeps its t->cpu, so the lock is the right one once t->cpu is re-read. */
static bool sched_claim(struct task *t, u32 mask, bool *running)
{
	bool claimed = false;
	struct runq *rq;
	u32 cpu, s;

	mem_barrier(); /* the caller's condition before the state; pairs with sched_set_state */
	if (!(a_load(&t->state) & mask))
		return false;
	for (;;) {
		cpu = READ_ONCE(t->cpu);
		rq = cpus[cpu]->runq;
		spin_lock(&rq->lock);
		s = a_load_acquire(&t->state);
		if (READ_ONCE(t->cpu) == cpu)
			break;
		spin_unlock(&rq->lock);
	}
	while ((s & mask) && !claimed)
		claimed = a_cas(&t->state, &s, TASK_RUNNING);
	*running = rq->running == t || t->queued;
	spin_unlock(&rq->lock);
	return claimed;
}

bool sched_wake(struct task *t, u32 mask)
{
	bool running;

	if (!sched_claim(t, mask, &running))
		return false;
	if (!running)
		sched_enqueue(t);
	return true;
}

bool sched_wake_sync(struct task *t, u32 mask)
{
	struct cpu *c = cpu_self();
	struct runq *rq = c->runq;
	bool running;

	if (!sched_claim(t, mask, &running))
		return false;
	if (running)
		return true;
	if (!task_may_run_on(t, c->id) || c->irq_depth || c->curr == c->idle_task) {
		sched_enqueue(t);
		return true;
	}
	spin_lock(&rq->lock);
	if (rq->next)
		runq_insert_locked(rq, t);
	else {
		u64 floor = rq->min_vtime > SLICE_NS / 2 ? rq->min_vtime - SLICE_NS / 2 : 0;

		runq_adopt_locked(rq, t);
		t->vtime = MAX(t->vtime, floor);
		t->queued = 1;
		rq->next = t;
		a_store(&rq->nr, a_load(&rq->nr) + 1);
	}
	spin_unlock(&rq->lock);
	a_or(&c->pending, CPU_PENDING_SPREAD);
	return true;
}

void sched_spread(struct cpu *c)
{
	struct task *t = READ_ONCE(c->runq->next);
	struct cpu *idle;

	if (!t || !a_load(&c->runq->nr))
		return;
	idle = runq_idle_cpu(t);
	if (idle && idle != c)
		runq_kick(idle);
	else
		runq_arm_slice(c->runq);
}
