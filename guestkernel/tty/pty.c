/* pty.c - pseudo-terminal pairs (pty(7))
 *
 * Provides: tty/pty.h. Owns: struct pty: a tty (the program's side) with a buffer of its output,
 *   which the master reads; what the master writes is the tty's input. Referenced by both sides'
 *   files and by nodes in devpts; listed in ptys[] until the master closes.
 * States: locked; usable; master gone (the tty is hung up); program's side closed (the master reads
 *   what is left, then EIO).
 * Locks: pty_lock (spinlock) for the table and counts; out_lock under the tty's lock.
 * Sleeps: reads and writes. Tests: test/abi */
#include "tty/pty.h"
#include "abi/linux/poll.h"
#include "fs/dev/dev.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "tty/jobs.h"

static struct spinlock pty_lock = SPINLOCK_INIT(RANK_LOG);
static struct pty *ptys[PTY_MAX]; /* [p] */

static struct pty *pty_of(struct tty *t)
{
	return container_of(t, struct pty, tty);
}

static size_t pty_output(struct tty *t, const u8 *buf, size_t n)
{
	struct pty *p = pty_of(t);
	size_t done;

	spin_lock(&p->out_lock);
	done = MIN(n, (size_t)(PTY_OUT - (p->head - p->tail)));
	for (size_t i = 0; i < done; i++)
		p->out[p->head++ % PTY_OUT] = buf[i];
	spin_unlock(&p->out_lock);
	if (done)
		waitq_wake(&p->master_wait, ~0u, ABI_POLLIN);
	return done;
}

static void pty_free(struct tty *t)
{
	kfree(pty_of(t));
}

static const struct tty_driver pty_driver = {.write = pty_output, .free = pty_free};

static int table_insert(struct pty *p)
{
	int err = -ENOSPC;

	spin_lock(&pty_lock);
	for (u32 i = 0; i < PTY_MAX; i++)
		if (!ptys[i]) {
			p->index = i;
			ptys[i] = p;
			err = 0;
			break;
		}
	spin_unlock(&pty_lock);
	return err;
}

int pty_new(struct superblock *sb, struct pty **out)
{
	struct pty *p = kzalloc(sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	tty_setup(&p->tty, &pty_driver, p);
	spin_init(&p->out_lock, RANK_LOG);
	waitq_init(&p->master_wait);
	p->sb = sb;
	p->locked = true;
	p->uid = current->cred->fsuid;
	p->gid = current->cred->fsgid;
	err = table_insert(p);
	if (err) {
		kfree(p);
		return err;
	}
	p->tty.rdev = ABI_MKDEV(DEV_PTS_MAJOR, p->index);
	ksnprintf(p->tty.name, sizeof(p->tty.name), "pts/%u", p->index);
	*out = p;
	return 0;
}

struct pty *pty_find(struct superblock *sb, u32 index)
{
	struct pty *p = NULL;

	spin_lock(&pty_lock);
	if (index < PTY_MAX && ptys[index] && ptys[index]->sb == sb) {
		p = ptys[index];
		tty_get(&p->tty);
	}
	spin_unlock(&pty_lock);
	return p;
}

u32 pty_next(struct superblock *sb, u32 from)
{
	u32 found = ~0u;

	spin_lock(&pty_lock);
	for (u32 i = from; i < PTY_MAX && found == ~0u; i++)
		if (ptys[i] && ptys[i]->sb == sb)
			found = i;
	spin_unlock(&pty_lock);
	return found;
}

/* ---- the master's side ---- */

static bool out_empty(const struct pty *p)
{
	return READ_ONCE(p->head) == READ_ONCE(p->tail);
}

/* Nobody has the program's side open any more. */
static bool slave_closed(const struct pty *p)
{
	return READ_ONCE(p->was_open) && !READ_ONCE(p->slaves);
}

static size_t out_take(struct pty *p, u8 *buf, size_t n)
{
	size_t done;

	spin_lock(&p->out_lock);
	done = MIN(n, (size_t)(p->head - p->tail));
	for (size_t i = 0; i < done; i++)
		buf[i] = p->out[p->tail++ % PTY_OUT];
	spin_unlock(&p->out_lock);
	return done;
}

static ssize_t master_read(struct file *f, struct iter *to, loff_t *pos)
{
	struct pty *p = f->priv;
	u8 chunk[256];
	ssize_t done = 0;
	int err;

	if (out_empty(p) && !slave_closed(p)) {
		if (f->flags & ABI_O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&p->master_wait, !out_empty(p) || slave_closed(p));
		if (err)
			return err;
	}
	while (to->left) {
		size_t n = out_take(p, chunk, MIN(to->left, sizeof(chunk)));

		if (!n)
			break;
		if (iter_put(to, chunk, n) != n)
			return done ? done : -EFAULT;
		done += (ssize_t)n;
	}
	waitq_wake(&p->tty.out_wait, ~0u, ABI_POLLOUT);
	return done ? done : -EIO;
}

static ssize_t master_write(struct file *f, struct iter *from, loff_t *pos)
{
	struct pty *p = f->priv;
	u8 chunk[256];
	ssize_t done = 0;

	while (from->left) {
		size_t n = iter_get(from, chunk, MIN(from->left, sizeof(chunk)));

		if (!n)
			return done ? done : -EFAULT;
		tty_receive(&p->tty, chunk, n);
		done += (ssize_t)n;
	}
	return done;
}

static u32 master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = f->priv;
	u32 events = ABI_POLLOUT | ABI_POLLWRNORM;

	poll_wait(pt, f, &p->master_wait);
	if (!out_empty(p))
		events |= ABI_POLLIN | ABI_POLLRDNORM;
	if (slave_closed(p))
		events |= ABI_POLLHUP;
	return events;
}

