/* fork.c - a copy-on-write copy of an address space
 *
 * Anonymous and private pages lose write access on both sides. Pages of files are copied too where
 * the VMA is small, as an entry costs less to copy than to fault in again; large file mappings
 * without pages of their own start empty and fault. */
#include "mm_internal.h"
#include "string.h"
#include "vfs.h"

#define COPY_FILE_MAX 2048u /* pages of a file mapping whose entries are copied */
#define FORK_STEP     512u

/* The kernel's own pages (vDSO) are mapped again, uncounted. */
static int fork_special(struct mm *child, struct vma *v)
{
	int err = 0;

	if (mm_prepare(child, v->start, vma_pages(v)))
		return -ENOMEM;
	spin_lock(&v->mm->pt_lock);
	spin_lock_nested(&child->pt_lock); /* parent before child */
	for (u64 va = v->start; va < v->end && !err; va += PAGE_SIZE) {
		struct mach_pte pte = mach_lookup(&v->mm->space, va);

		if (pte.prot)
			err = mach_map(&child->space, va, pte.pa, pte.prot);
	}
	spin_unlock(&child->pt_lock);
	spin_unlock(&v->mm->pt_lock);
	return err;
}

/* The next stretch of at most FORK_STEP pages that has tables: how many, and *va moves there. */
static u64 next_stretch(struct vma *v, u64 *va)
{
	struct mm *mm = v->mm;

	spin_lock(&mm->pt_lock);
	*va = mach_next_table(&mm->space, *va, v->end);
	spin_unlock(&mm->pt_lock);
	return MIN((v->end - *va) >> PAGE_SHIFT, (u64)FORK_STEP);
}

static int fork_pages(struct mm *child, struct vma *v)
{
	struct mm *parent = v->mm;
	bool cow = !(v->flags & VMA_SHARED);
	u64 va = v->start;
	int err = 0;

	while (va < v->end && !err) {
		u64 n = next_stretch(v, &va);

		if (!n)
			break;
		/* tables first: under the locks there is no making room */
		err = mm_prepare(child, va, n);
		if (err)
			break;
		spin_lock(&parent->pt_lock);
		spin_lock_nested(&child->pt_lock); /* parent before child */
		err = mach_fork_range(&child->space, &parent->space, va, n, cow);
		spin_unlock(&child->pt_lock);
		spin_unlock(&parent->pt_lock);
		va += n << PAGE_SHIFT;
		if (va < v->end)
			mach_poll();
	}
	return err;
}

static bool needs_pages(const struct vma *v)
{
	if (v->flags & VMA_WIPEONFORK)
		return false;
	return !v->mapping || a_load(&v->has_anon) || vma_pages(v) <= COPY_FILE_MAX;
}

static int fork_vma(struct mm *child, struct vma *v)
{
	struct vma *copy;

	if (v->flags & VMA_DONTFORK)
		return 0;
	copy = vma_clone(v, child);
	if (!copy)
		return -ENOMEM;
	copy->flags &= ~VMA_LOCKED;
	vma_insert(child, copy);
	if (v->flags & VMA_SPECIAL)
		return fork_special(child, v);
	return needs_pages(v) ? fork_pages(child, v) : 0;
}

static void copy_fields(struct mm *child, const struct mm *parent)
{
	child->mmap_base = parent->mmap_base;
	child->hole_top = parent->mmap_base;
	child->brk_start = parent->brk_start;
	child->brk = parent->brk;
	child->stack_top = parent->stack_top;
	child->arg_start = parent->arg_start;
	child->arg_end = parent->arg_end;
	child->env_start = parent->env_start;
	child->env_end = parent->env_end;
	child->vdso = parent->vdso;
	child->auxv_len = parent->auxv_len;
	child->dumpable = parent->dumpable;
	memcpy(child->auxv, parent->auxv, sizeof(child->auxv));
	child->exe = parent->exe;
	if (child->exe) {
		file_get(child->exe);
		child->exe_denied = parent->exe_denied && !file_deny_write(child->exe);
	}
}

/* The entries copied, whose kinds are known to the parent's counters alone. */
static void count_rss(struct mm *child, const struct mm *parent)
{
	a_store(&child->rss_anon, a_load(&parent->rss_anon));
	a_store(&child->rss_file, a_load(&parent->rss_file));
}

struct mm *mm_fork(struct mm *parent)
{
	struct mm *child = mm_new();
	struct vma *v;
	int err = 0;

	if (!child)
		return NULL;
	rwlock_write(&parent->lock);
	rwlock_write_nested(&child->lock); /* nobody else knows it; held for the asserts */
	copy_fields(child, parent);
	for (v = RB_MIN(vma_tree, &parent->vmas); v && !err; v = vma_next(v))
		err = fork_vma(child, v);
	count_rss(child, parent);
	/* Frames of the parent became read-only: before the child may read them. */
	mm_shootdown(parent, 0, 0);
	rwlock_write_done(&child->lock);
	rwlock_write_done(&parent->lock);
	if (err) {
		mm_put(child);
		return NULL;
	}
	return child;
}
