/* fetch.c - the content of small files without their handles, several at once
 *
 * A listed file that has no handle is read by its name, whole, in one request; and so are
 *   small files beside it, in the directory's order, whose content nobody has asked for yet.
 *   How many: as many more as were opened of those that came along before, and none for a
 *   while after too many that were not (gs->credit, gs->owed).
 * Locks: gs->ahead for the lists; a file's pages come locked, then its gi->io is taken for
 *   reading: what was asked before a write of ours (gi->version) is not what the file has
 *   now.
 * Sleeps: everywhere but under gs->ahead. The request is held while frames are made.
 * Tests: test/unit/gofer/gofs_test.c
 */
#include "gofs.h"

#define FETCH_MAX  32u
#define CREDIT_MAX (FETCH_MAX - 1)
#define OWED_MAX   64u
#define FORGIVEN   2u
#define RECORD	   sizeof(struct abi_gofer_fetched)

_Static_assert(FETCH_MAX <= ABI_GOFER_FETCH_MAX &&
		       FETCH_MAX * (ABI_GOFER_NAME_MAX + 1) <= GOFS_HALF,
	       "room for names");
_Static_assert(RECORD + GOFS_FETCH_BYTES <= GOFS_BULK, "room for one");

struct fetch {
	struct inode *file[FETCH_MAX]; /* references but for the first */
	u32 version[FETCH_MAX];
	u32 count;
};

static bool is_small(const struct inode *i)
{
	u64 size = READ_ONCE(i->size);

	return S_ISREG(i->mode) && size > 0 && size <= GOFS_FETCH_BYTES;
}

static size_t record_bytes(const struct inode *i)
{
	return RECORD + ROUND_UP(READ_ONCE(i->size), 8ul);
}

void gofs_unread_add(struct inode *i)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_super *gs = gofs_super(i->sb);

	if (!gi->dir || !is_small(i))
		return;
	spin_lock(&gs->ahead);
	if (!gi->unread)
		TAILQ_INSERT_TAIL(&gofs_inode(gi->dir)->list->unread, gi, next);
	gi->unread = true;
	spin_unlock(&gs->ahead);
}

/* gs->ahead held. */
static void unread_drop(struct gofs_inode *gi)
{
	if (gi->unread)
		TAILQ_REMOVE(&gofs_inode(gi->dir)->list->unread, gi, next);
	gi->unread = false;
}

void gofs_unread_remove(struct inode *i)
{
	struct gofs_super *gs = gofs_super(i->sb);

	if (!gofs_inode(i)->dir)
		return;
	spin_lock(&gs->ahead);
	unread_drop(gofs_inode(i));
	spin_unlock(&gs->ahead);
}

void gofs_fetch_opened(struct inode *i)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_super *gs = gofs_super(i->sb);

	if (!a_load(&gi->brought) || !a_xchg(&gi->brought, 0))
		return;
	spin_lock(&gs->ahead);
	gs->owed -= MIN(gs->owed, 1u);
	gs->credit = MIN(gs->credit + 1, CREDIT_MAX);
	spin_unlock(&gs->ahead);
}

/* How many files may come along. gs->ahead held. */
static u32 allowance(struct gofs_super *gs)
{
	if (gs->owed <= OWED_MAX)
		return gs->credit;
	gs->owed -= FORGIVEN;
	gs->credit = GOFS_CREDIT_FIRST;
	return 0;
}

/* Neighbours from `from` on, in the list's order. gs->ahead held. */
static void pick_from(struct fetch *t, struct gofs_inode *from, u32 max, size_t *room)
{
	struct gofs_inode *gi = from, *then;

	for (; gi && t->count < max; gi = then) {
		then = TAILQ_NEXT(gi, next);
		if (record_bytes(gi->inode) > *room)
			return;
		unread_drop(gi);
		if (!is_small(gi->inode) || !ref_get_live(&gi->inode->refs))
			continue;
		*room -= record_bytes(gi->inode);
		t->file[t->count++] = gi->inode;
	}
}

static void pick(struct fetch *t, struct inode *i)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct gofs_super *gs = gofs_super(i->sb);
	struct gofs_unread *list = &gofs_inode(gi->dir)->list->unread;
	size_t room = GOFS_BULK - RECORD - GOFS_FETCH_BYTES;
	struct gofs_inode *from;
	u32 max;

	t->file[0] = i;
	t->count = 1;
	spin_lock(&gs->ahead);
	max = 1 + allowance(gs);
	from = gi->unread ? TAILQ_NEXT(gi, next) : NULL;
	unread_drop(gi);
	pick_from(t, from, max, &room);
	pick_from(t, TAILQ_FIRST(list), max, &room);
	gs->owed += t->count - 1;
	spin_unlock(&gs->ahead);
	for (u32 k = 0; k < t->count; k++)
		t->version[k] = READ_ONCE(gofs_inode(t->file[k])->version);
}

