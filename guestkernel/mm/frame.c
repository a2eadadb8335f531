/* frame.c - page frames
 *
 * Provides: frames one by one (from a per-CPU cache) and in blocks; their records; the memory
 * limit. Owns: free frames. One in use belongs to who holds its counts. States: free on a list
 * (buddy.c), free in a CPU's cache, in use (count > 0). The one who drops the last count frees it.
 * Locks: frames.lock [RANK_FRAMES]; a CPU's cache needs none, as the kernel is not preempted.
 * Sleeps: only FA_USER without FA_NOSLEEP, when memory is short: it reclaims clean page cache and
 * dentries, then has a process killed and waits for its memory.
 * The limit binds FA_USER. The kernel's own frames may go beyond it by a reserve, and what they
 * take is then missing to the users, who reclaim: so kernel code seldom meets -ENOMEM, and a
 * program cannot use kernel objects to get past the limit by more than the reserve. Invariants: a
 * tail of a block has a count of 0, so a stale lock-free lookup cannot take it. Differs from Linux:
 * one zone, one node, no swap, no watermarks. Tests: test/unit/mm/frame_test.c */
#include "frame_internal.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "pagecache.h"
#include "poison.h"
#include "sched.h"
#include "time.h"
#include "vfs.h"
#include "abi/boot.h"

#define RECLAIM_BATCH 64u
#define OOM_WAITS     500 /* of 10 ms */
#define PLENTY	      32u /* times a run has to be free */

static struct frame_cache boot_cache;

void frame_init_early(u64 first_free_pa, u64 end_pa)
{
	const struct abi_boot *b = mach_boot();

	spin_init(&frames.lock, RANK_FRAMES);
	for (u32 i = 0; i <= BLOCK_ORDER; i++)
		TAILQ_INIT(&frames.free[i]);
	TAILQ_INIT(&frames.cold);
	frames.slots = b->ram_slots;
	frames.slots_max = b->ram_slots_max;
	frames.end_block = MIN((end_pa - ABI_GPA_RAM) >> (PAGE_SHIFT + BLOCK_ORDER),
			       (u64)CHUNK_MAX * CHUNK_BLOCKS);
	boot_cache.n = 0;
	cpu_self()->frame_cache = &boot_cache;
	frames.used = PAGE_ALIGN_UP(first_free_pa - ABI_GPA_RAM) >> PAGE_SHIFT;
	buddy_init_reserved(PAGE_ALIGN_UP(first_free_pa) >> PAGE_SHIFT);
	frame_set_limit(b->ram_limit);
}

void frame_set_limit(u64 bytes)
{
	u64 limit = bytes >> PAGE_SHIFT;

	WRITE_ONCE(frames.limit, limit);
	WRITE_ONCE(frames.reserve, MAX(limit / 32, 512ull));
}

void *frame_va(const struct frame *f)
{
	return mach_pa_to_va(frame_pa(f));
}

/* The slots present are nearly used up: asks for one more, once at a time. While the machine maps
 * it, what is left serves the machine's tables. */
static void grow(void)
{
	u32 slot;
	int err;

	spin_lock(&frames.lock);
	if (frames.growing || frames.slots >= frames.slots_max ||
	    frames.end_block - frames.next_block >= 4) {
		spin_unlock(&frames.lock);
		return;
	}
	frames.growing = true;
	slot = frames.slots;
	spin_unlock(&frames.lock);
	err = mach_ram_add(slot);
	spin_lock(&frames.lock);
	frames.growing = false;
	if (err) {
		frames.slots_max = frames.slots; /* the host has no more: not asked again */
	} else {
		u64 size = mach_boot()->ram_slot_size;

		frames.slots++;
		frames.end_block = MIN(frames.slots * size >> (PAGE_SHIFT + BLOCK_ORDER),
				       (u64)CHUNK_MAX * CHUNK_BLOCKS);
	}
	spin_unlock(&frames.lock);
	if (err)
		klog(LOG_WARN, "memory: the host gives no further slot (%d)", err);
}

static bool within_limit(u64 n, u32 flags)
{
	u64 most = READ_ONCE(frames.limit);

	if (!(flags & FA_USER))
		most += READ_ONCE(frames.reserve);
	return READ_ONCE(frames.used) + n <= most;
}

