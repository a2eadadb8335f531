/* radix.c - the index of a file's frames: a radix tree of 64-way nodes
 *
 * The root word is a pointer with the height in its low bits: a reader gets both in one load.
 * Height 0: the item of index 0 itself, so that a small file needs no node. Height h covers 64^h
 * items. Readers without the lock are protected by quiescence: a node is freed when all readers
 * that may know it are gone, and a slot is one word. Invariants: a node has at least one item
 * (count); a tree grows with its highest index and is given up when it is empty, never made lower
 * meanwhile. Tests: test/unit/mm/radix_test.c */
#include "pagecache_internal.h"
#include "quiesce.h"
#include "slab.h"

#define NODE_BITS  6u
#define NODE_SLOTS (1u << NODE_BITS)
#define HEIGHT_MAX 9u /* 54 bits of index */

struct node {
	void *slot[NODE_SLOTS]; /* [a] */
	u32 count;		/* [t] slots used */
	struct quiesce_head qhead;
};

static struct slab_cache *node_cache;

void radix_init(void)
{
	node_cache = slab_cache_create("radix", sizeof(struct node), 64);
}

static inline u32 root_height(const void *root)
{
	return (u32)((uintptr_t)root & 15);
}

static inline void *root_pointer(const void *root)
{
	return (void *)((uintptr_t)root & ~(uintptr_t)15);
}

static inline void *make_root(void *p, u32 height)
{
	return (void *)((uintptr_t)p | height);
}

static inline void *load(void *const *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void store(void **p, void *v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline bool covers(u32 height, u64 index)
{
	return height >= HEIGHT_MAX || index >> (height * NODE_BITS) == 0;
}

static inline u32 slot_of(u64 index, u32 level)
{
	return (u32)(index >> ((level - 1) * NODE_BITS)) & (NODE_SLOTS - 1);
}

void *radix_lookup(const struct mapping *m, u64 index)
{
	void *root = load(&m->root);
	u32 h = root_height(root);
	void *p = root_pointer(root);

	if (!p || !covers(h, index))
		return NULL;
	for (; h > 0 && p; h--)
		p = load(&((struct node *)p)->slot[slot_of(index, h)]);
	return p;
}

static struct node *node_new(void)
{
	return slab_zalloc(node_cache);
}

/* Makes the tree high enough; the old root becomes the first item of the new one. */
static int grow(struct mapping *m, u64 index)
{
	for (;;) {
		u32 h = root_height(m->root);
		void *p = root_pointer(m->root);
		struct node *n;

		if (covers(h, index) && (p || h == 0))
			return 0;
		if (!p) { /* empty: any height will do */
			while (!covers(h, index))
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
	struct node *n;
	u32 h;

	if (grow(m, index))
		return -ENOMEM;
	h = root_height(m->root);
	if (h == 0) {
		if (root_pointer(m->root))
			return -EEXIST;
		store(&m->root, item);
		return 0;
	}
	n = root_pointer(m->root);
	for (; h > 1; h--) {
		void **s = &n->slot[slot_of(index, h)];

		if (!*s) {
			struct node *below = node_new();

			if (!below)
				return -ENOMEM; /* an empty path may stay: lookups find nothing */
			store(s, below);
			n->count++;
		}
		n = *s;
	}
	if (n->slot[slot_of(index, 1)])
		return -EEXIST;
	store(&n->slot[slot_of(index, 1)], item);
	n->count++;
	return 0;
}

static void node_free(struct quiesce_head *h)
{
	slab_free(node_cache, container_of(h, struct node, qhead));
}

void *radix_remove(struct mapping *m, u64 index)
{
	struct node *path[HEIGHT_MAX + 1];
	u32 height = root_height(m->root);
	void *p = root_pointer(m->root);

	if (!p || !covers(height, index))
		return NULL;
	for (u32 h = height; h > 0 && p; h--) {
		path[h] = p;
		p = path[h]->slot[slot_of(index, h)];
	}
	if (!p)
		return NULL;
	for (u32 h = 1; h <= height; h++) {
		store(&path[h]->slot[slot_of(index, h)], NULL);
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
static void *next_below(struct node *n, u32 height, u64 index, u64 *found)
{
	u32 i = slot_of(index, height);
	u64 rest = index & ((1ull << ((height - 1) * NODE_BITS)) - 1);

	for (; i < NODE_SLOTS; i++, rest = 0) {
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
		*found |= (u64)i << ((height - 1) * NODE_BITS);
		return p;
	}
	return NULL;
}

void *radix_next(const struct mapping *m, u64 *index)
{
	u32 h = root_height(m->root);
	void *p = root_pointer(m->root);

	if (!p || !covers(h, *index))
		return NULL;
	return h ? next_below(p, h, *index, index) : p;
}
