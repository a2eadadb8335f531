/* open.c - open and its relatives (open(2), openat2(2), creat(2))
 * A name that is there is opened by one walk; only what must be created takes the directory's lock.
 */
#include "abi/linux/caps.h"
#include "fs_internal.h"
#include "slab.h"
#include "syscalls_proto.h"

#define OPEN_FLAGS                                                                              \
	(ABI_O_ACCMODE | ABI_O_CREAT | ABI_O_EXCL | ABI_O_NOCTTY | ABI_O_TRUNC | ABI_O_APPEND | \
	 ABI_O_NONBLOCK | ABI_O_SYNC | ABI_O_ASYNC | ABI_O_DIRECT | ABI_O_LARGEFILE |           \
	 ABI_O_DIRECTORY | ABI_O_NOFOLLOW | ABI_O_NOATIME | ABI_O_CLOEXEC | ABI_O_PATH |        \
	 ABI_O_TMPFILE)
#define PATH_FLAGS (ABI_O_DIRECTORY | ABI_O_NOFOLLOW | ABI_O_PATH | ABI_O_CLOEXEC)

struct open_args {
	u32 flags, mode, walk; /* walk: WALK_* of openat2 */
};

static u32 open_wants(u32 flags)
{
	static const u32 want[] = {ABI_R_OK, ABI_W_OK, ABI_R_OK | ABI_W_OK, ABI_R_OK | ABI_W_OK};

	return want[flags & ABI_O_ACCMODE] | (flags & ABI_O_TRUNC ? ABI_W_OK : 0);
}

static int may_open(const struct path *p, u32 flags)
{
	struct inode *i = p->dentry->inode;
	u32 want = open_wants(flags);

	if (flags & ABI_O_PATH)
		return 0;
	switch (i->mode & ABI_S_IFMT) {
	case ABI_S_IFLNK:
		return -ELOOP;
	case ABI_S_IFDIR:
		if (want & ABI_W_OK || flags & ABI_O_CREAT)
			return -EISDIR;
		break;
	case ABI_S_IFCHR:
	case ABI_S_IFBLK:
		if (p->mnt->flags & MNT_NODEV)
			return -EACCES;
		break;
	}
	if (flags & ABI_O_NOATIME && !inode_owner_or_capable(i))
		return -EPERM;
	return path_permission(p, want);
}

static int open_truncate(struct file *f)
{
	struct iattr a = {.valid = ATTR_SIZE, .size = 0};

	if (!S_ISREG(f->inode->mode))
		return 0;
	return vfs_setattr_held(&f->path, &a);
}

/* Opens what a walk found; consumes the path. */
static int open_found(const struct path *p, u32 flags, struct file **out)
{
	int err = may_open(p, flags);

	if (err) {
		path_put(p);
		return err;
	}
	err = file_open_held(p, flags, out);
	if (!err && flags & ABI_O_TRUNC && !(flags & ABI_O_PATH)) {
		err = open_truncate(*out);
		if (err)
			file_put(*out);
	}
	return err;
}

/* A dangling link was met where a file is to be created: its text, for another round. */
static int create_follow(struct inode *link, char **text)
{
	char *buf;
	ssize_t n;

	if (!link->ops->readlink)
		return -ELOOP;
	buf = kzalloc(ABI_PATH_MAX + NAME_SLACK);
	if (!buf)
		return -ENOMEM;
	n = link->ops->readlink(link, buf, ABI_PATH_MAX);
	if (n <= 0) {
		kfree(buf);
		return n ? (int)n : -ENOENT;
	}
	*text = buf;
	return 0;
}

/* In a held directory: makes and opens the last name, or finds what is there now: then
 * *there is its entry with a reference, and nothing is opened. */
static int create_in(const struct path *dir, const struct last_name *last,
		     const struct open_args *a, struct dentry **there, struct file **out)
{
	struct inode *i = dir->dentry->inode;
	struct path p = {dir->mnt, NULL};
	int err;

	*there = NULL;
	rwlock_write(&i->lock);
	err = dentry_lookup(dir->dentry, last->name, last->len, true, &p.dentry);
	if (!err && !p.dentry->inode) {
		err = dir->mnt->flags & MNT_RDONLY ? -EROFS : may_create(i);
		if (!err)
			err = vfs_create(dir, p.dentry,
					 ABI_S_IFREG | (a->mode & 07777 & ~fs_umask()), 0);
		rwlock_write_done(&i->lock);
		if (!err)
			err = file_open_path(&p, a->flags, out);
		dentry_put(p.dentry);
		return err;
	}
	rwlock_write_done(&i->lock);
	if (!err)
		*there = p.dentry;
	return err;
}

