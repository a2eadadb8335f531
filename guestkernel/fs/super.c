/* super.c - file systems and their instances
 * Owns: the list of file systems (written at start only); superblocks, one reference per mount.
 * Sleeps: super_put. */
#include "fs_internal.h"
#include "slab.h"

static struct fs_type *types; /* [I] after start */
static a64_t last_dev;

void fs_register(struct fs_type *t)
{
	t->next = types;
	types = t;
}

struct fs_type *fs_find(const char *name)
{
	struct fs_type *t;

	for (t = types; t; t = t->next)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

struct fs_type *fs_first(void)
{
	return types;
}

u64 super_new_dev(void)
{
	return ABI_MKDEV(0, a_add(&last_dev, 1));
}

struct superblock *super_new(const struct fs_type *t, const struct super_ops *ops)
{
	struct superblock *sb = kzalloc(sizeof(*sb));

	if (!sb)
		return NULL;
	sb->refs.v = 1;
	sb->type = t;
	sb->ops = ops;
	sb->dev = super_new_dev();
	sb->namemax = ABI_NAME_MAX;
	mutex_init(&sb->rename_lock, RANK_RENAME);
	return sb;
}

void super_put(struct superblock *sb)
{
	if (!ref_put(&sb->refs))
		return;
	dentry_lru_leave(sb);
	if (sb->root) {
		dentry_shrink_tree(sb->root);
		dentry_put(sb->root);
	}
	if (sb->ops->kill)
		sb->ops->kill(sb);
	quiesce_wait(); /* walkers may look at it by one of its inodes */
	kfree(sb);
}

void super_make_layer(struct superblock *sb)
{
	sb->flags |= SB_LAYER;
	rwlock_init(&sb->root->inode->lock, LOCK_RANK_DIR(sb));
}
