/* truncate.c - pages leave a file's cache
 *
 * A frame is taken out of the index first, then out of every space that maps it, then its count is
 * given up. Reads under way are waited for. Private copies of pages beyond a new end go as well:
 * that needs mm->lock, so no caller holds one if the file is mapped. */
#include "mm_internal.h"
#include "pagecache_internal.h"
#include "string.h"
#include "vfs.h"

/* The next frame in [*index, last], unlocked, with a count. */
static struct frame *next_frame(struct mapping *m, u64 *index, u64 last)
{
	struct frame *f;

	spin_lock(&m->tree_lock);
	f = radix_next(m, index);
	if (f && *index <= last)
		frame_get(f);
	else
		f = NULL;
	spin_unlock(&m->tree_lock);
	if (f && a_load_acquire(&f->flags) & FRAME_LOCKED)
		frame_wait_unlocked(f);
	return f;
}

static void drop_frame(struct mapping *m, struct frame *f, u64 index, bool even_dirty)
{
	if (!mapping_remove_frame(m, f, index, even_dirty))
		return;
	/* ours and the index's are two: more may be page tables */
	if (a_load(&f->refs) > 2)
		(void)rmap_walk(m, index, f, RMAP_UNMAP);
	frame_put(f);
}

static void drop_range(struct mapping *m, u64 first, u64 last, bool clean_only)
{
	for (u64 index = first; index <= last; index++) {
		struct frame *f = next_frame(m, &index, last);

		if (!f)
			return;
		drop_frame(m, f, index, !clean_only);
		frame_put(f);
		mach_poll();
		if (index == ~0ull)
			return;
	}
}

/* The next mm, by address, that has private copies of pages from first on. tree_lock is held. */
static struct mm *next_copier_locked(struct mapping *m, u64 first, uintptr_t last)
{
	struct mm *best = NULL;
	struct vma *v;

	TAILQ_FOREACH (v, &m->vmas, rmap) {
		if (v->flags & VMA_SHARED || !a_load(&v->has_anon) ||
		    v->pgoff + vma_pages(v) <= first)
			continue;
		if ((uintptr_t)v->mm > last && (!best || (uintptr_t)v->mm < (uintptr_t)best))
			best = v->mm;
	}
	return best;
}

/* The same with a user's reference; a space whose last user went empties itself. */
static struct mm *next_copier(struct mapping *m, u64 first, uintptr_t last)
{
	struct mm *mm;

	spin_lock(&m->tree_lock);
	while ((mm = next_copier_locked(m, first, last)) && !ref_get_live(&mm->users))
		last = (uintptr_t)mm;
	spin_unlock(&m->tree_lock);
	return mm;
}

static void drop_copies(struct mapping *m, u64 first)
{
	uintptr_t last = 0;
	struct mm *mm;
	struct vma *v;

	while ((mm = next_copier(m, first, last))) {
		last = (uintptr_t)mm;
		rwlock_read(&mm->lock);
		RB_FOREACH (v, vma_tree, &mm->vmas) {
			u64 skip = first > v->pgoff ? first - v->pgoff : 0;

			if (v->mapping == m && !(v->flags & VMA_SHARED) && skip < vma_pages(v))
				vma_zap(v, v->start + (skip << PAGE_SHIFT), v->end);
		}
		rwlock_read_done(&mm->lock);
		mm_put(mm);
	}
}

void mapping_truncate(struct mapping *m, u64 new_size)
{
	u64 first = PAGE_ALIGN_UP(new_size) >> PAGE_SHIFT, tail = new_size & ~PAGE_MASK;
	struct frame *f;

	drop_range(m, first, ~0ull >> PAGE_SHIFT, false);
	if (!TAILQ_EMPTY(&m->vmas))
		drop_copies(m, first);
	if (!tail)
		return;
	f = mapping_find(m, new_size >> PAGE_SHIFT);
	if (f) {
		memset((u8 *)frame_va(f) + tail, 0, PAGE_SIZE - tail);
		frame_put(f);
	}
}

void mapping_drop(struct mapping *m, u64 first, u64 last)
{
	drop_range(m, first, last, true);
}

void mapping_punch(struct mapping *m, u64 first, u64 last)
{
	drop_range(m, first, last, false);
}

void mapping_destroy(struct mapping *m)
{
	kassert(TAILQ_EMPTY(&m->vmas));
	if (m->ops && m->nr_frames)
		drop_range(m, 0, ~0ull >> PAGE_SHIFT, false);
}
