/* space.c - address spaces
 *
 * Provides: struct mm: making, sharing, ending it; limits; memory shared without a file.
 * Objects: an mm has users (tasks, and who looks at one from outside) and references (the users
 * together, and each CPU that has it loaded). The last user unmaps all; the last reference frees
 * the tables, when no CPU can walk them. States: being made or live (users > 0); dead (users 0:
 * empty, perhaps still loaded on idle CPUs). Locks: mm->lock before pt_lock before a mapping's
 * tree_lock; parent's before child's at fork. Sleeps: mm_put (files are written back and closed);
 * mm_drop never. Invariants: a space whose users are gone has no VMA. RSS counters are near the
 * truth only: a fork copies them whole. Differs from Linux: no swap, no huge pages, no page
 * migration; memory policies do not exist; pages of a private file mapping beyond a new end of file
 * keep what was written to them. Files: vma.c the tree; fault.c; zap.c; mmap.c, unmap.c, brk.c,
 * mprotect.c, mremap.c, madvise.c, mlock.c, msync.c the calls; fork.c; access.c; shootdown.c;
 * uaccess.c. Tests: test/unit/mm, test/machine, test/abi/{mmap,mremap,cow,fault}.c */
#include "init.h"
#include "mm_internal.h"
#include "slab.h"
#include "string.h"
#include "task.h"
#include "vfs.h"

static struct slab_cache *mm_cache, *shared_cache;
struct frame *zero_frame;

void mm_init(void)
{
	mm_cache = slab_cache_create("mm", sizeof(struct mm), 64);
	vma_cache = slab_cache_create("vma", sizeof(struct vma), 8);
	shared_cache = slab_cache_create("mm_shared", sizeof(struct mm_shared), 8);
	zero_frame = frame_alloc(FA_ZERO);
	if (!zero_frame)
		panic("no memory for the zero page");
	pagecache_init();
}

int mm_prepare(struct mm *mm, u64 va, u64 npages)
{
	while (mach_space_prepare(&mm->space, va, npages))
		if (!frame_make_room(1))
			return -ENOMEM;
	return 0;
}

struct mm *mm_new(void)
{
	struct mm *mm = slab_zalloc(mm_cache);

	if (!mm)
		return NULL;
	while (mach_space_init(&mm->space)) {
		if (frame_make_room(1))
			continue;
		slab_free(mm_cache, mm);
		return NULL;
	}
	rwlock_init(&mm->lock, RANK_MM);
	spin_init(&mm->pt_lock, RANK_MM_PT);
	RB_INIT(&mm->vmas);
	a_store(&mm->users, 1);
	a_store(&mm->refs, 1);
	mm->mmap_base = mm->hole_top = mach_user_top;
	mm->dumpable = true;
	return mm;
}

void mm_get(struct mm *mm)
{
	ref_get(&mm->users);
}

void mm_grab(struct mm *mm)
{
	ref_get(&mm->refs);
}

void mm_drop(struct mm *mm)
{
	if (!ref_put(&mm->refs))
		return;
	mach_space_free(&mm->space);
	slab_free(mm_cache, mm);
}

/* No task runs in mm: what CPUs still have loaded they do not use. */
static void mm_empty(struct mm *mm)
{
	struct vma *v;

	mach_space_retire(&mm->space);
	rwlock_write(&mm->lock); /* nobody else is there; the functions below want it held */
	while ((v = RB_MIN(vma_tree, &mm->vmas))) {
		vma_zap_dead(v);
		vma_detach(mm, v);
		vma_free(v);
	}
	rwlock_write_done(&mm->lock);
	if (mm->exe) {
		if (mm->exe_denied)
			file_allow_write(mm->exe);
		file_put(mm->exe);
		mm->exe = NULL;
	}
}

void mm_put(struct mm *mm)
{
	if (!ref_put(&mm->users))
		return;
	mm_empty(mm);
	mm_drop(mm);
}

u64 mm_rlimit(u32 which)
{
	return READ_ONCE(current->proc->rlim[which].rlim_cur);
}

bool mm_is_current(const struct mm *mm)
{
	return current->mm == mm;
}

static const struct mapping_ops shared_ops = {.anonymous = true};

struct mm_shared *mm_shared_new(void)
{
	struct mm_shared *s = slab_zalloc(shared_cache);

	if (s) {
		a_store(&s->refs, 1);
		mapping_init(&s->map, NULL, &shared_ops);
	}
	return s;
}

void mm_shared_put(struct mm_shared *s)
{
	if (!ref_put(&s->refs))
		return;
	mapping_destroy(&s->map);
	slab_free(shared_cache, s);
}