static long master_lock(struct pty *p, uaddr_t arg)
{
	u32 v;

	if (copy_in_obj(&v, arg))
		return -EFAULT;
	p->locked = v != 0;
	return 0;
}

static long master_ioctl(struct file *f, u32 cmd, uaddr_t arg)
{
	struct pty *p = f->priv;

	switch (cmd) {
	case ABI_TIOCGPTN:
		return put_user32(arg, p->index);
	case ABI_TIOCSPTLCK:
		return master_lock(p, arg);
	case ABI_TIOCGPTLCK:
		return put_user32(arg, p->locked);
	case ABI_FIONREAD:
		return put_user32(arg, p->head - p->tail);
	default:
		return tty_common_ioctl(&p->tty, cmd, arg, true);
	}
}

static void master_release(struct file *f)
{
	struct pty *p = f->priv;

	spin_lock(&pty_lock);
	p->master_gone = true;
	ptys[p->index] = NULL;
	spin_unlock(&pty_lock);
	tty_hangup(&p->tty);
	tty_put(&p->tty);
}

const struct file_ops pty_master_ops = {
	.release = master_release,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
};

/* ---- the program's side ---- */

int pty_slave_open(struct pty *p, struct file *f)
{
	int err = 0;

	spin_lock(&pty_lock);
	if (p->master_gone || p->locked)
		err = -EIO;
	else {
		p->slaves++;
		p->was_open = true;
	}
	spin_unlock(&pty_lock);
	if (err)
		return err;
	tty_get(&p->tty);
	f->priv = &p->tty;
	if (!(f->flags & ABI_O_NOCTTY))
		(void)tty_make_controlling(&p->tty, false);
	return 0;
}

static void slave_release(struct file *f)
{
	struct pty *p = pty_of(f->priv);

	spin_lock(&pty_lock);
	p->slaves--;
	spin_unlock(&pty_lock);
	waitq_wake_all(&p->master_wait);
	tty_release(f);
}

static int slave_open(struct inode *inode, struct file *f)
{
	return pty_slave_open(inode->priv, f);
}

const struct file_ops pty_slave_ops = {
	.open = slave_open,
	.release = slave_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};
