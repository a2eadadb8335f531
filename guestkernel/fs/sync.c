/* sync.c - reaching stable storage, allocation and hints (fsync(2), fallocate(2), fadvise(2)) */
#include "abi/linux/caps.h"
#include "fs_internal.h"
#include "syscalls_proto.h"

static long do_fsync(int fd, bool data_only)
{
	struct fdref r = fd_get(fd);
	long err;

	if (!r.file)
		return -EBADF;
	if (r.file->flags & ABI_O_PATH)
		err = -EBADF;
	else
		err = r.file->ops->fsync ? r.file->ops->fsync(r.file, data_only) : -EINVAL;
	fd_put(r);
	return err;
}

long sys_fsync(int fd)
{
	return do_fsync(fd, false);
}

long sys_fdatasync(int fd)
{
	return do_fsync(fd, true);
}

static int super_sync(struct superblock *sb)
{
	return sb->ops->sync ? sb->ops->sync(sb) : 0;
}

long sys_syncfs(int fd)
{
	struct fdref r = fd_get(fd);
	long err;

	if (!r.file)
		return -EBADF;
	err = r.file->flags & ABI_O_PATH ? -EBADF : super_sync(file_node(r.file)->sb);
	fd_put(r);
	return err;
}

long sys_sync(void)
{
	struct mntns *ns = current->container ? current->container->mounts : NULL;
	struct mount *m, *held = NULL, *next;

	if (!ns)
		return 0;
	mutex_lock(&ns->lock);
	for (m = TAILQ_FIRST(&ns->mounts); m; m = next) {
		mount_get(m);
		mutex_unlock(&ns->lock);
		(void)super_sync(m->sb);
		if (held)
			mount_put(held);
		held = m;
		mutex_lock(&ns->lock);
		next = m->ns ? TAILQ_NEXT(m, link) : NULL;
	}
	mutex_unlock(&ns->lock);
	if (held)
		mount_put(held);
	return 0;
}

long sys_sync_file_range(int fd, loff_t off, loff_t len, unsigned int flags)
{
	struct fdref r;
	long err;
	loff_t end;

	if (flags & ~(ABI_SYNC_FILE_RANGE_WAIT_BEFORE | ABI_SYNC_FILE_RANGE_WRITE |
		      ABI_SYNC_FILE_RANGE_WAIT_AFTER) ||
	    off < 0 || len < 0 || __builtin_add_overflow(off, len, &end))
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	if (!r.file->ops->llseek)
		err = -ESPIPE;
	else
		err = r.file->ops->fsync ? r.file->ops->fsync(r.file, true) : 0;
	fd_put(r);
	return err;
}

static long fallocate_file(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *i = f->inode;
	size_t one = 1;
	loff_t end;
	int err;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode & ABI_FALLOC_FL_PUNCH_HOLE && !(mode & ABI_FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!FILE_WRITE(f))
		return -EBADF;
	if (!f->ops->llseek)
		return S_ISDIR(i->mode) ? -EISDIR : -ESPIPE;
	if (!S_ISREG(i->mode))
		return S_ISDIR(i->mode) ? -EISDIR : -ENODEV;
	if (__builtin_add_overflow(off, len, &end))
		return -EFBIG;
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	if (!(mode & ABI_FALLOC_FL_KEEP_SIZE)) {
		err = file_limit(i, end - 1, &one);
		if (err)
			return err;
	}
	return f->ops->fallocate(f, mode, off, len);
}

long sys_fallocate(int fd, int mode, loff_t off, loff_t len)
{
	struct fdref r = fd_get(fd);
	long err;

	if (!r.file)
		return -EBADF;
	err = fallocate_file(r.file, mode, off, len);
	fd_put(r);
	return err;
}

long sys_fadvise64(int fd, loff_t off, loff_t len, int advice)
{
	struct fdref r = fd_get(fd);
	long err = 0;

	if (!r.file)
		return -EBADF;
	if (r.file->flags & ABI_O_PATH)
		err = -EBADF;
	else if (S_ISREG(r.file->inode->mode) || r.file->ops->llseek)
		err = len < 0 || advice < ABI_POSIX_FADV_NORMAL || advice > ABI_POSIX_FADV_NOREUSE
			      ? -EINVAL
			      : 0;
	else
		err = -ESPIPE;
	fd_put(r);
	return err;
}

long sys_readahead(int fd, loff_t off, size_t count)
{
	struct fdref r = fd_get(fd);
	long err;

	if (!r.file)
		return -EBADF;
	if (!FILE_READ(r.file))
		err = -EBADF;
	else
		err = S_ISREG(r.file->inode->mode) ? 0 : -EINVAL;
	fd_put(r);
	return err;
}
