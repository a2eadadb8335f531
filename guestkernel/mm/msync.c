/* msync.c - msync(2), mincore(2) */
#include "mm_internal.h"
#include "pagecache_internal.h"
#include "syscalls_proto.h"
#include "task.h"
#include "uaccess.h"
#include "vfs.h"

/* One VMA's part, from start: its file with a reference if there is something to write. */
static int sync_piece(struct mm *mm, u64 start, u64 end, int flags, u64 *stop, struct file **f,
		      u64 *first)
{
	struct vma *v;
	int err = 0;

	*f = NULL;
	rwlock_read(&mm->lock);
	v = mm_find_vma(mm, start);
	if (!v) {
		err = -ENOMEM;
		*stop = end;
	} else if (v->start > start) {
		err = -ENOMEM;
		*stop = MIN(v->start, end);
	} else {
		*stop = MIN(v->end, end);
		if (flags & ABI_MS_INVALIDATE && v->flags & VMA_LOCKED)
			err = -EBUSY;
		else if (flags & ABI_MS_SYNC && v->file && v->flags & VMA_SHARED) {
			*f = v->file;
			*first = vma_index(v, start);
			file_get(*f);
		}
	}
	rwlock_read_done(&mm->lock);
	return err;
}

long sys_msync(unsigned long addr, size_t len, int flags)
{
	struct mm *mm = current->mm;
	u64 start = addr, end = addr + PAGE_ALIGN_UP(len);
	int unmapped = 0;

	if (flags & ~(ABI_MS_ASYNC | ABI_MS_INVALIDATE | ABI_MS_SYNC) || addr & ~PAGE_MASK ||
	    (flags & ABI_MS_ASYNC && flags & ABI_MS_SYNC))
		return -EINVAL;
	if (end < start)
		return -ENOMEM;
	while (start < end) {
		struct file *f;
		u64 stop, first = 0;
		int err = sync_piece(mm, start, end, flags, &stop, &f, &first);

		if (err == -ENOMEM)
			unmapped = err;
		else if (err)
			return err;
		if (f) {
			err = mapping_sync(&f->inode->mapping, first,
					   first + ((stop - start) >> PAGE_SHIFT) - 1);
			if (!err && f->ops->fsync)
				err = f->ops->fsync(f, true);
			file_put(f);
			if (err)
				return err;
		}
		start = stop;
	}
	return unmapped;
}

static bool is_resident(struct vma *v, u64 page)
{
	struct mm *mm = v->mm;
	struct mach_pte pte;
	struct frame *f;

	spin_lock(&mm->pt_lock);
	pte = mach_lookup(&mm->space, page);
	spin_unlock(&mm->pt_lock);
	if (pte_used(&pte))
		return true;
	if (!v->mapping)
		return false;
	mapping_find_many(v->mapping, vma_index(v, page), &f, 1);
	if (f)
		frame_put(f);
	return f;
}

long sys_mincore(unsigned long addr, size_t len, uaddr_t vec)
{
	struct mm *mm = current->mm;
	u64 end = addr + PAGE_ALIGN_UP(len);
	u8 out[256];

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (end < addr || PAGE_ALIGN_UP(len) < len || end > mach_user_top)
		return -ENOMEM;
	for (u64 page = addr; page < end;) {
		struct vma *v = NULL;
		size_t n = 0;

		rwlock_read(&mm->lock);
		for (; n < sizeof(out) && page < end; n++, page += PAGE_SIZE) {
			if (!v || v->end <= page)
				v = mm_find_vma(mm, page);
			if (!v || v->start > page) {
				rwlock_read_done(&mm->lock);
				return -ENOMEM;
			}
			out[n] = is_resident(v, page);
		}
		rwlock_read_done(&mm->lock);
		if (copy_out(vec, out, n))
			return -EFAULT;
		vec = uaddr_add(vec, n);
		mach_poll();
	}
	return 0;
}
