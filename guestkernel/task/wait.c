/* wait.c - wait4(2), waitid(2)
 *
 * A child is reported when it is a zombie, has stopped, or was continued; what is reported is
 * consumed unless WNOWAIT asks otherwise. The scan runs under tasklist_lock; the results are copied
 * out afterwards. Sleeps on proc->child_wait. Tests: test/abi */
#include "abi/linux/fcntl.h"
#include "abi/linux/wait.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "string.h"
#include "syscalls_proto.h"
#include "task/pid.h"
#include "task/task_internal.h"
#include "uaccess.h"

struct wait_req {
	int type, options;
	u32 id;
	struct proc *proc; /* P_PIDFD: a reference */
	bool nonblock;	   /* and its file does not wait */
	/* out */
	u32 pid, uid;
	int code, status; /* CLD_*, and exit code or signal */
	int word;	  /* as wait4 tells it */
	struct abi_rusage ru;
};

static bool eligible(const struct wait_req *r, const struct proc *p)
{
	bool clone_child = p->exit_signal != ABI_SIGCHLD;

	if (r->type == ABI_P_PID && p->pid != r->id)
		return false;
	if (r->type == ABI_P_PGID && p->pgrp->id != r->id)
		return false;
	if (r->type == ABI_P_PIDFD && p != r->proc)
		return false;
	if (r->options & ABI_WALL)
		return true;
	return clone_child == !!(r->options & (int)ABI_WCLONE);
}

static struct abi_timeval ns_to_timeval(u64 ns)
{
	return (struct abi_timeval){(s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / 1000)};
}

static void report(struct wait_req *r, struct proc *p, int code, int status, int word)
{
	r->pid = p->pid;
	r->uid = p->leader->cred->uid;
	r->code = code;
	r->status = status;
	r->word = word;
	r->ru = p->dead_ru;
	rusage_add(&r->ru, &p->child_ru);
	r->ru.ru_utime = ns_to_timeval(p->dead_utime + p->child_utime);
	r->ru.ru_stime = ns_to_timeval(p->dead_stime + p->child_stime);
}

static bool report_zombie(struct wait_req *r, struct proc *p)
{
	int st = p->leader->exit_code, sig = st & 0x7f;

	if (!(r->options & ABI_WEXITED))
		return false;
	if (sig == 0)
		report(r, p, ABI_CLD_EXITED, (st >> 8) & 0xff, st);
	else
		report(r, p, st & 0x80 ? ABI_CLD_DUMPED : ABI_CLD_KILLED, sig, st);
	if (!(r->options & ABI_WNOWAIT))
		proc_reap_locked(p);
	return true;
}

static bool report_job(struct wait_req *r, struct proc *p)
{
	bool keep = r->options & ABI_WNOWAIT, found = true;

	spin_lock(&p->sig_lock);
	if ((r->options & ABI_WSTOPPED) && p->stopped && p->stop_reported) {
		report(r, p, ABI_CLD_STOPPED, p->stop_sig, ABI_W_STOPPED(p->stop_sig));
		if (!keep)
			p->stop_reported = false;
	} else if ((r->options & ABI_WCONTINUED) && p->continued) {
		report(r, p, ABI_CLD_CONTINUED, ABI_SIGCONT, ABI_W_CONTINUED);
		if (!keep)
			p->continued = false;
	} else {
		found = false;
	}
	spin_unlock(&p->sig_lock);
	return found;
}

/* 1: *r is filled; 0: children match but have nothing to tell; -ECHILD. */
static int scan(struct wait_req *r)
{
	struct proc *self = current->proc, *p, *next;
	int result = -ECHILD;

	spin_lock(&tasklist_lock);
	TAILQ_FOREACH_SAFE (p, &self->children, sibling, next) {
		if (!eligible(r, p))
			continue;
		result = 0;
		if (p->zombie ? report_zombie(r, p) : report_job(r, p)) {
			result = 1;
			break;
		}
	}
	spin_unlock(&tasklist_lock);
	return result;
}

