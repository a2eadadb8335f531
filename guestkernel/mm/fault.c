/* fault.c - page faults, and access to another space's memory
 *
 * Provides: mm_fault() for user mode, mm_fault_in() for copies, mm_access() for /proc and exec.
 * Locks: mm->lock for reading throughout, so the VMA stays; pt_lock for each look at a leaf and
 * each change of one. Frames are allocated, filled and read from files before pt_lock is taken,
 * then the leaf is looked at again: if another CPU was faster, its work stands. Copy-on-write: a
 * private page is writable only if its frame is FRAME_ANON with one count; else it is copied.
 * Reading untouched memory maps the one zero frame, which is not counted. Sleeps: yes (memory,
 * files). Errors: SIGSEGV (MAPERR, ACCERR), SIGBUS, SIGKILL when memory is out. Tests:
 * test/abi/{fault,cow,mmap}.c, test/machine */
#include "fault.h"
#include "abi/linux/signal.h"
#include "pagecache_internal.h"
#include "string.h"
#include "task.h"

static enum fault_result map_zero(struct vma *v, u64 page)
{
	struct mm *mm = v->mm;
	u32 prot = vma_prot(v) & ~MACH_WRITE;

	for (;;) {
		int err;

		spin_lock(&mm->pt_lock);
		err = mach_map(&mm->space, page, frame_pa(zero_frame), prot);
		spin_unlock(&mm->pt_lock);
		if (err != -ENOENT)
			return FAULT_DONE;
		if (mm_prepare(mm, page, 1))
			return FAULT_NOMEM;
	}
}

enum fault_result fault_map_anon(struct vma *v, u64 page, struct frame *f)
{
	struct mm *mm = v->mm;

	for (;;) {
		int err;

		spin_lock(&mm->pt_lock);
		err = mach_map(&mm->space, page, frame_pa(f), vma_prot(v) | MACH_DIRTY);
		spin_unlock(&mm->pt_lock);
		if (likely(!err)) {
			a_add(&mm->rss_anon, 1);
			return FAULT_DONE;
		}
		if (err == -EEXIST)
			break;
		if (mm_prepare(mm, page, 1)) {
			frame_put(f);
			return FAULT_NOMEM;
		}
	}
	frame_put(f);
	return FAULT_DONE;
}

enum fault_result fault_anon(struct vma *v, u64 page, bool write)
{
	struct mm *mm = v->mm;
	struct mach_pte pte;
	struct frame *f;

	spin_lock(&mm->pt_lock);
	pte = mach_lookup(&mm->space, page);
	if (pte_used(&pte))
		return fault_present(v, page, write, pte);
	spin_unlock(&mm->pt_lock);
	if (!write)
		return map_zero(v, page);
	if (MACH_FAULT_PAGES > 1 && fault_cluster(v, page))
		return FAULT_DONE;
	f = frame_alloc(FA_ZERO | FA_USER);
	if (unlikely(!f))
		return FAULT_NOMEM;
	frame_set_type(f, FRAME_ANON);
	return fault_map_anon(v, page, f);
}

/* Gives v a page of its own in place of old. pt_lock is held, and dropped. */
static enum fault_result copy_page(struct vma *v, u64 page, struct frame *old)
{
	struct mm *mm = v->mm;
	struct frame *f;

	if (old != zero_frame)
		frame_get(old);
	spin_unlock(&mm->pt_lock);
	f = frame_alloc(FA_USER | (old == zero_frame ? FA_ZERO : 0));
	if (!f)
		goto out_put_old;
	frame_set_type(f, FRAME_ANON);
	if (old != zero_frame)
		mach_frame_copy(frame_va(f), frame_va(old));
	if (!fault_replace(v, page, old, f)) {
		frame_put(f);
		goto out_put_old;
	}
	/* First: a machine that settles does it once then. */
	if (MACH_FAULT_PAGES > 1)
		fault_write_around(v, page);
	mm_shootdown(mm, page, 1);
	if (old != zero_frame)
		frame_put(old); /* the table's */
out_put_old:
	if (old != zero_frame)
		frame_put(old);
	return f ? FAULT_DONE : FAULT_NOMEM;
}

enum fault_result fault_present(struct vma *v, u64 page, bool write, struct mach_pte pte)
{
	struct mm *mm = v->mm;
	u32 prot = vma_prot(v) | MACH_DIRTY;

