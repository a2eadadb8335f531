/* dirops.c - names in an overlay: looking up through both layers, making and removing above */
#include "abi/linux/xattr.h"
#include "log.h"
#include "overlay.h"

/* ---- helpers: the overlay directory's lock is held ---- */

static bool is_opaque(struct inode *upper)
{
	char y;

	return upper->ops->getxattr && upper->ops->getxattr(upper, OVL_OPAQUE, &y, 1) == 1;
}

int ovl_set_opaque(struct inode *upper)
{
	return upper->ops->setxattr ? upper->ops->setxattr(upper, OVL_OPAQUE, "y", 1, 0)
				    : -EOPNOTSUPP;
}

static int lower_lookup(struct inode *dir, const char *name, size_t len, struct dentry **out)
{
	struct dentry *d, *ld = ovl_i(dir)->lower;
	int err;

	*out = NULL;
	if (!ld)
		return 0;
	err = dentry_lookup(ld, name, len, false, &d);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (d->inode)
		*out = d;
	else
		dentry_put(d);
	return 0;
}

int ovl_below(struct inode *dir, const char *name, size_t len)
{
	struct dentry *d;
	int err = lower_lookup(dir, name, len, &d);

	if (err || !d)
		return err;
	dentry_put(d);
	return 1;
}

int ovl_upper_entry(struct inode *dir, const char *name, size_t len, struct dentry **out)
{
	return dentry_lookup(ovl_upper(dir), name, len, true, out);
}

int ovl_whiteout(struct inode *udir, struct dentry *at)
{
	struct inode *made;
	int err = udir->ops->create(udir, at->name, at->len, ABI_S_IFCHR, 0, &made);

	if (!err)
		dentry_instantiate(at, made);
	return err;
}

int ovl_remove_upper(struct inode *udir, struct dentry *ud)
{
	struct inode *i = ud->inode;
	int err;

	if (S_ISDIR(i->mode)) {
		rwlock_write_nested(&i->lock);
		err = udir->ops->rmdir(udir, ud->name, ud->len, i);
		if (!err)
			i->flags |= INODE_DEAD;
	} else {
		rwlock_write(&i->lock);
		err = udir->ops->unlink(udir, ud->name, ud->len, i);
	}
	rwlock_write_done(&i->lock);
	if (err)
		return err;
	if (S_ISDIR(i->mode))
		dentry_shrink_tree(ud);
	dentry_unhash(ud);
	return 0;
}

/* ---- looking up ---- */

static int upper_lookup(struct inode *dir, const char *name, size_t len, struct dentry **out,
			bool *white)
{
	struct dentry *d, *ud = ovl_upper(dir);
	int err;

	*out = NULL;
	*white = false;
	if (!ud)
		return 0;
	err = dentry_lookup(ud, name, len, false, &d);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (d->inode && !ovl_is_whiteout(d->inode)) {
		*out = d;
		return 0;
	}
	*white = d->inode;
	dentry_put(d);
	return 0;
}

static int ovl_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct dentry *up, *low = NULL;
	bool white;
	int err = upper_lookup(dir, name, len, &up, &white);

	if (err)
		return err;
	if (white)
		return -ENOENT;
	if (!up || (S_ISDIR(up->inode->mode) && !is_opaque(up->inode)))
		err = lower_lookup(dir, name, len, &low);
	if (up && low && !S_ISDIR(low->inode->mode)) { /* hidden by a directory above */
		dentry_put(low);
		low = NULL;
	}
	if (err) {
		if (up)
			dentry_put(up);
		return err;
	}
	if (!up && !low)
		return -ENOENT;
	*out = ovl_inode_get(dir->sb, up, low, dir);
	return *out ? 0 : -ENOMEM;
}

static void ovl_walk_ahead(struct dentry *dir, const char *path)
{
	struct dentry *ld = ovl_i(dir->inode)->lower;

	if (ld && ld->inode->ops->walk_ahead)
		ld->inode->ops->walk_ahead(ld, path);
}

/* ---- making ---- */

