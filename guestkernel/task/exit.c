/* exit.c - the end of threads and processes
 *
 * Provides: task_exit, task_exit_group, task_dethread, exit(2), exit_group(2).
 * States of a process: alive (nthreads > 0); zombie (its last thread is gone, its parent has not
 *   waited); reaped. A leader that ends before other threads stays findable by its number.
 * Order in task_exit: user memory's last words (robust list, clear_tid), then the vfork parent,
 *   then the resources, then, under tasklist_lock, kin and parent, then away for ever.
 * A container's init that ends takes all other processes of the container with it, and waits for
 * them, before its status is published.
 * Locks: tasklist_lock, then sig_locks. Sleeps: yes. Tests: test/machine, test/abi */
#include "abi/linux/wait.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "sched.h"
#include "syscalls_proto.h"
#include "task/pid.h"
#include "task/task_internal.h"
#include "vfs.h"

void task_count(struct container *ct, s64 n)
{
	a_add(&task_total, (u64)n);
	a_add(&ct->nr_tasks, (u64)n);
}

void task_drop_resources(struct task *t)
{
	struct mm *mm;
	struct files *files;
	struct fs_ctx *fs;

	spin_lock(&tasklist_lock); /* others look at these three under it */
	mm = t->mm;
	files = t->files;
	fs = t->fs;
	t->mm = NULL;
	t->files = NULL;
	t->fs = NULL;
	spin_unlock(&tasklist_lock);
	if (files)
		files_put(files);
	if (fs)
		fs_ctx_put(fs);
	if (mm)
		mm_put(mm);
}

void task_vfork_release(void)
{
	spin_lock(&tasklist_lock);
	if (current->vfork_done)
		completion_done(current->vfork_done);
	current->vfork_done = NULL;
	spin_unlock(&tasklist_lock);
}

/* Who inherits p's children: the nearest subreaper above, else the container's init. */
static struct proc *find_reaper(struct proc *p)
{
	struct proc *init = p->container->init;

	for (struct proc *a = p->parent; a && a != init; a = a->parent)
		if (a->subreaper && !a->zombie)
			return a;
	return init && init != p ? init : NULL;
}

static bool parent_ignores_children(const struct proc *parent)
{
	const struct abi_sigaction *a;

	if (parent->reap_all)
		return true;
	a = &parent->sighand->action[ABI_SIGCHLD - 1];
	return a->handler == ABI_SIG_IGN || (a->flags & ABI_SA_NOCLDWAIT);
}

static void siginfo_child(struct abi_siginfo *si, struct proc *p, int code, int status)
{
	*si = (struct abi_siginfo){.si_signo = ABI_SIGCHLD, .si_code = code};
	si->u.chld.pid = (int)p->pid;
	si->u.chld.uid = p->leader->cred->uid;
	si->u.chld.status = status;
	si->u.chld.utime = (s64)(p->dead_utime / 10000000);
	si->u.chld.stime = (s64)(p->dead_stime / 10000000);
}

/* Tells the parent of a change: CLD_EXITED, _KILLED, _DUMPED, _STOPPED or _CONTINUED. */
void proc_notify_parent_locked(struct proc *p, int code, int status)
{
	struct proc *parent = p->parent;
	struct abi_siginfo si;
	bool ends = code != ABI_CLD_STOPPED && code != ABI_CLD_CONTINUED;
	int sig = ends ? p->exit_signal : ABI_SIGCHLD;

	assert_held(&tasklist_lock);
	if (!parent)
		return;
	if (!ends && (parent->sighand->action[ABI_SIGCHLD - 1].flags & ABI_SA_NOCLDSTOP))
		sig = 0;
	if (sig) {
		siginfo_child(&si, p, code, status);
		si.si_signo = sig;
		(void)signal_send_proc(parent, sig, &si);
	}
	waitq_wake_all(&parent->child_wait);
}

static void notify_exit_locked(struct proc *p)
{
	int st = p->leader->exit_code, sig = st & 0x7f;

	if (sig == 0)
		proc_notify_parent_locked(p, ABI_CLD_EXITED, (st >> 8) & 0xff);
	else
		proc_notify_parent_locked(p, st & 0x80 ? ABI_CLD_DUMPED : ABI_CLD_KILLED, sig);
}

