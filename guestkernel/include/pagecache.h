/* pagecache.h - a file's pages (mm/pagecache.c)
 *
 * struct mapping indexes the frames of one inode. A lookup of a present, up-to-date page takes no
 * lock (quiescent readers). Lock key: [t] tree_lock, [I], [a]. */
#pragma once
#include "frame.h"
#include "mutex.h"
#include "quiesce.h"

struct inode;
struct mapping;
struct vma;
TAILQ_HEAD(vma_rmap, vma);

struct mapping_ops {
	/* Fills n consecutive locked frames from the file (zeroing beyond its end), marks them
	 * FRAME_UPTODATE or FRAME_ERROR and unlocks them, now or from a completion. May sleep. */
	int (*read_frames)(struct mapping *m, struct frame **f, u64 index, size_t n);
	/* Writes one dirty frame back; 0 or negative errno. May sleep. Null: nothing behind it. */
	int (*write_frame)(struct mapping *m, struct frame *f, u64 index, size_t valid);
	u32 readahead;	/* frames to ask ahead on sequential use, 0 for none */
	bool anonymous; /* tmpfs: holes read as zero, frames are never clean */
	/* Optional: n frames are about to be added (-ENOSPC refuses them: write fails, a fault is
	 * SIGBUS) or, n < 0, have gone. Must not sleep; may be called with tree_lock held. */
	int (*charge)(struct mapping *m, s64 n);
};
struct mapping {
	struct inode *inode;	       /* [I] */
	const struct mapping_ops *ops; /* [I] */
	struct spinlock tree_lock;
	void *root; /* [t], [a] read without it: radix tree of frames */
	u32 height;
	u64 nr_frames;	      /* [t] */
	a64_t nr_dirty;	      /* [a] */
	struct vma_rmap vmas; /* [t] VMAs that map this file */
	u32 nr_writable;      /* [t] shared writable VMAs */
	u64 ra_next;	      /* [t] where sequential reading goes on */
	u64 max_frames;	      /* [I] tmpfs: charged elsewhere; ~0 */
};
void mapping_init(struct mapping *m, struct inode *inode, const struct mapping_ops *ops);
/* The frame if it is cached and up to date, with a reference; else null. Never sleeps. */
struct frame *mapping_find(struct mapping *m, u64 index);
/* The frame with a reference, reading it (and ahead) if needed: 0, -EIO, -ENOMEM, ... May sleep. */
int mapping_get(struct mapping *m, u64 index, struct frame **out) must_check;
/* As mapping_get, but a missing frame is made zeroed and not read: whole-page overwrites, tmpfs. */
int mapping_get_new(struct mapping *m, u64 index, struct frame **out) must_check;
/* A frame for a page that nobody has yet, locked, with a reference: the caller fills and unlocks
 * it. -EEXIST: there is one. */
int mapping_add_locked(struct mapping *m, u64 index, struct frame **out) must_check;
/* Starts reading what of [index, index + n) is not cached; an error is no error. May sleep. */
void mapping_readahead(struct mapping *m, u64 index, u64 n);
void mapping_dirty(struct mapping *m, struct frame *f);
/* Writes dirty frames of [first, last] back. May sleep. */
int mapping_sync(struct mapping *m, u64 first, u64 last);
/* File got shorter, or its pages are stale: unmaps and drops frames from first on; zeroes the tail
 * of the last page kept. May sleep. */
void mapping_truncate(struct mapping *m, u64 new_size);
void mapping_drop(struct mapping *m, u64 first, u64 last); /* clean ones only */
/* Unmaps and drops [first, last], dirty or not: a hole is punched. May sleep. */
void mapping_punch(struct mapping *m, u64 first, u64 last);
void mapping_destroy(struct mapping *m); /* the inode goes: drops all */
/* Whether the next data (or hole) at or after index is cached: for tmpfs SEEK_DATA. */
u64 mapping_next(struct mapping *m, u64 index, bool data);
void frame_wait_unlocked(struct frame *f); /* sleeps */
void frame_unlock(struct frame *f, u32 set_flags);
/* Memory is short: frees up to n clean, untouched frames; returns how many. May sleep. */
size_t pagecache_reclaim(size_t n);
u64 pagecache_nr_dirty(void); /* dirty frames of all files */
void pagecache_init(void);    /* by mm_init */