/* What is to be made above; exactly one of the ways. */
struct ovl_make {
	u32 mode; /* with type */
	u64 rdev;
	const char *target;   /* a symbolic link */
	struct inode *linked; /* a hard link to this upper inode */
};

/* udir's lock is held; a reference in *out. */
static int make_upper(struct inode *udir, const struct dentry *at, const struct ovl_make *m,
		      struct inode **out)
{
	const char *name = at->name;
	size_t len = at->len;
	int err;

	if (m->linked) {
		rwlock_write(&m->linked->lock);
		err = udir->ops->link(udir, name, len, m->linked);
		rwlock_write_done(&m->linked->lock);
		if (!err)
			inode_get(m->linked);
		*out = m->linked;
		return err;
	}
	if (m->target)
		return udir->ops->symlink(udir, name, len, m->target, out);
	if (S_ISDIR(m->mode))
		return udir->ops->mkdir(udir, name, len, m->mode & 07777, out);
	return udir->ops->create(udir, name, len, m->mode, m->rdev, out);
}

/* Makes the upper entry, in place of a whiteout if there is one. udir's lock is held. */
static int make_entry(struct inode *dir, const char *name, size_t len, const struct ovl_make *m,
		      struct dentry **out)
{
	struct inode *udir = ovl_upper(dir)->inode, *made;
	struct dentry *ud;
	bool white;
	int err = ovl_upper_entry(dir, name, len, &ud);

	if (err)
		return err;
	white = ud->inode;
	if (white) {
		kassert(ovl_is_whiteout(ud->inode));
		err = ovl_remove_upper(udir, ud);
		dentry_put(ud);
		if (!err)
			err = ovl_upper_entry(dir, name, len, &ud);
		if (err)
			return err;
	}
	err = make_upper(udir, ud, m, &made);
	if (err) {
		/* what was hidden stays hidden; there is room: the whiteout's own was just freed */
		if (white && ovl_whiteout(udir, ud))
			klog(LOG_WARN, "overlay: %s shows again: no memory to hide it", name);
		dentry_put(ud);
		return err;
	}
	dentry_instantiate(ud, made);
	if (white && S_ISDIR(made->mode))
		err = ovl_set_opaque(made);
	*out = ud;
	return err;
}

/* Makes an entry above: *out with a reference, consumed by the caller. */
static int ovl_make(struct inode *dir, const char *name, size_t len, const struct ovl_make *m,
		    struct dentry **out)
{
	struct inode *udir;
	int err = ovl_copy_up(dir, OVL_COPY_ALL);

	if (err)
		return err;
	udir = ovl_upper(dir)->inode;
	rwlock_write(&udir->lock);
	err = make_entry(dir, name, len, m, out);
	rwlock_write_done(&udir->lock);
	if (!err)
		ovl_sync_attrs(dir);
	return err;
}

static int ovl_make_inode(struct inode *dir, const char *name, size_t len, const struct ovl_make *m,
			  struct inode **out)
{
	struct dentry *ud;
	int err = ovl_make(dir, name, len, m, &ud);

	if (err)
		return err;
	*out = ovl_inode_get(dir->sb, ud, NULL, NULL);
	return *out ? 0 : -ENOMEM;
}

static int ovl_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
		      struct inode **out)
{
	struct ovl_make m = {.mode = mode, .rdev = rdev};

	if (ABI_S_ISTYPE(mode, ABI_S_IFCHR) && !rdev)
		return -EPERM; /* it would be a whiteout */
	return ovl_make_inode(dir, name, len, &m, out);
}

static int ovl_mkdir(struct inode *dir, const char *name, size_t len, u32 mode, struct inode **out)
{
	struct ovl_make m = {.mode = ABI_S_IFDIR | mode};

	return ovl_make_inode(dir, name, len, &m, out);
}

static int ovl_symlink(struct inode *dir, const char *name, size_t len, const char *target,
		       struct inode **out)
{
	struct ovl_make m = {.mode = ABI_S_IFLNK, .target = target};

	return ovl_make_inode(dir, name, len, &m, out);
}

