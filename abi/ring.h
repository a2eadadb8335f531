/* abi/ring.h - shared-memory channels: the region, its two rings, the doorbell rule
 *
 * Provides: the layout of a channel (one memfd shared by exactly two peers, sealed against
 *   shrinking and growing), and a single-producer single-consumer descriptor ring; both as static
 *   inlines that need no library: guest kernel, gofer, VMM and tests run the same code.
 * Owns: nothing. Who creates the region calls abi_channel_format() once, before the peer sees it.
 * Trust: each end takes the other for hostile. What matters is kept in private memory (struct
 *   abi_channel, struct abi_ring_end); from shared memory an end reads only the peer's index,
 *   the peer's event index and descriptors, each once. An index that claims more than the ring
 *   holds makes the end broken for good: every later call answers ABI_RING_BROKEN, and the
 *   caller closes the channel. No value of a peer's leads outside the region or into an
 *   unbounded loop.
 * Locks: none. Each end belongs to one thread at a time; several threads of one end bring a lock.
 * Sleeps: never. Spinning and sleeping are the caller's; the doorbell rule below makes them safe.
 * Byte order: little-endian, as every machine this project runs on.
 * Tests: test/unit/abi/ring_test.c, test/fuzz/ring.c
 *
 * Region (offsets are in the header; all parts 64-byte aligned, in this order, without overlap)
 *
 *     header | request ring (guest to host) | completion ring (host to guest) | slots | data area
 *
 * Header, struct abi_channel_header, 64 bytes
 *
 *     off size field
 *       0   4  magic        ABI_CHANNEL_MAGIC, bytes "CMCH"
 *       4   2  version      ABI_CHANNEL_VERSION
 *       6   2  kind         ABI_CHANNEL_GOFER ...: the payload format
 *       8   4  header_size  64
 *      12   4  closed       0; anything else: the channel is dead (either end or the VMM sets it)
 *      16   4  size         bytes of the region
 *      20   4  req_off      request ring
 *      24   4  cpl_off      completion ring
 *      28   4  ring_entries descriptors in each ring, a power of two
 *      32   4  slot_off     slot table
 *      36   4  slot_count   slots, at most ring_entries
 *      40   4  slot_size    bytes of a slot, a multiple of 64
 *      44   4  data_off     data area
 *      48   4  data_size    its bytes
 *      52  12  zero
 *
 * Ring, struct abi_ring, 192 bytes, then ring_entries descriptors of 16 bytes
 *
 *     off size field
 *       0   4  magic        ABI_RING_MAGIC, bytes "CMRG"
 *       4   2  version      ABI_RING_VERSION
 *       6   2  desc_size    16
 *       8   4  entries      descriptors, a power of two
 *      12  52  zero
 *      64   4  prod         producer's line: index of the next descriptor to be published
 *      68   4  prod_event   "ring me when cons passes this": the producer waits for room
 *      72  56  zero
 *     128   4  cons         consumer's line: index of the next descriptor to be taken
 *     132   4  cons_event   "ring me when prod passes this": the consumer waits for work
 *     136  56  zero
 *     192  16n desc
 *
 * Descriptor, struct abi_ring_desc, 16 bytes
 *
 *       0   4  id           slot number; for packets the buffer number
 *       4   4  len          bytes at off (0 where the payload format has its own lengths)
 *       8   8  off          offset inside the data area (0 likewise)
 *
 * Indices run freely through 32 bits; entry i lives at i & (entries - 1). Full: prod - cons ==
 * entries. Empty: prod == cons.
 *
 * Doorbells. Event indices, not flags: a publish rings only if it passes the index that the other
 * end asked for, so that one sleep costs one doorbell however many descriptors follow. A stale
 * event index (the peer is awake) is never passed again, until 2^32 descriptors later it costs one
 * needless doorbell.
 *
 *     producer                               consumer, about to sleep
 *       P1 desc[prod] = d                      C1 cons_event = cons
 *       P2 prod = prod + 1     (release)       C2 full barrier
 *       P3 full barrier                        C3 read prod: moved? do not sleep
 *       P4 read cons_event: passed? ring       C4 sleep until the doorbell
 *
 * P3 pairs with C2: of two threads that each store, fence, then load the other's word, at least
 * one sees the other's store. So either C3 sees P2 and the consumer stays awake, or P4 sees C1 and
 * the doorbell is rung: no wake-up is lost. Waiting for room is the mirror image, with cons and
 * prod_event. P2's release pairs with the acquire of C3 and of every get: who sees the index sees
 * the descriptor and what it describes. */
#pragma once
#include <stdint.h>

