/* tmpfs.c - a file system in memory
 * Provides: /tmp, /dev/shm, an overlay's upper layer; memfd and shared anonymous memory (file.c).
 * Owns: the tree is the cached names themselves (SB_PIN_NAMES); contents are page-cache frames that
 *   are never clean, charged to the mount's size.
 * Locks: those of the VFS suffice. Sleeps: as the VFS calls it.
 * Invariants: nr_frames <= max_frames; a directory's children are counted, so that rmdir needs no
 *   look at names. Differs from Linux: extended attributes of user.* too; no swap, no huge=.
 * Tests: test/abi */
#include "tmpfs.h"
#include "frame.h"
#include "abi/spec.h"
#include "log.h"
#include "slab.h"
#include "fs/xattr_store.h"

#define INODE_COST 1024u /* bytes of kernel memory per inode, for the default limit */

static const struct inode_ops tmpfs_dir_ops, tmpfs_inode_ops;
static const struct file_ops tmpfs_dir_file_ops;

struct inode *tmpfs_inode_new(struct superblock *sb, u32 mode)
{
	struct tmpfs *t = sb->priv;
	struct tmpfs_inode *ti;
	struct inode *i;

	if (a_add(&t->nr_inodes, 1) > t->max_inodes)
		goto out_uncharge;
	ti = kzalloc(sizeof(*ti));
	if (!ti)
		goto out_uncharge;
	i = inode_new(sb, mode, S_ISDIR(mode) ? &tmpfs_dir_ops : &tmpfs_inode_ops, NULL);
	if (!i)
		goto out_free;
	ti->seals = ABI_F_SEAL_SEAL;
	i->priv = ti;
	if (S_ISDIR(mode)) {
		i->nlink = 2;
		i->fops = &tmpfs_dir_file_ops;
	} else if (S_ISREG(mode)) {
		i->fops = &tmpfs_file_ops;
		mapping_init(&i->mapping, i, &tmpfs_mapping_ops);
	}
	return i;
out_free:
	kfree(ti);
out_uncharge:
	a_sub(&t->nr_inodes, 1);
	return NULL;
}

static int tmpfs_make(struct inode *dir, u32 mode, struct inode **out)
{
	struct tmpfs *t = dir->sb->priv;
	struct inode *i;
	u32 uid, gid;

	inode_init_owner(dir, &mode, &uid, &gid);
	i = tmpfs_inode_new(dir->sb, mode);
	if (!i)
		return a_load(&t->nr_inodes) >= t->max_inodes ? -ENOSPC : -ENOMEM;
	i->uid = uid;
	i->gid = gid;
	*out = i;
	return 0;
}

static void dir_changed(struct inode *dir, int children)
{
	tmpfs_i(dir)->children += (u32)children;
	dir->size = tmpfs_i(dir)->children * 20ull;
	dir->mtime = dir->ctime = inode_now();
}

static int tmpfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	return -ENOENT; /* what is there is cached */
}

static int tmpfs_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
			struct inode **out)
{
	int err = tmpfs_make(dir, mode, out);

	if (err)
		return err;
	(*out)->rdev = rdev;
	dir_changed(dir, 1);
	return 0;
}

static int tmpfs_mkdir(struct inode *dir, const char *name, size_t len, u32 mode,
		       struct inode **out)
{
	int err = tmpfs_make(dir, ABI_S_IFDIR | mode, out);

	if (err)
		return err;
	dir->nlink++;
	dir_changed(dir, 1);
	return 0;
}

static int tmpfs_symlink(struct inode *dir, const char *name, size_t len, const char *target,
			 struct inode **out)
{
	size_t n = strlen(target);
	int err = tmpfs_make(dir, ABI_S_IFLNK | 0777, out);

	if (err)
		return err;
	(*out)->link = link_dup(target, n);
	if (!(*out)->link) {
		inode_put(*out);
		return -ENOMEM;
	}
	(*out)->size = n;
	dir_changed(dir, 1);
	return 0;
}

static int tmpfs_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	target->nlink++;
	target->ctime = inode_now();
	dir_changed(dir, 1);
	return 0;
}

static int tmpfs_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	victim->nlink--;
	victim->ctime = inode_now();
	dir_changed(dir, -1);
	return 0;
}

static int tmpfs_rmdir(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	if (tmpfs_i(victim)->children)
		return -ENOTEMPTY;
	victim->nlink = 0;
	victim->ctime = inode_now();
	dir->nlink--;
	dir_changed(dir, -1);
	return 0;
}

