/* quiesce.h - freeing what lock-free readers may still see (sync/quiesce.c)
 *
 * A reader is any stretch of kernel code that does not sleep, block or return to user mode: the
 * kernel is not preempted, so the readers of the past are gone once every CPU has switched task,
 * idled or been in user mode (it reports that with quiesce_report). Nothing marks a reader. */
#pragma once
#include "atomic.h"
#include "types.h"

struct quiesce_head {
	struct quiesce_head *next;
	void (*fn)(struct quiesce_head *h); /* must not sleep */
	u64 epoch;
};
/* Calls fn when all readers that may know the object are gone. Any context. */
void quiesce_defer(struct quiesce_head *h, void (*fn)(struct quiesce_head *h));
/* This CPU holds no reader: called by the scheduler, the user loop and idle. */
void quiesce_report(void);
/* The idle task, after its CPU counts as idle and before it sleeps: true if it should report again
 * instead, because its deferred calls can run now. */
bool quiesce_idle(void);
extern a64_t quiesce_epoch;  /* [a] see quiesce.c */
extern a32_t quiesce_urgent; /* [a] tasks that wait for a grace period */
void quiesce_wait(void);     /* sleeps until a grace period has passed */