#define ABI_CHANNEL_MAGIC    0x48434d43u
#define ABI_CHANNEL_VERSION  1
#define ABI_CHANNEL_GOFER    1
#define ABI_CHANNEL_PACKET   2
#define ABI_CHANNEL_CONTROL  3
#define ABI_CHANNEL_SIZE_MAX (4u << 20)
/* Channels of one sandbox: a gofer for each container, and the sandbox's own. */
#define ABI_CHANNEL_COUNT_MAX 64

#define ABI_RING_MAGIC	     0x47524d43u
#define ABI_RING_VERSION     1
#define ABI_RING_ENTRIES_MIN 2u
#define ABI_RING_ENTRIES_MAX 4096u
#define ABI_RING_ALIGN	     64u

/* Answers of the functions below. They are no errno: abi/ knows none. */
#define ABI_RING_OK	0
#define ABI_RING_AGAIN	(-1) /* nothing to take, or no room */
#define ABI_RING_BROKEN (-2) /* the peer breaks the rules: close the channel */

struct abi_channel_header {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t header_size;
	uint32_t closed;
	uint32_t size;
	uint32_t req_off;
	uint32_t cpl_off;
	uint32_t ring_entries;
	uint32_t slot_off;
	uint32_t slot_count;
	uint32_t slot_size;
	uint32_t data_off;
	uint32_t data_size;
	uint32_t zero[3];
};

struct abi_ring_desc {
	uint32_t id;
	uint32_t len;
	uint64_t off;
};

struct abi_ring {
	uint32_t magic;
	uint16_t version;
	uint16_t desc_size;
	uint32_t entries;
	uint32_t zero0[13];
	uint32_t prod;
	uint32_t prod_event;
	uint32_t zero1[14];
	uint32_t cons;
	uint32_t cons_event;
	uint32_t zero2[14];
	struct abi_ring_desc desc[];
};

