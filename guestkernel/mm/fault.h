/* fault.h - the page-fault path's own */
#pragma once
#include "mm_internal.h"

enum fault_result {
	FAULT_DONE = 0, /* retry the access */
	FAULT_AGAIN,	/* something changed meanwhile: look again */
	FAULT_GROW,	/* a stack may have to grow: needs the lock for writing */
	FAULT_MAPERR,
	FAULT_ACCERR,
	FAULT_BUS,
	FAULT_NOMEM,
};

/* mm->lock is held for reading; page lies in v, which allows the access. */
enum fault_result fault_anon(struct vma *v, u64 page, bool write);
enum fault_result fault_file(struct vma *v, u64 page, bool write);
/* cluster.c: maps zeroed frames at page and around it, where nothing is. False: nothing was done.
 */
bool fault_cluster(struct vma *v, u64 page);
/* After a write fault on private page: its neighbours that will meet one too become writable. */
void fault_write_around(struct vma *v, u64 page);
/* f takes the place of old at page of a private mapping, with its accounting, if old is still there
 * and not writable: true. The table's count passes from old, which the caller puts after his
 * shoot-down (the zero frame has none), to f. He has a count of old for the time of the call. */
static inline must_check bool fault_replace(struct vma *v, u64 page, struct frame *old,
					    struct frame *f)
{
	struct mm *mm = v->mm;
	struct mach_pte now;

	spin_lock(&mm->pt_lock);
	now = mach_lookup(&mm->space, page);
	if (now.pa.pa != frame_pa(old).pa || now.prot & MACH_WRITE || !now.prot) {
		spin_unlock(&mm->pt_lock);
		return false;
	}
	mach_replace(&mm->space, page, frame_pa(f), vma_prot(v) | MACH_DIRTY);
	if (v->mapping)
		a_store(&v->has_anon, 1);
	spin_unlock(&mm->pt_lock);
	if (old->type == FRAME_ANON)
		return true;
	a_add(&mm->rss_anon, 1);
	if (old != zero_frame)
		a_sub(&mm->rss_file, 1);
	return true;
}
/* Something is mapped there: pt_lock is held, and dropped. */
enum fault_result fault_present(struct vma *v, u64 page, bool write, struct mach_pte pte);
/* Maps f (a count is consumed) where nothing is: makes tables as needed. FAULT_DONE also if another
 * CPU was faster. */
enum fault_result fault_map_anon(struct vma *v, u64 page, struct frame *f);
