/* zap.c - pages leave an address space
 *
 * A frame that was mapped is given back only after a shoot-down: until then another CPU may read or
 * write it through a stale translation. Frames are collected (struct zap, 64 at a time), with
 * pt_lock dropped and interrupts polled between two collections. */
#include "mm_internal.h"
#include "vfs.h"

void zap_init(struct zap *z, struct mm *mm)
{
	z->mm = mm;
	z->g.n = 0;
	z->lo = ~0ull;
	z->hi = 0;
	z->anon = z->file = 0;
}

static void count_frame(struct zap *z, const struct frame *f)
{
	if (f->type == FRAME_ANON)
		z->anon++;
	else
		z->file++;
}

static void settle_rss(struct zap *z)
{
	u64 rss = a_load(&z->mm->rss_anon) + a_load(&z->mm->rss_file);

	if (rss > z->mm->hiwater_rss)
		z->mm->hiwater_rss = rss;
	if (z->anon)
		a_sub(&z->mm->rss_anon, (u64)z->anon);
	if (z->file)
		a_sub(&z->mm->rss_file, (u64)z->file);
	z->anon = z->file = 0;
}

void zap_add(struct zap *z, u64 va, struct frame *f)
{
	z->lo = MIN(z->lo, va);
	z->hi = MAX(z->hi, va + PAGE_SIZE);
	if (f == zero_frame)
		return;
	kassert(z->g.n < ARRAY_SIZE(z->g.frames));
	z->g.frames[z->g.n++] = f;
	count_frame(z, f);
}

void zap_finish(struct zap *z)
{
	if (z->hi)
		mm_shootdown(z->mm, z->lo, (z->hi - z->lo) >> PAGE_SHIFT);
	for (u32 i = 0; i < z->g.n; i++)
		frame_put(z->g.frames[i]);
	settle_rss(z);
	zap_init(z, z->mm);
}

static void zap_one(void *arg, u64 va, struct mach_pte old)
{
	zap_add(arg, va, frame_of(old.pa));
}

static void zap_special(void *arg, u64 va, struct mach_pte old)
{
	struct zap *z = arg;

	z->lo = MIN(z->lo, va);
	z->hi = MAX(z->hi, va + PAGE_SIZE);
}

void vma_zap(struct vma *v, u64 start, u64 end)
{
	struct mm *mm = v->mm;
	mach_pte_fn fn = v->flags & VMA_SPECIAL ? zap_special : zap_one;
	struct zap z;

	zap_init(&z, mm);
	while (start < end) {
		spin_lock(&mm->pt_lock);
		while (start < end && z.g.n == 0) {
			u64 n;

			start = mach_next_table(&mm->space, start, end);
			if (start >= end)
				break;
			n = MIN((end - start) >> PAGE_SHIFT, (u64)RANGE_STEP);
			mach_unmap(&mm->space, start, n, fn, &z);
			start += n << PAGE_SHIFT;
		}
		spin_unlock(&mm->pt_lock);
		zap_finish(&z);
		mach_poll();
	}
}

static void zap_dead_one(void *arg, u64 va, struct mach_pte old)
{
	struct frame *f = frame_of(old.pa);

	if (f == zero_frame)
		return;
	count_frame(arg, f);
	frame_put(f);
}

static void zap_dead_special(void *arg, u64 va, struct mach_pte old)
{
}

void vma_zap_dead(struct vma *v)
{
	struct mm *mm = v->mm;
	mach_pte_fn fn = v->flags & VMA_SPECIAL ? zap_dead_special : zap_dead_one;
	u64 start = v->start, step = 8 * RANGE_STEP;
	struct zap z;

	zap_init(&z, mm);
	if (v->flags & VMA_SHARED && v->file && a_load(&v->mapping->nr_dirty))
		(void)mapping_sync(v->mapping, v->pgoff, v->pgoff + vma_pages(v) - 1);
	while (start < v->end) {
		u64 n;

		spin_lock(&mm->pt_lock);
		if (v->end - start > step << PAGE_SHIFT)
			start = mach_next_table(&mm->space, start, v->end);
		n = MIN((v->end - start) >> PAGE_SHIFT, step);
		if (n)
			mach_unmap(&mm->space, start, n, fn, &z);
		spin_unlock(&mm->pt_lock);
		start += n << PAGE_SHIFT;
		if (start < v->end)
			mach_poll();
	}
	settle_rss(&z);
}