#define ABI_RING_AT(type, field, off) \
	_Static_assert(__builtin_offsetof(struct type, field) == (off), #type "." #field)

_Static_assert(sizeof(struct abi_channel_header) == 64, "abi_channel_header");
ABI_RING_AT(abi_channel_header, magic, 0);
ABI_RING_AT(abi_channel_header, version, 4);
ABI_RING_AT(abi_channel_header, kind, 6);
ABI_RING_AT(abi_channel_header, header_size, 8);
ABI_RING_AT(abi_channel_header, closed, 12);
ABI_RING_AT(abi_channel_header, size, 16);
ABI_RING_AT(abi_channel_header, req_off, 20);
ABI_RING_AT(abi_channel_header, cpl_off, 24);
ABI_RING_AT(abi_channel_header, ring_entries, 28);
ABI_RING_AT(abi_channel_header, slot_off, 32);
ABI_RING_AT(abi_channel_header, slot_count, 36);
ABI_RING_AT(abi_channel_header, slot_size, 40);
ABI_RING_AT(abi_channel_header, data_off, 44);
ABI_RING_AT(abi_channel_header, data_size, 48);
ABI_RING_AT(abi_channel_header, zero, 52);
_Static_assert(sizeof(struct abi_ring_desc) == 16, "abi_ring_desc");
ABI_RING_AT(abi_ring_desc, id, 0);
ABI_RING_AT(abi_ring_desc, len, 4);
ABI_RING_AT(abi_ring_desc, off, 8);
_Static_assert(sizeof(struct abi_ring) == 192, "abi_ring");
ABI_RING_AT(abi_ring, magic, 0);
ABI_RING_AT(abi_ring, version, 4);
ABI_RING_AT(abi_ring, desc_size, 6);
ABI_RING_AT(abi_ring, entries, 8);
ABI_RING_AT(abi_ring, prod, 64);
ABI_RING_AT(abi_ring, prod_event, 68);
ABI_RING_AT(abi_ring, cons, 128);
ABI_RING_AT(abi_ring, cons_event, 132);
ABI_RING_AT(abi_ring, desc, 192);

/* One end of a ring, in private memory. Every field [o]: the thread that has the end. */
struct abi_ring_end {
	struct abi_ring *ring;
	uint32_t mask;
	uint32_t mine;	 /* own index; the shared copy is written, never read back */
	uint32_t shown;	 /* own index as last published */
	uint32_t peer;	 /* the peer's index as last read and checked */
	uint32_t broken; /* the peer broke the rules */
};

/* A channel as one end knows it: the header's numbers, copied once and checked. [I] after open. */
struct abi_channel {
	uint8_t *base;
	uint32_t size;
	uint32_t kind;
	uint32_t ring_entries;
	uint32_t req_off;
	uint32_t cpl_off;
	uint32_t slot_off;
	uint32_t slot_count;
	uint32_t slot_size;
	uint32_t data_off;
	uint32_t data_size;
};

static inline uint32_t abi_ring_bytes(uint32_t entries)
{
	return (uint32_t)sizeof(struct abi_ring) + entries * (uint32_t)sizeof(struct abi_ring_desc);
}

static inline int abi_ring_entries_ok(uint32_t entries)
{
	return entries >= ABI_RING_ENTRIES_MIN && entries <= ABI_RING_ENTRIES_MAX &&
	       (entries & (entries - 1)) == 0;
}

/* Is [off, off + len) inside [0, size)? For lengths and offsets a peer has sent. */
static inline int abi_range_ok(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

static inline uint32_t abi_load32(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* Copies a struct out of (or into) shared memory once, by 32-bit words that the compiler can
 * neither split nor read twice. bytes: a multiple of 4; both ends 4-byte aligned. */
static inline void abi_copy_words(void *to, const void *from, uint32_t bytes)
{
	uint32_t *t = (uint32_t *)to;
	const uint32_t *f = (const uint32_t *)from;

	for (uint32_t i = 0; i < bytes / 4; i++)
		__atomic_store_n(&t[i], abi_load32(&f[i]), __ATOMIC_RELAXED);
}

/* Binds an end to a ring of `entries` descriptors (the number both sides agreed on, already checked
 * against the region) at `ring`, 8-byte aligned. An end starts at index 0: channels are not
 * resumed, a restart makes a new one. */
static inline int abi_ring_attach(struct abi_ring_end *e, struct abi_ring *ring, uint32_t entries)
{
	e->ring = ring;
	e->mask = entries - 1;
	e->mine = e->shown = e->peer = 0;
	e->broken = 0;
	if (!abi_ring_entries_ok(entries) || abi_load32(&ring->magic) != ABI_RING_MAGIC ||
	    __atomic_load_n(&ring->version, __ATOMIC_RELAXED) != ABI_RING_VERSION ||
	    __atomic_load_n(&ring->desc_size, __ATOMIC_RELAXED) != sizeof(struct abi_ring_desc) ||
	    abi_load32(&ring->entries) != entries) {
		e->broken = 1;
		return ABI_RING_BROKEN;
	}
	return ABI_RING_OK;
}

/* Producer: reads cons. Descriptors in flight, or ABI_RING_BROKEN. */
static inline int abi_ring_used(struct abi_ring_end *e)
{
	uint32_t cons;

	if (e->broken)
		return ABI_RING_BROKEN;
	cons = __atomic_load_n(&e->ring->cons, __ATOMIC_ACQUIRE);
	/* cons must lie between its last value and what was published: it never goes back. */
	if (cons - e->peer > e->shown - e->peer) {
		e->broken = 1;
		return ABI_RING_BROKEN;
	}
	e->peer = cons;
	return (int)(e->mine - cons);
}

/* Producer: writes one descriptor behind those not yet published. AGAIN: no room. */
static inline int abi_ring_put(struct abi_ring_end *e, uint32_t id, uint32_t len, uint64_t off)
{
	struct abi_ring_desc *d;

	if (e->broken)
		return ABI_RING_BROKEN;
	if (e->mine - e->peer > e->mask) {
		int used = abi_ring_used(e);

		if (used < 0)
			return used;
		if ((uint32_t)used > e->mask)
			return ABI_RING_AGAIN;
	}
	d = &e->ring->desc[e->mine & e->mask];
	__atomic_store_n(&d->id, id, __ATOMIC_RELAXED);
	__atomic_store_n(&d->len, len, __ATOMIC_RELAXED);
	__atomic_store_n(&d->off, off, __ATOMIC_RELAXED);
	e->mine++;
	return ABI_RING_OK;
}

/* Has the index moved past `event` on its way from `from` to `to`? */
static inline int abi_ring_passed(uint32_t event, uint32_t from, uint32_t to)
{
	return (uint32_t)(to - event - 1) < (uint32_t)(to - from);
}

/* Producer: shows what was put (P2 to P4). 1: ring the doorbell, 0: need not. */
static inline int abi_ring_publish(struct abi_ring_end *e)
{
	uint32_t from = e->shown;

	if (e->broken || from == e->mine)
		return 0;
	e->shown = e->mine;
	__atomic_store_n(&e->ring->prod, e->mine, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* P3, pairs with C2 in abi_ring_arm_get() */
	return abi_ring_passed(abi_load32(&e->ring->cons_event), from, e->mine);
}

/* Consumer: reads prod. Descriptors waiting, or ABI_RING_BROKEN. */
static inline int abi_ring_ready(struct abi_ring_end *e)
{
	uint32_t prod;

	if (e->broken)
		return ABI_RING_BROKEN;
	prod = __atomic_load_n(&e->ring->prod, __ATOMIC_ACQUIRE);
	/* prod never goes back behind what was seen of it, nor ahead of what the ring holds. */
	if (prod - e->mine > e->mask + 1 || prod - e->mine < e->peer - e->mine) {
		e->broken = 1;
		return ABI_RING_BROKEN;
	}
	e->peer = prod;
	return (int)(prod - e->mine);
}

/* Consumer: copies the next descriptor out; it stays the producer's to reuse only after
 * abi_ring_release(). AGAIN: none waiting. The copy is unchecked content: check it. */
static inline int abi_ring_get(struct abi_ring_end *e, struct abi_ring_desc *out)
{
	const struct abi_ring_desc *d;

	if (e->broken)
		return ABI_RING_BROKEN;
	if (e->peer == e->mine) {
		int ready = abi_ring_ready(e);

		if (ready < 0)
			return ready;
		if (ready == 0)
			return ABI_RING_AGAIN;
	}
	d = &e->ring->desc[e->mine & e->mask];
	out->id = __atomic_load_n(&d->id, __ATOMIC_RELAXED);
	out->len = __atomic_load_n(&d->len, __ATOMIC_RELAXED);
	out->off = __atomic_load_n(&d->off, __ATOMIC_RELAXED);
	e->mine++;
	return ABI_RING_OK;
}

/* Consumer: gives the taken entries back. 1: the producer waits for room, ring; 0: need not. */
static inline int abi_ring_release(struct abi_ring_end *e)
{
	uint32_t from = e->shown;

	if (e->broken || from == e->mine)
		return 0;
	e->shown = e->mine;
	__atomic_store_n(&e->ring->cons, e->mine, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with abi_ring_arm_put() */
	return abi_ring_passed(abi_load32(&e->ring->prod_event), from, e->mine);
}

/* Consumer, before it sleeps (C1 to C3). AGAIN: armed, sleep; OK: something is there. */
static inline int abi_ring_arm_get(struct abi_ring_end *e)
{
	int ready;

	if (e->broken)
		return ABI_RING_BROKEN;
	__atomic_store_n(&e->ring->cons_event, e->mine, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* C2, pairs with P3 in abi_ring_publish() */
	ready = abi_ring_ready(e);
	return ready < 0 ? ready : ready ? ABI_RING_OK : ABI_RING_AGAIN;
}

/* Consumer, awake and polling: wants no doorbell until it arms again. */
static inline void abi_ring_disarm_get(struct abi_ring_end *e)
{
	__atomic_store_n(&e->ring->cons_event, e->mine - 1, __ATOMIC_RELAXED);
}

/* Producer, before it sleeps for room. AGAIN: armed, sleep; OK: there is room. */
static inline int abi_ring_arm_put(struct abi_ring_end *e)
{
	int used;

	if (e->broken)
		return ABI_RING_BROKEN;
	/* With a full ring cons is shown - entries; the first release passes the last seen cons. */
	__atomic_store_n(&e->ring->prod_event, e->peer, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* pairs with abi_ring_release() */
	used = abi_ring_used(e);
	return used < 0 ? used : (uint32_t)used > e->mask ? ABI_RING_AGAIN : ABI_RING_OK;
}

static inline uint32_t abi_channel_round(uint32_t n)
{
	return (n + ABI_RING_ALIGN - 1) & ~(ABI_RING_ALIGN - 1);
}

static inline void abi_ring_format(struct abi_ring *r, uint32_t entries)
{
	r->magic = ABI_RING_MAGIC;
	r->version = ABI_RING_VERSION;
	r->desc_size = sizeof(struct abi_ring_desc);
	r->entries = entries;
}

/* Lays a channel out in a fresh (zeroed) region that no peer sees yet. The data area starts on a
 * page and takes what is left. ABI_RING_BROKEN: it does not fit. */
static inline int abi_channel_format(void *base, uint32_t size, uint32_t kind, uint32_t entries,
				     uint32_t slots, uint32_t slot_size)
{
	struct abi_channel_header *h = (struct abi_channel_header *)base;
	uint64_t ring, need;

	if (!abi_ring_entries_ok(entries) || slots > entries || slot_size % ABI_RING_ALIGN ||
	    slot_size > 65536 || size > ABI_CHANNEL_SIZE_MAX)
		return ABI_RING_BROKEN;
	ring = abi_channel_round(abi_ring_bytes(entries));
	need = sizeof(*h) + 2 * ring + (uint64_t)slots * slot_size;
	need = (need + 4095) & ~4095ull;
	if (need > size)
		return ABI_RING_BROKEN;
	h->version = ABI_CHANNEL_VERSION;
	h->kind = (uint16_t)kind;
	h->header_size = sizeof(*h);
	h->closed = 0;
	h->size = size;
	h->req_off = sizeof(*h);
	h->cpl_off = h->req_off + (uint32_t)ring;
	h->ring_entries = entries;
	h->slot_off = h->cpl_off + (uint32_t)ring;
	h->slot_count = slots;
	h->slot_size = slot_size;
	h->data_off = (uint32_t)need;
	h->data_size = size - (uint32_t)need;
	abi_ring_format((struct abi_ring *)(void *)((uint8_t *)base + h->req_off), entries);
	abi_ring_format((struct abi_ring *)(void *)((uint8_t *)base + h->cpl_off), entries);
	__atomic_store_n(&h->magic, ABI_CHANNEL_MAGIC, __ATOMIC_RELEASE);
	return ABI_RING_OK;
}

/* Reads the header of a region of `size` bytes once, checks it, and keeps the numbers. After this
 * the shared header is not consulted again, but for `closed`. */
static inline int abi_channel_open(struct abi_channel *c, void *base, uint64_t size, uint32_t kind)
{
	struct abi_channel_header h;
	uint64_t ring;

	if (size < sizeof(h) || size > ABI_CHANNEL_SIZE_MAX)
		return ABI_RING_BROKEN;
	abi_copy_words(&h, base, sizeof(h));
	if (h.magic != ABI_CHANNEL_MAGIC || h.version != ABI_CHANNEL_VERSION || h.kind != kind ||
	    h.header_size != sizeof(h) || h.size != size || !abi_ring_entries_ok(h.ring_entries) ||
	    h.slot_count > h.ring_entries || h.slot_size % ABI_RING_ALIGN)
		return ABI_RING_BROKEN;
	if ((h.req_off | h.cpl_off | h.slot_off | h.data_off) % ABI_RING_ALIGN)
		return ABI_RING_BROKEN;
	ring = abi_ring_bytes(h.ring_entries);
	if (h.req_off < sizeof(h) || (uint64_t)h.req_off + ring > h.cpl_off ||
	    (uint64_t)h.cpl_off + ring > h.slot_off ||
	    h.slot_off + (uint64_t)h.slot_count * h.slot_size > h.data_off ||
	    !abi_range_ok(h.data_off, h.data_size, size))
		return ABI_RING_BROKEN;
	c->base = (uint8_t *)base;
	c->size = h.size;
	c->kind = h.kind;
	c->ring_entries = h.ring_entries;
	c->req_off = h.req_off;
	c->cpl_off = h.cpl_off;
	c->slot_off = h.slot_off;
	c->slot_count = h.slot_count;
	c->slot_size = h.slot_size;
	c->data_off = h.data_off;
	c->data_size = h.data_size;
	return ABI_RING_OK;
}

static inline int abi_channel_rings(const struct abi_channel *c, struct abi_ring_end *req,
				    struct abi_ring_end *cpl)
{
	int r = abi_ring_attach(req, (struct abi_ring *)(void *)(c->base + c->req_off),
				c->ring_entries);
	int s = abi_ring_attach(cpl, (struct abi_ring *)(void *)(c->base + c->cpl_off),
				c->ring_entries);

	return r ? r : s;
}

/* NULL: no such slot. */
static inline void *abi_channel_slot(const struct abi_channel *c, uint32_t slot)
{
	return slot < c->slot_count ? c->base + c->slot_off + (uint64_t)slot * c->slot_size : 0;
}

/* NULL: [off, off + len) is not inside the data area. */
static inline void *abi_channel_data(const struct abi_channel *c, uint32_t off, uint32_t len)
{
	return abi_range_ok(off, len, c->data_size) ? c->base + c->data_off + off : 0;
}

/* Either end, or the VMM when the peer's process has died. The reason is for the log only. After
 * it, ring the other's doorbell. */
static inline void abi_channel_close(const struct abi_channel *c, uint32_t reason)
{
	struct abi_channel_header *h = (struct abi_channel_header *)(void *)c->base;

	__atomic_store_n(&h->closed, reason ? reason : 1, __ATOMIC_SEQ_CST);
}

static inline uint32_t abi_channel_closed(const struct abi_channel *c)
{
	const struct abi_channel_header *h = (const struct abi_channel_header *)(void *)c->base;

	return __atomic_load_n(&h->closed, __ATOMIC_ACQUIRE);
}
