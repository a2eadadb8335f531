/* clone.c - clone(2), clone3(2), fork(2), vfork(2)
 *
 * Provides: do_clone and its calls. Decode, then commit: flags are checked and everything that can
 *   fail is allocated first (copies of the address space, descriptors, handlers); the child joins
 *   the lists and gets its number last, under tasklist_lock, where a pending kill still stops it.
 * Locks: tasklist_lock, then the parent's sig_lock. Sleeps: yes (mm_fork, vfork's wait).
 * Differs from Linux: namespaces (CLONE_NEW*), CLONE_PTRACE, CLONE_INTO_CGROUP and
 *   set_tid answer -EINVAL (CAVEATS). Tests: test/machine, test/abi */
#include "abi/linux/caps.h"
#include "abi/linux/sched.h"
#include "abi/linux/wait.h"
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "syscalls_proto.h"
#include "task/pid.h"
#include "task/task_internal.h"
#include "uaccess.h"
#include "vfs.h"

struct clone_req {
	u64 flags;
	u64 stack; /* top; 0: the parent's */
	u64 tls;
	uaddr_t parent_tid, child_tid, pidfd;
	int exit_signal;
};

#define CLONE_REFUSED                                                                  \
	(ABI_CLONE_NEWNS | ABI_CLONE_NEWCGROUP | ABI_CLONE_NEWUTS | ABI_CLONE_NEWIPC | \
	 ABI_CLONE_NEWUSER | ABI_CLONE_NEWPID | ABI_CLONE_NEWNET | ABI_CLONE_PTRACE |  \
	 ABI_CLONE_NEWTIME)

static int clone_check(const struct clone_req *r)
{
	u64 f = r->flags;

	if (f & CLONE_REFUSED) {
		klog_once(LOG_WARN, "clone: namespaces and ptrace flags are not supported");
		return -EINVAL;
	}
	if ((f & ABI_CLONE_SIGHAND) && !(f & ABI_CLONE_VM))
		return -EINVAL;
	if ((f & ABI_CLONE_THREAD) && !(f & ABI_CLONE_SIGHAND))
		return -EINVAL;
	if ((f & ABI_CLONE_CLEAR_SIGHAND) && (f & ABI_CLONE_SIGHAND))
		return -EINVAL;
	if ((f & ABI_CLONE_PIDFD) &&
	    ((f & (ABI_CLONE_THREAD | ABI_CLONE_DETACHED)) ||
	     ((f & ABI_CLONE_PARENT_SETTID) && r->pidfd.va == r->parent_tid.va)))
		return -EINVAL;
	if ((f & ABI_CLONE_PARENT) && current->proc->unkillable)
		return -EINVAL;
	if (r->exit_signal < 0 || r->exit_signal > ABI_NSIG)
		return -EINVAL;
	/* What the machine loads it into may refuse an address that is none, in the kernel. */
	if ((f & ABI_CLONE_SETTLS) && r->tls >= mach_user_top)
		return -EPERM;
	return 0;
}

/* Address space, files and directories of the child; undone by task_drop_resources. */
static int clone_resources(struct task *c, struct task *p, u64 flags)
{
	if (flags & ABI_CLONE_VM) {
		c->mm = p->mm;
		mm_get(c->mm);
	} else {
		c->mm = mm_fork(p->mm);
		if (!c->mm)
			return -ENOMEM;
	}
	if (flags & ABI_CLONE_FILES) {
		c->files = p->files;
		ref_get(&c->files->refs);
	} else {
		c->files = files_copy(p->files);
		if (!c->files)
			return -ENOMEM;
	}
	if (flags & ABI_CLONE_FS) {
		c->fs = p->fs;
		ref_get(&c->fs->refs);
	} else {
		c->fs = fs_ctx_copy(p->fs);
		if (!c->fs)
			return -ENOMEM;
	}
	return 0;
}

/* What a thread group has of its own; null with *err set. */
static struct proc *clone_proc(struct task *parent, const struct clone_req *r, int *err)
{
	struct proc *pp = parent->proc, *p = proc_alloc(pp->container);

