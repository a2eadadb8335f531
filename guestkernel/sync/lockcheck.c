/* lockcheck.c - run-time check of the lock order
 *
 * Provides: lockcheck.h, called by the lock functions when KDEBUG is set.
 * Owns: cpu->held (spinlocks of this CPU), task->held_rank (sleeping locks of the task).
 * Invariants: a new lock's rank is above every held one, or equal if its caller said "nested";
 *   a sleeping lock is never taken with a spinlock held or in a handler. A violation panics.
 * Locks: none of its own; it looks only at what the current CPU and task own. */
#include "lockcheck.h"
#include "cpu.h"
#include "log.h"
#include "spinlock.h"
#include "task.h"

static void check_rank(u16 held, u16 rank, bool nested, const char *what)
{
	if (held < rank || (held == rank && nested))
		return;
	panic("lock order: %s of rank %u while one of rank %u is held", what, rank, held);
}

void lockcheck_spin_acquire(const struct spinlock *l, bool nested)
{
	struct cpu *c = cpu_self();

	for (u32 i = 0; i < c->spin_depth; i++)
		check_rank(c->held[i]->rank, l->rank, nested, "spinlock");
	kassert(c->spin_depth < ARRAY_SIZE(c->held));
	c->held[c->spin_depth] = l;
}

void lockcheck_spin_release(const struct spinlock *l)
{
	struct cpu *c = cpu_self();
	u32 i = c->spin_depth;

	while (i > 0 && c->held[i - 1] != l)
		i--;
	kassert(i > 0);
	for (; i < c->spin_depth; i++)
		c->held[i - 1] = c->held[i];
}

void lockcheck_sleep_acquire(u16 rank, bool nested)
{
	struct task *t = current;

	kassert(cpu_self()->spin_depth == 0);
	kassert(cpu_self()->irq_depth == 0);
	for (u32 i = 0; i < t->nheld; i++)
		check_rank(t->held_rank[i], rank, nested, "sleeping lock");
	kassert(t->nheld < ARRAY_SIZE(t->held_rank));
	t->held_rank[t->nheld++] = rank;
}

void lockcheck_sleep_release(u16 rank)
{
	struct task *t = current;
	u32 i = t->nheld;

	while (i > 0 && t->held_rank[i - 1] != rank)
		i--;
	kassert(i > 0);
	for (; i < t->nheld; i++)
		t->held_rank[i - 1] = t->held_rank[i];
	t->nheld--;
}
