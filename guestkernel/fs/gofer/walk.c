/* walk.c - names to inodes: lookup, several components ahead, revalidation
 *
 * A walk ahead asks for the rest of a path in one round trip and fills the cache with what it
 * hears. By the time it adds a name, we may have made or removed that very name: each change of
 * ours counts gs->changes (under gs->names) after the gofer has done it and before the VFS changes
 * its entry. Under the same lock the walk adds only while the count is what it was before it
 * asked; what it still adds then meets the old entry, which stays.
 * Locks: gs->names around adding; dir->lock is the VFS's affair in lookup.
 * Tests: test/unit/gofer/gofs_test.c */
#include "gofs.h"
#include "log.h"

/* The answer brought the target of the link that it ends with: behind room for all entries. */
static void link_hint(struct inode *i, const struct gofs_req *rq)
{
	size_t at = rq->q->args.walk.count * sizeof(struct abi_gofer_walk_entry);

	if (S_ISLNK(i->mode) && !i->link && rq->r->value <= GOFS_HALF - at)
		gofs_link_keep(i, rq->out + at, rq->r->value);
}

int gofs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct gofs_req rq;
	int err = gofs_list_lacks(dir) ? -ENOENT : gofs_req_on(&rq, dir, ABI_GOFER_WALK, 0);

	if (err)
		return err;
	err = gofs_req_name(&rq, name, len);
	rq.q->args.walk.count = 1;
	gofs_req_out(&rq, GOFS_HALF);
	if (!err)
		err = gofs_req_call(&rq);
	if (!err)
		err = gofs_inode_get(dir->sb, &rq.r->attr, rq.r->handle, out);
	if (!err)
		link_hint(*out, &rq);
	gofs_req_end(&rq);
	return err;
}

bool gofs_has_handle(const struct inode *i)
{
	return a_load_acquire(&gofs_inode(i)->handle) != 0;
}

/* A listed inode's handle: the name leads to it, or did until the host or we took that away. We ask
 * first: so another task has the handle then. */
static int handle_ask(struct inode *i)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_req rq;
	u32 none = 0;
	int err = gofs_req_on(&rq, gi->dir, ABI_GOFER_WALK, 0);

	if (err)
		return err;
	err = gofs_req_name(&rq, gi->name, gi->name_len);
	rq.q->args.walk.count = 1;
	gofs_req_out(&rq, GOFS_HALF);
	if (!err)
		err = gofs_req_call(&rq);
	if (!err && (!rq.r->handle || !gofs_same_file(i, &rq.r->attr)))
		err = -ESTALE;
	if (!err && a_cas(&gi->handle, &none, rq.r->handle))
		link_hint(i, &rq);
	else
		gofs_handle_close(rq.chan, rq.r->handle);
	gofs_req_end(&rq);
	return err == -ENOENT || err == -ENOTDIR ? -ESTALE : err;
}

int gofs_handle(struct inode *i, u32 *handle)
{
	struct gofs_inode *gi = gofs_inode(i);
	int err = 0;

	*handle = a_load_acquire(&gi->handle);
	if (*handle)
		return 0;
	/* A listed directory has one since it was listed: this goes one level deep. */
	err = handle_ask(i);
	gofs_unread_remove(i);
	*handle = a_load_acquire(&gi->handle);
	return *handle ? 0 : err;
}

/* The next component of a path: its length, 0 at the end or where only the VFS can go on. */
static size_t component(const char **path)
{
	const char *p = *path;
	size_t n = 0;

	while (*p == '/')
		p++;
	while (p[n] && p[n] != '/')
		n++;
	*path = p;
	if (n > ABI_GOFER_NAME_MAX || !abi_gofer_name_ok((const u8 *)p, (u32)n))
		return 0;
	return n;
}

struct ahead {
	struct superblock *sb;
	struct dentry *at; /* where the next name belongs */
	bool owned;	   /* at has a reference of ours */
	u64 changes;
};

