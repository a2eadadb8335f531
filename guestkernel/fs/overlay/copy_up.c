/* copy_up.c - what is only below gets a copy above
 * copy_lock is held throughout: an inode's upper entry appears once, when the copy is complete. A
 * file is made without a name, filled, and then linked, so that a copy that fails (the layer is
 * full) leaves nothing. */
#include "abi/linux/xattr.h"
#include "mm.h"
#include "overlay.h"
#include "slab.h"

#define XATTR_VALUE_MAX 65536u

static int copy_page(struct inode *from, struct inode *to, u64 index)
{
	struct frame *src, *dst;
	int err = mapping_get(&from->mapping, index, &src);

	if (err)
		return err;
	err = mapping_get_new(&to->mapping, index, &dst);
	if (!err) {
		mach_frame_copy(frame_va(dst), frame_va(src));
		mapping_dirty(&to->mapping, dst);
		frame_put(dst);
	}
	frame_put(src);
	return err;
}

static int copy_data(struct inode *from, struct inode *to, u64 size)
{
	u64 index, pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	int err = 0;

	for (index = 0; !err && index < pages; index++) {
		err = copy_page(from, to, index);
		if (!(index % 64))
			mach_poll();
	}
	if (!err) {
		to->size = size;
		mapping_truncate(&to->mapping, size); /* beyond the end: zeros */
	}
	return err;
}

static int copy_xattr(struct inode *from, struct inode *to, const char *name)
{
	ssize_t n = from->ops->getxattr(from, name, NULL, 0), got;
	char *value;
	int err;

	if (n < 0 || n > (ssize_t)XATTR_VALUE_MAX)
		return 0; /* gone meanwhile, or nothing we could keep */
	value = kmalloc((size_t)n + 1);
	if (!value)
		return -ENOMEM;
	/* room for nothing would ask for the length again, which may have grown */
	got = n ? from->ops->getxattr(from, name, value, (size_t)n) : 0;
	err = got < 0 || got > n ? 0 : to->ops->setxattr(to, name, value, (size_t)got, 0);
	kfree(value);
	return err;
}

static int copy_xattrs(struct inode *from, struct inode *to)
{
	const struct inode_ops *ops = from->ops;
	ssize_t n, at;
	char *list;
	int err = 0;

	if (!ops->listxattr || !ops->getxattr || !to->ops->setxattr)
		return 0;
	n = ops->listxattr(from, NULL, 0);
	if (n <= 0)
		return 0; /* none, or the layer has no such thing */
	list = kmalloc((size_t)n + 1);
	if (!list)
		return -ENOMEM;
	n = ops->listxattr(from, list, (size_t)n);
	if (n > 0)
		list[n] = 0;
	for (at = 0; !err && at < n; at += (ssize_t)strlen(list + at) + 1)
		if (list[at])
			err = copy_xattr(from, to, list + at);
	kfree(list);
	return err;
}

static void copy_attrs(const struct inode *from, struct inode *to)
{
	to->mode = from->mode;
	to->uid = from->uid;
	to->gid = from->gid;
	to->atime = from->atime;
	to->mtime = from->mtime;
	to->ctime = from->ctime;
}

/* Attributes and the number it had; up is not yet seen by others. */
static int finish(struct inode *from, struct inode *up)
{
	u64 ino = from->ino;
	int err = copy_xattrs(from, up);

	if (!err)
		err = up->ops->setxattr(up, OVL_ORIGIN, &ino, sizeof(ino), 0);
	if (!err)
		copy_attrs(from, up);
	return err;
}

/* A file, nameless and complete. */
static int make_file(struct inode *udir, struct inode *from, u64 size, struct inode **out)
{
	struct inode *up;
	int err = udir->ops->tmpfile(udir, from->mode, &up);

	if (err)
		return err;
	err = copy_data(from, up, MIN(size, from->size));
	if (!err)
		err = finish(from, up);
	if (err)
		inode_put(up);
	else
		*out = up;
	return err;
}

static int make_symlink(struct inode *udir, struct inode *from, const char *name, size_t len,
			struct inode **out)
{
	char *text = pathbuf_new();
	ssize_t n;
	int err;

