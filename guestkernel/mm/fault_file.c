/* fault_file.c - faults on mapped files and shared memory
 *
 * Read faults map what the page cache has of the sixteen pages around, or of more where a fault
 * costs much. A shared writable page of a file is mapped read-only until it is written: that fault
 * marks it dirty. Shared memory and tmpfs have nothing to write back, so their pages are writable
 * at once.
 *
 * Truncation takes a frame out of the cache first and unmaps it then (rmap.c). Here a frame is
 * checked to be in the cache and mapped under one hold of pt_lock, so either truncation's unmapping
 * comes later and finds it, or the check fails. */
#include "fault.h"
#include "pagecache_internal.h"
#include "vfs.h"

#define AROUND	16u
#define WINDOWS (MACH_FAULT_PAGES > 1 ? 16u : 1u) /* of as many pages */

u64 mapping_pages(const struct mapping *m)
{
	if (!m->inode)
		return ~0ull >> PAGE_SHIFT;
	return PAGE_ALIGN_UP(READ_ONCE(m->inode->size)) >> PAGE_SHIFT;
}

static u32 file_prot(const struct vma *v, bool write)
{
	u32 prot = vma_prot(v);

	if (v->flags & VMA_SHARED && (write || v->mapping->ops->anonymous))
		return prot;
	return prot & ~MACH_WRITE;
}

static bool in_cache(const struct frame *f, const struct mapping *m, u64 index)
{
	return __atomic_load_n(&f->mapping, __ATOMIC_ACQUIRE) == m && f->index == index;
}

/* Maps runs of around[0..n) from page on; unmapped ones keep their reference for the caller. */
static u32 map_runs_locked(struct vma *v, u64 page, struct frame **around, u32 n, u32 prot)
{
	u64 index = vma_index(v, page);
	paddr_t pa[AROUND];
	u32 mapped = 0;

	for (u32 i = 0, run; i < n; i += run + 1) {
		u64 bits;

		for (run = 0; i + run < n; run++) {
			struct frame *f = around[i + run];

			if (!f || !in_cache(f, v->mapping, index + i + run))
				break;
			pa[run] = frame_pa(f);
		}
		if (!run)
			continue;
		bits = mach_map_batch(&v->mm->space, page + ((u64)i << PAGE_SHIFT), pa, run, prot);
		for (u32 k = 0; k < run; k++) {
			if (bits >> k & 1) {
				around[i + k] = NULL; /* the reference is the table's now */
				mapped++;
			}
		}
	}
	return mapped;
}

/* Maps what is cached of [first, first + n), n <= AROUND. */
static void map_window(struct vma *v, u64 first, u32 n)
{
	struct mm *mm = v->mm;
	struct frame *around[AROUND];
	u32 mapped;

	mapping_find_many(v->mapping, vma_index(v, first), around, n);
	spin_lock(&mm->pt_lock);
	mapped = map_runs_locked(v, first, around, n, file_prot(v, false));
	spin_unlock(&mm->pt_lock);
	if (mapped)
		a_add(&mm->rss_file, mapped);
	mapping_put_many(around, n);
}

/* Maps cached pages around: true if page itself needs nothing more. */
static bool fault_around(struct vma *v, u64 page)
{
	u64 around = page & ~(WINDOWS * AROUND * PAGE_SIZE - 1), first = MAX(around, v->start);
	u64 end = MIN(around + WINDOWS * AROUND * PAGE_SIZE, v->end);
	u64 pages = mapping_pages(v->mapping), index = vma_index(v, first);
	struct mm *mm = v->mm;
	struct mach_pte pte;
	struct frame *f;

	end = MIN(end, first + (pages > index ? pages - index : 0) * PAGE_SIZE);
	if (page >= end || mach_space_prepare(&mm->space, first, (end - first) >> PAGE_SHIFT))
		return false;
	f = mapping_find(v->mapping, vma_index(v, page));
	if (!f)
		return false;
	frame_put(f);
	for (u64 n; first < end; first += n << PAGE_SHIFT) {
		n = MIN((end - first) >> PAGE_SHIFT, (u64)AROUND);
		map_window(v, first, (u32)n);
	}
	spin_lock(&mm->pt_lock);
	pte = mach_lookup(&mm->space, page);
	spin_unlock(&mm->pt_lock);
	return pte.prot != 0;
}

/* Maps f, whose reference is consumed. */
static enum fault_result map_cached(struct vma *v, u64 page, struct frame *f, bool write)
{
	struct mm *mm = v->mm;
	u64 index = vma_index(v, page);

	for (;;) {
		int err = -EEXIST;
		bool there;

		spin_lock(&mm->pt_lock);
		there = in_cache(f, v->mapping, index) &&
			(!write || mapping_mark_dirty(v->mapping, f));
		if (there)
			err = mach_map(&mm->space, page, frame_pa(f),
				       file_prot(v, write) | (write ? MACH_DIRTY : 0));
		spin_unlock(&mm->pt_lock);
		if (!err) {
			a_add(&mm->rss_file, 1);
			return FAULT_DONE;
		}
		if (err == -EEXIST) {
			frame_put(f);
			return there ? FAULT_DONE : FAULT_AGAIN;
		}
		if (mm_prepare(mm, page, 1)) {
			frame_put(f);
			return FAULT_NOMEM;
		}
	}
}

/* A write to a private page that is not there yet: straight to a copy. */
static enum fault_result map_copy(struct vma *v, u64 page, struct frame *src)
{
	struct frame *f = frame_alloc(FA_USER);

	if (!f) {
		frame_put(src);
		return FAULT_NOMEM;
	}
	frame_set_type(f, FRAME_ANON);
	mach_frame_copy(frame_va(f), frame_va(src));
	frame_put(src);
	a_store(&v->has_anon, 1);
	return fault_map_anon(v, page, f);
}

enum fault_result fault_file(struct vma *v, u64 page, bool write)
{
	struct mm *mm = v->mm;
	u64 index = vma_index(v, page);
	struct mach_pte pte;
	struct frame *f;
	int err;

	spin_lock(&mm->pt_lock);
	pte = mach_lookup(&mm->space, page);
	if (pte_used(&pte))
		return fault_present(v, page, write, pte);
	spin_unlock(&mm->pt_lock);
	if (v->flags & VMA_SPECIAL || index >= mapping_pages(v->mapping))
		return FAULT_BUS;
	if (!write && fault_around(v, page))
		return FAULT_DONE;
	err = mapping_get(v->mapping, index, &f);
	if (err == -ENOMEM)
		return FAULT_NOMEM;
	if (err)
		return FAULT_BUS;
	if (!write && !v->mapping->ops->anonymous && fault_around(v, page)) {
		frame_put(f);
		return FAULT_DONE;
	}
	if (write && !(v->flags & VMA_SHARED))
		return map_copy(v, page, f);
	return map_cached(v, page, f, write);
}
