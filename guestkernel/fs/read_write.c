/* read_write.c - read, write and their relatives, lseek (read(2), readv(2), lseek(2)) */
#include "abi/linux/uio.h"
#include "fs_internal.h"
#include "ksignal.h"
#include "slab.h"
#include "syscalls_proto.h"

#define SMALL_IOV 8u
typedef ssize_t io_fn(struct file *f, struct iter *it, loff_t *pos);

/* At the file's position, which is locked if anybody else may use it. */
static ssize_t io_pos(struct fdref r, struct iter *it, io_fn *fn)
{
	struct file *f = r.file;
	loff_t none = 0;
	ssize_t n;

	if (!f->ops->llseek)
		return fn(f, it, &none);
	if (likely(!r.counted && a_load(&f->refs) == 1))
		return fn(f, it, &f->pos);
	mutex_lock(&f->pos_lock);
	n = fn(f, it, &f->pos);
	mutex_unlock(&f->pos_lock);
	return n;
}

static ssize_t io_at(struct fdref r, struct iter *it, io_fn *fn, loff_t pos)
{
	loff_t end;

	if (pos < 0 || __builtin_add_overflow(pos, (loff_t)it->left, &end))
		return -EINVAL;
	if (!r.file->ops->llseek)
		return -ESPIPE;
	return fn(r.file, it, &pos);
}

static long io_buf(int fd, uaddr_t buf, size_t count, io_fn *fn)
{
	struct fdref r = fd_get(fd);
	struct abi_iovec seg;
	struct iter it;
	ssize_t n;

	if (unlikely(!r.file))
		return -EBADF;
	/* No address space is that long: the buffer is bad before the count is. */
	if (unlikely((ssize_t)count < 0)) {
		fd_put(r);
		return -EFAULT;
	}
	iter_init_user(&it, &seg, buf, MIN(count, (size_t)ABI_MAX_RW_COUNT));
	n = io_pos(r, &it, fn);
	fd_put(r);
	return n;
}

long sys_read(int fd, uaddr_t buf, size_t count)
{
	return io_buf(fd, buf, count, file_read);
}

long sys_write(int fd, uaddr_t buf, size_t count)
{
	return io_buf(fd, buf, count, file_write);
}

static long io_buf_at(int fd, uaddr_t buf, size_t count, loff_t pos, io_fn *fn)
{
	struct fdref r = fd_get(fd);
	struct abi_iovec seg;
	struct iter it;
	ssize_t n;

	if (unlikely(!r.file))
		return -EBADF;
	iter_init_user(&it, &seg, buf, MIN(count, (size_t)ABI_MAX_RW_COUNT));
	n = (ssize_t)count < 0 ? -EFAULT : io_at(r, &it, fn, pos);
	fd_put(r);
	return n;
}

long sys_pread64(int fd, uaddr_t buf, size_t count, loff_t offset)
{
	return io_buf_at(fd, buf, count, offset, file_read);
}

long sys_pwrite64(int fd, uaddr_t buf, size_t count, loff_t offset)
{
	return io_buf_at(fd, buf, count, offset, file_write);
}

#define POS_CURRENT (-1ll)
static long io_vec(int fd, uaddr_t uiov, int n, loff_t pos, bool at, io_fn *fn)
{
	struct abi_iovec small[SMALL_IOV], *iov;
	struct fdref r = fd_get(fd);
	struct iter it;
	long done;

	if (!r.file)
		return -EBADF;
	if (n < 0 || n > ABI_UIO_MAXIOV) {
		done = -EINVAL;
		goto out_put;
	}
	done = copy_in_iov(&iov, uiov, (u64)n, small, SMALL_IOV);
	if (done)
		goto out_put;
	iter_init_iov(&it, iov, (u32)n, true);
	it.left = MIN(it.left, (size_t)ABI_MAX_RW_COUNT);
	done = at ? io_at(r, &it, fn, pos) : io_pos(r, &it, fn);
	if (iov != small)
		kfree(iov);
out_put:
	fd_put(r);
	return done;
}

long sys_readv(int fd, uaddr_t iov, int n)
{
	return io_vec(fd, iov, n, 0, false, file_read);
}

long sys_writev(int fd, uaddr_t iov, int n)
{
	return io_vec(fd, iov, n, 0, false, file_write);
}

long sys_preadv(int fd, uaddr_t iov, int n, unsigned long pos_lo, unsigned long pos_hi)
{
	return io_vec(fd, iov, n, (loff_t)pos_lo, true, file_read);
}

long sys_pwritev(int fd, uaddr_t iov, int n, unsigned long pos_lo, unsigned long pos_hi)
{
	return io_vec(fd, iov, n, (loff_t)pos_lo, true, file_write);
}

long sys_preadv2(int fd, uaddr_t iov, int n, unsigned long pos_lo, unsigned long pos_hi, int flags)
{
	if (flags & ~(ABI_RWF_HIPRI))
		return -EOPNOTSUPP;
	return io_vec(fd, iov, n, (loff_t)pos_lo, (loff_t)pos_lo != POS_CURRENT, file_read);
}

static ssize_t write_append(struct file *f, struct iter *it, loff_t *pos)
{
	loff_t end = (loff_t)READ_ONCE(f->inode->size);

	return file_write(f, it, &end);
}

static long file_sync_after(int fd, bool data_only, long done)
{
	struct fdref r = fd_get(fd);
	int err = 0;

	if (r.file && r.file->ops->fsync)
		err = r.file->ops->fsync(r.file, data_only);
	fd_put(r);
	return err ? err : done;
}

long sys_pwritev2(int fd, uaddr_t iov, int n, unsigned long pos_lo, unsigned long pos_hi, int flags)
{
	io_fn *fn = flags & ABI_RWF_APPEND ? write_append : file_write;
	long done;

	if (flags & ~(ABI_RWF_HIPRI | ABI_RWF_DSYNC | ABI_RWF_SYNC | ABI_RWF_APPEND))
		return -EOPNOTSUPP;
	done = io_vec(fd, iov, n, (loff_t)pos_lo, (loff_t)pos_lo != POS_CURRENT, fn);
	if (done > 0 && flags & (ABI_RWF_DSYNC | ABI_RWF_SYNC))
		done = file_sync_after(fd, !(flags & ABI_RWF_SYNC), done);
	return done;
}

long sys_lseek(int fd, loff_t offset, int whence)
{
	struct fdref r = fd_get(fd);
	struct file *f = r.file;
	loff_t pos;

	if (!f)
		return -EBADF;
	if (f->flags & ABI_O_PATH) {
		pos = -EBADF;
	} else if (!f->ops->llseek) {
		pos = -ESPIPE;
	} else {
		mutex_lock(&f->pos_lock);
		pos = f->ops->llseek(f, offset, whence);
		mutex_unlock(&f->pos_lock);
	}
	fd_put(r);
	return pos;
}
