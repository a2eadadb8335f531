/* waitq.h - sleeping and waking (sched/waitq.c)
 *
 * A waiter is queued, the condition tested, then the task blocks: a wake-up between test and block
 * is not lost, because queueing sets the task's state first.
 *
 *	struct waiter w;
 *	waiter_init(&w, current);
 *	for (;;) {
 *		waitq_prepare(&q, &w, TASK_INTERRUPTIBLE);
 *		if (condition)
 *			break;
 *		err = sched_block_until(deadline);      // 0, -ERESTARTSYS, -ETIMEDOUT
 *		if (err)
 *			break;
 *	}
 *	waitq_finish(&q, &w);
 *
 * poll and epoll queue waiters whose wake function is their own: it runs with q->lock held and
 * must not sleep; it returns true if it consumed an exclusive wake-up. */
#pragma once
#include <bsd/sys/queue.h>
#include "spinlock.h"

struct task;
struct waiter;
typedef bool (*waiter_fn)(struct waiter *w, u32 events);

struct waiter {
	TAILQ_ENTRY(waiter) link; /* [q] queue's lock */
	struct waitq *queue;	  /* [q] non-null while queued */
	struct task *task;	  /* [I] */
	waiter_fn wake;		  /* [I] null: wake the task */
	u32 events;		  /* [I] 0: any */
	bool exclusive;		  /* [I] */
	bool woken;		  /* [q] a wake-up has been consumed by this waiter */
};
TAILQ_HEAD(waiter_list, waiter);

struct waitq {
	struct spinlock lock;
	struct waiter_list waiters; /* [l] exclusive ones at the tail */
};
#define WAITQ_INIT(q)                                                                             \
	{                                                                                         \
		.lock = SPINLOCK_INIT(RANK_WAITQ), .waiters = TAILQ_HEAD_INITIALIZER((q).waiters) \
	}

void waitq_init(struct waitq *q);
void waiter_init(struct waiter *w, struct task *t);
void waitq_add(struct waitq *q, struct waiter *w);
void waitq_remove(struct waitq *q, struct waiter *w); /* harmless if not queued */
void waitq_prepare(struct waitq *q, struct waiter *w, int state);
void waitq_finish(struct waitq *q, struct waiter *w);
bool waitq_has_waiters(const struct waitq *q); /* after a full barrier by the caller's update */

/* Wake all shared waiters and up to n exclusive ones that want any of the events (0: all). */
void waitq_wake(struct waitq *q, u32 n_exclusive, u32 events);
void waitq_wake_locked(struct waitq *q, u32 n_exclusive, u32 events); /* q->lock held */
/* All waiters, from a wake function of another queue: epoll, which rules out cycles. */
void waitq_wake_nested(struct waitq *q, u32 events);
/* As waitq_wake(q, 1, events), and run the woken task next on this CPU, at once when the caller
 * blocks: for hand-overs (a pipe's reader). */
void waitq_wake_sync(struct waitq *q, u32 events);
static inline void waitq_wake_all(struct waitq *q)
{
	waitq_wake(q, ~0u, 0);
}
#define DEADLINE_NONE (~0ull)
/* Waits uninterruptibly for a condition of the caller's. */
#define wait_event(q, cond)                                            \
	do {                                                           \
		struct waiter w_;                                      \
		waiter_init(&w_, current);                             \
		for (;;) {                                             \
			waitq_prepare((q), &w_, TASK_UNINTERRUPTIBLE); \
			if (cond)                                      \
				break;                                 \
			(void)sched_block_until(DEADLINE_NONE);        \
		}                                                      \
		waitq_finish((q), &w_);                                \
	} while (0)
/* Likewise, ended by a signal: evaluates to 0 or -ERESTARTSYS. */
#define wait_event_interruptible(q, cond)                            \
	({                                                           \
		struct waiter w_;                                    \
		int e_ = 0;                                          \
		waiter_init(&w_, current);                           \
		for (;;) {                                           \
			waitq_prepare((q), &w_, TASK_INTERRUPTIBLE); \
			if (cond)                                    \
				break;                               \
			e_ = sched_block_until(DEADLINE_NONE);       \
			if (e_)                                      \
				break;                               \
		}                                                    \
		waitq_finish((q), &w_);                              \
		e_;                                                  \
	})
