/* file.c - regular files: opening, writing, attributes, sizes
 *
 * Reading needs no open: the gofer opens a path handle when it is first read. An inode that is
 * written has one handle open for that, kept until the inode goes. A write has reached the host
 * before it returns; the pages that are cached get the same bytes.
 * Locks: inode->lock (writers), then gi->io. gi->io is held for writing while content changes on
 *   the host and until cached pages agree, for reading while pages are filled: so no page keeps
 *   what a write has replaced. Nothing under gi->io waits for a page's lock or touches user memory.
 * Sleeps: everywhere. User pages fault in while a request is held, hence GOFS_WRITER.
 * Differs from Linux: O_DIRECT is accepted and means nothing.
 * Tests: test/unit/gofer/gofs_test.c, test/abi */
#include "gofs.h"
#include "abi/linux/caps.h"

/* gi->io held for writing. */
static int open_locked(struct inode *i, u32 flags)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_req rq;
	int err = gofs_req_on(&rq, i, ABI_GOFER_OPEN, 0);

	if (err)
		return err;
	rq.q->args.open.open_flags = flags;
	err = gofs_req_call(&rq);
	if (!err)
		gi->open = rq.r->open;
	gofs_req_end(&rq);
	return err;
}

/* A handle open for writing; it stays the inode's. */
int gofs_open_for_write(struct inode *i, u32 *handle)
{
	struct gofs_inode *gi = gofs_inode(i);
	int err = 0;

	rwlock_write(&gi->io);
	if (!gi->open) {
		err = open_locked(i, ABI_GOFER_O_READ | ABI_GOFER_O_WRITE);
		/* A gofer without rights of its own, on a file that may only be written. */
		if (err == -EACCES)
			err = open_locked(i, ABI_GOFER_O_WRITE);
	}
	*handle = gi->open;
	rwlock_write_done(&gi->io);
	return err;
}

static int gofs_file_open(struct inode *i, struct file *f)
{
	u32 handle;
	int err = 0;

	gofs_fetch_opened(i);
	if (gofs_super(i->sb)->shared)
		err = gofs_refresh(i);
	if (!err && FILE_WRITE(f))
		err = gofs_open_for_write(i, &handle);
	return err;
}

/* ---- writing ---- */

/* What the host has now, into the pages that are cached. gi->io held. */
static void pages_update(struct inode *i, u64 at, const u8 *src, size_t n)
{
	while (n) {
		size_t off = at & (PAGE_SIZE - 1), part = MIN(PAGE_SIZE - off, n);
		struct frame *f = mapping_find(&i->mapping, at >> PAGE_SHIFT);

		if (f) {
			memcpy((u8 *)frame_va(f) + off, src, part);
			frame_put(f);
		}
		at += part;
		src += part;
		n -= part;
	}
}

/* The file grows over its old end: what a mapping has left behind it must not appear. */
static void tail_zero(struct inode *i, u64 pos)
{
	u64 size = i->size, off = size & (PAGE_SIZE - 1);
	struct frame *f;

	if (pos <= size || !off)
		return;
	f = mapping_find(&i->mapping, size >> PAGE_SHIFT);
	if (!f)
		return;
	memset((u8 *)frame_va(f) + off, 0, PAGE_SIZE - off);
	frame_put(f);
}

/* Writes up to a piece at pos; inode->lock held. Bytes written, or -errno. */
static ssize_t write_piece(struct inode *i, struct iter *from, u64 pos)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_req rq;
	size_t n, left = from->left;
	ssize_t done;
	int err;

	err = gofs_req_begin(&rq, gofs_chan(i), ABI_GOFER_WRITE, gi->open,
			     GOFS_BULK_WANTED | GOFS_WRITER);
	if (err)
		return err;
	n = iter_get(from, rq.bulk, MIN(left, (size_t)GOFS_BULK));
	done = -EFAULT;
	if (!n)
		goto out_end;
	gofs_req_in_bulk(&rq, (u32)n);
	rq.q->args.io.off = pos;
	rwlock_write(&gi->io);
	err = gofs_req_call(&rq);
	done = err ? err : (ssize_t)rq.r->count;
	if (done > 0) {
		pages_update(i, pos, rq.bulk, (size_t)done);
		if (pos + (u64)done > i->size)
			WRITE_ONCE(i->size, pos + (u64)done);
		i->blocks = rq.r->attr.blocks;
		i->mtime = i->ctime = inode_now();
		gi->version++;
		gofs_touched(i);
	}
	rwlock_write_done(&gi->io);
