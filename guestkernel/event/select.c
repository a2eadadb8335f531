/* select.c - select(2), pselect6(2) */
#include "event/internal.h"
#include "ksignal.h"
#include "log.h"
#include "slab.h"
#include "string.h"
#include "syscalls_proto.h"

#define SEL_IN	(ABI_POLLIN | ABI_POLLRDNORM | ABI_POLLRDBAND | ABI_POLLHUP | ABI_POLLERR)
#define SEL_OUT (ABI_POLLOUT | ABI_POLLWRNORM | ABI_POLLWRBAND | ABI_POLLERR)
#define SEL_EX	ABI_POLLPRI

/* Three sets in, three sets out, words words each, and the items between them. */
struct select_ctx {
	u32 n, words, nitems;
	u64 *in[3], *out[3];
	struct poll_item *items;
	u32 *fds;
};

static bool has(const u64 *set, u32 fd)
{
	return (set[fd / 64] >> (fd % 64)) & 1;
}

static int fill(struct select_ctx *s)
{
	static const u32 mask[3] = {SEL_IN, SEL_OUT, SEL_EX};

	for (u32 fd = 0; fd < s->n; fd++) {
		struct poll_item *it = &s->items[s->nitems];

		if (fd % 64 == 0 && !(s->in[0][fd / 64] | s->in[1][fd / 64] | s->in[2][fd / 64])) {
			fd += 63;
			continue;
		}
		*it = (struct poll_item){0};
		for (u32 k = 0; k < 3; k++)
			if (has(s->in[k], fd))
				it->events |= mask[k];
		if (!it->events)
			continue;
		it->ref = fd_get((int)fd);
		if (!it->ref.file)
			return -EBADF;
		s->fds[s->nitems++] = fd;
	}
	return 0;
}

static long collect(struct select_ctx *s)
{
	static const u32 mask[3] = {SEL_IN, SEL_OUT, SEL_EX};
	long bits = 0;

	for (u32 i = 0; i < s->nitems; i++)
		for (u32 k = 0; k < 3; k++) {
			u32 fd = s->fds[i];

			if (!has(s->in[k], fd) || !(s->items[i].revents & mask[k]))
				continue;
			s->out[k][fd / 64] |= 1ull << (fd % 64);
			bits++;
		}
	return bits;
}

static long do_select_sets(struct select_ctx *s, const uaddr_t usets[3], u64 deadline)
{
	size_t bytes = s->words * 8;
	long r;

	for (u32 k = 0; k < 3; k++)
		if (!uaddr_is_null(usets[k]) && copy_in(s->in[k], usets[k], bytes))
			return -EFAULT;
	r = fill(s);
	if (!r)
		r = poll_items(s->items, s->nitems, deadline);
	if (r >= 0)
		r = collect(s);
	for (u32 i = 0; i < s->nitems; i++)
		fd_put(s->items[i].ref);
	for (u32 k = 0; r >= 0 && k < 3; k++)
		if (!uaddr_is_null(usets[k]) && copy_out(usets[k], s->out[k], bytes))
			return -EFAULT;
	return r;
}

static long do_select(int n, const uaddr_t usets[3], u64 deadline)
{
	struct select_ctx s = {0};
	size_t set, size;
	u8 *mem;
	long r;

	if (n < 0)
		return -EINVAL;
	s.n = MIN((u32)n, current->files->tab->size);
	s.words = (s.n + 63) / 64;
	set = s.words * 8;
	size = 6 * set + s.n * (sizeof(struct poll_item) + sizeof(u32));
	mem = kzalloc(MAX(size, (size_t)8));
	if (!mem)
		return -ENOMEM;
	for (u32 k = 0; k < 3; k++) {
		s.in[k] = (void *)(mem + k * set);
		s.out[k] = (void *)(mem + (3 + k) * set);
	}
	s.items = (void *)(mem + 6 * set);
	s.fds = (u32 *)(s.items + s.n);
	r = do_select_sets(&s, usets, deadline);
	kfree(mem);
	return r;
}

long sys_select(int n, uaddr_t rd, uaddr_t wr, uaddr_t ex, uaddr_t utv)
{
	const uaddr_t sets[3] = {rd, wr, ex};
	u64 deadline = DEADLINE_NONE;
	struct abi_timeval tv;
	long r;

	if (!uaddr_is_null(utv)) {
		if (copy_in_obj(&tv, utv))
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		if ((u64)tv.tv_sec < DEADLINE_NONE / NSEC_PER_SEC / 2)
			deadline =
				deadline_in((u64)tv.tv_sec * NSEC_PER_SEC + (u64)tv.tv_usec * 1000);
	}
	r = do_select(n, sets, deadline);
	put_remaining(utv, deadline, true);
	return r;
}

long sys_pselect6(int n, uaddr_t rd, uaddr_t wr, uaddr_t ex, uaddr_t uts, uaddr_t usig)
{
	const uaddr_t sets[3] = {rd, wr, ex};
	struct abi_sigset_arg sig = {0};
	u64 deadline;
	long r;

	if (!uaddr_is_null(usig) && copy_in_obj(&sig, usig))
		return -EFAULT;
	r = deadline_from(uts, &deadline);
	if (!r)
		r = temporary_mask(UADDR(sig.set), sig.size);
	if (r)
		return r;
	r = do_select(n, sets, deadline);
	put_remaining(uts, deadline, false);
	temporary_mask_done(r);
	return r;
}
