/* mprotect.c - mprotect(2)
 *
 * Added write access is not put into the tables: which pages are copy-on-write is known at the
 * fault alone. Only what is taken away needs a shoot-down; what is added is found by the fault of
 * who still has the old translation. */
#include "mm_internal.h"
#include "syscalls_proto.h"
#include "task.h"

static void protect_pages(struct vma *v, u32 old_prot)
{
	struct mm *mm = v->mm;
	u64 va = v->start;
	bool restricted = old_prot & ~vma_prot(v);
	size_t changed = 0;

	while (va < v->end) {
		u64 n;

		spin_lock(&mm->pt_lock);
		va = mach_next_table(&mm->space, va, v->end);
		n = MIN((v->end - va) >> PAGE_SHIFT, 8ull * RANGE_STEP);
		if (n)
			changed += mach_protect(&mm->space, va, n, vma_prot(v) & ~MACH_WRITE);
		spin_unlock(&mm->pt_lock);
		va += n << PAGE_SHIFT;
		if (va < v->end)
			mach_poll();
	}
	/* Pages that were writable have lost that, whatever was asked for. */
	if (changed && (restricted || old_prot & VMA_WRITE))
		mm_shootdown(mm, v->start, vma_pages(v));
}

static int protect_vma(struct mm *mm, struct vma *v, u32 prot)
{
	u32 old = v->flags, fresh = (old & ~VMA_PROT) | prot;
	u64 pages = vma_pages(v);

	if (fresh == old)
		return 0;
	if (prot & VMA_WRITE && !(old & (VMA_WRITE | VMA_SHARED)) &&
	    (mm->data_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_DATA))
		return -ENOMEM;
	vma_account(mm, old, pages, false);
	v->flags = fresh;
	vma_account(mm, fresh, pages, true);
	protect_pages(v, old & VMA_PROT);
	return 0;
}

static int protect_locked(struct mm *mm, u64 start, u64 end, u32 prot)
{
	int err;
	u32 may = (prot & VMA_READ ? VMA_MAYREAD : 0) | (prot & VMA_WRITE ? VMA_MAYWRITE : 0) |
		  (prot & VMA_EXEC ? VMA_MAYEXEC : 0);
	u64 at = start;

	/* As on Linux, what lies before the first obstacle is changed. */
	err = vma_split(mm, start);
	if (!err)
		err = vma_split(mm, end);
	for (struct vma *v = mm_find_vma(mm, start); !err && at < end && v;) {
		if (v->start > at)
			return -ENOMEM;
		if (may & ~v->flags || (v->flags & VMA_SPECIAL))
			return -EACCES;
		err = protect_vma(mm, v, prot);
		v = vma_merge(mm, v); /* perhaps with what follows */
		at = v->end;
		v = vma_next(v);
	}
	return err ? err : at < end ? -ENOMEM : 0;
}

/* The lowest address of a growing stack that start lies in, for PROT_GROWSDOWN. */
static int grows_down_start(struct mm *mm, u64 *start, u64 end)
{
	struct vma *v = mm_find_vma(mm, *start);

	if (!v || v->start >= end)
		return -ENOMEM;
	if (!(v->flags & VMA_GROWSDOWN))
		return -EINVAL;
	*start = v->start;
	return 0;
}

long sys_mprotect(unsigned long addr, size_t len, int prot)
{
	struct mm *mm = current->mm;
	u64 start = addr, end = addr + PAGE_ALIGN_UP(len);
	const int grows = prot & (ABI_PROT_GROWSDOWN | ABI_PROT_GROWSUP);
	int err = 0;

	prot &= ~grows;
	if (addr & ~PAGE_MASK ||
	    prot & ~(ABI_PROT_READ | ABI_PROT_WRITE | ABI_PROT_EXEC | ABI_PROT_SEM) ||
	    grows & ABI_PROT_GROWSUP)
		return -EINVAL;
	if (!len)
		return 0;
	if (end <= addr || end > mach_user_top)
		return -ENOMEM;
	_Static_assert(VMA_READ == ABI_PROT_READ && VMA_WRITE == ABI_PROT_WRITE &&
			       VMA_EXEC == ABI_PROT_EXEC,
		       "one encoding");
	rwlock_write(&mm->lock);
	if (grows)
		err = grows_down_start(mm, &start, end);
	if (!err)
		err = protect_locked(mm, start, end, (u32)prot & VMA_PROT);
	rwlock_write_done(&mm->lock);
	return err;
}
