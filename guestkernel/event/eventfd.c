/* eventfd.c - eventfd(2): a counter as a file */
#include "abi/linux/fcntl.h"
#include "event/internal.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "syscalls_proto.h"

struct eventfd {
	struct spinlock lock;
	u64 count;	/* [l] */
	bool semaphore; /* [I] */
	struct waitq wait;
};

#define COUNT_MAX (~0ull - 1)

static bool take(struct eventfd *e, u64 *value)
{
	bool got;

	spin_lock(&e->lock);
	got = e->count != 0;
	if (got) {
		*value = e->semaphore ? 1 : e->count;
		e->count -= *value;
	}
	spin_unlock(&e->lock);
	return got;
}

static bool add(struct eventfd *e, u64 value)
{
	bool room;

	spin_lock(&e->lock);
	room = COUNT_MAX - e->count >= value;
	if (room)
		e->count += value;
	spin_unlock(&e->lock);
	return room;
}

static ssize_t eventfd_read(struct file *f, struct iter *to, loff_t *pos)
{
	struct eventfd *e = f->priv;
	u64 value;
	int err;

	if (to->left < sizeof(value))
		return -EINVAL;
	if (!take(e, &value)) {
		if (f->flags & ABI_O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wait, take(e, &value));
		if (err)
			return err;
	}
	waitq_wake(&e->wait, ~0u, ABI_POLLOUT);
	return iter_put(to, &value, sizeof(value)) == sizeof(value) ? (ssize_t)sizeof(value)
								    : -EFAULT;
}

static ssize_t eventfd_write(struct file *f, struct iter *from, loff_t *pos)
{
	struct eventfd *e = f->priv;
	u64 value;
	int err;

	if (from->left < sizeof(value))
		return -EINVAL;
	if (iter_get(from, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value == ~0ull)
		return -EINVAL;
	if (!add(e, value)) {
		if (f->flags & ABI_O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wait, add(e, value));
		if (err)
			return err;
	}
	waitq_wake(&e->wait, ~0u, ABI_POLLIN);
	return sizeof(value);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->priv;
	u32 events = 0;
	u64 count;

	poll_wait(pt, f, &e->wait);
	count = READ_ONCE(e->count);
	if (count)
		events |= ABI_POLLIN | ABI_POLLRDNORM;
	if (count < COUNT_MAX)
		events |= ABI_POLLOUT | ABI_POLLWRNORM;
	return events;
}

static void eventfd_release(struct file *f)
{
	kfree(f->priv);
}

static void eventfd_describe(struct file *f, char *buf, size_t size)
{
	ksnprintf(buf, size, "anon_inode:[eventfd]");
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.describe = eventfd_describe,
};

/* An anonymous file with its private part, as a new descriptor; frees priv on failure. */
int anon_fd(const struct file_ops *ops, void *priv, u32 flags)
{
	struct file *f = file_new(ops, ABI_O_RDWR | (flags & ABI_O_NONBLOCK), priv);
	int fd;

	if (!f) {
		kfree(priv);
		return -ENOMEM;
	}
	fd = fd_new(f, flags);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_eventfd2(unsigned int initval, int flags)
{
	struct eventfd *e;

	if (flags & ~(ABI_EFD_SEMAPHORE | ABI_EFD_CLOEXEC | ABI_EFD_NONBLOCK))
		return -EINVAL;
	e = kzalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	spin_init(&e->lock, RANK_EPOLL_READY);
	waitq_init(&e->wait);
	e->count = initval;
	e->semaphore = flags & ABI_EFD_SEMAPHORE;
	return anon_fd(&eventfd_ops, e, (u32)flags);
}

long sys_eventfd(unsigned int initval)
{
	return sys_eventfd2(initval, 0);
}