/* As scan, but sleeps until it has something; 0 only with WNOHANG. */
static int do_wait(struct wait_req *r)
{
	struct proc *self = current->proc;
	struct waiter w;
	int found = scan(r);

	if (found || (r->options & ABI_WNOHANG))
		return found;
	waiter_init(&w, current);
	for (;;) {
		int err;

		waitq_prepare(&self->child_wait, &w, TASK_INTERRUPTIBLE);
		found = scan(r);
		if (found)
			break;
		err = sched_block_until(DEADLINE_NONE);
		if (err) {
			found = err;
			break;
		}
	}
	waitq_finish(&self->child_wait, &w);
	return found;
}

/* Another thread may change the group, whose memory then goes. */
static u32 own_pgrp_id(void)
{
	u32 id;

	spin_lock(&tasklist_lock);
	id = current->proc->pgrp->id;
	spin_unlock(&tasklist_lock);
	return id;
}

long sys_wait4(int pid, uaddr_t ustatus, int options, uaddr_t uru)
{
	struct wait_req r = {.options = options | ABI_WEXITED};
	int found;

	if (options & ~(ABI_WNOHANG | ABI_WUNTRACED | ABI_WCONTINUED | ABI_WNOTHREAD | ABI_WALL |
			(int)ABI_WCLONE))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid == -1) {
		r.type = ABI_P_ALL;
	} else if (pid > 0) {
		r.type = ABI_P_PID;
		r.id = (u32)pid;
	} else {
		r.type = ABI_P_PGID;
		r.id = pid ? (u32)-pid : own_pgrp_id();
	}
	found = do_wait(&r);
	if (found <= 0)
		return found;
	if (!uaddr_is_null(ustatus) && put_user32(ustatus, (u32)r.word))
		return -EFAULT;
	if (!uaddr_is_null(uru) && copy_out_obj(uru, &r.ru))
		return -EFAULT;
	return r.pid;
}

static int waitid_pidfd(struct wait_req *r, int fd)
{
	u32 flags;

	r->proc = pidfd_proc(fd, &flags);
	if (!r->proc)
		return -EBADF;
	r->nonblock = (flags & ABI_O_NONBLOCK) && !(r->options & ABI_WNOHANG);
	if (r->nonblock)
		r->options |= ABI_WNOHANG;
	return 0;
}

static int waitid_target(struct wait_req *r, int type, int id)
{
	r->type = type;
	switch (type) {
	case ABI_P_ALL:
		return 0;
	case ABI_P_PID:
		r->id = (u32)id;
		return id > 0 ? 0 : -EINVAL;
	case ABI_P_PGID:
		r->id = id ? (u32)id : own_pgrp_id();
		return id >= 0 ? 0 : -EINVAL;
	case ABI_P_PIDFD:
		return id < 0 ? -EINVAL : waitid_pidfd(r, id);
	default:
		return -EINVAL;
	}
}

long sys_waitid(int type, int id, uaddr_t uinfo, int options, uaddr_t uru)
{
	struct wait_req r = {.options = options};
	struct abi_siginfo si = {0};
	int found, err;

	if (options & ~(ABI_WNOHANG | ABI_WNOWAIT | ABI_WEXITED | ABI_WSTOPPED | ABI_WCONTINUED |
			ABI_WNOTHREAD | ABI_WALL | (int)ABI_WCLONE))
		return -EINVAL;
	if (!(options & (ABI_WEXITED | ABI_WSTOPPED | ABI_WCONTINUED)))
		return -EINVAL;
	err = waitid_target(&r, type, id);
	if (err)
		return err;
	found = do_wait(&r);
	if (r.proc)
		proc_put(r.proc);
	if (found < 0)
		return found;
	if (!found && r.nonblock)
		return -EAGAIN;
	if (found) {
		si.si_signo = ABI_SIGCHLD;
		si.si_code = r.code;
		si.u.chld.pid = (int)r.pid;
		si.u.chld.uid = r.uid;
		si.u.chld.status = r.status;
		if (!uaddr_is_null(uru) && copy_out_obj(uru, &r.ru))
			return -EFAULT;
	}
	/* Only the fields that the call defines are written, as Linux does. */
	if (!uaddr_is_null(uinfo) &&
	    (copy_out(uinfo, &si, 12) ||
	     copy_out(uaddr_add(uinfo, offsetof(struct abi_siginfo, u)), &si.u.chld, 12)))
		return -EFAULT;
	return 0;
}
