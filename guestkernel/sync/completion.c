/* completion.c - an event that happens once and stays (task.h) */
#include "ksignal.h"
#include "sched.h"

void completion_init(struct completion *c)
{
	waitq_init(&c->wait);
	c->done = 0;
}

void completion_done(struct completion *c)
{
	/* Under the lock: the waiter may free the object once it saw done and left the queue. */
	spin_lock(&c->wait.lock);
	WRITE_ONCE(c->done, 1);
	waitq_wake_locked(&c->wait, ~0u, 0);
	spin_unlock(&c->wait.lock);
}

void completion_wait(struct completion *c)
{
	wait_event(&c->wait, READ_ONCE(c->done));
}

int completion_wait_killable(struct completion *c)
{
	struct waiter w;
	int err = 0;

	waiter_init(&w, current);
	for (;;) {
		waitq_prepare(&c->wait, &w, TASK_KILLABLE);
		if (READ_ONCE(c->done))
			break;
		err = sched_block_until(DEADLINE_NONE);
		if (err)
			break;
	}
	waitq_finish(&c->wait, &w);
	return err;
}
