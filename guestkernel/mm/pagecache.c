/* pagecache.c - a file's pages
 *
 * Provides: pagecache.h.
 * Objects: a mapping indexes the frames of one inode (or of shared memory); the index holds a count
 * on each. Page-table entries and users hold others.
 * States of a frame in the index: LOCKED (being read; neither mapped nor dropped), then UPTODATE,
 * or ERROR (whoever waits takes it out and reports EIO). DIRTY: written through a mapping, not yet
 * in the file. PINNED: there is no file, it stays until truncation. Locks: tree_lock for changes of
 * the index; a lookup of an up-to-date frame takes none: it reads the index under quiescence, takes
 * a count unless that is zero, and checks that the frame is still this mapping's. Frames are of all
 * kinds when reused, but their records stay records, and every free goes through the count, so a
 * count taken in error is harmless for an instant. Order: pt_lock before tree_lock before the
 * reclaim list's lock. Sleeps: whatever reads or waits; mapping_find never. Invariants: index and
 * frame agree (frame.mapping, frame.index) while tree_lock is held; a frame out of the index has a
 * null mapping. Differs from Linux: no buffers, no large folios, no tags: write-back looks at all
 * frames of the range, and only if the mapping has dirty ones. Files: radix.c readahead.c rmap.c
 * writeback.c truncate.c reclaim.c Tests: test/unit/mm/radix_test.c, test/machine,
 * test/abi/mmap_file.c */
#include "mm_internal.h"
#include "pagecache_internal.h"
#include "init.h"
#include "sched.h"
#include "vfs.h"

#define WAITQS 64u
static struct waitq waitqs[WAITQS];

void pagecache_init(void)
{
	for (u32 i = 0; i < WAITQS; i++)
		waitq_init(&waitqs[i]);
	radix_init();
	lru_init();
}

struct waitq *frame_waitq(const struct frame *f)
{
	return &waitqs[f->pfn % WAITQS];
}

void mapping_init(struct mapping *m, struct inode *inode, const struct mapping_ops *ops)
{
	*m = (struct mapping){.inode = inode, .ops = ops, .max_frames = ~0ull};
	spin_init(&m->tree_lock, RANK_MAPPING_TREE);
	TAILQ_INIT(&m->vmas);
}

static inline bool is_ours(const struct frame *f, const struct mapping *m, u64 index)
{
	return __atomic_load_n(&f->mapping, __ATOMIC_ACQUIRE) == m && f->index == index;
}

/* The indexed frame in whatever state, with a count. */
static inline struct frame *find_any(struct mapping *m, u64 index)
{
	for (;;) {
		struct frame *f = radix_lookup(m, index);

		if (!f)
			return NULL;
		if (likely(ref_get_live(&f->refs))) {
			if (likely(is_ours(f, m, index)))
				return f;
			frame_put(f);
		}
		mach_relax(); /* it is just being taken out: the index will say so */
	}
}

struct frame *mapping_find(struct mapping *m, u64 index)
{
	struct frame *f = find_any(m, index);
	u32 flags;

	if (!f)
		return NULL;
	flags = a_load_acquire(&f->flags);
	if (unlikely(!(flags & FRAME_UPTODATE))) {
		frame_put(f);
		return NULL;
	}
	if (unlikely(!(flags & FRAME_REFD)))
		a_or(&f->flags, FRAME_REFD);
	return f;
}

void mapping_find_many(struct mapping *m, u64 index, struct frame **out, u32 n)
{
	for (u32 i = 0; i < n; i++)
		out[i] = mapping_find(m, index + i);
}

void frame_wait_unlocked(struct frame *f)
{
	wait_event(frame_waitq(f), !(a_load_acquire(&f->flags) & FRAME_LOCKED));
}

void frame_unlock(struct frame *f, u32 set_flags)
{
	if (set_flags)
		a_or(&f->flags, set_flags);
	a_and(&f->flags, ~FRAME_LOCKED);
	mem_barrier(); /* the flag before the look at the queue: pairs with waitq_prepare */
	if (waitq_has_waiters(frame_waitq(f)))
		waitq_wake_all(frame_waitq(f));
}

bool mapping_remove_frame(struct mapping *m, struct frame *f, u64 index, bool even_dirty)
{
	bool removed = false;

	spin_lock(&m->tree_lock);
	if (is_ours(f, m, index) && (even_dirty || !(a_load(&f->flags) & FRAME_DIRTY))) {
		(void)radix_remove(m, index);
		__atomic_store_n(&f->mapping, NULL, __ATOMIC_RELEASE);
		m->nr_frames--;
		if (m->ops->charge)
			(void)m->ops->charge(m, -1);
		if (a_and(&f->flags, ~FRAME_DIRTY) & FRAME_DIRTY)
			mapping_undirtied(m);
		if (!(a_load(&f->flags) & FRAME_PINNED))
			lru_remove(f);
		removed = true;
	}
	spin_unlock(&m->tree_lock);
	return removed;
}

/* A new frame for index, in the index with a count for the caller too: 0, -EEXIST, -ENOMEM,
 * -ENOSPC. f: that one, whose count is consumed, or null: any. */