	*err = -ENOMEM;
	if (!p)
		return NULL;
	if (r->flags & ABI_CLONE_SIGHAND) {
		p->sighand = pp->sighand;
		ref_get(&p->sighand->refs);
	} else {
		p->sighand = sighand_copy(pp->sighand);
		if (!p->sighand) {
			proc_free_unused(p);
			return NULL;
		}
	}
	if (r->flags & ABI_CLONE_CLEAR_SIGHAND)
		sighand_exec(p);
	p->exit_signal = r->flags & ABI_CLONE_PARENT ? pp->exit_signal : r->exit_signal;
	spin_lock(&pp->sig_lock);
	memcpy(p->rlim, pp->rlim, sizeof(p->rlim));
	spin_unlock(&pp->sig_lock);
	p->personality = pp->personality;
	p->dumpable = pp->dumpable;
	p->no_new_privs = pp->no_new_privs;
	p->keep_caps = pp->keep_caps;
	p->nice = pp->nice;
	p->oom_adj = READ_ONCE(pp->oom_adj);
	p->oom_adj_min = READ_ONCE(pp->oom_adj_min);
	time_proc_init(p);
	return p;
}

static void clone_inherit(struct task *c, struct task *p, const struct clone_req *r)
{
	c->cred = p->cred;
	cred_get(c->cred);
	c->nice = p->nice;
	c->timer_slack = p->timer_slack;
	c->timer_slack_default = p->timer_slack;
	c->policy = p->policy;
	c->rt_prio = p->rt_prio;
	c->cpu = cpu_self()->id;
	memcpy(c->affinity, p->affinity, sizeof(c->affinity));
	c->sigmask = p->sigmask;
	if (!(r->flags & ABI_CLONE_VM) || (r->flags & ABI_CLONE_VFORK))
		c->altstack = p->altstack;
	if (!(r->flags & ABI_CLONE_VM)) {
		c->rseq = p->rseq;
		c->rseq_len = p->rseq_len;
		c->rseq_sig = p->rseq_sig;
	}
	if (r->flags & ABI_CLONE_CHILD_CLEARTID)
		c->clear_tid = r->child_tid;
	mach_user_fork(&c->user, &p->user, r->stack, r->flags & ABI_CLONE_SETTLS, r->tls);
}

/* Joins the lists. -ERESTARTNOINTR: the parent is being killed, or has a signal that a new child
 * would miss. */
static int clone_publish(struct task *c, struct proc *np, struct task *p, const struct clone_req *r)
{
	struct proc *pp = p->proc;
	int err = 0;

	spin_lock(&tasklist_lock);
	spin_lock(&pp->sig_lock);
	if (signal_kill_pending(p) || pp->group_exit) {
		err = -ERESTARTNOINTR;
		goto out_unlock;
	}
	if (np) {
		struct proc *parent = r->flags & ABI_CLONE_PARENT ? pp->parent : pp;

		np->leader = c;
		task_get(c);
		np->parent = parent;
		TAILQ_INSERT_TAIL(&parent->children, np, sibling);
		pgrp_join_locked(np, pp->pgrp);
		c->proc = np;
	} else {
		c->proc = pp;
		if (pp->stopped)
			a_or(&c->sig_flags, TASK_SIG_STOP);
	}
	c->proc->nthreads++;
	TAILQ_INSERT_TAIL(&c->proc->threads, c, thread_link);
	__atomic_store_n(&c->pid->task, c, __ATOMIC_RELEASE);
out_unlock:
	spin_unlock(&pp->sig_lock);
	spin_unlock(&tasklist_lock);
	return err;
}

static void clone_watch_cpu(struct proc *p)
{
	spin_lock(&p->sig_lock);
	time_cpu_limit_locked(p);
	spin_unlock(&p->sig_lock);
}