static int tmpfs_exchange(struct inode *odir, struct inode *a, struct inode *ndir, struct inode *b)
{
	if (odir != ndir && S_ISDIR(a->mode) != S_ISDIR(b->mode)) {
		odir->nlink += S_ISDIR(b->mode) ? 1 : -1u;
		ndir->nlink += S_ISDIR(a->mode) ? 1 : -1u;
	}
	a->ctime = b->ctime = inode_now();
	dir_changed(odir, 0);
	dir_changed(ndir, 0);
	return 0;
}

static int tmpfs_rename(struct inode *odir, struct dentry *old, struct inode *ndir,
			struct dentry *new, u32 flags)
{
	struct inode *i = old->inode, *victim = new->inode;
	int err = 0;

	if (flags & ABI_RENAME_EXCHANGE)
		return tmpfs_exchange(odir, i, ndir, victim);
	if (flags & ~ABI_RENAME_NOREPLACE)
		return -EINVAL;
	if (victim)
		err = S_ISDIR(victim->mode) ? tmpfs_rmdir(ndir, NULL, 0, victim)
					    : tmpfs_unlink(ndir, NULL, 0, victim);
	if (err)
		return err;
	if (S_ISDIR(i->mode) && odir != ndir) {
		odir->nlink--;
		ndir->nlink++;
	}
	dir_changed(odir, -1);
	dir_changed(ndir, 1);
	i->ctime = odir->ctime;
	return 0;
}

static int tmpfs_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	int err = tmpfs_make(dir, mode, out);

	if (!err)
		(*out)->nlink = 0;
	return err;
}

static ssize_t tmpfs_readlink(struct inode *i, char *buf, size_t size)
{
	size_t n = MIN((size_t)i->size, size - 1);

	memcpy(buf, i->link, n);
	buf[n] = 0;
	return (ssize_t)n;
}

static int tmpfs_setattr(struct inode *i, const struct iattr *a)
{
	int err = a->valid & ATTR_SIZE ? tmpfs_set_size(i, a->size) : 0;

	if (!err)
		inode_setattr(i, a);
	return err;
}

static ssize_t tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	return xattr_store_get(tmpfs_i(i)->xattrs, name, buf, size);
}

static int tmpfs_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags)
{
	return xattr_store_set(&tmpfs_i(i)->xattrs, name, v, n, flags);
}

static ssize_t tmpfs_listxattr(struct inode *i, char *buf, size_t size)
{
	return xattr_store_list(tmpfs_i(i)->xattrs, buf, size);
}

static int tmpfs_removexattr(struct inode *i, const char *name)
{
	return xattr_store_remove(&tmpfs_i(i)->xattrs, name);
}

static void tmpfs_evict(struct inode *i)
{
	struct tmpfs *t = i->sb->priv;

	/* frames go while the charge can still be told */
	mapping_destroy(&i->mapping);
	xattr_store_free(tmpfs_i(i)->xattrs);
	kfree(tmpfs_i(i));
	a_sub(&t->nr_inodes, 1);
}

static const struct inode_ops tmpfs_dir_ops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create,
	.mkdir = tmpfs_mkdir,
	.symlink = tmpfs_symlink,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
	.evict = tmpfs_evict,
};

static const struct inode_ops tmpfs_inode_ops = {
	.readlink = tmpfs_readlink,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
	.evict = tmpfs_evict,
};

static int tmpfs_dir_fsync(struct file *f, bool data_only)
{
	return 0;
}

static const struct file_ops tmpfs_dir_file_ops = {
	.name = "tmpfs",
	.readdir = dcache_readdir,
	.llseek = generic_llseek,
	.fsync = tmpfs_dir_fsync,
};

/* ---- the superblock ---- */

static int tmpfs_statfs(struct superblock *sb, struct abi_statfs *st)
{
	struct tmpfs *t = sb->priv;
	u64 used = a_load(&t->nr_frames), inodes = a_load(&t->nr_inodes);

	st->f_blocks = t->max_frames;
	st->f_bfree = st->f_bavail = t->max_frames - MIN(used, t->max_frames);
	st->f_files = t->max_inodes;
	st->f_ffree = t->max_inodes - MIN(inodes, t->max_inodes);
	return 0;
}

static void tmpfs_kill(struct superblock *sb)
{
	kfree(sb->priv);
}

static void tmpfs_show_options(struct superblock *sb, char *buf, size_t size)
{
	struct tmpfs *t = sb->priv;

	ksnprintf(buf, size, ",size=%lluk,nr_inodes=%llu,mode=%o",
		  (unsigned long long)t->max_frames * 4, (unsigned long long)t->max_inodes,
		  sb->root->inode->mode & 07777);
}

