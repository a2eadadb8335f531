/* readdir.c - a merged directory's entries
 * The list is made when reading starts at its beginning, and kept with the open file: what is above
 * first, then what is below and not hidden. */
#include "abi/linux/dirent.h"
#include "overlay.h"
#include "slab.h"

#define BUCKETS 128u

struct ovl_entry {
	TAILQ_ENTRY(ovl_entry) link;
	struct ovl_entry *next; /* of its bucket */
	u64 ino;
	u16 len;
	u8 type;
	bool hidden; /* a whiteout */
	char name[];
};

struct ovl_list {
	TAILQ_HEAD(, ovl_entry) all;
	struct ovl_entry *bucket[BUCKETS];
	u64 base; /* position of the first entry */
};

struct ovl_fill {
	struct dir_ctx ctx;
	struct ovl_list *list;
	struct dentry *upper; /* being read; null: the lower one is */
	u64 seen;	      /* entries told in this round */
	bool no_memory;
};

static struct ovl_entry *find(const struct ovl_list *l, const char *name, size_t len, u64 h)
{
	struct ovl_entry *e;

	for (e = l->bucket[h % BUCKETS]; e; e = e->next)
		if (e->len == len && !memcmp(e->name, name, len))
			return e;
	return NULL;
}

static bool fill_emit(struct dir_ctx *c, const char *name, size_t len, u64 ino, u32 type, u64 next)
{
	struct ovl_fill *f = container_of(c, struct ovl_fill, ctx);
	u64 h = name_hash(name, len);
	struct ovl_entry *e;

	f->seen++;
	if ((len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.'))
		return true;
	if (!f->upper && find(f->list, name, len, h))
		return true;
	e = kmalloc(sizeof(*e) + len + 1);
	if (!e) {
		f->no_memory = true;
		return false;
	}
	e->ino = ino;
	e->len = (u16)len;
	e->type = (u8)type;
	e->hidden = false;
	memcpy(e->name, name, len);
	e->name[len] = 0;
	e->next = f->list->bucket[h % BUCKETS];
	f->list->bucket[h % BUCKETS] = e;
	TAILQ_INSERT_TAIL(&f->list->all, e, link);
	return true;
}

/* All entries of a layer's directory. */
static int fill_layer(struct ovl_fill *f, struct mount *mnt, struct dentry *dir)
{
	struct path p = {mnt, dir};
	struct file *file;
	int err = file_open_path(&p, ABI_O_RDONLY | ABI_O_DIRECTORY, &file);

	if (err)
		return err;
	f->ctx = (struct dir_ctx){.emit = fill_emit};
	rwlock_read(&dir->inode->lock);
	do {
		f->seen = 0;
		err = file->ops->readdir(file, &f->ctx);
	} while (!err && f->seen && !f->no_memory);
	rwlock_read_done(&dir->inode->lock);
	file_put(file);
	return f->no_memory ? -ENOMEM : err;
}

/* Upper entries: whiteouts are marked, the others get the numbers they show. */
static void settle_upper(struct ovl_list *l, struct dentry *dir)
{
	struct ovl_entry *e;
	struct dentry *d;

	TAILQ_FOREACH (e, &l->all, link) {
		d = dentry_lookup_cached(dir, e->name, e->len);
		if (!d)
			continue;
		if (d->inode && ovl_is_whiteout(d->inode))
			e->hidden = true;
		else if (d->inode)
			e->ino = ovl_ino(d->inode);
		dentry_put(d);
	}
}

static void list_free(struct ovl_list *l)
{
	struct ovl_entry *e;

	if (!l)
		return;
	while ((e = TAILQ_FIRST(&l->all))) {
		TAILQ_REMOVE(&l->all, e, link);
		kfree(e);
	}
	kfree(l);
}

static int list_make(struct inode *dir, struct ovl_list **out)
{
	struct ovl *o = ovl_of(dir);
	struct ovl_fill f = {.list = kzalloc(sizeof(*f.list)), .upper = ovl_upper(dir)};
	int err = 0;

	if (!f.list)
		return -ENOMEM;
	TAILQ_INIT(&f.list->all);
	if (f.upper) {
		err = fill_layer(&f, o->upper.mnt, f.upper);
		settle_upper(f.list, f.upper);
		f.upper = NULL;
	}
	if (!err && ovl_i(dir)->lower)
		err = fill_layer(&f, o->lower.mnt, ovl_i(dir)->lower);
	if (err)
		list_free(f.list);
	else
		*out = f.list;
	return err;
}

int ovl_check_empty(struct inode *dir)
{
	struct ovl_list *l;
	struct ovl_entry *e;
	int err = list_make(dir, &l);

	if (err)
		return err;
	TAILQ_FOREACH (e, &l->all, link)
		if (!e->hidden) {
			err = -ENOTEMPTY;
			break;
		}
	list_free(l);
	return err;
}

/* Positions: 0 and 1 the dots, then the list in order. pos_lock is held by the caller. */
static int ovl_readdir(struct file *f, struct dir_ctx *c)
{
	struct ovl_list *l = f->priv;
	struct ovl_entry *e;
	u64 at = 2;
	int err;

	if (!l || !c->pos) {
		list_free(l);
		f->priv = NULL;
		err = list_make(file_node(f), &l);
		if (err)
			return err;
		f->priv = l;
	}
	if (!readdir_dots(f, c))
		return 0;
	TAILQ_FOREACH (e, &l->all, link) {
		if (at >= c->pos && !e->hidden) {
			if (!c->emit(c, e->name, e->len, e->ino, e->type, at + 1))
				return 0;
			c->pos = at + 1;
		}
		at++;
	}
	c->pos = MAX(c->pos, at);
	return 0;
}

static void ovl_dir_release(struct file *f)
{
	list_free(f->priv);
}

static int ovl_dir_fsync(struct file *f, bool data_only)
{
	return 0;
}

const struct file_ops ovl_dir_file_ops = {
	.name = "overlay",
	.readdir = ovl_readdir,
	.release = ovl_dir_release,
	.llseek = generic_llseek,
	.fsync = ovl_dir_fsync,
};
