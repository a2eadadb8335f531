/* frame.h - page frames (mm/frame.c)
 *
 * A frame is 4 KiB of RAM (later: or of the file window) with a record. Records are made in chunks
 * when a chunk of RAM is first used. A frame is freed when its count drops to zero. Lock key: [a]
 * atomic, [w] whoever owns the frame by its type, [f] the allocator. */
#pragma once
#include <bsd/sys/queue.h>
#include "atomic.h"

enum frame_type {
	FRAME_FREE = 0,
	FRAME_KERNEL, /* slab, stacks, tables */
	FRAME_ANON,   /* private memory of one or more address spaces */
	FRAME_CACHE,  /* page cache: .mapping and .index are valid */
	FRAME_WINDOW, /* a page of the file window */
};
#define FRAME_DIRTY	1u
#define FRAME_UPTODATE	2u
#define FRAME_LOCKED	4u /* I/O under way: wait on frame_waitq() */
#define FRAME_ERROR	8u
#define FRAME_PINNED	16u /* never reclaimed (tmpfs) */
#define FRAME_REFD	32u /* touched since the last reclaim scan */
#define FRAME_WRITEBACK 64u
#define FRAME_ZERO	128u /* free, and never used: reads as zeroes */

struct mapping;
struct frame {
	a32_t refs;  /* [a] page-table entries + cache index + temporary users; 0 in tails */
	u32 pfn;     /* [I] (pa >> 12) */
	a32_t flags; /* [a] FRAME_* bits */
	u8 type;     /* [w] enum frame_type */
	u8 order;    /* [f] of a free or multi-frame block */
	u16 pad;
	union {
		struct {
			struct mapping *mapping; /* [w] */
			u64 index;		 /* [w] page number in the file */
		};
		TAILQ_ENTRY(frame) free; /* [f] */
		void *slab;		 /* [w] */
	};
	TAILQ_ENTRY(frame) lru; /* [w] reclaim list */
};
_Static_assert(sizeof(struct frame) == 48, "frame records are many");

#define FA_ZERO	   1u /* cleared */
#define FA_USER	   2u /* charged to the memory limit; may reclaim and sleep; may fail */
#define FA_NOSLEEP 4u /* never reclaims by sleeping */
/* One frame with a count of 1, or null. Type FRAME_KERNEL unless changed by its owner. */
struct frame *frame_alloc(u32 flags) must_check;
struct frame *frame_alloc_order(u32 order, u32 flags) must_check; /* 2^order contiguous, 0..9 */
size_t frame_alloc_many(struct frame **out, size_t n, u32 flags); /* returns how many */
/* 2^order contiguous frames, each freed for itself; null if memory is not plentiful: an allocation
 * beyond what was asked for is no reason to reclaim. FA_ZERO is the one flag heeded. */
struct frame *frame_alloc_run(u32 order, u32 flags) must_check;
void frame_free(struct frame *f); /* at count 0 */
/* Drops the count of 1. All frames, the kernel's too, are freed by dropping the count, because a
 * lock-free lookup in the page cache may hold one for an instant. */
void frame_free_order(struct frame *f, u32 order);

#define FRAME_CHUNK 8192u		  /* frames whose records lie together */
extern struct frame *frame_chunks[16384]; /* [a] by chunk, from the start of RAM; null: unused */
static inline struct frame *frame_of(paddr_t pa) /* must be RAM that has been used */
{
	u64 n = (pa.pa - ABI_GPA_RAM) >> PAGE_SHIFT;

	return __atomic_load_n(&frame_chunks[n / FRAME_CHUNK], __ATOMIC_RELAXED) + n % FRAME_CHUNK;
}
static inline paddr_t frame_pa(const struct frame *f)
{
	return PADDR((u64)f->pfn << PAGE_SHIFT);
}
void *frame_va(const struct frame *f); /* direct map */
static inline void frame_get(struct frame *f)
{
	ref_get(&f->refs);
}
static inline void frame_put(struct frame *f)
{
	if (ref_put(&f->refs))
		frame_free(f);
}
/* mach_fork_range: one more page-table entry refers to the frame. */
static inline void frame_share(paddr_t pa)
{
	frame_get(frame_of(pa));
}
/* mach_fork_range: an anonymous frame that one page-table entry refers to, and nobody else. */
static inline bool frame_is_sole(paddr_t pa)
{
	const struct frame *f = frame_of(pa);

	return f->type == FRAME_ANON && a_load_acquire(&f->refs) == 1;
}
/* A copy of one, in f, which was allocated by frame_alloc_run(). */
void frame_copy_anon(struct frame *f, paddr_t from);
/* Frames that may be freed only after a shoot-down (mm/shootdown.c). */
struct frame_gather {
	struct frame *frames[64];
	u32 n;
};

struct frame_stats {
	u64 limit, total, free, anon, cache, kernel, dirty; /* frames */
};
void frame_get_stats(struct frame_stats *s);
void frame_set_limit(u64 bytes);
void frame_init_early(u64 first_free_pa, u64 end_pa); /* boot CPU, before slab_init */
