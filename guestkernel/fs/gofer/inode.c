/* inode.c - inodes of the gofer file system: made from answers, refreshed, evicted
 *
 * An inode is known by the host's device and inode number; as long as it has its handle, the host
 * does not give the number to another file. Files of other host devices below the mount get a
 * number mixed from both. On exclusive mounts the inode's fields are the truth and nothing is
 * asked again: what changes them here changes them there first. On shared mounts attributes are
 * asked for, and pages dropped when size or times show that the content is another.
 * Locks: gi->io orders filling of pages against changes of content (file.c).
 * Tests: test/unit/gofer/gofs_test.c */
#include "gofs.h"
#include "log.h"
#include "slab.h"

static struct abi_timespec time_of(s64 sec, u32 nsec)
{
	return (struct abi_timespec){sec, nsec};
}

void gofs_touched(const struct inode *i)
{
	a_add(&gofs_super(i->sb)->touched, 1);
}

void gofs_attr_apply(struct inode *i, const struct abi_gofer_attr *a)
{
	i->mode = (i->mode & ABI_S_IFMT) | (a->mode & 07777);
	i->uid = a->uid;
	i->gid = a->gid;
	i->nlink = a->nlink;
	i->blocks = a->blocks;
	WRITE_ONCE(i->size, a->size);
	i->atime = time_of(a->atime, a->atime_nsec);
	i->mtime = time_of(a->mtime, a->mtime_nsec);
	i->ctime = time_of(a->ctime, a->ctime_nsec);
	if (a->flags & ABI_GOFER_ATTR_BTIME)
		i->btime = time_of(a->btime, a->btime_nsec);
	else
		i->btime = i->ctime;
}

static u64 number_of(const struct gofs_super *gs, const struct abi_gofer_attr *a)
{
	if (a->dev == gs->dev)
		return a->ino;
	return ((a->ino * 0x9e3779b97f4a7c15ull) ^ (a->dev * 0xc2b2ae3d27d4eb4full)) | 1ull << 62;
}

bool gofs_same_file(const struct inode *i, const struct abi_gofer_attr *a)
{
	const struct gofs_inode *gi = gofs_inode(i);

	return gi->dev == a->dev && gi->ino == a->ino &&
	       ABI_S_ISTYPE(a->mode, i->mode & ABI_S_IFMT);
}

static void inode_set_ops(struct inode *i)
{
	bool shared = gofs_super(i->sb)->shared;

	if (S_ISDIR(i->mode)) {
		i->ops = shared ? &gofs_shared_dir_ops : &gofs_dir_ops;
		i->fops = &gofs_dir_file_ops;
		return;
	}
	i->ops = shared ? &gofs_shared_inode_ops : &gofs_inode_ops;
	if (S_ISREG(i->mode)) {
		i->fops = &gofs_file_ops;
		mapping_init(&i->mapping, i, &gofs_mapping_ops);
	}
}

static struct gofs_inode *priv_make(const struct abi_gofer_attr *a, const char *name, size_t len)
{
	struct gofs_inode *gi = kzalloc(sizeof(*gi) + len);

	if (!gi)
		return NULL;
	if (ABI_S_ISTYPE(a->mode, ABI_S_IFDIR)) {
		gi->list = kzalloc(sizeof(*gi->list));
		if (!gi->list) {
			kfree(gi);
			return NULL;
		}
		TAILQ_INIT(&gi->list->unread);
	}
	gi->dev = a->dev;
	gi->ino = a->ino;
	memcpy(gi->name, name, len);
	gi->name_len = (u16)len;
	rwlock_init(&gi->io, RANK_GOFER);
	return gi;
}

/* name: where dir leads to it, if there is no handle yet. Consumes the handle. */
static int inode_make(struct superblock *sb, const struct abi_gofer_attr *a, u32 handle,
		      struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct gofs_inode *gi = priv_make(a, name, len);
	struct inode *i;

	if (!gi)
		goto out_close;
	i = inode_new(sb, a->mode, &gofs_inode_ops, NULL);
	if (!i)
		goto out_free;
	gi->handle.v = handle;
	gi->inode = i;
	if (dir)
		inode_get(dir);
	gi->dir = dir;
	i->priv = gi;
	i->ino = number_of(gofs_super(sb), a);
	i->rdev = ABI_MKDEV((u32)(a->rdev >> 32), (u32)a->rdev);
	inode_set_ops(i);
	gofs_attr_apply(i, a);
	*out = i;
	return 0;
out_free:
	kfree(gi->list);
	kfree(gi);
out_close:
	gofs_handle_close(gofs_super(sb)->chan, handle);
	return -ENOMEM;
}

