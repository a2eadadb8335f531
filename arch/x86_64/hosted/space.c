/* space.c - page tables of the hosted machine: in software, with a mirror in a host process
 *
 * Provides: the "space" family of machine.h.
 * Tables are trees of frames with the CPU's own format, walked by nobody but this kernel: copies to
 * and from the application go by them (copy.c), and a stub process has mapped what they allow, as
 * far as it was needed (mirror.c). To the portable kernel the mirror is a TLB: what is taken away
 * here is taken from the stub, and known to be, when the shoot-down that follows has settled the
 * space. So frames may be used again then, whatever the application does meanwhile.
 * Owns: table frames, from mach_space_prepare() or mach_fork_range() to mach_space_free().
 * Locks: leaves change under the caller's pt_lock; upper entries by compare-and-swap alone. Copies
 *   set accessed and dirty bits without the lock, so live entries change by atomic operations only.
 * Entries: PTE_HOST: the stub has the page, with the entry's rights, but may write it only with
 *   PTE_HOSTW, which goes with PTE_D: what the stub can write counts as written. An entry without
 *   PTE_P that is not zero keeps a frame whose protection is "none".
 * Tests: test/abi under --platform=systrap
 */
#include "hosted.h"
#include "frame.h"
#include "log.h"
#include "mm.h"
#include "string.h"

#define LEVEL_SHIFT(level) (12 + 9 * (level))
#define INDEX(va, level)   ((va) >> LEVEL_SHIFT(level) & 511)
#define LEAF_SPAN	   (1ull << 21)
#define FORK_COPIES	   3 /* order: pages of a range that fork copies at most */

static u64 pte_load(const u64 *e)
{
	return __atomic_load_n(e, __ATOMIC_RELAXED);
}

static u64 *table_of(u64 entry)
{
	return DIRECT(entry & PTE_ADDR);
}

u64 mach_user_top = STUB_BASE;

u64 *space_leaf(u64 root, u64 va)
{
	u64 *table = DIRECT(root);

	for (int level = 3; level > 0; level--) {
		u64 e = pte_load(&table[INDEX(va, level)]);

		if (!(e & PTE_P))
			return NULL;
		table = table_of(e);
	}
	return &table[INDEX(va, 0)];
}

