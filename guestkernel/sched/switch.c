/* switch.c - schedule(): from one task to another
 *
 * Provides: schedule, sched_exit, sched_yield_now, sched_tick, start-up of the queues.
 * A task blocks with its state set; schedule() looks at the state under its queue's lock, where a
 * waker that changed it in between is seen, so no wake-up is lost. The lock is held across the
 * switch and released by the task that comes in: a task that another CPU finds off its queue has
 * really left its stack.
 * Invariants: no spinlock but the queue's is held at a switch; the idle task is never queued.
 * Locks: rq->lock. Sleeps: that is what it is for. Tests: test/machine */
#include "runq.h"
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "quiesce.h"
#include "slab.h"

static void slice_fired(struct ktimer *t)
{
	struct runq *rq = container_of(t, struct runq, slice);

	a_store(&rq->slice_armed, 0);
	sched_tick();
}

void sched_tick(void)
{
	struct cpu *c = cpu_self();

	if (a_load(&c->runq->nr)) {
		a_or(&c->pending, CPU_PENDING_RESCHED);
		runq_arm_slice(c->runq);
	}
}

void sched_init_cpu(struct cpu *c, struct task *idle)
{
	struct runq *rq = kzalloc(sizeof(*rq));

	if (!rq)
		panic("no memory for a run queue");
	spin_init(&rq->lock, RANK_RUNQ);
	TAILQ_INIT(&rq->ready);
	ktimer_init(&rq->slice, slice_fired);
	rq->cpu = c;
	rq->running = idle;
	idle->cpu = c->id;
	a_store(&idle->state, TASK_RUNNING);
	c->idle_task = idle;
	c->runq = rq;
}

/* The dead leave for good once somebody else's stack is in use. */
static void sched_bury(struct task *t)
{
	mach_kstack_free(t->kstack);
	t->kstack = NULL;
	task_put(t);
}

void sched_switch_done(void)
{
	struct cpu *c = cpu_self();
	struct runq *rq = c->runq;
	struct task *prev = rq->prev;
	bool dead = a_load(&prev->state) == TASK_DEAD, evict = rq->evict;

	rq->prev = NULL;
	rq->evict = false;
	a_store_release(&prev->on_cpu, 0);
	spin_unlock(&rq->lock);
	if (a_load(&rq->nr))
		runq_arm_slice(rq); /* the timers' lock comes before the queue's */
	if (dead)
		sched_bury(prev);
	else if (evict)
		sched_enqueue(prev);
}

static void switch_to(struct runq *rq, struct task *prev, struct task *next)
{
	struct cpu *c = rq->cpu;

	rq->prev = prev;
	rq->running = next;
	next->last_in = prev->last_in;
	a_store(&next->on_cpu, 1);
	if (!uaddr_is_null(next->rseq))
		a_or(&next->sig_flags, TASK_WORK_RSEQ);
	c->nr_switches++;
	if (next->mm)
		mm_switch(next->mm);
	mach_ctx_switch(prev, next);
	sched_switch_done();
}

void schedule(void)
{
	struct cpu *c = cpu_self();
	struct runq *rq = c->runq;
	struct task *prev = c->curr, *next;

	kassert(c->spin_depth == 0 && c->irq_depth == 0);
	quiesce_report();
	a_and(&c->pending, ~(CPU_PENDING_RESCHED | CPU_PENDING_SPREAD));
	spin_lock(&rq->lock);
	runq_charge_locked(rq, prev, runq_now());
	if (prev != c->idle_task && a_load(&prev->state) == TASK_RUNNING) {
		prev->nivcsw++;
		if (task_may_run_on(prev, c->id))
			runq_insert_locked(rq, prev);
		else
			rq->evict =
				true; /* its affinity changed: placed once it is off its stack */
	} else {
		prev->nvcsw++;
	}
	next = runq_pick_locked(rq);
	if (!next)
		next = runq_steal(rq);
	if (!next)
		next = c->idle_task;
	if (next == prev) {
		spin_unlock(&rq->lock);
		return;
	}
	switch_to(rq, prev, next);
}

void sched_yield_now(void)
{
	struct cpu *c = cpu_self();

	if (a_load(&c->runq->nr)) {
		/* behind all that wait now */
		struct task *last;

		spin_lock(&c->runq->lock);
		last = TAILQ_LAST(&c->runq->ready, ready_list);
		if (last && last->vtime >= current->vtime)
			current->vtime = last->vtime + 1;
		spin_unlock(&c->runq->lock);
	}
	schedule();
}

noreturn void sched_exit(void)
{
	a_store(&current->state, TASK_DEAD);
	schedule();
	panic("a dead task was switched to");
}
