/* super.c - the overlay file system: a writable layer in memory over a read-only one
 * Provides: `runsc do`'s root and --overlay2: reads come from below, changes stay above.
 * Owns: per inode one entry of either layer or both (a merged directory); the layers' mounts.
 * States of a file: below only; copied up (then above only). Names removed: a whiteout above (a
 *   character device 0:0), a directory that hides what is below is marked opaque.
 * Locks: the overlay's inode, then copy_lock, then the layer's: RANK_LAYER_DIR, RANK_LAYER. All
 *   changes of the upper layer come through here, under the overlay's directory locks.
 * Sleeps: everything but getattr (where the lower layer's does not).
 * Invariants: what is only below has the same path below (directories with a lower part are not
 *   renamed: EXDEV, as overlayfs without redirect_dir), so a copy finds its place by its parents.
 * Data: an open file's f->inode is the layer's, so the page cache of lower files is shared, and one
 *   opened before a copy-up goes on reading what is below, as in overlayfs.
 * Differs from Linux: hard links below become separate files when copied up (index=off); numbers
 *   stay (as xino=on): a copied file keeps the number it had below.
 * Tests: test/abi run on it; test/unit/fs */
#include "overlay.h"
#include "slab.h"

static int ovl_statfs(struct superblock *sb, struct abi_statfs *st)
{
	struct ovl *o = sb->priv;
	struct superblock *up = o->upper.dentry->sb;

	return up->ops->statfs ? up->ops->statfs(up, st) : 0;
}

static void ovl_kill(struct superblock *sb)
{
	struct ovl *o = sb->priv;

	if (!o)
		return;
	path_put(&o->upper);
	path_put(&o->lower);
	kfree(o);
}

static const struct super_ops ovl_super_ops = {
	.statfs = ovl_statfs,
	.kill = ovl_kill,
};

/* The upper root looks like the lower one. */
static void copy_root_attrs(struct inode *to, const struct inode *from)
{
	to->mode = from->mode;
	to->uid = from->uid;
	to->gid = from->gid;
	to->atime = from->atime;
	to->mtime = from->mtime;
	to->ctime = from->ctime;
}

static int ovl_fill(struct superblock *sb, const struct mount_args *a)
{
	struct ovl *o = kzalloc(sizeof(*o));
	struct inode *root;

	if (!o)
		return -ENOMEM;
	o->lower = a->lower;
	o->upper = a->upper;
	path_get(&o->lower);
	path_get(&o->upper);
	mutex_init(&o->copy_lock, RANK_OVL_COPY);
	sb->priv = o;
	sb->magic = ABI_OVERLAYFS_SUPER_MAGIC;
	copy_root_attrs(o->upper.dentry->inode, o->lower.dentry->inode);
	dentry_get(o->upper.dentry);
	dentry_get(o->lower.dentry);
	root = ovl_inode_get(sb, o->upper.dentry, o->lower.dentry, NULL);
	if (!root)
		return -ENOMEM;
	sb->root = dentry_new_root(sb, root);
	return sb->root ? 0 : -ENOMEM;
}

static int ovl_mount(const struct fs_type *t, const struct mount_args *a, struct superblock **out)
{
	struct superblock *sb;
	int err;

	if (!a->lower.mnt || !a->upper.mnt)
		return -EINVAL;
	sb = super_new(t, &ovl_super_ops);
	if (!sb)
		return -ENOMEM;
	err = ovl_fill(sb, a);
	if (err)
		super_put(sb);
	else
		*out = sb;
	return err;
}

static struct fs_type ovl_type = {
	.name = "overlay",
	.mount = ovl_mount,
	.flags = FS_NODEV,
};

void overlay_register(void)
{
	fs_register(&ovl_type);
}