static u64 *table_make(u64 *entry, u64 up, u32 fa)
{
	u64 old = __atomic_load_n(entry, __ATOMIC_ACQUIRE), new;
	struct frame *f;

	if (old & PTE_P)
		return table_of(old);
	f = frame_alloc(FA_ZERO | FA_NOSLEEP | fa);
	if (!f)
		return NULL;
	new = frame_pa(f).pa | PTE_P | PTE_W | PTE_A | up;
	old = 0;
	if (__atomic_compare_exchange_n(entry, &old, new, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return table_of(new);
	frame_put(f);
	return table_of(old);
}

int space_make(u64 root, u64 va, u64 up)
{
	u64 *table = DIRECT(root);

	for (int level = 3; level > 0; level--) {
		table = table_make(&table[INDEX(va, level)], up, up ? FA_USER : 0);
		if (!table)
			return -ENOMEM;
	}
	return 0;
}

int mach_space_init(struct mach_space *s)
{
	struct frame *f = frame_alloc(FA_ZERO | FA_NOSLEEP | FA_USER);
	if (!f)
		return -ENOMEM;
	s->root = frame_pa(f).pa;
	s->stub = NULL;
	memset(s->range, 0, sizeof(s->range));
	s->patch_off = 0;
	s->patch_id = 0;
	return 0;
}

static void table_free(u64 *table, int level, u32 n)
{
	for (u32 i = 0; level > 0 && i < n; i++)
		if (table[i] & PTE_P)
			table_free(table_of(table[i]), level - 1, 512);
	frame_put(frame_of(mach_va_to_pa(table)));
}

static void stub_leave(struct stub *stub)
{
	if (stub) {
		stub_end(stub);
		stub_free(stub);
	}
}

void mach_space_retire(struct mach_space *s)
{
	struct mm *mm = container_of(s, struct mm, space);
	struct stub *stub;

	/* Who visits the space from outside (rmap) may be giving it orders. */
	spin_lock(&mm->pt_lock);
	stub = s->stub;
	s->stub = NULL;
	spin_unlock(&mm->pt_lock);
	stub_leave(stub);
}

/* Nobody else knows the space: no lock, as it may be a switch of tasks that lets it go. */
void mach_space_free(struct mach_space *s)
{
	stub_leave(s->stub);
	s->stub = NULL;
	if (s->root)
		table_free(DIRECT(s->root), 3, 256);
	s->root = 0;
}

void mach_space_settle(struct mach_space *s)
{
	if (s->stub)
		mirror_settle(s->stub);
}

void mach_space_activate(struct mach_space *s)
{
	cpu_self()->mach.space = s;
}

int mach_space_prepare(struct mach_space *s, u64 va, size_t npages)
{
	u64 end = va + npages * PAGE_SIZE;

	for (va &= ~(LEAF_SPAN - 1); va < end; va += LEAF_SPAN)
		if (space_make(s->root, va, PTE_U))
			return -ENOMEM;
	return 0;
}

static u64 pte_flags(u32 prot)
{
	return PTE_P | PTE_U | PTE_A | (prot & MACH_WRITE ? PTE_W : 0) |
	       (prot & MACH_DIRTY ? PTE_D : 0) | (prot & MACH_EXEC ? 0 : PTE_NX);
}

static u64 pte_make(paddr_t pa, u32 prot)
{
	if (!(prot & (MACH_READ | MACH_WRITE | MACH_EXEC)))
		return (~pa.pa & PTE_ADDR) | PTE_U | PTE_NX | (prot & MACH_DIRTY ? PTE_D : 0);
	return pa.pa | pte_flags(prot);
}

u32 pte_host_prot(u64 e)
{
	if (!(e & PTE_P))
		return HOST_PROT_NONE;
	return HOST_PROT_READ | ((e & (PTE_W | PTE_D)) == (PTE_W | PTE_D) ? HOST_PROT_WRITE : 0) |
	       (e & PTE_NX ? 0 : HOST_PROT_EXEC);
}

static u64 pte_frame(u64 e)
{
	return (e & PTE_P ? e : ~e) & PTE_ADDR;
}

static struct mach_pte pte_read(u64 e)
{
	struct mach_pte p = {0};

	if (!e)
		return p;
	p.pa = PADDR(pte_frame(e));
	p.dirty = e & PTE_D;
	p.accessed = e & PTE_A;
	if (e & PTE_P)
		p.prot = MACH_READ | (e & PTE_W ? MACH_WRITE : 0) | (e & PTE_NX ? 0 : MACH_EXEC);
	return p;
}

int mach_map(struct mach_space *s, u64 va, paddr_t pa, u32 prot)
{
	u64 *e = space_leaf(s->root, va);

	if (!e)
		return -ENOENT;
	if (pte_load(e))
		return -EEXIST;
	__atomic_store_n(e, pte_make(pa, prot), __ATOMIC_RELEASE);
	return 0;
}

u64 mach_map_batch(struct mach_space *s, u64 va, const paddr_t *pa, size_t n, u32 prot)
{
	u64 done = 0, *e = NULL;

	for (size_t i = 0; i < n; i++, va += PAGE_SIZE) {
		if (!e || !(va & (LEAF_SPAN - 1)))
			e = space_leaf(s->root, va);
		if (!e)
			continue;
		if (!pte_load(e)) {
			__atomic_store_n(e, pte_make(pa[i], prot), __ATOMIC_RELEASE);
			done |= 1ull << i;
		}
		e++;
	}
	return done;
}

static bool only_adds_write(u64 old, u64 new)
{
	u32 had = (pte_host_prot(old) & ~HOST_PROT_WRITE) | (old & PTE_HOSTW ? HOST_PROT_WRITE : 0);

	return (old & PTE_ADDR) == (new &PTE_ADDR) &&
	       (had | HOST_PROT_WRITE) == (pte_host_prot(new) | HOST_PROT_WRITE) &&
	       !(had & ~pte_host_prot(new));
}

/* The mirror follows an entry that was old and is new. */
static void mirror_replace(struct mach_space *s, u64 va, u64 *e, u64 old, u64 new)
{
	struct mirror_run r = {.stub = s->stub};
	u32 prot = pte_host_prot(new);

	if (!s->stub || !(old & PTE_HOST))
		return;
	if (!prot) {
		run_drop(&r, va);
	} else if (only_adds_write(old, new)) {
		/* the fault that asked for it will find it missing */
		__atomic_fetch_or(e, old & (PTE_HOST | PTE_HOSTW), __ATOMIC_RELAXED);
	} else {
		run_map(&r, va, new &PTE_ADDR, prot);
		__atomic_fetch_or(e, PTE_HOST | (prot & HOST_PROT_WRITE ? PTE_HOSTW : 0),
				  __ATOMIC_RELAXED);
	}
	run_finish(&r);
}

struct mach_pte mach_replace(struct mach_space *s, u64 va, paddr_t pa, u32 prot)
{
	u64 *e = space_leaf(s->root, va), old, new = pte_make(pa, prot);

	kassert(e);
	old = __atomic_exchange_n(e, new, __ATOMIC_ACQ_REL);
	mirror_replace(s, va, e, old, new);
	return pte_read(old);
}

struct mach_pte mach_lookup(struct mach_space *s, u64 va)
{
	u64 *e = space_leaf(s->root, va);

	return pte_read(e ? pte_load(e) : 0);
}

/* The entries of a range, one leaf table after another. */
struct leaf_walk {
	u64 *root;
	u64 va, end;
};

/* The first entry of the next stretch that has a table, and how many follow it in the range; *va
 * is its address. Null: no more. Absent tables are skipped a level at a time. */
static u64 *walk_next(struct leaf_walk *w, u64 *va, size_t *n)
{
	while (w->va < w->end) {
		u64 *table = w->root, next, e = 0;
		int level;

		for (level = 3; level > 0; level--) {
			e = pte_load(&table[INDEX(w->va, level)]);
			if (!(e & PTE_P))
				break;
			table = table_of(e);
		}
		next = ((w->va >> LEVEL_SHIFT(level ? level : 1)) + 1)
		       << LEVEL_SHIFT(level ? level : 1);
		next = MIN(next, w->end);
		*va = w->va;
		w->va = next;
		if (!level) {
			*n = (next - *va) >> PAGE_SHIFT;
			return &table[INDEX(*va, 0)];
		}
	}
	return NULL;
}

static struct leaf_walk walk_start(struct mach_space *s, u64 va, size_t npages)
{
	return (struct leaf_walk){DIRECT(s->root), va, va + npages * PAGE_SIZE};
}

/* What the stub has of a range is taken from it. Entries lose their mark. */
static void mirror_drop(struct mach_space *s, u64 va, size_t npages)
{
	struct leaf_walk w = walk_start(s, va, npages);
	struct mirror_run r = {.stub = s->stub, .gaps = true};
	size_t n;
	u64 *e;

	if (!s->stub)
		return;
	while ((e = walk_next(&w, &va, &n))) {
		for (; n; n--, e++, va += PAGE_SIZE) {
			if (!(pte_load(e) & PTE_HOST))
				continue;
			__atomic_fetch_and(e, ~(PTE_HOST | PTE_HOSTW), __ATOMIC_RELAXED);
			run_drop(&r, va);
		}
	}
	run_finish(&r);
}

size_t mach_unmap(struct mach_space *s, u64 va, size_t npages, mach_pte_fn fn, void *arg)
{
	struct leaf_walk w = walk_start(s, va, npages);
	size_t n, count = 0;
	u64 *e;

	/* First: fn may give the frames back. */
	mirror_drop(s, va, npages);
	while ((e = walk_next(&w, &va, &n))) {
		for (; n; n--, e++, va += PAGE_SIZE) {
			u64 old = pte_load(e);

			if (!old)
				continue;
			old = __atomic_exchange_n(e, 0, __ATOMIC_ACQ_REL);
			count++;
			if (fn)
				fn(arg, va, pte_read(old));
		}
	}
	return count;
}

u64 mach_next_table(struct mach_space *s, u64 va, u64 end)
{
	struct leaf_walk w = {DIRECT(s->root), va, end};
	size_t n;

	return walk_next(&w, &va, &n) ? va : end;
}

/* A mirrored entry has changed its rights: new has the mark still. */
static void mirror_rights(struct mirror_run *r, u64 va, u64 *e, u64 new)
{
	u32 prot = pte_host_prot(new);

	if (!prot) {
		__atomic_fetch_and(e, ~(PTE_HOST | PTE_HOSTW), __ATOMIC_RELAXED);
		run_drop(r, va);
		return;
	}
	if (prot & HOST_PROT_WRITE)
		__atomic_fetch_or(e, PTE_HOSTW, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(e, ~PTE_HOSTW, __ATOMIC_RELAXED);
	run_protect(r, va, prot);
}

size_t mach_protect(struct mach_space *s, u64 va, size_t npages, u32 prot)
{
	struct leaf_walk w = walk_start(s, va, npages);
	struct mirror_run r = {.stub = s->stub};
	size_t n, count = 0;
	u64 *e;

	while ((e = walk_next(&w, &va, &n))) {
		for (; n; n--, e++, va += PAGE_SIZE) {
			u64 old = pte_load(e), new;

			if (!old)
				continue;
			do {
				new = pte_make(PADDR(pte_frame(old)), prot) | (old & PTE_D) |
				      (old & (PTE_HOST | PTE_HOSTW));
				if (!(old & PTE_A))
					new &= ~PTE_A;
			} while (new != old &&
				 !__atomic_compare_exchange_n(e, &old, new, false, __ATOMIC_ACQ_REL,
							      __ATOMIC_RELAXED));
			if (new != old && s->stub &&old &PTE_HOST)
				mirror_rights(&r, va, e, new);
			count += new != old;
		}
	}
	run_finish(&r);
	return count;
}

/* Frames in a row for the pages that a child of fork gets at once. */
struct fork_copies {
	struct mirror_run r; /* of the parent */
	bool cow, may_copy;
	struct frame *f;
	u32 left;
};

/* What the parent's stub can write now was written since the last fork, and mostly will be again,
 * by both: a copy costs less than the faults. Not where another thread may be writing it: a copy
 * is no snapshot then. */
static bool copy_entry(struct fork_copies *c, u64 *to, u64 e)
{
	paddr_t pa = PADDR(pte_frame(e));

	if (!c->may_copy || !(e & PTE_W) || !(e & PTE_HOSTW) || !frame_is_sole(pa))
		return false;
	if (!c->f) {
		c->f = frame_alloc_run(FORK_COPIES, 0);
		c->left = c->f ? 1u << FORK_COPIES : 0;
	}
	c->may_copy = c->left > 1;
	if (!c->left)
		return false;
	c->left--;
	frame_copy_anon(c->f, pa);
	*to = frame_pa(c->f).pa | (e & ~(PTE_ADDR | PTE_A | PTE_HOST | PTE_HOSTW)) | PTE_WANT;
	c->f++;
	return true;
}

/* One stretch of entries, all in one table on each side. */
static void fork_entries(struct fork_copies *c, u64 va, u64 *to, u64 *from, size_t n)
{
	for (; n; n--, to++, from++, va += PAGE_SIZE) {
		u64 e = pte_load(from);

		if (!e || (c->cow && copy_entry(c, to, e)))
			continue;
		frame_share(PADDR(pte_frame(e)));
		if (c->cow && e & PTE_W) {
			e = __atomic_fetch_and(from, ~PTE_W, __ATOMIC_ACQ_REL) & ~PTE_W;
			if (c->r.stub && e & PTE_HOSTW)
				mirror_rights(&c->r, va, from, e);
		}
		*to = (e & ~(PTE_A | PTE_HOST | PTE_HOSTW)) | (e & PTE_HOST ? PTE_WANT : 0);
	}
}

int mach_fork_range(struct mach_space *child, struct mach_space *parent, u64 va, size_t npages,
		    bool cow)
{
	struct leaf_walk w = walk_start(parent, va, npages);
	struct fork_copies c = {
		.r.stub = parent->stub,
		.cow = cow,
		.may_copy = a_load(&container_of(parent, struct mm, space)->users) == 1,
	};
	size_t n;
	int err = 0;
	u64 *e;

	patch_fork(child, parent);
	while ((e = walk_next(&w, &va, &n))) {
		u64 *to = space_leaf(child->root, va);

		if (!to) {
			err = space_make(child->root, va, PTE_U);
			if (err)
				break;
			to = space_leaf(child->root, va);
		}
		fork_entries(&c, va, to, e, n);
	}
	for (; c.left; c.left--)
		frame_put(c.f++);
	run_finish(&c.r);
	return err;
}

void mach_harvest(struct mach_space *s, u64 va, size_t npages, bool clear_dirty, mach_pte_fn fn,
		  void *arg)
{
	struct leaf_walk w = walk_start(s, va, npages);
	u64 bits = PTE_A | (clear_dirty ? PTE_D : 0), *e;
	size_t n;

	/* The next use by the application is to be seen. */
	mirror_drop(s, va, npages);
	while ((e = walk_next(&w, &va, &n))) {
		for (; n; n--, e++, va += PAGE_SIZE) {
			u64 old = pte_load(e);

			if (!(old & bits))
				continue;
			old = __atomic_fetch_and(e, ~bits, __ATOMIC_ACQ_REL);
			if (fn)
				fn(arg, va, pte_read(old));
		}
	}
}

void space_fill_wanted(struct mach_space *s, struct mirror_run *r)
{
	struct leaf_walk w = walk_start(s, 0, mach_user_top >> PAGE_SHIFT);
	size_t n;
	u64 *e, va;

	while ((e = walk_next(&w, &va, &n))) {
		for (; n && r->stub->n < STUB_ORDERS_MAX - 1; n--, e++, va += PAGE_SIZE) {
			if (!(pte_load(e) & PTE_WANT))
				continue;
			__atomic_fetch_and(e, ~PTE_WANT, __ATOMIC_RELAXED);
			run_fill(r, va, e);
		}
	}
}

void space_forget_mirror(struct mach_space *s)
{
	struct leaf_walk w = walk_start(s, 0, mach_user_top >> PAGE_SHIFT);
	size_t n;
	u64 *e, va;

	while ((e = walk_next(&w, &va, &n)))
		for (; n; n--, e++)
			if (pte_load(e) & PTE_HOST)
				__atomic_fetch_and(e, ~(PTE_HOST | PTE_HOSTW), __ATOMIC_RELAXED);
}

/* Nothing to do: the mirror was set right when the tables were. */
void mach_flush_local(u64 va, size_t npages)
{
}

void mach_frame_zero(void *page)
{
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(n) : "a"(0ul) : "memory");
}

void mach_frame_copy(void *restrict dst, const void *restrict src)
{
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep movsq" : "+D"(dst), "+S"(src), "+c"(n)::"memory");
}
