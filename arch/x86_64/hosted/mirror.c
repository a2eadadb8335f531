/* mirror.c - what a stub process has mapped
 *
 * Provides: runs of orders to a stub's mapper, and the filling of what the application touches.
 * An order is a host system call that the mapper thread of the stub makes: mmap of frames from the
 *   memory that all share, munmap, mprotect. Orders are collected in the stub's page, which it
 *   cannot write, and carried out together: when the page is full, before a thread of the stub goes
 *   on that needs them, and in a shoot-down, after which nothing that was taken away can be used.
 *   They are done when the mapper has said so on its eventfd, which no other thread of the
 *   stub has: the application can neither make, change nor forge them. A stub that is dead has
 *   nothing mapped, so all is done. A shoot-down waits for that. A turn does not: the mapper
 *   gives it to the thread itself then, and its answer is read when the turn is back, or
 *   before the page is written again.
 * Neighbours: pages around a fault come along if the tables have them; contiguous frames with
 *   the same rights cost one call.
 * Locks: the space's pt_lock is held around everything here.
 * Sleeps: the thread waits for the mapper, in the host; the CPU does nothing meanwhile.
 * Limits: a process may have some 65,000 mappings (vm.max_map_count); before that all are dropped,
 *   and come back as they are used.
 */
#include "abi/boot.h"
#include "count.h"
#include "hosted.h"
#include "log.h"
#include "mm.h"
#include "task.h"

#define NEIGHBOURS 32u	/* pages, aligned, around a fault */
#define TABLE	   512u /* entries */
#define POPULATE   8u	/* pages */
#define VMAS_MAX   40000u
#define LOOK_MS	   200

static bool done_now(s32 fd, u64 *count)
{
	return host_call(HOST_read, (u64)fd, (u64)count, sizeof(*count), 0, 0, 0) == sizeof(*count);
}

/* Waits for the mapper; expected: it has probably answered. False: a call of it failed. */
static bool orders_wait(struct stub *s, s32 fd, bool expected)
{
	struct {
		s32 fd;
		int16_t events, revents;
	} p = {fd, 1 /* POLLIN */, 0};
	u64 count = 0;

	if (expected && done_now(fd, &count))
		return count == STUB_DONE;
	if (expected && __atomic_load_n(&s->dead, __ATOMIC_ACQUIRE))
		return true;
	for (;;) {
		s64 ready = host_call(HOST_poll, (u64)&p, 1, LOOK_MS, 0, 0, 0);

		if (ready > 0 && done_now(fd, &count))
			return count == STUB_DONE;
		if (ready == 0 && stub_has_ended(s)) {
			/* A last word that came before its end must not count for the next. */
			(void)done_now(fd, &count);
			return true;
		}
	}
}

/* The mapper's answer to what it was told last: its page is free then. */
static void orders_answer(struct stub *s, u32 cpu, bool expected)
{
	if (orders_wait(s, plan->done_fd[cpu], expected))
		return;
	klog_once(LOG_WARN, "the host refuses a mapping of a program; the program ends");
	stub_end(s);
}

static void orders_passed(struct stub *s)
{
	u32 by = s->passed;

	if (!by)
		return;
	orders_answer(s, by - 1, true);
	__atomic_store_n(&s->passed, 0, __ATOMIC_RELEASE);
}

/* Has the collected orders carried out. pass: the turn word that is set then, or 0. */
static void orders_start(struct stub *s, u64 pass)
{
	struct stub_orders *o = s->orders;
	struct cpu *c = cpu_self();

	count_add(c, COUNT_ORDER_CALLS, s->n);
	count_one(c, pass ? COUNT_ORDERS_PASSED : COUNT_ORDERS_AWAITED);
	count_one(c, COUNT_WAKES);
	o->n = s->n;
	o->done = STUB_FD_DONE + c->id;
	o->pass = pass;
	/* To wake an idle CPU takes longer than what the mapper has to do. */
	turn_bring(s->mapper, &s->mapper_cpu);
	__atomic_store_n(&o->seq, ++s->seq, __ATOMIC_SEQ_CST);
}

