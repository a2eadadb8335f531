/* names.c - making, moving and removing names, one round trip each
 *
 * The gofer does it first; then the inodes' fields follow by what the operation means, with our
 * clock, which is the host's: nothing is asked again.
 * Locks: the VFS holds the directories' locks. gs->names inside, only to count the change.
 * Tests: test/unit/gofer/gofs_test.c, test/abi */
#include "gofs.h"

void gofs_changed(struct inode *dir)
{
	struct gofs_super *gs = gofs_super(dir->sb);

	mutex_lock(&gs->names);
	gs->changes++;
	mutex_unlock(&gs->names);
	a_add(&gs->touched, 1);
	dir->mtime = dir->ctime = inode_now();
}

/* What the four that make something have in common: op with args.make, then the inode. */
static int make(struct inode *dir, struct gofs_req *rq, u32 mode, struct inode **out)
{
	struct abi_gofer_a_make *m = &rq->q->args.make;
	u32 uid, gid;
	int err;

	inode_init_owner(dir, &mode, &uid, &gid);
	m->mode = mode;
	m->uid = uid;
	m->gid = gid;
	err = gofs_req_call(rq);
	if (err)
		return err;
	gofs_changed(dir);
	err = gofs_inode_get(dir->sb, &rq->r->attr, rq->r->handle, out);
	if (err) {
		gofs_handle_close(rq->chan, rq->r->open);
		return err;
	}
	/* A fresh inode: nobody else has it yet. */
	if (rq->r->open && !gofs_inode(*out)->open)
		gofs_inode(*out)->open = rq->r->open;
	else
		gofs_handle_close(rq->chan, rq->r->open);
	return 0;
}

static int name_begin(struct gofs_req *rq, struct inode *dir, u32 op, const char *name, size_t len)
{
	int err = gofs_req_on(rq, dir, op, 0);

	if (err)
		return err;
	err = gofs_req_name(rq, name, len);
	if (err)
		gofs_req_end(rq);
	return err;
}

int gofs_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
		struct inode **out)
{
	bool regular = S_ISREG(mode);
	struct gofs_req rq;
	int err = name_begin(&rq, dir, regular ? ABI_GOFER_CREATE : ABI_GOFER_MKNOD, name, len);

	if (err)
		return err;
	rq.q->args.make.rdev = (u64)ABI_MAJOR(rdev) << 32 | ABI_MINOR(rdev);
	if (regular)
		rq.q->args.make.open_flags =
			ABI_GOFER_O_READ | ABI_GOFER_O_WRITE | ABI_GOFER_O_EXCL;
	err = make(dir, &rq, mode, out);
	gofs_req_end(&rq);
	return err;
}

int gofs_mkdir(struct inode *dir, const char *name, size_t len, u32 mode, struct inode **out)
{
	struct gofs_req rq;
	int err = name_begin(&rq, dir, ABI_GOFER_MKDIR, name, len);

	if (err)
		return err;
	err = make(dir, &rq, ABI_S_IFDIR | mode, out);
	if (!err)
		dir->nlink++;
	gofs_req_end(&rq);
	return err;
}

int gofs_symlink(struct inode *dir, const char *name, size_t len, const char *target,
		 struct inode **out)
{
	struct gofs_req rq;
	int err = name_begin(&rq, dir, ABI_GOFER_SYMLINK, name, len);

	if (err)
		return err;
	err = gofs_req_bytes(&rq, target, strlen(target));
	if (!err)
		err = make(dir, &rq, ABI_S_IFLNK | 0777, out);
	gofs_req_end(&rq);
	return err;
}

int gofs_link(struct inode *dir, const char *name, size_t len, struct inode *target)
{
	struct gofs_req rq;
	u32 handle;
	int err = gofs_handle(dir, &handle);

	if (!err)
		err = gofs_req_on(&rq, target, ABI_GOFER_LINK, 0);
	if (err)
		return err;
	err = gofs_req_name(&rq, name, len);
	rq.q->args.link.dir = handle;
	if (!err)
		err = gofs_req_call(&rq);
	if (!err) {
		target->nlink = rq.r->attr.nlink;
		target->ctime = inode_now();
		gofs_changed(dir);
	}
	gofs_req_end(&rq);
	return err;
}

/* A name is about to go that may be the only way to its inode. */
static void name_leave(struct inode *i)
{
	u32 handle;

	/* An error is one of the host's, who has taken the name away: the gofer will say so. */
	if (gofs_handle(i, &handle))
		return;
}

int gofs_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	struct gofs_req rq;
	int err;

	name_leave(victim);
	err = name_begin(&rq, dir, ABI_GOFER_UNLINK, name, len);
	if (err)
		return err;
	err = gofs_req_call(&rq);
	if (!err) {
		victim->nlink--;
		victim->ctime = inode_now();
		gofs_changed(dir);
	}
	gofs_req_end(&rq);
	return err;
}

int gofs_rmdir(struct inode *dir, const char *name, size_t len, struct inode *victim)
{
	struct gofs_req rq;
	int err;

	name_leave(victim);
	err = name_begin(&rq, dir, ABI_GOFER_RMDIR, name, len);
	if (err)
		return err;
	err = gofs_req_call(&rq);
	if (!err) {
		victim->nlink = 0;
		victim->ctime = inode_now();
		dir->nlink--;
		gofs_changed(dir);
	}
	gofs_req_end(&rq);
	return err;
}

/* The counts of links after a rename that was done. */
static void renamed(struct inode *odir, struct inode *ndir, struct inode *moved,
		    struct inode *victim, u32 flags)
{
	bool exchange = flags & ABI_RENAME_EXCHANGE;

	moved->ctime = inode_now();
	if (odir != ndir && S_ISDIR(moved->mode)) {
		odir->nlink--;
		ndir->nlink++;
	}
	if (!victim)
		return;
	victim->ctime = inode_now();
	if (exchange) {
		if (odir != ndir && S_ISDIR(victim->mode)) {
			ndir->nlink--;
			odir->nlink++;
		}
	} else if (S_ISDIR(victim->mode)) {
		victim->nlink = 0;
		ndir->nlink--;
	} else if (victim->nlink) {
		victim->nlink--;
	}
}

int gofs_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new,
		u32 flags)
{
	struct gofs_req rq;
	u32 handle;
	int err = gofs_handle(ndir, &handle);

	name_leave(old->inode);
	if (new->inode)
		name_leave(new->inode);
	if (!err)
		err = name_begin(&rq, odir, ABI_GOFER_RENAME, old->name, old->len);
	if (err)
		return err;
	err = gofs_req_name(&rq, new->name, new->len);
	rq.q->args.rename.dir = handle;
	rq.q->args.rename.flags = flags;
	if (!err)
		err = gofs_req_call(&rq);
	if (!err) {
		renamed(odir, ndir, old->inode, new->inode, flags);
		gofs_changed(odir);
		if (ndir != odir)
			gofs_changed(ndir);
	}
	gofs_req_end(&rq);
	return err;
}
