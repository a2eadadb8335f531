/* epollcalls.c - epoll_create(2), epoll_ctl(2), epoll_wait(2) and their kin */
#include "event/epoll.h"
#include "ksignal.h"
#include "log.h"
#include "slab.h"
#include "syscalls_proto.h"

long sys_epoll_create1(int flags)
{
	struct eventpoll *ep;

	if (flags & ~ABI_EPOLL_CLOEXEC)
		return -EINVAL;
	ep = kzalloc(sizeof(*ep));
	if (!ep)
		return -ENOMEM;
	mutex_init(&ep->lock, RANK_EPOLL);
	spin_init(&ep->ready_lock, RANK_EPOLL_READY);
	RB_INIT(&ep->items);
	TAILQ_INIT(&ep->ready);
	TAILQ_INIT(&ep->sleepers);
	waitq_init(&ep->poll_wait);
	return anon_fd(&epoll_ops, ep, (u32)flags);
}

long sys_epoll_create(int size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

/* The depth of epoll instances below ep; more than EP_NESTS if ep would contain top, or if there
 * are more ways through them than *ways allows: each is gone both here and by a wake-up. Called
 * with epoll_topology, which keeps watched files and instances alive. */
static int depth_below(struct eventpoll *ep, struct eventpoll *top, int level, u32 *ways)
{
	struct epitem *it;
	int deepest = 0;

	if (ep == top || level > EP_NESTS || !*ways)
		return EP_NESTS + 1;
	--*ways;
	mutex_lock_nested(&ep->lock);
	RB_FOREACH (it, epitem_tree, &ep->items)
		if (it->file->ops == &epoll_ops)
			deepest =
				MAX(deepest, 1 + depth_below(it->file->priv, top, level + 1, ways));
	mutex_unlock(&ep->lock);
	return deepest;
}

/* How many instances watch ep, one above the other; [topology]. */
static int depth_above(struct file *f, int level, u32 *ways)
{
	struct epitem *it;
	int highest = 0;

	if (level > EP_NESTS || !*ways)
		return EP_NESTS + 1;
	--*ways;
	TAILQ_FOREACH (it, &f->epitems, file_link)
		highest = MAX(highest,
			      1 + (it->ep->file ? depth_above(it->ep->file, level + 1, ways) : 0));
	return highest;
}

static int check_nesting(struct file *epf, struct file *target)
{
	u32 down = EP_WAYS, up = EP_WAYS;
	int depth = depth_below(target->priv, epf->priv, 0, &down);

	if (depth > EP_NESTS)
		return -ELOOP;
	depth += 1 + depth_above(epf, 0, &up);
	/* the ways that would lead through here */
	if ((EP_WAYS - down) * (EP_WAYS - up) > EP_WAYS)
		return -ELOOP;
	return depth > EP_NESTS ? -ELOOP : 0;
}

static int check_exclusive(int op, u32 events, const struct file *target)
{
	const u32 allowed = ABI_EPOLLIN | ABI_EPOLLOUT | ABI_EPOLLERR | ABI_EPOLLHUP |
			    ABI_EPOLLWAKEUP | ABI_EPOLLET | ABI_EPOLLEXCLUSIVE;

	if (!(events & ABI_EPOLLEXCLUSIVE))
		return 0;
	if (op == ABI_EPOLL_CTL_MOD || target->ops == &epoll_ops || (events & ~allowed))
		return -EINVAL;
	return 0;
}

static int ctl_locked(struct eventpoll *ep, int op, int fd, struct file *target,
		      const struct abi_epoll_event *ev)
{
	struct epitem *it = epoll_find_locked(ep, target, fd);

	switch (op) {
	case ABI_EPOLL_CTL_ADD:
		return it ? -EEXIST : epoll_insert(ep, target, fd, ev);
	case ABI_EPOLL_CTL_DEL:
		if (!it)
			return -ENOENT;
		epoll_remove_locked(ep, it);
		return 0;
	case ABI_EPOLL_CTL_MOD:
		return it ? epoll_modify(ep, it, ev) : -ENOENT;
	default:
		return -EINVAL;
	}
}

static int do_ctl(struct file *epf, int op, int fd, struct file *target,
		  const struct abi_epoll_event *ev)
{
	struct eventpoll *ep = epf->priv;
	bool nests = target->ops == &epoll_ops; /* the lists that check_nesting follows */
	int err;

	if (!target->ops->poll)
		return -EPERM;
	if (epf == target || epf->ops != &epoll_ops)
		return -EINVAL;
	err = check_exclusive(op, ev->events, target);
	if (err)
		return err;
	if (nests)
		mutex_lock(&epoll_topology);
	if (nests && op == ABI_EPOLL_CTL_ADD) {
		err = check_nesting(epf, target);
		ep->file = epf;
	}
	if (!err) {
		mutex_lock_nested(&ep->lock);
		err = ctl_locked(ep, op, fd, target, ev);
		mutex_unlock(&ep->lock);
	}
	if (nests)
		mutex_unlock(&epoll_topology);
	return err;
}

long sys_epoll_ctl(int epfd, int op, int fd, uaddr_t uev)
{
	struct abi_epoll_event ev = {0};
	struct fdref e, t;
	long err = -EBADF;

	if (op != ABI_EPOLL_CTL_DEL && copy_in_obj(&ev, uev))
		return -EFAULT;
	e = fd_get(epfd);
	if (!e.file)
		return -EBADF;
	t = fd_get(fd);
	if (!t.file || (t.file->flags & ABI_O_PATH))
		goto out_put;
	err = do_ctl(e.file, op, fd, t.file, &ev);
out_put:
	if (t.file)
		fd_put(t);
	fd_put(e);
	return err;
}

static long do_epoll_wait(int epfd, uaddr_t uevents, int max, u64 deadline)
{
	struct fdref r;
	long n = -EINVAL;

	if (max <= 0 || max > ABI_EP_MAX_EVENTS)
		return -EINVAL;
	r = fd_get(epfd);
	if (!r.file)
		return -EBADF;
	while (r.file->ops == &epoll_ops) {
		long err;

		n = epoll_deliver(r.file->priv, uevents, (u32)max);
		if (n || deadline == 0)
			break;
		err = epoll_sleep(r.file->priv, deadline);
		if (err == -ETIMEDOUT) {
			n = epoll_deliver(r.file->priv, uevents, (u32)max);
			break;
		}
		if (err) {
			n = err;
			break;
		}
	}
	fd_put(r);
	return n;
}

static u64 deadline_ms(int timeout_ms)
{
	if (timeout_ms < 0)
		return DEADLINE_NONE;
	return timeout_ms == 0 ? 0 : deadline_in((u64)timeout_ms * 1000000);
}

long sys_epoll_wait(int epfd, uaddr_t uevents, int max, int timeout_ms)
{
	return do_epoll_wait(epfd, uevents, max, deadline_ms(timeout_ms));
}

static long masked_wait(int epfd, uaddr_t uevents, int max, u64 deadline, uaddr_t uset,
			size_t setsize)
{
	long r = temporary_mask(uset, setsize);

	if (r)
		return r;
	r = do_epoll_wait(epfd, uevents, max, deadline);
	temporary_mask_done(r);
	return r;
}

long sys_epoll_pwait(int epfd, uaddr_t uevents, int max, int timeout_ms, uaddr_t uset,
		     size_t setsize)
{
	return masked_wait(epfd, uevents, max, deadline_ms(timeout_ms), uset, setsize);
}

long sys_epoll_pwait2(int epfd, uaddr_t uevents, int max, uaddr_t uts, uaddr_t uset, size_t setsize)
{
	struct abi_timespec ts;
	u64 deadline = DEADLINE_NONE;

	if (!uaddr_is_null(uts)) {
		if (copy_in_obj(&ts, uts))
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		deadline = timespec_to_ns(&ts);
		deadline = deadline ? deadline_in(deadline) : 0;
	}
	return masked_wait(epfd, uevents, max, deadline, uset, setsize);
}
