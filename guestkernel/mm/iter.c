/* iter.c - cursors over scattered memory, the application's or the kernel's (uaccess.h) */
#include "abi/linux/uio.h"
#include "log.h"
#include "slab.h"
#include "string.h"
#include "uaccess.h"

int copy_in_iov(struct abi_iovec **out, uaddr_t iov, u64 count, struct abi_iovec *small,
		size_t nsmall)
{
	struct abi_iovec *v = small;
	u64 total = 0;
	int err;

	if (count > ABI_UIO_MAXIOV)
		return -EINVAL;
	if (count > nsmall) {
		v = kmalloc(count * sizeof(*v));
		if (!v)
			return -ENOMEM;
	}
	err = copy_in(v, iov, count * sizeof(*v));
	for (u64 i = 0; !err && i < count; i++) {
		if (v[i].iov_len > (u64)INT64_MAX - total)
			err = -EINVAL;
		else if ((total += v[i].iov_len) > ABI_MAX_RW_COUNT) {
			v[i].iov_len -= total - ABI_MAX_RW_COUNT;
			total = ABI_MAX_RW_COUNT;
		}
	}
	if (err) {
		if (v != small)
			kfree(v);
		return err;
	}
	*out = v;
	return 0;
}

void iter_init_user(struct iter *it, struct abi_iovec *one, uaddr_t buf, size_t n)
{
	*one = (struct abi_iovec){.iov_base = buf.va, .iov_len = n};
	*it = (struct iter){.seg = one, .nseg = 1, .user = true, .left = n};
}

void iter_init_kernel(struct iter *it, struct abi_iovec *one, void *buf, size_t n)
{
	*one = (struct abi_iovec){.iov_base = (u64)(uintptr_t)buf, .iov_len = n};
	*it = (struct iter){.seg = one, .nseg = 1, .left = n};
}

void iter_init_iov(struct iter *it, const struct abi_iovec *seg, u32 nseg, bool user)
{
	*it = (struct iter){.seg = seg, .nseg = nseg, .user = user};
	for (u32 i = 0; i < nseg; i++)
		it->left += seg[i].iov_len;
}

/* Skips segments that are used up: the address and length of the current piece. */
static size_t iter_piece(struct iter *it, size_t n, u64 *at)
{
	while (it->nseg && it->off == it->seg->iov_len) {
		it->seg++;
		it->nseg--;
		it->off = 0;
	}
	if (!it->nseg)
		return 0;
	*at = it->seg->iov_base + it->off;
	return MIN(n, (size_t)(it->seg->iov_len - it->off));
}

void iter_advance(struct iter *it, size_t n)
{
	u64 at;

	n = MIN(n, it->left);
	while (n) {
		size_t m = iter_piece(it, n, &at);

		if (!m)
			break;
		it->off += m;
		it->left -= m;
		n -= m;
	}
}

/* The usual case: user memory, and all in the current segment. */
static inline bool iter_is_simple(const struct iter *it, size_t n)
{
	return it->user && it->nseg && n <= it->seg->iov_len - it->off;
}

static size_t put_pieces(struct iter *it, const u8 *src, size_t n)
{
	size_t done = 0;
	u64 at;

	while (done < n) {
		size_t m = iter_piece(it, n - done, &at), got = m;

		if (!m)
			break;
		if (it->user)
			got = copy_out_partial(UADDR(at), src + done, m);
		else
			memcpy((void *)(uintptr_t)at, src + done, m);
		it->off += got;
		it->left -= got;
		done += got;
		if (got < m)
			break;
	}
	return done;
}

size_t iter_put(struct iter *it, const void *src, size_t n)
{
	n = MIN(n, it->left);
	if (likely(iter_is_simple(it, n))) {
		n = copy_out_partial(UADDR(it->seg->iov_base + it->off), src, n);
		it->off += n;
		it->left -= n;
		return n;
	}
	return put_pieces(it, src, n);
}

static size_t get_pieces(struct iter *it, u8 *dst, size_t n)
{
	size_t done = 0;
	u64 at;

	while (done < n) {
		size_t m = iter_piece(it, n - done, &at), got = m;

		if (!m)
			break;
		if (it->user)
			got = copy_in_partial(dst + done, UADDR(at), m);
		else
			memcpy(dst + done, (const void *)(uintptr_t)at, m);
		it->off += got;
		it->left -= got;
		done += got;
		if (got < m)
			break;
	}
	return done;
}

size_t iter_get(struct iter *it, void *dst, size_t n)
{
	n = MIN(n, it->left);
	if (likely(iter_is_simple(it, n))) {
		n = copy_in_partial(dst, UADDR(it->seg->iov_base + it->off), n);
		it->off += n;
		it->left -= n;
		return n;
	}
	return get_pieces(it, dst, n);
}

size_t iter_zero(struct iter *it, size_t n)
{
	size_t done = 0;
	u64 at;

	n = MIN(n, it->left);
	while (done < n) {
		size_t m = iter_piece(it, n - done, &at);

		if (!m)
			break;
		if (it->user) {
			m = MIN(m, PAGE_SIZE);
			if (zero_out(UADDR(at), m))
				break;
		} else {
			memset((void *)(uintptr_t)at, 0, m);
		}
		it->off += m;
		it->left -= m;
		done += m;
	}
	return done;
}
