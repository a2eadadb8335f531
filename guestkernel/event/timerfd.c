/* timerfd.c - timerfd_create(2): timers as files
 *
 * The kernel timer counts expirations; a periodic one starts again from its own time, so that it
 * does not drift. Differs from Linux: a step of CLOCK_REALTIME neither moves nor cancels a timer
 * (CAVEATS); the alarm clocks are refused. */
#include "abi/linux/fcntl.h"
#include "abi/linux/time.h"
#include "event/internal.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "syscalls_proto.h"

#define FIRE_MIN_NS 50000ull

struct timerfd {
	struct ktimer timer;
	struct spinlock lock;
	u64 expires;  /* [l] monotonic, 0: disarmed */
	u64 interval; /* [l] */
	u64 ticks;    /* [l] not yet read */
	int clock;    /* [I] */
	struct waitq wait;
};

static void timerfd_fired(struct ktimer *k)
{
	struct timerfd *t = container_of(k, struct timerfd, timer);
	u64 now = time_mono_ns(), next = 0;

	spin_lock(&t->lock);
	if (t->expires && now >= t->expires) {
		if (t->interval) {
			u64 n = (now - t->expires) / t->interval + 1;

			t->ticks += n;
			t->expires += n * t->interval;
			/* counted exactly, told at most so often: the CPU has other work */
			next = MAX(t->expires, now + FIRE_MIN_NS);
		} else {
			t->ticks++;
			t->expires = 0;
		}
	} else {
		next = t->expires;
	}
	spin_unlock(&t->lock);
	if (next)
		ktimer_start(&t->timer, next);
	waitq_wake(&t->wait, ~0u, ABI_POLLIN);
}

static bool take(struct timerfd *t, u64 *ticks)
{
	spin_lock(&t->lock);
	*ticks = t->ticks;
	t->ticks = 0;
	spin_unlock(&t->lock);
	return *ticks != 0;
}

static ssize_t timerfd_read(struct file *f, struct iter *to, loff_t *pos)
{
	struct timerfd *t = f->priv;
	u64 ticks;
	int err;

	if (to->left < sizeof(ticks))
		return -EINVAL;
	if (!take(t, &ticks)) {
		if (f->flags & ABI_O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&t->wait, take(t, &ticks));
		if (err)
			return err;
	}
	return iter_put(to, &ticks, sizeof(ticks)) == sizeof(ticks) ? (ssize_t)sizeof(ticks)
								    : -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->priv;

	poll_wait(pt, f, &t->wait);
	return READ_ONCE(t->ticks) ? ABI_POLLIN | ABI_POLLRDNORM : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->priv;

	spin_lock(&t->lock);
	t->expires = 0;
	spin_unlock(&t->lock);
	ktimer_cancel(&t->timer);
	kfree(t);
}

static void timerfd_describe(struct file *f, char *buf, size_t size)
{
	ksnprintf(buf, size, "anon_inode:[timerfd]");
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
	.describe = timerfd_describe,
};

long sys_timerfd_create(int clock, int flags)
{
	struct timerfd *t;

	if ((flags & ~(ABI_TFD_CLOEXEC | ABI_TFD_NONBLOCK)) ||
	    (clock != ABI_CLOCK_MONOTONIC && clock != ABI_CLOCK_REALTIME &&
	     clock != ABI_CLOCK_BOOTTIME))
		return -EINVAL;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	ktimer_init(&t->timer, timerfd_fired);
	spin_init(&t->lock, RANK_EPOLL_READY);
	waitq_init(&t->wait);
	t->clock = clock;
	return anon_fd(&timerfd_ops, t, (u32)flags);
}

/* The monotonic time of a value on the timer's clock. */
static u64 to_mono(const struct timerfd *t, u64 ns, bool absolute)
{
	u64 now = time_mono_ns(), clock = now;

	if (!absolute)
		return deadline_in(ns);
	if (t->clock == ABI_CLOCK_REALTIME)
		clock = (u64)time_real_ns();
	else if (t->clock == ABI_CLOCK_BOOTTIME)
		clock = time_boot_ns();
	return ns > clock ? now + (ns - clock) : now;
}

static void current_value(struct timerfd *t, struct abi_itimerspec *out)
{
	u64 now = time_mono_ns();

	assert_held(&t->lock);
	out->it_interval = ns_to_timespec(t->interval);
	out->it_value = ns_to_timespec(!t->expires ? 0 : t->expires > now ? t->expires - now : 1);
}

static struct fdref timerfd_get(int fd, long *err)
{
	struct fdref r = fd_get(fd);

	*err = 0;
	if (!r.file) {
		*err = -EBADF;
	} else if (r.file->ops != &timerfd_ops) {
		fd_put(r);
		*err = -EINVAL;
	}
	return r;
}

static void timerfd_set(struct timerfd *t, const struct abi_itimerspec *new, bool absolute,
			struct abi_itimerspec *old)
{
	u64 value = timespec_to_ns(&new->it_value), expires = 0;

	if (value)
		expires = MAX(to_mono(t, value, absolute), 1ull);
	spin_lock(&t->lock);
	current_value(t, old);
	t->expires = expires;
	t->interval = timespec_to_ns(&new->it_interval);
	t->ticks = 0;
	spin_unlock(&t->lock);
	ktimer_cancel(&t->timer);
	if (expires)
		ktimer_start(&t->timer, expires);
}

long sys_timerfd_settime(int fd, int flags, uaddr_t uval, uaddr_t uold)
{
	struct abi_itimerspec new, old;
	struct fdref r;
	long err;

	if (flags & ~(ABI_TFD_TIMER_ABSTIME | ABI_TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	if (copy_in_obj(&new, uval))
		return -EFAULT;
	if (!timespec_valid(&new.it_value) || !timespec_valid(&new.it_interval))
		return -EINVAL;
	r = timerfd_get(fd, &err);
	if (err)
		return err;
	timerfd_set(r.file->priv, &new, flags & ABI_TFD_TIMER_ABSTIME, &old);
	fd_put(r);
	return uaddr_is_null(uold) ? 0 : copy_out_obj(uold, &old);
}

long sys_timerfd_gettime(int fd, uaddr_t ucur)
{
	struct abi_itimerspec cur;
	struct timerfd *t;
	struct fdref r;
	long err;

	r = timerfd_get(fd, &err);
	if (err)
		return err;
	t = r.file->priv;
	spin_lock(&t->lock);
	current_value(t, &cur);
	spin_unlock(&t->lock);
	fd_put(r);
	return copy_out_obj(ucur, &cur);
}
