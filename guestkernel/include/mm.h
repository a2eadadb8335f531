/* mm.h - address spaces (mm/)
 *
 * struct mm: one address space, shared by the tasks of a process (or a vfork parent and child).
 * Its VMAs lie in an ordered tree under mm->lock (rwlock: page faults read, changes write). Leaves
 * of the page tables are changed under mm->pt_lock. Lock key: [I] immutable, [a] atomic, [m]
 * mm->lock, [p] mm->pt_lock. */
#pragma once
#include <bsd/sys/tree.h>
#include "cpu.h"
#include "frame.h"
#include "mutex.h"

struct file;
struct inode;

#define VMA_READ       1u /* = MACH_READ, _WRITE, _EXEC */
#define VMA_WRITE      2u
#define VMA_EXEC       4u
#define VMA_SHARED     8u
#define VMA_GROWSDOWN  16u
#define VMA_DONTFORK   32u
#define VMA_WIPEONFORK 64u
#define VMA_LOCKED     128u
#define VMA_MAYWRITE   256u /* mprotect may add write: private, or a file opened for writing */
#define VMA_SPECIAL    512u /* vdso, vvar: frames are not ours; no fork copies, no merge */
#define VMA_STACK      1024u
#define VMA_DONTDUMP   2048u
#define VMA_MAYREAD    4096u
#define VMA_MAYEXEC    8192u
#define VMA_NORESERVE  16384u
#define VMA_ZEROMAP    32768u /* set by file_ops.mmap of /dev/zero: as if anonymous */

struct mapping;
struct mm_shared; /* what MAP_SHARED | MAP_ANONYMOUS maps (mm/shared.c) */

struct vma {
	RB_ENTRY(vma) node;	  /* [m] by start */
	struct mm *mm;		  /* [I] */
	u64 start, end;		  /* [m] page aligned */
	u32 flags;		  /* [m] VMA_* */
	struct file *file;	  /* [I] holds a reference; null: anonymous */
	u64 pgoff;		  /* [m] of start in the file, pages */
	struct mapping *mapping;  /* [I] the pages' home; null: private anonymous */
	struct mm_shared *shared; /* [I] holds a reference; mapping is inside it */
	TAILQ_ENTRY(vma) rmap;	  /* mapping's list, under mapping->tree_lock */
	a32_t has_anon;		  /* [a] pages of its own were made here: fork must copy */
	u64 run_next;		  /* [a] hint: where touching in order would go on */
	u32 run_pages;		  /* [a] hint: the last cluster's pages */
	const char *name;	  /* [I] for maps: "[stack]", "[heap]", ... or null */
};
RB_HEAD(vma_tree, vma);

struct mm {
	struct mach_space space; /* [p] */
	struct rwlock lock;
	struct spinlock pt_lock;
	struct vma_tree vmas;	      /* [m] */
	struct vma *vma_hint;	      /* [m] last found */
	a32_t users;		      /* [a] tasks: the last one empties the space */
	a32_t refs;		      /* [a] users as one, and CPUs that have it loaded */
	a64_t tlb_gen;		      /* [a] bumped by each shoot-down */
	a64_t cpus[ABI_CPU_MAX / 64]; /* [a] CPUs that may hold translations */
	u64 mmap_base;		      /* [I] top-down allocation starts here */
	u64 hole_top, hole_size;      /* [m] all gaps above hole_top are below hole_size */
	u32 def_flags;		      /* [m] VMA_LOCKED after mlockall(MCL_FUTURE) */
	u32 map_count;		      /* [m] VMAs */
	u64 brk_start, brk;	      /* [m] */
	u64 stack_top;		      /* [I] */
	u64 arg_start, arg_end, env_start, env_end; /* [m] for /proc */
	u64 total_pages, locked_pages, data_pages;  /* [m] */
	a64_t rss_anon, rss_file;		    /* [a] pages; updated in batches */
	u64 hiwater_rss;			    /* racy by nature */
	u64 vdso;				    /* [I] */
	struct file *exe;			    /* [m] holds a reference */
	bool exe_denied;			    /* [I] and keeps it from being written */
	u64 auxv[48];				    /* [I] after exec: /proc/self/auxv */
	u32 auxv_len;				    /* words */
	bool dumpable;
};

