/* quiesce.c - grace periods for lock-free readers
 *
 * Provides: quiesce.h. Owns: the global epoch; each CPU's list of deferred calls, oldest first.
 * A deferred call gets epoch E = global + 1. It may run when every CPU has reported (or is idle)
 * since the global epoch reached E.
 *   defer: unlink by the caller; full barrier; read global      (D)
 *   advance: global becomes E, by whoever has a call that waits  (A)
 *   report: read global, store it as seen                        (R)
 * A reports's value >= E was written after D read E - 1, and D's unlink was visible before D's
 * read; so a reader that starts after R does not find the object, and one from before R is over. A
 * CPU in user mode has no readers but does not report either; one that keeps many calls waiting is
 * interrupted. An idle CPU counts as reported: its idle flag is followed by a full barrier on both
 * edges (sched/idle.c), user mode's is not, to keep the entry short. Two CPUs that go idle together
 * may each have found the other busy when it reported: each looks again once it counts as idle
 * (quiesce_idle), and the later one sees the earlier. Locks: none. Sleeps: quiesce_wait only.
 * Limits: QUIESCE_BATCH calls wait per CPU before others are interrupted. Tests: test/machine */
#include "quiesce.h"
#include "cpu.h"
#include "log.h"
#include "sched.h"

#define QUIESCE_BATCH 256

a64_t quiesce_epoch = {1};
a32_t quiesce_urgent; /* tasks in quiesce_wait */

void quiesce_defer(struct quiesce_head *h, void (*fn)(struct quiesce_head *h))
{
	struct cpu *c = cpu_self();

	mem_barrier(); /* D: the unlink before the read of the epoch */
	h->fn = fn;
	h->next = NULL;
	h->epoch = a_load(&quiesce_epoch) + 1;
	if (!c->quiesce_list)
		c->quiesce_tail = &c->quiesce_list;
	*c->quiesce_tail = h;
	c->quiesce_tail = &h->next;
	c->quiesce_count++;
}

/* Whether all CPUs have reported epoch e; interrupts those in user mode if it is urgent. */
static bool quiesce_reached(u64 e, bool urgent)
{
	bool reached = true;

	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *c = cpus[i];

		if (!c || a_load_acquire(&c->quiesce_seen) >= e || a_load_acquire(&c->idle))
			continue;
		reached = false;
		if (!urgent)
			break;
		a_or(&c->pending, CPU_PENDING_RESCHED);
		mach_ipi(c);
	}
	return reached;
}

static void quiesce_run(struct cpu *c)
{
	struct quiesce_head *h = c->quiesce_list;
	u64 old = a_load(&quiesce_epoch);

	if (h->epoch > old)
		(void)a_cas(&quiesce_epoch, &old, old + 1);
	a_store_release(&c->quiesce_seen, a_load(&quiesce_epoch));
	mem_barrier(); /* own report and the epoch before the look at the others */
	if (!quiesce_reached(h->epoch, c->quiesce_count > QUIESCE_BATCH || a_load(&quiesce_urgent)))
		return;
	/* All of one epoch and older; a callback may defer again. */
	for (u64 e = h->epoch; (h = c->quiesce_list) && h->epoch <= e;) {
		c->quiesce_list = h->next;
		c->quiesce_count--;
		h->fn(h);
	}
}

/* Somebody sleeps until calls have run: CPUs that hold some and are idle look again, for they may
 * have waited for this CPU's report alone. */
static void quiesce_tell(const struct cpu *self)
{
	mem_barrier(); /* the own report before the look at the others' lists */
	for (u32 i = 0; i < cpu_count; i++) {
		struct cpu *c = cpus[i];

		if (!c || c == self || !READ_ONCE(c->quiesce_count) || !a_load(&c->idle))
			continue;
		a_or(&c->pending, CPU_PENDING_RESCHED);
		mach_ipi(c);
	}
}

void quiesce_report(void)
{
	struct cpu *c = cpu_self();

	if (unlikely(c->quiesce_list != NULL))
		quiesce_run(c);
	else if (a_load(&c->quiesce_seen) != a_load(&quiesce_epoch))
		a_store_release(&c->quiesce_seen, a_load_acquire(&quiesce_epoch));
	if (unlikely(a_load(&quiesce_urgent)))
		quiesce_tell(c);
}

bool quiesce_idle(void)
{
	struct cpu *c = cpu_self();

	if (unlikely(a_load(&quiesce_urgent)))
		quiesce_tell(c);
	return c->quiesce_list && quiesce_reached(c->quiesce_list->epoch, false);
}

struct quiesce_waiter {
	struct quiesce_head head;
	struct completion done;
};

static void quiesce_wake(struct quiesce_head *h)
{
	completion_done(&container_of(h, struct quiesce_waiter, head)->done);
}

void quiesce_wait(void)
{
	struct quiesce_waiter w;

	completion_init(&w.done);
	quiesce_defer(&w.head, quiesce_wake);
	a_add(&quiesce_urgent, 1);
	completion_wait(&w.done);
	a_sub(&quiesce_urgent, 1);
}
