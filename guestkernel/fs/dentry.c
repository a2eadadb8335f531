/* dentry.c - the tree of names
 * Provides: cached names, positive and negative, found by (parent, name) without a lock.
 * Owns: struct dentry. One reference for being in the cache (DENTRY_HASHED), one per child, the
 * rest users'. At zero it goes: it is in no list then, and readers see it until they block. States:
 * new; hashed (in a chain and in the parent's list of children); unhashed for good. Locks: a lock
 * per some chains, within it the parent's and the entry's; names_lock outside for who moves
 * entries. LRU lock last. Lock-free readers see chains at any moment: a moved entry may hide others
 * of its chain from them, so a miss is asked again under the chain's lock. Sleeps: dentry_put and
 * what drops the cache's reference (the inode may go with it). Invariants: hashed <=> in chain and
 * in children; under a chain's lock a hashed entry's count is not zero. Differs from Linux: no
 * sequence per entry; one names_seq for all moves (they are rare). Tests:
 * test/unit/fs/names_test.c, test/abi */
#include "fs_internal.h"
#include "log.h"
#include "slab.h"

#define HASH_BITS 13
#define NR_LOCKS  64u

struct dname { /* a name too long for the entry, or given by a rename */
	struct quiesce_head qhead;
	char text[];
};

static struct dentry *chains[1u << HASH_BITS];
static struct spinlock chain_locks[NR_LOCKS];
static struct spinlock names_lock = SPINLOCK_INIT(RANK_NAMES);
static struct slab_cache *dentry_cache;
a32_t names_seq;
static a32_t names_removed;

void names_change_begin(void)
{
	spin_lock(&names_lock);
	a_store(&names_seq, names_seq.v + 1);
	mem_barrier();
}

void names_change_end(void)
{
	a_store_release(&names_seq, names_seq.v + 1);
	spin_unlock(&names_lock);
}

u32 names_generation(void)
{
	return a_load_acquire(&names_removed);
}

u64 name_hash(const char *name, size_t len)
{
	u64 h = 0, w;

	for (; len >= 8; len -= 8, name += 8)
		h = name_mix(h, name_word(name));
	if (len) {
		w = 0;
		memcpy(&w, name, len);
		h = name_mix(h, w);
	}
	return h;
}

void dentry_set_mounted(struct dentry *d, bool mounted)
{
	if (mounted)
		dentry_flag_set(d, DENTRY_MOUNTED);
	else
		dentry_flag_clear(d, DENTRY_MOUNTED);
}

static struct dentry **chain_of(u32 hash)
{
	return &chains[hash >> (32 - HASH_BITS)];
}

static struct spinlock *chain_lock(u32 hash)
{
	return &chain_locks[(hash >> (32 - HASH_BITS)) % NR_LOCKS];
}

static bool name_equal(const char *mine, const char *name, size_t len)
{
	for (; len >= 8; len -= 8, mine += 8, name += 8)
		if (name_word(mine) != name_word(name))
			return false;
	return !len || !((name_word(mine) ^ name_word(name)) & ((1ull << (len * 8)) - 1));
}

struct dentry *dentry_peek(struct dentry *dir, const char *name, size_t len, u32 hash)
{
	struct dentry *d;

	for (d = READ_ONCE(*chain_of(hash)); d; d = READ_ONCE(d->hash_next)) {
		if (d->hash != hash || d->parent != dir)
			continue;
		/* a mover stores the name before the length: see dentry_rehash */
		if (__atomic_load_n(&d->len, __ATOMIC_ACQUIRE) != len)
			continue;
		if (name_equal(READ_ONCE(d->name), name, len) && d->flags & DENTRY_HASHED)
			return d;
	}
	return NULL;
}

/* Chain's lock held. */
static struct dentry *chain_find(struct dentry *dir, const char *name, size_t len, u32 hash)
{
	struct dentry *d;

	for (d = *chain_of(hash); d; d = d->hash_next)
		if (d->hash == hash && d->parent == dir && d->len == len &&
		    !memcmp(d->name, name, len))
			return d;
	return NULL;
}

static void chain_remove(struct dentry *d)
{
	struct dentry **p = chain_of(d->hash);

	while (*p != d)
		p = &(*p)->hash_next;
	WRITE_ONCE(*p, d->hash_next); /* d's own link stays for who stands on it */
}

