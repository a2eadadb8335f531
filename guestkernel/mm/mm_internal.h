/* mm_internal.h - what the files of mm/ share */
#pragma once
#include "abi/linux/mman.h"
#include "frame_internal.h"
#include "log.h"
#include "mm.h"
#include "pagecache.h"

#define MMAP_MIN_ADDR 0x10000ull
#define STACK_GUARD   (256 * PAGE_SIZE) /* kept free below a growing stack */
#define MAP_COUNT_MAX 65530u
#define VMA_PROT      (VMA_READ | VMA_WRITE | VMA_EXEC)
#define VMA_MAY	      (VMA_MAYREAD | VMA_MAYWRITE | VMA_MAYEXEC)
#define RANGE_STEP    64u /* pages handled before interrupts are polled */

/* shared.c: the pages of MAP_SHARED | MAP_ANONYMOUS, living as long as a VMA maps them */
struct mm_shared {
	a32_t refs; /* [a] VMAs */
	struct mapping map;
};
struct mm_shared *mm_shared_new(void) must_check;
void mm_shared_put(struct mm_shared *s); /* may sleep */

/* vma.c */
extern struct slab_cache *vma_cache;
struct vma *vma_new(struct mm *mm, u64 start, u64 end, u32 flags) must_check;
struct vma *vma_clone(const struct vma *v, struct mm *mm) must_check; /* with references */
void vma_free(struct vma *v);		       /* drops references; not in a tree; may sleep */
void vma_insert(struct mm *mm, struct vma *v); /* [m] */
void vma_detach(struct mm *mm, struct vma *v); /* [m] */
struct vma *vma_next(struct vma *v);
struct vma *vma_prev(struct vma *v);
/* Splits so that addr is a border: 0 or -ENOMEM. [m] */
int vma_split(struct mm *mm, u64 addr) must_check;
/* Joins v with its neighbours where nothing tells them apart; returns what v is part of. [m] */
struct vma *vma_merge(struct mm *mm, struct vma *v);
/* Lengthens v at either end. [m] */
void vma_resize(struct vma *v, u64 start, u64 end);
static inline u64 vma_pages(const struct vma *v)
{
	return (v->end - v->start) >> PAGE_SHIFT;
}
/* Page number in the mapping of an address in v. */
static inline u64 vma_index(const struct vma *v, u64 addr)
{
	return v->pgoff + ((addr - v->start) >> PAGE_SHIFT);
}
/* A free range of len, top down below mmap_base (or below limit if given): 0 if none. [m] */
u64 vma_find_hole(struct mm *mm, u64 len, u64 limit);
bool vma_range_free(struct mm *mm, u64 start, u64 end);		 /* [m] */
void vma_account(struct mm *mm, u32 flags, u64 pages, bool add); /* [m] */

/* zap.c: removal of pages */
/* Unmaps [start, end) of v and frees its frames once no CPU uses them. */
void vma_zap(struct vma *v, u64 start, u64 end);
/* The same for an mm that no CPU runs in any more: frees at once. */
void vma_zap_dead(struct vma *v);
/* Frames of one go, freed after a shoot-down of [lo, hi). */
struct zap {
	struct mm *mm;
	struct frame_gather g;
	u64 lo, hi;
	s64 anon, file;
};
void zap_init(struct zap *z, struct mm *mm);
void zap_add(struct zap *z, u64 va, struct frame *f);
void zap_finish(struct zap *z); /* shoot-down and free; z may be used again */

/* space.c: as mach_space_prepare, but makes room first where memory is short. Sleeps. */
int mm_prepare(struct mm *mm, u64 va, u64 npages) must_check;

/* unmap.c */
int munmap_locked(struct mm *mm, u64 start, u64 end) must_check; /* [m]; checked, page aligned */
int mm_populate(struct mm *mm, u64 start, u64 end, u32 access);	 /* mm->lock not held */

extern struct frame *zero_frame;
/* Whether one page is there in some form, inaccessible ones included. */
static inline bool pte_used(const struct mach_pte *p)
{
	return p->prot != 0 || p->pa.pa != 0;
}
/* What its pages may be mapped with. As in Linux, what may be written or executed may be read:
 * there are machines that cannot do less. */
static inline u32 vma_prot(const struct vma *v)
{
	u32 prot = v->flags & VMA_PROT;

	return prot ? prot | MACH_READ : 0;
}
/* Pages beyond the file's last one fault. */
u64 mapping_pages(const struct mapping *m);

/* rlimits of the current process, in bytes */
u64 mm_rlimit(u32 which);
bool mm_is_current(const struct mm *mm);