static int add_frame(struct mapping *m, u64 index, u32 flags, struct frame *f, struct frame **out)
{
	int err = m->ops->charge ? m->ops->charge(m, 1) : 0;

	if (err) {
		if (f)
			frame_put(f);
		return err;
	}
	if (!f)
		f = frame_alloc(FA_USER | (flags & FRAME_UPTODATE ? FA_ZERO : 0));
	if (!f) {
		err = -ENOMEM;
		goto out_uncharge;
	}
	frame_set_type(f, FRAME_CACHE);
	a_store(&f->flags, flags | FRAME_REFD | (m->ops->anonymous ? FRAME_PINNED : 0));
	f->index = index;
	spin_lock(&m->tree_lock);
	if (m->nr_frames >= m->max_frames) {
		err = -ENOSPC;
	} else {
		__atomic_store_n(&f->mapping, m, __ATOMIC_RELEASE);
		ref_get(&f->refs);
		err = radix_insert(m, index, f);
	}
	if (!err) {
		m->nr_frames++;
		if (!m->ops->anonymous)
			lru_add(f);
	} else if (err != -ENOSPC) {
		__atomic_store_n(&f->mapping, NULL, __ATOMIC_RELEASE);
		a_sub(&f->refs, 1);
	}
	spin_unlock(&m->tree_lock);
	if (err) {
		f->mapping = NULL;
		frame_put(f);
		goto out_uncharge;
	}
	*out = f;
	return 0;
out_uncharge:
	if (m->ops->charge)
		(void)m->ops->charge(m, -1);
	return err;
}

int mapping_add_locked(struct mapping *m, u64 index, struct frame **out)
{
	return add_frame(m, index, FRAME_LOCKED, NULL, out);
}

/* f is in the index, perhaps locked: waits; 0, -EIO, or -EAGAIN if it was taken out meanwhile. On
 * failure the count is given up. */
static int wait_ready(struct mapping *m, u64 index, struct frame *f)
{
	u32 flags = a_load_acquire(&f->flags);
	int err = 0;

	if (flags & FRAME_LOCKED) {
		frame_wait_unlocked(f);
		flags = a_load_acquire(&f->flags);
	}
	if (flags & FRAME_UPTODATE)
		return 0;
	if (mapping_remove_frame(m, f, index, true)) {
		frame_put(f);
		err = -EIO;
	} else {
		err = flags & FRAME_ERROR ? -EIO : -EAGAIN;
	}
	frame_put(f);
	return err;
}

/* Frames in a row, *n of them and at most max, where the machine maps such as one; else null, 1. */
static struct frame *contiguous(size_t max, size_t *n)
{
	u32 order = MIN(BLOCK_ORDER, 63u - (u32)__builtin_clzll(max));
	struct frame *f = NULL;

	if (MACH_FAULT_PAGES > 1 && order)
		f = frame_alloc_run(order, 0);
	*n = f ? 1ul << order : 1;
	return f;
}

/* Puts locked frames for up to n absent pages from index on into the index: how many. Stops at the
 * first that is there. */
static size_t add_run(struct mapping *m, u64 index, size_t n, struct frame **out, int *err)
{
	size_t i, left = 0;
	struct frame *f = NULL;

	for (i = 0; i < n; i++, left--) {
		if (!left)
			f = contiguous(n - i, &left);
		*err = add_frame(m, index + i, FRAME_LOCKED, f, &out[i]);
		if (f)
			f++;
		if (*err)
			break;
	}
	/* what was not used; the one that failed is gone */
	for (size_t k = 1; f && k < left; k++)
		frame_put(f++);
	return i;
}

/* Starts one read of absent pages from index on: -EEXIST if the first is there after all. */
static int start_read(struct mapping *m, u64 index, size_t n)
{
	struct frame *run[READ_RUN_MAX];
	int err = 0;
	size_t got;

	n = add_run(m, index, MIN(n, (size_t)READ_RUN_MAX), run, &err);
	if (!n)
		return err;
	got = n;
	err = m->ops->read_frames(m, run, index, got);
	for (size_t i = 0; i < got; i++) {
		/* An error before anything was started leaves them to us. */
		if (err && a_load(&run[i]->flags) & FRAME_LOCKED)
			frame_unlock(run[i], FRAME_ERROR);
		frame_put(run[i]);
	}
	return err;
}

int mapping_get(struct mapping *m, u64 index, struct frame **out)
{
	for (;;) {
		struct frame *f = mapping_find(m, index);
		int err;

		if (likely(f)) {
			*out = f;
			return 0;
		}
		if (!m->ops->read_frames)
			return mapping_get_new(m, index, out);
		f = find_any(m, index);
		if (f) {
			err = wait_ready(m, index, f);
			if (!err) {
				*out = f;
				return 0;
			}
			if (err != -EAGAIN)
				return err;
			continue;
		}
		current->maj_flt++;
		err = start_read(m, index, readahead_window(m, index));
		if (err && err != -EEXIST)
			return err;
	}
}

int mapping_get_new(struct mapping *m, u64 index, struct frame **out)
{
	for (;;) {
		struct frame *f = find_any(m, index);
		int err;

		if (!f) {
			err = add_frame(m, index, FRAME_UPTODATE, NULL, out);
			if (err != -EEXIST)
				return err;
			continue;
		}
		err = wait_ready(m, index, f);
		if (!err) {
			*out = f;
			return 0;
		}
		/* What could not be read is overwritten: only its removal was needed. */
	}
}

void mapping_readahead(struct mapping *m, u64 index, u64 n)
{
	u64 end = MIN(index + n, mapping_pages(m));

	if (!m->ops || !m->ops->read_frames)
		return;
	while (index < end) {
		struct frame *f = find_any(m, index);

		if (f) {
			frame_put(f);
			index++;
		} else if (start_read(m, index, end - index)) {
			return;
		}
		mach_poll();
	}
}

u64 mapping_next(struct mapping *m, u64 index, bool data)
{
	u64 at = index;
	void *f;

	spin_lock(&m->tree_lock);
	f = radix_next(m, &at);
	if (data) {
		at = f ? at : ~0ull;
	} else {
		for (at = index; f && radix_lookup(m, at); at++)
			;
	}
	spin_unlock(&m->tree_lock);
	return at;
}
