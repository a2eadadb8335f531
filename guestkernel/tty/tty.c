/* tty.c - terminals as files: reading, writing, waiting
 *
 * Provides: tty/tty.h but the line discipline (ldisc.c), ioctls (ioctl.c), job control (jobs.c).
 * Owns: struct tty, referenced by open files, by its driver, and as a controlling terminal.
 * States: open; hung up (reads end, writes fail with EIO).
 * Locks: tty->lock (RANK_TTY) for buffers and settings; tasklist_lock for session and foreground.
 *   Signals are sent after tty->lock is dropped. Sleeps: reads and writes, with the lock dropped.
 * Differs from Linux: no modem lines, no line disciplines but the one. Tests: test/abi/pty */
#include "tty/tty.h"
#include "abi/linux/poll.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "string.h"
#include "tty/jobs.h"

static const struct abi_termios2 default_tio = {
	.c_iflag = ABI_ICRNL | ABI_IXON | ABI_IUTF8,
	.c_oflag = ABI_OPOST | ABI_ONLCR,
	.c_cflag = ABI_B38400 | ABI_CS8 | ABI_CREAD,
	.c_lflag = ABI_ISIG | ABI_ICANON | ABI_ECHO | ABI_ECHOE | ABI_ECHOK | ABI_ECHOCTL |
		   ABI_ECHOKE | ABI_IEXTEN,
	.c_cc =
		{
			[ABI_VINTR] = 3,
			[ABI_VQUIT] = 28,
			[ABI_VERASE] = 127,
			[ABI_VKILL] = 21,
			[ABI_VEOF] = 4,
			[ABI_VMIN] = 1,
			[ABI_VSTART] = 17,
			[ABI_VSTOP] = 19,
			[ABI_VSUSP] = 26,
			[ABI_VREPRINT] = 18,
			[ABI_VDISCARD] = 15,
			[ABI_VWERASE] = 23,
			[ABI_VLNEXT] = 22,
		},
	.c_ispeed = 38400,
	.c_ospeed = 38400,
};

void tty_setup(struct tty *t, const struct tty_driver *d, void *priv)
{
	t->refs.v = 1;
	t->driver = d;
	t->priv = priv;
	t->tio = default_tio;
	mutex_init(&t->lock, RANK_TTY);
	waitq_init(&t->in_wait);
	waitq_init(&t->out_wait);
}

void tty_put(struct tty *t)
{
	if (ref_put(&t->refs))
		t->driver->free(t);
}

void tty_receive(struct tty *t, const u8 *buf, size_t n)
{
	u32 signals = 0;

	mutex_lock(&t->lock);
	if (!t->hung_up)
		ldisc_receive_locked(t, buf, n, &signals);
	mutex_unlock(&t->lock);
	for (; signals; signals &= signals - 1)
		tty_signal_foreground(t, __builtin_ctz(signals));
	waitq_wake(&t->in_wait, 1, ABI_POLLIN);
}

void tty_hangup(struct tty *t)
{
	mutex_lock(&t->lock);
	t->hung_up = true;
	mutex_unlock(&t->lock);
	tty_hangup_session(t);
	waitq_wake_all(&t->in_wait);
	waitq_wake_all(&t->out_wait);
}

void tty_set_winsize(struct tty *t, const struct abi_winsize *w)
{
	bool changed;

	mutex_lock(&t->lock);
	changed = memcmp(&t->win, w, sizeof(*w)) != 0;
	t->win = *w;
	mutex_unlock(&t->lock);
	if (changed)
		tty_signal_foreground(t, ABI_SIGWINCH);
}

/* Is there enough to end a read of n bytes? MIN and TIME of non-canonical mode. */
static bool read_satisfied(const struct tty *t, size_t n)
{
	u32 have = ldisc_readable_locked(t);
	u32 min = t->tio.c_cc[ABI_VMIN];

	if (t->hung_up)
		return true;
	if (t->tio.c_lflag & ABI_ICANON)
		return have > 0;
	if (min == 0)
		return have > 0 || t->tio.c_cc[ABI_VTIME] == 0;
	return have >= MIN((size_t)min, n);
}

