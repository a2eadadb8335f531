/* writeback.c - dirty pages reach their file
 *
 * Only shared writable mappings make pages dirty (a write(2) goes to the file at once). A page is
 * made clean by: taking the flag, taking write access away everywhere, writing its contents. A
 * store after the second step faults and marks it dirty again; one before is in what is written. */
#include "mm_internal.h"
#include "pagecache_internal.h"
#include "vfs.h"

static a64_t all_dirty;

u64 pagecache_nr_dirty(void)
{
	return a_load(&all_dirty);
}

void mapping_undirtied(struct mapping *m)
{
	a_sub(&m->nr_dirty, 1);
	a_sub(&all_dirty, 1);
}

bool mapping_mark_dirty(struct mapping *m, struct frame *f)
{
	bool ours;

	if (m->ops->anonymous || !m->ops->write_frame || a_load(&f->flags) & FRAME_DIRTY)
		return true;
	/* the lock: reclaim drops a clean frame only while it holds it */
	spin_lock(&m->tree_lock);
	ours = f->mapping == m;
	if (ours && !(a_or(&f->flags, FRAME_DIRTY) & FRAME_DIRTY)) {
		a_add(&m->nr_dirty, 1);
		a_add(&all_dirty, 1);
	}
	spin_unlock(&m->tree_lock);
	return ours;
}

void mapping_dirty(struct mapping *m, struct frame *f)
{
	(void)mapping_mark_dirty(m, f);
}

/* Bytes of the page that are in the file. */
static size_t valid_bytes(const struct mapping *m, u64 index)
{
	u64 size = m->inode ? READ_ONCE(m->inode->size) : ~0ull, at = index << PAGE_SHIFT;

	return at >= size ? 0 : MIN(size - at, (u64)PAGE_SIZE);
}

static int write_one(struct mapping *m, struct frame *f, u64 index)
{
	size_t valid = valid_bytes(m, index);
	int err = 0;

	if (!(a_and(&f->flags, ~FRAME_DIRTY) & FRAME_DIRTY))
		return 0;
	mapping_undirtied(m);
	(void)rmap_walk(m, index, f, RMAP_PROTECT);
	if (valid)
		err = m->ops->write_frame(m, f, index, valid);
	if (err)
		mapping_dirty(m, f); /* not lost: the next one tries again */
	return err;
}

/* The next dirty frame at or after *index, with a count. */
static struct frame *next_dirty(struct mapping *m, u64 *index, u64 last)
{
	struct frame *f;

	spin_lock(&m->tree_lock);
	for (u32 n = 0; (f = radix_next(m, index)) && *index <= last; ++*index) {
		if (a_load(&f->flags) & FRAME_DIRTY) {
			frame_get(f);
			break;
		}
		if (++n == RANGE_STEP * 8) { /* let others at the lock */
			spin_unlock(&m->tree_lock);
			mach_poll();
			n = 0;
			spin_lock(&m->tree_lock);
		}
	}
	if (f && *index > last)
		f = NULL;
	spin_unlock(&m->tree_lock);
	return f;
}

int mapping_sync(struct mapping *m, u64 first, u64 last)
{
	int err = 0;
	struct frame *f;

	if (!m->ops->write_frame)
		return 0;
	for (u64 index = first; a_load(&m->nr_dirty) && index <= last; index++) {
		int e;

		f = next_dirty(m, &index, last);
		if (!f)
			break;
		e = write_one(m, f, index);
		frame_put(f);
		if (e && !err)
			err = e;
		mach_poll();
	}
	return err;
}
