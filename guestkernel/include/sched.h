/* sched.h - the scheduler (sched/)
 *
 * One run queue per CPU, work stealing when idle; user code is preempted at the end of its slice,
 * kernel code never. */
#pragma once
#include "task.h"

void sched_init(void); /* boot CPU */
void sched_init_cpu(struct cpu *c, struct task *idle);
void sched_start(struct task *t); /* a TASK_NEW task becomes runnable */
void sched_switch_done(void);	  /* first thing a new task does on its stack */
void schedule(void);		  /* switch if current is not runnable or should yield */
void sched_yield_now(void);	  /* sched_yield(2) */
/* Blocks the current task, whose state was set by waitq_prepare or sched_set_state, until it is
 * woken: 0; -ERESTARTSYS if the state is interruptible and a signal is pending (also
 * -ERESTARTNOINTR if TASK_KILLABLE and it is being killed); -ETIMEDOUT at the deadline (monotonic
 * ns). */
int sched_block_until(u64 deadline);
void sched_set_state(enum task_state s);
/* Makes t runnable if its state is in the mask; true if it was woken. Any context. */
bool sched_wake(struct task *t, u32 state_mask);
bool sched_wake_sync(struct task *t, u32 state_mask); /* next on this CPU when the caller blocks */
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE | TASK_KILLABLE)
void sched_tick(void);		/* the slice timer fired */
noreturn void sched_exit(void); /* current is dead: switch away for ever */
noreturn void sched_idle_loop(void);
void sched_set_affinity(struct task *t, const u64 *mask);
void sched_account(struct task *t,
		   bool user_end); /* time since the last call goes to user/system */
u64 sched_task_utime(const struct task *t);
u64 sched_task_stime(const struct task *t);
void sched_load(u64 out[3]); /* load averages, fixed point 16 bits */
