/* buddy.c - free blocks of 1 to 512 frames, and the 2 MiB blocks they are cut from
 *
 * Provides: taking and giving of blocks of 2^order frames for frame.c.
 * Owns: the free lists. A frame on a list, or in a CPU's cache, is FRAME_FREE with a count of 0.
 * States of a 2 MiB block: never used (at or above next_block), in pieces, whole (on
 * free[BLOCK_ORDER]), cold (whole, its memory with the host).
 * Locks: frames.lock, held by every caller. Sleeps: never.
 * Choice: the smallest piece that fits, then whole blocks, then cold ones, then new ones from the
 * lowest address up, so that what is in use stays in few 2 MiB blocks of the host. A record is
 * written first when its block is first used, and the records of 32 MiB lie in the first frames of
 * these 32 MiB: memory never used costs nothing.
 * Invariants: free_frames is the sum over the lists; two buddies are never both free.
 * Tests: test/unit/mm/frame_test.c */
#include "frame_internal.h"
#include "log.h"
#include "poison.h"
#include "string.h"

struct frame_pool frames;
_Static_assert(CHUNK_FRAMES == FRAME_CHUNK, "one size of chunks");
struct frame *frame_chunks[CHUNK_MAX];

static void list_add(struct frame *f, u32 order)
{
	f->type = FRAME_FREE;
	f->order = (u8)order;
	f->pad = FREE_HEAD;
	TAILQ_INSERT_HEAD(&frames.free[order], f, free);
	frames.nonempty |= 1u << order;
	frames.free_frames += 1ull << order;
	if (order == BLOCK_ORDER)
		frames.whole++;
}

static void list_remove(struct frame *f, u32 order)
{
	f->pad = 0;
	TAILQ_REMOVE(&frames.free[order], f, free);
	if (TAILQ_EMPTY(&frames.free[order]))
		frames.nonempty &= ~(1u << order);
	frames.free_frames -= 1ull << order;
	if (order == BLOCK_ORDER) {
		frames.whole--;
		frames.whole_low = MIN(frames.whole_low, frames.whole);
	}
}

/* Puts [first, end) of a block that was never on the lists there, in the largest pieces. */
static void add_range(struct frame *base, u32 first, u32 end)
{
	while (first < end) {
		u32 order = first ? (u32)__builtin_ctz(first) : BLOCK_ORDER;

		while (first + (1u << order) > end)
			order--;
		list_add(base + first, order);
		first += 1u << order;
	}
}

static struct frame *chunk_records(u64 chunk, u64 first_free)
{
	u64 pfn = RAM_PFN + chunk * CHUNK_FRAMES + first_free;
	struct frame *r = mach_pa_to_va(PADDR(pfn << PAGE_SHIFT));

	__atomic_store_n(&frame_chunks[chunk], r, __ATOMIC_RELEASE);
	return r;
}

/* Uses a block for the first time; reserved frames at its start are never free. */
static void block_open(u64 block, u32 reserved)
{
	u64 chunk = block / CHUNK_BLOCKS;
	u32 in_chunk = (u32)(block % CHUNK_BLOCKS) * BLOCK_FRAMES;
	struct frame *r = frame_chunks[chunk];

	if (!r) {
		r = chunk_records(chunk, in_chunk + reserved);
		reserved += RECORD_FRAMES;
	}
	r += in_chunk;
	for (u32 i = 0; i < BLOCK_FRAMES; i++)
		r[i] = (struct frame){.pfn = (u32)(RAM_PFN + block * BLOCK_FRAMES + i)};
	for (u32 i = 0; i < reserved; i++) {
		r[i].refs.v = 1;
		r[i].type = FRAME_KERNEL;
	}
	for (u32 i = reserved; MACH_FRESH_ZERO && i < BLOCK_FRAMES; i++)
		r[i].flags.v = FRAME_ZERO;
	if (reserved < BLOCK_FRAMES)
		poison(frame_va(&r[reserved]), (BLOCK_FRAMES - reserved) * PAGE_SIZE);
	add_range(r, reserved, BLOCK_FRAMES);
}

void buddy_init_reserved(u64 first_free_pfn)
{
	u64 reserved = first_free_pfn - RAM_PFN;

	/* The records of the first chunk follow the image, which may fill whole blocks. */
	kassert(reserved + RECORD_FRAMES < CHUNK_FRAMES);
	(void)chunk_records(0, reserved);
	reserved += RECORD_FRAMES;
	while (reserved >= BLOCK_FRAMES) {
		block_open(frames.next_block++, BLOCK_FRAMES);
		reserved -= BLOCK_FRAMES;
	}
	if (reserved)
		block_open(frames.next_block++, (u32)reserved);
}

/* Makes a list non-empty that order can be cut from; false: nothing is left. */
static bool refill_lists(u32 order)
{
	struct frame *f = TAILQ_FIRST(&frames.cold);

	if (f) {
		TAILQ_REMOVE(&frames.cold, f, free);
		frames.ncold--;
		list_add(f, BLOCK_ORDER);
		return true;
	}
	while (frames.next_block < frames.end_block) {
		block_open(frames.next_block++, 0);
		if (frames.nonempty >> order)
			return true;
	}
	return false;
}

struct frame *buddy_take_locked(u32 order)
{
	u32 fit = frames.nonempty >> order, k;
	struct frame *f;

	if (!fit) {
		if (!refill_lists(order))
			return NULL;
		fit = frames.nonempty >> order;
	}
	k = order + (u32)__builtin_ctz(fit);
	f = TAILQ_FIRST(&frames.free[k]);
	list_remove(f, k);
	while (k > order) {
		k--;
		list_add(f + (1u << k), k);
	}
	f->order = (u8)order;
	return f;
}

size_t buddy_take_many_locked(struct frame **out, size_t n)
{
	size_t got = 0;

	while (got < n) {
		u32 order = frames.nonempty ? (u32)__builtin_ctz(frames.nonempty) : BLOCK_ORDER;
		struct frame *f;

		while ((1ul << order) > n - got)
			order--;
		f = buddy_take_locked(order);
		if (!f && order)
			f = buddy_take_locked(order = 0);
		if (!f)
			break;
		/* highest first: a CPU's cache is a stack, so addresses go up as they are used */
		for (u32 i = 1u << order; i-- > 0;) {
			f[i].order = 0;
			out[got++] = f + i;
		}
	}
	return got;
}

void buddy_give_locked(struct frame *f, u32 order)
{
	u32 at = (u32)(f->pfn % BLOCK_FRAMES);

	while (order < BLOCK_ORDER) {
		u32 other = at ^ (1u << order);
		struct frame *b = f + (int)(other - at);

		if (b->type != FRAME_FREE || b->pad != FREE_HEAD || b->order != order)
			break;
		list_remove(b, order);
		if (other < at) {
			f = b;
			at = other;
		}
		order++;
	}
	list_add(f, order);
}
