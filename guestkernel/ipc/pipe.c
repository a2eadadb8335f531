/* pipe.c - pipes and FIFOs (pipe(7), fifo(7))
 * Provides: pipe(2), the files of FIFO nodes, sizes for fcntl.
 * Owns: struct pipe, one per inode while any end is open; a ring of pages that are taken when first
 *   written to. An emptied pipe starts again at its first page, so that small traffic touches one.
 * States: readers, writers: open ends. No readers: writing is EPIPE; no writers: end of file.
 * Locks: p->lock around all of it; copies happen under it (it comes before mm->lock). A FIFO's
 *   inode->lock guards that its pipe appears and goes.
 * Sleeps: read, write, open of a FIFO. Wake-ups follow the unlock and hand the CPU over.
 * Invariants: tail - head <= size; pages outside [head, tail) hold nothing.
 * Differs from Linux: size counts bytes, not page slots; no packet mode (O_DIRECT: EINVAL).
 * Tests: test/abi/pipe.c */
#include "ipc/pipe.h"
#include "ipc/pipe_internal.h"
#include "abi/linux/poll.h"
#include "abi/linux/termios.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "syscalls_proto.h"

static struct pipe *pipe_new(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	mutex_init(&p->lock, RANK_PIPE);
	waitq_init(&p->rd);
	waitq_init(&p->wr);
	p->size = PIPE_DEFAULT;
	p->page = p->first;
	return p;
}

static void pipe_free(struct pipe *p)
{
	u32 i;

	for (i = 0; i < p->size / PAGE_SIZE; i++)
		kfree(p->page[i]);
	if (p->page != p->first)
		kfree(p->page);
	kfree(p);
}

/* Puts up to n bytes (there is room): how many, or -EFAULT, -ENOMEM if none. */
static ssize_t pipe_put(struct pipe *p, struct iter *from, u32 n)
{
	u32 done = 0, run, want;
	void **page;
	size_t got;
	char *at;

	while (done < n) {
		page = &p->page[(p->tail & (p->size - 1)) >> PAGE_SHIFT];
		if (unlikely(!*page)) {
			*page = kmalloc(PAGE_SIZE);
			if (!*page)
				return done ? (ssize_t)done : -ENOMEM;
		}
		at = pipe_at(p, p->tail, &run);
		want = MIN(run, n - done);
		got = iter_get(from, at, want);
		p->tail += (u32)got;
		done += (u32)got;
		if (got < want)
			return done ? (ssize_t)done : -EFAULT;
	}
	return (ssize_t)done;
}

static ssize_t pipe_take(struct pipe *p, struct iter *to, u32 n)
{
	u32 done = 0, run, want;
	size_t got;
	char *at;

	while (done < n) {
		at = pipe_at(p, p->head, &run);
		want = MIN(run, n - done);
		got = iter_put(to, at, want);
		p->head += (u32)got;
		done += (u32)got;
		if (got < want)
			break;
	}
	if (p->head == p->tail)
		p->head = p->tail = 0;
	return done ? (ssize_t)done : -EFAULT;
}

/* Sleeps with the lock dropped. A wake-up that comes with a signal is passed on. */
int pipe_wait(struct pipe *p, struct waitq *q, u32 events)
{
	struct waiter w;
	int err;

	waiter_init(&w, current);
	w.exclusive = true;
	w.events = events;
	waitq_prepare(q, &w, TASK_INTERRUPTIBLE);
	mutex_unlock(&p->lock);
	err = sched_block_until(DEADLINE_NONE);
	waitq_finish(q, &w);
	if (err && w.woken)
		waitq_wake(q, 1, events);
	mutex_lock(&p->lock);
	return err;
}

/* After a full barrier behind the change: pairs with waitq_prepare. */
static inline bool has_waiters(const struct waitq *q)
{
	return READ_ONCE(q->waiters.tqh_first);
}

static inline void pipe_wake(struct waitq *q, u32 events)
{
	if (unlikely(has_waiters(q)))
		waitq_wake_sync(q, events);
}

static ssize_t pipe_read(struct file *f, struct iter *to, loff_t *pos)
{
	struct pipe *p = f->priv;
	ssize_t n = 0;
	u32 used, room;

	if (!to->left)
		return 0;
	mutex_lock(&p->lock);
	while (!(used = pipe_used(p))) {
		if (!p->writers)
			break;
		n = f->flags & ABI_O_NONBLOCK ? -EAGAIN : pipe_wait(p, &p->rd, READABLE);
		if (n)
			break;
	}
	if (used)
		n = pipe_take(p, to, (u32)MIN((size_t)used, to->left));
	used = pipe_used(p);
	room = p->size - used;
	mutex_unlock(&p->lock);
	if (n > 0) {
		mem_barrier();
		if (room >= ABI_PIPE_BUF)
			pipe_wake(&p->wr, WRITABLE);
		if (unlikely(used))
			pipe_wake(&p->rd, READABLE);
	}
	return n;
}

