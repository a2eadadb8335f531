/* splice.c - bytes from file to file (sendfile(2), copy_file_range(2), splice(2), tee(2))
 * All copy through a buffer of the kernel's. From a pipe no more is taken than the other side has
 * accepted: it is looked at, written, then taken. */
#include "abi/linux/uio.h"
#include "fs_internal.h"
#include "ipc/pipe.h"
#include "ksignal.h"
#include "slab.h"
#include "syscalls_proto.h"

#define CHUNK 65536u

struct copy {
	struct file *in, *out;
	loff_t *in_pos, *out_pos;
	bool nonblock;
	char *buf;
};

static ssize_t put_all(const struct copy *c, char *buf, size_t n)
{
	struct abi_iovec seg;
	struct iter it;
	ssize_t w;

	iter_init_kernel(&it, &seg, buf, n);
	while (it.left) {
		w = file_write(c->out, &it, c->out_pos);
		if (w <= 0)
			return it.left < n ? (ssize_t)(n - it.left) : w;
	}
	return (ssize_t)n;
}

static ssize_t take(const struct copy *c, size_t n)
{
	struct abi_iovec seg;
	struct iter it;

	iter_init_kernel(&it, &seg, c->buf, n);
	return file_read(c->in, &it, c->in_pos);
}

/* One chunk, by position: what was read and not written is read again by the next. */
static ssize_t copy_chunk(const struct copy *c, size_t n)
{
	loff_t was = *c->in_pos;
	ssize_t got = take(c, n), put;

	if (got <= 0)
		return got;
	put = put_all(c, c->buf, (size_t)got);
	*c->in_pos = was + (put > 0 ? put : 0);
	return put;
}

static long copy_loop(struct copy *c, size_t count)
{
	size_t done = 0, n;
	ssize_t one = 0;

	c->buf = kmalloc(MIN(count, (size_t)CHUNK));
	if (!c->buf)
		return -ENOMEM;
	while (done < count) {
		n = MIN(count - done, (size_t)CHUNK);
		one = copy_chunk(c, n);
		if (one <= 0)
			break;
		done += (size_t)one;
		if ((size_t)one < n || signal_pending(current))
			break;
		mach_poll();
	}
	kfree(c->buf);
	return done ? (long)done : one;
}

/* A position that belongs to the call: an optional offset in user memory, or else a copy of the
 * file's own, which other threads may change meanwhile. */
static int offset_get(uaddr_t u, struct file *f, loff_t *local, loff_t **pos)
{
	*pos = local;
	*local = READ_ONCE(f->pos);
	if (uaddr_is_null(u)) {
		if (f->ops->host_pos)
			*pos = &f->pos;
		return 0;
	}
	if (!f->ops->llseek)
		return -ESPIPE;
	if (copy_in_obj(local, u))
		return -EFAULT;
	return *local < 0 ? -EINVAL : 0;
}

static long offset_put(uaddr_t u, struct file *f, const loff_t *local, long done)
{
	if (done < 0)
		return done;
	if (!uaddr_is_null(u))
		return copy_out_obj(u, local) ? -EFAULT : done;
	if (f->ops->llseek && !f->ops->host_pos)
		WRITE_ONCE(f->pos, *local);
	return done;
}

static long sendfile_files(struct file *out, struct file *in, uaddr_t uoff, size_t count)
{
	struct copy c = {.in = in, .out = out};
	loff_t from, to;
	long n;

	if (!FILE_READ(in) || !FILE_WRITE(out))
		return -EBADF;
	n = offset_get(uoff, in, &from, &c.in_pos);
	if (!n)
		n = offset_get(UADDR_NULL, out, &to, &c.out_pos);
	if (n)
		return n;
	if (!in->ops->llseek || !in->ops->read || out->flags & ABI_O_APPEND)
		return -EINVAL;
	n = copy_loop(&c, MIN(count, (size_t)ABI_MAX_RW_COUNT));
	(void)offset_put(UADDR_NULL, out, &to, n);
	return offset_put(uoff, in, &from, n);
}

long sys_sendfile(int outfd, int infd, uaddr_t offset, size_t count)
{
	struct fdref in = fd_get(infd), out = fd_get(outfd);
	long n = -EBADF;

	if (in.file && out.file)
		n = count ? sendfile_files(out.file, in.file, offset, count) : 0;
	if (in.file)
		fd_put(in);
	if (out.file)
		fd_put(out);
	return n;
}

static long copy_range_files(struct file *in, uaddr_t uin, struct file *out, uaddr_t uout,
			     size_t len)
{
	loff_t from, to;
	struct copy c = {.in = in, .out = out};
	long n;

	if (!FILE_READ(in) || !FILE_WRITE(out) || out->flags & ABI_O_APPEND)
		return -EBADF;
	if (S_ISDIR(in->inode->mode) || S_ISDIR(out->inode->mode))
		return -EISDIR;
	if (!S_ISREG(in->inode->mode) || !S_ISREG(out->inode->mode))
		return -EINVAL;
	n = offset_get(uin, in, &from, &c.in_pos);
	if (!n)
		n = offset_get(uout, out, &to, &c.out_pos);
	if (n)
		return n;
	len = MIN(len, (size_t)ABI_MAX_RW_COUNT);
	if (from > INT64_MAX - (loff_t)len || to > INT64_MAX - (loff_t)len)
		return -EOVERFLOW;
	if (in->inode == out->inode && from < to + (loff_t)len && to < from + (loff_t)len)
		return -EINVAL;
	n = len ? copy_loop(&c, len) : 0;
	n = offset_put(uin, in, &from, n);
	return offset_put(uout, out, &to, n);
}

