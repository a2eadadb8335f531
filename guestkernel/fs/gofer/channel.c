/* channel.c - the guest's end of a gofer's channel
 *
 * Provides: slots and answers (gofs.h). Owns: struct gofs_chan, one reference per superblock.
 * States of a slot: free -> a task has it -> in flight (busy) -> done -> the task has it -> free;
 *   one of a request that nobody waits for goes from busy to free.
 * Sleeping and waking: a waiter polls the completion ring a bounded time (on several CPUs), then
 *   counts itself a sleeper, arms the ring and blocks on its slot's queue. Whoever takes answers
 *   from the ring arms it again as long as there are sleepers, so that no answer of another's is
 *   left lying. The interrupt handler does nothing but take answers and wake.
 * Locks: chan->lock (RANK_CHANNEL) is innermost: wake-ups happen after it is dropped. The table of
 *   channels is changed under a mutex, read by the handler without; a channel's memory waits for
 *   quiescence.
 * Trust: the gofer is hostile. Requests and replies are kept in private copies; an answer for a
 * slot that is not in flight, or one that abi_gofer_reply_check() refuses, kills the channel.
 * Death: the peer or the VMM has set `closed`, or we have killed it: every call answers -EIO.
 * Tests: test/unit/gofer/gofs_test.c */
#include "gofs.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "stats.h"

#define SPIN_NS	    20000u
#define ALL_SLOTS   (~0ull)
#define FIRST_PIECE (ABI_GOFER_SLOTS * GOFS_SLOT_BYTES)

_Static_assert(ABI_GOFER_SLOTS == 64, "slots are bits of one word");

#define COUNTER(op, n) [ABI_GOFER_##op] = STAT_COUNTER("gofer." n)
static struct stat_counter counts[ABI_GOFER_OPS] = {
	COUNTER(ATTACH, "attach"),
	COUNTER(WALK, "walk"),
	COUNTER(GETATTR, "getattr"),
	COUNTER(SETATTR, "setattr"),
	COUNTER(OPEN, "open"),
	COUNTER(CREATE, "create"),
	COUNTER(MKDIR, "mkdir"),
	COUNTER(MKNOD, "mknod"),
	COUNTER(SYMLINK, "symlink"),
	COUNTER(LINK, "link"),
	COUNTER(RENAME, "rename"),
	COUNTER(UNLINK, "unlink"),
	COUNTER(RMDIR, "rmdir"),
	COUNTER(READLINK, "readlink"),
	COUNTER(READ, "read"),
	COUNTER(WRITE, "write"),
	COUNTER(READDIR, "readdir"),
	COUNTER(FSYNC, "fsync"),
	COUNTER(FALLOCATE, "fallocate"),
	COUNTER(STATFS, "statfs"),
	COUNTER(GETXATTR, "getxattr"),
	COUNTER(SETXATTR, "setxattr"),
	COUNTER(LISTXATTR, "listxattr"),
	COUNTER(REMOVEXATTR, "removexattr"),
	COUNTER(LSEEK, "lseek"),
	COUNTER(CLOSE, "close"),
	COUNTER(CLOSE_BATCH, "close_batch"),
	COUNTER(SYNCFS, "syncfs"),
	COUNTER(FETCH, "fetch"),
};

static struct gofs_chan *table[ABI_CHANNEL_MAX]; /* [q] table_lock */
static struct mutex table_lock;

static bool slot_settled(struct gofs_chan *c, u32 slot)
{
	return a_load_acquire(&c->done) >> slot & 1 || a_load_acquire(&c->dead);
}

static void wake_slots(struct gofs_chan *c, u64 slots)
{
	for (; slots; slots &= slots - 1)
		waitq_wake_all(&c->slot[__builtin_ctzll(slots)].wait);
}

