/* uaccess.c - copies between the kernel and the application
 *
 * Provides: uaccess.h. The only file, with the machine's copy routines, that opens a uaddr_t.
 * Each piece of a copy is published (CPU_COPY, full barrier, generation check: shootdown.c), done
 * by mach_copy_*, which stops at an absent page, and withdrawn; then the page is faulted in and the
 * copy goes on where it stopped.
 * Locks: none held but sleeping ones below RANK_MM (asserted for spinlocks).
 * Sleeps: all but the *_nofault forms.
 * Invariants: a page is faulted in once per stop; if the copy stops at the same byte again and
 * again, mm_fault_in says why, as it checks the same VMA; memory pressure, or a thread that takes
 * the page away each time, may repeat it, until a kill ends it.
 * Tests: test/machine, test/abi/fault.c */
#include "uaccess.h"
#include "abi/linux/uio.h"
#include "ksignal.h"
#include "mm_internal.h"
#include "slab.h"
#include "string.h"
#include "task.h"

#define COPY_STEP 65536ul /* a shoot-down waits for no longer copy */
#define STUCK_MAX 64u

enum copy_op { COPY_IN, COPY_OUT, COPY_ZERO };

static inline struct cpu *copy_begin(void)
{
	struct cpu *c = cpu_self();

	a_xchg(&c->mode, CPU_COPY); /* full barrier: pairs with the one in mm_shootdown */
	if (unlikely(c->mm && a_load(&c->mm->tlb_gen) != a_load(&c->tlb_gen)))
		mm_enter_user_slow(c);
	return c;
}

static inline void copy_end(struct cpu *c)
{
	a_store_release(&c->mode, CPU_AWAY);
}

/* Bytes of [va, va + n) that lie below the end of user space. */
static inline size_t user_span(u64 va, size_t n)
{
	if (unlikely(va >= mach_user_top))
		return 0;
	return MIN(n, (size_t)(mach_user_top - va));
}

/* One published piece: bytes copied. */
static inline size_t copy_piece(enum copy_op op, u64 va, void *k, size_t n)
{
	struct cpu *c = copy_begin();
	size_t left = op == COPY_IN    ? mach_copy_in(k, va, n)
		      : op == COPY_OUT ? mach_copy_out(va, k, n)
				       : mach_zero_out(va, n);

	copy_end(c);
	return n - left;
}

/* Without progress for so many faults. A task that is being killed still gets its last words in. */
static bool give_up(u32 stuck)
{
	return stuck > STUCK_MAX && signal_kill_pending(current);
}

static size_t copy_slow(enum copy_op op, u64 va, void *k, size_t n)
{
	size_t done = 0, span = user_span(va, n);
	u32 stuck = 0;

	while (done < span) {
		size_t want = MIN(span - done, COPY_STEP);
		size_t got = copy_piece(op, va + done, k ? (u8 *)k + done : NULL, want);

		done += got;
		if (got == want)
			continue;
		stuck = got ? 0 : stuck + 1;
		if (give_up(stuck) ||
		    mm_fault_in(va + done, 1, op == COPY_IN ? MACH_READ : MACH_WRITE))
			break;
	}
	return done;
}

/* The bytes copied: all, or up to a bad address. The machine checks the end of user space. */
static inline size_t copy(enum copy_op op, u64 va, void *k, size_t n)
{
	struct cpu *c = cpu_self();
	size_t got = 0;

	kassert(c->spin_depth == 0);
	if (unlikely(!c->curr->mm))
		return 0;
	if (likely(n <= COPY_STEP)) {
		got = copy_piece(op, va, k, n);
		if (likely(got == n))
			return n;
	}
	return got + copy_slow(op, va + got, k ? (u8 *)k + got : NULL, n - got);
}

int copy_in(void *dst, uaddr_t src, size_t n)
{
	return copy(COPY_IN, src.va, dst, n) == n ? 0 : -EFAULT;
}

int copy_out(uaddr_t dst, const void *src, size_t n)
{
	return copy(COPY_OUT, dst.va, (void *)(uintptr_t)src, n) == n ? 0 : -EFAULT;
}

int zero_out(uaddr_t dst, size_t n)
{
	return copy(COPY_ZERO, dst.va, NULL, n) == n ? 0 : -EFAULT;
}

size_t copy_in_partial(void *dst, uaddr_t src, size_t n)
{
	return copy(COPY_IN, src.va, dst, n);
}

size_t copy_out_partial(uaddr_t dst, const void *src, size_t n)
{
	return copy(COPY_OUT, dst.va, (void *)(uintptr_t)src, n);
}

ssize_t copy_in_str(char *dst, uaddr_t src, size_t size)
{
	size_t done = 0, span = user_span(src.va, size);
	u32 stuck = 0;

	kassert(cpu_self()->spin_depth == 0);
	if (!current->mm)
		return -EFAULT;
	while (done < span) {
		size_t want = MIN(span - done, COPY_STEP), got = 0;
		bool found = false;
		struct cpu *c = copy_begin();

		mach_copy_str(dst + done, src.va + done, want, &got, &found);
		copy_end(c);
		done += got;
		if (found)
			return (ssize_t)done;
		if (got == want)
			continue;
		stuck = got ? 0 : stuck + 1;
		if (give_up(stuck) || mm_fault_in(src.va + done, 1, MACH_READ))
			return -EFAULT;
	}
	return done == size ? -ENAMETOOLONG : -EFAULT;
}

int copy_in_nofault(void *dst, uaddr_t src, size_t n)
{
	if (user_span(src.va, n) != n || !current->mm)
		return -EFAULT;
	return copy_piece(COPY_IN, src.va, dst, n) == n ? 0 : -EFAULT;
}

int copy_out_nofault(uaddr_t dst, const void *src, size_t n)
{
	if (user_span(dst.va, n) != n || !current->mm)
		return -EFAULT;
	return copy_piece(COPY_OUT, dst.va, (void *)(uintptr_t)src, n) == n ? 0 : -EFAULT;
}

int load_user32_nofault(uaddr_t src, u32 *v)
{
	struct cpu *c;
	int err;

	if (user_span(src.va, 4) != 4 || !current->mm)
		return -EFAULT;
	c = copy_begin();
	err = mach_load_user32(src.va, v);
	copy_end(c);
	return err;
}

int cmpxchg_user_nofault(uaddr_t p, u32 *expected, u32 desired)
{
	struct cpu *c;
	int err;

	if (user_span(p.va, 4) != 4 || p.va % 4 || !current->mm)
		return -EFAULT;
	c = copy_begin();
	err = mach_cmpxchg_user(p.va, expected, desired);
	copy_end(c);
	return err;
}
