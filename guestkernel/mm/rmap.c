/* rmap.c - where a file's frame is mapped
 *
 * mapping->vmas lists the VMAs. pt_lock comes before tree_lock, and a shoot-down holds neither, so
 * places are first collected under tree_lock, with a reference that keeps each mm's tables, then
 * visited. A VMA may go or change meanwhile: a place is acted on only if the very frame is mapped
 * there, and taking a page of the cache out of a space is always allowed, as it faults in again.
 * A place may be missed if VMAs move in the list between two collections: the walk is repeated
 * until one finds nothing, and who unmaps has first taken the frame out of the index, so no new
 * place appears. */
#include "mm_internal.h"
#include "pagecache_internal.h"

#define PLACES 16u

struct place {
	struct mm *mm;
	u64 va;
};

static u32 collect(struct mapping *m, u64 index, u32 skip, struct place *out)
{
	struct vma *v;
	u32 n = 0;

	spin_lock(&m->tree_lock);
	TAILQ_FOREACH (v, &m->vmas, rmap) {
		if (index < v->pgoff || index - v->pgoff >= vma_pages(v))
			continue;
		if (skip) {
			skip--;
			continue;
		}
		out[n].mm = v->mm;
		out[n].va = v->start + ((index - v->pgoff) << PAGE_SHIFT);
		mm_grab(v->mm);
		if (++n == PLACES)
			break;
	}
	spin_unlock(&m->tree_lock);
	return n;
}

static void see_accessed(void *arg, u64 va, struct mach_pte old)
{
	*(bool *)arg = true;
}

static void drop_count(void *arg, u64 va, struct mach_pte old)
{
	*(bool *)arg = true;
}

/* Whether f was there (and accessed, if that was asked). */
static bool visit(const struct place *p, struct frame *f, enum rmap_op op)
{
	struct mm *mm = p->mm;
	struct mach_pte pte;
	bool hit = false;

	spin_lock(&mm->pt_lock);
	pte = mach_lookup(&mm->space, p->va);
	if (!pte_used(&pte) || pte.pa.pa != frame_pa(f).pa) {
		spin_unlock(&mm->pt_lock);
		return false;
	}
	switch (op) {
	case RMAP_UNMAP:
		mach_unmap(&mm->space, p->va, 1, drop_count, &hit);
		break;
	case RMAP_PROTECT:
		hit = pte.prot & MACH_WRITE;
		if (hit)
			mach_protect(&mm->space, p->va, 1, pte.prot & ~MACH_WRITE);
		break;
	case RMAP_ACCESSED:
		mach_harvest(&mm->space, p->va, 1, false, see_accessed, &hit);
		break;
	}
	spin_unlock(&mm->pt_lock);
	if (!hit)
		return false;
	/* A stale accessed bit costs one more round in the list, not correctness. */
	if (op != RMAP_ACCESSED)
		mm_shootdown(mm, p->va, 1);
	if (op == RMAP_UNMAP) {
		a_sub(&mm->rss_file, 1);
		frame_put(f); /* the table's; the caller has one more */
	}
	return true;
}

u32 rmap_walk(struct mapping *m, u64 index, struct frame *f, enum rmap_op op)
{
	struct place places[PLACES];
	u32 hits = 0, round, n;

	do {
		round = 0;
		for (u32 skip = 0;; skip += n) {
			n = collect(m, index, skip, places);
			for (u32 i = 0; i < n; i++) {
				round += visit(&places[i], f, op);
				mm_drop(places[i].mm);
			}
			if (n < PLACES)
				break;
			mach_poll();
		}
		hits += round;
	} while (round && op == RMAP_UNMAP);
	return hits;
}