void gofs_chan_kill(struct gofs_chan *c, const char *why)
{
	if (a_xchg(&c->dead, 1))
		return;
	klog(LOG_ERROR, "gofer channel %u: %s; its files answer EIO", c->number, why);
	abi_channel_close(&c->chan, 2);
	mach_doorbell(ABI_DOORBELL_CHANNEL + c->number);
	wake_slots(c, ALL_SLOTS);
	waitq_wake_all(&c->room);
}

/* Takes answers until there are none; *waited and *freed collect whose. */
static int ring_take_locked(struct gofs_chan *c, u64 *waited, u64 *freed)
{
	struct abi_ring_desc d;
	int r;

	assert_held(&c->lock);
	while ((r = abi_ring_get(&c->cpl, &d)) == ABI_RING_OK) {
		u64 bit;

		if (d.id >= ABI_GOFER_SLOTS || !(c->busy >> d.id & 1))
			return ABI_RING_BROKEN;
		bit = 1ull << d.id;
		c->busy &= ~bit;
		if (c->async & bit) {
			c->async &= ~bit;
			c->free_slots |= bit;
			*freed |= bit;
		} else {
			*waited |= bit;
		}
	}
	/* The server never waits for room, so there is no doorbell to ring. */
	abi_ring_release(&c->cpl);
	return r;
}

/* Takes what has been answered and wakes who waits for it. */
static void chan_drain(struct gofs_chan *c)
{
	u64 waited = 0, freed = 0;
	int r;

	spin_lock(&c->lock);
	do
		r = ring_take_locked(c, &waited, &freed);
	while (r == ABI_RING_AGAIN && c->sleepers && abi_ring_arm_get(&c->cpl) == ABI_RING_OK);
	spin_unlock(&c->lock);
	if (waited) {
		a_or(&c->done, waited);
		mem_barrier(); /* before looking at the queues */
		wake_slots(c, waited);
	}
	if (freed)
		waitq_wake_all(&c->room);
	if (r == ABI_RING_BROKEN)
		gofs_chan_kill(c, "the gofer breaks the rules of the ring");
}

static void chan_interrupt(u32 vector)
{
	/* Vectors are shared by every 64th channel. */
	for (u32 n = vector - ABI_VEC_CHANNEL; n < ABI_CHANNEL_MAX; n += 64) {
		struct gofs_chan *c = __atomic_load_n(&table[n], __ATOMIC_ACQUIRE);

		if (!c)
			continue;
		chan_drain(c);
		if (abi_channel_closed(&c->chan))
			gofs_chan_kill(c, "the gofer has ended");
	}
}

void gofs_irq_init(void)
{
	mutex_init(&table_lock, RANK_GOFER);
	for (u32 v = 0; v < 64; v++)
		mach_irq_register(ABI_VEC_CHANNEL + v, chan_interrupt);
}

/* Polls for a while: the gofer answers sooner than a sleep and an interrupt would take. */
static void wait_spin(struct gofs_chan *c, u32 slot)
{
	u64 end;

	if (cpu_count < 2)
		return;
	end = time_mono_ns() + SPIN_NS;
	while (!slot_settled(c, slot) && time_mono_ns() < end) {
		if (READ_ONCE(c->cpl.ring->prod) != READ_ONCE(c->cpl.mine))
			chan_drain(c);
		mach_poll();
		mach_relax();
	}
}

static void sleepers_add(struct gofs_chan *c, u32 n)
{
	spin_lock(&c->lock);
	c->sleepers += n;
	spin_unlock(&c->lock);
}

static void wait_settled(struct gofs_chan *c, u32 slot)
{
	wait_spin(c, slot);
	if (slot_settled(c, slot))
		return;
	sleepers_add(c, 1);
	chan_drain(c);
	wait_event(&c->slot[slot].wait, slot_settled(c, slot));
	sleepers_add(c, (u32)-1);
}

