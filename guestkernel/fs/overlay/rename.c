/* rename.c - renaming in an overlay: done above, what was below hidden
 * Both overlay directories' locks are held, and so nobody else changes their upper ones. */
#include "overlay.h"
#include "slab.h"

struct ovl_rename {
	struct inode *odir, *ndir;  /* of the overlay */
	struct dentry *old, *new;   /* of the overlay */
	struct dentry *uold, *unew; /* above */
	struct dname *name, *other; /* to be given above */
	u32 flags;
	int old_below, new_below;
};

/* A directory that has a part below cannot be moved: its entries are found there by path. */
static bool is_bound(const struct dentry *d)
{
	return d->inode && S_ISDIR(d->inode->mode) && ovl_i(d->inode)->lower;
}

static int prepare(struct ovl_rename *r)
{
	struct inode *victim = r->new->inode;
	int err;

	if (is_bound(r->old) || (r->flags & ABI_RENAME_EXCHANGE && is_bound(r->new)))
		return -EXDEV;
	if (victim && S_ISDIR(victim->mode) && !(r->flags & ABI_RENAME_EXCHANGE)) {
		err = ovl_check_empty(victim);
		if (!err)
			err = ovl_clear_dir(victim);
		if (err)
			return err;
	}
	err = ovl_copy_up(r->old->inode, OVL_COPY_ALL);
	if (!err)
		err = ovl_copy_up(r->odir, OVL_COPY_ALL);
	if (!err)
		err = ovl_copy_up(r->ndir, OVL_COPY_ALL);
	if (!err && r->flags & ABI_RENAME_EXCHANGE)
		err = ovl_copy_up(victim, OVL_COPY_ALL);
	if (err)
		return err;
	r->old_below = ovl_below(r->odir, r->old->name, r->old->len);
	r->new_below = ovl_below(r->ndir, r->new->name, r->new->len);
	return r->old_below < 0 ? r->old_below : r->new_below < 0 ? r->new_below : 0;
}

static void lock_upper(const struct ovl_rename *r)
{
	rwlock_write(&ovl_upper(r->odir)->inode->lock);
	if (r->odir != r->ndir)
		rwlock_write_nested(&ovl_upper(r->ndir)->inode->lock);
}

static void unlock_upper(const struct ovl_rename *r)
{
	if (r->odir != r->ndir)
		rwlock_write_done(&ovl_upper(r->ndir)->inode->lock);
	rwlock_write_done(&ovl_upper(r->odir)->inode->lock);
}

/* A directory that moves must not merge with what is below at its new place. */
static int keep_apart(const struct ovl_rename *r)
{
	int err = 0;

	if (S_ISDIR(r->uold->inode->mode))
		err = ovl_set_opaque(r->uold->inode);
	if (!err && r->flags & ABI_RENAME_EXCHANGE && S_ISDIR(r->unew->inode->mode))
		err = ovl_set_opaque(r->unew->inode);
	return err;
}

static int move_names(struct ovl_rename *r)
{
	struct inode *uodir = ovl_upper(r->odir)->inode;
	struct dentry *hole;
	int err;

	if (r->flags & ABI_RENAME_EXCHANGE) {
		dentry_exchange(r->uold, r->unew, r->name, r->other);
		r->name = r->other = NULL;
		return 0;
	}
	if (r->unew->inode && S_ISDIR(r->unew->inode->mode)) {
		r->unew->inode->flags |= INODE_DEAD;
		dentry_shrink_tree(r->unew);
	}
	dentry_unhash(r->unew);
	dentry_move(r->uold, ovl_upper(r->ndir), r->name, r->new->len);
	r->name = NULL;
	if (!r->old_below)
		return 0;
	err = ovl_upper_entry(r->odir, r->old->name, r->old->len, &hole);
	if (err)
		return err;
	err = ovl_whiteout(uodir, hole);
	dentry_put(hole);
	return err;
}

static int rename_upper(struct ovl_rename *r)
{
	struct inode *uodir = ovl_upper(r->odir)->inode, *undir = ovl_upper(r->ndir)->inode;
	u32 flags = r->flags & ABI_RENAME_EXCHANGE;
	struct inode *victim = r->unew->inode;
	int err = keep_apart(r);

	if (err)
		return err;
	r->name = dentry_name_new(r->uold, r->new->name, r->new->len);
	r->other = dentry_name_new(r->unew, r->old->name, r->old->len);
	err = r->name && r->other ? 0 : -ENOMEM;
	if (err)
		return err;
	if (victim && S_ISDIR(victim->mode))
		rwlock_write_nested(&victim->lock);
	else if (victim)
		rwlock_write(&victim->lock);
	err = uodir->ops->rename(uodir, r->uold, undir, r->unew, flags);
	if (victim)
		rwlock_write_done(&victim->lock);
	return err ? err : move_names(r);
}

int ovl_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new,
	       u32 flags)
{
	struct ovl_rename r = {.odir = odir, .ndir = ndir, .old = old, .new = new, .flags = flags};
	int err = prepare(&r);

	if (err)
		return err;
	lock_upper(&r);
	err = ovl_upper_entry(odir, old->name, old->len, &r.uold);
	if (err)
		goto out_unlock;
	err = ovl_upper_entry(ndir, new->name, new->len, &r.unew);
	if (err)
		goto out_put_old;
	err = r.uold->inode ? rename_upper(&r) : -ESTALE;
	kfree(r.name);
	kfree(r.other);
	dentry_put(r.unew);
out_put_old:
	dentry_put(r.uold);
out_unlock:
	unlock_upper(&r);
	if (!err) {
		ovl_sync_attrs(odir);
		ovl_sync_attrs(ndir);
		if (new->inode && ovl_upper(new->inode))
			ovl_sync_attrs(new->inode);
	}
	return err;
}
