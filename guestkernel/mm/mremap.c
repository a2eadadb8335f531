/* mremap.c - mremap(2)
 *
 * Moving takes the entries out of the old place and puts them into the new one, with the same
 * frames and protection, a batch at a time; nobody else changes the space meanwhile, as mm->lock is
 * held for writing, and other CPUs fault and wait for it. */
#include "mm_internal.h"
#include "slab.h"
#include "syscalls_proto.h"
#include "task.h"
#include "vfs.h"

struct move {
	u64 from[RANGE_STEP];
	struct mach_pte pte[RANGE_STEP];
	u32 n;
};

static void move_out(void *arg, u64 va, struct mach_pte old)
{
	struct move *m = arg;

	m->from[m->n] = va;
	m->pte[m->n++] = old;
}

static void move_batch(struct mm *mm, u64 from, u64 n, u64 delta, struct move *m)
{
	m->n = 0;
	spin_lock(&mm->pt_lock);
	mach_unmap(&mm->space, from, n, move_out, m);
	for (u32 i = 0; i < m->n; i++)
		(void)mach_replace(&mm->space, m->from[i] + delta, m->pte[i].pa,
				   m->pte[i].prot | (m->pte[i].dirty ? MACH_DIRTY : 0));
	spin_unlock(&mm->pt_lock);
	if (m->n)
		mm_shootdown(mm, m->from[0], (m->from[m->n - 1] - m->from[0]) / PAGE_SIZE + 1);
}

/* Moves the pages of [from, from + len) by delta: 0, or -ENOMEM with nothing moved. */
static int move_pages(struct mm *mm, u64 from, u64 len, u64 delta)
{
	struct move *m = kmalloc(sizeof(*m));
	u64 end = from + len;

	if (!m)
		return -ENOMEM;
	/* No failure past the tables' making: a batch that is out must get in. */
	for (u64 va = from; va < end; va += RANGE_STEP * PAGE_SIZE) {
		u64 n = MIN((end - va) >> PAGE_SHIFT, (u64)RANGE_STEP);

		spin_lock(&mm->pt_lock);
		va = mach_next_table(&mm->space, va, end);
		spin_unlock(&mm->pt_lock);
		if (va >= end)
			break;
		n = MIN((end - va) >> PAGE_SHIFT, (u64)RANGE_STEP);
		if (mm_prepare(mm, va + delta, n)) {
			kfree(m);
			return -ENOMEM;
		}
		mach_poll();
	}
	for (u64 va = from; va < end; va += RANGE_STEP * PAGE_SIZE) {
		spin_lock(&mm->pt_lock);
		va = mach_next_table(&mm->space, va, end);
		spin_unlock(&mm->pt_lock);
		if (va >= end)
			break;
		move_batch(mm, va, MIN((end - va) >> PAGE_SHIFT, (u64)RANGE_STEP), delta, m);
		mach_poll();
	}
	kfree(m);
	return 0;
}

struct remap {
	struct mm *mm;
	u64 addr, old_len, new_len, new_addr;
	u32 flags;
	bool populate;
};

