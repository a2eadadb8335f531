/* rename.c - rename(2), renameat2(2)
 * Locks: namei.c's rule. Renames between directories of one file system go one by one
 *   (sb->rename_lock), so that "is above" stays true while it matters. */
#include "abi/linux/caps.h"
#include "fs_internal.h"
#include "slab.h"
#include "syscalls_proto.h"

struct rename {
	struct path odir, ndir;
	struct last_name olast, nlast;
	struct dentry *old, *new;
	u32 flags;
};

/* Takes both directories' locks in order. The one that is the other's ancestor goes first. */
static void lock_dirs(const struct rename *r)
{
	struct dentry *a = r->odir.dentry, *b = r->ndir.dentry, *t;

	if (a == b) {
		rwlock_write(&a->inode->lock);
		return;
	}
	mutex_lock(&a->sb->rename_lock);
	if (dentry_is_below(a, b) || (!dentry_is_below(b, a) && (uintptr_t)b < (uintptr_t)a)) {
		t = a;
		a = b;
		b = t;
	}
	rwlock_write(&a->inode->lock);
	rwlock_write_nested(&b->inode->lock);
}

static void unlock_dirs(const struct rename *r)
{
	rwlock_write_done(&r->odir.dentry->inode->lock);
	if (r->odir.dentry == r->ndir.dentry)
		return;
	rwlock_write_done(&r->ndir.dentry->inode->lock);
	mutex_unlock(&r->odir.dentry->sb->rename_lock);
}

