/* signalfd.c - signalfd(2): pending signals as a file
 *
 * A descriptor belongs to nobody: whoever reads takes signals that are pending for itself. All
 * readers and pollers wait on one queue; senders look at a counter first, so that without signalfd
 * a signal costs nothing more. */
#include "abi/linux/fcntl.h"
#include "event/internal.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "signal/internal.h"
#include "slab.h"
#include "syscalls_proto.h"

struct signalfd {
	u64 mask; /* [a] what it takes */
};

static struct waitq signalfd_wait;
static a32_t signalfds;

void signalfd_init(void)
{
	waitq_init(&signalfd_wait);
}

void signalfd_notify(struct proc *p)
{
	if (a_load(&signalfds))
		waitq_wake_all(&signalfd_wait);
}

static void convert(struct abi_signalfd_siginfo *o, const struct abi_siginfo *i)
{
	*o = (struct abi_signalfd_siginfo){
		.ssi_signo = (u32)i->si_signo, .ssi_errno = i->si_errno, .ssi_code = i->si_code};
	if (i->si_code == ABI_SI_TIMER) {
		o->ssi_tid = (u32)i->u.timer.tid;
		o->ssi_overrun = (u32)i->u.timer.overrun;
		o->ssi_ptr = i->u.timer.value;
		o->ssi_int = (s32)i->u.timer.value;
	} else if (i->si_signo == ABI_SIGCHLD && i->si_code > 0) {
		o->ssi_pid = (u32)i->u.chld.pid;
		o->ssi_uid = i->u.chld.uid;
		o->ssi_status = i->u.chld.status;
		o->ssi_utime = (u64)i->u.chld.utime;
		o->ssi_stime = (u64)i->u.chld.stime;
	} else if (i->si_code > 0 && i->si_code != ABI_SI_KERNEL) {
		o->ssi_addr = i->u.fault.addr;
	} else {
		o->ssi_pid = (u32)i->u.rt.pid;
		o->ssi_uid = i->u.rt.uid;
		o->ssi_ptr = i->u.rt.value;
		o->ssi_int = (s32)i->u.rt.value;
	}
}

static int take(struct signalfd *s, struct abi_siginfo *info)
{
	struct proc *p = current->proc;
	int sig;

	spin_lock(&p->sig_lock);
	sig = signal_dequeue_locked(current, ~READ_ONCE(s->mask), info);
	signal_recalc_locked(current);
	spin_unlock(&p->sig_lock);
	return sig;
}

static ssize_t signalfd_read(struct file *f, struct iter *to, loff_t *pos)
{
	struct signalfd *s = f->priv;
	struct abi_signalfd_siginfo out;
	struct abi_siginfo info;
	ssize_t done = 0;
	int err;

	if (to->left < sizeof(out))
		return -EINVAL;
	while (to->left >= sizeof(out)) {
		if (!take(s, &info)) {
			if (done)
				break;
			if (f->flags & ABI_O_NONBLOCK)
				return -EAGAIN;
			err = wait_event_interruptible(&signalfd_wait, take(s, &info));
			if (err)
				return err;
		}
		convert(&out, &info);
		if (iter_put(to, &out, sizeof(out)) != sizeof(out))
			return done ? done : -EFAULT;
		done += sizeof(out);
	}
	return done;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->priv;
	struct task *t = current;
	u64 set;

	poll_wait(pt, f, &signalfd_wait);
	spin_lock(&t->proc->sig_lock);
	set = (t->pending.set | t->proc->pending.set) & READ_ONCE(s->mask);
	spin_unlock(&t->proc->sig_lock);
	return set ? ABI_POLLIN | ABI_POLLRDNORM : 0;
}

static void signalfd_release(struct file *f)
{
	a_sub(&signalfds, 1);
	kfree(f->priv);
}

static void signalfd_describe(struct file *f, char *buf, size_t size)
{
	ksnprintf(buf, size, "anon_inode:[signalfd]");
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.describe = signalfd_describe,
};

static long change_mask(int fd, u64 mask)
{
	struct fdref r = fd_get(fd);
	long err = fd;

	if (!r.file)
		return -EBADF;
	if (r.file->ops == &signalfd_ops)
		WRITE_ONCE(((struct signalfd *)r.file->priv)->mask, mask);
	else
		err = -EINVAL;
	fd_put(r);
	waitq_wake_all(&signalfd_wait);
	return err;
}

long sys_signalfd4(int fd, uaddr_t uset, size_t setsize, int flags)
{
	struct signalfd *s;
	u64 mask;
	int new;

	if ((flags & ~(ABI_SFD_CLOEXEC | ABI_SFD_NONBLOCK)) || setsize != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (copy_in_obj(&mask, uset))
		return -EFAULT;
	mask &= ~SIGSET_UNBLOCKABLE;
	if (fd != -1)
		return change_mask(fd, mask);
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->mask = mask;
	a_add(&signalfds, 1);
	new = anon_fd(&signalfd_ops, s, (u32)flags);
	if (new == -ENOMEM) /* no file: no release either */
		a_sub(&signalfds, 1);
	return new;
}

long sys_signalfd(int fd, uaddr_t set, size_t setsize)
{
	return sys_signalfd4(fd, set, setsize, 0);
}