/* p is a zombie and stays one only if its parent wants to wait for it. */
static void zombie_settle_locked(struct proc *p)
{
	struct proc *parent = p->parent;
	bool ignored = parent && p->exit_signal == ABI_SIGCHLD && parent_ignores_children(parent);

	if (parent)
		notify_exit_locked(p);
	if (ignored)
		proc_reap_locked(p);
}

static void reparent_children_locked(struct proc *p)
{
	struct proc *reaper = find_reaper(p), *child, *next;

	TAILQ_FOREACH_SAFE (child, &p->children, sibling, next) {
		struct task *t;

		TAILQ_REMOVE(&p->children, child, sibling);
		child->parent = reaper;
		if (reaper)
			TAILQ_INSERT_TAIL(&reaper->children, child, sibling);
		child->exit_signal = ABI_SIGCHLD;
		TAILQ_FOREACH (t, &child->threads, thread_link)
			if (t->pdeath_sig)
				(void)signal_send_task(t, t->pdeath_sig, NULL);
		pgrp_check_orphans_locked(child, p);
		if (child->zombie && reaper)
			zombie_settle_locked(child);
	}
}

/* The leader of a session ends: its terminal lets go of it. */
static void leave_session_locked(struct proc *p)
{
	struct session *s = p->pgrp->session;

	if (s->leader != p)
		return;
	s->leader = NULL;
	if (!s->tty)
		return;
	if (s->foreground) {
		(void)signal_send_pgrp(s->foreground, ABI_SIGHUP, NULL);
		(void)signal_send_pgrp(s->foreground, ABI_SIGCONT, NULL);
	}
	tty_session_ended_locked(s);
}

void proc_reap_locked(struct proc *p)
{
	struct proc *parent = p->parent;
	struct task *leader = p->leader;

	assert_held(&tasklist_lock);
	kassert(p->zombie);
	if (parent) {
		TAILQ_REMOVE(&parent->children, p, sibling);
		spin_lock(&parent->sig_lock);
		parent->child_utime += p->dead_utime + p->child_utime;
		parent->child_stime += p->dead_stime + p->child_stime;
		rusage_add(&parent->child_ru, &p->dead_ru);
		rusage_add(&parent->child_ru, &p->child_ru);
		spin_unlock(&parent->sig_lock);
	}
	pgrp_leave_locked(p);
	p->parent = NULL;
	p->leader = NULL;
	p->pid_obj->task = NULL;
	pid_put_locked(p->pid_obj);
	pid_put_locked(leader->pid);
	task_put(leader);
	proc_put(p);
}

/* The container's init is at its end: nobody else of the container may outlive it. */
static void container_end(struct proc *init)
{
	struct container *ct = init->container;
	struct proc *child, *next;

	spin_lock(&tasklist_lock);
	init->reap_all = true;
	for (struct proc *p = proc_next(ct, 1); p; p = proc_next(ct, p->pid + 1))
		if (p != init)
			(void)signal_send_proc(p, ABI_SIGKILL, NULL);
	TAILQ_FOREACH_SAFE (child, &init->children, sibling, next)
		if (child->zombie)
			proc_reap_locked(child);
	spin_unlock(&tasklist_lock);
	wait_event(&ct->exit_wait, a_load(&ct->nr_tasks) == 1);
}

static void exit_accounts_locked(struct task *t)
{
	struct proc *p = t->proc;

	spin_lock(&p->sig_lock);
	p->dead_utime += sched_task_utime(t);
	p->dead_stime += sched_task_stime(t);
	rusage_add_task(&p->dead_ru, t);
	spin_unlock(&p->sig_lock);
}