/* Lock held; *wake: readers have something. */
static ssize_t pipe_write_locked(struct file *f, struct pipe *p, struct iter *from)
{
	size_t total = from->left, done = 0;
	u32 need, room;
	ssize_t n = 0;

	for (;;) {
		if (!p->readers) {
			n = -EPIPE;
			break;
		}
		room = p->size - pipe_used(p);
		need = !done && total <= ABI_PIPE_BUF ? (u32)total : 1;
		if (room >= need) {
			n = pipe_put(p, from, (u32)MIN((size_t)room, from->left));
			if (n < 0)
				break;
			done += (size_t)n;
			if (done == total)
				break;
			continue;
		}
		if (f->flags & ABI_O_NONBLOCK) {
			n = -EAGAIN;
			break;
		}
		if (done) {
			mem_barrier();
			pipe_wake(&p->rd, READABLE);
		}
		n = pipe_wait(p, &p->wr, WRITABLE);
		if (n)
			break;
	}
	return done ? (ssize_t)done : n;
}

static ssize_t pipe_write(struct file *f, struct iter *from, loff_t *pos)
{
	struct pipe *p = f->priv;
	bool room;
	ssize_t n;

	if (!from->left)
		return 0;
	mutex_lock(&p->lock);
	n = pipe_write_locked(f, p, from);
	room = p->size - pipe_used(p) >= ABI_PIPE_BUF;
	mutex_unlock(&p->lock);
	if (likely(n > 0)) {
		mem_barrier();
		pipe_wake(&p->rd, READABLE);
		if (room)
			pipe_wake(&p->wr, WRITABLE);
	} else if (n == -EPIPE) {
		(void)signal_send_task(current, ABI_SIGPIPE, NULL);
	}
	return n;
}

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->priv;
	u32 events = 0;

	if (FILE_READ(f))
		poll_wait(pt, f, &p->rd);
	if (FILE_WRITE(f))
		poll_wait(pt, f, &p->wr);
	mutex_lock(&p->lock);
	if (FILE_READ(f)) {
		if (pipe_used(p))
			events |= READABLE;
		/* a FIFO that no writer has opened since is not hung up */
		if (!p->writers && (u32)f->pos != p->writer_opens)
			events |= ABI_POLLHUP;
	}
	if (FILE_WRITE(f)) {
		if (p->size - pipe_used(p) >= ABI_PIPE_BUF)
			events |= WRITABLE;
		if (!p->readers)
			events |= ABI_POLLERR;
	}
	mutex_unlock(&p->lock);
	return events;
}

static long pipe_ioctl(struct file *f, u32 cmd, uaddr_t arg)
{
	struct pipe *p = f->priv;
	u32 n;

	if (cmd != ABI_FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->lock);
	n = pipe_used(p);
	mutex_unlock(&p->lock);
	return put_user32(arg, n);
}

/* inode->lock held: the last open end frees the pipe. */
static void pipe_drop(struct inode *i, struct pipe *p)
{
	bool last;

	mutex_lock(&p->lock);
	last = !--p->files;
	mutex_unlock(&p->lock);
	if (last) {
		i->pipe = NULL;
		pipe_free(p);
	}
}

static void pipe_ends_closed(struct file *f, struct pipe *p)
{
	mutex_lock(&p->lock);
	if (FILE_READ(f))
		p->readers--;
	if (FILE_WRITE(f))
		p->writers--;
	mutex_unlock(&p->lock);
	waitq_wake_all(&p->rd);
	waitq_wake_all(&p->wr);
}

static void pipe_release(struct file *f)
{
	struct inode *i = f->inode;
	struct pipe *p = f->priv;

	pipe_ends_closed(f, p);
	rwlock_write(&i->lock);
	pipe_drop(i, p);
	rwlock_write_done(&i->lock);
}

static void pipe_describe(struct file *f, char *buf, size_t size)
{
	ksnprintf(buf, size, "pipe:[%llu]", (unsigned long long)f->inode->ino);
}

const struct file_ops pipe_file_ops = {
	.name = "pipe",
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
	.describe = pipe_describe,
};

/* ---- FIFOs ---- */

/* Counts the ends in; returns the opens of the other side that were there. p->lock held. */
static void fifo_join(struct file *f, struct pipe *p)
{
	p->files++;
	if (FILE_READ(f)) {
		p->readers++;
		p->reader_opens++;
	}
	if (FILE_WRITE(f)) {
		p->writers++;
		p->writer_opens++;
	}
}

