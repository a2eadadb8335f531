/* namei.c - making, removing and renaming names (mkdir(2), unlink(2), rename(2), link(2) ...)
 * Locks: the directory's lock for writing; of two directories, in rename, the one above first, else
 *   by address, both under sb->rename_lock if they differ. Then the victim's. */
#include "abi/linux/caps.h"
#include "fs_internal.h"
#include "syscalls_proto.h"

/* ---- may it be done: path_resolution(7), sticky bit ---- */

int may_create(struct inode *dir)
{
	if (dir->flags & INODE_DEAD)
		return -ENOENT;
	return inode_permission(dir, ABI_W_OK | ABI_X_OK);
}

int may_delete(struct inode *dir, const struct dentry *victim, bool want_dir)
{
	struct inode *i = victim->inode;
	int err = inode_permission(dir, ABI_W_OK | ABI_X_OK);

	if (err)
		return err;
	if (dir->mode & ABI_S_ISVTX && current->cred->fsuid != i->uid &&
	    current->cred->fsuid != dir->uid && !capable(ABI_CAP_FOWNER))
		return -EPERM;
	if (want_dir && !S_ISDIR(i->mode))
		return -ENOTDIR;
	if (!want_dir && S_ISDIR(i->mode))
		return -EISDIR;
	return victim->flags & DENTRY_MOUNTED && dentry_is_mountpoint(victim) ? -EBUSY : 0;
}

/* ---- making ---- */

/* dir's lock is held; d is negative. */
int vfs_create(const struct path *dir, struct dentry *d, u32 mode, u64 rdev)
{
	struct inode *i = dir->dentry->inode, *made;
	int err;

	if (S_ISDIR(mode))
		err = i->ops->mkdir ? i->ops->mkdir(i, d->name, d->len, mode & 07777, &made)
				    : -EPERM;
	else
		err = i->ops->create ? i->ops->create(i, d->name, d->len, mode, rdev, &made)
				     : -EACCES;
	if (!err)
		dentry_instantiate(d, made);
	return err;
}

/* A place for a new name: the directory held and locked, the negative entry with a reference. */
struct new_name {
	struct pathname text;
	struct path dir;
	struct dentry *d;
};

static void new_name_done(struct new_name *n)
{
	rwlock_write_done(&n->dir.dentry->inode->lock);
	dentry_put(n->d);
	path_put(&n->dir);
	pathname_put(&n->text);
}

/* directory: the name may end in slashes. */
static int new_name_get(struct new_name *n, int dirfd, uaddr_t name, bool directory)
{
	struct last_name last;
	struct inode *i;
	int err = pathname_get(&n->text, name);

	if (err)
		return err;
	err = walk_from(NULL, dirfd, n->text.text, WALK_PARENT, &n->dir, &last);
	if (err)
		goto out_put_text;
	err = -EEXIST;
	if (last.kind != LAST_NORM)
		goto out_put_dir;
	i = n->dir.dentry->inode;
	rwlock_write(&i->lock);
	err = dentry_lookup(n->dir.dentry, last.name, last.len, true, &n->d);
	if (err)
		goto out_unlock;
	if (n->d->inode)
		err = -EEXIST;
	else if (last.slash && !directory)
		err = -ENOENT;
	else
		err = n->dir.mnt->flags & MNT_RDONLY ? -EROFS : may_create(i);
	if (!err)
		return 0;
	dentry_put(n->d);
out_unlock:
	rwlock_write_done(&i->lock);
out_put_dir:
	path_put(&n->dir);
out_put_text:
	pathname_put(&n->text);
	return err;
}

int vfs_mknod(int dirfd, const char *name, u32 mode, u64 rdev, struct path *out)
{
	struct last_name last;
	struct path dir;
	struct dentry *d;
	int err = path_walk_parent(dirfd, name, 0, &dir, &last);

	if (err)
		return err;
	err = -EEXIST;
	if (last.kind != LAST_NORM)
		goto out_put;
	rwlock_write(&dir.dentry->inode->lock);
	err = dentry_lookup(dir.dentry, last.name, last.len, true, &d);
	if (err)
		goto out_unlock;
	if (d->inode)
		err = -EEXIST;
	else
		err = dir.mnt->flags & MNT_RDONLY ? -EROFS : may_create(dir.dentry->inode);
	if (!err)
		err = vfs_create(&dir, d, mode, rdev);
	if (err) {
		dentry_put(d);
		goto out_unlock;
	}
	*out = (struct path){dir.mnt, d};
	mount_get(dir.mnt);
out_unlock:
	rwlock_write_done(&dir.dentry->inode->lock);
out_put:
	path_put(&dir);
	return err;
}