static void clone_child_main(void *arg)
{
	struct task *t = current;

	sched_switch_done();
	if (unlikely(t->proc->rlim[ABI_RLIMIT_CPU].rlim_cur != ABI_RLIM_INFINITY))
		clone_watch_cpu(t->proc);
	if (!uaddr_is_null(t->set_child_tid))
		(void)put_user32(t->set_child_tid,
				 t->tid); /* a bad address is the child's affair */
	task_user_loop(NULL);
}

static int clone_limits(const struct task *p)
{
	struct container *ct = p->container;
	u64 limit = a_load(&task_limit);

	if ((limit && a_load(&task_total) >= limit) ||
	    (ct->pids_limit && a_load(&ct->nr_tasks) >= ct->pids_limit))
		return -EAGAIN;
	if (p->proc->rlim[ABI_RLIMIT_NPROC].rlim_cur <= a_load(&ct->nr_tasks) &&
	    p->cred->uid != 0 && !capable(ABI_CAP_SYS_RESOURCE) && !capable(ABI_CAP_SYS_ADMIN))
		return -EAGAIN;
	return 0;
}

/* The child's number, and what stands for it: undone by clone_nameless. */
struct clone_names {
	struct file *pidfd_file;
	int pidfd;
};

static void clone_nameless(struct task *c, struct proc *np, struct clone_names *n)
{
	if (n->pidfd_file) {
		fd_unreserve(n->pidfd);
		file_put(n->pidfd_file);
	}
	if (np)
		pid_put(c->pid);
	pid_put(c->pid);
}

static int clone_pidfd(struct proc *np, const struct clone_req *r, struct clone_names *n)
{
	int fd = fd_reserve(0, true);

	if (fd < 0)
		return fd;
	n->pidfd_file = pidfd_file(np, 0);
	n->pidfd = fd;
	if (!n->pidfd_file) {
		fd_unreserve(fd);
		return -ENOMEM;
	}
	return put_user32(r->pidfd, (u32)fd);
}

static int clone_name(struct task *c, struct proc *np, const struct clone_req *r,
		      struct clone_names *n)
{
	int err;

	c->pid = pid_alloc(c->container);
	if (!c->pid)
		return -EAGAIN;
	c->tid = c->pid->nr;
	if (!np)
		return 0;
	np->pid = c->tid;
	np->pid_obj = c->pid;
	pid_get(c->pid);
	err = r->flags & ABI_CLONE_PIDFD ? clone_pidfd(np, r, n) : 0;
	if (err)
		clone_nameless(c, np, n);
	return err;
}

static int clone_build(const struct clone_req *r, struct task **out)
{
	struct task *p = current, *c;
	struct clone_names names = {0};
	struct proc *np = NULL;
	int err;

	c = task_alloc(p->comm);
	if (!c)
		return -ENOMEM;
	err = clone_resources(c, p, r->flags);
	if (err)
		goto out_drop;
	if (!(r->flags & ABI_CLONE_THREAD)) {
		np = clone_proc(p, r, &err);
		if (!np)
			goto out_drop;
	}
	c->container = p->container;
	err = clone_name(c, np, r, &names);
	if (err)
		goto out_free_proc;
	clone_inherit(c, p, r);
	if (r->flags & ABI_CLONE_CHILD_SETTID)
		c->set_child_tid = r->child_tid;
	/* A bad address is the caller's loss, not an error: clone(2) of Linux goes on. */
	if ((r->flags & ABI_CLONE_PARENT_SETTID) && put_user32(r->parent_tid, c->tid))
		klog_once(LOG_INFO, "clone: parent_tid cannot be written");
	mach_ctx_init(c, clone_child_main, NULL);
	err = clone_publish(c, np, p, r);
	if (err)
		goto out_put_cred;
	if (names.pidfd_file)
		fd_install(names.pidfd, names.pidfd_file);
	*out = c;
	return 0;

out_put_cred:
	cred_put(c->cred);
	clone_nameless(c, np, &names);
out_free_proc:
	if (np) {
		sighand_put(np->sighand);
		proc_free_unused(np);
	}
out_drop:
	task_drop_resources(c);
	task_free_unused(c);
	return err;
}

