/* task.h - tasks, processes, credentials (task/)
 *
 * struct task is a thread; struct proc a thread group with what its threads share. A task is alive
 * until it exits, then (if it leads its group and the group is empty) a zombie until it is waited
 * for. Lock key: [I] immutable, [a] atomic, [t] task list lock (tasklist_lock), [s] proc->sig_lock,
 * [o] the task itself only, [r] the run queue's lock. */
#pragma once
#include <bsd/sys/queue.h>
#include "abi/linux/resource.h"
#include "abi/linux/signal.h"
#include "cpu.h"
#include "mutex.h"
#include "quiesce.h"
#include "time.h"

struct mm;
struct files;
struct fs_ctx;
struct container;
struct futex_waiter;
struct scm_files;
struct pid;

enum task_state {
	TASK_RUNNING = 0,
	TASK_INTERRUPTIBLE = 1,
	TASK_UNINTERRUPTIBLE = 2,
	TASK_STOPPED = 4,
	TASK_KILLABLE = 8, /* woken by SIGKILL only */
	TASK_NEW = 16,
	TASK_DEAD = 32,
};

struct task;

/* Credentials: immutable once shared; a change makes a copy and swaps the task's pointer. */
struct cred {
	a32_t refs;
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	u64 cap_eff, cap_perm, cap_inh, cap_bset, cap_amb;
	u32 securebits;
	u32 ngroups;
	u32 *groups; /* sorted */
};
struct cred *cred_new_copy(const struct cred *old) must_check;
static inline void cred_get(struct cred *c)
{
	ref_get(&c->refs);
}
void cred_put(struct cred *c);
struct cred *cred_get_task(const struct task *t);  /* of another task, which may change them */
bool cred_in_group(const struct cred *c, u32 gid); /* fsgid or supplementary */
bool capable(u32 cap);				   /* of the current task */

/* Queued signals of one task or process (signal/queue.c). */
struct sigqueue_entry;
TAILQ_HEAD(sigqueue_list, sigqueue_entry);
struct sigpending {
	u32 count;		   /* [s] entries in list */
	u64 set;		   /* [s] bit n-1: signal n */
	struct sigqueue_list list; /* [s] */
};

/* What a restarted call continues with (nanosleep, futex, poll). */
struct restart_block {
	long (*fn)(struct restart_block *r);
	u64 deadline;
	u64 arg[5];
};

struct task {
	struct mach_user user;	     /* [o] first: the machine finds it by the task */
	struct mach_ctx ctx;	     /* [r] kernel context while not running */
	void *kstack;		     /* [I] */
	struct proc *proc;	     /* [I] */
	struct container *container; /* [I] */
	u32 tid;	 /* [I] in the container's pid space; an exec by a thread changes it [t] */
	struct pid *pid; /* as tid; holds a reference */

	/* scheduling */
	a32_t state;			     /* [a] enum task_state */
	a32_t refs;			     /* [a] scheduler, proc->leader, temporary users */
	a32_t on_cpu;			     /* [a] 1 while its stack is in use */
	u32 cpu;			     /* [r] where it runs or was queued */
	u8 queued;			     /* [r] */
	int8_t nice;			     /* [a] */
	u8 policy, rt_prio;		     /* [a] told back; only nice has an effect */
	u64 affinity[ABI_CPU_MAX / 64];	     /* [r] */
	TAILQ_ENTRY(task) run_link;	     /* [r] */
	u64 vtime;			     /* [r] */
	u64 last_in;			     /* [r] cycles or ns at switch-in */
	u64 run_ns;			     /* [r] on a CPU, charged when switched out or asked */
	u64 stime_ns;			     /* [o] estimated part spent in the kernel */
	u64 nvcsw, nivcsw, min_flt, maj_flt; /* [o] */
	u64 start_ns;			     /* [I] */

	/* memory and files */
	struct mm *mm;	     /* [o]; others under tasklist_lock; null in kernel tasks */
	struct files *files; /* [o] as mm */
	struct fs_ctx *fs;   /* [o] cwd, root, umask */
	struct cred *cred;   /* [o] writes; others under quiescence */

	/* signals */
	u64 wait_mask;		      /* [s] what sigtimedwait waits for, though blocked */
	int forced_sig;		      /* [s] a fault without handler: its default action is done */
	u64 sigmask;		      /* [s] writes by the task itself */
	u64 saved_sigmask;	      /* [o] to restore if no handler ran */
	bool restore_sigmask;	      /* [o] */
	struct sigpending pending;    /* [s] */
	a32_t sig_flags;	      /* [a] TASK_SIG_*: something to do before user mode */
	struct abi_stack altstack;    /* [o] */
	struct restart_block restart; /* [o] */
	struct mach_exit why;	      /* [o] last exit from user mode */

	/* threads library */
	uaddr_t set_child_tid; /* [I] */
	uaddr_t clear_tid;     /* [o] */
	uaddr_t robust_list;   /* [o] */
	uaddr_t rseq;	       /* [o] */
	u32 rseq_len, rseq_sig;
	struct futex_waiter *futex;   /* hash bucket's lock */
	struct scm_files **scm_drops; /* [o] descriptors being let go of (socket/scm.c) */

