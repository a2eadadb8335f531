/* generic.c - reading, writing and seeking of files whose bytes are in the page cache
 * Locks: a writer holds inode->lock; readers none: they see pages and size as they are. Both may
 *   fault the user's pages in (mm->lock comes later in the order). */
#include "abi/linux/caps.h"
#include "abi/linux/uio.h"
#include "fs_internal.h"
#include "ksignal.h"

#define POLL_BYTES (64 * PAGE_SIZE) /* an interrupt is looked for at least so often */
#define FILE_MAX   ((u64)INT64_MAX)

static inline bool later(const struct abi_timespec *a, const struct abi_timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

void file_accessed(struct file *f)
{
	struct inode *i = f->inode;

	if (i->flags & INODE_NOATIME || f->flags & ABI_O_NOATIME || i->sb->flags & SB_RDONLY ||
	    (f->path.mnt && f->path.mnt->flags & (MNT_NOATIME | MNT_RDONLY)))
		return;
	/* relatime: told only where it would be older than the last change, or a day */
	if (later(&i->atime, &i->mtime) && later(&i->atime, &i->ctime) &&
	    inode_last_now() - i->atime.tv_sec < 24 * 3600)
		return;
	i->atime = inode_now();
}

static ssize_t read_page(struct file *f, struct iter *to, u64 at, size_t n)
{
	struct mapping *m = &f->inode->mapping;
	struct frame *fr = mapping_find(m, at >> PAGE_SHIFT);
	size_t got;
	int err;

	if (!fr) {
		if (m->ops->anonymous)
			return (ssize_t)iter_zero(to, n);
		err = mapping_get(m, at >> PAGE_SHIFT, &fr);
		if (err)
			return err;
	}
	got = iter_put(to, (char *)frame_va(fr) + (at & (PAGE_SIZE - 1)), n);
	frame_put(fr);
	return (ssize_t)got;
}

ssize_t generic_file_read(struct file *f, struct iter *to, loff_t *pos)
{
	u64 at = (u64)*pos, size, start = at;
	ssize_t got = 0;
	size_t n;

	if (*pos < 0)
		return -EINVAL;
	while (to->left) {
		size = READ_ONCE(f->inode->size);
		if (at >= size)
			break;
		n = MIN(size - at, to->left);
		n = MIN(PAGE_SIZE - (at & (PAGE_SIZE - 1)), n);
		got = read_page(f, to, at, n);
		if (got < 0)
			break;
		at += (u64)got;
		if ((size_t)got < n) {
			got = -EFAULT;
			break;
		}
		if (!(at & (POLL_BYTES - 1)))
			mach_poll();
	}
	file_accessed(f);
	*pos = (loff_t)at;
	return at != start ? (ssize_t)(at - start) : got < 0 ? got : 0;
}

int file_limit(struct inode *i, loff_t pos, size_t *n)
{
	u64 limit = READ_ONCE(current->proc->rlim[ABI_RLIMIT_FSIZE].rlim_cur);

	if (pos < 0)
		return -EINVAL;
	if (limit != ABI_RLIM_INFINITY && S_ISREG(i->mode)) {
		if ((u64)pos >= limit) {
			(void)signal_send_task(current, ABI_SIGXFSZ, NULL);
			return -EFBIG;
		}
		*n = MIN(*n, limit - (u64)pos);
	}
	if ((u64)pos >= FILE_MAX)
		return -EFBIG;
	*n = MIN(*n, FILE_MAX - (u64)pos);
	return 0;
}

void file_remove_privs(struct file *f)
{
	struct inode *i = f->inode, *node = file_node(f);
	u32 drop = i->mode & ABI_S_ISUID;

	if ((i->mode & (ABI_S_ISGID | ABI_S_IXGRP)) == (ABI_S_ISGID | ABI_S_IXGRP))
		drop |= ABI_S_ISGID;
	if (drop && S_ISREG(i->mode) && !capable(ABI_CAP_FSETID))
		i->mode = node->mode &= ~drop; /* an overlay shows its layer's mode */
}

static ssize_t write_page(struct inode *i, struct iter *from, u64 at, size_t n)
{
	struct mapping *m = &i->mapping;
	u64 index = at >> PAGE_SHIFT;
	bool whole = n == PAGE_SIZE || m->ops->anonymous || PAGE_ALIGN_DOWN(at) >= i->size;
	struct frame *fr = mapping_find(m, index);
	size_t got;
	int err;

	if (!fr) {
		err = whole ? mapping_get_new(m, index, &fr) : mapping_get(m, index, &fr);
		if (err)
			return err;
	}
	got = iter_get(from, (char *)frame_va(fr) + (at & (PAGE_SIZE - 1)), n);
	if (got)
		mapping_dirty(m, fr);
	frame_put(fr);
	return got ? (ssize_t)got : -EFAULT;
}

/* What lies behind the end in the last page may have been written through a mapping: it must not
 * appear when the file grows over it. Lock held. */
static void zero_tail(struct inode *i, u64 pos)
{
	u64 size = i->size;
	struct frame *fr;

	if (pos <= size || !(size & (PAGE_SIZE - 1)))
		return;
	fr = mapping_find(&i->mapping, size >> PAGE_SHIFT);
	if (!fr)
		return;
	memset((char *)frame_va(fr) + (size & (PAGE_SIZE - 1)), 0,
	       PAGE_SIZE - (size & (PAGE_SIZE - 1)));
	frame_put(fr);
}

static ssize_t write_locked(struct inode *i, struct iter *from, u64 at)
{
	u64 start = at;
	ssize_t got = 0;
	size_t n;

	while (from->left) {
		n = MIN(PAGE_SIZE - (at & (PAGE_SIZE - 1)), from->left);
		got = write_page(i, from, at, n);
		if (got < 0)
			break;
		at += (u64)got;
		if (at > i->size)
			WRITE_ONCE(i->size, at);
		if ((size_t)got < n)
			break;
		if (!(at & (POLL_BYTES - 1)))
			mach_poll();
	}
	return at != start ? (ssize_t)(at - start) : got;
}

ssize_t generic_file_write(struct file *f, struct iter *from, loff_t *pos)
{
	struct inode *i = f->inode;
	size_t n = from->left, cut;
	ssize_t done;
	int err;

	if (!n)
		return 0;
	rwlock_write(&i->lock);
	if (f->flags & ABI_O_APPEND)
		*pos = (loff_t)i->size;
	err = file_limit(i, *pos, &n);
	if (err) {
		rwlock_write_done(&i->lock);
		return err;
	}
	cut = from->left - n;
	from->left = n;
	file_remove_privs(f);
	zero_tail(i, (u64)*pos);
	done = write_locked(i, from, (u64)*pos);
	if (done > 0) {
		i->mtime = i->ctime = inode_now();
		*pos += done;
	}
	rwlock_write_done(&i->lock);
	from->left += cut;
	return done;
}

/* SEEK_DATA and SEEK_HOLE: where nothing is known of holes, a file is data up to its end. */
static loff_t seek_extent(struct inode *i, loff_t off, bool data)
{
	u64 size = READ_ONCE(i->size), page;

	if (off < 0 || (u64)off >= size)
		return -ENXIO;
	if (!i->mapping.ops || !i->mapping.ops->anonymous)
		return data ? off : (loff_t)size;
	page = mapping_next(&i->mapping, (u64)off >> PAGE_SHIFT, data);
	if (page >= (size + PAGE_SIZE - 1) >> PAGE_SHIFT)
		return data ? -ENXIO : (loff_t)size;
	return MAX(off, (loff_t)(page << PAGE_SHIFT));
}

loff_t generic_llseek(struct file *f, loff_t off, int whence)
{
	loff_t base = 0;

	switch (whence) {
	case ABI_SEEK_SET:
		break;
	case ABI_SEEK_CUR:
		base = f->pos;
		break;
	case ABI_SEEK_END:
		base = (loff_t)READ_ONCE(f->inode->size);
		break;
	case ABI_SEEK_DATA:
	case ABI_SEEK_HOLE:
		off = seek_extent(f->inode, off, whence == ABI_SEEK_DATA);
		if (off < 0)
			return off;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &off) || off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}
