/* ksignal.h - signals inside the kernel (signal/) */
#pragma once
#include "abi/linux/signal.h"
#include "task.h"

#define SIGBIT(n) (1ull << ((n)-1))

/* Sends to one task (thread-directed) or to a process; info null: as by the kernel. Takes
 * proc->sig_lock. 0, or -EAGAIN (real-time queue full). Any context. */
int signal_send_task(struct task *t, int sig, const struct abi_siginfo *info);
int signal_send_proc(struct proc *p, int sig, const struct abi_siginfo *info);
int signal_send_pgrp(struct pgrp *g, int sig, const struct abi_siginfo *info); /* [t] held */
/* A fault of the current task: if blocked or ignored, the action becomes the default. */
void signal_force(int sig, int code, u64 addr);
void signal_force_kill(int sig); /* default action of sig, whatever the handler: core or death */
/* Sets SIGKILL on all other threads of the process. [s] held. */
void signal_kill_threads_locked(struct proc *p);
/* Permission of kill(2): 0 or -EPERM, -ESRCH. */
int signal_may_kill(const struct task *target, int sig);

static inline bool signal_pending(const struct task *t)
{
	return a_load(&t->sig_flags) & (TASK_SIG_PENDING | TASK_SIG_KILL | TASK_SIG_STOP);
}
static inline bool signal_kill_pending(const struct task *t)
{
	return a_load(&t->sig_flags) & TASK_SIG_KILL;
}
/* A thread of a stopping process left: the last one to stop tells the parent. [t] and [s] held. */
void signal_recount_stop_locked(struct proc *p);
void signal_recalc_locked(struct task *t); /* [s]: sets or clears TASK_SIG_PENDING */
/* Before user mode: delivers what is pending, restarts or fails the interrupted call. result is the
 * call's (in_syscall) and may be an internal ERESTART code. signal/deliver.c, signal/restart.c */
void signal_deliver(bool in_syscall, long result);
/* Replaces the mask (SIGKILL and SIGSTOP stay out of it). */
void signal_set_mask(u64 mask);
/* ppoll, pselect6, epoll_pwait, rt_sigsuspend: mask for the duration; restored before user mode
 * unless a handler runs, which then gets the old one in its frame. */
void signal_set_temporary_mask(u64 mask);
void signal_restore_mask(struct task *t); /* the temporary mask ends: no handler ran */
void sighand_put(struct sighand *s);
struct sighand *sighand_copy(struct sighand *s) must_check;
/* The current process's handlers become its own, if they were shared: 0 or -ENOMEM. */
int sighand_unshare(void) must_check;
void sighand_exec(struct proc *p); /* handlers become default, ignored stay */
void sigpending_init(struct sigpending *p);
void sigpending_flush(struct sigpending *p); /* at exit and exec */
