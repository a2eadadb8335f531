/* radix.c - the index of a file's frames: a radix tree of 64-way nodes
 *
 * The root word is a pointer with the height in its low bits: a reader gets both in one load.
 * Height 0: the item of index 0 itself, so that a small file needs no node. Height h covers 64^h
 * items. Readers without the lock are protected by quiescence: a node is freed when all readers
 * that may know it are gone, and a slot is one word. Invariants: a node has at least one item
 * (count); a tree grows with its highest index and is given up when it is empty, never made lower
 * meanwhile. Tests: test/unit/mm/radix_test.c */
#include "radix.h"
#include "pagecache_internal.h"
#include "slab.h"

static struct slab_cache *node_cache;

void radix_init(void)
{
	node_cache = slab_cache_create("radix", sizeof(struct radix_node), 64);
}

static inline void *make_root(void *p, u32 height)
{
	return (void *)((uintptr_t)p | height);
}

static inline void store(void **p, void *v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static struct radix_node *node_new(void)
{
	return slab_zalloc(node_cache);
}

/* Makes the tree high enough; the old root becomes the first item of the new one. */
static int grow(struct mapping *m, u64 index)
{
	for (;;) {
		u32 h = radix_height(m->root);
		void *p = radix_pointer(m->root);
		struct radix_node *n;

		if (radix_covers(h, index) && (p || h == 0))
			return 0;
		if (!p) { /* empty: any height will do */
			while (!radix_covers(h, index))
				h++;
			n = node_new();
			if (!n)
				return -ENOMEM;
			store(&m->root, make_root(n, h));
			return 0;
		}
		n = node_new();
		if (!n)
			return -ENOMEM;
		n->slot[0] = p;
		n->count = 1;
		store(&m->root, make_root(n, h + 1));
	}
}

int radix_insert(struct mapping *m, u64 index, void *item)
{
	struct radix_node *n;
	u32 h;

	if (grow(m, index))
		return -ENOMEM;
	h = radix_height(m->root);
	if (h == 0) {
		if (radix_pointer(m->root))
			return -EEXIST;
		store(&m->root, item);
		return 0;
	}
	n = radix_pointer(m->root);
	for (; h > 1; h--) {
		void **s = &n->slot[radix_slot(index, h)];

		if (!*s) {
			struct radix_node *below = node_new();

			if (!below)
				return -ENOMEM; /* an empty path may stay: lookups find nothing */
			store(s, below);
			n->count++;
		}
		n = *s;
	}
	if (n->slot[radix_slot(index, 1)])
		return -EEXIST;
	store(&n->slot[radix_slot(index, 1)], item);
	n->count++;
	return 0;
}

static void node_free(struct quiesce_head *h)
{
	slab_free(node_cache, container_of(h, struct radix_node, qhead));
}

void *radix_remove(struct mapping *m, u64 index)
{
	struct radix_node *path[RADIX_HEIGHT_MAX + 1];
	u32 height = radix_height(m->root);
	void *p = radix_pointer(m->root);

	if (!p || !radix_covers(height, index))
		return NULL;
	for (u32 h = height; h > 0 && p; h--) {
		path[h] = p;
		p = path[h]->slot[radix_slot(index, h)];
	}
	if (!p)
		return NULL;
	for (u32 h = 1; h <= height; h++) {
		store(&path[h]->slot[radix_slot(index, h)], NULL);
		if (--path[h]->count > 0)
			return p;
		if (h == height)
			store(&m->root, NULL);
		quiesce_defer(&path[h]->qhead, node_free);
	}
	if (height == 0)
		store(&m->root, NULL);
	return p;
}

/* The first item at or after index below a node of this height; index is relative to the node. */
static void *next_below(struct radix_node *n, u32 height, u64 index, u64 *found)
{
	u32 i = radix_slot(index, height);
	u64 rest = index & ((1ull << ((height - 1) * RADIX_BITS)) - 1);

	for (; i < RADIX_SLOTS; i++, rest = 0) {
		void *p = n->slot[i];

		if (!p)
			continue;
		if (height > 1) {
			p = next_below(p, height - 1, rest, found);
			if (!p)
				continue;
		} else {
			*found = 0;
		}
		*found |= (u64)i << ((height - 1) * RADIX_BITS);
		return p;
	}
	return NULL;
}

void *radix_next(const struct mapping *m, u64 *index)
{
	u32 h = radix_height(m->root);
	void *p = radix_pointer(m->root);

	if (!p || !radix_covers(h, *index))
		return NULL;
	return h ? next_below(p, h, *index, index) : p;
}
