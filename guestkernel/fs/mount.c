/* mount.c - mounts and the name spaces made of them
 * Provides: (mount, dentry) -> mount on it, without a lock for the path walk.
 * Owns: struct mount: one reference by its name space's list, one per child mount, the rest users'.
 *   A mount refers to its file system, its root, its parent and the entry it covers.
 * Locks: ns->lock for a name space's list and shape; names_lock (names_change_*) for the table.
 * Sleeps: all but mount_lookup.
 * Differs from Linux: no propagation between mounts; each name space belongs to one container. */
#include "fs_internal.h"
#include "log.h"
#include "slab.h"

#define TABLE_SIZE 256u
#define MOUNTS_MAX 10000u /* of a name space */
#define DEPTH_MAX  20u	  /* one on the other: some walks over them are recursive */

static struct mount *table[TABLE_SIZE];
static a32_t last_id;

static struct mount **slot_of(const struct mount *parent, const struct dentry *point)
{
	u64 h = ((u64)(uintptr_t)parent >> 6 ^ (u64)(uintptr_t)point >> 6) * NAME_K;

	return &table[h >> 56];
}

struct mount *mount_lookup(struct mount *parent, struct dentry *point)
{
	struct mount *m;

	for (m = READ_ONCE(*slot_of(parent, point)); m; m = READ_ONCE(m->hash_next))
		if (m->parent == parent && m->point == point)
			return m;
	return NULL;
}

struct mount *mount_new(struct superblock *sb, struct dentry *root, u32 flags, const char *source)
{
	struct mount *m = kzalloc(sizeof(*m));

	if (!m)
		return NULL;
	m->source = kstrdup(source ? source : "none");
	if (!m->source) {
		kfree(m);
		return NULL;
	}
	m->refs.v = 1;
	ref_get(&sb->refs);
	dentry_get(root);
	m->sb = sb;
	m->root = root;
	m->flags = flags;
	m->id = a_add(&last_id, 1);
	return m;
}

static void mount_free_later(struct quiesce_head *h)
{
	struct mount *m = container_of(h, struct mount, qhead);

	kfree(m->source);
	kfree(m);
}

void mount_put(struct mount *m)
{
	if (!ref_put(&m->refs))
		return;
	dentry_put(m->root);
	super_put(m->sb);
	quiesce_defer(&m->qhead, mount_free_later);
}

/* names_lock held. */
static void table_insert(struct mount *m, const struct path *where)
{
	struct mount **slot = slot_of(where->mnt, where->dentry);

	m->parent = where->mnt;
	m->point = where->dentry;
	m->hash_next = *slot;
	__atomic_store_n(slot, m, __ATOMIC_RELEASE);
	dentry_set_mounted(m->point, true);
}

static u32 mount_depth(const struct mount *m)
{
	u32 n = 0;

	for (; m; m = m->parent)
		n++;
	return n;
}

int mount_attach(struct mntns *ns, struct mount *m, const struct path *where)
{
	mutex_lock(&ns->lock);
	if (ns->count >= MOUNTS_MAX || (where && mount_depth(where->mnt) >= DEPTH_MAX)) {
		mutex_unlock(&ns->lock);
		return -ENOSPC;
	}
	if (!where) {
		kassert(!ns->root.mnt);
		mount_get(m);
		dentry_get(m->root);
		ns->root = (struct path){m, m->root};
	} else if (where->mnt->ns != ns) {
		mutex_unlock(&ns->lock);
		return -EINVAL;
	} else if (S_ISDIR(m->root->inode->mode) != S_ISDIR(where->dentry->inode->mode)) {
		mutex_unlock(&ns->lock);
		return -ENOTDIR;
	} else {
		path_get(where);
		names_change_begin();
		table_insert(m, where);
		names_change_end();
	}
	m->ns = ns;
	TAILQ_INSERT_TAIL(&ns->mounts, m, link);
	ns->count++;
	mutex_unlock(&ns->lock);
	return 0;
}

bool dentry_is_mountpoint(const struct dentry *d)
{
	struct mount *m;
	u32 i;

	for (i = 0; i < TABLE_SIZE; i++)
		for (m = READ_ONCE(table[i]); m; m = READ_ONCE(m->hash_next))
			if (m->point == d)
				return true;
	return false;
}