static int check_growth(struct remap *r, const struct vma *v, u64 more)
{
	struct mm *mm = r->mm;
	u64 pages = more >> PAGE_SHIFT;

	if ((mm->total_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_AS))
		return -ENOMEM;
	if ((v->flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE &&
	    ((mm->data_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_DATA) ||
	     pages > READ_ONCE(frames.limit)))
		return -ENOMEM;
	if (v->flags & VMA_LOCKED &&
	    (mm->locked_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_MEMLOCK))
		return -EAGAIN;
	return 0;
}

/* Moving makes one mapping, and may split two. */
static bool may_move(const struct mm *mm)
{
	return mm->map_count + 3 <= MAP_COUNT_MAX;
}

/* What is at new_addr is the caller's to have removed. */
static long move_vma(struct remap *r, struct vma *v)
{
	struct mm *mm = r->mm;
	u64 keep = MIN(r->old_len, r->new_len);
	struct vma *copy = may_move(mm) ? vma_clone(v, mm) : NULL;
	int err;

	if (!copy)
		return -ENOMEM;
	copy->start = r->new_addr;
	copy->end = r->new_addr + r->new_len;
	if (v->mapping)
		copy->pgoff = vma_index(v, r->addr);
	vma_insert(mm, copy);
	err = move_pages(mm, r->addr, keep, r->new_addr - r->addr);
	if (err) {
		vma_detach(mm, copy);
		vma_free(copy);
		return err;
	}
	r->populate = copy->flags & VMA_LOCKED;
	vma_merge(mm, copy);
	if (r->flags & ABI_MREMAP_DONTUNMAP || !r->old_len)
		return (long)r->new_addr;
	err = munmap_locked(mm, r->addr, r->addr + r->old_len);
	return err ? err : (long)r->new_addr;
}

static long remap_fixed(struct remap *r, struct vma *v)
{
	u64 new_end = r->new_addr + r->new_len;
	int err;

	if (r->new_addr & ~PAGE_MASK || r->new_addr > mach_user_top ||
	    r->new_len > mach_user_top - r->new_addr)
		return -EINVAL;
	if (r->new_addr < r->addr + r->old_len && r->addr < new_end)
		return -EINVAL;
	if (r->new_addr < MMAP_MIN_ADDR)
		return -EPERM;
	if (!may_move(r->mm))
		return -ENOMEM;
	err = munmap_locked(r->mm, r->new_addr, new_end);
	if (!err && r->old_len > r->new_len) {
		err = munmap_locked(r->mm, r->addr + r->new_len, r->addr + r->old_len);
		r->old_len = r->new_len;
	}
	v = mm_find_vma(r->mm, r->addr); /* may have been split */
	return err ? err : move_vma(r, v);
}

static long remap_locked(struct remap *r)
{
	struct mm *mm = r->mm;
	struct vma *v = mm_find_vma(mm, r->addr);
	u64 end = r->addr + r->old_len, more;
	int err;

	if (!v || v->start > r->addr)
		return -EFAULT;
	if (v->flags & VMA_SPECIAL)
		return -EINVAL;
	if (!r->old_len) { /* a second view of shared pages */
		if (!(v->flags & VMA_SHARED))
			return -EINVAL;
	} else if (end > v->end) {
		return -EFAULT;
	}
	if (r->flags & ABI_MREMAP_DONTUNMAP && r->old_len != r->new_len)
		return -EINVAL;
	if (r->new_len > r->old_len || r->flags & ABI_MREMAP_DONTUNMAP) {
		err = check_growth(r, v,
				   r->flags & ABI_MREMAP_DONTUNMAP ? r->new_len
								   : r->new_len - r->old_len);
		if (err)
			return err;
	}
	if (r->flags & ABI_MREMAP_FIXED)
		return remap_fixed(r, v);
	if (r->flags & ABI_MREMAP_DONTUNMAP) {
		r->new_addr = vma_find_hole(mm, r->new_len, 0);
		return r->new_addr ? move_vma(r, v) : -ENOMEM;
	}
	if (r->new_len <= r->old_len) {
		err = r->new_len < r->old_len ? munmap_locked(mm, r->addr + r->new_len, end) : 0;
		return err ? err : (long)r->addr;
	}
	more = r->new_len - r->old_len;
	if (r->old_len && end == v->end && more <= mach_user_top - end &&
	    vma_range_free(mm, end, end + more)) {
		vma_resize(v, v->start, end + more);
		r->populate = v->flags & VMA_LOCKED;
		vma_merge(mm, v);
		return (long)r->addr;
	}
	if (!(r->flags & ABI_MREMAP_MAYMOVE))
		return -ENOMEM;
	r->new_addr = vma_find_hole(mm, r->new_len, 0);
	return r->new_addr ? move_vma(r, v) : -ENOMEM;
}

long sys_mremap(unsigned long addr, size_t old_len, size_t new_len, int flags,
		unsigned long new_addr)
{
	struct remap r = {.mm = current->mm,
			  .addr = addr,
			  .old_len = PAGE_ALIGN_UP(old_len),
			  .new_len = PAGE_ALIGN_UP(new_len),
			  .new_addr = new_addr,
			  .flags = (u32)flags};
	long ret;

	if (flags & ~(ABI_MREMAP_MAYMOVE | ABI_MREMAP_FIXED | ABI_MREMAP_DONTUNMAP) ||
	    addr & ~PAGE_MASK || !r.new_len || r.new_len < new_len || r.old_len < old_len)
		return -EINVAL;
	if (flags & (ABI_MREMAP_FIXED | ABI_MREMAP_DONTUNMAP) && !(flags & ABI_MREMAP_MAYMOVE))
		return -EINVAL;
	if (addr >= mach_user_top || r.old_len > mach_user_top - addr)
		return -EFAULT;
	if (r.new_len > mach_user_top)
		return -ENOMEM;
	rwlock_write(&r.mm->lock);
	ret = remap_locked(&r);
	rwlock_write_done(&r.mm->lock);
	if (ret >= 0 && r.populate && r.new_len > r.old_len)
		(void)mm_populate(r.mm, (u64)ret + r.old_len, (u64)ret + r.new_len, 0);
	return ret;
}
