/* space.c - page tables in software, and TLBs that keep what nobody flushed
 *
 * A table is a tree of four levels of 512 words, like a real one, so that "no table there" can
 * happen. An entry is a frame's address, MACH_READ|WRITE|EXEC as bits 0..2, accessed and dirty
 * as bits 3 and 4, and bit 5 in every entry that holds a frame.
 *
 * A TLB entry is made at the first use and stays until this CPU flushes it, changes its space, or
 * needs the slot. A use that the page table would no longer allow is counted in tlb_stale, and ends
 * the test if the frame is free by then: a shoot-down was forgotten.
 */
#include "machine.h"
#include "frame.h"
#include "string.h"

#define PTE_PROT     7u
#define PTE_ACCESSED 8u
#define PTE_DIRTY    16u
#define PTE_HELD     32u
#define PTE_PA	     (~0xfffull)
#define LEVELS	     4

struct table {
	u64 slot[512]; /* leaves: entries; else pointers */
};

u64 mach_user_top = 0x7ffffffff000;

static u32 slot_of(u64 va, u32 level)
{
	return (u32)(va >> (12 + 9 * level)) & 511;
}

int mach_space_init(struct mach_space *s)
{
	s->root = host_zalloc(sizeof(struct table));
	return 0;
}

static void table_free(struct table *t, u32 level)
{
	for (u32 i = 0; level && i < 512; i++)
		if (t->slot[i])
			table_free((struct table *)t->slot[i], level - 1);
	host_free(t);
}

void mach_space_free(struct mach_space *s)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (cpus[i] && cpus[i]->mach.space == s)
			host_fail("a space is freed that CPU %u has active", i);
	table_free(s->root, LEVELS - 1);
	s->root = NULL;
}

void mach_space_retire(struct mach_space *s)
{
}

static void flush_all(struct cpu *c)
{
	memset(c->mach.tlb, 0, sizeof(c->mach.tlb));
}

void mach_space_activate(struct mach_space *s)
{
	struct cpu *c = cpu_self();

	if (c->mach.space != s)
		flush_all(c);
	c->mach.space = s;
}

void mach_flush_local(u64 va, size_t npages)
{
	struct cpu *c = cpu_self();

	if (!npages) {
		flush_all(c);
		return;
	}
	for (u32 i = 0; i < TLB_ENTRIES; i++) {
		u64 vpn = c->mach.tlb[i].tag - 1;

		if (c->mach.tlb[i].tag && vpn >= va >> 12 && vpn < (va >> 12) + npages)
			c->mach.tlb[i].tag = 0;
	}
}

/* The leaf entry of va, or null if a table is missing (and not to be made). */
static u64 *leaf(struct mach_space *s, u64 va, bool make)
{
	struct table *t = s->root;

	if (va >= mach_user_top)
		host_fail("page-table access above user space: %llx", (unsigned long long)va);
	for (u32 level = LEVELS - 1; level > 0; level--) {
		u64 *slot = &t->slot[slot_of(va, level)];

		if (!*slot && !make)
			return NULL;
		if (!*slot)
			*slot = (u64)host_zalloc(sizeof(struct table));
		t = (struct table *)*slot;
	}
	return &t->slot[slot_of(va, 0)];
}

static struct mach_pte describe(u64 e)
{
	return (struct mach_pte){
		.pa = PADDR(e & PTE_PA),
		.prot = e & PTE_PROT,
		.accessed = e & PTE_ACCESSED,
		.dirty = e & PTE_DIRTY,
	};
}

/* As on the real ones: what can be written or executed can be read. */
static u64 prot_bits(u32 prot)
{
	return prot & PTE_PROT ? (prot & PTE_PROT) | MACH_READ : 0;
}

static u64 entry(paddr_t pa, u32 prot)
{
	if (pa.pa & 0xfff)
		host_fail("a frame's address is not aligned: %llx", (unsigned long long)pa.pa);
	return pa.pa | prot_bits(prot) | PTE_HELD | (prot & MACH_DIRTY ? PTE_DIRTY : 0);
}

int mach_space_prepare(struct mach_space *s, u64 va, size_t npages)
{
	for (size_t i = 0; i < npages; i += 512)
		leaf(s, va + i * 4096, true);
	if (npages)
		leaf(s, va + (npages - 1) * 4096, true);
	return 0;
}

int mach_map(struct mach_space *s, u64 va, paddr_t pa, u32 prot)
{
	u64 *e = leaf(s, va, false);

	if (!e)
		return -ENOENT;
	if (*e)
		return -EEXIST;
	*e = entry(pa, prot);
	return 0;
}