/* names_lock held: takes m out of the table. Another name space may have the entry covered too. */
static void table_remove(struct mount *m)
{
	struct mount **p = slot_of(m->parent, m->point);

	while (*p != m)
		p = &(*p)->hash_next;
	WRITE_ONCE(*p, m->hash_next);
	if (!dentry_is_mountpoint(m->point))
		dentry_set_mounted(m->point, false);
}

/* ns->lock held. The list's reference is the caller's now. */
static void unlink_locked(struct mount *m)
{
	struct mntns *ns = m->ns;

	if (m->parent) {
		names_change_begin();
		table_remove(m);
		names_change_end();
	}
	TAILQ_REMOVE(&ns->mounts, m, link);
	ns->count--;
	m->ns = NULL;
}

static void put_detached(struct mount *m)
{
	struct path at = {m->parent, m->point};

	if (at.mnt) {
		/* walkers with references may still go up from it: parent and point stay as they
		 * are until nobody can look, their references go now */
		quiesce_wait();
		names_change_begin();
		m->parent = NULL;
		m->point = NULL;
		names_change_end();
		path_put(&at);
	}
	mount_put(m);
}

static bool mount_is_below(const struct mount *m, const struct mount *top)
{
	for (; m; m = m->parent)
		if (m == top)
			return true;
	return false;
}

/* Takes top and all below it out of the name space. ns->lock held. */
static void detach_locked(struct mntns *ns, struct mount *top, struct mount_list *gone)
{
	struct mount *m, *next;

	/* children were mounted after their parents: from the end, each before its parent */
	for (m = TAILQ_LAST(&ns->mounts, mount_list); m; m = next) {
		next = TAILQ_PREV(m, mount_list, link);
		if (!mount_is_below(m, top))
			continue;
		unlink_locked(m);
		TAILQ_INSERT_TAIL(gone, m, link);
	}
}

static void put_all_detached(struct mount_list *gone)
{
	struct mount *m;

	while ((m = TAILQ_FIRST(gone))) {
		TAILQ_REMOVE(gone, m, link);
		put_detached(m);
	}
}

void mount_detach(struct mount *top)
{
	struct mount_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct mntns *ns = top->ns;

	if (!ns)
		return;
	mutex_lock(&ns->lock);
	detach_locked(ns, top, &gone);
	mutex_unlock(&ns->lock);
	put_all_detached(&gone);
}

int mount_unmount(struct mntns *ns, struct mount *m, bool lazily)
{
	struct mount_list gone = TAILQ_HEAD_INITIALIZER(gone);
	struct mount *c;
	bool busy = false, top;

	mutex_lock(&ns->lock);
	top = m->ns != ns || !m->parent; /* gone already, or the root by now */
	if (!lazily) {
		TAILQ_FOREACH (c, &ns->mounts, link)
			busy |= c->parent == m;
		/* the list's reference and the caller's are there anyway */
		busy |= a_load(&m->refs) > 2;
	}
	if (!busy && !top)
		detach_locked(ns, m, &gone);
	mutex_unlock(&ns->lock);
	put_all_detached(&gone);
	return top ? -EINVAL : busy ? -EBUSY : 0;
}

/* ns->lock held: the depth of the deepest mount on top. */
static u32 tree_depth_locked(const struct mntns *ns, const struct mount *top)
{
	const struct mount *m;
	u32 deepest = 0;

	TAILQ_FOREACH (m, &ns->mounts, link)
		if (mount_is_below(m, top))
			deepest = MAX(deepest, mount_depth(m));
	return deepest;
}

int mount_move(struct mntns *ns, struct mount *m, const struct path *where)
{
	struct path old;
	int err = 0;

	mutex_lock(&ns->lock);
	old = (struct path){m->parent, m->point};
	if (m->ns != ns || where->mnt->ns != ns || !old.mnt)
		err = -EINVAL;
	else if (mount_is_below(where->mnt, m))
		err = -ELOOP;
	else if (mount_depth(where->mnt) + tree_depth_locked(ns, m) - mount_depth(old.mnt) >
		 DEPTH_MAX)
		err = -ENOSPC;
	else if (S_ISDIR(m->root->inode->mode) != S_ISDIR(where->dentry->inode->mode))
		err = -ENOTDIR;
	if (!err) {
		path_get(where);
		names_change_begin();
		table_remove(m);
		table_insert(m, where);
		names_change_end();
	}
	mutex_unlock(&ns->lock);
	if (!err)
		path_put(&old);
	return err;
}

