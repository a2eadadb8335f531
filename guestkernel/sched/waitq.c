/* waitq.c - wait queues
 *
 * Provides: waitq.h. Owns: nothing; queues live in what is waited for, waiters on stacks.
 * Locks: q->lock [q]; under it only the run queue's, in sched_wake.
 * Order that loses no wake-up: the waiter queues itself, sets its state, full barrier (the state's
 *   exchange), then tests its condition; the waker makes the condition true, full barrier, then
 *   looks at the queue.
 * Tests: test/machine */
#include "waitq.h"
#include "log.h"
#include "sched.h"

void waitq_init(struct waitq *q)
{
	spin_init(&q->lock, RANK_WAITQ);
	TAILQ_INIT(&q->waiters);
}

void waiter_init(struct waiter *w, struct task *t)
{
	*w = (struct waiter){.task = t};
}

static void waitq_add_locked(struct waitq *q, struct waiter *w)
{
	kassert(!w->queue);
	w->queue = q;
	w->woken = false;
	if (w->exclusive)
		TAILQ_INSERT_TAIL(&q->waiters, w, link);
	else
		TAILQ_INSERT_HEAD(&q->waiters, w, link);
}

void waitq_add(struct waitq *q, struct waiter *w)
{
	spin_lock(&q->lock);
	waitq_add_locked(q, w);
	spin_unlock(&q->lock);
}

void waitq_remove(struct waitq *q, struct waiter *w)
{
	spin_lock(&q->lock);
	if (w->queue) {
		TAILQ_REMOVE(&q->waiters, w, link);
		w->queue = NULL;
	}
	spin_unlock(&q->lock);
}

void waitq_prepare(struct waitq *q, struct waiter *w, int state)
{
	spin_lock(&q->lock);
	if (!w->queue)
		waitq_add_locked(q, w);
	spin_unlock(&q->lock);
	sched_set_state((enum task_state)state);
}

void waitq_finish(struct waitq *q, struct waiter *w)
{
	sched_set_state(TASK_RUNNING);
	waitq_remove(q, w);
}

bool waitq_has_waiters(const struct waitq *q)
{
	return READ_ONCE(q->waiters.tqh_first) != NULL;
}

static void waitq_wake_mode(struct waitq *q, u32 n, u32 events, bool sync)
{
	struct waiter *w, *next;

	assert_held(&q->lock);
	TAILQ_FOREACH_SAFE (w, &q->waiters, link, next) {
		bool consumed;

		if (events && w->events && !(w->events & events))
			continue;
		if (w->wake)
			consumed = w->wake(w, events);
		else if (sync)
			consumed = sched_wake_sync(w->task, TASK_NORMAL);
		else
			consumed = sched_wake(w->task, TASK_NORMAL);
		if (!consumed)
			continue;
		w->woken = true;
		if (w->exclusive && --n == 0)
			break;
	}
}

void waitq_wake_locked(struct waitq *q, u32 n_exclusive, u32 events)
{
	waitq_wake_mode(q, n_exclusive, events, false);
}

static void waitq_wake_any(struct waitq *q, u32 n, u32 events, bool sync)
{
	mem_barrier(); /* the caller's update before the look at the queue */
	if (!waitq_has_waiters(q))
		return;
	spin_lock(&q->lock);
	waitq_wake_mode(q, n, events, sync);
	spin_unlock(&q->lock);
}

void waitq_wake(struct waitq *q, u32 n_exclusive, u32 events)
{
	waitq_wake_any(q, n_exclusive, events, false);
}

void waitq_wake_sync(struct waitq *q, u32 events)
{
	waitq_wake_any(q, 1, events, true);
}

void waitq_wake_nested(struct waitq *q, u32 events)
{
	spin_lock_nested(&q->lock);
	waitq_wake_mode(q, ~0u, events, false);
	spin_unlock(&q->lock);
}
