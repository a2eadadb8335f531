/* mutex.h - sleeping locks (sync/mutex.c)
 *
 * Held by a task, not a CPU; may be held across sleeping. The uncontended path is one
 * compare-and-swap. rwlock: many readers or one writer, writers preferred. */
#pragma once
#include "waitq.h"

struct mutex {
	a64_t owner; /* [a] task pointer, bit 0: waiters */
	struct waitq wait;
	u16 rank; /* [I] */
};
void mutex_init(struct mutex *m, enum lock_rank rank);
void mutex_lock(struct mutex *m);
void mutex_lock_nested(struct mutex *m);
int must_check mutex_lock_killable(struct mutex *m); /* 0 or -ERESTARTNOINTR when being killed */
bool must_check mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
bool mutex_is_held(const struct mutex *m); /* by the current task */

struct rwlock {
	a32_t state; /* [a] readers, bit 31: a writer holds it, bit 30: a writer waits */
	struct waitq wait;
	struct task *writer; /* [o] */
	u16 rank;
};
void rwlock_init(struct rwlock *l, enum lock_rank rank);
void rwlock_read(struct rwlock *l);
void rwlock_read_done(struct rwlock *l);
void rwlock_write(struct rwlock *l);
void rwlock_write_nested(struct rwlock *l);
void rwlock_write_done(struct rwlock *l);
bool rwlock_is_written(const struct rwlock *l); /* by the current task */
bool rwlock_is_held(const struct rwlock *l);	/* by anybody, in any mode */