long sys_mkdirat(int dirfd, uaddr_t name, u32 mode)
{
	struct new_name n;
	long err = new_name_get(&n, dirfd, name, true);

	if (err)
		return err;
	err = vfs_create(&n.dir, n.d, ABI_S_IFDIR | (mode & 01777 & ~fs_umask()), 0);
	new_name_done(&n);
	return err;
}

long sys_mkdir(uaddr_t name, u32 mode)
{
	return sys_mkdirat(ABI_AT_FDCWD, name, mode);
}

long sys_mknodat(int dirfd, uaddr_t name, u32 mode, unsigned int dev)
{
	struct new_name n;
	long err;

	switch (mode & ABI_S_IFMT) {
	case 0:
		mode |= ABI_S_IFREG;
		break;
	case ABI_S_IFREG:
	case ABI_S_IFIFO:
	case ABI_S_IFSOCK:
		break;
	case ABI_S_IFCHR:
	case ABI_S_IFBLK:
		if (!capable(ABI_CAP_MKNOD))
			return -EPERM;
		break;
	default:
		return S_ISDIR(mode) ? -EPERM : -EINVAL;
	}
	err = new_name_get(&n, dirfd, name, false);
	if (err)
		return err;
	err = vfs_create(&n.dir, n.d, (mode & ABI_S_IFMT) | (mode & 07777 & ~fs_umask()), dev);
	new_name_done(&n);
	return err;
}

long sys_mknod(uaddr_t name, u32 mode, unsigned int dev)
{
	return sys_mknodat(ABI_AT_FDCWD, name, mode, dev);
}

static int do_symlink(const struct new_name *n, const char *target)
{
	struct inode *dir = n->dir.dentry->inode, *made;
	int err;

	if (!dir->ops->symlink)
		return -EPERM;
	err = dir->ops->symlink(dir, n->d->name, n->d->len, target, &made);
	if (!err)
		dentry_instantiate(n->d, made);
	return err;
}

long sys_symlinkat(uaddr_t utarget, int dirfd, uaddr_t name)
{
	struct new_name n;
	char *target;
	long err = pathbuf_get(utarget, false, &target);

	if (err)
		return err;
	err = new_name_get(&n, dirfd, name, false);
	if (!err) {
		err = do_symlink(&n, target);
		new_name_done(&n);
	}
	pathbuf_put(target);
	return err;
}

long sys_symlink(uaddr_t target, uaddr_t name)
{
	return sys_symlinkat(target, ABI_AT_FDCWD, name);
}

static int do_link(const struct new_name *n, const struct path *old)
{
	struct inode *dir = n->dir.dentry->inode, *i = old->dentry->inode;
	int err;

	if (old->mnt != n->dir.mnt)
		return -EXDEV;
	if (S_ISDIR(i->mode) || !dir->ops->link)
		return -EPERM;
	rwlock_write(&i->lock);
	if (!i->nlink && !(i->flags & INODE_LINKABLE))
		err = -ENOENT;
	else
		err = dir->ops->link(dir, n->d->name, n->d->len, i);
	if (!err)
		i->flags &= ~INODE_LINKABLE;
	rwlock_write_done(&i->lock);
	if (err)
		return err;
	inode_get(i);
	dentry_instantiate(n->d, i);
	return 0;
}

