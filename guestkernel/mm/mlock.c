/* mlock.c - mlock(2), mlock2(2), munlock(2), mlockall(2), munlockall(2)
 *
 * Nothing of ours is ever paged out; what these calls do is make pages present, count them against
 * RLIMIT_MEMLOCK, and keep MADV_DONTNEED off them. */
#include "abi/linux/caps.h"
#include "mm_internal.h"
#include "syscalls_proto.h"
#include "task.h"

static int set_locked(struct mm *mm, u64 start, u64 end, bool lock)
{
	u64 at = start;
	int err;

	err = vma_split(mm, start);
	if (!err)
		err = vma_split(mm, end);
	for (struct vma *v = mm_find_vma(mm, start); !err && at < end;) {
		if (!v || v->start > at)
			return -ENOMEM;
		if (!(v->flags & VMA_SPECIAL)) {
			vma_account(mm, v->flags, vma_pages(v), false);
			v->flags = (v->flags & ~VMA_LOCKED) | (lock ? VMA_LOCKED : 0);
			vma_account(mm, v->flags, vma_pages(v), true);
			v = vma_merge(mm, v);
		}
		at = v->end;
		v = vma_next(v);
	}
	return err;
}

static int may_lock(struct mm *mm, u64 pages)
{
	if (capable(ABI_CAP_IPC_LOCK))
		return 0;
	if (mm_rlimit(ABI_RLIMIT_MEMLOCK) == 0)
		return -EPERM;
	return pages << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_MEMLOCK) ? -ENOMEM : 0;
}

static int lock_range(unsigned long addr, size_t len, bool lock, bool populate)
{
	struct mm *mm = current->mm;
	u64 start = PAGE_ALIGN_DOWN(addr), end = PAGE_ALIGN_UP(addr + len);
	int err = 0;

	if (addr + len < addr || end < start)
		return -EINVAL;
	if (start == end)
		return 0;
	if (end > mach_user_top)
		return -ENOMEM;
	rwlock_write(&mm->lock);
	if (lock)
		err = may_lock(mm, mm->locked_pages + ((end - start) >> PAGE_SHIFT));
	if (!err)
		err = set_locked(mm, start, end, lock);
	rwlock_write_done(&mm->lock);
	if (!err && populate)
		err = mm_populate(mm, start, end, 0);
	return err == -EFAULT ? -ENOMEM : err;
}

long sys_mlock(unsigned long addr, size_t len)
{
	return lock_range(addr, len, true, true);
}

long sys_mlock2(unsigned long addr, size_t len, int flags)
{
	if (flags & ~ABI_MLOCK_ONFAULT)
		return -EINVAL;
	return lock_range(addr, len, true, !(flags & ABI_MLOCK_ONFAULT));
}

long sys_munlock(unsigned long addr, size_t len)
{
	return lock_range(addr, len, false, false);
}

static void lock_all_locked(struct mm *mm, bool lock)
{
	for (struct vma *v = RB_MIN(vma_tree, &mm->vmas); v; v = vma_next(v)) {
		if (v->flags & VMA_SPECIAL)
			continue;
		vma_account(mm, v->flags, vma_pages(v), false);
		v->flags = (v->flags & ~VMA_LOCKED) | (lock ? VMA_LOCKED : 0);
		vma_account(mm, v->flags, vma_pages(v), true);
		v = vma_merge(mm, v);
	}
}

static void populate_all(struct mm *mm)
{
	u64 at = 0;

	for (;;) {
		struct vma *v;
		u64 end;

		rwlock_read(&mm->lock);
		v = mm_find_vma(mm, at);
		at = v ? v->start : 0;
		end = v ? v->end : 0;
		rwlock_read_done(&mm->lock);
		if (!end || mm_populate(mm, at, end, 0) == -ENOMEM)
			return;
		at = end;
	}
}

long sys_mlockall(int flags)
{
	struct mm *mm = current->mm;
	int err;

	if (!flags || flags & ~(ABI_MCL_CURRENT | ABI_MCL_FUTURE | ABI_MCL_ONFAULT) ||
	    flags == ABI_MCL_ONFAULT)
		return -EINVAL;
	rwlock_write(&mm->lock);
	err = may_lock(mm, flags & ABI_MCL_CURRENT ? mm->total_pages : 0);
	if (!err) {
		mm->def_flags = flags & ABI_MCL_FUTURE ? VMA_LOCKED : 0;
		if (flags & ABI_MCL_CURRENT)
			lock_all_locked(mm, true);
	}
	rwlock_write_done(&mm->lock);
	if (!err && flags & ABI_MCL_CURRENT && !(flags & ABI_MCL_ONFAULT))
		populate_all(mm);
	return err;
}

long sys_munlockall(void)
{
	struct mm *mm = current->mm;

	rwlock_write(&mm->lock);
	mm->def_flags = 0;
	lock_all_locked(mm, false);
	rwlock_write_done(&mm->lock);
	return 0;
}