u64 mach_map_batch(struct mach_space *s, u64 va, const paddr_t *pa, size_t n, u32 prot)
{
	u64 done = 0;

	for (size_t i = 0; i < n; i++)
		if (mach_map(s, va + i * 4096, pa[i], prot) == 0)
			done |= 1ull << i;
	return done;
}

struct mach_pte mach_replace(struct mach_space *s, u64 va, paddr_t pa, u32 prot)
{
	u64 *e = leaf(s, va, true);
	struct mach_pte old = describe(*e);

	*e = entry(pa, prot);
	return old;
}

struct mach_pte mach_lookup(struct mach_space *s, u64 va)
{
	u64 *e = leaf(s, va, false);

	return describe(e ? *e : 0);
}

size_t mach_unmap(struct mach_space *s, u64 va, size_t npages, mach_pte_fn fn, void *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < npages; i++) {
		u64 *e = leaf(s, va + i * 4096, false);
		u64 old;

		if (!e || !*e)
			continue;
		old = *e;
		*e = 0;
		n++;
		if (fn)
			fn(arg, va + i * 4096, describe(old));
	}
	return n;
}

u64 mach_next_table(struct mach_space *s, u64 va, u64 end)
{
	while (va < end && !leaf(s, va, false))
		va = (va | (512 * PAGE_SIZE - 1)) + 1;
	return MIN(va, end);
}

size_t mach_protect(struct mach_space *s, u64 va, size_t npages, u32 prot)
{
	size_t n = 0;

	for (size_t i = 0; i < npages; i++) {
		u64 *e = leaf(s, va + i * 4096, false);

		if (!e || !*e || (*e & PTE_PROT) == prot_bits(prot))
			continue;
		*e = (*e & ~(u64)PTE_PROT) | prot_bits(prot);
		n++;
	}
	return n;
}

int mach_fork_range(struct mach_space *child, struct mach_space *parent, u64 va, size_t npages,
		    bool cow)
{
	for (size_t i = 0; i < npages; i++) {
		u64 *from = leaf(parent, va + i * 4096, false);

		if (!from || !*from)
			continue;
		if (cow)
			*from &= ~(u64)MACH_WRITE;
		*leaf(child, va + i * 4096, true) = *from & ~(u64)PTE_ACCESSED;
		frame_share(PADDR(*from & PTE_PA));
	}
	return 0;
}

void mach_harvest(struct mach_space *s, u64 va, size_t npages, bool clear_dirty, mach_pte_fn fn,
		  void *arg)
{
	u64 bits = PTE_ACCESSED | (clear_dirty ? PTE_DIRTY : 0);

	for (size_t i = 0; i < npages; i++) {
		u64 *e = leaf(s, va + i * 4096, false);
		u64 old = e ? *e : 0;

		if (!(old & bits))
			continue;
		*e = old & ~bits;
		if (fn)
			fn(arg, va + i * 4096, describe(old));
	}
}

/* ---- the TLB ---- */

static void check_stale(struct cpu *c, const struct tlb_entry *t, u64 va, u32 access)
{
	u64 *e = leaf(c->mach.space, va, false);

	if (e && (*e & PTE_PA) == t->pa && (*e & access) == access)
		return;
	c->mach.tlb_stale++;
	if (frame_of(PADDR(t->pa))->type == FRAME_FREE)
		host_fail("CPU %u uses a freed frame through a stale TLB entry: va %llx", c->id,
			  (unsigned long long)va);
}

u64 tlb_translate(u64 va, u32 access, bool *present)
{
	struct cpu *c = cpu_self();
	struct tlb_entry *t = &c->mach.tlb[(va >> 12) % TLB_ENTRIES];
	bool write = access & MACH_WRITE;
	u64 *e;

	*present = false;
	if (!c->mach.space || va >= mach_user_top)
		return PAGE_NONE;
	if (t->tag == (va >> 12) + 1 && (t->prot & access) == access && (!write || t->dirty)) {
		c->mach.tlb_hits++;
		check_stale(c, t, va, access);
		return t->pa + (va & 0xfff);
	}
	/* as a CPU does: the walk that a missing right causes replaces the entry */
	t->tag = 0;
	e = leaf(c->mach.space, va, false);
	if (!e || !(*e & PTE_PROT))
		return PAGE_NONE;
	*present = true;
	if ((*e & access) != access)
		return PAGE_NONE;
	*e |= PTE_ACCESSED | (write ? PTE_DIRTY : 0);
	*t = (struct tlb_entry){
		.tag = (va >> 12) + 1,
		.pa = *e & PTE_PA,
		.prot = *e & PTE_PROT,
		.dirty = *e & PTE_DIRTY,
	};
	return t->pa + (va & 0xfff);
}