/* Out of the lists; the last thread's way leaves a zombie. */
static void exit_leave_locked(struct task *t)
{
	struct proc *p = t->proc;
	bool last;

	exit_accounts_locked(t);
	spin_lock(&p->sig_lock); /* the list of threads is read under either lock */
	TAILQ_REMOVE(&p->threads, t, thread_link);
	p->ndying--;
	last = --p->nthreads == 0;
	sigpending_flush(&t->pending);
	if (p->stopped && !last)
		signal_recount_stop_locked(p);
	if (p->exec_task)
		(void)sched_wake(p->exec_task, TASK_NORMAL);
	spin_unlock(&p->sig_lock);
	if (t != p->leader) {
		t->pid->task = NULL;
		pid_put_locked(t->pid);
	}
	if (!last)
		return;
	/* The process's status is its last thread's. */
	p->leader->exit_code = p->group_exit ? p->group_exit_code : t->exit_code;
	reparent_children_locked(p);
	leave_session_locked(p);
	pgrp_check_orphans_locked(p, p->parent);
	spin_lock(&p->sig_lock);
	sigpending_flush(&p->pending);
	p->zombie = true;
	spin_unlock(&p->sig_lock);
	waitq_wake_all(&p->pidfd_wait);
	zombie_settle_locked(p);
}

static bool is_last_thread(struct proc *p)
{
	bool last;

	spin_lock(&p->sig_lock);
	current->dying = true;
	p->ndying++;
	last = p->ndying == p->nthreads;
	spin_unlock(&p->sig_lock);
	return last;
}

noreturn void task_exit(int wait_code)
{
	struct task *t = current;
	struct proc *p = t->proc;
	struct container *ct = t->container;
	bool init = p == ct->init;

	kassert(!t->is_kernel);
	t->exit_code = wait_code;
	futex_task_exit();
	task_vfork_release();
	if (is_last_thread(p)) {
		time_proc_exit(p);
		if (init)
			container_end(p);
	} else {
		init = false;
	}
	task_note_rss(t);
	task_drop_resources(t);
	if (init)
		ct->exit_status = p->group_exit ? p->group_exit_code : wait_code;

	spin_lock(&tasklist_lock);
	exit_leave_locked(t);
	task_count(ct, -1);
	if (init)
		a_store_release(&ct->exited, 1);
	spin_unlock(&tasklist_lock);
	waitq_wake_all(&ct->exit_wait);
	if (init)
		control_notify();
	sched_exit();
}

noreturn void task_exit_group(int wait_code)
{
	struct proc *p = current->proc;

	spin_lock(&p->sig_lock);
	if (!p->group_exit) {
		p->group_exit = true;
		p->group_exit_code = wait_code;
		signal_kill_threads_locked(p);
	}
	wait_code = p->group_exit_code;
	spin_unlock(&p->sig_lock);
	task_exit(wait_code);
}

/* The caller takes the dead leader's place and number. */
static void take_over_leader(struct task *t, struct proc *p)
{
	struct task *old = p->leader;
	struct pid *mine = t->pid;

	spin_lock(&tasklist_lock);
	mine->task = NULL;
	t->pid = old->pid; /* its reference comes along */
	t->tid = p->pid;
	t->pid->task = t;
	p->leader = t;
	task_get(t);
	pid_put_locked(mine);
	spin_unlock(&tasklist_lock);
	task_put(old);
}

int task_dethread(void)
{
	struct task *t = current;
	struct proc *p = t->proc;
	int err = 0;

	spin_lock(&p->sig_lock);
	if (p->group_exit || p->exec_task) {
		spin_unlock(&p->sig_lock);
		return -ERESTARTNOINTR;
	}
	if (p->nthreads == 1 && p->leader == t) {
		spin_unlock(&p->sig_lock);
		return 0;
	}
	p->exec_task = t;
	signal_kill_threads_locked(p);
	for (;;) {
		sched_set_state(TASK_KILLABLE);
		if (p->nthreads == 1)
			break;
		spin_unlock(&p->sig_lock);
		err = sched_block_until(DEADLINE_NONE);
		spin_lock(&p->sig_lock);
		if (err)
			break;
	}
	sched_set_state(TASK_RUNNING);
	p->exec_task = NULL;
	spin_unlock(&p->sig_lock);
	if (!err && p->leader != t)
		take_over_leader(t, p);
	return err;
}

long sys_exit(int status)
{
	task_exit(ABI_W_EXITCODE(status));
}

long sys_exit_group(int status)
{
	task_exit_group(ABI_W_EXITCODE(status));
}