int gofs_req_wait(struct gofs_req *rq)
{
	struct gofs_chan *c = rq->chan;
	const u64 bit = 1ull << rq->slot;

	wait_settled(c, rq->slot);
	if (!(a_load_acquire(&c->done) & bit)) {
		memset(rq->r, 0, sizeof(*rq->r));
		return -EIO;
	}
	a_and(&c->done, ~bit);
	abi_copy_words(rq->r, (u8 *)abi_channel_slot(&c->chan, rq->slot) + ABI_GOFER_REPLY_OFF,
		       sizeof(*rq->r));
	if (abi_gofer_reply_check(rq->r, rq->q)) {
		gofs_chan_kill(c, "the gofer's answer is malformed");
		memset(rq->r, 0, sizeof(*rq->r));
		return -EIO;
	}
	return rq->r->error;
}

static void submit(struct gofs_req *rq, bool async)
{
	struct gofs_chan *c = rq->chan;
	const u64 bit = 1ull << rq->slot;
	int put, ring = 0;

	stat_count(&counts[rq->q->op]);
	rq->q->tag++;
	abi_copy_words((u8 *)abi_channel_slot(&c->chan, rq->slot) + ABI_GOFER_REQUEST_OFF, rq->q,
		       sizeof(*rq->q));
	spin_lock(&c->lock);
	c->busy |= bit;
	if (async)
		c->async |= bit;
	put = abi_ring_put(&c->req, rq->slot, 0, 0);
	if (put == ABI_RING_OK)
		ring = abi_ring_publish(&c->req);
	spin_unlock(&c->lock);
	/* There is an entry for every slot: no room is a server that moves its index wrongly. */
	if (put != ABI_RING_OK)
		gofs_chan_kill(c, "the gofer does not take requests as it says");
	else if (ring)
		mach_doorbell(ABI_DOORBELL_CHANNEL + c->number);
}

void gofs_req_submit(struct gofs_req *rq)
{
	submit(rq, false);
}

void gofs_req_forget(struct gofs_req *rq)
{
	submit(rq, true);
}

/* ---- slots and pieces ---- */

static bool req_take_locked(struct gofs_chan *c, struct gofs_req *rq, u32 flags)
{
	assert_held(&c->lock);
	if (!c->free_slots || (flags & GOFS_BULK_WANTED && !c->free_bulk) ||
	    (flags & GOFS_WRITER && c->writers == GOFS_WRITERS_MAX))
		return false;
	/* The lowest first: few pages of the shared memory are ever touched. */
	rq->slot = (u8)__builtin_ctzll(c->free_slots);
	c->free_slots &= c->free_slots - 1;
	rq->piece = GOFS_NO_BULK;
	if (flags & GOFS_BULK_WANTED) {
		rq->piece = (u8)__builtin_ctzll(c->free_bulk);
		c->free_bulk &= c->free_bulk - 1;
	}
	rq->writer = flags & GOFS_WRITER;
	c->writers += rq->writer;
	return true;
}

static bool req_take(struct gofs_chan *c, struct gofs_req *rq, u32 flags)
{
	bool got;

	spin_lock(&c->lock);
	got = req_take_locked(c, rq, flags);
	spin_unlock(&c->lock);
	return got;
}

/* Sleeps until there is a slot, or the channel is dead. */
static void req_take_wait(struct gofs_chan *c, struct gofs_req *rq, u32 flags)
{
	bool got = false;

	/* Requests that nobody waits for give their slots back only when answers are taken. */
	sleepers_add(c, 1);
	chan_drain(c);
	wait_event(&c->room, (got = got || req_take(c, rq, flags)) || a_load(&c->dead));
	sleepers_add(c, (u32)-1);
	if (got && a_load(&c->dead))
		gofs_req_end(rq);
}