/* Until the other side has been opened, perhaps to be closed again. p->lock held. */
static int fifo_wait_other(struct file *f, struct pipe *p)
{
	bool reads = FILE_READ(f);
	u32 *opens = reads ? &p->writer_opens : &p->reader_opens;
	u32 *others = reads ? &p->writers : &p->readers;
	u32 seen = *opens;
	int err = 0;

	while (!err && !*others && *opens == seen)
		err = pipe_wait(p, reads ? &p->rd : &p->wr, 0);
	return err;
}

static int fifo_open_ends(struct file *f, struct pipe *p)
{
	u32 acc = f->flags & ABI_O_ACCMODE;
	bool nonblock = f->flags & ABI_O_NONBLOCK;
	int err = 0;

	mutex_lock(&p->lock);
	fifo_join(f, p);
	f->pos = 0;
	mutex_unlock(&p->lock);
	waitq_wake_all(&p->rd);
	waitq_wake_all(&p->wr);
	mutex_lock(&p->lock);
	if (p->unnamed) {
		/* /proc/self/fd/N of pipe(2): both sides have been there, nobody is waited for */
	} else if (acc == ABI_O_RDONLY && !p->writers) {
		if (nonblock)
			f->pos = p->writer_opens;
		else
			err = fifo_wait_other(f, p);
	} else if (acc == ABI_O_WRONLY && !p->readers) {
		err = nonblock ? -ENXIO : fifo_wait_other(f, p);
	}
	mutex_unlock(&p->lock);
	return err;
}

static int fifo_open(struct inode *i, struct file *f)
{
	struct pipe *p;
	int err;

	rwlock_write(&i->lock);
	if (!i->pipe)
		i->pipe = pipe_new();
	p = i->pipe;
	if (p) { /* a hold while opening: ends are not counted yet */
		mutex_lock(&p->lock);
		p->files++;
		mutex_unlock(&p->lock);
	}
	rwlock_write_done(&i->lock);
	if (!p)
		return -ENOMEM;
	f->priv = p;
	f->ops = &pipe_file_ops;
	err = fifo_open_ends(f, p);
	if (err)
		pipe_ends_closed(f, p);
	rwlock_write(&i->lock);
	if (err)
		pipe_drop(i, p);
	pipe_drop(i, p);
	rwlock_write_done(&i->lock);
	return err;
}

const struct file_ops fifo_file_ops = {
	.name = "fifo",
	.open = fifo_open,
};

/* ---- pipe(2) ---- */

static int pipe_files(u32 flags, struct file *out[2])
{
	struct inode *i = inode_new_anon(ABI_S_IFIFO | 0600);
	struct pipe *p = i ? pipe_new() : NULL;

	if (!p)
		goto out_put_inode;
	i->pipe = p;
	p->files = 2;
	p->readers = p->writers = 1;
	p->reader_opens = p->writer_opens = 1;
	p->unnamed = true;
	out[0] = file_new_inode(&pipe_file_ops, ABI_O_RDONLY | flags, p, i);
	if (!out[0])
		goto out_free_pipe;
	inode_get(i);
	out[1] = file_new_inode(&pipe_file_ops, ABI_O_WRONLY | flags, p, i);
	if (out[1])
		return 0;
	inode_put(i);
	p->files = 1;
	p->writers = 0;
	file_put(out[0]);
	return -ENOMEM;
out_free_pipe:
	i->pipe = NULL;
	pipe_free(p);
out_put_inode:
	if (i)
		inode_put(i);
	return -ENOMEM;
}

long sys_pipe2(uaddr_t ufds, int flags)
{
	struct file *f[2];
	int fd[2], err;

	if (flags & ~(ABI_O_CLOEXEC | ABI_O_NONBLOCK))
		return -EINVAL;
	err = pipe_files((u32)flags & ABI_O_NONBLOCK, f);
	if (err)
		return err;
	err = fd[0] = fd_reserve(0, flags & ABI_O_CLOEXEC);
	if (err < 0)
		goto out_put_files;
	err = fd[1] = fd_reserve(0, flags & ABI_O_CLOEXEC);
	if (err < 0)
		goto out_unreserve_first;
	err = copy_out(ufds, fd, sizeof(fd));
	if (err)
		goto out_unreserve_both;
	fd_install(fd[0], f[0]);
	fd_install(fd[1], f[1]);
	return 0;
out_unreserve_both:
	fd_unreserve(fd[1]);
out_unreserve_first:
	fd_unreserve(fd[0]);
out_put_files:
	file_put(f[0]);
	file_put(f[1]);
	return err;
}

long sys_pipe(uaddr_t fds)
{
	return sys_pipe2(fds, 0);
}
