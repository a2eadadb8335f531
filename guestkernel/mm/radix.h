/* radix.h - the page cache's index: lookup, inline as every read of a file does it */
#pragma once
#include "pagecache.h"
#include "quiesce.h"

#define RADIX_BITS	 6u
#define RADIX_SLOTS	 (1u << RADIX_BITS)
#define RADIX_HEIGHT_MAX 9u /* 54 bits of index */

struct radix_node {
	void *slot[RADIX_SLOTS]; /* [a] */
	u32 count;		 /* [t] slots used */
	struct quiesce_head qhead;
};

static inline u32 radix_height(const void *root)
{
	return (u32)((uintptr_t)root & 15);
}

static inline void *radix_pointer(const void *root)
{
	return (void *)((uintptr_t)root & ~(uintptr_t)15);
}

static inline void *radix_load(void *const *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline bool radix_covers(u32 height, u64 index)
{
	return height >= RADIX_HEIGHT_MAX || index >> (height * RADIX_BITS) == 0;
}

static inline u32 radix_slot(u64 index, u32 level)
{
	return (u32)(index >> ((level - 1) * RADIX_BITS)) & (RADIX_SLOTS - 1);
}

/* tree_lock is held, or a quiescent reader asks. */
static inline void *radix_lookup(const struct mapping *m, u64 index)
{
	void *root = radix_load(&m->root);
	u32 h = radix_height(root);
	void *p = radix_pointer(root);

	if (!p || !radix_covers(h, index))
		return NULL;
	for (; h > 0 && p; h--)
		p = radix_load(&((struct radix_node *)p)->slot[radix_slot(index, h)]);
	return p;
}
