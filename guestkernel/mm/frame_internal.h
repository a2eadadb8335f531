/* frame_internal.h - what frame.c, buddy.c and giveback.c share
 *
 * Lock key: [f] frames.lock, [c] this CPU only, [I] after start. */
#pragma once
#include "cpu.h"
#include "frame.h"

#define BLOCK_ORDER   9u /* 2 MiB: what is taken from and given back to the host */
#define BLOCK_FRAMES  (1u << BLOCK_ORDER)
#define CHUNK_BLOCKS  16u /* 32 MiB: what gets its records at once */
#define CHUNK_FRAMES  (CHUNK_BLOCKS * BLOCK_FRAMES)
#define CHUNK_MAX     16384u /* 512 GiB */
#define RAM_PFN	      (ABI_GPA_RAM >> PAGE_SHIFT)
#define RECORD_FRAMES ((CHUNK_FRAMES * sizeof(struct frame) + PAGE_SIZE - 1) / PAGE_SIZE)

#define KEEP_BLOCKS 2u /* whole free blocks kept back from the host */

#define FREE_HEAD 0x4652 /* frame.pad: first frame of a block on a free list */

TAILQ_HEAD(frame_list, frame);

/* Frames ready for use, and counters that only their sum over all CPUs is true. */
#define FRAME_CACHE_MAX	  128u
#define FRAME_CACHE_BATCH 32u
struct frame_cache {
	u32 n;				      /* [c] */
	s64 count[FRAME_WINDOW + 1];	      /* [c] frames in use by type */
	struct frame *frame[FRAME_CACHE_MAX]; /* [c] */
};

struct frame_pool {
	struct spinlock lock;
	struct frame_list free[BLOCK_ORDER + 1]; /* [f] */
	u32 nonempty;				 /* [f] bit k: free[k] has a block */
	u64 free_frames;			 /* [f] on the lists */
	u32 whole;				 /* [f] free[BLOCK_ORDER]'s length */
	u32 whole_low;				 /* [f] its least length since the last give-back */
	struct frame_list cold;			 /* [f] whole blocks without memory of the host */
	u32 ncold;				 /* [f] */
	u64 next_block;				 /* [f] lowest block never used */
	u64 end_block;				 /* [f] of the slots present */
	u64 used;				 /* [a] frames out of the lists */
	u64 limit;				 /* [a] frames */
	u64 reserve;				 /* [a] how far the kernel may go beyond it */
	bool growing;				 /* [f] a slot is being added */
	u32 slots, slots_max;			 /* [f], [I] */
};
extern struct frame_pool frames;

static inline u64 frame_block(const struct frame *f)
{
	return (f->pfn - RAM_PFN) / BLOCK_FRAMES;
}

/* buddy.c; all with frames.lock held */
struct frame *buddy_take_locked(u32 order);
size_t buddy_take_many_locked(struct frame **out, size_t n);
void buddy_give_locked(struct frame *f, u32 order);
void buddy_init_reserved(u64 first_free_pfn); /* block 0.. up to it is the image's */

/* giveback.c */
void giveback_consider(void); /* no lock: whole blocks are free that may go */

/* Frees clean cache and dentries, then kills: true if trying again makes sense. Sleeps. */
bool frame_make_room(size_t n);
/* A frame's owner gives it a type: keeps the counters. */
static inline void frame_set_type(struct frame *f, u8 type)
{
	struct frame_cache *fc = cpu_self()->frame_cache;

	fc->count[f->type]--;
	fc->count[type]++;
	f->type = type;
}