	if (!text)
		return -ENOMEM;
	n = from->ops->readlink ? from->ops->readlink(from, text, ABI_PATH_MAX) : -EIO;
	err = n < 0 ? (int)n : udir->ops->symlink(udir, name, len, text, out);
	pathbuf_put(text);
	return err;
}

static int make_other(struct inode *udir, struct inode *from, const char *name, size_t len,
		      struct inode **out)
{
	int err;

	if (S_ISLNK(from->mode))
		err = make_symlink(udir, from, name, len, out);
	else if (S_ISDIR(from->mode))
		err = udir->ops->mkdir(udir, name, len, from->mode & 07777, out);
	else
		err = udir->ops->create(udir, name, len, from->mode, from->rdev, out);
	if (err)
		return err;
	err = finish(from, *out);
	if (!err)
		return 0;
	if (S_ISDIR(from->mode))
		(void)udir->ops->rmdir(udir, name, len, *out);
	else
		(void)udir->ops->unlink(udir, name, len, *out);
	inode_put(*out);
	return err;
}

/* i's parent is above already. copy_lock held. */
static int copy_one(struct inode *i, u64 size)
{
	struct ovl_inode *oi = ovl_i(i);
	struct inode *udir = ovl_upper(oi->parent)->inode, *from = oi->lower->inode, *up = NULL;
	struct dentry *ud, *lower = oi->lower;
	struct abi_timespec mtime, ctime;
	bool file = S_ISREG(from->mode);
	int err = file ? make_file(udir, from, size, &up) : 0;

	if (err)
		return err;
	rwlock_write(&udir->lock);
	mtime = udir->mtime;
	ctime = udir->ctime;
	err = dentry_lookup(ovl_upper(oi->parent), lower->name, lower->len, true, &ud);
	if (err)
		goto out_unlock;
	if (ud->inode) { /* an entry of this name above would hide i: it has been removed */
		err = -ESTALE;
		goto out_put_entry;
	}
	err = file ? udir->ops->link(udir, lower->name, lower->len, up)
		   : make_other(udir, from, lower->name, lower->len, &up);
	if (err)
		goto out_put_entry;
	udir->mtime = mtime; /* a copy is no change of the directory */
	udir->ctime = ctime;
	dentry_instantiate(ud, up);
	__atomic_store_n(&oi->upper, ud, __ATOMIC_RELEASE); /* with its reference */
	rwlock_write_done(&udir->lock);
	return 0;
out_put_entry:
	dentry_put(ud);
out_unlock:
	rwlock_write_done(&udir->lock);
	if (file)
		inode_put(up);
	return err;
}

/* A removed file that is still open has no place above: a nameless copy. copy_lock held. */
static int copy_nameless(struct inode *i, u64 size)
{
	struct ovl_inode *oi = ovl_i(i);
	struct inode *root = ovl_of(i)->upper.dentry->inode, *from = oi->lower->inode, *up;
	struct dentry *ud;
	int err;

	if (!S_ISREG(from->mode))
		return -ENOENT;
	err = make_file(root, from, size, &up);
	if (err)
		return err;
	ud = dentry_new_unhashed(ovl_of(i)->upper.dentry, "#removed", up);
	if (!ud)
		return -ENOMEM;
	__atomic_store_n(&oi->upper, ud, __ATOMIC_RELEASE);
	return 0;
}

int ovl_copy_up(struct inode *i, u64 size)
{
	struct ovl *o = ovl_of(i);
	struct inode *at;
	int err = 0;

	if (ovl_upper(i))
		return 0;
	mutex_lock(&o->copy_lock);
	while (!err && !ovl_upper(i)) {
		for (at = i; !ovl_upper(ovl_i(at)->parent);)
			at = ovl_i(at)->parent;
		err = copy_one(at, at == i ? size : OVL_COPY_ALL);
		if (err == -ESTALE && at == i)
			err = copy_nameless(i, size);
	}
	if (!err && !S_ISDIR(i->mode))
		ovl_share(i);
	mutex_unlock(&o->copy_lock);
	return err;
}