static bool take_many(struct frame_cache *fc, u32 want, u32 flags)
{
	size_t got = 0;

	spin_lock(&frames.lock);
	if (!within_limit(want, flags))
		want = within_limit(1, flags) ? 1 : 0;
	if (want) {
		got = buddy_take_many_locked(&fc->frame[fc->n], want);
		frames.used += got;
		fc->n += (u32)got;
	}
	spin_unlock(&frames.lock);
	if (unlikely(frames.end_block - frames.next_block < 4) && !frames.growing)
		grow();
	return fc->n > 0;
}

static struct frame_cache *cache_of_cpu(struct cpu *c)
{
	if (unlikely(!c->frame_cache)) {
		struct frame *f;

		spin_lock(&frames.lock);
		f = buddy_take_locked(0);
		frames.used++;
		spin_unlock(&frames.lock);
		if (!f)
			panic("no memory for a CPU's frame cache");
		_Static_assert(sizeof(struct frame_cache) <= PAGE_SIZE, "one frame");
		f->refs.v = 1;
		f->type = FRAME_KERNEL;
		unpoison(frame_va(f), PAGE_SIZE);
		c->frame_cache = frame_va(f);
		*(struct frame_cache *)c->frame_cache = (struct frame_cache){.n = 0};
	}
	return c->frame_cache;
}

static bool room_exists(void)
{
	return within_limit(1, FA_USER) &&
	       (READ_ONCE(frames.free_frames) || READ_ONCE(frames.ncold) ||
		READ_ONCE(frames.next_block) < READ_ONCE(frames.end_block));
}

bool frame_make_room(size_t n)
{
	n = MAX(n, (size_t)RECLAIM_BATCH);
	if (pagecache_reclaim(n) + dentry_reclaim(n) > 0)
		return true;
	if (signal_kill_pending(current))
		return false;
	oom_kill();
	for (int i = 0; i < OOM_WAITS; i++) {
		if (signal_kill_pending(current))
			return false;
		if (room_exists())
			return true;
		sched_set_state(TASK_KILLABLE);
		(void)sched_block_until(time_mono_ns() + 10000000);
	}
	return false;
}

static bool refill(u32 flags)
{
	for (;;) {
		struct frame_cache *fc = cache_of_cpu(cpu_self());

		if (fc->n || take_many(fc, FRAME_CACHE_BATCH, flags))
			return true;
		if (!(flags & FA_USER) || (flags & FA_NOSLEEP))
			return false;
		kassert(cpu_self()->spin_depth == 0);
		if (!frame_make_room(1))
			return false;
	}
}

static void shrink_cache(struct frame_cache *fc, u32 keep)
{
	bool surplus;

	spin_lock(&frames.lock);
	frames.used -= fc->n - keep;
	/* the oldest go: the latest are still in the CPU's caches */
	for (u32 i = 0; i < fc->n - keep; i++)
		buddy_give_locked(fc->frame[i], 0);
	surplus = frames.whole > KEEP_BLOCKS && frames.whole_low > KEEP_BLOCKS;
	spin_unlock(&frames.lock);
	for (u32 i = 0; i < keep; i++)
		fc->frame[i] = fc->frame[fc->n - keep + i];
	fc->n = keep;
	if (surplus)
		giveback_consider();
}

/* The frame, which was free, gets a count; zero: it reads as zeroes. */
static void use(struct frame *f, bool zero)
{
	bool clean = MACH_FRESH_ZERO && a_load(&f->flags) & FRAME_ZERO;

	f->type = FRAME_KERNEL;
	unpoison(frame_va(f), PAGE_SIZE);
	a_store(&f->flags, 0);
	a_store_release(&f->refs, 1);
	if (zero && !clean)
		mach_frame_zero(frame_va(f));
}

struct frame *frame_alloc(u32 flags)
{
	struct frame_cache *fc = cpu_self()->frame_cache;
	struct frame *f;

	if (unlikely(!fc || !fc->n)) {
		if (!refill(flags))
			return NULL;
		fc = cpu_self()->frame_cache;
	}
	f = fc->frame[--fc->n];
	fc->count[FRAME_KERNEL]++;
	use(f, flags & FA_ZERO);
	return f;
}

size_t frame_alloc_many(struct frame **out, size_t n, u32 flags)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[i] = frame_alloc(flags);
		if (!out[i])
			break;
	}
	return i;
}

static struct frame *take_order(u32 order, u32 flags)
{
	struct frame *f = NULL;

	spin_lock(&frames.lock);
	if (within_limit(1ull << order, flags)) {
		f = buddy_take_locked(order);
		if (f)
			frames.used += 1ull << order;
	}
	spin_unlock(&frames.lock);
	if (unlikely(frames.end_block - frames.next_block < 4) && !frames.growing)
		grow();
	return f;
}

