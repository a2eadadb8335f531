/* unmap.c - munmap(2), brk(2), and making pages present ahead of use */
#include "ksignal.h"
#include "mm_internal.h"
#include "syscalls_proto.h"
#include "task.h"
#include "vfs.h"

/* What was written through a shared mapping reaches the file before the mapping goes. */
static void write_back(const struct vma *v)
{
	if (v->flags & VMA_SHARED && v->file && a_load(&v->mapping->nr_dirty))
		(void)mapping_sync(v->mapping, v->pgoff, v->pgoff + vma_pages(v) - 1);
}

int munmap_locked(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = mm_find_vma(mm, start), *next;
	int err;

	if (!v || v->start >= end)
		return 0;
	if (v->flags & VMA_SPECIAL && (v->start < start || v->end > end))
		return -EINVAL;
	err = vma_split(mm, start);
	if (!err)
		err = vma_split(mm, end);
	if (err)
		return err;
	for (v = mm_find_vma(mm, start); v && v->start < end; v = next) {
		next = vma_next(v);
		vma_zap(v, v->start, v->end);
		write_back(v);
		vma_detach(mm, v);
		vma_free(v);
	}
	return 0;
}

int do_munmap(struct mm *mm, u64 addr, u64 len)
{
	u64 size = PAGE_ALIGN_UP(len);
	int err;

	if (addr & ~PAGE_MASK || !len || size < len || addr > mach_user_top ||
	    size > mach_user_top - addr)
		return -EINVAL;
	rwlock_write(&mm->lock);
	err = munmap_locked(mm, addr, addr + size);
	rwlock_write_done(&mm->lock);
	return err;
}

long sys_munmap(unsigned long addr, size_t len)
{
	return do_munmap(current->mm, addr, len);
}

/* What the mapping at *page is for, at most (write where private and writable). 0: there is none,
 * or not for any access; *page is then where that ends. */
static u32 populate_access(struct mm *mm, u64 *page, u64 end)
{
	u32 want = 0;
	struct vma *v;

	rwlock_read(&mm->lock);
	v = mm_find_vma(mm, *page);
	if (!v)
		*page = end;
	else if (v->start > *page)
		*page = v->start;
	else if (!(v->flags & VMA_PROT))
		*page = v->end;
	else
		want = v->flags & VMA_WRITE ? MACH_WRITE : MACH_READ;
	rwlock_read_done(&mm->lock);
	return want;
}

int mm_populate(struct mm *mm, u64 start, u64 end, u32 access)
{
	u64 page = start;

	while (page < end) {
		u32 want = access ? access : populate_access(mm, &page, end);
		struct mm_fault why;

		if (signal_kill_pending(current))
			return -EINTR;
		mach_poll();
		if (!want)
			continue;
		if (mm_fault(mm, page, want, &why))
			return why.sig == ABI_SIGKILL ? -ENOMEM : -EFAULT;
		page += PAGE_SIZE;
	}
	return 0;
}

static bool brk_fits(struct mm *mm, u64 old_end, u64 new_end)
{
	u64 pages = (new_end - old_end) >> PAGE_SHIFT;

	if (mm->map_count >= MAP_COUNT_MAX || new_end > mach_user_top)
		return false;
	if (new_end - PAGE_ALIGN_DOWN(mm->brk_start) > mm_rlimit(ABI_RLIMIT_DATA) ||
	    (mm->data_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_DATA) ||
	    (mm->total_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_AS) ||
	    pages > READ_ONCE(frames.limit))
		return false;
	/* one page stays free, as between any two that grow */
	return vma_range_free(mm, old_end, new_end + PAGE_SIZE);
}

static int brk_grow(struct mm *mm, u64 old_end, u64 new_end)
{
	struct vma *v = mm_find_vma(mm, old_end - 1);
	u32 flags = VMA_READ | VMA_WRITE | VMA_MAY | mm->def_flags;

	if (!brk_fits(mm, old_end, new_end))
		return -ENOMEM;
	if (v && v->end == old_end && old_end > PAGE_ALIGN_UP(mm->brk_start) && !v->mapping &&
	    v->flags == flags) {
		vma_resize(v, v->start, new_end);
		return 0;
	}
	v = vma_new(mm, old_end, new_end, flags);
	if (!v)
		return -ENOMEM;
	v->name = "[heap]";
	vma_insert(mm, v);
	vma_merge(mm, v);
	return 0;
}

long sys_brk(unsigned long addr)
{
	struct mm *mm = current->mm;
	u64 old_end, new_end, populate = 0;
	long ret;

	rwlock_write(&mm->lock);
	old_end = PAGE_ALIGN_UP(mm->brk);
	new_end = PAGE_ALIGN_UP(addr);
	if (addr < mm->brk_start || new_end < addr)
		goto out_unlock;
	if (new_end < old_end) {
		if (munmap_locked(mm, new_end, old_end))
			goto out_unlock;
	} else if (new_end > old_end) {
		if (brk_grow(mm, old_end, new_end))
			goto out_unlock;
		populate = mm->def_flags & VMA_LOCKED ? new_end : 0;
	}
	mm->brk = addr;
out_unlock:
	ret = (long)mm->brk;
	rwlock_write_done(&mm->lock);
	if (populate)
		(void)mm_populate(mm, old_end, populate, 0);
	return ret;
}