static bool same_change(const struct inode *i, const struct abi_gofer_attr *a)
{
	return i->size == a->size && i->mtime.tv_sec == a->mtime &&
	       i->mtime.tv_nsec == a->mtime_nsec && i->ctime.tv_sec == a->ctime &&
	       i->ctime.tv_nsec == a->ctime_nsec;
}

/* An inode that is known and has no handle yet, so we have not changed it: if the host has, or has
 * given its number to another file, what we know goes. */
static void handle_first(struct inode *i, const struct abi_gofer_attr *a, u32 handle)
{
	struct gofs_inode *gi = gofs_inode(i);
	u32 none = 0;
	bool drop = false;

	rwlock_write(&gi->io); /* what changes it needs this, or asks for the handle first */
	if (!gofs_has_handle(i) && !same_change(i, a)) {
		gofs_attr_apply(i, a);
		gi->version++;
		drop = S_ISREG(i->mode);
	}
	if (!a_cas(&gi->handle, &none, handle))
		gofs_handle_close(gofs_chan(i), handle);
	rwlock_write_done(&gi->io);
	if (drop) {
		mapping_drop(&i->mapping, 0, ~0ull);
		mapping_truncate(&i->mapping, i->size);
	}
}

/* The inode is known; a listed one may have no handle yet. */
static void handle_take(struct inode *i, const struct abi_gofer_attr *a, u32 handle)
{
	if (gofs_same_file(i, a) && !gofs_has_handle(i))
		handle_first(i, a, handle);
	else
		gofs_handle_close(gofs_chan(i), handle);
}

/* Does an inode without a handle have the name of this entry? */
static bool is_named(const struct inode *i, const struct inode *dir,
		     const struct abi_gofer_entry *e)
{
	const struct gofs_inode *gi = gofs_inode(i);

	return gi->dir == dir && gi->name_len == e->d.name_len &&
	       !memcmp(gi->name, e->name, gi->name_len);
}

int gofs_inode_listed(struct inode *dir, const struct abi_gofer_entry *e, struct inode **out)
{
	struct inode *mine = NULL,
		     *i = inode_find(dir->sb, number_of(gofs_super(dir->sb), &e->attr));
	int err;

	if (!i) {
		err = inode_make(dir->sb, &e->attr, 0, dir, e->name, e->d.name_len, &mine);
		if (err)
			return err;
		i = inode_hash(mine);
	}
	/* An old one by another name, or changed: a look-up sorts that out. */
	if (!gofs_same_file(i, &e->attr) ||
	    (!gofs_has_handle(i) && !(is_named(i, dir, e) && same_change(i, &e->attr)))) {
		inode_put(i);
		return -ESTALE;
	}
	if (i == mine)
		gofs_unread_add(i);
	*out = i;
	return 0;
}

int gofs_inode_get(struct superblock *sb, const struct abi_gofer_attr *a, u32 handle,
		   struct inode **out)
{
	struct inode *i = inode_find(sb, number_of(gofs_super(sb), a));
	int err;

	if (!handle) {
		/* A success without a handle: nothing that a sound gofer says. */
		if (i)
			inode_put(i);
		return -EIO;
	}
	if (i) {
		handle_take(i, a, handle);
	} else {
		err = inode_make(sb, a, handle, NULL, "", 0, &i);
		if (err)
			return err;
		i = inode_hash(i);
	}
	if (!gofs_same_file(i, a)) {
		klog_once(LOG_WARN, "gofer: two files with one number %llu",
			  (unsigned long long)i->ino);
		inode_put(i);
		return -EIO;
	}
	*out = i;
	return 0;
}