static void chain_insert(struct dentry *d)
{
	struct dentry **p = chain_of(d->hash);

	d->hash_next = *p;
	__atomic_store_n(p, d, __ATOMIC_RELEASE);
}

static void name_free_later(struct quiesce_head *h)
{
	kfree(container_of(h, struct dname, qhead));
}

static void name_drop(struct dentry *d)
{
	struct dname *n;

	if (d->name == d->inline_name)
		return;
	n = container_of((char(*)[])(uintptr_t)d->name, struct dname, text);
	quiesce_defer(&n->qhead, name_free_later);
}

static struct dname *name_alloc(size_t room, const char *name, size_t len)
{
	struct dname *n = kzalloc(sizeof(*n) + room + NAME_SLACK);

	if (n)
		memcpy(n->text, name, len);
	return n;
}

static struct dentry *dentry_alloc(struct superblock *sb, const char *name, size_t len)
{
	struct dentry *d = slab_zalloc(dentry_cache);
	struct dname *n;

	if (!d)
		return NULL;
	if (len + NAME_SLACK <= DNAME_INLINE) {
		memcpy(d->inline_name, name, len);
		d->name = d->inline_name;
	} else {
		n = name_alloc(len, name, len);
		if (!n) {
			slab_free(dentry_cache, d);
			return NULL;
		}
		d->name = n->text;
	}
	d->refs.v = 1;
	d->len = (u16)len;
	d->sb = sb;
	spin_init(&d->lock, RANK_DENTRY);
	TAILQ_INIT(&d->children);
	return d;
}

struct dentry *dentry_new_root(struct superblock *sb, struct inode *inode)
{
	struct dentry *d = dentry_alloc(sb, "/", 1);

	if (!d) {
		inode_put(inode);
		return NULL;
	}
	d->parent = d;
	d->inode = inode;
	return d;
}

struct dentry *dentry_new_unhashed(struct dentry *parent, const char *name, struct inode *inode)
{
	struct dentry *d = dentry_alloc(parent->sb, name, strlen(name));

	if (!d) {
		inode_put(inode);
		return NULL;
	}
	d->inode = inode;
	d->parent = parent;
	dentry_get(parent);
	return d;
}

/* The chain's lock is held: into the parent's list, at the end. False: the parent has left the
 * tree, and who took it out has emptied its list, or will after this. */
static bool child_insert(struct dentry *parent, struct dentry *d)
{
	bool in;

	spin_lock(&parent->lock);
	in = parent->parent == parent || parent->flags & (DENTRY_HASHED | DENTRY_MOVING);
	if (in) {
		d->order = 2 + parent->next_order++; /* readdir: 0 and 1 are "." and ".." */
		TAILQ_INSERT_TAIL(&parent->children, d, sibling);
	}
	spin_unlock(&parent->lock);
	return in;
}

static void child_remove(struct dentry *parent, struct dentry *d)
{
	spin_lock(&parent->lock);
	TAILQ_REMOVE(&parent->children, d, sibling);
	spin_unlock(&parent->lock);
}

static void dentry_free_later(struct quiesce_head *h)
{
	slab_free(dentry_cache, container_of(h, struct dentry, qhead));
}

/* Count zero: in no chain and no list but the LRU's. */
static void dentry_destroy(struct dentry *d)
{
	kassert(!(d->flags & DENTRY_HASHED));
	dentry_lru_remove(d);
	if (d->inode)
		inode_put(d->inode);
	name_drop(d);
	quiesce_defer(&d->qhead, dentry_free_later);
}

void dentry_get(struct dentry *d)
{
	ref_get(&d->refs);
}

void dentry_put(struct dentry *d)
{
	struct dentry *parent;

	while (ref_put(&d->refs)) {
		parent = d->parent;
		dentry_destroy(d);
		if (parent == d)
			return;
		d = parent;
	}
}

/* Puts a new entry into the cache, or finds that another was faster: returns what is there, with a
 * reference for the caller; d stays outside if dir has left the tree; gen: only if nothing was
 * removed since (null: whatever). */
static struct dentry *dentry_insert(struct dentry *dir, struct dentry *d, const u32 *gen)
{
	u64 h = name_hash(d->name, d->len);
	struct dentry *other;
	struct spinlock *lock;

