/* shootdown.c - no CPU uses a translation that was taken away
 *
 * Provides: mm_shootdown() after page-table entries were removed or restricted; the checks on the
 * way to user mode and to copies; which mm a CPU has loaded.
 *
 * Each CPU publishes its mm and its mode. A shoot-down raises the mm's generation, then looks at
 *the CPUs that have the mm loaded:
 *
 *	shoot-down                        a CPU entering user mode or starting a copy
 *	change the tables                 mode = USER or COPY
 *	tlb_gen++                         full barrier (a_xchg)
 *	full barrier (mem_barrier)        tlb_gen changed? flush, then go on
 *	mode USER or COPY? wait for it
 *
 * Of store-then-load on both sides at least one sees the other: either the CPU finds the new
 * generation and flushes, or it is waited for. A CPU that is AWAY is not waited for: the kernel
 * reads no user address outside a copy, and what a CPU may have fetched ahead is flushed by its
 * generation check before use. Tables themselves are freed only when no CPU has the mm loaded.
 *
 * The wait for a CPU ends when it is AWAY, has another mm, or has reached the generation. One in
 * user mode gets an IPI: leaving user mode is enough. One that copies does not take interrupts; a
 * copy is bounded (uaccess.c publishes at most COPY_STEP bytes) and soon over.
 *
 * Descheduled by the host: a CPU in mode USER whose IPI has been sent, and that the host reports as
 * not running *after* that, is skipped: the interrupt is pending in its APIC, and it is taken
 *before the next user instruction, because user mode runs with interrupts on and the return to it
 *has no interrupt shadow; the trap leaves user mode, and the way back checks the generation. This
 *needs mach_ipi() to have made the interrupt pending when it returns, even if another CPU asked
 *already. A CPU in mode COPY runs with interrupts off and would go on with its stale entry: it is
 *waited for, with the processor yielded to it.
 *
 * Locks: none held by the caller that is a spinlock; the waiter is AWAY itself, so two waiters
 *never wait for each other, and mach_poll() lets it serve others. Sleeps: never. Tests:
 *test/machine (stale TLBs), test/unit/mm. */
#include "mm_internal.h"
#include "slab.h"

#define FLUSH_ALL_ABOVE	   32u
#define SPINS_BEFORE_YIELD 256u

static void flush_self(struct cpu *c, struct mm *mm, u64 gen, u64 va, size_t npages)
{
	if (c->mm != mm)
		return;
	/* only the next generation may be done by a part: the ones before it cover other ranges */
	if (npages && npages <= FLUSH_ALL_ABOVE && a_load(&c->tlb_gen) + 1 == gen)
		mach_flush_local(va, npages);
	else
		mach_flush_local(0, 0);
	a_store_release(&c->tlb_gen, gen);
}

static bool settled(const struct cpu *c, const struct mm *mm, u64 gen)
{
	u32 mode;

	if (__atomic_load_n(&c->mm, __ATOMIC_ACQUIRE) != mm)
		return true;
	mode = a_load_acquire(&c->mode);
	/* What user mode could reach is gone already; a copy goes by the tables. */
	if (mode == CPU_AWAY || (MACH_SETTLES && mode == CPU_USER))
		return true;
	return a_load_acquire(&c->tlb_gen) >= gen;
}

static void wait_for_cpu(struct cpu *c, struct mm *mm, u64 gen)
{
	for (u32 spins = 1; !settled(c, mm, gen); spins++) {
		if (a_load(&c->mode) == CPU_USER && mach_cpu_preempted(c) &&
		    a_load(&c->mode) == CPU_USER)
			return;
		if (spins % SPINS_BEFORE_YIELD == 0) {
			mach_yield_to(c);
			mach_poll();
		}
		mach_relax();
	}
}

void mm_shootdown(struct mm *mm, u64 va, size_t npages)
{
	struct cpu *self = cpu_self();
	u64 others[ABI_CPU_MAX / 64], any = 0;
	u64 gen;

	if (MACH_SETTLES) {
		spin_lock(&mm->pt_lock);
		mach_space_settle(&mm->space);
		spin_unlock(&mm->pt_lock);
	}
	gen = a_add(&mm->tlb_gen, 1);
	mem_barrier(); /* generation before modes: pairs with a_xchg of mode */
	flush_self(self, mm, gen, va, npages);
	for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = a_load(&mm->cpus[i]);
		if (i == self->id / 64)
			others[i] &= ~(1ull << self->id % 64);
		any |= others[i];
	}
	if (likely(!any))
		return;
	kassert(self->spin_depth == 0);
	for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
		for (u64 m = others[i]; m; m &= m - 1) {
			struct cpu *c = cpus[i * 64 + (u32)__builtin_ctzll(m)];

			if (settled(c, mm, gen) || a_load(&c->mode) != CPU_USER)
				continue;
			a_or(&c->pending, CPU_PENDING_SHOOTDOWN);
			mach_ipi(c);
		}
	}
	for (u32 i = 0; i < ARRAY_SIZE(others); i++)
		for (u64 m = others[i]; m; m &= m - 1)
			wait_for_cpu(cpus[i * 64 + (u32)__builtin_ctzll(m)], mm, gen);
}

/* Flushes all, and says that what was asked for until now is done. */
static void catch_up(struct cpu *c)
{
	u64 gen = a_load_acquire(&c->mm->tlb_gen);

	mach_flush_local(0, 0);
	a_store_release(&c->tlb_gen, gen);
}

void mm_shootdown_ipi(void)
{
	struct cpu *c = cpu_self();

	a_and(&c->pending, ~CPU_PENDING_SHOOTDOWN);
	if (c->mm)
		catch_up(c);
}

void mm_enter_user_slow(struct cpu *c)
{
	catch_up(c);
}

void mm_switch(struct mm *next)
{
	struct cpu *c = cpu_self();
	struct mm *prev = c->mm;

	if (!next || next == prev)
		return;
	mm_grab(next);
	a_or(&next->cpus[c->id / 64], 1ull << c->id % 64);
	/* Read before the tables are loaded: a later change counts as not seen. */
	a_store(&c->tlb_gen, a_load_acquire(&next->tlb_gen));
	__atomic_store_n(&c->mm, next, __ATOMIC_RELEASE);
	mach_space_activate(&next->space);
	if (prev) {
		a_and(&prev->cpus[c->id / 64], ~(1ull << c->id % 64));
		mm_drop(prev);
	}
}