static int fetch_ask(struct fetch *t, struct gofs_req *rq)
{
	bool bulk = t->count > 1 || record_bytes(t->file[0]) > GOFS_HALF;
	int err = gofs_req_on(rq, gofs_inode(t->file[0])->dir, ABI_GOFER_FETCH,
			      bulk ? GOFS_BULK_WANTED : 0);

	if (err)
		return err;
	rq->q->args.fetch.count = t->count;
	if (bulk) {
		rq->q->args.fetch.each = GOFS_FETCH_BYTES;
		gofs_req_out_bulk(rq, GOFS_BULK);
	} else {
		rq->q->args.fetch.each = (u32)(record_bytes(t->file[0]) - RECORD);
		gofs_req_out(rq, GOFS_HALF);
	}
	for (u32 k = 0; !err && k < t->count; k++) {
		const struct gofs_inode *gi = gofs_inode(t->file[k]);

		err = gofs_req_name(rq, gi->name, gi->name_len);
	}
	if (!err)
		err = gofs_req_call(rq);
	if (err)
		gofs_req_end(rq);
	return err;
}

/* Is the record the whole content of the file as we know it? gi->io held. */
static bool is_content(const struct inode *i, u32 version, const struct abi_gofer_fetched *r)
{
	return !r->error && r->len && r->len == i->size && gofs_same_file(i, &r->attr) &&
	       gofs_inode(i)->version == version;
}

/* The pages of a file that came along; those that somebody has already stay. */
static void neighbour_fill(struct inode *i, u32 version, const struct abi_gofer_fetched *r,
			   const u8 *data)
{
	struct gofs_inode *gi = gofs_inode(i);
	struct frame *f;

	for (u32 at = 0, page = 0; at < r->len; at += PAGE_SIZE, page++) {
		bool good;

		if (mapping_add_locked(&i->mapping, page, &f))
			return;
		rwlock_read(&gi->io);
		good = is_content(i, version, r);
		if (good)
			gofs_frames_fill(&f, 1, data + at, MIN(r->len - at, (u32)PAGE_SIZE));
		rwlock_read_done(&gi->io);
		/* Somebody may wait for this page already: it gets its content in any case. */
		if (!good && gofs_read_by_handle(&i->mapping, &f, page, 1) &&
		    a_load(&f->flags) & FRAME_LOCKED)
			frame_unlock(f, FRAME_ERROR);
		frame_put(f);
		if (!good)
			return;
	}
	a_store(&gi->brought, 1);
}

/* Those that came with the first; pos is behind its record. False: the answer is malformed. */
static bool neighbours_take(struct fetch *t, struct gofs_req *rq, u32 pos)
{
	const u8 *from = rq->bulk ? rq->bulk : rq->out, *data;
	struct abi_gofer_fetched rec;
	int more = 0;

	for (u32 k = 1; k < t->count; k++) {
		more = abi_gofer_fetched_get(from, rq->r->count, &pos, rq->q->args.fetch.each, &rec,
					     &data);
		if (more != 1)
			break;
		if (!rec.error && rec.len)
			neighbour_fill(t->file[k], t->version[k], &rec, data);
	}
	return more >= 0;
}

/* Asks, and fills the first file's pages. *pos: behind its record. */
static bool fetch_first(struct fetch *t, struct gofs_req *rq, struct frame **f, size_t n, u32 *pos)
{
	struct inode *i = t->file[0];
	struct gofs_inode *gi = gofs_inode(i);
	struct abi_gofer_fetched rec;
	const u8 *data, *from;
	int got;

	rwlock_read(&gi->io);
	if (fetch_ask(t, rq)) {
		rwlock_read_done(&gi->io);
		return false;
	}
	from = rq->bulk ? rq->bulk : rq->out;
	got = abi_gofer_fetched_get(from, rq->r->count, pos, rq->q->args.fetch.each, &rec, &data);
	if (got == 1 && is_content(i, t->version[0], &rec))
		gofs_frames_fill(f, n, data, rec.len);
	else
		n = 0;
	rwlock_read_done(&gi->io);
	if (got < 0)
		gofs_chan_kill(rq->chan, "a fetched file is malformed");
	if (!n)
		gofs_req_end(rq);
	return n != 0;
}

bool gofs_fetch(struct inode *i, struct frame **f, size_t n)
{
	struct gofs_req rq;
	struct fetch t;
	u32 pos = 0;
	bool done;

	if (!gofs_inode(i)->dir || gofs_has_handle(i) || !is_small(i) || n * PAGE_SIZE < i->size)
		return false;
	pick(&t, i);
	done = fetch_first(&t, &rq, f, n, &pos);
	if (done) {
		if (!neighbours_take(&t, &rq, pos))
			gofs_chan_kill(rq.chan, "a fetched file is malformed");
		gofs_req_end(&rq);
	}
	for (u32 k = 1; k < t.count; k++)
		inode_put(t.file[k]);
	return done;
}
