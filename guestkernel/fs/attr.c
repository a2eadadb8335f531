/* attr.c - changing attributes: mode, owner, times, size (chmod(2), chown(2), utimensat(2),
 * truncate(2))
 * Locks: the node's lock for writing around the file system's setattr. */
#include "abi/linux/caps.h"
#include "abi/linux/stat.h"
#include "fs_internal.h"
#include "syscalls_proto.h"

#define UTIME_NOW  ((1l << 30) - 1l)
#define UTIME_OMIT ((1l << 30) - 2l)

static int setattr_locked(struct inode *i, struct iattr *a)
{
	a->valid |= ATTR_CTIME;
	if (i->ops->setattr)
		return i->ops->setattr(i, a);
	if (a->valid & ATTR_SIZE)
		return -EINVAL;
	inode_setattr(i, a);
	return 0;
}

static int target_writable(const struct attr_node *t)
{
	return (t->mnt && t->mnt->flags & MNT_RDONLY) || t->inode->sb->flags & SB_RDONLY ? -EROFS
											 : 0;
}

/* Who may, and what else changes with it. Lock held. */
static int chmod_check(const struct inode *i, struct iattr *a)
{
	if (!inode_owner_or_capable(i))
		return -EPERM;
	a->mode &= 07777;
	if (!S_ISDIR(i->mode) && a->mode & ABI_S_ISGID && !cred_in_group(current->cred, i->gid) &&
	    !capable(ABI_CAP_FSETID))
		a->mode &= ~(u32)ABI_S_ISGID;
	return 0;
}

static int chown_check(const struct inode *i, struct iattr *a)
{
	bool own = current->cred->fsuid == i->uid;

	if (a->valid & ATTR_UID && !(own && a->uid == i->uid) && !capable(ABI_CAP_CHOWN))
		return -EPERM;
	if (a->valid & ATTR_GID &&
	    !(own && (a->gid == i->gid || cred_in_group(current->cred, a->gid))) &&
	    !capable(ABI_CAP_CHOWN))
		return -EPERM;
	if (S_ISDIR(i->mode) || !(a->valid & (ATTR_UID | ATTR_GID)))
		return 0;
	a->mode = i->mode & ~(u32)ABI_S_ISUID;
	if (i->mode & ABI_S_IXGRP)
		a->mode &= ~(u32)ABI_S_ISGID;
	if ((a->mode ^ i->mode) & 07777)
		a->valid |= ATTR_MODE;
	return 0;
}

static int target_setattr(const struct attr_node *t, struct iattr *a)
{
	struct inode *i = t->inode;
	int err = target_writable(t);

	if (err)
		return err;
	rwlock_write(&i->lock);
	if (a->valid & ATTR_MODE)
		err = chmod_check(i, a);
	if (!err && a->valid & (ATTR_UID | ATTR_GID))
		err = chown_check(i, a);
	if (!err)
		err = setattr_locked(i, a);
	rwlock_write_done(&i->lock);
	return err;
}

int vfs_setattr(const struct path *p, struct iattr *a)
{
	struct attr_node t = {p->dentry->inode, p->mnt};

	return target_setattr(&t, a);
}

int vfs_setattr_held(const struct path *p, struct iattr *a)
{
	struct inode *i = p->dentry->inode;
	int err;

	if (a->valid & ATTR_SIZE && !(a->valid & ATTR_MTIME)) {
		a->valid |= ATTR_MTIME;
		a->mtime = inode_now();
	}
	rwlock_write(&i->lock);
	if (a->valid & ATTR_SIZE && i->mode & (ABI_S_ISUID | ABI_S_ISGID) &&
	    !capable(ABI_CAP_FSETID)) {
		a->mode = i->mode & ~(u32)ABI_S_ISUID;
		if (i->mode & ABI_S_IXGRP)
			a->mode &= ~(u32)ABI_S_ISGID;
		a->valid |= ATTR_MODE;
	}
	err = setattr_locked(i, a);
	rwlock_write_done(&i->lock);
	return err;
}

static struct attr_node target_of_file(struct file *f)
{
	return (struct attr_node){file_node(f), f->path.mnt};
}

static long setattr_fd(int fd, struct iattr *a, bool path_ok)
{
	struct fdref r = fd_get_raw(fd);
	struct attr_node t;
	long err;

	if (!r.file)
		return -EBADF;
	t = target_of_file(r.file);
	err = r.file->flags & ABI_O_PATH && !path_ok ? -EBADF : target_setattr(&t, a);
	fd_put(r);
	return err;
}