long sys_copy_file_range(int infd, uaddr_t uin, int outfd, uaddr_t uout, size_t len,
			 unsigned int flags)
{
	struct fdref in = fd_get(infd), out = fd_get(outfd);
	long n = -EBADF;

	if (in.file && out.file)
		n = flags ? -EINVAL : copy_range_files(in.file, uin, out.file, uout, len);
	if (in.file)
		fd_put(in);
	if (out.file)
		fd_put(out);
	return n;
}

/* ---- splice, tee: one side at least is a pipe ---- */

/* From a pipe: blocks for the first byte like a read, without taking it. */
static ssize_t pipe_look(const struct copy *c, size_t n)
{
	int err = pipe_wait_data(c->in, c->nonblock);

	return err ? err : (ssize_t)pipe_peek(c->in, c->buf, n);
}

static ssize_t splice_from_pipe(const struct copy *c, size_t n)
{
	ssize_t got = pipe_look(c, n), put, taken;
	struct abi_iovec seg;
	struct iter it;

	if (got <= 0)
		return got;
	put = put_all(c, c->buf, (size_t)got);
	if (put <= 0)
		return put;
	iter_init_kernel(&it, &seg, c->buf, (size_t)put);
	taken = file_read(c->in, &it, c->in_pos);
	return taken < 0 ? taken : put;
}

static ssize_t splice_to_pipe(const struct copy *c, size_t n)
{
	size_t room = pipe_room(c->out);
	ssize_t got;

	if (!room && c->nonblock)
		return -EAGAIN;
	room = MAX(room, (size_t)ABI_PIPE_BUF);
	got = take(c, MIN(n, room));
	return got <= 0 ? got : put_all(c, c->buf, (size_t)got);
}

static long splice_files(struct file *in, uaddr_t uin, struct file *out, uaddr_t uout, size_t len,
			 u32 flags)
{
	loff_t from, to;
	struct copy c = {.in = in, .out = out};
	bool in_pipe = file_is_pipe(in), out_pipe = file_is_pipe(out);
	long n;

	if (!FILE_READ(in) || !FILE_WRITE(out))
		return -EBADF;
	if ((!in_pipe && !out_pipe) || (in_pipe && out_pipe && in->inode == out->inode))
		return -EINVAL;
	if ((in_pipe && !uaddr_is_null(uin)) || (out_pipe && !uaddr_is_null(uout)))
		return -ESPIPE;
	if (!out_pipe && out->flags & ABI_O_APPEND)
		return -EINVAL;
	n = offset_get(uin, in, &from, &c.in_pos);
	if (!n)
		n = offset_get(uout, out, &to, &c.out_pos);
	if (n)
		return n;
	c.nonblock = flags & ABI_SPLICE_F_NONBLOCK;
	len = MIN(len, (size_t)CHUNK);
	c.buf = kmalloc(len);
	if (!c.buf)
		return -ENOMEM;
	n = in_pipe ? splice_from_pipe(&c, len) : splice_to_pipe(&c, len);
	kfree(c.buf);
	n = offset_put(uin, in, &from, n);
	return offset_put(uout, out, &to, n);
}

#define SPLICE_FLAGS \
	(ABI_SPLICE_F_MOVE | ABI_SPLICE_F_NONBLOCK | ABI_SPLICE_F_MORE | ABI_SPLICE_F_GIFT)

long sys_splice(int infd, uaddr_t uin, int outfd, uaddr_t uout, size_t len, unsigned int flags)
{
	struct fdref in, out;
	long n = -EBADF;

	if (flags & ~(u32)SPLICE_FLAGS)
		return -EINVAL;
	if (!len)
		return 0;
	in = fd_get(infd);
	out = fd_get(outfd);
	if (in.file && out.file)
		n = splice_files(in.file, uin, out.file, uout, len, flags);
	if (in.file)
		fd_put(in);
	if (out.file)
		fd_put(out);
	return n;
}

static long tee_files(struct file *in, struct file *out, size_t len, u32 flags)
{
	loff_t none = 0;
	struct copy c = {.in = in,
			 .out = out,
			 .in_pos = &none,
			 .out_pos = &none,
			 .nonblock = flags & ABI_SPLICE_F_NONBLOCK};
	ssize_t n;

	if (!FILE_READ(in) || !FILE_WRITE(out))
		return -EBADF;
	if (!file_is_pipe(in) || !file_is_pipe(out) || in->inode == out->inode)
		return -EINVAL;
	len = MIN(len, (size_t)CHUNK);
	c.buf = kmalloc(len);
	if (!c.buf)
		return -ENOMEM;
	n = pipe_look(&c, len);
	if (n > 0)
		n = put_all(&c, c.buf, (size_t)n);
	kfree(c.buf);
	return n;
}

long sys_tee(int infd, int outfd, size_t len, unsigned int flags)
{
	struct fdref in, out;
	long n = -EBADF;

	if (flags & ~(u32)SPLICE_FLAGS)
		return -EINVAL;
	if (!len)
		return 0;
	in = fd_get(infd);
	out = fd_get(outfd);
	if (in.file && out.file)
		n = tee_files(in.file, out.file, len, flags);
	if (in.file)
		fd_put(in);
	if (out.file)
		fd_put(out);
	return n;
}