long sys_linkat(int olddir, uaddr_t old, int newdir, uaddr_t new, int flags)
{
	u32 walk = (flags & ABI_AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) |
		   (flags & ABI_AT_EMPTY_PATH ? WALK_EMPTY : 0);
	struct new_name n;
	struct path p;
	long err;

	if (flags & ~(ABI_AT_SYMLINK_FOLLOW | ABI_AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & ABI_AT_EMPTY_PATH && !capable(ABI_CAP_DAC_READ_SEARCH))
		return -ENOENT;
	err = path_walk_user(olddir, old, walk, &p);
	if (err)
		return err;
	err = new_name_get(&n, newdir, new, false);
	if (!err) {
		err = do_link(&n, &p);
		new_name_done(&n);
	}
	path_put(&p);
	return err;
}

long sys_link(uaddr_t old, uaddr_t new)
{
	return sys_linkat(ABI_AT_FDCWD, old, ABI_AT_FDCWD, new, 0);
}

/* ---- removing ---- */

/* dir's lock is held. */
static int remove_locked(struct inode *dir, struct dentry *d, bool directory)
{
	struct inode *i = d->inode;
	int err = may_delete(dir, d, directory);

	if (err)
		return err;
	if (directory) {
		if (!dir->ops->rmdir)
			return -EPERM;
		rwlock_write_nested(&i->lock);
		err = dir->ops->rmdir(dir, d->name, d->len, i);
		if (!err)
			i->flags |= INODE_DEAD;
	} else {
		if (!dir->ops->unlink)
			return -EPERM;
		rwlock_write(&i->lock);
		err = dir->ops->unlink(dir, d->name, d->len, i);
	}
	rwlock_write_done(&i->lock);
	if (err)
		return err;
	dentry_unhash(d);
	if (directory)
		dentry_shrink_tree(d); /* negative entries */
	return 0;
}

static int remove_last(const struct path *dir, const struct last_name *last, bool directory)
{
	struct inode *i = dir->dentry->inode;
	struct dentry *d;
	int err;

	rwlock_write(&i->lock);
	err = dentry_lookup(dir->dentry, last->name, last->len, true, &d);
	if (!err && !d->inode) {
		dentry_put(d);
		err = -ENOENT;
	}
	if (err) {
		rwlock_write_done(&i->lock);
		return err;
	}
	if (dir->mnt->flags & MNT_RDONLY)
		err = -EROFS;
	else if (last->slash && !directory)
		err = S_ISDIR(d->inode->mode) ? -EISDIR : -ENOTDIR;
	else
		err = remove_locked(i, d, directory);
	rwlock_write_done(&i->lock);
	dentry_put(d); /* the inode may go with it: without the lock */
	return err;
}

static long do_remove(int dirfd, uaddr_t uname, bool directory)
{
	static const int dir_errors[] = {0, -EINVAL, -ENOTEMPTY, -EBUSY};
	struct pathname name;
	struct last_name last;
	struct path dir;
	long err = pathname_get(&name, uname);

	if (err)
		return err;
	err = walk_from(NULL, dirfd, name.text, WALK_PARENT, &dir, &last);
	if (!err) {
		if (last.kind == LAST_NORM)
			err = remove_last(&dir, &last, directory);
		else
			err = directory ? dir_errors[last.kind] : -EISDIR;
		path_put(&dir);
	}
	pathname_put(&name);
	return err;
}

long sys_unlinkat(int dirfd, uaddr_t name, int flags)
{
	if (flags & ~ABI_AT_REMOVEDIR)
		return -EINVAL;
	return do_remove(dirfd, name, flags & ABI_AT_REMOVEDIR);
}

long sys_unlink(uaddr_t name)
{
	return do_remove(ABI_AT_FDCWD, name, false);
}

long sys_rmdir(uaddr_t name)
{
	return do_remove(ABI_AT_FDCWD, name, true);
}

/* ---- reading links ---- */

static long do_readlink(const struct path *p, uaddr_t buf, size_t size)
{
	struct inode *i = p->dentry->inode;
	char *text;
	ssize_t n;
	long err;

	if (!S_ISLNK(i->mode) || !i->ops->readlink)
		return -EINVAL;
	text = pathbuf_new();
	if (!text)
		return -ENOMEM;
	n = i->ops->readlink(i, text, ABI_PATH_MAX);
	if (n > 0) {
		n = MIN(n, (ssize_t)size);
		err = copy_out(buf, text, (size_t)n);
		n = err ? err : n;
	}
	pathbuf_put(text);
	return n;
}

long sys_readlinkat(int dirfd, uaddr_t name, uaddr_t buf, int size)
{
	struct path p;
	long n;

	if (size <= 0)
		return -EINVAL;
	n = path_walk_user(dirfd, name, WALK_EMPTY, &p);
	if (n)
		return n;
	n = do_readlink(&p, buf, (size_t)size);
	path_put(&p);
	return n;
}

long sys_readlink(uaddr_t name, uaddr_t buf, int size)
{
	struct path p;
	long n;

	if (size <= 0)
		return -EINVAL;
	n = path_walk_user(ABI_AT_FDCWD, name, 0, &p);
	if (n)
		return n;
	n = do_readlink(&p, buf, (size_t)size);
	path_put(&p);
	return n;
}
