/* runq.h - run queues, for sched/ only
 *
 * One per CPU. Lock key: [q] rq->lock, [I], [a]. rq->lock is held across a switch: schedule() takes
 * it, the task that comes in releases it (sched_switch_done). */
#pragma once
#include <bsd/sys/queue.h>
#include "cpu.h"
#include "sched.h"

TAILQ_HEAD(ready_list, task);
struct runq {
	struct spinlock lock;
	struct ready_list ready; /* [q] by vtime; without the running one */
	struct task *next;	 /* [q] handed over: runs next, is in no list */
	struct task *running;	 /* [q] on this CPU, or the idle task */
	struct task *prev;	 /* [q] whom the incoming task has to finish */
	bool evict;		 /* [q] .prev may not run here any more */
	a32_t nr;		 /* [a] waiting tasks; written under lock */
	u64 min_vtime;		 /* [q] never goes back */
	struct cpu *cpu;	 /* [I] */
	struct ktimer slice;	 /* runs while tasks compete */
	a32_t slice_armed;	 /* [a] */
};

#define SLICE_NS 6000000ull

u64 runq_now(void);
void runq_insert_locked(struct runq *rq, struct task *t);
struct task *runq_pick_locked(struct runq *rq);
struct task *runq_steal(struct runq *rq);
void runq_charge_locked(struct runq *rq, struct task *t, u64 now);
void runq_arm_slice(struct runq *rq);
/* An idle CPU that may run t, or null. */
struct cpu *runq_idle_cpu(const struct task *t);
void runq_kick(struct cpu *c);
void sched_enqueue(struct task *t); /* ready, in no queue, off every stack */
static inline bool task_may_run_on(const struct task *t, u32 cpu)
{
	return (READ_ONCE(t->affinity[cpu / 64]) >> (cpu % 64)) & 1;
}
u64 sched_cpu_time(const struct task *t); /* ns on a CPU so far */
void sched_spread(struct cpu *c);	  /* an idle CPU may take what was handed over */
