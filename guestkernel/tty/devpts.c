/* devpts.c - the file system of pseudo-terminals: /dev/pts
 *
 * Opening ptmx makes a pair; its number is a node here until the master closes. Nodes are
 * revalidated at each walk. Tests: test/abi */
#include "abi/linux/dirent.h"
#include "fs/dev/dev.h"
#include "init.h"
#include "log.h"
#include "string.h"
#include "tty/pty.h"

#define DEVPTS_MAGIC 0x1cd1

static const struct inode_ops ptmx_inode_ops, slave_inode_ops;

static int ptmx_open(struct inode *inode, struct file *f)
{
	struct pty *p;
	int err = pty_new(inode->sb, &p);

	if (err)
		return err;
	f->priv = p;
	return 0;
}

/* As pty_master_ops, with an open of its own: filled at start. */
static struct file_ops ptmx_ops;

static struct inode *slave_inode(struct superblock *sb, struct pty *p)
{
	struct inode *i = inode_new(sb, ABI_S_IFCHR | 0620, &slave_inode_ops, &pty_slave_ops);

	if (!i)
		return NULL;
	i->uid = p->uid;
	i->gid = p->gid;
	i->rdev = p->tty.rdev;
	i->priv = p;
	tty_get(&p->tty);
	return i;
}

static u32 parse_index(const char *name, size_t len)
{
	u32 n = 0;

	if (!len || len > 4 || (name[0] == '0' && len > 1))
		return ~0u;
	for (size_t k = 0; k < len; k++) {
		if (name[k] < '0' || name[k] > '9')
			return ~0u;
		n = n * 10 + (u32)(name[k] - '0');
	}
	return n;
}

static int devpts_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct pty *p;

	if (len == 4 && !memcmp(name, "ptmx", 4)) {
		*out = inode_new(dir->sb, ABI_S_IFCHR | 0666, &ptmx_inode_ops, &ptmx_ops);
		if (*out)
			(*out)->rdev = ABI_MKDEV(DEV_TTY_MAJOR, DEV_PTMX);
		return *out ? 0 : -ENOMEM;
	}
	p = pty_find(dir->sb, parse_index(name, len));
	if (!p)
		return -ENOENT;
	*out = slave_inode(dir->sb, p);
	tty_put(&p->tty);
	return *out ? 0 : -ENOMEM;
}

static int devpts_revalidate(struct dentry *d)
{
	const struct pty *p = d->inode ? d->inode->priv : NULL;

	if (!d->inode)
		return 1;
	return p && READ_ONCE(p->master_gone);
}

static void slave_evict(struct inode *inode)
{
	struct pty *p = inode->priv;

	if (p)
		tty_put(&p->tty);
}

static int devpts_setattr(struct inode *inode, const struct iattr *a)
{
	if (a->valid & ATTR_MODE)
		inode->mode = (inode->mode & ABI_S_IFMT) | (a->mode & 07777);
	if (a->valid & ATTR_UID)
		inode->uid = a->uid;
	if (a->valid & ATTR_GID)
		inode->gid = a->gid;
	return 0;
}

static const struct inode_ops slave_inode_ops = {
	.revalidate = devpts_revalidate,
	.setattr = devpts_setattr,
	.evict = slave_evict,
};
static const struct inode_ops ptmx_inode_ops = {
	.revalidate = devpts_revalidate,
	.setattr = devpts_setattr,
};
static const struct inode_ops root_inode_ops = {
	.lookup = devpts_lookup,
	.revalidate = devpts_revalidate,
};

static int devpts_readdir(struct file *f, struct dir_ctx *c)
{
	struct superblock *sb = f->inode->sb;
	char name[16];

	if (!readdir_dots(f, c))
		return 0;
	if (c->pos == 2) {
		if (!c->emit(c, "ptmx", 4, 2, ABI_DT_CHR, 3))
			return 0;
		c->pos = 3;
	}
	for (u32 i = (u32)(c->pos - 3); (i = pty_next(sb, i)) != ~0u; i++) {
		int n = ksnprintf(name, sizeof(name), "%u", i);

		if (!c->emit(c, name, (size_t)n, i + 3, ABI_DT_CHR, i + 4))
			return 0;
		c->pos = (u64)i + 4;
	}
	return 0;
}

static const struct file_ops root_fops = {.readdir = devpts_readdir, .llseek = generic_llseek};

static int devpts_statfs(struct superblock *sb, struct abi_statfs *st)
{
	st->f_type = DEVPTS_MAGIC;
	st->f_bsize = 4096;
	st->f_namelen = 255;
	return 0;
}

static const struct super_ops devpts_super_ops = {.statfs = devpts_statfs};

static int devpts_mount(const struct fs_type *t, const struct mount_args *a,
			struct superblock **out)
{
	struct superblock *sb = super_new(t, &devpts_super_ops);
	struct inode *inode;

	if (!sb)
		return -ENOMEM;
	sb->magic = DEVPTS_MAGIC;
	sb->flags |= SB_SHARED;
	inode = inode_new(sb, ABI_S_IFDIR | 0755, &root_inode_ops, &root_fops);
	if (!inode)
		goto out_put;
	inode->nlink = 2;
	sb->root = dentry_new_root(sb, inode);
	if (!sb->root)
		goto out_put;
	*out = sb;
	return 0;

out_put:
	super_put(sb);
	return -ENOMEM;
}

static struct fs_type devpts_type = {
	.name = "devpts", .mount = devpts_mount, .flags = FS_USER_MOUNT | FS_NODEV};

void devpts_init(void)
{
	ptmx_ops = pty_master_ops;
	ptmx_ops.open = ptmx_open;
	fs_register(&devpts_type);
}
