/* mutex.c - sleeping locks with one holder
 *
 * Provides: mutex.h's mutex. Owns: nothing.
 * States: owner 0 is free; else the holder's task pointer, with bit 0 set if somebody may wait.
 * A waiter queues itself, sets bit 0, then sleeps; the holder that finds bit 0 at its release wakes
 * one. A woken waiter keeps bit 0 for those behind it: at worst one wake-up finds nobody.
 * Sleeps: mutex_lock*. Invariants: only the holder unlocks (asserted).
 * Tests: test/machine */
#include "mutex.h"
#include "ksignal.h"
#include "lockcheck.h"
#include "log.h"
#include "sched.h"

#define MUTEX_WAITERS 1ull

void mutex_init(struct mutex *m, enum lock_rank rank)
{
	m->owner.v = 0;
	m->rank = (u16)rank;
	waitq_init(&m->wait);
}

bool mutex_trylock(struct mutex *m)
{
	u64 free = 0;

	if (!a_cas(&m->owner, &free, (u64)(uintptr_t)current))
		return false;
	if (KDEBUG)
		lockcheck_sleep_acquire(m->rank, true);
	return true;
}

/* One attempt by a queued waiter: true if the lock is ours, else bit 0 is set. */
static bool mutex_try_or_mark(struct mutex *m)
{
	u64 old = a_load(&m->owner);

	for (;;) {
		u64 new = old ? old | MUTEX_WAITERS : ((u64)(uintptr_t)current | MUTEX_WAITERS);

		if (a_cas(&m->owner, &old, new))
			return old == 0;
	}
}

static int mutex_lock_slow(struct mutex *m, enum task_state state)
{
	struct waiter w;
	int err = 0;

	kassert((a_load(&m->owner) & ~MUTEX_WAITERS) != (u64)(uintptr_t)current);
	waiter_init(&w, current);
	w.exclusive = true;
	for (;;) {
		waitq_prepare(&m->wait, &w, state);
		if (mutex_try_or_mark(m))
			break;
		err = sched_block_until(DEADLINE_NONE);
		if (err)
			break;
	}
	waitq_finish(&m->wait, &w);
	/* A wake-up that we consumed but cannot use goes to the next. */
	if (err && w.woken)
		waitq_wake(&m->wait, 1, 0);
	return err;
}

static inline int mutex_acquire(struct mutex *m, enum task_state state, bool nested)
{
	u64 free = 0;
	int err = 0;

	if (unlikely(!a_cas(&m->owner, &free, (u64)(uintptr_t)current)))
		err = mutex_lock_slow(m, state);
	if (KDEBUG && !err)
		lockcheck_sleep_acquire(m->rank, nested);
	return err;
}

void mutex_lock(struct mutex *m)
{
	(void)mutex_acquire(m, TASK_UNINTERRUPTIBLE, false);
}

void mutex_lock_nested(struct mutex *m)
{
	(void)mutex_acquire(m, TASK_UNINTERRUPTIBLE, true);
}

int mutex_lock_killable(struct mutex *m)
{
	return mutex_acquire(m, TASK_KILLABLE, false);
}

void mutex_unlock(struct mutex *m)
{
	u64 mine = (u64)(uintptr_t)current;

	if (KDEBUG)
		lockcheck_sleep_release(m->rank);
	if (likely(a_cas(&m->owner, &mine, 0)))
		return;
	kassert(mine == ((u64)(uintptr_t)current | MUTEX_WAITERS));
	a_store_release(&m->owner, 0);
	waitq_wake(&m->wait, 1, 0);
}

bool mutex_is_held(const struct mutex *m)
{
	return (a_load(&m->owner) & ~MUTEX_WAITERS) == (u64)(uintptr_t)current;
}