struct mm *mm_new(void) must_check;		  /* users = refs = 1, or null */
struct mm *mm_fork(struct mm *parent) must_check; /* copy-on-write copy, or null (no memory) */
void mm_get(struct mm *mm);			  /* a user */
void mm_put(struct mm *mm);			  /* may sleep: the last user unmaps all */
void mm_grab(struct mm *mm);			  /* a reference that keeps the tables alive */
void mm_drop(struct mm *mm);
/* Loads mm on this CPU (null: stays on the last one). Scheduler and exec. */
void mm_switch(struct mm *next);

/* Publish CPU_USER with all shoot-downs of the loaded mm settled / leave it. Inline fast path. */
void mm_enter_user_slow(struct cpu *c);
static inline void mm_enter_user(struct cpu *c)
{
	a_xchg(&c->mode, CPU_USER); /* full barrier: pairs with the one in mm_shootdown */
	/* before user mode there is always a space: the task's own */
	if (unlikely(a_load(&c->mm->tlb_gen) != a_load(&c->tlb_gen)))
		mm_enter_user_slow(c);
}
static inline void mm_leave_user(struct cpu *c)
{
	a_store_release(&c->mode, CPU_AWAY);
}
/* After entries of mm were removed or restricted: no CPU uses them once it returns. npages 0: all.
 * No spinlock is held. */
void mm_shootdown(struct mm *mm, u64 va, size_t npages);
void mm_shootdown_ipi(void); /* this CPU has CPU_PENDING_SHOOTDOWN */

/* User fault: 0 (retry the instruction), or fills signal and code: SIGSEGV, SIGBUS, SIGKILL (OOM).
 */
struct mm_fault {
	int sig, code;
};
int mm_fault(struct mm *mm, u64 addr, u32 access, struct mm_fault *out) must_check;
/* Makes a range present with the access (for copies): 0, -EFAULT, -ENOMEM, -ERESTARTNOINTR. */
int mm_fault_in(u64 addr, size_t n, u32 access) must_check;

/* The calls behind the system calls; addresses and lengths unchecked by the caller. */
long do_mmap(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 pgoff);
int do_munmap(struct mm *mm, u64 addr, u64 len);
/* Maps frames of the kernel's own (vdso): VMA_SPECIAL; mm->lock is taken. */
int mm_map_special(struct mm *mm, u64 addr, const paddr_t *pa, size_t n, u32 flags,
		   const char *name);
/* For exec: an anonymous stack region [top - size, top), grows down to the rlimit. */
int mm_setup_stack(struct mm *mm, u64 top, bool executable);
int mm_stack_reserve(struct mm *mm, u64 low); /* the stack reaches down to low at least */
/* An anonymous page with contents: f's count is consumed, whatever the result. */
int mm_map_frame(struct mm *mm, u64 va, struct frame *f) must_check;
int mm_map_vdso(struct mm *mm) must_check; /* sets mm->vdso */
/* Changes bytes within a private page that the application cannot write. 0; -EACCES (no such page),
 * -EFAULT, -ENOMEM, -EAGAIN. May sleep. */
struct mm_poke {
	u64 addr;
	const void *data;
	size_t size;
	const char *name; /* only in a VMA with that name, unless null */
	bool unseen;	  /* nobody reads or executes these bytes yet */
};
int mm_poke(struct mm *mm, const struct mm_poke *p) must_check;
/* A private range of zero bytes, readable and executable, below an address: where, or 0. */
u64 mm_map_text(struct mm *mm, u64 below, u64 size, const char *name) must_check;
/* Reads or writes another task's memory (proc/mem, argument pages at exec, ptrace): bytes or
 * negative errno. May sleep. */
ssize_t mm_access(struct mm *mm, u64 addr, void *buf, size_t n, bool write);
struct vma *mm_find_vma(struct mm *mm, u64 addr); /* lowest with end > addr; mm->lock held */
RB_PROTOTYPE(vma_tree, vma, node, vma_cmp)
