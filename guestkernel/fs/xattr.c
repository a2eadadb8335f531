/* xattr.c - extended attributes (xattr(7))
 * Who may: user.* of files and directories by their rights; trusted.* and setting security.* by
 * CAP_SYS_ADMIN; system.* (ACLs) is not built: EOPNOTSUPP. */
#include "abi/linux/xattr.h"
#include "abi/linux/caps.h"
#include "fs_internal.h"
#include "slab.h"
#include "syscalls_proto.h"

struct xattr_name {
	char text[ABI_XATTR_NAME_MAX + 1];
};

static int name_get(struct xattr_name *n, uaddr_t u)
{
	ssize_t len = copy_in_str(n->text, u, sizeof(n->text));

	if (len == -ENAMETOOLONG || !len)
		return -ERANGE;
	return len < 0 ? (int)len : 0;
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static int may_xattr(const struct attr_node *t, const char *name, bool set)
{
	const struct inode *i = t->inode;

	if (set && ((t->mnt && t->mnt->flags & MNT_RDONLY) || i->sb->flags & SB_RDONLY))
		return -EROFS;
	if (starts(name, "trusted."))
		return capable(ABI_CAP_SYS_ADMIN) ? 0 : set ? -EPERM : -ENODATA;
	if (starts(name, "security."))
		return !set || capable(ABI_CAP_SYS_ADMIN) ||
				       (!strcmp(name, "security.capability") &&
					capable(ABI_CAP_SETFCAP))
			       ? 0
			       : -EPERM;
	if (!starts(name, "user."))
		return -EOPNOTSUPP;
	if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
		return set ? -EPERM : -ENODATA;
	if (set && S_ISDIR(i->mode) && i->mode & ABI_S_ISVTX && !inode_owner_or_capable(i))
		return -EPERM;
	return inode_permission(t->inode, set ? ABI_W_OK : ABI_R_OK);
}

/* ---- on a node ---- */

typedef long xattr_fn(const struct attr_node *t, uaddr_t name, uaddr_t val, size_t size, int flags);

static long node_set(const struct attr_node *t, uaddr_t uname, uaddr_t val, size_t size, int flags)
{
	struct inode *i = t->inode;
	struct xattr_name name;
	void *buf;
	long err;

	if (flags & ~(ABI_XATTR_CREATE | ABI_XATTR_REPLACE))
		return -EINVAL;
	err = name_get(&name, uname);
	if (err)
		return err;
	if (size > ABI_XATTR_SIZE_MAX)
		return -E2BIG;
	buf = kmalloc(size + 1);
	if (!buf)
		return -ENOMEM;
	err = copy_in(buf, val, size);
	if (!err)
		err = may_xattr(t, name.text, true);
	if (!err && !i->ops->setxattr)
		err = -EOPNOTSUPP;
	if (!err) {
		rwlock_write(&i->lock);
		err = i->ops->setxattr(i, name.text, buf, size, flags);
		if (!err)
			i->ctime = inode_now();
		rwlock_write_done(&i->lock);
	}
	kfree(buf);
	return err;
}

static long node_get(const struct attr_node *t, uaddr_t uname, uaddr_t val, size_t size, int flags)
{
	struct inode *i = t->inode;
	struct xattr_name name;
	ssize_t n = name_get(&name, uname);
	void *buf;

	if (!n)
		n = may_xattr(t, name.text, false);
	if (!n && !i->ops->getxattr)
		n = -EOPNOTSUPP;
	if (n)
		return n;
	size = MIN(size, (size_t)ABI_XATTR_SIZE_MAX);
	buf = kmalloc(size + 1);
	if (!buf)
		return -ENOMEM;
	rwlock_read(&i->lock);
	n = i->ops->getxattr(i, name.text, buf, size);
	rwlock_read_done(&i->lock);
	if (n > 0 && size && copy_out(val, buf, (size_t)n))
		n = -EFAULT;
	kfree(buf);
	return n;
}

/* Names the caller may know: trusted.* only with the right. Packs in place. */
static size_t list_visible(char *buf, size_t n)
{
	size_t from = 0, to = 0, len;

	if (capable(ABI_CAP_SYS_ADMIN))
		return n;
	for (; from < n; from += len) {
		len = strnlen(buf + from, n - from - 1) + 1;
		if (starts(buf + from, "trusted."))
			continue;
		memmove(buf + to, buf + from, len);
		to += len;
	}
	return to;
}

static long node_list(const struct attr_node *t, uaddr_t unused, uaddr_t list, size_t size,
		      int flags)
{
	struct inode *i = t->inode;
	ssize_t n;
	char *buf;

	if (!i->ops->listxattr)
		return 0;
	buf = kmalloc(ABI_XATTR_LIST_MAX);
	if (!buf)
		return -ENOMEM;
	rwlock_read(&i->lock);
	n = i->ops->listxattr(i, buf, ABI_XATTR_LIST_MAX);
	rwlock_read_done(&i->lock);
	if (n > 0)
		n = (ssize_t)list_visible(buf, (size_t)n);
	if (n > 0 && size)
		n = (size_t)n > size ? -ERANGE : copy_out(list, buf, (size_t)n) ? -EFAULT : n;
	kfree(buf);
	return n == -EOPNOTSUPP ? 0 : n;
}

static long node_remove(const struct attr_node *t, uaddr_t uname, uaddr_t val, size_t size,
			int flags)
{
	struct inode *i = t->inode;
	struct xattr_name name;
	long err = name_get(&name, uname);

	if (!err)
		err = may_xattr(t, name.text, true);
	if (!err && !i->ops->removexattr)
		err = -EOPNOTSUPP;
	if (err)
		return err;
	rwlock_write(&i->lock);
	err = i->ops->removexattr(i, name.text);
	if (!err)
		i->ctime = inode_now();
	rwlock_write_done(&i->lock);
	return err;
}

/* ---- by name or descriptor ---- */

static long by_name(uaddr_t path, u32 walk, xattr_fn *fn, uaddr_t name, uaddr_t val, size_t size,
		    int flags)
{
	struct attr_node t;
	struct path p;
	long ret = path_walk_user(ABI_AT_FDCWD, path, walk, &p);

	if (ret)
		return ret;
	t = (struct attr_node){p.dentry->inode, p.mnt};
	ret = fn(&t, name, val, size, flags);
	path_put(&p);
	return ret;
}

static long by_fd(int fd, xattr_fn *fn, uaddr_t name, uaddr_t val, size_t size, int flags)
{
	struct fdref r = fd_get(fd);
	struct attr_node t;
	long ret;

	if (!r.file)
		return -EBADF;
	t = (struct attr_node){file_node(r.file), r.file->path.mnt};
	ret = r.file->flags & ABI_O_PATH ? -EBADF : fn(&t, name, val, size, flags);
	fd_put(r);
	return ret;
}

long sys_setxattr(uaddr_t path, uaddr_t attr, uaddr_t val, size_t size, int flags)
{
	return by_name(path, WALK_FOLLOW, node_set, attr, val, size, flags);
}

long sys_lsetxattr(uaddr_t path, uaddr_t attr, uaddr_t val, size_t size, int flags)
{
	return by_name(path, 0, node_set, attr, val, size, flags);
}

long sys_fsetxattr(int fd, uaddr_t attr, uaddr_t val, size_t size, int flags)
{
	return by_fd(fd, node_set, attr, val, size, flags);
}

long sys_getxattr(uaddr_t path, uaddr_t attr, uaddr_t val, size_t size)
{
	return by_name(path, WALK_FOLLOW, node_get, attr, val, size, 0);
}

long sys_lgetxattr(uaddr_t path, uaddr_t attr, uaddr_t val, size_t size)
{
	return by_name(path, 0, node_get, attr, val, size, 0);
}

long sys_fgetxattr(int fd, uaddr_t attr, uaddr_t val, size_t size)
{
	return by_fd(fd, node_get, attr, val, size, 0);
}

long sys_listxattr(uaddr_t path, uaddr_t list, size_t size)
{
	return by_name(path, WALK_FOLLOW, node_list, UADDR_NULL, list, size, 0);
}

long sys_llistxattr(uaddr_t path, uaddr_t list, size_t size)
{
	return by_name(path, 0, node_list, UADDR_NULL, list, size, 0);
}

long sys_flistxattr(int fd, uaddr_t list, size_t size)
{
	return by_fd(fd, node_list, UADDR_NULL, list, size, 0);
}

long sys_removexattr(uaddr_t path, uaddr_t attr)
{
	return by_name(path, WALK_FOLLOW, node_remove, attr, UADDR_NULL, 0, 0);
}

long sys_lremovexattr(uaddr_t path, uaddr_t attr)
{
	return by_name(path, 0, node_remove, attr, UADDR_NULL, 0, 0);
}

long sys_fremovexattr(int fd, uaddr_t attr)
{
	return by_fd(fd, node_remove, attr, UADDR_NULL, 0, 0);
}