static int check_names(const struct rename *r)
{
	const struct inode *o = r->old->inode, *n = r->new->inode;

	if (!o)
		return -ENOENT;
	if (r->flags & ABI_RENAME_NOREPLACE && n)
		return -EEXIST;
	if (r->flags & ABI_RENAME_EXCHANGE) {
		if (!n)
			return -ENOENT;
		if (!S_ISDIR(n->mode) && r->nlast.slash)
			return -ENOTDIR;
	}
	if (!S_ISDIR(o->mode) &&
	    (r->olast.slash || (!(r->flags & ABI_RENAME_EXCHANGE) && r->nlast.slash)))
		return -ENOTDIR;
	/* a directory into itself, or onto what is above it */
	if (dentry_is_below(r->ndir.dentry, r->old))
		return -EINVAL;
	if (dentry_is_below(r->odir.dentry, r->new))
		return r->flags & ABI_RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_rights(const struct rename *r)
{
	struct inode *od = r->odir.dentry->inode, *nd = r->ndir.dentry->inode;
	bool dir = S_ISDIR(r->old->inode->mode);
	int err;

	if (r->odir.mnt->flags & MNT_RDONLY)
		return -EROFS;
	err = may_delete(od, r->old, dir);
	if (err)
		return err;
	if (!r->new->inode)
		err = may_create(nd);
	else if (r->flags & ABI_RENAME_EXCHANGE)
		err = may_delete(nd, r->new, S_ISDIR(r->new->inode->mode));
	else
		err = may_delete(nd, r->new, dir);
	if (err)
		return err;
	/* a directory that moves gets a new "..": it must be writable */
	if (dir && od != nd)
		err = inode_permission(r->old->inode, ABI_W_OK);
	if (!err && r->flags & ABI_RENAME_EXCHANGE && od != nd && S_ISDIR(r->new->inode->mode))
		err = inode_permission(r->new->inode, ABI_W_OK);
	if (!err && !od->ops->rename)
		err = -EPERM;
	return err;
}

/* After the file system has done it: no failure here. Consumes the names. */
static void rename_names(const struct rename *r, struct dname *name, struct dname *other)
{
	if (r->flags & ABI_RENAME_EXCHANGE) {
		dentry_exchange(r->old, r->new, name, other);
		return;
	}
	if (r->new->inode && S_ISDIR(r->new->inode->mode)) {
		r->new->inode->flags |= INODE_DEAD;
		dentry_unhash(r->new);
		dentry_shrink_tree(r->new);
	} else {
		dentry_unhash(r->new);
	}
	dentry_move(r->old, r->ndir.dentry, name, r->nlast.len);
}

static int rename_do(const struct rename *r)
{
	struct dname *name = dentry_name_new(r->old, r->nlast.name, r->nlast.len);
	struct dname *other = dentry_name_new(r->new, r->olast.name, r->olast.len);
	struct inode *victim = r->new->inode, *od = r->odir.dentry->inode;
	int err = -ENOMEM;

	if (!name || !other)
		goto out_free;
	if (victim && S_ISDIR(victim->mode))
		rwlock_write_nested(&victim->lock);
	else if (victim)
		rwlock_write(&victim->lock);
	err = od->ops->rename(od, r->old, r->ndir.dentry->inode, r->new, r->flags);
	if (victim)
		rwlock_write_done(&victim->lock);
	if (err)
		goto out_free;
	rename_names(r, name, other);
	if (!(r->flags & ABI_RENAME_EXCHANGE))
		kfree(other);
	return 0;
out_free:
	kfree(name);
	kfree(other);
	return err;
}

static int rename_locked(const struct rename *r)
{
	int err = check_names(r);

	if (err || r->new->inode == r->old->inode) /* two names of one file: nothing to do */
		return err;
	err = check_rights(r);
	return err ? err : rename_do(r);
}

static int rename_held(struct rename *r)
{
	int err;

	if (r->odir.mnt != r->ndir.mnt)
		return -EXDEV;
	if (r->olast.kind != LAST_NORM)
		return -EBUSY;
	if (r->nlast.kind != LAST_NORM)
		return r->flags & ABI_RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	lock_dirs(r);
	err = dentry_lookup(r->odir.dentry, r->olast.name, r->olast.len, true, &r->old);
	if (err)
		goto out_unlock;
	err = dentry_lookup(r->ndir.dentry, r->nlast.name, r->nlast.len, true, &r->new);
	if (err) {
		dentry_put(r->old);
		goto out_unlock;
	}
	err = rename_locked(r);
	unlock_dirs(r);
	dentry_put(r->old);
	dentry_put(r->new);
	return err;
out_unlock:
	unlock_dirs(r);
	return err;
}

static long do_rename(int olddir, const char *old, int newdir, const char *new, u32 flags)
{
	struct rename r = {.flags = flags};
	long err = walk_from(NULL, olddir, old, WALK_PARENT, &r.odir, &r.olast);

	if (err)
		return err;
	err = walk_from(NULL, newdir, new, WALK_PARENT, &r.ndir, &r.nlast);
	if (err)
		goto out_put_odir;
	err = rename_held(&r);
	path_put(&r.ndir);
out_put_odir:
	path_put(&r.odir);
	return err;
}

long sys_renameat2(int olddir, uaddr_t uold, int newdir, uaddr_t unew, unsigned int flags)
{
	struct pathname old, new;
	long err;

	if (flags & ~(ABI_RENAME_NOREPLACE | ABI_RENAME_EXCHANGE) ||
	    flags == (ABI_RENAME_NOREPLACE | ABI_RENAME_EXCHANGE))
		return -EINVAL;
	err = pathname_get(&old, uold);
	if (err)
		return err;
	err = pathname_get(&new, unew);
	if (err)
		goto out_put_old;
	err = do_rename(olddir, old.text, newdir, new.text, flags);
	pathname_put(&new);
out_put_old:
	pathname_put(&old);
	return err;
}

long sys_renameat(int olddir, uaddr_t old, int newdir, uaddr_t new)
{
	return sys_renameat2(olddir, old, newdir, new, 0);
}

long sys_rename(uaddr_t old, uaddr_t new)
{
	return sys_renameat2(ABI_AT_FDCWD, old, ABI_AT_FDCWD, new, 0);
}
