/* dir.c - reading directories
 *
 * An open directory collects its entries as they are asked for, and serves them by number: position
 * 2 + k is entry k. The host's cookies stay inside; seekdir to any position that was told is exact,
 * and a rewind starts afresh. What is collected is private to the open file; the attributes that
 * come along go to the cache of names (listing.c).
 * Locks: d->lock (RANK_GOFER) around collecting and picking one entry; the consumer, who may touch
 *   user memory, is called without it.
 * Tests: test/unit/gofer/gofs_test.c */
#include "gofs.h"
#include "slab.h"

#define CHUNK_BYTES 16384u
#define NAME_BYTES  (ABI_GOFER_NAME_MAX + 1)

struct packed { /* an entry in a chunk; the name follows, without NUL */
	u64 ino;
	u8 type, len;
	char name[];
};

struct gofs_dir {
	struct mutex lock;
	u8 **chunk; /* [l] CHUNK_BYTES each */
	u32 *place; /* [l] of entry k: chunk << 16 | offset */
	u32 nr_chunks, chunk_used;
	u32 count, room;	   /* [l] entries, and what place can hold */
	u64 cookie;		   /* [l] where the host goes on */
	bool end;		   /* [l] all have been collected */
	struct gofs_lister lister; /* [l] */
};

static void dir_reset(struct gofs_dir *d)
{
	for (u32 k = 0; k < d->nr_chunks; k++)
		kfree(d->chunk[k]);
	kfree(d->chunk);
	kfree(d->place);
	d->chunk = NULL;
	d->place = NULL;
	d->nr_chunks = d->chunk_used = d->count = d->room = 0;
	d->cookie = 0;
	d->end = false;
}

static int chunk_add(struct gofs_dir *d)
{
	u8 **grown = krealloc(d->chunk, (d->nr_chunks + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	d->chunk = grown;
	d->chunk[d->nr_chunks] = kmalloc(CHUNK_BYTES);
	if (!d->chunk[d->nr_chunks])
		return -ENOMEM;
	d->nr_chunks++;
	d->chunk_used = 0;
	return 0;
}

static int dir_append(struct gofs_dir *d, const struct abi_gofer_entry *e)
{
	u32 size = (u32)ROUND_UP(offsetof(struct packed, name) + e->d.name_len, 8ul);
	struct packed *p;
	int err;

	if (d->count == d->room) {
		u32 room = d->room ? d->room * 2 : 64;
		u32 *grown = krealloc(d->place, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		d->place = grown;
		d->room = room;
	}
	if (!d->nr_chunks || d->chunk_used + size > CHUNK_BYTES) {
		err = chunk_add(d);
		if (err)
			return err;
	}
	if (d->nr_chunks > 0xffff)
		return -ENOMEM;
	p = (struct packed *)(void *)(d->chunk[d->nr_chunks - 1] + d->chunk_used);
	p->ino = e->d.ino;
	p->type = e->d.type;
	p->len = (u8)e->d.name_len;
	memcpy(p->name, e->name, p->len);
	d->place[d->count++] = (d->nr_chunks - 1) << 16 | d->chunk_used;
	d->chunk_used += size;
	return 0;
}

/* One answer full of entries. */
static int dir_collect(struct file *f, struct gofs_dir *d)
{
	/* A layer of an overlay is opened by the overlay, which has the layer's entry. */
	struct dentry *at = f->path.dentry->inode == f->inode ? f->path.dentry : NULL;
	struct abi_gofer_entry e;
	struct gofs_req rq;
	u32 pos = 0;
	int err, more = 0;

	gofs_lister_begin(&d->lister, at, d->cookie == 0);
	err = gofs_req_on(&rq, f->inode, ABI_GOFER_READDIR, d->lister.on ? GOFS_BULK_WANTED : 0);
	if (err)
		return err;
	if (rq.bulk) {
		gofs_req_out_bulk(&rq, GOFS_BULK);
		rq.q->flags = ABI_GOFER_F_ATTR;
	} else {
		gofs_req_out(&rq, GOFS_HALF);
	}
	rq.q->args.io.off = d->cookie;
	err = gofs_req_call(&rq);
	while (!err && (more = abi_gofer_entry_get(rq.bulk ? rq.bulk : rq.out, rq.r->count, &pos,
						   &e)) == 1) {
		err = dir_append(d, &e);
		if (!err)
			gofs_lister_add(&d->lister, &e);
	}
	if (!err && more < 0) {
		gofs_chan_kill(rq.chan, "a directory entry is malformed");
		err = -EIO;
	}
	if (!err) {
		d->cookie = rq.r->value;
		d->end = rq.r->flags & ABI_GOFER_R_EOF;
		gofs_lister_end(&d->lister, d->end);
	}
	gofs_req_end(&rq);
	return err;
}

/* Entry k with its name terminated: 1, 0 behind the last, or -errno. d->lock held. */
static int dir_pick(struct file *f, struct gofs_dir *d, u64 k, struct packed *out, char *name)
{
	const struct packed *p;
	u32 place;
	int err;

	while (k >= d->count && !d->end) {
		err = dir_collect(f, d);
		if (err)
			return err;
	}
	if (k >= d->count)
		return 0;
	place = d->place[k];
	p = (const struct packed *)(void *)(d->chunk[place >> 16] + (place & 0xffff));
	*out = *p;
	memcpy(name, p->name, p->len);
	name[p->len] = 0;
	return 1;
}

static int gofs_readdir(struct file *f, struct dir_ctx *c)
{
	struct gofs_dir *d = f->priv;
	char name[NAME_BYTES];
	struct packed e;
	int r;

	if (c->pos == 0) {
		mutex_lock(&d->lock);
		dir_reset(d);
		mutex_unlock(&d->lock);
	}
	if (!readdir_dots(f, c))
		return 0;
	for (;;) {
		mutex_lock(&d->lock);
		r = dir_pick(f, d, c->pos - 2, &e, name);
		mutex_unlock(&d->lock);
		if (r <= 0)
			return r;
		if (!c->emit(c, name, e.len, e.ino, e.type, c->pos + 1))
			return 0;
		c->pos++;
	}
}

static int gofs_dir_open(struct inode *i, struct file *f)
{
	struct gofs_dir *d = kzalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	mutex_init(&d->lock, RANK_GOFER);
	f->priv = d;
	return 0;
}

static void gofs_dir_release(struct file *f)
{
	dir_reset(f->priv);
	kfree(f->priv);
}

static int gofs_dir_fsync(struct file *f, bool data_only)
{
	struct gofs_req rq;
	int err = gofs_req_on(&rq, f->inode, ABI_GOFER_FSYNC, 0);

	if (err)
		return err;
	err = gofs_req_call(&rq);
	gofs_req_end(&rq);
	return err;
}

const struct file_ops gofs_dir_file_ops = {
	.name = "gofer",
	.open = gofs_dir_open,
	.release = gofs_dir_release,
	.llseek = generic_llseek,
	.readdir = gofs_readdir,
	.fsync = gofs_dir_fsync,
};
