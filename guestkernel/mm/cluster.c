/* cluster.c - one fault makes many pages
 *
 * Where taking a fault costs far more than filling a page (machine.h: MACH_FAULT_PAGES), a write to
 * private memory that was never touched maps the aligned pages around it too, and while a program
 * goes through its memory in order twice as many each time. The frames are contiguous, so that a
 * machine may map them as one.
 * After a fork the first write to a page makes its neighbours writable, too: where nobody else has
 * them any more as they are (OWN_AROUND), where somebody has by copying (COPY_AROUND).
 * A cluster lies in one VMA, covers no page that has something already, and is made only while
 * memory is plentiful: it never waits, reclaims, or fails a program; the single page is the way
 * out. Locks: mm->lock for reading; pt_lock to look and to map. What was mapped meanwhile by
 * another CPU stands. The VMA's run_next and run_pages are hints that may be lost. Differs from
 * Linux: as with its large folios, a program that touches one page in sixteen has all resident;
 * MADV_NOHUGEPAGE has no effect. Tests: test/abi/{mmap,cow}.c, test/machine */
#include "fault.h"

#define BATCH	    64u /* of mach_map_batch() */
#define OWN_AROUND  32u
#define COPY_AROUND 8u

static bool all_absent(struct mm *mm, u64 va, u32 n)
{
	bool absent = true;

	spin_lock(&mm->pt_lock);
	for (u32 i = 0; i < n && absent; i++) {
		struct mach_pte pte = mach_lookup(&mm->space, va + i * PAGE_SIZE);

		absent = !pte_used(&pte);
	}
	spin_unlock(&mm->pt_lock);
	return absent;
}

/* The largest cluster for a fault at page: how many pages, and where they start. Out of order it is
 * the whole aligned one or the page alone: small mappings are not made resident by one touch. */
static u32 choose(struct vma *v, u64 page, u64 *start)
{
	bool in_order = READ_ONCE(v->run_next) == page;
	u32 n = in_order ? MIN(2 * READ_ONCE(v->run_pages), MACH_FAULT_PAGES_MAX)
			 : MACH_FAULT_PAGES;

	*start = page;
	for (; n > 1; n = in_order ? n / 2 : 1) {
		if (!in_order)
			*start = page & ~(n * PAGE_SIZE - 1);
		if (*start >= v->start && n * PAGE_SIZE <= v->end - *start &&
		    all_absent(v->mm, *start, n))
			return n;
	}
	*start = page;
	return 1;
}

/* Maps n contiguous frames; those that found something else are free again. */
static u32 map_run(struct vma *v, u64 va, struct frame *f, u32 n)
{
	struct mm *mm = v->mm;
	paddr_t pa[BATCH];
	u32 mapped = 0;

	for (u32 i = 0, part; i < n; i += part) {
		u64 bits;

		part = MIN(n - i, BATCH);
		for (u32 k = 0; k < part; k++) {
			frame_set_type(f + i + k, FRAME_ANON);
			pa[k] = frame_pa(f + i + k);
		}
		spin_lock(&mm->pt_lock);
		bits = mach_map_batch(&mm->space, va + i * PAGE_SIZE, pa, part,
				      vma_prot(v) | MACH_DIRTY);
		spin_unlock(&mm->pt_lock);
		for (u32 k = 0; k < part; k++) {
			if (bits >> k & 1)
				mapped++;
			else
				frame_put(f + i + k);
		}
	}
	return mapped;
}

bool fault_cluster(struct vma *v, u64 page)
{
	struct frame *f = NULL;
	u64 start;
	u32 n = choose(v, page, &start);

	if (n > 1 && !mach_space_prepare(&v->mm->space, start, n))
		f = frame_alloc_run((u32)__builtin_ctz(n), FA_ZERO);
	if (!f)
		n = 1;
	WRITE_ONCE(v->run_next, (f ? start + n * PAGE_SIZE : page + PAGE_SIZE));
	WRITE_ONCE(v->run_pages, n);
	if (f)
		a_add(&v->mm->rss_anon, map_run(v, start, f, n));
	return f;
}

/* Whether a present entry of a private mapping only waits for a write. */
static bool is_shared_copy(const struct mach_pte *pte)
{
	return pte->prot && !(pte->prot & MACH_WRITE) && frame_of(pte->pa) != zero_frame;
}

struct copies {
	struct frame *old[COPY_AROUND]; /* with a count each; null: no copy there */
	u32 n;
};

/* Looks at the neighbours: those of one count become writable, the near others are collected. */
static void own_around(struct vma *v, u64 page, u64 near, struct copies *c)
{
	u64 va = MAX(page & ~(OWN_AROUND * PAGE_SIZE - 1), v->start);
	u64 end = MIN((page & ~(OWN_AROUND * PAGE_SIZE - 1)) + OWN_AROUND * PAGE_SIZE, v->end);
	struct mm *mm = v->mm;

	spin_lock(&mm->pt_lock);
	for (; va < end; va += PAGE_SIZE) {
		struct mach_pte pte = mach_lookup(&mm->space, va);
		u64 at = (va - near) >> PAGE_SHIFT;

		if (va == page || !is_shared_copy(&pte))
			continue;
		if (frame_of(pte.pa)->type == FRAME_ANON &&
		    a_load_acquire(&frame_of(pte.pa)->refs) == 1) {
			mach_replace(&mm->space, va, pte.pa, vma_prot(v) | MACH_DIRTY);
		} else if (va >= near && at < COPY_AROUND) {
			c->old[at] = frame_of(pte.pa);
			frame_get(c->old[at]);
			c->n++;
		}
	}
	spin_unlock(&mm->pt_lock);
}

static bool put_copy(struct vma *v, u64 page, struct frame *old, struct frame *f)
{
	frame_set_type(f, FRAME_ANON);
	mach_frame_copy(frame_va(f), frame_va(old));
	return fault_replace(v, page, old, f);
}

void fault_write_around(struct vma *v, u64 page)
{
	u64 near = page & ~(COPY_AROUND * PAGE_SIZE - 1);
	bool replaced[COPY_AROUND] = {false};
	struct copies c = {.n = 0};
	struct frame *f = NULL;

	own_around(v, page, near, &c);
	if (!c.n)
		return;
	f = frame_alloc_run((u32)__builtin_ctz(COPY_AROUND), 0);
	for (u32 i = 0; i < COPY_AROUND; i++) {
		if (f && c.old[i])
			replaced[i] = put_copy(v, near + i * PAGE_SIZE, c.old[i], f + i);
		if (f && !replaced[i])
			frame_put(f + i);
	}
	if (f)
		mm_shootdown(v->mm, near, COPY_AROUND);
	for (u32 i = 0; i < COPY_AROUND; i++) {
		if (replaced[i])
			frame_put(c.old[i]); /* the table's */
		if (c.old[i])
			frame_put(c.old[i]);
	}
}