/* One round of creating: 0 done, 1: go on with *text in *dir (a dangling link). */
static int create_round(struct path *dir, const struct last_name *last, const struct open_args *a,
			char **text, struct file **out)
{
	struct path p = {dir->mnt, NULL};
	int err;

	if (last->kind != LAST_NORM || last->slash)
		return -EISDIR;
	err = create_in(dir, last, a, &p.dentry, out);
	if (err || !p.dentry)
		return err;
	if (a->flags & ABI_O_EXCL) {
		err = -EEXIST;
	} else if (S_ISLNK(p.dentry->inode->mode)) {
		err = a->flags & ABI_O_NOFOLLOW || a->walk & WALK_NO_SYMLINKS
			      ? -ELOOP
			      : create_follow(p.dentry->inode, text);
		if (!err)
			err = 1;
	} else {
		path_get(&p); /* it has appeared since the walk */
		err = open_found(&p, a->flags, out);
	}
	dentry_put(p.dentry);
	return err;
}

static int open_create(int dirfd, const char *name, const struct open_args *a, struct file **out)
{
	struct path dir, base = {NULL, NULL};
	struct last_name last;
	char *text = NULL, *next;
	u32 rounds = 0;
	int err;

	do {
		next = NULL;
		err = walk_from(base.mnt ? &base : NULL, dirfd, text ? text : name,
				a->walk | WALK_PARENT, &dir, &last);
		if (!err) {
			err = create_round(&dir, &last, a, &next, out);
			if (base.mnt)
				path_put(&base);
			base = dir;
		}
		kfree(text);
		text = next;
		if (err == 1 && ++rounds > ABI_SYMLOOP_MAX)
			err = -ELOOP;
	} while (err == 1);
	kfree(text);
	if (base.mnt)
		path_put(&base);
	return err;
}

static int open_tmpfile(int dirfd, const char *name, const struct open_args *a, struct file **out)
{
	struct path dir, p;
	struct inode *i, *made;
	int err = walk_from(NULL, dirfd, name, a->walk | WALK_FOLLOW | WALK_DIRECTORY, &dir, NULL);

	if (err)
		return err;
	i = dir.dentry->inode;
	err = path_permission(&dir, ABI_W_OK | ABI_X_OK);
	if (err)
		goto out_put_dir;
	err = -EOPNOTSUPP;
	if (!i->ops->tmpfile)
		goto out_put_dir;
	rwlock_write(&i->lock);
	err = i->ops->tmpfile(i, ABI_S_IFREG | (a->mode & 07777 & ~fs_umask()), &made);
	rwlock_write_done(&i->lock);
	if (err)
		goto out_put_dir;
	err = -ENOMEM;
	if (!(a->flags & ABI_O_EXCL))
		made->flags |= INODE_LINKABLE;
	p = (struct path){dir.mnt, dentry_new_unhashed(dir.dentry, "#tmpfile", made)};
	if (!p.dentry)
		goto out_put_dir;
	mount_get(p.mnt);
	err = file_open_held(&p, a->flags & ~(u32)ABI_O_TMPFILE, out);
out_put_dir:
	path_put(&dir);
	return err;
}

/* name has NAME_SLACK. */
static int do_open(int dirfd, const char *name, const struct open_args *a, struct file **out)
{
	u32 walk = a->walk, flags = a->flags;
	struct path p;
	int err;

	if ((flags & ABI_O_TMPFILE) == ABI_O_TMPFILE)
		return open_tmpfile(dirfd, name, a, out);
	if (!(flags & ABI_O_NOFOLLOW))
		walk |= WALK_FOLLOW;
	if (flags & ABI_O_DIRECTORY)
		walk |= WALK_DIRECTORY;
	if ((flags & (ABI_O_CREAT | ABI_O_EXCL)) == (ABI_O_CREAT | ABI_O_EXCL))
		return open_create(dirfd, name, a, out);
	err = walk_from(NULL, dirfd, name, walk, &p, NULL);
	if (!err)
		return open_found(&p, flags, out);
	if (err == -ENOENT && flags & ABI_O_CREAT && *name)
		return open_create(dirfd, name, a, out);
	return err;
}

/* Flags as open(2) takes them: unknown ones are dropped. */
static void open_args_set(struct open_args *a, u32 flags, u32 mode)
{
	flags &= OPEN_FLAGS;
	if (flags & ABI_O_PATH)
		flags &= PATH_FLAGS;
	*a = (struct open_args){.flags = flags, .mode = mode};
}

static int open_args_check(const struct open_args *a)
{
	u32 f = a->flags;

	if ((f & ABI_O_TMPFILE) == ABI_O_TMPFILE)
		return f & ABI_O_CREAT || (f & ABI_O_ACCMODE) == ABI_O_RDONLY ? -EINVAL : 0;
	if (f & (ABI_O_TMPFILE & ~ABI_O_DIRECTORY))
		return -EINVAL;
	return (f & (ABI_O_CREAT | ABI_O_DIRECTORY)) == (ABI_O_CREAT | ABI_O_DIRECTORY) ? -EINVAL
											: 0;
}