	d->hash = name_hash_at(dir, h);
	lock = chain_lock(d->hash);
	spin_lock(lock);
	other = chain_find(dir, d->name, d->len, d->hash);
	if (other) {
		ref_get(&other->refs);
	} else if (!gen || a_load_acquire(&names_removed) == *gen) {
		ref_get(&dir->refs);
		d->parent = dir;
		if (child_insert(dir, d)) {
			ref_get(&d->refs);
			d->flags |= DENTRY_HASHED;
			chain_insert(d);
		}
	} else {
		lock = NULL;
		spin_unlock(chain_lock(d->hash));
		d->parent = d;
		dentry_put(d);
		return NULL;
	}
	spin_unlock(lock);
	if (!other) {
		if (d->flags & DENTRY_HASHED && !(d->flags & DENTRY_PINNED))
			dentry_lru_add(d);
		return d;
	}
	d->parent = d;
	dentry_put(d);
	return other;
}

/* listed_ns: when the name was listed, or 0. */
static struct dentry *dentry_make(struct dentry *dir, const char *name, size_t len,
				  struct inode *inode, const u32 *gen, u64 listed_ns)
{
	struct dentry *d = dentry_alloc(dir->sb, name, len);

	if (!d) {
		if (inode)
			inode_put(inode);
		return NULL;
	}
	d->inode = inode;
	if (dir->sb->flags & SB_SHARED)
		d->flags |= DENTRY_REVALIDATE;
	if (inode && dir->sb->flags & SB_PIN_NAMES)
		d->flags |= DENTRY_PINNED;
	d->listed_ns = listed_ns;
	if (listed_ns)
		d->flags |= DENTRY_LISTED;
	return dentry_insert(dir, d, gen);
}

struct dentry *dentry_add(struct dentry *dir, const char *name, size_t len, struct inode *inode)
{
	return dentry_make(dir, name, len, inode, NULL, 0);
}

struct dentry *dentry_add_listed(struct dentry *dir, const char *name, size_t len,
				 struct inode *inode, u64 now_ns)
{
	return dentry_make(dir, name, len, inode, NULL, now_ns);
}

struct dentry *dentry_add_ahead(struct dentry *dir, const char *name, size_t len,
				struct inode *inode, u32 gen)
{
	return dentry_make(dir, name, len, inode, &gen, 0);
}

void dentry_instantiate(struct dentry *d, struct inode *inode)
{
	kassert(!d->inode);
	if (d->sb->flags & SB_PIN_NAMES) {
		dentry_lru_remove(d);
		dentry_flag_set(d, DENTRY_PINNED);
	}
	__atomic_store_n(&d->inode, inode, __ATOMIC_RELEASE);
}

/* Out of chain and list; false if it was not in them. The cache's reference becomes the caller's.
 */
bool dentry_detach(struct dentry *d)
{
	struct spinlock *lock;
	u32 hash;

	a_add(&names_removed, 1);
	for (;;) { /* a concurrent move changes the chain */
		hash = READ_ONCE(d->hash);
		lock = chain_lock(hash);
		spin_lock(lock);
		if (d->hash == hash)
			break;
		spin_unlock(lock);
	}
	if (!(d->flags & DENTRY_HASHED)) {
		spin_unlock(lock);
		return false;
	}
	chain_remove(d);
	dentry_flag_clear(d, DENTRY_HASHED);
	child_remove(d->parent, d);
	spin_unlock(lock);
	return true;
}

void dentry_unhash(struct dentry *d)
{
	if (dentry_detach(d))
		dentry_put(d);
}

struct dentry *dentry_lookup_cached(struct dentry *dir, const char *name, size_t len)
{
	u32 hash = name_hash_at(dir, name_hash(name, len));
	struct spinlock *lock = chain_lock(hash);
	struct dentry *d;

	spin_lock(lock);
	d = chain_find(dir, name, len, hash);
	if (d)
		ref_get(&d->refs);
	spin_unlock(lock);
	if (d && !READ_ONCE(d->used))
		WRITE_ONCE(d->used, 1);
	return d;
}

int dentry_lookup(struct dentry *dir, const char *name, size_t len, bool locked,
		  struct dentry **out)
{
	struct inode *i = dir->inode, *found = NULL;
	struct dentry *d;
	int err = 0;

