/* idle.c - what a CPU does when it has nothing to do
 *
 * The idle task looks for work (its queue, then others'), reports quiescence, gives the frames it
 * hoards no thought, and sleeps in mach_idle() on cpu->pending: a wake-up sets a bit there before
 * it sends the interrupt, so one that comes between the look and the sleep is seen. cpu->idle is
 * followed by a full barrier on both edges: quiesce.c and runq.c rely on it. */
#include "abi/boot.h"
#include "log.h"
#include "mm.h"
#include "quiesce.h"
#include "runq.h"

static bool work_elsewhere(const struct cpu *c)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (cpus[i] && cpus[i] != c && cpus[i]->runq && a_load(&cpus[i]->runq->nr))
			return true;
	return false;
}

noreturn void sched_idle_loop(void)
{
	struct cpu *c = cpu_self();

	for (;;) {
		u32 seen;

		if (a_load(&c->runq->nr) || work_elsewhere(c))
			schedule();
		a_and(&c->pending, ~(CPU_PENDING_RESCHED | CPU_PENDING_SPREAD));
		seen = a_load(&c->pending);
		if (seen & CPU_PENDING_SHOOTDOWN)
			mm_shootdown_ipi();
		quiesce_report();
		a_xchg(&c->idle, 1);
		mem_barrier();
		(*c->heartbeat)++;
		if (!a_load(&c->runq->nr) && !quiesce_idle()) {
			mach_heartbeat(ABI_CPU_IDLE);
			mach_idle(&c->pending.v, seen & ~CPU_PENDING_SHOOTDOWN);
			mach_heartbeat(ABI_CPU_KERNEL);
		}
		a_xchg(&c->idle, 0);
		mem_barrier();
	}
}
