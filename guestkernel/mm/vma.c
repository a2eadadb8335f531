/* vma.c - the ordered tree of an address space's mappings
 *
 * Provides: finding, inserting, splitting, joining VMAs; the search for free addresses.
 * Owns: struct vma, one reference on its file or shared memory each.
 * Locks: mm->lock, held for writing by all that change the tree; a mapping's tree_lock for the list
 * of the VMAs that map it, and for changes of their bounds, which walkers of that list read.
 * Invariants: VMAs are not empty, do not overlap, and lie below mach_user_top; total_pages,
 * data_pages and locked_pages are sums over the tree; every gap that lies wholly above hole_top is
 * at most hole_size.
 * Tests: test/unit/mm/vma_test.c */
#include "mm_internal.h"
#include "slab.h"
#include "vfs.h"

struct slab_cache *vma_cache;

static int vma_cmp(struct vma *a, struct vma *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}
RB_GENERATE(vma_tree, vma, node, vma_cmp)

struct vma *vma_next(struct vma *v)
{
	return RB_NEXT(vma_tree, , v);
}

struct vma *vma_prev(struct vma *v)
{
	return RB_PREV(vma_tree, , v);
}

struct vma *mm_find_vma(struct mm *mm, u64 addr)
{
	struct vma *v = READ_ONCE(mm->vma_hint), *best = NULL;

	if (v && v->start <= addr && addr < v->end)
		return v;
	v = RB_ROOT(&mm->vmas);
	while (v) {
		if (addr < v->end) {
			best = v;
			if (addr >= v->start)
				break;
			v = RB_LEFT(v, node);
		} else {
			v = RB_RIGHT(v, node);
		}
	}
	if (best)
		WRITE_ONCE(mm->vma_hint, best);
	return best;
}

struct vma *vma_new(struct mm *mm, u64 start, u64 end, u32 flags)
{
	struct vma *v = slab_zalloc(vma_cache);

	if (v) {
		v->mm = mm;
		v->start = start;
		v->end = end;
		v->flags = flags;
	}
	return v;
}

struct vma *vma_clone(const struct vma *old, struct mm *mm)
{
	struct vma *v = vma_new(mm, old->start, old->end, old->flags);

	if (!v)
		return NULL;
	v->file = old->file;
	v->pgoff = old->pgoff;
	v->mapping = old->mapping;
	v->shared = old->shared;
	v->name = old->name;
	a_store(&v->has_anon, a_load(&old->has_anon));
	if (v->file)
		file_get(v->file);
	if (v->shared)
		ref_get(&v->shared->refs);
	return v;
}

void vma_free(struct vma *v)
{
	if (v->file)
		file_put(v->file);
	if (v->shared)
		mm_shared_put(v->shared);
	slab_free(vma_cache, v);
}

void vma_account(struct mm *mm, u32 flags, u64 pages, bool add)
{
	u64 n = add ? pages : 0 - pages;

	mm->total_pages += n;
	if ((flags & (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)) == VMA_WRITE)
		mm->data_pages += n;
	if (flags & VMA_LOCKED)
		mm->locked_pages += n;
}

static bool is_writable_shared(const struct vma *v)
{
	return (v->flags & (VMA_SHARED | VMA_MAYWRITE)) == (VMA_SHARED | VMA_MAYWRITE);
}

void vma_insert(struct mm *mm, struct vma *v)
{
	struct mapping *m = v->mapping;

	kassert(v->start < v->end && v->end <= mach_user_top);
	RB_INSERT(vma_tree, &mm->vmas, v);
	mm->map_count++;
	vma_account(mm, v->flags, vma_pages(v), true);
	if (m) {
		spin_lock(&m->tree_lock);
		TAILQ_INSERT_TAIL(&m->vmas, v, rmap);
		m->nr_writable += is_writable_shared(v);
		spin_unlock(&m->tree_lock);
	}
}

/* The gap below next (or the end) may have become larger. */
static void hole_opened(struct mm *mm, const struct vma *next)
{
	u64 top = next ? MIN(next->start, mm->mmap_base) : mm->mmap_base;

	mm->hole_top = MAX(mm->hole_top, top);
}