int file_open(int dirfd, const char *name, u32 flags, u32 mode, struct file **out)
{
	struct open_args a;
	struct pathname p;
	int err;

	open_args_set(&a, flags, mode);
	err = open_args_check(&a);
	if (err)
		return err;
	err = pathname_set(&p, name);
	if (err)
		return err;
	err = do_open(dirfd, p.text, &a, out);
	pathname_put(&p);
	return err;
}

static long open_user(int dirfd, uaddr_t uname, const struct open_args *a)
{
	struct pathname name;
	struct file *f;
	long fd = open_args_check(a);

	if (fd)
		return fd;
	fd = pathname_get(&name, uname);
	if (fd)
		return fd;
	/* The number first: without one nothing may be created or truncated. */
	fd = fd_reserve(0, a->flags & ABI_O_CLOEXEC);
	if (fd >= 0) {
		int err = do_open(dirfd, name.text, a, &f);

		if (err)
			fd_unreserve((int)fd);
		else
			fd_install((int)fd, f);
		fd = err ? err : fd;
	}
	pathname_put(&name);
	return fd;
}

long sys_openat(int dirfd, uaddr_t name, int flags, u32 mode)
{
	struct open_args a;

	open_args_set(&a, (u32)flags, mode);
	return open_user(dirfd, name, &a);
}

long sys_open(uaddr_t name, int flags, u32 mode)
{
	return sys_openat(ABI_AT_FDCWD, name, flags, mode);
}

long sys_creat(uaddr_t name, u32 mode)
{
	return sys_openat(ABI_AT_FDCWD, name, ABI_O_CREAT | ABI_O_WRONLY | ABI_O_TRUNC, mode);
}

static int how_check(const struct abi_open_how *how)
{
	static const u64 known = ABI_RESOLVE_NO_XDEV | ABI_RESOLVE_NO_MAGICLINKS |
				 ABI_RESOLVE_NO_SYMLINKS | ABI_RESOLVE_BENEATH |
				 ABI_RESOLVE_IN_ROOT | ABI_RESOLVE_CACHED;
	u64 both = ABI_RESOLVE_BENEATH | ABI_RESOLVE_IN_ROOT;

	if (how->flags & ~(u64)OPEN_FLAGS || how->resolve & ~known || (how->resolve & both) == both)
		return -EINVAL;
	if (how->flags & ABI_O_PATH && how->flags & ~(u64)PATH_FLAGS)
		return -EINVAL;
	if (how->flags & (ABI_O_CREAT | (ABI_O_TMPFILE & ~ABI_O_DIRECTORY)))
		return how->mode & ~07777ull ? -EINVAL : 0;
	if (how->mode)
		return -EINVAL;
	/* whether an answer needs the gofer is not known before it is asked */
	return how->resolve & ABI_RESOLVE_CACHED ? -EAGAIN : 0;
}

static int how_copy_in(struct abi_open_how *how, uaddr_t uhow, size_t size)
{
	u8 rest[64];
	size_t n, at, k;
	int err;

	if (size < ABI_OPEN_HOW_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_in_obj(how, uhow);
	for (at = sizeof(*how); !err && at < size; at += n) {
		n = MIN(sizeof(rest), size - at);
		err = copy_in(rest, uaddr_add(uhow, at), n);
		for (k = 0; !err && k < n; k++)
			if (rest[k])
				err = -E2BIG;
	}
	return err;
}

long sys_openat2(int dirfd, uaddr_t name, uaddr_t uhow, size_t size)
{
	struct abi_open_how how;
	struct open_args a;
	int err = how_copy_in(&how, uhow, size);

	if (!err)
		err = how_check(&how);
	if (err)
		return err;
	open_args_set(&a, (u32)how.flags, (u32)how.mode);
	a.walk = (how.resolve & ABI_RESOLVE_NO_XDEV ? WALK_NO_XDEV : 0) |
		 (how.resolve & ABI_RESOLVE_NO_MAGICLINKS ? WALK_NO_MAGICLINKS : 0) |
		 (how.resolve & ABI_RESOLVE_NO_SYMLINKS ? WALK_NO_SYMLINKS : 0) |
		 (how.resolve & ABI_RESOLVE_BENEATH ? WALK_BENEATH : 0) |
		 (how.resolve & ABI_RESOLVE_IN_ROOT ? WALK_IN_ROOT : 0);
	return open_user(dirfd, name, &a);
}

long sys_umask(u32 mask)
{
	return __atomic_exchange_n(&current->fs->umask, mask & 0777, __ATOMIC_RELAXED);
}
