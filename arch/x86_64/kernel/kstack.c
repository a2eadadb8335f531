/* kstack.c - kernel stacks: 16 KiB with an unmapped page (and more) below
 *
 * Stacks lie in an address range of their own, 32 KiB apart, the upper half mapped. A freed stack
 * stays mapped and is used again: a fork then costs no mapping and no shoot-down. Free stacks are
 * linked by their first word: a few per CPU, the rest in one list.
 * Locks: kstack_lock for the list; the per-CPU caches are [c].
 */
#include "kernel.h"
#include "frame.h"
#include "log.h"

#define STACK_STRIDE (2ull * KSTACK_SIZE)
#define STACK_PAGES  (KSTACK_SIZE / PAGE_SIZE)
#define CACHE_MAX    16u

static struct spinlock kstack_lock = SPINLOCK_INIT(RANK_FRAMES);
static void *kstack_list; /* kstack_lock */
static a64_t kstack_next; /* stacks ever made */

static void *kstack_new(void)
{
	u64 base = KVA_STACKS + (a_add(&kstack_next, 1) - 1) * STACK_STRIDE + KSTACK_SIZE;

	for (u64 i = 0; i < STACK_PAGES; i++) {
		struct frame *f = frame_alloc(FA_NOSLEEP);

		/* What is mapped of a half-made stack is lost, as the memory has just run out. */
		if (!f || map_kernel_page(base + i * PAGE_SIZE, frame_pa(f).pa, PTE_W | PTE_D))
			return NULL;
	}
	return (void *)base;
}

void *mach_kstack_alloc(void)
{
	struct mach_cpu *m = &cpu_self()->mach;
	void **s = (void **)m->stacks;

	if (likely(s)) {
		m->stacks = *s;
		m->nr_stacks--;
		return s;
	}
	spin_lock(&kstack_lock);
	s = kstack_list;
	if (s)
		kstack_list = *s;
	spin_unlock(&kstack_lock);
	return s ? s : kstack_new();
}

void mach_kstack_free(void *stack)
{
	struct mach_cpu *m = &cpu_self()->mach;

	if (m->nr_stacks < CACHE_MAX) {
		*(void **)stack = m->stacks;
		m->stacks = stack;
		m->nr_stacks++;
		return;
	}
	spin_lock(&kstack_lock);
	*(void **)stack = kstack_list;
	kstack_list = stack;
	spin_unlock(&kstack_lock);
}