int mount_pivot(struct mntns *ns, const struct path *root, const struct path *new_root,
		const struct path *put_old)
{
	struct path was;
	int err = 0;

	mutex_lock(&ns->lock);
	was = (struct path){new_root->mnt->parent, new_root->mnt->point};
	if (root->mnt->parent || !was.mnt || root->mnt->ns != ns || new_root->mnt->ns != ns ||
	    put_old->mnt->ns != ns || !mount_is_below(put_old->mnt, new_root->mnt))
		err = -EINVAL;
	else if (mount_depth(put_old->mnt) + tree_depth_locked(ns, root->mnt) > 2 * DEPTH_MAX)
		err = -ENOSPC;
	if (!err) {
		path_get(put_old);
		path_get(new_root);
		names_change_begin();
		table_remove(new_root->mnt);
		new_root->mnt->parent = NULL;
		new_root->mnt->point = NULL;
		table_insert(root->mnt, put_old);
		ns->root = *new_root;
		names_change_end();
	}
	mutex_unlock(&ns->lock);
	if (!err) {
		path_put(&was);
		path_put(root); /* the name space's */
	}
	return err;
}

struct mntns *mntns_new(void)
{
	struct mntns *ns = kzalloc(sizeof(*ns));

	if (!ns)
		return NULL;
	ns->refs.v = 1;
	mutex_init(&ns->lock, RANK_MOUNTNS);
	TAILQ_INIT(&ns->mounts);
	return ns;
}

void mntns_put(struct mntns *ns)
{
	struct mount *m;

	if (!ref_put(&ns->refs))
		return;
	if (ns->root.mnt)
		path_put(&ns->root);
	while ((m = TAILQ_LAST(&ns->mounts, mount_list)))
		mount_detach(m);
	kfree(ns);
}

/* ---- a task's place in the name space ---- */

void fs_ctx_read(struct fs_ctx *fs, struct path *root, struct path *cwd)
{
	u32 seq;

	for (;;) {
		seq = __atomic_load_n(&fs->seq, __ATOMIC_ACQUIRE);
		*root = fs->root;
		*cwd = fs->cwd;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (likely(!(seq & 1) && READ_ONCE(fs->seq) == seq))
			return;
		mach_relax();
	}
}

struct fs_ctx *fs_ctx_new(const struct path *root, const struct path *cwd, u32 umask)
{
	struct fs_ctx *n = kzalloc(sizeof(*n));

	if (!n)
		return NULL;
	n->refs.v = 1;
	spin_init(&n->lock, RANK_FILES);
	n->root = *root;
	n->cwd = *cwd;
	n->umask = umask;
	path_get(root);
	path_get(cwd);
	return n;
}

struct fs_ctx *fs_ctx_copy(struct fs_ctx *f)
{
	struct fs_ctx *n;
	struct path root, cwd;

	spin_lock(&f->lock); /* a change puts the old paths after it */
	root = f->root;
	cwd = f->cwd;
	path_get(&root);
	path_get(&cwd);
	spin_unlock(&f->lock);
	n = fs_ctx_new(&root, &cwd, f->umask);
	path_put(&root);
	path_put(&cwd);
	return n;
}

void fs_ctx_put(struct fs_ctx *f)
{
	if (!ref_put(&f->refs))
		return;
	path_put(&f->root);
	path_put(&f->cwd);
	kfree(f);
}

/* Consumes the reference in p. */
void fs_ctx_set(struct fs_ctx *f, struct path *where, const struct path *p)
{
	struct path old;

	spin_lock(&f->lock);
	old = *where;
	WRITE_ONCE(f->seq, f->seq + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*where = *p;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	WRITE_ONCE(f->seq, f->seq + 1);
	spin_unlock(&f->lock);
	path_put(&old);
}

void path_get(const struct path *p)
{
	mount_get(p->mnt);
	dentry_get(p->dentry);
}

void path_put(const struct path *p)
{
	dentry_put(p->dentry);
	mount_put(p->mnt);
}
