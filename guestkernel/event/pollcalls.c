/* pollcalls.c - poll(2), ppoll(2) */
#include "event/internal.h"
#include "ksignal.h"
#include "log.h"
#include "slab.h"
#include "syscalls_proto.h"

#define SMALL  8
#define ALWAYS (ABI_POLLERR | ABI_POLLHUP)

static void fill_item(struct poll_item *it, const struct abi_pollfd *p)
{
	*it = (struct poll_item){0};
	if (p->fd < 0)
		return;
	it->ref = fd_get(p->fd);
	if (!it->ref.file)
		it->revents = ABI_POLLNVAL;
	it->events = (u16)p->events | ALWAYS;
}

/* Polls n descriptors of fds, whose revents it fills. */
static long poll_array(struct abi_pollfd *fds, struct poll_item *items, u32 n, u64 deadline)
{
	long r;

	for (u32 i = 0; i < n; i++)
		fill_item(&items[i], &fds[i]);
	r = poll_items(items, n, deadline);
	for (u32 i = 0; i < n; i++) {
		fds[i].revents = (int16_t)items[i].revents;
		if (items[i].ref.file)
			fd_put(items[i].ref);
	}
	return r;
}

static int put_revents(uaddr_t ufds, const struct abi_pollfd *fds, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		uaddr_t at =
			uaddr_add(ufds, i * sizeof(*fds) + offsetof(struct abi_pollfd, revents));

		if (copy_out(at, &fds[i].revents, sizeof(fds[i].revents)))
			return -EFAULT;
	}
	return 0;
}

static long do_poll(uaddr_t ufds, u32 n, u64 deadline)
{
	struct abi_pollfd small_fds[SMALL], *fds = small_fds;
	struct poll_item small_items[SMALL], *items = small_items;
	long r = -ENOMEM;

	if (n > current->proc->rlim[ABI_RLIMIT_NOFILE].rlim_cur)
		return -EINVAL;
	if (n > SMALL) {
		fds = kmalloc(n * sizeof(*fds));
		items = kmalloc(n * sizeof(*items));
		if (!fds || !items)
			goto out_free;
	}
	r = -EFAULT;
	if (n && copy_in(fds, ufds, n * sizeof(*fds)))
		goto out_free;
	r = poll_array(fds, items, n, deadline);
	if (r >= 0 && put_revents(ufds, fds, n))
		r = -EFAULT;
out_free:
	if (n > SMALL) {
		kfree(fds);
		kfree(items);
	}
	return r;
}

static long poll_restart(struct restart_block *rb)
{
	long r = do_poll(UADDR(rb->arg[0]), (u32)rb->arg[1], rb->deadline);

	if (r != -ERESTARTNOHAND)
		return r;
	rb->fn = poll_restart;
	return -ERESTART_RESTARTBLOCK;
}

long sys_poll(uaddr_t ufds, unsigned int n, int timeout_ms)
{
	u64 deadline = timeout_ms < 0 ? DEADLINE_NONE : deadline_in((u64)timeout_ms * 1000000);
	long r = do_poll(ufds, n, timeout_ms == 0 ? 0 : deadline);

	if (r != -ERESTARTNOHAND)
		return r;
	current->restart = (struct restart_block){
		.fn = poll_restart, .deadline = deadline, .arg = {ufds.va, n}};
	return -ERESTART_RESTARTBLOCK;
}

/* What is left of a timeout goes back to the caller; a bad address then is not worth an error. */
void put_remaining(uaddr_t uts, u64 deadline, bool timeval)
{
	u64 now = time_mono_ns(), left = deadline > now ? deadline - now : 0;
	struct abi_timespec ts = ns_to_timespec(left);

	if (uaddr_is_null(uts) || deadline == DEADLINE_NONE)
		return;
	if (timeval)
		ts.tv_nsec /= 1000;
	if (copy_out_obj(uts, &ts))
		return;
}

long sys_ppoll(uaddr_t ufds, unsigned int n, uaddr_t uts, uaddr_t uset, size_t setsize)
{
	u64 deadline;
	long r = deadline_from(uts, &deadline);

	if (!r)
		r = temporary_mask(uset, setsize);
	if (r)
		return r;
	r = do_poll(ufds, n, deadline);
	put_remaining(uts, deadline, false);
	temporary_mask_done(r);
	return r;
}