/* Has the collected orders carried out, and waits for that. */
static void orders_run(struct stub *s)
{
	orders_passed(s);
	if (s->n && !__atomic_load_n(&s->dead, __ATOMIC_RELAXED)) {
		orders_start(s, 0);
		host_futex_wake(&s->orders->seq);
		orders_answer(s, cpu_self()->id, false);
	}
	__atomic_store_n(&s->n, 0, __ATOMIC_RELEASE);
}

/* Orders must not be collected while the page is still being read. */
static struct stub_order *order_next(struct stub *s)
{
	orders_passed(s);
	return &s->orders->order[s->n];
}

bool mirror_pass(struct mm *mm, struct stub *s, struct stub_thread *t)
{
	u32 cpu = cpu_self()->id;
	bool pass;

	/* .n first: who takes orders over has said so before. */
	if (!__atomic_load_n(&s->n, __ATOMIC_ACQUIRE) &&
	    !__atomic_load_n(&s->passed, __ATOMIC_ACQUIRE))
		return false;
	spin_lock(&mm->pt_lock);
	orders_passed(s);
	pass = s->n && !__atomic_load_n(&s->dead, __ATOMIC_RELAXED);
	if (pass) {
		__atomic_store_n(&t->area->turn, STUB_TURN_MAPPER, __ATOMIC_SEQ_CST);
		__atomic_store_n(&s->passed, cpu + 1, __ATOMIC_RELEASE);
		orders_start(s, STUB_AREA + (u64)cpu * STUB_AREA_SIZE +
					offsetof(struct stub_area, turn));
	}
	__atomic_store_n(&s->n, 0, __ATOMIC_RELEASE);
	spin_unlock(&mm->pt_lock);
	/* The mapper runs at once, and the application after it: not with the lock held. */
	if (pass)
		host_futex_wake(&s->orders->seq);
	return pass;
}

void mirror_passed(struct mm *mm, struct stub *s)
{
	spin_lock(&mm->pt_lock);
	orders_passed(s);
	spin_unlock(&mm->pt_lock);
}

/* Makes the last order collected longer, if r goes on where it ends. */
static bool order_extend(struct stub *s, const struct mirror_run *r)
{
	struct stub_order *o;

	if (!s->n)
		return false;
	o = &s->orders->order[s->n - 1];
	if (o->nr != r->nr || o->arg[0] + o->arg[1] != r->va || o->arg[2] != r->prot)
		return false;
	if (r->nr == HOST_mmap && o->arg[5] + o->arg[1] != r->pa)
		return false;
	o->arg[1] += r->end - r->va;
	return true;
}

/* A mapping for reading is filled by the host's own faults, which take many pages at once. */
static bool populates(const struct mirror_run *r, u64 len)
{
	return r->prot & HOST_PROT_WRITE || len <= POPULATE * PAGE_SIZE;
}

static void run_push(struct mirror_run *r)
{
	struct stub *s = r->stub;
	u64 len = r->end - r->va;

	if (!r->nr)
		return;
	if (!order_extend(s, r)) {
		struct stub_order *o = order_next(s);

		*o = (struct stub_order){.nr = r->nr, .arg = {r->va, len, r->prot}};
		if (r->nr == HOST_mmap) {
			o->arg[3] = HOST_MAP_SHARED | HOST_MAP_FIXED |
				    (populates(r, len) ? HOST_MAP_POPULATE : 0);
			o->arg[4] = STUB_FD_RAM;
			o->arg[5] = r->pa;
			s->vmas++;
		}
		s->n++;
	}
	r->nr = 0;
	if (s->n == STUB_ORDERS_MAX)
		orders_run(s);
}

static void run_start(struct mirror_run *r, u64 nr, u64 va, u64 pa, u32 prot)
{
	run_push(r);
	r->nr = nr;
	r->va = va;
	r->end = va + PAGE_SIZE;
	r->pa = pa;
	r->prot = prot;
}

void run_map(struct mirror_run *r, u64 va, u64 pa, u32 prot)
{
	if (r->nr == HOST_mmap && r->end == va && r->prot == prot && r->pa + (va - r->va) == pa)
		r->end += PAGE_SIZE;
	else
		run_start(r, HOST_mmap, va, pa, prot);
}

void run_protect(struct mirror_run *r, u64 va, u32 prot)
{
	if (r->nr == HOST_mprotect && r->end == va && r->prot == prot)
		r->end += PAGE_SIZE;
	else
		run_start(r, HOST_mprotect, va, 0, prot);
}