/* Others may have changed it. Size and times tell whether the content is the same. */
int gofs_refresh(struct inode *i)
{
	struct abi_timespec mtime = i->mtime;
	struct abi_gofer_attr a;
	struct gofs_req rq;
	u64 size = i->size;
	int err = gofs_req_on(&rq, i, ABI_GOFER_GETATTR, 0);

	if (err)
		return err;
	err = gofs_req_call(&rq);
	a = rq.r->attr;
	gofs_req_end(&rq);
	if (err)
		return err;
	if (!gofs_same_file(i, &a))
		return -ESTALE;
	gofs_attr_apply(i, &a);
	if (S_ISREG(i->mode) &&
	    (size != a.size || mtime.tv_sec != a.mtime || mtime.tv_nsec != a.mtime_nsec)) {
		mapping_drop(&i->mapping, 0, ~0ull);
		if (a.size < size)
			mapping_truncate(&i->mapping, a.size);
	}
	return 0;
}

static int gofs_getattr(struct inode *i, struct kstat *st)
{
	int err = gofs_refresh(i);

	if (!err)
		inode_stat(i, st);
	return err;
}

/* Keeps a link's text with its inode, which frees it; another may have been faster. text may be
 * shared memory: what counts is the copy. */
void gofs_link_keep(struct inode *i, const void *text, size_t n)
{
	char *copy = n && n < ABI_PATH_MAX ? link_dup(text, n) : NULL;
	const char *none = NULL;

	if (copy && strlen(copy) != n) {
		kfree(copy);
		return;
	}
	if (copy && !__atomic_compare_exchange_n(&i->link, &none, copy, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
		kfree(copy);
}

static ssize_t gofs_readlink(struct inode *i, char *buf, size_t size)
{
	struct gofs_req rq;
	u32 handle;
	size_t n;
	int err = 0;

	if (!i->link) /* the answer brings the target too */
		err = gofs_handle(i, &handle);
	if (err)
		return err;
	if (i->link) {
		n = MIN(strlen(i->link), size - 1);
		memcpy(buf, i->link, n);
		buf[n] = 0;
		return (ssize_t)n;
	}
	err = gofs_req_on(&rq, i, ABI_GOFER_READLINK, 0);
	if (err)
		return err;
	gofs_req_out(&rq, ABI_PATH_MAX);
	err = gofs_req_call(&rq);
	n = MIN(rq.r->count, size - 1);
	if (!err) {
		memcpy(buf, rq.out, n);
		buf[n] = 0;
		if (n == 0 || strlen(buf) != n)
			err = -EIO;
	}
	gofs_req_end(&rq);
	if (err)
		return err;
	gofs_link_keep(i, buf, n);
	return (ssize_t)n;
}

static void gofs_evict(struct inode *i)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_chan *c = gofs_chan(i);

	if (a_load(&i->mapping.nr_dirty))
		(void)mapping_sync(&i->mapping, 0, ~0ull);
	gofs_handle_close(c, gi->open);
	gofs_handle_close(c, gi->handle.v);
	gofs_unread_remove(i);
	if (gi->dir)
		inode_put(gi->dir);
	kfree(gi->list);
	kfree(gi);
	i->priv = NULL;
}

#define NAME_OPS                                                                                \
	.lookup = gofs_lookup, .walk_ahead = gofs_walk_ahead, .create = gofs_create,            \
	.mkdir = gofs_mkdir, .symlink = gofs_symlink, .link = gofs_link, .unlink = gofs_unlink, \
	.rmdir = gofs_rmdir, .rename = gofs_rename
#define COMMON_OPS                                                                               \
	.readlink = gofs_readlink, .setattr = gofs_setattr, .getxattr = gofs_getxattr,           \
	.setxattr = gofs_setxattr, .listxattr = gofs_listxattr, .removexattr = gofs_removexattr, \
	.evict = gofs_evict

const struct inode_ops gofs_dir_ops = {NAME_OPS, COMMON_OPS, .revalidate = gofs_listed_revalidate};
const struct inode_ops gofs_inode_ops = {COMMON_OPS};
const struct inode_ops gofs_shared_dir_ops = {NAME_OPS, COMMON_OPS, .getattr = gofs_getattr,
					      .revalidate = gofs_revalidate};
const struct inode_ops gofs_shared_inode_ops = {COMMON_OPS, .getattr = gofs_getattr,
						.revalidate = gofs_revalidate};