static long do_clone(const struct clone_req *r)
{
	struct completion vfork_done;
	struct task *c;
	u32 tid;
	int err = clone_check(r);

	if (err)
		return err;
	err = clone_limits(current);
	if (err)
		return err;
	task_count(current->container, 1);
	err = clone_build(r, &c);
	if (err) {
		task_count(current->container, -1);
		return err;
	}
	/* no failure past here */
	tid = c->tid;
	if (r->flags & ABI_CLONE_VFORK) {
		completion_init(&vfork_done);
		c->vfork_done = &vfork_done;
		task_get(c);
	}
	sched_start(c);
	if (r->flags & ABI_CLONE_VFORK) {
		/* Killed while it waits: the child must not signal a stack that is gone. */
		if (completion_wait_killable(&vfork_done)) {
			spin_lock(&tasklist_lock);
			c->vfork_done = NULL;
			spin_unlock(&tasklist_lock);
		}
		task_put(c);
	}
	return tid;
}

long sys_fork(void)
{
	return do_clone(&(struct clone_req){.exit_signal = ABI_SIGCHLD});
}

long sys_vfork(void)
{
	return do_clone(&(struct clone_req){.flags = ABI_CLONE_VFORK | ABI_CLONE_VM,
					    .exit_signal = ABI_SIGCHLD});
}

#define CLONE_SIGNAL_MASK 0xffull

long sys_clone(unsigned long flags, unsigned long stack, uaddr_t ptid, uaddr_t ctid,
	       unsigned long tls)
{
	return do_clone(&(struct clone_req){
		.flags = flags & 0xffffffffull & ~CLONE_SIGNAL_MASK,
		.exit_signal = flags & ABI_CLONE_THREAD ? 0 : (int)(flags & CLONE_SIGNAL_MASK),
		.stack = stack,
		.parent_tid = ptid,
		.pidfd = ptid,
		.child_tid = ctid,
		.tls = tls,
	});
}

/* Copies a structure whose size the caller states: what it knows and we do not must be zero. */
static int copy_in_versioned(void *dst, size_t have, uaddr_t src, size_t size, size_t least)
{
	u8 rest[64];

	if (size < least)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	memset(dst, 0, have);
	if (copy_in(dst, src, MIN(size, have)))
		return -EFAULT;
	for (size_t at = have; at < size;) {
		size_t n = MIN(size - at, sizeof(rest));

		if (copy_in(rest, uaddr_add(src, at), n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (rest[i])
				return -E2BIG;
		at += n;
	}
	return 0;
}

/* The old flags without the signal, and those that only clone3 has. */
#define CLONE3_FLAGS \
	((0xffffffffull & ~CLONE_SIGNAL_MASK) | ABI_CLONE_CLEAR_SIGHAND | ABI_CLONE_INTO_CGROUP)

long sys_clone3(uaddr_t uargs, size_t size)
{
	struct abi_clone_args a;
	int err = copy_in_versioned(&a, sizeof(a), uargs, size, ABI_CLONE_ARGS_SIZE_VER0);

	if (err)
		return err;
	if ((a.flags & ~CLONE3_FLAGS) || (a.flags & ABI_CLONE_DETACHED) ||
	    (a.exit_signal & ~CLONE_SIGNAL_MASK) || a.set_tid || a.set_tid_size ||
	    (a.flags & ABI_CLONE_INTO_CGROUP))
		return -EINVAL;
	if ((a.flags & (ABI_CLONE_THREAD | ABI_CLONE_PARENT)) && a.exit_signal)
		return -EINVAL;
	if (!a.stack != !a.stack_size || a.stack + a.stack_size < a.stack ||
	    a.stack + a.stack_size > mach_user_top)
		return -EINVAL;
	return do_clone(&(struct clone_req){
		.flags = a.flags,
		.exit_signal = (int)a.exit_signal,
		.stack = a.stack ? a.stack + a.stack_size : 0,
		.parent_tid = UADDR(a.parent_tid),
		.pidfd = UADDR(a.pidfd),
		.child_tid = UADDR(a.child_tid),
		.tls = a.tls,
	});
}