out_end:
	gofs_req_end(&rq);
	return done;
}

static int host_fsync(struct inode *i, bool data_only)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_req rq;
	u32 handle = gi->open;
	int err = handle ? 0 : gofs_handle(i, &handle);

	if (!err)
		err = gofs_req_begin(&rq, gofs_chan(i), ABI_GOFER_FSYNC, handle, 0);

	if (err)
		return err;
	rq.q->flags = data_only ? ABI_GOFER_F_DATASYNC : 0;
	err = gofs_req_call(&rq);
	gofs_req_end(&rq);
	return err;
}

/* The set-id bits that a write takes: our writer has them taken, the gofer may not. */
static int privs_remove(struct file *f)
{
	struct inode *i = f->inode;
	u32 mode = i->mode;
	struct iattr a;

	file_remove_privs(f);
	if (i->mode == mode)
		return 0;
	a = (struct iattr){.valid = ATTR_MODE, .mode = i->mode & 07777};
	return gofs_setattr(i, &a);
}

static ssize_t write_locked(struct file *f, struct iter *from, u64 at)
{
	struct inode *i = f->inode;
	u64 start = at;
	ssize_t done = 0;

	while (from->left) {
		size_t want = MIN(from->left, (size_t)GOFS_BULK);

		done = write_piece(i, from, at);
		if (done <= 0)
			break;
		at += (u64)done;
		if ((size_t)done < want)
			break;
	}
	return at != start ? (ssize_t)(at - start) : done;
}

static ssize_t gofs_write(struct file *f, struct iter *from, loff_t *pos)
{
	struct inode *i = f->inode;
	size_t n = from->left, cut = 0;
	ssize_t done;
	int err;

	if (!n)
		return 0;
	rwlock_write(&i->lock);
	if (f->flags & ABI_O_APPEND)
		*pos = (loff_t)i->size;
	err = file_limit(i, *pos, &n);
	if (!err)
		err = privs_remove(f);
	done = err;
	if (!err) {
		cut = from->left - n;
		from->left = n;
		tail_zero(i, (u64)*pos);
		done = write_locked(f, from, (u64)*pos);
		from->left += cut;
	}
	if (done > 0)
		*pos += done;
	rwlock_write_done(&i->lock);
	if (done > 0 && f->flags & ABI_O_DSYNC) {
		err = host_fsync(i, (f->flags & ABI_O_SYNC) != ABI_O_SYNC);
		if (err)
			return err;
	}
	return done;
}

static int gofs_fsync(struct file *f, bool data_only)
{
	int err = 0;

	if (a_load(&f->inode->mapping.nr_dirty))
		err = mapping_sync(&f->inode->mapping, 0, ~0ull);
	return err ? err : host_fsync(f->inode, data_only);
}

/* inode->lock held for writing. */
static int host_fallocate(struct inode *i, int mode, u64 off, u64 len)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_req rq;
	int err;

	rwlock_write(&gi->io);
	err = gofs_req_begin(&rq, gofs_chan(i), ABI_GOFER_FALLOCATE, gi->open, 0);
	if (err)
		goto out_unlock;
	rq.q->args.fallocate.off = off;
	rq.q->args.fallocate.len = len;
	rq.q->args.fallocate.mode = (u32)mode;
	err = gofs_req_call(&rq);
	if (!err) {
		WRITE_ONCE(i->size, rq.r->attr.size);
		i->blocks = rq.r->attr.blocks;
		i->mtime = i->ctime = inode_now();
		gi->version++;
		gofs_touched(i);
	}
	gofs_req_end(&rq);
out_unlock:
	rwlock_write_done(&gi->io);
	return err;
}

