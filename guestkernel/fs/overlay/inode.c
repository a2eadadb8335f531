/* inode.c - overlay inodes: what they stand for, attributes, opening */
#include "overlay.h"
#include "slab.h"

u64 ovl_ino(const struct inode *upper)
{
	u64 origin;

	if (upper->ops->getxattr &&
	    upper->ops->getxattr((struct inode *)(uintptr_t)upper, OVL_ORIGIN, &origin,
				 sizeof(origin)) == sizeof(origin))
		return origin;
	return upper->ino | OVL_UPPER_INO;
}

void ovl_sync_attrs(struct inode *i)
{
	const struct inode *real = ovl_real(i);

	i->mode = real->mode;
	i->uid = real->uid;
	i->gid = real->gid;
	i->nlink = real->nlink;
	i->size = real->size;
	i->atime = real->atime;
	i->mtime = real->mtime;
	i->ctime = real->ctime;
}

static const struct file_ops ovl_file_ops = {
	.name = "overlay",
	.open = ovl_open,
	.llseek = generic_llseek,
};

static void ovl_inode_setup(struct inode *i, const struct inode *real)
{
	i->rdev = real->rdev;
	if (S_ISDIR(i->mode))
		i->fops = &ovl_dir_file_ops;
	else if (S_ISREG(i->mode))
		i->fops = &ovl_file_ops;
	if (S_ISLNK(i->mode) && real->link)
		i->link = link_dup(real->link, strlen(real->link)); /* null: asked for later */
	ovl_sync_attrs(i);
}

/* A live inode that stands for the same upper file, so that its names share it. */
static struct inode *ovl_inode_find(struct superblock *sb, const struct dentry *upper, u64 ino)
{
	struct inode *i = inode_find(sb, ino);

	if (i && ovl_upper(i) && ovl_upper(i)->inode == upper->inode)
		return i;
	if (i)
		inode_put(i);
	return NULL;
}

void ovl_share(struct inode *i)
{
	struct inode *now;

	inode_get(i);
	now = inode_hash(
		i); /* another file of that number (once a hard link of it): i stays alone */
	inode_put(now);
}

struct inode *ovl_inode_get(struct superblock *sb, struct dentry *upper, struct dentry *lower,
			    struct inode *parent)
{
	const struct inode *real = upper ? upper->inode : lower->inode;
	bool dir = S_ISDIR(real->mode), named_above = upper && !dir;
	u64 ino = lower ? lower->inode->ino : ovl_ino(real);
	struct ovl_inode *oi;
	struct inode *i;

	i = named_above ? ovl_inode_find(sb, upper, ino) : NULL;
	if (i) {
		dentry_put(upper);
		if (lower)
			dentry_put(lower);
		return i;
	}
	oi = kzalloc(sizeof(*oi));
	i = oi ? inode_new(sb, real->mode, dir ? &ovl_dir_ops : &ovl_file_inode_ops, NULL) : NULL;
	if (!i) {
		kfree(oi);
		if (upper)
			dentry_put(upper);
		if (lower)
			dentry_put(lower);
		return NULL;
	}
	oi->upper = upper;
	oi->lower = lower;
	if (lower && parent) {
		inode_get(parent);
		oi->parent = parent;
	}
	i->priv = oi;
	i->ino = ino;
	i->flags |= INODE_NOATIME;
	if (!lower || !lower->inode->ops->getattr)
		i->flags |= INODE_STAT_NOSLEEP;
	ovl_inode_setup(i, real);
	if (named_above)
		ovl_share(i);
	return i;
}

static void ovl_inode_free_later(struct quiesce_head *h)
{
	kfree(container_of(h, struct ovl_inode, qhead));
}

void ovl_evict(struct inode *i)
{
	struct ovl_inode *oi = ovl_i(i);

	if (oi->upper)
		dentry_put(oi->upper);
	if (oi->lower)
		dentry_put(oi->lower);
	if (oi->parent)
		inode_put(oi->parent);
	quiesce_defer(&oi->qhead, ovl_inode_free_later);
}

/* ---- attributes ---- */

int ovl_getattr(struct inode *i, struct kstat *st)
{
	struct inode *real = ovl_real(i);
	int err = 0;

	if (real->ops->getattr)
		err = real->ops->getattr(real, st);
	else
		inode_stat(real, st);
	st->dev = i->sb->dev;
	st->ino = i->ino;
	if (S_ISDIR(i->mode) && ovl_upper(i) && ovl_i(i)->lower)
		st->nlink = 1; /* merged: nobody has counted */
	return err;
}