static int ovl_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	struct ovl_make m = {.mode = target->mode};
	struct dentry *ud;
	int err = ovl_copy_up(target, OVL_COPY_ALL);

	if (err)
		return err;
	m.linked = ovl_upper(target)->inode;
	err = ovl_make(dir, name, len, &m, &ud);
	if (err)
		return err;
	dentry_put(ud);
	ovl_sync_attrs(target);
	return 0;
}

static int ovl_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	struct inode *udir, *up;
	struct dentry *ud;
	int err = ovl_copy_up(dir, OVL_COPY_ALL);

	if (err)
		return err;
	udir = ovl_upper(dir)->inode;
	err = udir->ops->tmpfile(udir, mode, &up);
	if (err)
		return err;
	ud = dentry_new_unhashed(ovl_upper(dir), "#tmpfile", up);
	if (!ud)
		return -ENOMEM;
	*out = ovl_inode_get(dir->sb, ud, NULL, NULL);
	return *out ? 0 : -ENOMEM;
}

/* ---- removing ---- */

/* Takes the name away above and hides it below. */
static int remove_entry(struct inode *dir, const char *name, size_t len, bool below)
{
	struct inode *udir = ovl_upper(dir)->inode;
	struct dentry *ud;
	int err = ovl_upper_entry(dir, name, len, &ud);

	if (err)
		return err;
	if (ud->inode) {
		err = ovl_remove_upper(udir, ud);
		dentry_put(ud);
		if (err || !below)
			return err;
		err = ovl_upper_entry(dir, name, len, &ud);
		if (err)
			return err;
	}
	if (below)
		err = ovl_whiteout(udir, ud);
	dentry_put(ud);
	return err;
}

static int ovl_remove(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	struct inode *udir;
	int err, below = ovl_below(dir, name, len);

	if (below < 0)
		return below;
	err = ovl_copy_up(dir, OVL_COPY_ALL);
	if (err)
		return err;
	udir = ovl_upper(dir)->inode;
	rwlock_write(&udir->lock);
	err = remove_entry(dir, name, len, below);
	if (!err && below)
		udir->mtime = udir->ctime = inode_now();
	rwlock_write_done(&udir->lock);
	if (err)
		return err;
	ovl_sync_attrs(dir);
	if (ovl_upper(victim))
		ovl_sync_attrs(victim);
	else if (victim->nlink)
		victim->nlink--;
	return 0;
}

static int ovl_rmdir(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	int err = ovl_check_empty(victim);

	if (!err)
		err = ovl_clear_dir(victim);
	return err ? err : ovl_remove(dir, name, len, victim);
}

int ovl_clear_dir(struct inode *dir)
{
	struct dentry *ud = ovl_upper(dir), *d, *c;
	int err = 0;

	if (!ud)
		return 0;
	rwlock_write_nested(&ud->inode->lock);
	while (!err) {
		d = NULL;
		spin_lock(&ud->lock);
		TAILQ_FOREACH (c, &ud->children, sibling)
			if (c->inode) {
				d = c;
				dentry_get(d);
				break;
			}
		spin_unlock(&ud->lock);
		if (!d)
			break;
		err = ovl_is_whiteout(d->inode) ? ovl_remove_upper(ud->inode, d) : -ENOTEMPTY;
		dentry_put(d);
	}
	rwlock_write_done(&ud->inode->lock);
	return err;
}

const struct inode_ops ovl_dir_ops = {
	.lookup = ovl_lookup,
	.walk_ahead = ovl_walk_ahead,
	.create = ovl_create,
	.mkdir = ovl_mkdir,
	.symlink = ovl_symlink,
	.link = ovl_link,
	.unlink = ovl_remove,
	.rmdir = ovl_rmdir,
	.rename = ovl_rename,
	.tmpfile = ovl_tmpfile,
	.getattr = ovl_getattr,
	.setattr = ovl_setattr,
	.getxattr = ovl_getxattr,
	.setxattr = ovl_setxattr,
	.listxattr = ovl_listxattr,
	.removexattr = ovl_removexattr,
	.evict = ovl_evict,
};
