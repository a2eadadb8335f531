/* listing.c - directories read with attributes: names before they are asked for
 *
 * On exclusive mounts the entries of a directory that is read come with their attributes, and
 *   enter the cache of names; so do those of one in which several names were looked up in a
 *   row. Their inodes have no handle: it is asked for when one is needed (gofs_handle), and a
 *   small file's content may come without (fetch.c). A directory that was listed whole
 *   answers for names that are missing.
 * Belief: listed names are believed for LISTED_NS until they are first used, then for good,
 *   as all of an exclusive mount: who lists a directory, changes it on the host and then
 *   looks, sees the change. Whether attributes pay is learnt: as long as a quarter of what a
 *   directory has listed was used.
 * Locks: dir->lock around listing keeps our own changes of names away; those of attributes
 *   count gs->touched, and what was told before one is not believed. gs->ahead is innermost.
 * Tests: test/unit/gofer/gofs_test.c
 */
#include "gofs.h"

#define LISTED_NS   2000000000ull
#define MISSES	    3u
#define MISS_NS	    100000000ull
#define MISSED_OUT  65536u /* of the answer: some 400 names */
#define USED_DIVIDE 4u

_Static_assert(MISSED_OUT <= GOFS_BULK, "a piece");

/* gs->ahead held. */
static bool is_complete(const struct gofs_listing *l, u32 gen)
{
	return l->complete && l->gen == gen;
}

static bool is_paying(const struct gofs_listing *l)
{
	return l->used * USED_DIVIDE >= l->listed;
}

void gofs_lister_begin(struct gofs_lister *l, struct dentry *dir, bool first)
{
	struct gofs_super *gs = dir ? gofs_super(dir->sb) : NULL;
	u32 gen = names_generation();

	l->dir = dir;
	if (first)
		l->gen = gen;
	l->added = 0;
	l->on = gs && !gs->shared;
	if (l->on) {
		struct gofs_listing *list = gofs_inode(dir->inode)->list;

		l->touched = a_load(&gs->touched);
		l->now = time_mono_ns();
		spin_lock(&gs->ahead);
		l->on = is_paying(list) && !is_complete(list, gen);
		if (first && !is_paying(list)) /* it may pay another time */
			list->listed /= 2;
		spin_unlock(&gs->ahead);
	}
	l->whole = l->on && (first || l->whole);
}

void gofs_lister_add(struct gofs_lister *l, const struct abi_gofer_entry *e)
{
	struct dentry *d = NULL;
	struct inode *i;

	if (!l->on)
		return;
	if (e->d.has_attr && l->touched == a_load(&gofs_super(l->dir->sb)->touched) &&
	    gofs_inode_listed(l->dir->inode, e, &i) == 0)
		d = dentry_add_listed(l->dir, e->name, e->d.name_len, i, l->now);
	if (!d) {
		l->whole = false;
		return;
	}
	dentry_put(d);
	l->added++;
}

void gofs_lister_end(struct gofs_lister *l, bool eof)
{
	struct gofs_super *gs;
	struct gofs_listing *list;

	if (!l->on)
		return;
	gs = gofs_super(l->dir->sb);
	list = gofs_inode(l->dir->inode)->list;
	spin_lock(&gs->ahead);
	list->listed += l->added;
	if (eof && l->whole) {
		list->complete = true;
		list->complete_ns = l->now;
		list->gen = l->gen;
	}
	spin_unlock(&gs->ahead);
}

/* One answer's entries, from list->cookie on. dir->lock is held. */
static void list_some(struct dentry *dir, u64 cookie)
{
	struct gofs_listing *list = gofs_inode(dir->inode)->list;
	struct abi_gofer_entry e;
	struct gofs_lister l;
	struct gofs_req rq;
	int more = 0;
	u32 pos = 0;
	bool eof;

	gofs_lister_begin(&l, dir, cookie == 0);
	if (!l.on || gofs_req_on(&rq, dir->inode, ABI_GOFER_READDIR, GOFS_BULK_WANTED))
		return;
	gofs_req_out_bulk(&rq, MISSED_OUT);
	rq.q->flags = ABI_GOFER_F_ATTR;
	rq.q->args.io.off = cookie;
	if (gofs_req_call(&rq))
		goto out_end;
	while ((more = abi_gofer_entry_get(rq.bulk, rq.r->count, &pos, &e)) == 1)
		gofs_lister_add(&l, &e);
	if (more < 0) {
		gofs_chan_kill(rq.chan, "a directory entry is malformed");
		goto out_end;
	}
	eof = rq.r->flags & ABI_GOFER_R_EOF;
	/* Chunks that are far apart in time make no whole. */
	l.whole = l.whole && cookie == 0;
	gofs_lister_end(&l, eof);
	WRITE_ONCE(list->cookie, eof ? 0 : rq.r->value);
out_end:
	gofs_req_end(&rq);
}

void gofs_list_missed(struct dentry *dir)
{
	struct gofs_super *gs = gofs_super(dir->sb);
	struct gofs_listing *list = gofs_inode(dir->inode)->list;
	u32 gen = names_generation();
	u64 now, cookie = 0;
	bool list_it;

	if (gs->shared)
		return;
	now = time_mono_ns();
	spin_lock(&gs->ahead);
	if (now - list->miss_ns > MISS_NS) {
		list->miss_ns = now;
		list->misses = 0;
	}
	list_it = ++list->misses >= MISSES && is_paying(list) && !is_complete(list, gen);
	if (list_it) {
		list->misses = 0;
		cookie = list->cookie;
	}
	spin_unlock(&gs->ahead);
	if (!list_it)
		return;
	rwlock_read(&dir->inode->lock);
	if (!(dir->inode->flags & INODE_DEAD))
		list_some(dir, cookie);
	rwlock_read_done(&dir->inode->lock);
}

bool gofs_list_lacks(struct inode *dir)
{
	struct gofs_super *gs = gofs_super(dir->sb);
	struct gofs_listing *list = gofs_inode(dir)->list;
	u32 gen = names_generation();
	u64 since = 0;
	bool lacks;

	if (gs->shared)
		return false;
	spin_lock(&gs->ahead);
	lacks = is_complete(list, gen);
	since = list->complete_ns;
	spin_unlock(&gs->ahead);
	return lacks && time_mono_ns() - since < LISTED_NS;
}

/* The first use of a listed name: 0: it may be believed; 1: it has to be looked up. */
int gofs_listed_revalidate(struct dentry *d)
{
	struct inode *dir = d->parent->inode;
	struct gofs_super *gs = gofs_super(d->sb);

	if (d->inode && !gofs_has_handle(d->inode) && time_mono_ns() - d->listed_ns >= LISTED_NS)
		return 1;
	dentry_flag_clear(d, DENTRY_LISTED);
	spin_lock(&gs->ahead);
	gofs_inode(dir)->list->used++;
	spin_unlock(&gs->ahead);
	return 0;
}