void run_drop(struct mirror_run *r, u64 va)
{
	if (r->nr == HOST_munmap && (r->end == va || r->gaps))
		r->end = va + PAGE_SIZE;
	else
		run_start(r, HOST_munmap, va, 0, 0);
}

void run_finish(struct mirror_run *r)
{
	if (!r->stub)
		return;
	run_push(r);
}

void mirror_settle(struct stub *s)
{
	orders_run(s);
}

static bool allows(u64 e, u32 access)
{
	return e & PTE_P && (!(access & MACH_WRITE) || e & PTE_W) &&
	       (!(access & MACH_EXEC) || !(e & PTE_NX));
}

/* A page that the stub has already, with the rights it should have. */
static bool is_mirrored(u64 e)
{
	return e & PTE_HOST && (e & PTE_HOSTW || !(pte_host_prot(e) & HOST_PROT_WRITE));
}

void run_fill(struct mirror_run *r, u64 va, u64 *entry)
{
	u64 e = __atomic_load_n(entry, __ATOMIC_RELAXED);
	u32 prot = pte_host_prot(e);

	if (!prot || is_mirrored(e))
		return;
	__atomic_fetch_or(entry, PTE_HOST | PTE_A | (prot & HOST_PROT_WRITE ? PTE_HOSTW : 0),
			  __ATOMIC_RELAXED);
	if (e & PTE_HOST)
		run_protect(r, va, prot);
	else
		run_map(r, va, e & PTE_ADDR, prot);
}

/* Whether the stub could get both pages by one mapping. */
static bool is_next(u64 e, u64 next)
{
	return !(next & PTE_HOST) && pte_host_prot(next) == pte_host_prot(e) &&
	       (next & PTE_ADDR) == (e & PTE_ADDR) + PAGE_SIZE;
}

/* What to fill of a table for a fault at entry at: the neighbours, and all that their first and
 * last mapping can be made longer by at no cost. */
static void fill_bounds(const u64 *e, u32 at, u32 *first, u32 *end)
{
	u32 i = at & ~(NEIGHBOURS - 1), n = i + NEIGHBOURS;

	while (i > 0 && pte_host_prot(e[i - 1]) && !(e[i] & PTE_HOST) && is_next(e[i - 1], e[i]))
		i--;
	while (n < TABLE && pte_host_prot(e[n - 1]) && is_next(e[n - 1], e[n]))
		n++;
	*first = i;
	*end = n;
}

static void drop_all(struct mach_space *space)
{
	struct stub *s = space->stub;
	struct mirror_run r = {.stub = s};

	run_start(&r, HOST_munmap, 0, 0, 0);
	r.end = mach_user_top;
	run_finish(&r);
	orders_run(s);
	space_forget_mirror(space);
	s->vmas = 0;
}

void mirror_begin(struct mm *mm)
{
	struct mirror_run r = {.stub = mm->space.stub};

	spin_lock(&mm->pt_lock);
	if (!r.stub->begun)
		space_fill_wanted(&mm->space, &r);
	r.stub->begun = true;
	run_finish(&r);
	spin_unlock(&mm->pt_lock);
}

enum fill mirror_fill(struct mm *mm, u64 va, u32 access)
{
	struct mirror_run r = {.stub = mm->space.stub};
	u64 start = va & ~(TABLE * PAGE_SIZE - 1), *e;
	u32 at = (u32)((va - start) >> PAGE_SHIFT), i, end;
	enum fill result = FILL_FAULT;

	if (va >= mach_user_top)
		return FILL_FAULT;
	spin_lock(&mm->pt_lock);
	if (r.stub->vmas > VMAS_MAX)
		drop_all(&mm->space);
	e = space_leaf(mm->space.root, start);
	if (!e || !allows(__atomic_load_n(&e[at], __ATOMIC_RELAXED), access))
		goto out_unlock;
	if (access & MACH_WRITE)
		__atomic_fetch_or(&e[at], PTE_D, __ATOMIC_RELAXED);
	fill_bounds(e, at, &i, &end);
	for (; i < end; i++)
		run_fill(&r, start + i * PAGE_SIZE, &e[i]);
	run_finish(&r);
	result = FILL_DONE;
out_unlock:
	spin_unlock(&mm->pt_lock);
	return result;
}
