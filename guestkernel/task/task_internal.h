/* task_internal.h - between the files of task/ (and the loader's exec.c) */
#pragma once
#include "task.h"

#define TIMER_SLACK_DEFAULT 50000u /* prctl(2), ns */

struct session;
struct task *task_alloc(const char *comm) must_check; /* with kernel stack and user state */
void task_free_unused(struct task *t);		      /* never started */
struct proc *proc_alloc(struct container *c) must_check;
void proc_free_unused(struct proc *p);
void session_put_locked(struct session *s);
/* New session and group led by p, whose pid object names them; [t] held; memory comes from the
 * caller (two zeroed objects). */
void session_start_locked(struct proc *p, struct session *s, struct pgrp *g);
void pgrp_join_locked(struct proc *p, struct pgrp *g);
void pgrp_leave_locked(struct proc *p);
/* Groups that p's leaving orphans get SIGHUP and SIGCONT if they have stopped members. */
void pgrp_check_orphans_locked(struct proc *p, struct proc *leaving_parent);
/* exec by a thread: all others are killed, the caller takes over the leader's place and number.
 * 0, or -ERESTARTNOINTR if the process is being killed meanwhile. */
int task_dethread(void) must_check;
/* The wait status and rusage of a child are taken: the process is gone. [t] held. */
void proc_reap_locked(struct proc *p);
void proc_notify_parent_locked(struct proc *p, int code, int status);
void rusage_add(struct abi_rusage *to, const struct abi_rusage *from); /* not the times */
void rusage_add_task(struct abi_rusage *to, const struct task *t);
void task_note_rss(struct task *t); /* before its address space goes: peak for ru_maxrss */
/* Gives up address space, descriptors and directories. May sleep. */
void task_drop_resources(struct task *t);
void task_count(struct container *ct, s64 n);
/* The parent that vforked the current task goes on: at exec and exit. */
void task_vfork_release(void);
