/* reclaim.c - clean pages are dropped when memory is short
 *
 * One list of all frames that a file stands behind, oldest first. A frame that was looked up, or
 * accessed through a mapping, since the last visit gets a second chance at the list's young end. A
 * dirty one is written by its owner (msync, munmap, exit), not here, and stays. */
#include "mm_internal.h"
#include "pagecache_internal.h"
#include "sched.h"

static struct spinlock lru_lock;
static struct frame_list lru; /* [l] oldest first */
static u64 lru_count;	      /* [l] */

void lru_init(void)
{
	spin_init(&lru_lock, RANK_LRU);
	TAILQ_INIT(&lru);
}

void lru_add(struct frame *f)
{
	spin_lock(&lru_lock);
	TAILQ_INSERT_TAIL(&lru, f, lru);
	lru_count++;
	spin_unlock(&lru_lock);
}

void lru_remove(struct frame *f)
{
	spin_lock(&lru_lock);
	TAILQ_REMOVE(&lru, f, lru);
	lru_count--;
	spin_unlock(&lru_lock);
}

/* Moves the oldest frame to the young end: it, with a count and its place, or null. */
static struct frame *next_candidate(struct mapping **m, u64 *index)
{
	struct frame *f;

	spin_lock(&lru_lock);
	f = TAILQ_FIRST(&lru);
	if (f) {
		TAILQ_REMOVE(&lru, f, lru);
		TAILQ_INSERT_TAIL(&lru, f, lru);
		*m = __atomic_load_n(&f->mapping, __ATOMIC_ACQUIRE);
		*index = f->index;
		if (!*m || !ref_get_live(&f->refs))
			f = NULL; /* on its way out */
	}
	spin_unlock(&lru_lock);
	return f;
}

/* The mapping stays while this does not sleep: inodes are freed after a grace period. */
static bool try_drop(struct mapping *m, struct frame *f, u64 index)
{
	u32 flags = a_load(&f->flags);

	if (flags & (FRAME_LOCKED | FRAME_DIRTY | FRAME_WRITEBACK))
		return false;
	if (flags & FRAME_REFD) {
		a_and(&f->flags, ~FRAME_REFD);
		return false;
	}
	/* more than the index's count and ours: page tables, or somebody who reads it now */
	if (a_load(&f->refs) > 2 && rmap_walk(m, index, f, RMAP_ACCESSED))
		return false;
	if (!mapping_remove_frame(m, f, index, false))
		return false;
	if (a_load(&f->refs) > 2)
		(void)rmap_walk(m, index, f, RMAP_UNMAP);
	frame_put(f);
	return true;
}

size_t pagecache_reclaim(size_t n)
{
	u64 tries = 2 * READ_ONCE(lru_count) + 1;
	size_t freed = 0;

	for (u64 i = 0; i < tries && freed < n; i++) {
		struct mapping *m;
		u64 index;
		struct frame *f = next_candidate(&m, &index);

		if (f) {
			freed += try_drop(m, f, index);
			frame_put(f);
		}
		if (i % RANGE_STEP == 0)
			mach_poll();
	}
	return freed;
}
