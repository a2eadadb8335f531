/* spinlock.c - spinning locks
 *
 * Provides: spinlock.h. Owns: nothing but the lock words.
 * States: owner 0 is free; else the holder's CPU number + 1.
 * Waiting: SPIN_BOUND rounds with a pause each, then the rest of the time slice goes to the
 *   holder's CPU, which the host may have descheduled. On one CPU a taken lock would never be
 *   released: that is a bug, and panics.
 * Invariants: cpu->spin_depth counts the locks held; nobody blocks unless it is 0.
 * Tests: test/machine (threads under the scripted machine) */
#include "spinlock.h"
#include "cpu.h"
#include "lockcheck.h"
#include "log.h"

#define SPIN_BOUND 2000

static void spin_wait(struct spinlock *l)
{
	if (cpu_count == 1 || a_load(&l->owner) == cpu_self()->id + 1)
		panic("spinlock of rank %u taken twice", l->rank);
	for (u32 n = 0; a_load(&l->owner) != 0; n++) {
		mach_relax();
		if (n >= SPIN_BOUND) {
			u32 owner = a_load(&l->owner);

			if (owner != 0)
				mach_yield_to(cpus[owner - 1]);
			n = 0;
		}
	}
}

static inline void spin_acquire(struct spinlock *l, bool nested)
{
	struct cpu *c = cpu_self();

	if (KDEBUG)
		lockcheck_spin_acquire(l, nested);
	for (;;) {
		u32 free = 0;

		if (likely(a_cas(&l->owner, &free, c->id + 1)))
			break;
		spin_wait(l);
	}
	c->spin_depth++;
}

void spin_lock(struct spinlock *l)
{
	spin_acquire(l, false);
}

void spin_lock_nested(struct spinlock *l)
{
	spin_acquire(l, true);
}

bool spin_trylock(struct spinlock *l)
{
	struct cpu *c = cpu_self();
	u32 free = 0;

	if (!a_cas(&l->owner, &free, c->id + 1))
		return false;
	if (KDEBUG) /* no wait, no deadlock: whatever its rank */
		lockcheck_spin_acquire(l, true);
	c->spin_depth++;
	return true;
}

void spin_unlock(struct spinlock *l)
{
	if (KDEBUG)
		lockcheck_spin_release(l);
	cpu_self()->spin_depth--;
	a_store_release(&l->owner, 0);
}

bool spin_is_held(const struct spinlock *l)
{
	return a_load(&l->owner) == cpu_self()->id + 1;
}
