/* poke.c - writing where the application itself may not: into private text
 *
 * Provides: mm_poke(), mm_map_text().
 * A poked page gets a frame of its own with the bytes changed, which replaces the old one whole: a
 * thread that runs there meets the bytes as they were or as they are, never a mixture. The file,
 * and other address spaces, keep theirs; a fork inherits it as any private page. Where nobody can
 * run there meanwhile, a page that is the space's own already is changed in place.
 * Locks: mm->lock for reading, pt_lock for looks and the change, as in fault.c. Sleeps: yes.
 * Differs from Linux: there it is a forced write of ptrace(2) or a uprobe. Tests: test/hosted
 */
#include "fault.h"
#include "string.h"
#include "task.h"

#define TRIES 16

static bool may_poke(const struct vma *v, u64 addr, const char *name)
{
	return v && v->start <= addr && v->flags & VMA_READ &&
	       !(v->flags & (VMA_WRITE | VMA_SHARED | VMA_SPECIAL)) && (!name || v->name == name);
}

/* A reference to what is mapped there, or null. */
static struct frame *frame_now(struct mm *mm, u64 page)
{
	struct frame *f = NULL;
	struct mach_pte pte;

	spin_lock(&mm->pt_lock);
	pte = mach_lookup(&mm->space, page);
	if (pte.prot) {
		f = frame_of(pte.pa);
		if (f != zero_frame)
			frame_get(f);
	}
	spin_unlock(&mm->pt_lock);
	return f;
}

/* False: the page is not the space's own, or somebody might run there. */
static bool poke_in_place(struct mm *mm, u64 addr, const void *data, size_t n, bool unseen)
{
	struct frame *f = NULL;
	struct mach_pte pte;

	/* the only task, and it is here */
	if (!unseen && (mm != current->mm || a_load(&mm->users) != 1))
		return false;
	spin_lock(&mm->pt_lock);
	pte = mach_lookup(&mm->space, PAGE_ALIGN_DOWN(addr));
	if (pte.prot)
		f = frame_of(pte.pa);
	if (f == zero_frame || (f && !frame_is_sole(pte.pa)))
		f = NULL;
	if (f)
		memcpy((u8 *)frame_va(f) + (addr & ~PAGE_MASK), data, n);
	spin_unlock(&mm->pt_lock);
	return f;
}

static int poke_once(struct mm *mm, const struct mm_poke *p)
{
	u64 page = PAGE_ALIGN_DOWN(p->addr);
	struct vma *v = mm_find_vma(mm, p->addr);
	struct frame *old, *f;
	int err = -EAGAIN;

	if (!may_poke(v, p->addr, p->name))
		return -EACCES;
	if (poke_in_place(mm, p->addr, p->data, p->size, p->unseen))
		return 0;
	old = frame_now(mm, page);
	if (!old)
		return -EAGAIN;
	f = frame_alloc(FA_USER);
	if (!f) {
		err = -ENOMEM;
		goto out_put_old;
	}
	frame_set_type(f, FRAME_ANON);
	mach_frame_copy(frame_va(f), frame_va(old));
	memcpy((u8 *)frame_va(f) + (p->addr - page), p->data, p->size);
	if (!fault_replace(v, page, old, f)) {
		frame_put(f);
		goto out_put_old;
	}
	err = 0;
	mm_shootdown(mm, page, 1);
	if (old != zero_frame)
		frame_put(old); /* the table's */
out_put_old:
	if (old != zero_frame)
		frame_put(old);
	return err;
}

int mm_poke(struct mm *mm, const struct mm_poke *p)
{
	kassert(p->size && (p->addr & ~PAGE_MASK) + p->size <= PAGE_SIZE);
	for (int i = 0; i < TRIES; i++) {
		struct mm_fault why;
		int err;

		rwlock_read(&mm->lock);
		err = poke_once(mm, p);
		rwlock_read_done(&mm->lock);
		if (err != -EAGAIN)
			return err;
		if (mm_fault(mm, p->addr, MACH_READ, &why))
			return -EFAULT;
	}
	return -EAGAIN;
}

u64 mm_map_text(struct mm *mm, u64 below, u64 size, const char *name)
{
	struct vma *v;
	u64 at;

	rwlock_write(&mm->lock);
	at = mm->map_count < MAP_COUNT_MAX ? vma_find_hole(mm, size, below) : 0;
	if (!at)
		goto out_unlock;
	v = vma_new(mm, at, at + size, VMA_READ | VMA_EXEC | VMA_MAYREAD | VMA_MAYEXEC);
	if (v) {
		v->name = name;
		vma_insert(mm, v);
	} else {
		at = 0;
	}
out_unlock:
	rwlock_write_done(&mm->lock);
	return at;
}
