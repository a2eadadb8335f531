/* pagecache_internal.h - what the page cache's files share */
#pragma once
#include "frame_internal.h"
#include "pagecache.h"
#include "radix.h"

/* radix.c: the index of a mapping. Changes under tree_lock; lookups without it under quiescence.
 * Slots hold frames; a lookup checks that the frame is still this mapping's. */
int radix_insert(struct mapping *m, u64 index,
		 void *item) must_check;	  /* [t]: 0, -ENOMEM, -EEXIST */
void *radix_remove(struct mapping *m, u64 index); /* [t] */
/* The first item at or after *index; *index becomes its place. [t] */
void *radix_next(const struct mapping *m, u64 *index);
void radix_init(void);

/* pagecache.c */
/* As mapping_find for n pages from index on; entries may be null. */
void mapping_find_many(struct mapping *m, u64 index, struct frame **out, u32 n);
static inline void mapping_put_many(struct frame **f, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (f[i])
			frame_put(f[i]);
}
struct waitq *frame_waitq(const struct frame *f);
/* Takes f out of its mapping's index: true if it was there (its count is the caller's now). */
bool mapping_remove_frame(struct mapping *m, struct frame *f, u64 index, bool even_dirty);
/* False: f is no longer in the index, and about to be unmapped. pt_lock may be held. */
bool mapping_mark_dirty(struct mapping *m, struct frame *f);
void mapping_undirtied(struct mapping *m); /* FRAME_DIRTY of one frame was cleared */

/* readahead.c: frames to read from index on, where nothing is cached */
#define READ_RUN_MAX 32u
size_t readahead_window(struct mapping *m, u64 index);

/* rmap.c */
enum rmap_op {
	RMAP_UNMAP,    /* take it out of every space */
	RMAP_PROTECT,  /* take write access away: it becomes clean */
	RMAP_ACCESSED, /* was it used since last asked? */
};
/* Applies op to every place where f is mapped, with the shoot-downs: how many (accessed) places
 * there were. A reference on f is held. Sleeps not, but takes no spinlock held before. */
u32 rmap_walk(struct mapping *m, u64 index, struct frame *f, enum rmap_op op);

/* reclaim.c: the list of frames that may be dropped */
void lru_add(struct frame *f);
void lru_remove(struct frame *f);
void lru_init(void);