static int gofs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	const int holes = ABI_FALLOC_FL_PUNCH_HOLE | ABI_FALLOC_FL_ZERO_RANGE;
	struct inode *i = f->inode;
	int err = 0;

	if (mode & ~(ABI_FALLOC_FL_KEEP_SIZE | holes))
		return -EOPNOTSUPP;
	rwlock_write(&i->lock);
	/* Pages written through mappings first, or the hole would come back with them. */
	if (mode & holes && a_load(&i->mapping.nr_dirty))
		err = mapping_sync(&i->mapping, 0, ~0ull);
	if (!err)
		err = host_fallocate(i, mode, (u64)off, (u64)len);
	if (!err && mode & holes)
		mapping_punch(&i->mapping, (u64)off >> PAGE_SHIFT,
			      ((u64)off + (u64)len - 1) >> PAGE_SHIFT);
	rwlock_write_done(&i->lock);
	return err;
}

/* ---- attributes ---- */

static void setattr_encode(struct abi_gofer_a_setattr *s, const struct iattr *a)
{
	if (a->valid & ATTR_MODE)
		s->valid |= ABI_GOFER_A_MODE;
	if (a->valid & ATTR_UID)
		s->valid |= ABI_GOFER_A_UID;
	if (a->valid & ATTR_GID)
		s->valid |= ABI_GOFER_A_GID;
	if (a->valid & ATTR_SIZE)
		s->valid |= ABI_GOFER_A_SIZE;
	if (a->valid & ATTR_ATIME)
		s->valid |= ABI_GOFER_A_ATIME;
	if (a->valid & ATTR_MTIME)
		s->valid |= ABI_GOFER_A_MTIME;
	s->mode = a->mode & 07777;
	s->uid = a->uid;
	s->gid = a->gid;
	s->size = a->size;
	s->atime = a->atime.tv_sec;
	s->mtime = a->mtime.tv_sec;
	s->atime_nsec = s->valid & ABI_GOFER_A_ATIME ? (u32)a->atime.tv_nsec : 0;
	s->mtime_nsec = s->valid & ABI_GOFER_A_MTIME ? (u32)a->mtime.tv_nsec : 0;
}

/* gi->io held for writing. */
static int host_setattr(struct inode *i, const struct iattr *a)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_req rq;
	u32 handle = a->valid & ATTR_SIZE ? gi->open : 0;
	int err = handle ? 0 : gofs_handle(i, &handle);

	if (!err)
		err = gofs_req_begin(&rq, gofs_chan(i), ABI_GOFER_SETATTR, handle, 0);
	if (err)
		return err;
	setattr_encode(&rq.q->args.setattr, a);
	if (rq.q->args.setattr.valid) {
		err = gofs_req_call(&rq);
		if (!err)
			i->blocks = rq.r->attr.blocks;
	}
	gofs_req_end(&rq);
	return err;
}

/* inode->lock is held for writing. */
int gofs_setattr(struct inode *i, const struct iattr *a)
{
	struct gofs_inode *gi = gofs_inode(i);
	u64 before = i->size;
	int err;

	if (a->valid & ATTR_SIZE && a->size > before)
		mapping_truncate(&i->mapping, before);
	rwlock_write(&gi->io);
	err = host_setattr(i, a);
	if (!err) {
		inode_setattr(i, a);
		if (a->valid & ATTR_SIZE)
			WRITE_ONCE(i->size, a->size);
		i->ctime = inode_now();
		if (a->valid & ATTR_SIZE && !(a->valid & ATTR_MTIME))
			i->mtime = i->ctime;
		gi->version++;
		gofs_touched(i);
	}
	rwlock_write_done(&gi->io);
	/* Waits for pages that are being filled, which wait for gi->io: so after it. */
	if (!err && a->valid & ATTR_SIZE && a->size < before)
		mapping_truncate(&i->mapping, a->size);
	return err;
}

const struct file_ops gofs_file_ops = {
	.name = "gofer",
	.open = gofs_file_open,
	.read = generic_file_read,
	.write = gofs_write,
	.llseek = generic_llseek,
	.fsync = gofs_fsync,
	.fallocate = gofs_fallocate,
};
