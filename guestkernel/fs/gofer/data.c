/* data.c - filling pages of the cache from the gofer, and writing them back
 *
 * A run of pages is asked for in pieces that are in flight together, so that the gofer's workers
 * read them at the same time; the answers are taken in order. One or two pages use the slot's own
 * room, so that a sandbox that reads little touches little shared memory. What has no handle yet is
 * fetched whole by its name, with its neighbours (fetch.c).
 * Locks: gi->io for reading around filling (file.c says why). Pages come locked, and are unlocked
 *   one by one as their bytes arrive.
 * Tests: test/unit/gofer/gofs_test.c */
#include "gofs.h"

#define PIECES_MAX  4
#define SMALL_PAGES (GOFS_HALF / (u32)PAGE_SIZE)
#define READAHEAD   (2 * GOFS_BULK_PAGES)

static void frames_fail(struct frame **f, size_t n)
{
	for (size_t k = 0; k < n; k++)
		frame_unlock(f[k], FRAME_ERROR);
}

static void frames_zero(struct frame **f, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		mach_frame_zero(frame_va(f[k]));
		frame_unlock(f[k], FRAME_UPTODATE);
	}
}

void gofs_frames_fill(struct frame **f, size_t n, const u8 *src, size_t valid)
{
	for (size_t k = 0; k < n; k++) {
		u8 *page = frame_va(f[k]);
		size_t part = MIN(valid, PAGE_SIZE);

		if (part == PAGE_SIZE)
			mach_frame_copy(page, src + k * PAGE_SIZE);
		else
			memcpy(page, src + k * PAGE_SIZE, part);
		memset(page + part, 0, PAGE_SIZE - part);
		valid -= part;
		frame_unlock(f[k], FRAME_UPTODATE);
	}
}

/* Asks for n pages; the first of a run sleeps for a slot, the others only if one is free. */
static int piece_ask(struct inode *i, struct gofs_req *rq, u64 index, size_t n, bool first)
{
	u32 flags = (n > SMALL_PAGES ? GOFS_BULK_WANTED : 0) | (first ? 0 : GOFS_TRY);
	int err = gofs_req_on(rq, i, ABI_GOFER_READ, flags);

	if (err)
		return err;
	if (rq->bulk)
		gofs_req_out_bulk(rq, (u32)(n * PAGE_SIZE));
	else
		gofs_req_out(rq, (u32)(n * PAGE_SIZE));
	rq->q->args.io.off = index << PAGE_SHIFT;
	gofs_req_submit(rq);
	return 0;
}

/* Takes the answer of one piece; asks again alone if the gofer was short of descriptors. */
static int piece_take(struct gofs_req *rq, struct frame **f, size_t n)
{
	int err = gofs_req_wait(rq);

	if (err == -ENFILE)
		err = gofs_req_call(rq);
	if (err)
		frames_fail(f, n);
	else
		gofs_frames_fill(f, n, rq->bulk ? rq->bulk : rq->out, rq->r->count);
	gofs_req_end(rq);
	return err;
}

/* Up to PIECES_MAX pieces at once: returns how many pages they covered. */
static size_t pieces_read(struct inode *i, struct frame **f, u64 index, size_t n, int *err)
{
	struct gofs_req rq[PIECES_MAX];
	size_t asked = 0, taken = 0;
	u32 count = 0;

	while (asked < n && count < PIECES_MAX) {
		size_t part = MIN(n - asked, (size_t)GOFS_BULK_PAGES);
		int e = piece_ask(i, &rq[count], index + asked, part, count == 0);

		if (e) {
			if (count)
				break;
			frames_fail(f, n);
			*err = e;
			return n;
		}
		asked += part;
		count++;
	}
	for (u32 k = 0; k < count; k++) {
		size_t part = MIN(asked - taken, (size_t)GOFS_BULK_PAGES);
		int e = piece_take(&rq[k], f + taken, part);

		if (e)
			*err = e;
		taken += part;
	}
	return asked;
}

int gofs_read_by_handle(struct mapping *m, struct frame **f, u64 index, size_t n)
{
	struct inode *i = m->inode;
	struct gofs_inode *gi = gofs_inode(i);
	size_t done = 0;
	int err = 0;

	rwlock_read(&gi->io);
	while (done < n) {
		u64 pages = PAGE_ALIGN_UP(READ_ONCE(i->size)) >> PAGE_SHIFT;
		size_t have = index + done < pages ? MIN(n - done, pages - index - done) : 0;

		if (!have) { /* behind the end: nothing to ask */
			frames_zero(f + done, n - done);
			break;
		}
		done += pieces_read(i, f + done, index + done, have, &err);
	}
	rwlock_read_done(&gi->io);
	return err;
}

static int gofs_read_frames(struct mapping *m, struct frame **f, u64 index, size_t n)
{
	if (index == 0 && gofs_fetch(m->inode, f, n))
		return 0;
	return gofs_read_by_handle(m, f, index, n);
}

static int gofs_write_frame(struct mapping *m, struct frame *f, u64 index, size_t valid)
{
	struct inode *i = m->inode;
	struct gofs_req rq;
	u32 handle;
	int err = gofs_open_for_write(i, &handle);

	if (err)
		return err;
	err = gofs_req_begin(&rq, gofs_chan(i), ABI_GOFER_WRITE, handle, 0);
	if (err)
		return err;
	memcpy(rq.in, frame_va(f), valid);
	rq.q->in_len = (u32)valid;
	rq.q->args.io.off = index << PAGE_SHIFT;
	err = gofs_req_call(&rq);
	if (!err && rq.r->count != valid)
		err = -EIO;
	gofs_req_end(&rq);
	return err;
}

const struct mapping_ops gofs_mapping_ops = {
	.read_frames = gofs_read_frames,
	.write_frame = gofs_write_frame,
	.readahead = READAHEAD,
};
