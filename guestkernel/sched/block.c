/* block.c - blocking until woken, a signal, or a deadline
 *
 * Provides: sched_set_state, sched_block_until. The timer of a deadline lives on the sleeper's
 * stack and is cancelled before the call returns. */
#include "ksignal.h"
#include "log.h"
#include "runq.h"

void sched_set_state(enum task_state s)
{
	a_xchg(&current->state, (u32)s); /* full barrier: the state before the caller's condition */
}

struct sleep_timer {
	struct ktimer timer;
	struct task *task;
	a32_t fired;
};

static void sleep_timer_fired(struct ktimer *t)
{
	struct sleep_timer *st = container_of(t, struct sleep_timer, timer);

	if (sched_wake(st->task, TASK_NORMAL))
		a_store(&st->fired, 1);
}

static int block_with_timer(u64 deadline)
{
	struct sleep_timer st = {.task = current};

	if (runq_now() >= deadline) {
		sched_set_state(TASK_RUNNING);
		return -ETIMEDOUT;
	}
	ktimer_init(&st.timer, sleep_timer_fired);
	ktimer_start(&st.timer, deadline);
	schedule();
	ktimer_cancel(&st.timer);
	return a_load(&st.fired) ? -ETIMEDOUT : 0;
}

int sched_block_until(u64 deadline)
{
	struct task *t = current;
	u32 state = a_load(&t->state);

	kassert(cpu_self()->spin_depth == 0);
	if (state == TASK_RUNNING) /* woken already */
		return 0;
	if ((state & TASK_INTERRUPTIBLE) && signal_pending(t)) {
		sched_set_state(TASK_RUNNING);
		return -ERESTARTSYS;
	}
	if ((state & TASK_KILLABLE) && signal_kill_pending(t)) {
		sched_set_state(TASK_RUNNING);
		return -ERESTARTNOINTR;
	}
	if (deadline != DEADLINE_NONE)
		return block_with_timer(deadline);
	schedule();
	return 0;
}