/* Sleeps until a read can end; called and returns with the lock. */
static int wait_input(struct tty *t, struct file *f, size_t n)
{
	u64 deadline = DEADLINE_NONE;
	struct waiter w;
	int err = 0;

	waiter_init(&w, current);
	while (!read_satisfied(t, n)) {
		u32 have = ldisc_readable_locked(t);
		u8 time = t->tio.c_lflag & ABI_ICANON ? 0 : t->tio.c_cc[ABI_VTIME];

		if (f->flags & ABI_O_NONBLOCK)
			return -EAGAIN;
		/* With MIN the clock starts at the first byte, without it at once. */
		if (time && (have || !t->tio.c_cc[ABI_VMIN]))
			deadline = time_mono_ns() + time * 100000000ull;
		waitq_prepare(&t->in_wait, &w, TASK_INTERRUPTIBLE);
		mutex_unlock(&t->lock);
		err = sched_block_until(deadline);
		waitq_finish(&t->in_wait, &w);
		mutex_lock(&t->lock);
		if (err == -ETIMEDOUT)
			return 0;
		if (err)
			return err;
	}
	return 0;
}

ssize_t tty_read(struct file *f, struct iter *to, loff_t *pos)
{
	struct tty *t = f->priv;
	u8 chunk[256];
	ssize_t done = 0;
	int err;

	(void)pos;
	err = tty_check_background(t, ABI_SIGTTIN);
	if (err)
		return err;
	mutex_lock(&t->lock);
	err = wait_input(t, f, to->left);
	while (!err && to->left) {
		size_t n = ldisc_read_locked(t, chunk, MIN(to->left, sizeof(chunk)));
		bool line = t->tio.c_lflag & ABI_ICANON;
		size_t put;

		if (!n)
			break;
		mutex_unlock(&t->lock);
		put = iter_put(to, chunk, n);
		mutex_lock(&t->lock);
		done += (ssize_t)put;
		if (put < n)
			err = done ? 0 : -EFAULT;
		if (put < n || (line && (n < sizeof(chunk) || chunk[n - 1] == '\n')))
			break;
	}
	mutex_unlock(&t->lock);
	if (t->driver->settings) /* there may be room for input again */
		waitq_wake(&t->out_wait, 0, ABI_POLLOUT);
	return done ? done : err;
}

/* Writes a chunk; returns how many were taken, or a negative errno. */
static ssize_t write_chunk(struct tty *t, struct file *f, const u8 *buf, size_t n)
{
	struct waiter w;
	size_t done = 0;
	int err = 0;

	waiter_init(&w, current);
	while (done < n && !err) {
		if (t->hung_up)
			err = -EIO;
		else
			done += ldisc_output_locked(t, buf + done, n - done);
		if (done == n || err)
			break;
		if (f->flags & ABI_O_NONBLOCK) {
			err = -EAGAIN;
			break;
		}
		waitq_prepare(&t->out_wait, &w, TASK_INTERRUPTIBLE);
		mutex_unlock(&t->lock);
		err = sched_block_until(DEADLINE_NONE);
		waitq_finish(&t->out_wait, &w);
		mutex_lock(&t->lock);
	}
	return done ? (ssize_t)done : err;
}

ssize_t tty_write(struct file *f, struct iter *from, loff_t *pos)
{
	struct tty *t = f->priv;
	ssize_t done = 0, n = 0;
	u8 chunk[512];
	int err;

	(void)pos;
	err = t->tio.c_lflag & ABI_TOSTOP ? tty_check_background(t, ABI_SIGTTOU) : 0;
	if (err)
		return err;
	while (from->left) {
		size_t want = iter_get(from, chunk, MIN(from->left, sizeof(chunk)));

		if (!want)
			return done ? done : -EFAULT;
		mutex_lock(&t->lock);
		n = write_chunk(t, f, chunk, want);
		mutex_unlock(&t->lock);
		if (n < 0)
			break;
		done += n;
		if ((size_t)n < want)
			break;
	}
	return done ? done : n;
}

u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = f->priv;
	u32 events = 0;

	poll_wait(pt, f, &t->in_wait);
	poll_wait(pt, f, &t->out_wait);
	mutex_lock(&t->lock);
	if (t->hung_up)
		events |= ABI_POLLIN | ABI_POLLHUP | ABI_POLLERR;
	else if (ldisc_readable_locked(t) >=
		 ((t->tio.c_lflag & ABI_ICANON) ? 1u : MAX(1u, (u32)t->tio.c_cc[ABI_VMIN])))
		events |= ABI_POLLIN;
	if (!t->stopped && !t->hung_up)
		events |= ABI_POLLOUT;
	mutex_unlock(&t->lock);
	if (events & ABI_POLLIN)
		events |= ABI_POLLRDNORM;
	if (events & ABI_POLLOUT)
		events |= ABI_POLLWRNORM;
	return events;
}

void tty_release(struct file *f)
{
	tty_put(f->priv);
}

u32 tty_number(const struct tty *t)
{
	return (u32)t->rdev;
}