void vma_detach(struct mm *mm, struct vma *v)
{
	struct mapping *m = v->mapping;

	hole_opened(mm, vma_next(v));
	RB_REMOVE(vma_tree, &mm->vmas, v);
	WRITE_ONCE(mm->vma_hint, NULL);
	mm->map_count--;
	vma_account(mm, v->flags, vma_pages(v), false);
	if (m) {
		spin_lock(&m->tree_lock);
		TAILQ_REMOVE(&m->vmas, v, rmap);
		m->nr_writable -= is_writable_shared(v);
		spin_unlock(&m->tree_lock);
	}
}

void vma_resize(struct vma *v, u64 start, u64 end)
{
	struct mm *mm = v->mm;

	kassert(start < end);
	vma_account(mm, v->flags, vma_pages(v), false);
	if (v->mapping)
		spin_lock(&v->mapping->tree_lock);
	if (v->mapping)
		v->pgoff += (start - v->start) >> PAGE_SHIFT; /* wraps for a lower start: fine */
	v->start = start;
	v->end = end;
	if (v->mapping)
		spin_unlock(&v->mapping->tree_lock);
	vma_account(mm, v->flags, vma_pages(v), true);
	hole_opened(mm, vma_next(v));
}

int vma_split(struct mm *mm, u64 addr)
{
	struct vma *v = mm_find_vma(mm, addr), *upper;
	u64 end;

	if (!v || v->start >= addr)
		return 0;
	if (mm->map_count >= MAP_COUNT_MAX)
		return -ENOMEM;
	upper = vma_clone(v, mm);
	if (!upper)
		return -ENOMEM;
	end = v->end;
	upper->start = addr;
	if (v->mapping)
		upper->pgoff = vma_index(v, addr);
	vma_resize(v, v->start, addr);
	upper->end = end;
	vma_insert(mm, upper);
	return 0;
}

static bool can_join(const struct vma *a, const struct vma *b)
{
	if (a->end != b->start || a->flags != b->flags || a->mapping != b->mapping ||
	    a->file != b->file || a->shared != b->shared || a->name != b->name ||
	    a->flags & VMA_SPECIAL)
		return false;
	return !a->mapping || a->pgoff + vma_pages(a) == b->pgoff;
}

static void join(struct mm *mm, struct vma *low, struct vma *high)
{
	u64 end = high->end;

	if (a_load(&high->has_anon))
		a_store(&low->has_anon, 1);
	vma_detach(mm, high);
	vma_resize(low, low->start, end);
	vma_free(high); /* not the file's last reference: low has one */
}

struct vma *vma_merge(struct mm *mm, struct vma *v)
{
	struct vma *other = vma_next(v);

	if (other && can_join(v, other))
		join(mm, v, other);
	other = vma_prev(v);
	if (other && can_join(other, v)) {
		join(mm, other, v);
		v = other;
	}
	return v;
}

bool vma_range_free(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = mm_find_vma(mm, start);

	return !v || v->start >= end;
}

/* The highest gap of len that ends at or below top; *largest: of those passed over. */
static u64 scan_down(struct mm *mm, u64 len, u64 top, u64 *largest)
{
	struct vma *above = mm_find_vma(mm, top);
	struct vma *below;

	*largest = 0;
	below = above ? vma_prev(above) : RB_MAX(vma_tree, &mm->vmas);
	if (above && above->start < top) {
		top = above->start;
	} else if (!above && below && below->end > top) {
		top = below->start;
		above = below;
		below = vma_prev(below);
	}
	for (;;) {
		u64 lo = below ? below->end : MMAP_MIN_ADDR;
		u64 hi = top;

		if (above && above->flags & VMA_GROWSDOWN && hi == above->start)
			hi -= MIN(hi, STACK_GUARD);
		if (hi > lo && hi - lo >= len)
			return hi - len;
		*largest = MAX(*largest, hi > lo ? hi - lo : 0);
		if (!below)
			return 0;
		top = below->start;
		above = below;
		below = vma_prev(below);
	}
}

u64 vma_find_hole(struct mm *mm, u64 len, u64 limit)
{
	u64 largest, addr;

	if (limit)
		return scan_down(mm, len, limit, &largest);
	if (len > mm->hole_size) {
		addr = scan_down(mm, len, mm->hole_top, &largest);
		largest = MAX(largest, mm->hole_size);
	} else {
		addr = scan_down(mm, len, mm->mmap_base, &largest);
	}
	if (!addr)
		return scan_down(mm, len, mach_user_top, &largest);
	if (addr < mm->hole_top) {
		mm->hole_top = addr;
		mm->hole_size = largest;
	}
	return addr;
}
