/* giveback.c - whole free blocks go back to the host
 *
 * A block that was free for a whole period while more than KEEP_BLOCKS were is given back when the
 * period ends: a program that frees and takes the same memory again and again pays no exit. The
 * timer runs only while there is a surplus. Runs of neighbouring blocks are one hypercall. */
#include "frame_internal.h"
#include "time.h"

#define PERIOD_NS    (NSEC_PER_SEC)
#define BATCH_BLOCKS 64u

static void giveback_fire(struct ktimer *t);
static struct ktimer timer = {.fn = giveback_fire};
static a32_t armed;

/* Takes up to a batch of whole blocks off the list; they stay "used" to nobody meanwhile. */
static u32 take_surplus(struct frame **out, u32 max)
{
	u32 n = 0;

	spin_lock(&frames.lock);
	while (n < max && frames.whole > KEEP_BLOCKS && frames.whole_low > KEEP_BLOCKS) {
		struct frame *f = buddy_take_locked(BLOCK_ORDER);

		if (!f)
			break;
		out[n++] = f;
	}
	spin_unlock(&frames.lock);
	return n;
}

static void sort_blocks(struct frame **f, u32 n)
{
	for (u32 i = 1; i < n; i++) {
		struct frame *x = f[i];
		u32 k = i;

		for (; k > 0 && f[k - 1]->pfn > x->pfn; k--)
			f[k] = f[k - 1];
		f[k] = x;
	}
}

static void release_batch(struct frame **f, u32 n)
{
	for (u32 i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n; run++)
			if (frame_block(f[i + run]) != frame_block(f[i]) + run)
				break;
		mach_ram_release(frame_block(f[i]), run);
	}
	spin_lock(&frames.lock);
	for (u32 i = 0; i < n; i++) {
		TAILQ_INSERT_TAIL(&frames.cold, f[i], free);
		frames.ncold++;
	}
	spin_unlock(&frames.lock);
}

static void giveback_fire(struct ktimer *t)
{
	struct frame *batch[BATCH_BLOCKS];
	u32 n = take_surplus(batch, BATCH_BLOCKS);
	bool more;

	if (n) {
		sort_blocks(batch, n);
		release_batch(batch, n);
	}
	spin_lock(&frames.lock);
	if (n < BATCH_BLOCKS)
		frames.whole_low = frames.whole;
	more = frames.whole > KEEP_BLOCKS;
	spin_unlock(&frames.lock);
	a_store_release(&armed, 0);
	if (more)
		giveback_consider();
}

void giveback_consider(void)
{
	if (a_load(&armed) || a_xchg(&armed, 1))
		return;
	ktimer_start(&timer, time_mono_ns() + PERIOD_NS);
}