/* AT_EMPTY_PATH with a descriptor of anything, nameless files too. */
static long setattr_at(int dirfd, uaddr_t uname, int flags, struct iattr *a)
{
	u32 walk = flags & ABI_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;
	struct pathname name;
	struct path p;
	long err = pathname_get(&name, uname);

	if (err)
		return err;
	if (flags & ABI_AT_EMPTY_PATH && !*name.text && dirfd >= 0) {
		err = setattr_fd(dirfd, a, true);
	} else {
		if (flags & ABI_AT_EMPTY_PATH)
			walk |= WALK_EMPTY;
		err = walk_from(NULL, dirfd, name.text, walk, &p, NULL);
		if (!err) {
			err = vfs_setattr(&p, a);
			path_put(&p);
		}
	}
	pathname_put(&name);
	return err;
}

/* ---- mode ---- */

long sys_fchmodat2(int dirfd, uaddr_t name, u32 mode, int flags)
{
	struct iattr a = {.valid = ATTR_MODE, .mode = mode};

	if (flags & ~(ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_EMPTY_PATH))
		return -EINVAL;
	return setattr_at(dirfd, name, flags, &a);
}

long sys_fchmodat(int dirfd, uaddr_t name, u32 mode)
{
	return sys_fchmodat2(dirfd, name, mode, 0);
}

long sys_chmod(uaddr_t name, u32 mode)
{
	return sys_fchmodat2(ABI_AT_FDCWD, name, mode, 0);
}

long sys_fchmod(int fd, u32 mode)
{
	struct iattr a = {.valid = ATTR_MODE, .mode = mode};

	return setattr_fd(fd, &a, false);
}

/* ---- owner ---- */

static struct iattr owner_attr(u32 uid, u32 gid)
{
	struct iattr a = {.uid = uid, .gid = gid};

	if (uid != ~0u)
		a.valid |= ATTR_UID;
	if (gid != ~0u)
		a.valid |= ATTR_GID;
	return a;
}

long sys_fchownat(int dirfd, uaddr_t name, u32 uid, u32 gid, int flags)
{
	struct iattr a = owner_attr(uid, gid);

	if (flags & ~(ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_EMPTY_PATH))
		return -EINVAL;
	return setattr_at(dirfd, name, flags, &a);
}

long sys_chown(uaddr_t name, u32 uid, u32 gid)
{
	return sys_fchownat(ABI_AT_FDCWD, name, uid, gid, 0);
}

