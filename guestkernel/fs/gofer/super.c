/* super.c - the gofer file system: host files through a channel
 *
 * Provides: the file system type "gofer", for the mounts that a container's spec names.
 * Owns: per superblock one reference to the container's channel (channel.c); per inode one path
 *   handle of the gofer's, and one open for writing where it is written (inode.c, file.c).
 * Parts: channel.c and request.c ask; walk.c, names.c, dir.c, xattr.c are the operations; data.c
 *   fills the page cache.
 * Caching: an exclusive mount is asked for nothing twice: names (negative ones too), attributes,
 *   content and links stay until memory is short. A shared one is asked again at each walk, open
 *   and stat; its content is dropped when size or times have changed.
 * Locks: RANK_GOFER: gi->io, gs->names, an open directory's; none nests in another. chan->lock.
 * Sleeps: whatever asks, uninterruptibly: a dead gofer answers EIO, a stuck one is the VMM's to
 *   kill.
 * Differs from Linux: atime changes are not told to the host; times of changes are our clock's.
 * Tests: test/unit/gofer/gofs_test.c, test/abi, test/real */
#include "gofs.h"
#include "abi/spec.h"
#include "slab.h"

static int gofs_statfs(struct superblock *sb, struct abi_statfs *st)
{
	struct abi_gofer_statfs s;
	struct gofs_req rq;
	int err = gofs_req_on(&rq, sb->root->inode, ABI_GOFER_STATFS, 0);

	if (err)
		return err;
	err = gofs_req_call(&rq);
	s = rq.r->statfs;
	gofs_req_end(&rq);
	if (err)
		return err;
	*st = (struct abi_statfs){
		.f_type = (s64)s.type,
		.f_bsize = (s64)s.bsize,
		.f_blocks = s.blocks,
		.f_bfree = s.bfree,
		.f_bavail = s.bavail,
		.f_files = s.files,
		.f_ffree = s.ffree,
		.f_namelen = (s64)s.namelen,
		.f_frsize = (s64)s.frsize,
		.f_flags = (s64)s.flags,
	};
	memcpy(st->f_fsid, &s.fsid, sizeof(st->f_fsid));
	return 0;
}

static int gofs_sync(struct superblock *sb)
{
	struct gofs_req rq;
	int err;

	if (sb->flags & SB_RDONLY || S_ISREG(sb->root->inode->mode))
		return 0;
	err = gofs_req_on(&rq, sb->root->inode, ABI_GOFER_SYNCFS, 0);
	if (err)
		return err;
	err = gofs_req_call(&rq);
	gofs_req_end(&rq);
	return err;
}

static void gofs_kill(struct superblock *sb)
{
	struct gofs_super *gs = gofs_super(sb);

	if (!gs)
		return;
	if (gs->chan)
		gofs_chan_put(gs->chan);
	kfree(gs);
}

static void gofs_show_options(struct superblock *sb, char *buf, size_t size)
{
	str_copy(buf, gofs_super(sb)->shared ? ",cache=shared" : ",cache=exclusive", size);
}

static const struct super_ops gofs_super_ops = {
	.statfs = gofs_statfs,
	.sync = gofs_sync,
	.kill = gofs_kill,
	.show_options = gofs_show_options,
};

/* Asks for the mount and makes its root. */
static int gofs_attach(struct superblock *sb, const struct abi_spec_mount *spec)
{
	struct gofs_super *gs = gofs_super(sb);
	struct abi_gofer_attr a;
	struct inode *root;
	struct gofs_req rq;
	u32 handle, flags;
	int err = gofs_req_begin(&rq, gs->chan, ABI_GOFER_ATTACH, 0, 0);

	if (err)
		return err;
	rq.q->args.attach.version = ABI_GOFER_VERSION;
	rq.q->args.attach.mount = spec->attach;
	err = gofs_req_call(&rq);
	a = rq.r->attr;
	handle = rq.r->handle;
	flags = rq.r->flags;
	gofs_req_end(&rq);
	if (err)
		return err;
	gs->dev = a.dev;
	gs->shared = spec->flags & ABI_MOUNT_SHARED || !(flags & ABI_GOFER_R_EXCLUSIVE);
	sb->flags |= (gs->shared ? SB_SHARED : 0) | (flags & ABI_GOFER_R_READONLY ? SB_RDONLY : 0);
	err = gofs_inode_get(sb, &a, handle, &root);
	if (err)
		return err;
	sb->root = dentry_new_root(sb, root);
	return sb->root ? 0 : -ENOMEM;
}

static int gofs_fill(struct superblock *sb, const struct mount_args *a)
{
	struct gofs_super *gs = kzalloc(sizeof(*gs));
	struct abi_statfs st;
	int err;

	if (!gs)
		return -ENOMEM;
	mutex_init(&gs->names, RANK_GOFER);
	spin_init(&gs->ahead, RANK_CHANNEL);
	gs->credit = GOFS_CREDIT_FIRST;
	sb->priv = gs;
	err = gofs_chan_get(a->container->channel, &gs->chan);
	if (err) {
		gs->chan = NULL;
		return err;
	}
	err = gofs_attach(sb, a->spec);
	if (!err)
		err = gofs_statfs(sb, &st);
	if (!err)
		sb->magic = (u64)st.f_type;
	return err;
}

static int gofs_mount(const struct fs_type *t, const struct mount_args *a, struct superblock **out)
{
	struct superblock *sb;
	int err;

	if (!a->spec || !a->container)
		return -EINVAL;
	sb = super_new(t, &gofs_super_ops);
	if (!sb)
		return -ENOMEM;
	err = gofs_fill(sb, a);
	if (err)
		super_put(sb);
	else
		*out = sb;
	return err;
}

static struct fs_type gofs_type = {
	.name = "gofer",
	.mount = gofs_mount,
};

void gofs_register(void)
{
	gofs_irq_init();
	fs_register(&gofs_type);
}