struct frame *frame_alloc_order(u32 order, u32 flags)
{
	struct frame_cache *fc;
	struct frame *f;

	if (order == 0)
		return frame_alloc(flags);
	kassert(order <= BLOCK_ORDER);
	while (!(f = take_order(order, flags))) {
		if (!(flags & FA_USER) || (flags & FA_NOSLEEP) || !frame_make_room(1ul << order))
			return NULL;
	}
	fc = cache_of_cpu(cpu_self());
	fc->count[FRAME_KERNEL] += 1l << order;
	for (u32 i = 0; i < 1u << order; i++) {
		f[i].type = FRAME_KERNEL;
		f[i].flags.v = 0;
		f[i].pad = 0;
		f[i].slab = NULL;
	}
	f->order = (u8)order;
	unpoison(frame_va(f), PAGE_SIZE << order);
	a_store_release(&f->refs, 1);
	if (flags & FA_ZERO)
		for (u32 i = 0; i < 1u << order; i++)
			mach_frame_zero(frame_va(f + i));
	return f;
}

struct frame *frame_alloc_run(u32 order, u32 flags)
{
	u64 n = 1ull << order, limit = READ_ONCE(frames.limit);
	struct frame *f;

	if (READ_ONCE(frames.used) + n * PLENTY > limit)
		return NULL;
	f = take_order(order, FA_USER);
	if (!f)
		return NULL;
	cache_of_cpu(cpu_self())->count[FRAME_KERNEL] += (s64)n;
	for (u64 i = 0; i < n; i++) {
		f[i].order = 0; /* of blocks that it was part of */
		use(f + i, flags & FA_ZERO);
	}
	return f;
}

void frame_copy_anon(struct frame *f, paddr_t from)
{
	frame_set_type(f, FRAME_ANON);
	mach_frame_copy(frame_va(f), mach_pa_to_va(from));
}

static void free_block(struct frame_cache *fc, struct frame *f, u32 order)
{
	bool surplus;

	fc->count[FRAME_KERNEL] -= 1l << order;
	poison(frame_va(f), PAGE_SIZE << order);
	for (u32 i = 0; i < 1u << order; i++) {
		f[i].type = FRAME_FREE;
		f[i].order = 0;
		f[i].pad = 0;
	}
	spin_lock(&frames.lock);
	frames.used -= 1ull << order;
	buddy_give_locked(f, order);
	surplus = frames.whole > KEEP_BLOCKS && frames.whole_low > KEEP_BLOCKS;
	spin_unlock(&frames.lock);
	if (surplus)
		giveback_consider();
}

void frame_free(struct frame *f)
{
	struct frame_cache *fc = cache_of_cpu(cpu_self());

	kassert(a_load(&f->refs) == 0 && f->type != FRAME_FREE);
	if (unlikely(f->order)) {
		free_block(fc, f, f->order);
		return;
	}
	fc->count[f->type]--;
	f->type = FRAME_FREE;
	poison(frame_va(f), PAGE_SIZE);
	f->pad = 0;
	if (unlikely(fc->n == FRAME_CACHE_MAX))
		shrink_cache(fc, FRAME_CACHE_MAX / 2);
	fc->frame[fc->n++] = f;
}

void frame_free_order(struct frame *f, u32 order)
{
	kassert(f->order == order);
	frame_put(f);
}

void frame_get_stats(struct frame_stats *s)
{
	s64 sum[FRAME_WINDOW + 1] = {0}, cached = 0;

	for (u32 i = 0; i < cpu_count; i++) {
		struct frame_cache *fc = cpus[i] ? cpus[i]->frame_cache : NULL;

		if (!fc)
			continue;
		cached += READ_ONCE(fc->n);
		for (u32 t = 0; t <= FRAME_WINDOW; t++)
			sum[t] += READ_ONCE(fc->count[t]);
	}
	*s = (struct frame_stats){.limit = READ_ONCE(frames.limit),
				  .total = frames.end_block * BLOCK_FRAMES,
				  .anon = (u64)MAX(sum[FRAME_ANON], (s64)0),
				  .cache = (u64)MAX(sum[FRAME_CACHE], (s64)0),
				  .dirty = pagecache_nr_dirty()};
	s->free = s->limit - MIN(s->limit, READ_ONCE(frames.used) - (u64)cached);
	s->kernel = s->limit - MIN(s->limit, s->free + s->anon + s->cache);
}