int gofs_req_begin(struct gofs_req *rq, struct gofs_chan *c, u32 op, u32 handle, u32 flags)
{
	u64 tag;

	rq->chan = c;
	if (a_load(&c->dead))
		return -EIO;
	if (!req_take(c, rq, flags)) {
		if (flags & GOFS_TRY)
			return -EAGAIN;
		req_take_wait(c, rq, flags);
		if (a_load(&c->dead))
			return -EIO;
	}
	rq->q = &c->slot[rq->slot].q;
	rq->r = &c->slot[rq->slot].r;
	tag = rq->q->tag;
	*rq->q = (struct abi_gofer_request){
		.size = sizeof(*rq->q),
		.op = (u16)op,
		.handle = handle,
		.in_off = rq->slot * GOFS_SLOT_BYTES,
		.out_off = rq->slot * GOFS_SLOT_BYTES + GOFS_HALF,
		.tag = tag,
	};
	rq->in = abi_channel_data(&c->chan, rq->q->in_off, GOFS_HALF);
	rq->out = rq->in + GOFS_HALF;
	rq->bulk = rq->piece == GOFS_NO_BULK
			   ? NULL
			   : abi_channel_data(&c->chan, FIRST_PIECE + rq->piece * GOFS_BULK,
					      GOFS_BULK);
	return 0;
}

void gofs_req_end(struct gofs_req *rq)
{
	struct gofs_chan *c = rq->chan;

	spin_lock(&c->lock);
	/* A dead server may still write to a slot in flight: it is not used again. */
	if (!(c->busy >> rq->slot & 1)) {
		c->free_slots |= 1ull << rq->slot;
		if (rq->piece != GOFS_NO_BULK)
			c->free_bulk |= 1ull << rq->piece;
	}
	c->writers -= rq->writer;
	spin_unlock(&c->lock);
	mem_barrier();
	if (waitq_has_waiters(&c->room))
		waitq_wake_all(&c->room);
}

/* ---- channels ---- */

static int chan_open(u32 number, struct gofs_chan **out)
{
	struct gofs_chan *c = kzalloc(sizeof(*c));
	void *base = mach_channel(number);
	u32 pieces;

	if (!c)
		return -ENOMEM;
	c->number = number;
	c->refs = 1;
	spin_init(&c->lock, RANK_CHANNEL);
	waitq_init(&c->room);
	for (u32 i = 0; i < ABI_GOFER_SLOTS; i++)
		waitq_init(&c->slot[i].wait);
	if (!base || abi_channel_open(&c->chan, base, ABI_GOFER_CHANNEL_SIZE, ABI_CHANNEL_GOFER) ||
	    abi_channel_rings(&c->chan, &c->req, &c->cpl) || c->chan.slot_count < ABI_GOFER_SLOTS ||
	    c->chan.slot_size < ABI_GOFER_SLOT_SIZE ||
	    c->chan.data_size < FIRST_PIECE + 2 * GOFS_BULK || abi_channel_closed(&c->chan)) {
		kfree(c);
		return -EIO;
	}
	pieces = MIN((c->chan.data_size - FIRST_PIECE) / GOFS_BULK, 63u);
	c->free_slots = ALL_SLOTS;
	c->free_bulk = (1ull << pieces) - 1;
	*out = c;
	return 0;
}

int gofs_chan_get(u32 number, struct gofs_chan **out)
{
	int err = 0;

	if (number >= ABI_CHANNEL_MAX)
		return -EINVAL;
	mutex_lock(&table_lock);
	*out = table[number];
	if (*out) {
		(*out)->refs++;
	} else {
		err = chan_open(number, out);
		if (!err)
			__atomic_store_n(&table[number], *out, __ATOMIC_RELEASE);
	}
	mutex_unlock(&table_lock);
	return err;
}

static void chan_free_later(struct quiesce_head *h)
{
	kfree(container_of(h, struct gofs_chan, qhead));
}

void gofs_chan_put(struct gofs_chan *c)
{
	bool last;

	mutex_lock(&table_lock);
	last = --c->refs == 0;
	if (last)
		__atomic_store_n(&table[c->number], NULL, __ATOMIC_RELEASE);
	mutex_unlock(&table_lock);
	if (!last)
		return;
	/* Its last mount is gone: the gofer may end. */
	abi_channel_close(&c->chan, 1);
	mach_doorbell(ABI_DOORBELL_CHANNEL + c->number);
	quiesce_defer(&c->qhead, chan_free_later);
}