static const struct super_ops tmpfs_super_ops = {
	.statfs = tmpfs_statfs,
	.kill = tmpfs_kill,
	.show_options = tmpfs_show_options,
};

struct tmpfs_options {
	u64 bytes, inodes;
	u32 mode, uid, gid;
};

/* A number with k, m, g or % (of the memory limit) behind it; false: nonsense. */
static bool number_parse(const char *s, size_t n, u32 base, u64 whole, u64 *out)
{
	u64 v = 0;
	u32 shift = 0;

	if (!n)
		return false;
	for (; n && *s >= '0' && *s < (char)('0' + base); s++, n--)
		if (__builtin_mul_overflow(v, (u64)base, &v) ||
		    __builtin_add_overflow(v, (u64)(*s - '0'), &v))
			return false;
	if (n == 1 && base == 10) {
		switch (*s) {
		case '%':
			*out = whole / 100 * v;
			return true;
		case 'k':
		case 'K':
			shift = 10;
			break;
		case 'm':
		case 'M':
			shift = 20;
			break;
		case 'g':
		case 'G':
			shift = 30;
			break;
		default:
			return false;
		}
		n = 0;
	}
	*out = v << shift;
	return !n && *out >> shift == v;
}

static int option_parse(const char *s, size_t n, struct tmpfs_options *o, u64 whole)
{
	static const char *const names[] = {
		"size=", "nr_inodes=", "mode=", "uid=", "gid=", "nr_blocks="};
	size_t k, len = 0;
	u64 v = 0;

	for (k = 0; k < ARRAY_SIZE(names); k++) {
		len = strlen(names[k]);
		if (n > len && !memcmp(s, names[k], len))
			break;
	}
	if (k == ARRAY_SIZE(names) || !number_parse(s + len, n - len, k == 2 ? 8 : 10, whole, &v))
		return -EINVAL;
	switch (k) {
	case 0:
		o->bytes = v;
		break;
	case 1:
		o->inodes = v;
		break;
	case 2:
		o->mode = (u32)v & 07777;
		break;
	case 3:
		o->uid = (u32)v;
		break;
	case 4:
		o->gid = (u32)v;
		break;
	default:
		o->bytes = v << PAGE_SHIFT;
	}
	return 0;
}

static int options_parse(const char *data, struct tmpfs_options *o, u64 whole)
{
	const char *end;
	int err = 0;
	size_t n;

	for (; !err && *data; data = end + (*end == ',')) {
		for (end = data; *end && *end != ',';)
			end++;
		n = (size_t)(end - data);
		if (n)
			err = option_parse(data, n, o, whole);
	}
	return err;
}

static int tmpfs_fill(struct superblock *sb, const struct tmpfs_options *o)
{
	struct tmpfs *t = kzalloc(sizeof(*t));
	struct inode *root;

	if (!t)
		return -ENOMEM;
	sb->priv = t;
	sb->magic = ABI_TMPFS_MAGIC;
	sb->flags |= SB_PIN_NAMES;
	t->max_frames = (o->bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
	t->max_inodes = o->inodes;
	root = tmpfs_inode_new(sb, ABI_S_IFDIR | o->mode);
	if (!root)
		return -ENOMEM;
	root->uid = o->uid;
	root->gid = o->gid;
	sb->root = dentry_new_root(sb, root);
	return sb->root ? 0 : -ENOMEM;
}

static int tmpfs_mount(const struct fs_type *type, const struct mount_args *a,
		       struct superblock **out)
{
	struct tmpfs_options o = {.mode = 01777};
	struct frame_stats fs;
	struct superblock *sb;
	u64 whole;
	int err;

	frame_get_stats(&fs);
	whole = fs.limit << PAGE_SHIFT;
	o.bytes = whole / 2;
	if (a->spec) {
		o.bytes = a->spec->size ? a->spec->size : o.bytes;
		o.mode = a->spec->mode ? a->spec->mode & 07777 : o.mode;
	}
	err = a->data ? options_parse(a->data, &o, whole) : 0;
	if (err)
		return err;
	if (!o.inodes)
		o.inodes = MAX(whole / 2 / INODE_COST, (u64)1024);
	sb = super_new(type, &tmpfs_super_ops);
	if (!sb)
		return -ENOMEM;
	err = tmpfs_fill(sb, &o);
	if (err)
		super_put(sb);
	else
		*out = sb;
	return err;
}

static struct fs_type tmpfs_type = {
	.name = "tmpfs",
	.mount = tmpfs_mount,
	.flags = FS_USER_MOUNT | FS_NODEV,
};

void tmpfs_register(void)
{
	fs_register(&tmpfs_type);
}
