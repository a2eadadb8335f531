/* madvise.c - madvise(2)
 *
 * MADV_FREE frees at once, which the manual allows ("at any time"). Hints about huge pages, merging
 * and expected use are checked and have no effect: there is nothing they could change. */
#include "abi/linux/fcntl.h"
#include "mm_internal.h"
#include "syscalls_proto.h"
#include "task.h"
#include "vfs.h"

#define FALLOC_KEEP_SIZE  1
#define FALLOC_PUNCH_HOLE 2

enum need { NEED_NOTHING, NEED_READ, NEED_WRITE };

static enum need needs(int advice)
{
	switch (advice) {
	case ABI_MADV_DONTFORK:
	case ABI_MADV_DOFORK:
	case ABI_MADV_WIPEONFORK:
	case ABI_MADV_KEEPONFORK:
	case ABI_MADV_DONTDUMP:
	case ABI_MADV_DODUMP:
		return NEED_WRITE;
	case ABI_MADV_NORMAL:
	case ABI_MADV_RANDOM:
	case ABI_MADV_SEQUENTIAL:
	case ABI_MADV_MERGEABLE:
	case ABI_MADV_UNMERGEABLE:
	case ABI_MADV_HUGEPAGE:
	case ABI_MADV_NOHUGEPAGE:
	case ABI_MADV_COLD:
	case ABI_MADV_PAGEOUT:
		return NEED_NOTHING;
	default:
		return NEED_READ;
	}
}

static int change_flags(struct mm *mm, struct vma *v, u32 set, u32 clear)
{
	v->flags = (v->flags | set) & ~clear;
	return 0;
}

static int advise_drop(struct vma *v, u64 start, u64 end, int advice)
{
	if (v->flags & VMA_SPECIAL)
		return -EINVAL;
	if (v->flags & VMA_LOCKED && advice != ABI_MADV_DONTNEED_LOCKED)
		return -EINVAL;
	if (advice == ABI_MADV_FREE && v->mapping)
		return -EINVAL;
	vma_zap(v, start, end);
	return 0;
}

static int advise_vma(struct mm *mm, struct vma *v, u64 start, u64 end, int advice)
{
	switch (advice) {
	case ABI_MADV_DONTNEED:
	case ABI_MADV_DONTNEED_LOCKED:
	case ABI_MADV_FREE:
		return advise_drop(v, start, end, advice);
	case ABI_MADV_DONTFORK:
		return change_flags(mm, v, VMA_DONTFORK, 0);
	case ABI_MADV_DOFORK:
		return v->flags & VMA_SPECIAL ? -EINVAL : change_flags(mm, v, 0, VMA_DONTFORK);
	case ABI_MADV_WIPEONFORK:
		return v->mapping ? -EINVAL : change_flags(mm, v, VMA_WIPEONFORK, 0);
	case ABI_MADV_KEEPONFORK:
		return change_flags(mm, v, 0, VMA_WIPEONFORK);
	case ABI_MADV_DONTDUMP:
		return change_flags(mm, v, VMA_DONTDUMP, 0);
	case ABI_MADV_DODUMP:
		return v->flags & VMA_SPECIAL ? -EINVAL : change_flags(mm, v, 0, VMA_DONTDUMP);
	default:
		return 0;
	}
}

static int advise_locked(struct mm *mm, u64 start, u64 end, int advice, enum need need)
{
	bool gap = false;
	u64 at = start;
	int err = 0;

	if (need == NEED_WRITE) {
		err = vma_split(mm, start);
		if (!err)
			err = vma_split(mm, end);
	}
	for (struct vma *v = mm_find_vma(mm, start); !err && v && v->start < end;) {
		gap |= v->start > at;
		err = advise_vma(mm, v, MAX(v->start, start), MIN(v->end, end), advice);
		if (need == NEED_WRITE)
			v = vma_merge(mm, v);
		at = MIN(v->end, end);
		v = vma_next(v);
	}
	return err ? err : gap || at < end ? -ENOMEM : 0;
}

/* Asks the file for what lies in the range, one VMA at a time, with no lock held. */
static int advise_files(struct mm *mm, u64 start, u64 end, int advice)
{
	while (start < end) {
		struct file *f = NULL;
		u64 stop, off = 0;
		struct vma *v;
		int err = 0;

		rwlock_read(&mm->lock);
		v = mm_find_vma(mm, start);
		if (!v || v->start > start)
			err = -ENOMEM;
		else if (advice == ABI_MADV_REMOVE &&
			 (v->flags & (VMA_SHARED | VMA_WRITE)) != (VMA_SHARED | VMA_WRITE))
			err = v->flags & VMA_SHARED ? -EACCES : -EINVAL;
		else if ((f = v->file))
			file_get(f);
		stop = v ? MIN(v->end, end) : end;
		if (f)
			off = vma_index(v, start) << PAGE_SHIFT;
		if (!err && !f && advice == ABI_MADV_REMOVE)
			err = -EINVAL;
		rwlock_read_done(&mm->lock);
		if (err)
			return err;
		if (f && advice == ABI_MADV_REMOVE)
			err = f->ops && f->ops->fallocate
				      ? f->ops->fallocate(f, FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE,
							  (loff_t)off, (loff_t)(stop - start))
				      : -EOPNOTSUPP;
		else if (f && f->inode)
			mapping_readahead(&f->inode->mapping, off >> PAGE_SHIFT,
					  (stop - start) >> PAGE_SHIFT);
		if (f)
			file_put(f);
		if (err)
			return err;
		start = stop;
	}
	return 0;
}

static bool known(int advice)
{
	return (advice >= ABI_MADV_NORMAL && advice <= ABI_MADV_DONTNEED) ||
	       (advice >= ABI_MADV_FREE && advice <= ABI_MADV_DONTNEED_LOCKED);
}

long sys_madvise(unsigned long addr, size_t len, int advice)
{
	struct mm *mm = current->mm;
	u64 end = addr + PAGE_ALIGN_UP(len);
	enum need need = needs(advice);
	int err;

	if (!known(advice) || addr & ~PAGE_MASK || end < addr || PAGE_ALIGN_UP(len) < len)
		return -EINVAL;
	if (end == addr)
		return 0;
	if (end > mach_user_top)
		return -ENOMEM;
	switch (advice) {
	case ABI_MADV_POPULATE_READ:
		return mm_populate(mm, addr, end, MACH_READ);
	case ABI_MADV_POPULATE_WRITE:
		return mm_populate(mm, addr, end, MACH_WRITE);
	case ABI_MADV_WILLNEED:
	case ABI_MADV_REMOVE:
		return advise_files(mm, addr, end, advice);
	default:
		break;
	}
	if (need == NEED_WRITE)
		rwlock_write(&mm->lock);
	else
		rwlock_read(&mm->lock);
	err = advise_locked(mm, addr, end, advice, need);
	if (need == NEED_WRITE)
		rwlock_write_done(&mm->lock);
	else
		rwlock_read_done(&mm->lock);
	return err;
}