long sys_lchown(uaddr_t name, u32 uid, u32 gid)
{
	return sys_fchownat(ABI_AT_FDCWD, name, uid, gid, ABI_AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, u32 uid, u32 gid)
{
	struct iattr a = owner_attr(uid, gid);

	return setattr_fd(fd, &a, false);
}

/* ---- times ---- */

static int set_times(const struct attr_node *t, const struct abi_timespec *ts)
{
	struct iattr a = {.valid = ATTR_ATIME | ATTR_MTIME};
	bool now = !ts || (ts[0].tv_nsec == UTIME_NOW && ts[1].tv_nsec == UTIME_NOW);

	if (ts && ts[0].tv_nsec == UTIME_OMIT && ts[1].tv_nsec == UTIME_OMIT)
		return 0;
	if (!inode_owner_or_capable(t->inode)) {
		if (!now)
			return -EPERM;
		if (inode_permission(t->inode, ABI_W_OK))
			return -EACCES;
	}
	a.atime = a.mtime = inode_now();
	if (ts && ts[0].tv_nsec == UTIME_OMIT)
		a.valid &= ~ATTR_ATIME;
	else if (ts && ts[0].tv_nsec != UTIME_NOW)
		a.atime = ts[0];
	if (ts && ts[1].tv_nsec == UTIME_OMIT)
		a.valid &= ~ATTR_MTIME;
	else if (ts && ts[1].tv_nsec != UTIME_NOW)
		a.mtime = ts[1];
	return target_setattr(t, &a);
}

static bool time_fits(const struct abi_timespec *t)
{
	return t->tv_nsec == UTIME_NOW || t->tv_nsec == UTIME_OMIT ||
	       (t->tv_nsec >= 0 && t->tv_nsec < (s64)NSEC_PER_SEC);
}

static long times_fd(int fd, const struct abi_timespec *ts)
{
	struct fdref r = fd_get_raw(fd);
	struct attr_node t;
	long err;

	if (!r.file)
		return -EBADF;
	t = target_of_file(r.file);
	err = set_times(&t, ts);
	fd_put(r);
	return err;
}

static long do_utimens(int dirfd, uaddr_t name, const struct abi_timespec *ts, int flags)
{
	u32 walk = (flags & ABI_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
		   (flags & ABI_AT_EMPTY_PATH ? WALK_EMPTY : 0);
	struct attr_node t;
	struct path p;
	long err;

	if (flags & ~(ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_EMPTY_PATH))
		return -EINVAL;
	if (ts && (!time_fits(&ts[0]) || !time_fits(&ts[1])))
		return -EINVAL;
	if (uaddr_is_null(name) && dirfd != ABI_AT_FDCWD)
		return flags ? -EINVAL : times_fd(dirfd, ts);
	err = path_walk_user(dirfd, name, walk, &p);
	if (err)
		return err;
	t = (struct attr_node){p.dentry->inode, p.mnt};
	err = set_times(&t, ts);
	path_put(&p);
	return err;
}

long sys_utimensat(int dirfd, uaddr_t name, uaddr_t times, int flags)
{
	struct abi_timespec ts[2];

	if (uaddr_is_null(times))
		return do_utimens(dirfd, name, NULL, flags);
	if (copy_in(ts, times, sizeof(ts)))
		return -EFAULT;
	return do_utimens(dirfd, name, ts, flags);
}

long sys_futimesat(int dirfd, uaddr_t name, uaddr_t times)
{
	struct abi_timeval tv[2];
	struct abi_timespec ts[2];
	int k;

	if (uaddr_is_null(times))
		return do_utimens(dirfd, name, NULL, 0);
	if (copy_in(tv, times, sizeof(tv)))
		return -EFAULT;
	for (k = 0; k < 2; k++) {
		if (tv[k].tv_usec < 0 || tv[k].tv_usec >= 1000000)
			return -EINVAL;
		ts[k] = (struct abi_timespec){tv[k].tv_sec, tv[k].tv_usec * 1000};
	}
	return do_utimens(dirfd, name, ts, 0);
}

long sys_utimes(uaddr_t name, uaddr_t times)
{
	return sys_futimesat(ABI_AT_FDCWD, name, times);
}

long sys_utime(uaddr_t name, uaddr_t times)
{
	s64 t[2]; /* struct utimbuf: access, modification */
	struct abi_timespec ts[2];

	if (uaddr_is_null(times))
		return do_utimens(ABI_AT_FDCWD, name, NULL, 0);
	if (copy_in(t, times, sizeof(t)))
		return -EFAULT;
	ts[0] = (struct abi_timespec){t[0], 0};
	ts[1] = (struct abi_timespec){t[1], 0};
	return do_utimens(ABI_AT_FDCWD, name, ts, 0);
}

/* ---- size ---- */

static int truncate_path(const struct path *p, loff_t len)
{
	struct iattr a = {.valid = ATTR_SIZE, .size = (u64)len};
	struct inode *i = p->dentry->inode;
	size_t one = 1;
	int err;

	if (S_ISDIR(i->mode))
		return -EISDIR;
	if (!S_ISREG(i->mode))
		return -EINVAL;
	err = path_permission(p, ABI_W_OK);
	if (!err && (u64)len > i->size && len)
		err = file_limit(i, len - 1, &one);
	if (!err)
		err = inode_writers_get(i);
	if (err)
		return err;
	err = vfs_setattr_held(p, &a);
	inode_writers_put(i);
	return err;
}

long sys_truncate(uaddr_t name, loff_t len)
{
	struct path p;
	long err;

	if (len < 0)
		return -EINVAL;
	err = path_walk_user(ABI_AT_FDCWD, name, WALK_FOLLOW, &p);
	if (err)
		return err;
	err = truncate_path(&p, len);
	path_put(&p);
	return err;
}

static long truncate_file(struct file *f, loff_t len)
{
	struct iattr a = {.valid = ATTR_SIZE, .size = (u64)len};
	struct inode *i = file_node(f);
	size_t one = 1;
	int err = 0;

	if (f->flags & ABI_O_PATH)
		return -EBADF;
	if (!FILE_WRITE(f) || !S_ISREG(i->mode) || !f->path.dentry)
		return -EINVAL;
	if ((u64)len > f->inode->size && len)
		err = file_limit(i, len - 1, &one);
	return err ? err : vfs_setattr_held(&f->path, &a);
}

long sys_ftruncate(int fd, loff_t len)
{
	struct fdref r = fd_get(fd);
	long err;

	if (!r.file)
		return -EBADF;
	err = len < 0 ? -EINVAL : truncate_file(r.file, len);
	fd_put(r);
	return err;
}