	/* kin */
	TAILQ_ENTRY(task) thread_link; /* [t] proc->threads */
	int exit_code;		       /* [o] wait status */
	int pdeath_sig;		       /* [o] */
	u64 timer_slack;	       /* [o] ns, as prctl said; timers here have none */
	u64 timer_slack_default;       /* [o] what prctl goes back to: the creator's slack */
	struct completion *vfork_done; /* [t] parent waits */
	char comm[16];		       /* [a] racy by nature */
	bool is_kernel;		       /* [I] */
	void *kthread_arg;	       /* [I] until it has started */
	bool in_exec, dying;	       /* [s] */
	u64 robust_len;
	u8 nheld; /* [o] debug builds: mutexes held */
	u16 held_rank[16];
	u64 syscall_nr; /* [o] for stacks and reports */
	struct quiesce_head qhead;
};
#define TASK_SIG_PENDING 1u /* a deliverable signal may be there */
#define TASK_SIG_KILL	 2u /* must die: exit_group or SIGKILL */
#define TASK_SIG_STOP	 4u
#define TASK_WORK_MASK	 16u /* a temporary signal mask ends: as restore_sigmask */
#define TASK_WORK_RSEQ	 8u  /* was preempted or migrated: fix rseq before user mode */

struct completion {
	struct waitq wait;
	u32 done; /* wait.lock */
};
void completion_init(struct completion *c);
void completion_done(struct completion *c);
void completion_wait(struct completion *c);
int completion_wait_killable(struct completion *c);

struct session;
struct pgrp { /* process group */
	a32_t refs;
	u32 id;			    /* [I] */
	struct pid *pid;	    /* [I] holds a reference */
	struct session *session;    /* [I] holds a reference */
	TAILQ_HEAD(, proc) members; /* [t] */
};
struct session {
	a32_t refs;
	u32 id;			 /* [I] */
	struct pid *pid;	 /* [I] holds a reference */
	struct tty *tty;	 /* [t] controlling terminal */
	struct proc *leader;	 /* [t] null once it exited */
	struct pgrp *foreground; /* [t] */
};

struct proc {
	a32_t refs;
	u32 pid;		     /* [I] */
	struct pid *pid_obj;	     /* [I] holds a reference */
	struct container *container; /* [I] */
	struct task *leader;	     /* [t] */
	TAILQ_HEAD(, task) threads;  /* [t+s] written under both, read under either */
	u32 nthreads;		     /* [t] alive */
	u32 ndying;		     /* [s] threads between the start of task_exit and their end */
	struct proc *parent;	     /* [t] */
	TAILQ_HEAD(, proc) children; /* [t] */
	TAILQ_ENTRY(proc) sibling;   /* [t] */
	struct pgrp *pgrp;	     /* [t] */
	TAILQ_ENTRY(proc) pgrp_link; /* [t] */
	struct mutex exec_lock;

	struct spinlock sig_lock;
	struct sighand *sighand;   /* [t+s] may be shared (CLONE_SIGHAND) until exec */
	struct sigpending pending; /* [s] of the process */
	int group_exit_code;	   /* [s] */
	bool group_exit, stopped, zombie, continued, stop_reported; /* [s] */
	bool subreaper;						    /* [t] */
	bool reap_all;		 /* [t] a container's init that ends: takes all zombies */
	bool unkillable;	 /* [I] a container's init: default actions do not end it */
	struct task *exec_task;	 /* [s] a thread that execs: all others must die */
	bool tell_continued;	 /* [s] the parent has to hear of it */
	u32 nstopped;		 /* [s] threads that have stopped */
	int8_t nice;		 /* [a] of new threads */
	int stop_sig;		 /* [s] */
	int exit_signal;	 /* [I] SIGCHLD, or what clone asked */
	struct waitq child_wait; /* wait4 sleeps here */
	struct waitq pidfd_wait; /* pollers of its pidfds */

	struct abi_rlimit rlim[16]; /* [s] */
	struct abi_itimerval_state {
		struct ktimer timer;
		u64 interval_ns, expires_ns;
	} itimer_real;			     /* [s] */
	u64 itimer_cpu[2][2];		     /* [s] virtual, prof: value, interval */
	struct ktimer cpu_limit;	     /* looks at RLIMIT_CPU; time/cpulimit.c */
	void *posix_timers;		     /* [s] time/posix_timer.c */
	u64 dead_utime, dead_stime;	     /* [s] of exited threads */
	u64 child_utime, child_stime;	     /* [s] of waited-for children */
	struct abi_rusage dead_ru, child_ru; /* [s] */
	u32 personality;
	int oom_adj, oom_adj_min; /* [a] oom_score_adj; lowest without a capability */
	bool dumpable, keep_caps, no_new_privs, did_exec, membarrier_registered;
	struct quiesce_head qhead;
};