	if (len > ABI_NAME_MAX)
		return -ENAMETOOLONG;
	if (!locked)
		rwlock_write(&i->lock);
	d = dentry_lookup_cached(dir, name, len);
	if (d && d->flags & DENTRY_LISTED && !(d->flags & DENTRY_MOUNTED) && i->ops->revalidate &&
	    i->ops->revalidate(d) == 1) {
		dentry_invalidate(d);
		dentry_put(d);
		d = NULL;
	}
	if (!d) {
		err = i->flags & INODE_DEAD ? -ENOENT : i->ops->lookup(i, name, len, &found);
		if (err == -ENOENT && !(i->flags & INODE_DEAD))
			err = 0;
		if (!err) {
			d = dentry_add(dir, name, len, found);
			err = d ? 0 : -ENOMEM;
		}
	}
	if (!locked)
		rwlock_write_done(&i->lock);
	*out = d;
	return err;
}

/* Gives d another place; names_lock is held, and room for both names is in fresh. False: d was in
 * the cache and is no longer, for the new parent has left the tree: the cache's reference is the
 * caller's. One that had left the cache stays outside. */
static bool dentry_rehash(struct dentry *d, struct dentry *parent, struct dname *fresh, size_t len)
{
	struct spinlock *old = chain_lock(d->hash), *next;
	u64 h = name_hash(fresh->text, len);
	u32 hash = name_hash_at(parent, h);
	bool hashed, in;

	spin_lock(old);
	hashed = d->flags & DENTRY_HASHED;
	if (hashed) {
		dentry_flag_set(d, DENTRY_MOVING);
		dentry_flag_clear(d, DENTRY_HASHED); /* for dentry_detach: in no chain just now */
		chain_remove(d);
		child_remove(d->parent, d);
	}
	spin_unlock(old);
	name_drop(d);
	/* a reader that has seen the new length sees the new name; one with the old length finds
	 * room enough in either */
	__atomic_store_n(&d->name, fresh->text, __ATOMIC_RELEASE);
	__atomic_store_n(&d->len, (u16)len, __ATOMIC_RELEASE);
	d->parent = parent;
	next = chain_lock(hash);
	spin_lock(next);
	d->hash = hash;
	in = hashed && child_insert(parent, d);
	if (in) {
		chain_insert(d);
		dentry_flag_set(d, DENTRY_HASHED);
	}
	dentry_flag_clear(d, DENTRY_MOVING);
	spin_unlock(next);
	return in || !hashed;
}

/* What was moved out of the tree; the cache's reference is ours. */
static void dentry_leave(struct dentry *d)
{
	dentry_shrink_tree(d);
	dentry_put(d);
}

struct dname *dentry_name_new(const struct dentry *d, const char *name, size_t len)
{
	return name_alloc(MAX(len, (size_t)d->len), name, len);
}

void dentry_move(struct dentry *d, struct dentry *new_parent, struct dname *name, size_t len)
{
	struct dentry *old_parent = d->parent;
	bool kept;

	ref_get(&new_parent->refs);
	a_add(&names_removed, 1);
	names_change_begin();
	kept = dentry_rehash(d, new_parent, name, len);
	names_change_end();
	dentry_put(old_parent);
	if (!kept)
		dentry_leave(d);
}

void dentry_exchange(struct dentry *a, struct dentry *b, struct dname *na, struct dname *nb)
{
	struct dentry *pa = a->parent, *pb = b->parent;
	size_t la = a->len, lb = b->len;
	bool kept_a, kept_b;

	a_add(&names_removed, 1);
	names_change_begin();
	kept_a = dentry_rehash(a, pb, na, lb);
	kept_b = dentry_rehash(b, pa, nb, la);
	names_change_end(); /* the parents' references have changed places */
	if (!kept_a)
		dentry_leave(a);
	if (!kept_b)
		dentry_leave(b);
}

bool dentry_is_below(struct dentry *d, struct dentry *ancestor)
{
	for (;; d = d->parent) {
		if (d == ancestor)
			return true;
		if (d == d->parent)
			return false;
	}
}

bool dentry_has_children(struct dentry *d)
{
	struct dentry *c;
	bool any = false;

	spin_lock(&d->lock);
	TAILQ_FOREACH (c, &d->children, sibling)
		if (c->inode) {
			any = true;
			break;
		}
	spin_unlock(&d->lock);
	return any;
}

void dentry_cache_init(void)
{
	u32 i;

	for (i = 0; i < NR_LOCKS; i++)
		spin_init(&chain_locks[i], RANK_DENTRY_HASH);
	dentry_cache = slab_cache_create("dentry", sizeof(struct dentry), 64);
	if (!dentry_cache)
		panic("no memory for names");
}
