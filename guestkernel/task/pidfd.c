/* pidfd.c - a process as a file: pidfd_open(2), pidfd_getfd(2), and what clone and waitid share
 *
 * Provides: pidfd_file, pidfd_proc; pidfd_send_signal is in signal/kill.c.
 * Owns: each file holds a reference to its process, not to its number, which may be given away
 *   again as soon as the process was waited for.
 * States: the process runs; is a zombie, and the file is readable; is gone (no leader), and the
 *   file still is.
 * Locks: tasklist_lock. Pollers sleep on proc->pidfd_wait, woken at the process's end.
 * Differs from Linux: a directory of /proc is no pidfd; no PIDFD_THREAD (6.9).
 * Tests: test/abi/pidfd.c */
#include "abi/linux/caps.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/poll.h"
#include "log.h"
#include "sched.h"
#include "syscalls_proto.h"
#include "task/task_internal.h"
#include "vfs.h"

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct proc *p = f->priv;

	poll_wait(pt, f, &p->pidfd_wait);
	return READ_ONCE(p->zombie) ? ABI_POLLIN | ABI_POLLRDNORM : 0;
}

static void pidfd_release(struct file *f)
{
	proc_put(f->priv);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll,
	.release = pidfd_release,
	.name = "pidfd",
};

struct file *pidfd_file(struct proc *p, u32 flags)
{
	struct file *f = file_new(&pidfd_ops, ABI_O_RDWR | (flags & ABI_O_NONBLOCK), p);

	if (f)
		proc_get(p);
	return f;
}

struct proc *pidfd_proc(int fd, u32 *flags)
{
	struct fdref r = fd_get(fd);
	struct proc *p = NULL;

	if (!r.file)
		return NULL;
	if (r.file->ops == &pidfd_ops) {
		p = r.file->priv;
		proc_get(p);
		if (flags)
			*flags = r.file->flags;
	}
	fd_put(r);
	return p;
}

long sys_pidfd_open(int pid, unsigned int flags)
{
	struct proc *p = NULL;
	struct task *t;
	struct file *f;
	int err = 0, fd;

	if (flags & ~(unsigned int)ABI_O_NONBLOCK || pid <= 0)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	t = task_find(current->container, (u32)pid);
	if (!t)
		err = -ESRCH;
	else if (t->proc->pid != (u32)pid)
		err = -EINVAL; /* a thread */
	else
		proc_get(p = t->proc);
	spin_unlock(&tasklist_lock);
	if (err)
		return err;
	f = pidfd_file(p, flags);
	proc_put(p);
	if (!f)
		return -ENOMEM;
	fd = fd_new(f, ABI_O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

/* The descriptors of a process that the caller might trace (ptrace(2), by its real IDs). */
static int files_of(struct proc *p, struct files **out)
{
	const struct cred *mine = current->cred, *its;
	struct task *t;
	int err = -ESRCH;

	spin_lock(&tasklist_lock);
	t = p->leader ? TAILQ_FIRST(&p->threads) : NULL;
	if (!t || !t->files)
		goto out_unlock;
	its = t->cred;
	err = -EPERM;
	if (p != current->proc && !capable(ABI_CAP_SYS_PTRACE) &&
	    (mine->uid != its->uid || mine->uid != its->euid || mine->uid != its->suid ||
	     mine->gid != its->gid || mine->gid != its->egid || mine->gid != its->sgid ||
	     !p->dumpable))
		goto out_unlock;
	*out = t->files;
	ref_get(&t->files->refs);
	err = 0;
out_unlock:
	spin_unlock(&tasklist_lock);
	return err;
}

long sys_pidfd_getfd(int pidfd, int fd, unsigned int flags)
{
	struct files *files;
	struct proc *p;
	struct file *f;
	int err, new;

	if (flags)
		return -EINVAL;
	p = pidfd_proc(pidfd, NULL);
	if (!p)
		return -EBADF;
	err = files_of(p, &files);
	proc_put(p);
	if (err)
		return err;
	f = files_get_file(files, fd);
	files_put(files);
	if (!f)
		return -EBADF;
	new = fd_new(f, ABI_O_CLOEXEC);
	if (new < 0)
		file_put(f);
	return new;
}