	if (v->flags & VMA_SPECIAL) {
		spin_unlock(&mm->pt_lock);
		return write ? FAULT_ACCERR : FAULT_DONE;
	}
	if (write && !(pte.prot & MACH_WRITE)) {
		struct frame *f = frame_of(pte.pa);

		if (v->flags & VMA_SHARED) {
			if (!mapping_mark_dirty(v->mapping, f)) {
				/* left over by a walk that met a moving VMA */
				spin_unlock(&mm->pt_lock);
				vma_zap(v, page, page + PAGE_SIZE);
				return FAULT_AGAIN;
			}
		} else if (f->type != FRAME_ANON || a_load_acquire(&f->refs) != 1) {
			return copy_page(v, page, f);
		}
		mach_replace(&mm->space, page, pte.pa, prot);
	} else if (!write) {
		/* Another CPU was faster, or an old translation was met: what is there is right but
		 * for write access, which only a write may add. */
		mach_replace(&mm->space, page, pte.pa,
			     (prot & ~(MACH_WRITE | MACH_DIRTY)) | (pte.prot & MACH_WRITE) |
				     (pte.dirty ? MACH_DIRTY : 0));
	}
	spin_unlock(&mm->pt_lock);
	mach_flush_local(page, 1);
	if (MACH_FAULT_PAGES > 1 && write && !(v->flags & VMA_SHARED))
		fault_write_around(v, page);
	return FAULT_DONE;
}

static bool access_allowed(const struct vma *v, u32 access)
{
	if (access & MACH_WRITE)
		return v->flags & VMA_WRITE;
	if (access & MACH_EXEC)
		return v->flags & VMA_EXEC;
	return v->flags & VMA_PROT; /* no machine of ours has write or execute without read */
}

static enum fault_result fault_once(struct mm *mm, u64 page, u32 access)
{
	struct vma *v = mm_find_vma(mm, page);

	if (unlikely(!v))
		return FAULT_MAPERR;
	if (unlikely(v->start > page))
		return v->flags & VMA_GROWSDOWN ? FAULT_GROW : FAULT_MAPERR;
	if (unlikely(!access_allowed(v, access)))
		return FAULT_ACCERR;
	if (!v->mapping)
		return fault_anon(v, page, access & MACH_WRITE);
	return fault_file(v, page, access & MACH_WRITE);
}

/* Extends the stack above page down to it, within the limits. */
static bool grow_stack(struct mm *mm, u64 page)
{
	struct vma *v, *below;
	bool ok = false;
	u64 more;

	rwlock_write(&mm->lock);
	v = mm_find_vma(mm, page);
	if (!v)
		goto out_unlock;
	ok = v->start <= page;
	if (ok || !(v->flags & VMA_GROWSDOWN))
		goto out_unlock;
	below = vma_prev(v);
	more = (v->start - page) >> PAGE_SHIFT;
	if (page < MMAP_MIN_ADDR || v->end - page > mm_rlimit(ABI_RLIMIT_STACK))
		goto out_unlock;
	if (below && below->flags & VMA_PROT && below->end + STACK_GUARD > page)
		goto out_unlock;
	if (below && below->end > page)
		goto out_unlock;
	if ((mm->total_pages + more) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_AS))
		goto out_unlock;
	vma_resize(v, page, v->end);
	ok = true;
out_unlock:
	rwlock_write_done(&mm->lock);
	return ok;
}

static void fill_signal(enum fault_result r, struct mm_fault *out)
{
	switch (r) {
	case FAULT_BUS:
		*out = (struct mm_fault){ABI_SIGBUS, ABI_BUS_ADRERR};
		break;
	case FAULT_NOMEM:
		*out = (struct mm_fault){ABI_SIGKILL, 0};
		break;
	case FAULT_ACCERR:
		*out = (struct mm_fault){ABI_SIGSEGV, ABI_SEGV_ACCERR};
		break;
	default:
		*out = (struct mm_fault){ABI_SIGSEGV, ABI_SEGV_MAPERR};
	}
}

int mm_fault(struct mm *mm, u64 addr, u32 access, struct mm_fault *out)
{
	u64 page = PAGE_ALIGN_DOWN(addr);
	enum fault_result r;

	if (unlikely(addr >= mach_user_top)) {
		fill_signal(FAULT_MAPERR, out);
		return -EFAULT;
	}
	do {
		rwlock_read(&mm->lock);
		r = fault_once(mm, page, access);
		rwlock_read_done(&mm->lock);
		if (unlikely(r == FAULT_GROW))
			r = grow_stack(mm, page) ? FAULT_AGAIN : FAULT_MAPERR;
	} while (unlikely(r == FAULT_AGAIN));
	if (likely(r == FAULT_DONE)) {
		current->min_flt++;
		return 0;
	}
	fill_signal(r, out);
	return -EFAULT;
}

int mm_fault_in(u64 addr, size_t n, u32 access)
{
	u64 end = addr + n;

	if (!current->mm || end < addr)
		return -EFAULT;
	for (u64 page = PAGE_ALIGN_DOWN(addr); page < end; page += PAGE_SIZE) {
		struct mm_fault why;

		if (mm_fault(current->mm, page, access, &why))
			return why.sig == ABI_SIGKILL ? -ENOMEM : -EFAULT;
	}
	return 0;
}
