/* request.c - filling requests in, and giving handles back
 *
 * Handles are closed in batches that nobody waits for: an inode that leaves the cache costs no
 * round trip. When the gofer has no handle left (ENFILE), names are dropped from the cache, their
 * handles closed, and the request is asked again.
 * Locks: chan->lock for the list of handles to be closed; never held while asking.
 * Tests: test/unit/gofer/gofs_test.c */
#include "gofs.h"
#include "log.h"

#define ENFILE_ROUNDS 3
#define ENFILE_NAMES  1024

int gofs_req_on(struct gofs_req *rq, struct inode *i, u32 op, u32 flags)
{
	u32 handle;
	int err = gofs_handle(i, &handle);

	return err ? err : gofs_req_begin(rq, gofs_chan(i), op, handle, flags);
}

int gofs_req_name(struct gofs_req *rq, const char *name, size_t len)
{
	if (len > ABI_GOFER_NAME_MAX)
		return -ENAMETOOLONG;
	if (abi_gofer_name_put(rq->in, GOFS_HALF, &rq->q->in_len, name, (u32)len))
		return -EINVAL;
	return 0;
}

int gofs_req_bytes(struct gofs_req *rq, const void *p, size_t n)
{
	if (n > GOFS_HALF - rq->q->in_len)
		return -ENAMETOOLONG;
	memcpy(rq->in + rq->q->in_len, p, n);
	rq->q->in_len += (u32)n;
	return 0;
}

void gofs_req_out(struct gofs_req *rq, u32 len)
{
	kassert(len <= GOFS_HALF);
	rq->q->out_len = len;
}

static u32 bulk_off(const struct gofs_req *rq)
{
	kassert(rq->bulk);
	return (u32)(rq->bulk - (rq->chan->chan.base + rq->chan->chan.data_off));
}

void gofs_req_in_bulk(struct gofs_req *rq, u32 len)
{
	kassert(len <= GOFS_BULK);
	rq->q->in_off = bulk_off(rq);
	rq->q->in_len = len;
}

void gofs_req_out_bulk(struct gofs_req *rq, u32 len)
{
	kassert(len <= GOFS_BULK);
	rq->q->out_off = bulk_off(rq);
	rq->q->out_len = len;
}

/* Sends up to a batch of the handles to be closed; false: there is none, or no slot just now. */
static bool close_some(struct gofs_chan *c, bool wait)
{
	struct gofs_req rq;
	u32 n;

	if (!READ_ONCE(c->nr_close) ||
	    gofs_req_begin(&rq, c, ABI_GOFER_CLOSE_BATCH, 0, wait ? 0 : GOFS_TRY))
		return false;
	spin_lock(&c->lock);
	n = MIN(c->nr_close, GOFS_CLOSE_BATCH);
	c->nr_close -= n;
	memcpy(rq.in, &c->close[c->nr_close], n * sizeof(u32));
	spin_unlock(&c->lock);
	rq.q->in_len = n * (u32)sizeof(u32);
	if (!n) {
		gofs_req_end(&rq);
		return false;
	}
	if (!wait) {
		gofs_req_forget(&rq);
		return true;
	}
	if (gofs_req_call(&rq))
		klog(LOG_WARN, "gofer channel %u: closing handles failed", c->number);
	gofs_req_end(&rq);
	return true;
}

void gofs_handle_close(struct gofs_chan *c, u32 handle)
{
	bool full, put = false;

	if (!handle || a_load(&c->dead))
		return;
	while (!put) {
		spin_lock(&c->lock);
		put = c->nr_close < GOFS_CLOSE_MAX;
		if (put)
			c->close[c->nr_close++] = handle;
		full = c->nr_close >= GOFS_CLOSE_BATCH;
		spin_unlock(&c->lock);
		if (full)
			close_some(c, !put);
		if (!put && a_load(&c->dead))
			return;
	}
}

int gofs_req_call(struct gofs_req *rq)
{
	int err;

	for (int round = 0;; round++) {
		gofs_req_submit(rq);
		err = gofs_req_wait(rq);
		if (err != -ENFILE || round == ENFILE_ROUNDS)
			return err;
		if (!dentry_reclaim(ENFILE_NAMES) && !READ_ONCE(rq->chan->nr_close))
			return err;
		while (close_some(rq->chan, false))
			;
	}
}
