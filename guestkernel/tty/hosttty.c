/* hosttty.c - the host's terminal as the container's
 *
 * The host's terminal is raw: what is typed comes here byte by byte, and the discipline in the
 * guest edits, echoes and makes signals. One kernel task reads input (it starts when the terminal
 * is first opened); output goes through a small buffer that another kernel task sends, so that an
 * echo under tty->lock never waits for the host.
 * There is one such terminal per sandbox, whatever number of descriptors name it.
 * Locks: tty->lock; out.lock [l] (spinlock RANK_LOG) for the output ring. Tests: test/vm */
#include "tty/hosttty.h"
#include "abi/linux/poll.h"
#include "abi/linux/uio.h"
#include "init.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "tty/ask.h"
#include "tty/jobs.h"

#define OUT_BUF 16384u

static struct {
	struct tty *tty; /* [a] set once; the container start that opens stdio is one at a time */
	u32 index;	 /* [I] once there is a tty */
	struct spinlock lock;
	u32 head, tail;	   /* [l lock] free-running */
	bool broken;	   /* [l lock] the host's side is gone */
	struct waitq wait; /* the sending task */
	u8 buf[OUT_BUF];   /* [l lock] */
} host = {
	.lock = SPINLOCK_INIT(RANK_LOG),
	.wait = WAITQ_INIT(host.wait),
};

static size_t hosttty_output(struct tty *t, const u8 *buf, size_t n)
{
	size_t done;

	(void)t;
	spin_lock(&host.lock);
	done = host.broken ? n : MIN(n, (size_t)(OUT_BUF - (host.head - host.tail)));
	for (size_t i = 0; i < done && !host.broken; i++)
		host.buf[host.head++ % OUT_BUF] = buf[i];
	spin_unlock(&host.lock);
	waitq_wake_all(&host.wait);
	return done;
}

static s64 host_move(u16 op, u8 *buf, size_t n)
{
	struct abi_iovec one;
	struct iter it;

	iter_init_kernel(&it, &one, buf, n);
	return ask_call(&(struct ask_args){.op = op,
					   .fd = host.index,
					   .arg0 = ~0ull,
					   .in = op == ABI_CTL_FD_WRITE ? &it : NULL,
					   .out = op == ABI_CTL_FD_READ ? &it : NULL,
					   .len = n},
			NULL, false);
}

static void send_main(void *arg)
{
	struct tty *t = arg;
	static u8 chunk[2048];

	for (;;) {
		u32 n;
		s64 sent;

		wait_event(&host.wait, READ_ONCE(host.head) != host.tail);
		spin_lock(&host.lock);
		n = MIN(host.head - host.tail, (u32)sizeof(chunk));
		for (u32 i = 0; i < n; i++)
			chunk[i] = host.buf[(host.tail + i) % OUT_BUF];
		spin_unlock(&host.lock);
		sent = host_move(ABI_CTL_FD_WRITE, chunk, n);
		spin_lock(&host.lock);
		if (sent < 0) {
			host.broken = true;
			host.tail = host.head;
		} else {
			host.tail += (u32)sent;
		}
		spin_unlock(&host.lock);
		waitq_wake_all(&t->out_wait);
	}
}

static void receive_main(void *arg)
{
	struct tty *t = arg;
	static u8 chunk[1024];

	for (;;) {
		s64 n = host_move(ABI_CTL_FD_READ, chunk, sizeof(chunk));

		if (n <= 0)
			break;
		tty_receive(t, chunk, (size_t)n);
	}
	tty_hangup(t);
	for (;;) {
		sched_set_state(TASK_UNINTERRUPTIBLE);
		(void)sched_block_until(DEADLINE_NONE);
	}
}

static void hosttty_free(struct tty *t)
{
	(void)t;
	panic("the host's terminal was freed: host.tty holds a reference");
}

static const struct tty_driver hosttty_driver = {
	.write = hosttty_output,
	.free = hosttty_free,
};

static const struct file_ops hosttty_ops = {
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};

static void set_size(struct tty *t, u32 rows_cols)
{
	struct abi_winsize w = {.ws_row = (u16)rows_cols, .ws_col = (u16)(rows_cols >> 16)};

	tty_set_winsize(t, &w);
}

void hosttty_resize(u32 rows_cols)
{
	struct tty *t = READ_ONCE(host.tty);

	if (t)
		set_size(t, rows_cols);
}

static int start_tasks(struct tty *t)
{
	struct task *a = kthread_create(send_main, t, "tty-out");
	struct task *b = a ? kthread_create(receive_main, t, "tty-in") : NULL;

	if (!a || !b) {
		if (a)
			kthread_drop(a);
		return -ENOMEM;
	}
	sched_start(a);
	sched_start(b);
	return 0;
}

/* The one terminal, with a reference for the caller. */
static int hosttty_get(u32 index, u64 rdev, struct tty **out)
{
	struct abi_ctl r;
	struct tty *t;
	int err = 0;

	t = READ_ONCE(host.tty);
	if (t)
		goto out_get;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	tty_setup(t, &hosttty_driver, NULL);
	ksnprintf(t->name, sizeof(t->name), "console");
	t->rdev = rdev;
	host.index = index;
	err = start_tasks(t);
	if (err) {
		kfree(t);
		return err;
	}
	WRITE_ONCE(host.tty, t); /* its own reference stays for good */
	if (ask_call(&(struct ask_args){.op = ABI_CTL_FD_WINSZ, .fd = index}, &r, false) >= 0)
		set_size(t, (u32)r.arg0);
out_get:
	tty_get(t);
	*out = t;
	return 0;
}

static int hosttty_getattr(struct inode *inode, struct kstat *st)
{
	const struct tty *t = inode->priv;

	inode_stat(inode, st);
	st->rdev = t->rdev;
	return 0;
}

static const struct inode_ops hosttty_inode_ops = {.getattr = hosttty_getattr};

int hosttty_open(u32 index, u32 flags, const struct abi_ctl_fdinfo *info, struct file **out)
{
	struct inode *inode;
	struct tty *t;
	struct file *f;
	int err = hosttty_get(index, info->rdev, &t);

	if (err)
		return err;
	inode = inode_new_anon(info->mode);
	if (!inode)
		goto out_put_tty;
	inode->ops = &hosttty_inode_ops;
	inode->priv = t;
	f = file_new_inode(&hosttty_ops, flags, t, inode);
	if (!f)
		goto out_put_inode;
	*out = f;
	return 0;

out_put_inode:
	inode_put(inode);
out_put_tty:
	tty_put(t);
	return -ENOMEM;
}

void hosttty_make_controlling(void)
{
	struct tty *t = READ_ONCE(host.tty);

	if (t)
		(void)tty_make_controlling(t, false);
}