/* Adds a name below a->at and goes there; consumes the inode's reference. False: stop. */
static bool ahead_add(struct ahead *a, const char *name, size_t len, struct inode *i)
{
	struct gofs_super *gs = gofs_super(a->sb);
	struct dentry *d = NULL;
	bool add;

	mutex_lock(&gs->names);
	add = gs->changes == a->changes;
	if (add)
		d = dentry_add(a->at, name, len, i);
	mutex_unlock(&gs->names);
	if (!add && i)
		inode_put(i);
	if (a->owned)
		dentry_put(a->at);
	a->owned = d != NULL;
	a->at = d;
	return d && d->inode;
}

static u32 ahead_names(struct gofs_req *rq, const char *path)
{
	u32 count = 0;
	size_t len;

	for (; count < ABI_GOFER_WALK_MAX; count++) {
		len = component(&path);
		if (!len || gofs_req_name(rq, path, len))
			break;
		path += len;
	}
	return count;
}

/* Takes the entries of the answer over; each has a handle that must not be lost. */
static void ahead_fill(struct ahead *a, struct gofs_req *rq, const char *path)
{
	bool go = true;
	size_t len;

	for (u32 n = 0; n < rq->r->count; n++) {
		struct abi_gofer_walk_entry e;
		struct inode *i = NULL;

		abi_copy_words(&e, rq->out + n * sizeof(e), sizeof(e));
		len = component(&path);
		if (!go || !abi_gofer_attr_ok(&e.attr) || !e.handle) {
			gofs_handle_close(rq->chan, e.handle);
			go = false;
			continue;
		}
		go = gofs_inode_get(a->sb, &e.attr, e.handle, &i) == 0;
		if (go && n == rq->r->count - 1)
			link_hint(i, rq);
		go = go && ahead_add(a, path, len, i);
		path += len;
	}
	len = component(&path);
	if (go && rq->r->error == -ENOENT && len)
		ahead_add(a, path, len, NULL);
}

static bool more_components(const char *path)
{
	size_t len = component(&path);

	path += len;
	return component(&path) != 0;
}

/* One name is left, which lookup asks for; but its neighbours may be wanted too. */
static void list_beside(struct dentry *dir, const char *path)
{
	size_t len = component(&path);
	struct dentry *d = len ? dentry_lookup_cached(dir, path, len) : NULL;

	if (d)
		dentry_put(d);
	else if (len)
		gofs_list_missed(dir);
}

void gofs_walk_ahead(struct dentry *dir, const char *path)
{
	struct gofs_super *gs = gofs_super(dir->sb);
	struct ahead a = {.sb = dir->sb, .at = dir};
	struct gofs_req rq;
	u32 count;

	if (!more_components(path)) {
		list_beside(dir, path);
		return;
	}
	mutex_lock(&gs->names);
	a.changes = gs->changes;
	mutex_unlock(&gs->names);
	if (gofs_req_on(&rq, dir->inode, ABI_GOFER_WALK, 0))
		return;
	count = ahead_names(&rq, path);
	rq.q->args.walk.count = count;
	rq.q->flags = ABI_GOFER_F_HANDLES;
	gofs_req_out(&rq, GOFS_HALF);
	/* One component is what lookup asks for anyway. An error still brings what was reached. */
	if (count > 1) {
		int err = gofs_req_call(&rq);

		(void)err;
		ahead_fill(&a, &rq, path);
	}
	gofs_req_end(&rq);
	if (a.owned)
		dentry_put(a.at);
}

/* Shared mounts: does the parent still have this name for this file? */
int gofs_revalidate(struct dentry *d)
{
	struct inode *dir = d->parent->inode, *i = d->inode;
	struct gofs_req rq;
	int err, stale = 0;

	if (d->parent == d)
		return gofs_refresh(i) ? 1 : 0;
	if (gofs_req_on(&rq, dir, ABI_GOFER_WALK, 0))
		return 0; /* what comes next answers EIO */
	err = gofs_req_name(&rq, d->name, d->len);
	rq.q->args.walk.count = 1;
	if (!err)
		err = gofs_req_call(&rq);
	if (!i)
		stale = err != -ENOENT;
	else if (err)
		stale = 1;
	else
		stale = rq.r->attr.ino != gofs_inode(i)->ino ||
			rq.r->attr.dev != gofs_inode(i)->dev;
	if (!err)
		gofs_handle_close(rq.chan, rq.r->handle);
	gofs_req_end(&rq);
	if (!stale && i)
		stale = gofs_refresh(i) ? 1 : 0;
	return stale;
}
