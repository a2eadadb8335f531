/* access.c - memory of an address space that is not loaded: exec's new image, /proc/PID/mem */
#include "fault.h"
#include "string.h"

/* The frame at addr with a reference, faulted in if needed; null: a bad address. */
static struct frame *frame_at(struct mm *mm, u64 addr, bool write)
{
	u32 need = write ? MACH_WRITE : MACH_READ;

	for (int tries = 0; tries < 16; tries++) {
		struct frame *f = NULL;
		struct mm_fault why;
		struct mach_pte pte;

		spin_lock(&mm->pt_lock);
		pte = mach_lookup(&mm->space, addr);
		if (pte.prot & need || (pte.prot && !write)) {
			f = frame_of(pte.pa);
			frame_get(f);
		}
		spin_unlock(&mm->pt_lock);
		if (f)
			return f;
		if (mm_fault(mm, addr, need, &why))
			return NULL;
	}
	return NULL;
}

int mm_map_frame(struct mm *mm, u64 va, struct frame *f)
{
	enum fault_result r = FAULT_MAPERR;
	struct vma *v;

	frame_set_type(f, FRAME_ANON);
	rwlock_read(&mm->lock);
	v = mm_find_vma(mm, va);
	if (v && v->start <= va && !v->mapping)
		r = fault_map_anon(v, va, f);
	else
		frame_put(f);
	rwlock_read_done(&mm->lock);
	return r == FAULT_DONE ? 0 : -ENOMEM;
}

static bool is_special(struct mm *mm, u64 addr)
{
	struct vma *v;
	bool special;

	rwlock_read(&mm->lock);
	v = mm_find_vma(mm, addr);
	special = !v || v->start > addr || v->flags & VMA_SPECIAL;
	rwlock_read_done(&mm->lock);
	return special;
}

ssize_t mm_access(struct mm *mm, u64 addr, void *buf, size_t n, bool write)
{
	size_t done = 0;

	while (done < n && addr < mach_user_top) {
		size_t at = addr & ~PAGE_MASK, m = MIN(n - done, PAGE_SIZE - at);
		struct frame *f;

		if (is_special(mm, addr))
			break;
		f = frame_at(mm, PAGE_ALIGN_DOWN(addr), write);
		if (!f)
			break;
		if (write)
			memcpy((u8 *)frame_va(f) + at, (u8 *)buf + done, m);
		else
			memcpy((u8 *)buf + done, (u8 *)frame_va(f) + at, m);
		frame_put(f);
		done += m;
		addr += m;
	}
	return done || !n ? (ssize_t)done : -EFAULT;
}
