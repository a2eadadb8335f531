/* spinlock.h - spinning locks (sync/spinlock.c)
 *
 * Kernel code runs with interrupts off and is never preempted, so a spinlock needs no variant for
 * interrupts. Its holder must not sleep, touch user memory other than by mach_copy_*, or call
 * mach_poll(). Waiting is bounded spinning, then a yield to the holder's CPU (the host may have
 * descheduled it); on one CPU nothing spins: a taken lock there is a bug and panics.
 * A CPU that waits for a lock counts as away for TLB shoot-downs. */
#pragma once
#include "atomic.h"
#include "lockrank.h"
#include "log.h"

struct spinlock {
	a32_t owner; /* [a] 0 free, else holder's CPU + 1 (bit 31: somebody waits) */
	u16 rank;    /* [I] */
	u16 pad;
};
#define SPINLOCK_INIT(r)    \
	{                   \
		.rank = (r) \
	}

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
	*l = (struct spinlock){.rank = (u16)rank};
}
void spin_lock(struct spinlock *l);
void spin_lock_nested(struct spinlock *l); /* same rank held already, in the stated order */
bool must_check spin_trylock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
bool spin_is_held(const struct spinlock *l); /* by this CPU */
#define assert_held(l)	   kassert(spin_is_held(l))
#define assert_not_held(l) kassert(!spin_is_held(l))
