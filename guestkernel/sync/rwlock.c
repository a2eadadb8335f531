/* rwlock.c - sleeping locks with many readers or one writer
 *
 * Provides: mutex.h's rwlock. Owns: nothing.
 * States: state counts readers; RW_WRITER: a writer holds it; RW_WANTED: a writer waits, and new
 *   readers queue behind it. The writer that gets the lock clears RW_WANTED; others that wait set
 *   it again when they wake. A release that leaves the lock free wakes all waiters.
 * Sleeps: rwlock_read, rwlock_write. A reader never takes the same lock again: with a writer in
 *   between that would be a deadlock.
 * Tests: test/machine */
#include "lockcheck.h"
#include "log.h"
#include "mutex.h"
#include "sched.h"

#define RW_WRITER (1u << 31)
#define RW_WANTED (1u << 30)

void rwlock_init(struct rwlock *l, enum lock_rank rank)
{
	*l = (struct rwlock){.rank = (u16)rank};
	waitq_init(&l->wait);
}

static bool rw_try_read(struct rwlock *l)
{
	u32 s = a_load(&l->state);

	while (!(s & (RW_WRITER | RW_WANTED)))
		if (a_cas(&l->state, &s, s + 1))
			return true;
	return false;
}

static bool rw_try_write(struct rwlock *l)
{
	u32 s = a_load(&l->state);

	while (!(s & ~RW_WANTED))
		if (a_cas(&l->state, &s, RW_WRITER))
			return true;
	return false;
}

static bool rw_try_write_or_want(struct rwlock *l)
{
	if (rw_try_write(l))
		return true;
	a_or(&l->state, RW_WANTED);
	return rw_try_write(l);
}

void rwlock_read(struct rwlock *l)
{
	if (KDEBUG)
		lockcheck_sleep_acquire(l->rank, false);
	if (likely(rw_try_read(l)))
		return;
	wait_event(&l->wait, rw_try_read(l));
}

void rwlock_read_done(struct rwlock *l)
{
	u32 s;

	if (KDEBUG)
		lockcheck_sleep_release(l->rank);
	s = a_sub(&l->state, 1);
	if (unlikely(s & RW_WANTED) && !(s & ~RW_WANTED))
		waitq_wake_all(&l->wait);
}

static void rw_write(struct rwlock *l, bool nested)
{
	if (KDEBUG)
		lockcheck_sleep_acquire(l->rank, nested);
	if (unlikely(!rw_try_write(l)))
		wait_event(&l->wait, rw_try_write_or_want(l));
	l->writer = current;
}

void rwlock_write(struct rwlock *l)
{
	rw_write(l, false);
}

void rwlock_write_nested(struct rwlock *l)
{
	rw_write(l, true);
}

void rwlock_write_done(struct rwlock *l)
{
	kassert(l->writer == current);
	if (KDEBUG)
		lockcheck_sleep_release(l->rank);
	l->writer = NULL;
	a_and(&l->state, ~RW_WRITER);
	mem_barrier(); /* the release before the look at the queue; pairs with waitq_prepare */
	if (waitq_has_waiters(&l->wait))
		waitq_wake_all(&l->wait);
}

bool rwlock_is_written(const struct rwlock *l)
{
	return l->writer == current && (a_load(&l->state) & RW_WRITER);
}

bool rwlock_is_held(const struct rwlock *l)
{
	return (a_load(&l->state) & ~RW_WANTED) != 0;
}