int ovl_setattr(struct inode *i, const struct iattr *a)
{
	struct iattr copy = *a;
	struct inode *up;
	int err = ovl_copy_up(i, a->valid & ATTR_SIZE ? a->size : OVL_COPY_ALL);

	if (err)
		return err;
	up = ovl_upper(i)->inode;
	rwlock_write(&up->lock);
	err = up->ops->setattr(up, &copy);
	rwlock_write_done(&up->lock);
	if (!err)
		ovl_sync_attrs(i);
	return err;
}

/* ---- opening ---- */

int ovl_open(struct inode *i, struct file *f)
{
	struct inode *real;
	int err = 0;

	if (FILE_WRITE(f) || f->flags & ABI_O_TRUNC)
		err = ovl_copy_up(i, f->flags & ABI_O_TRUNC ? 0 : OVL_COPY_ALL);
	if (err)
		return err;
	real = ovl_real(i);
	if (!real->fops)
		return -ENXIO;
	inode_get(real);
	f->inode = real;
	f->ops = real->fops;
	return f->ops->open ? f->ops->open(real, f) : 0;
}

/* ---- links and extended attributes ---- */

static ssize_t ovl_readlink(struct inode *i, char *buf, size_t size)
{
	struct inode *real = ovl_real(i);
	ssize_t n = real->ops->readlink ? real->ops->readlink(real, buf, size) : -EINVAL;
	const char *none = NULL;
	char *text;

	if (n <= 0 || i->link)
		return n;
	text = link_dup(buf, (size_t)n);
	if (text && !__atomic_compare_exchange_n(&i->link, &none, text, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
		kfree(text);
	return n;
}

static bool is_own(const char *name)
{
	return !strncmp(name, OVL_XATTR, sizeof(OVL_XATTR) - 1);
}

ssize_t ovl_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	struct inode *real = ovl_real(i);

	if (!real->ops->getxattr)
		return -EOPNOTSUPP;
	return is_own(name) ? -ENODATA : real->ops->getxattr(real, name, buf, size);
}

int ovl_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags)
{
	struct inode *up;
	int err = is_own(name) ? -EPERM : ovl_copy_up(i, OVL_COPY_ALL);

	if (err)
		return err;
	up = ovl_upper(i)->inode;
	rwlock_write(&up->lock);
	err = up->ops->setxattr ? up->ops->setxattr(up, name, v, n, flags) : -EOPNOTSUPP;
	rwlock_write_done(&up->lock);
	return err;
}

int ovl_removexattr(struct inode *i, const char *name)
{
	struct inode *up;
	ssize_t n = ovl_getxattr(i, name, NULL, 0);
	int err;

	if (n < 0)
		return (int)n;
	err = ovl_copy_up(i, OVL_COPY_ALL);
	if (err)
		return err;
	up = ovl_upper(i)->inode;
	rwlock_write(&up->lock);
	err = up->ops->removexattr ? up->ops->removexattr(up, name) : -EOPNOTSUPP;
	rwlock_write_done(&up->lock);
	return err;
}

/* The layer's list without our own marks, packed in place. */
static ssize_t list_filter(char *buf, size_t n)
{
	size_t from = 0, to = 0, len;

	for (; from < n; from += len) {
		len = strnlen(buf + from, n - from - 1) + 1;
		if (is_own(buf + from))
			continue;
		memmove(buf + to, buf + from, len);
		to += len;
	}
	return (ssize_t)to;
}

ssize_t ovl_listxattr(struct inode *i, char *buf, size_t size)
{
	struct inode *real = ovl_real(i);
	char *all;
	ssize_t n;

	if (!real->ops->listxattr)
		return 0;
	n = real->ops->listxattr(real, NULL, 0);
	if (n <= 0)
		return n;
	all = kmalloc((size_t)n);
	if (!all)
		return -ENOMEM;
	n = real->ops->listxattr(real, all, (size_t)n);
	if (n > 0)
		n = list_filter(all, (size_t)n);
	if (n > 0 && size) {
		if ((size_t)n > size)
			n = -ERANGE;
		else
			memcpy(buf, all, (size_t)n);
	}
	kfree(all);
	return n;
}

const struct inode_ops ovl_file_inode_ops = {
	.readlink = ovl_readlink,
	.getattr = ovl_getattr,
	.setattr = ovl_setattr,
	.getxattr = ovl_getxattr,
	.setxattr = ovl_setxattr,
	.listxattr = ovl_listxattr,
	.removexattr = ovl_removexattr,
	.evict = ovl_evict,
};