struct sighand { /* handlers, per process (or shared by CLONE_SIGHAND) */
	a32_t refs;
	struct abi_sigaction action[ABI_NSIG]; /* [s] index = signal - 1 */
};

/* What a container shares: its number, names, limits, pid space, mounts. */
struct mntns;
struct pidmap;
struct container {
	u32 id;				   /* [I] */
	u32 channel;			   /* [I] */
	char hostname[65], domainname[65]; /* [l] lock */
	struct spinlock lock;
	struct mntns *mounts;  /* [I] */
	struct proc *init;     /* [t] */
	u64 pids_limit;	       /* [I] 0: none */
	a64_t nr_tasks;	       /* [a] */
	struct pidmap *pidmap; /* [t] task/pid.c */
	struct waitq exit_wait;
	a32_t exited;	 /* [a] */
	int exit_status; /* wait status of init, valid once exited */
};

extern struct spinlock tasklist_lock;

/* ---- task/ ---- */
extern const char kernel_release[], kernel_version[]; /* as uname(2) tells them */
extern a64_t oom_kills;				      /* processes killed for memory */
#define OOM_ADJ_MIN (-1000)			      /* of proc->oom_adj: killed last of all */
#define OOM_ADJ_MAX 1000
int proc_set_oom_adj(struct proc *p, int adj); /* -EINVAL, -EACCES */
u64 proc_oom_score(struct proc *p);	       /* as /proc/PID/oom_score: 0 to 2000 */
static inline void task_get(struct task *t)
{
	ref_get(&t->refs);
}
void task_put(struct task *t);
/* Counts of the whole sandbox; the limit of --pids is checked at clone. */
extern a64_t task_total, task_limit;
struct task *task_find(struct container *c, u32 tid); /* [t] held, or within a quiescent read */
struct proc *proc_find(struct container *c, u32 pid); /* likewise */
/* The process with the lowest pid >= from; [t] held. For /proc and for kill(-1). */
struct proc *proc_next(struct container *c, u32 from);
struct pgrp *pgrp_find(struct container *c, u32 id);
/* task/pidfd.c: a file that stands for p, and holds a reference to it; null: no memory. The process
 * of a pidfd with a reference and the file's flags; null: not one. */
struct file *pidfd_file(struct proc *p, u32 flags) must_check;
struct proc *pidfd_proc(int fd, u32 *flags) must_check;
/* time/: the timers of a new process; and of one that execs or ends. */
void time_proc_init(struct proc *p);
void time_proc_exec(struct proc *p); /* POSIX timers are deleted, interval timers stay */
void time_proc_exit(struct proc *p); /* all are cancelled; may sleep */
/* RLIMIT_CPU was set, or inherited: the process's time is watched from now on. [s] held. */
void time_cpu_limit_locked(struct proc *p);
/* event/: a signal was queued: signalfd's readers may want it. [s] held. */
void signalfd_notify(struct proc *p);
/* time/: a timer's signal was taken from the queue: its next expiry may be queued. [s] held. */
void time_signal_taken_locked(struct proc *p, struct abi_siginfo *info);
/* tty/: its device number, for /proc/PID/stat. */
u32 tty_number(const struct tty *t);
/* tty/: the session's leader ended: its terminal has no session any more. [t] held. */
void tty_session_ended_locked(struct session *s);
/* futex/: robust list and clear_tid of the current task, at exit and exec. May sleep. */
void futex_task_exit(void);
void proc_get(struct proc *p);
void proc_put(struct proc *p);
/* User and system time of all threads, gone ones too, ns; [t] held. */
void proc_times(struct proc *p, u64 *user, u64 *sys);
/* No member has a parent elsewhere in its session: it cannot be stopped from the terminal. [t] */
bool pgrp_is_orphaned_locked(const struct pgrp *g);
void pgrp_put_locked(struct pgrp *g);
static inline u32 task_pid(const struct task *t)
{
	return t->proc->pid;
}
/* A kernel task, not yet running: sched_start() it. */
struct task *kthread_create(void (*fn)(void *), void *arg, const char *name) must_check;
void kthread_drop(struct task *t);	      /* one that was never started */
noreturn void task_exit(int wait_code);	      /* the calling thread */
noreturn void task_exit_group(int wait_code); /* the whole process */
/* First task of a container, stopped before its first instruction. */
int task_create_init(struct container *c, struct task **out) must_check;
/* exec on behalf of the current task; strings are kernel memory. 0: the new image is in place. */
struct exec_args {
	const char *path; /* as given: AT_EXECFN */
	int dirfd;
	u32 flags;     /* AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW */
	char *strings; /* argv strings then envp strings, each NUL-terminated */
	size_t strings_len;
	u32 argc, envc;
};
int do_execve(struct exec_args *a) must_check;

/* The loop every user task lives in (sched/userloop.c): run user mode, act on the cause, deliver
 * signals, reschedule. */
noreturn void task_user_loop(void *unused);
int rseq_fixup(struct task *t); /* before user mode, when TASK_WORK_RSEQ is set */
