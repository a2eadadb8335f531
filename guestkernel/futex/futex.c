/* futex.c - waiting on words of user memory (futex(2))
 *
 * Provides: the key of a word, hash buckets, FUTEX_WAIT and FUTEX_WAKE with bitsets. Requeue and
 * wake-op are in requeue.c, the system calls in calls.c, robust lists in robust.c.
 * Objects: a waiter lives on its task's stack and is queued in the bucket of its key.
 * A wake-up is not lost, because both sides go through the bucket:
 *
 *	waiter                                waker
 *	waiting++ (full barrier)              (user stores the new value)
 *	bucket lock; load word; equal?        full barrier; waiting == 0? nobody to wake
 *	queue; state = interruptible          bucket lock; take waiters with the key off; wake them
 *	unlock; block                         unlock
 *
 * If the waker saw 0, its barrier puts the user's store before the waiter's load, which then
 *differs from what the waiter expects. Keys: a private word is (mm, address); a shared one
 *(mapping, position). A shared futex on private memory has the private key: so the kernel's wake of
 *clear_tid meets both kinds of waiter. Keys are compared, never followed, and hold no reference: if
 *the object is freed and its address used again, a waiter may wake for nothing, which futex(2)
 *allows. Locks: bucket locks [RANK_FUTEX], two in the order of their addresses. The word is read
 *with the lock held by the copies that do not fault; if that fails, the page is faulted in without
 *the lock. Sleeps: futex_wait; faults of all. Allocates: never. Differs from Linux: no priority
 *inheritance (ENOSYS), no futex_waitv. Tests: test/machine, test/abi/futex.c */
#include "futex.h"
#include "futex_internal.h"
#include "init.h"
#include "log.h"
#include "mm/mm_internal.h"
#include "sched.h"

#define BUCKETS 256u
static struct futex_bucket buckets[BUCKETS];

void futex_init(void)
{
	for (u32 i = 0; i < BUCKETS; i++) {
		spin_init(&buckets[i].lock, RANK_FUTEX);
		TAILQ_INIT(&buckets[i].queue);
	}
}

struct futex_bucket *futex_bucket_of(const struct futex_key *k)
{
	u64 h = ((u64)(uintptr_t)k->space >> 6) * 0x9e3779b97f4a7c15ull;

	h = (h ^ (k->at >> 2)) * 0xd6e8feb86659fd93ull;
	return &buckets[h >> 56 & (BUCKETS - 1)];
}

static int shared_key(uaddr_t word, u32 access, struct futex_key *out)
{
	struct mm *mm = current->mm;
	struct vma *v;
	int err = -EFAULT;

	rwlock_read(&mm->lock);
	v = mm_find_vma(mm, word.va);
	if (v && v->start <= word.va && v->flags & (access == MACH_WRITE ? VMA_WRITE : VMA_PROT)) {
		err = 0;
		if (v->flags & VMA_SHARED) {
			out->space = v->mapping;
			out->at = (vma_index(v, PAGE_ALIGN_DOWN(word.va)) << PAGE_SHIFT) |
				  (word.va & ~PAGE_MASK);
		}
	}
	rwlock_read_done(&mm->lock);
	return err;
}

int futex_key_get(uaddr_t word, bool private, u32 access, struct futex_key *out)
{
	if (word.va % 4)
		return -EINVAL;
	if (word.va >= mach_user_top)
		return -EFAULT;
	*out = (struct futex_key){current->mm, word.va};
	return private ? 0 : shared_key(word, access, out);
}

/* Off the queue and awake; the waiter leaves only after it has seen bucket null, or has had the
 * lock itself. */
void futex_wake_one_locked(struct futex_bucket *b, struct futex_waiter *w, bool sync)
{
	struct task *t = w->task;

	TAILQ_REMOVE(&b->queue, w, link);
	a_sub(&b->waiting, 1);
	if (sync)
		(void)sched_wake_sync(t, TASK_NORMAL);
	else
		(void)sched_wake(t, TASK_NORMAL);
	__atomic_store_n(&w->bucket, NULL, __ATOMIC_RELEASE);
}

/* Takes a waiter off that was not woken: true if it had been queued still. Requeueing may move it
 * to another bucket meanwhile. */
static bool dequeue(struct futex_waiter *w)
{
	struct futex_bucket *b;

	while ((b = __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE))) {
		spin_lock(&b->lock);
		if (w->bucket == b) {
			TAILQ_REMOVE(&b->queue, w, link);
			w->bucket = NULL;
			a_sub(&b->waiting, 1);
			spin_unlock(&b->lock);
			return true;
		}
		spin_unlock(&b->lock);
	}
	return false;
}

/* Queues w if the word still has the value: 0, -EAGAIN, -EFAULT. */
static int queue_if_equal(struct futex_waiter *w, uaddr_t word, u32 val)
{
	struct futex_bucket *b = futex_bucket_of(&w->key);
	u32 now;
	int err;

	for (;;) {
		a_add(&b->waiting, 1);
		mem_barrier(); /* before the load of the word: pairs with futex_wake */
		spin_lock(&b->lock);
		err = load_user32_nofault(word, &now);
		if (!err && now == val)
			break;
		spin_unlock(&b->lock);
		a_sub(&b->waiting, 1);
		if (!err)
			return -EAGAIN;
		if (mm_fault_in(word.va, 4, MACH_READ))
			return -EFAULT;
	}
	w->bucket = b;
	TAILQ_INSERT_TAIL(&b->queue, w, link);
	sched_set_state(TASK_INTERRUPTIBLE);
	spin_unlock(&b->lock);
	return 0;
}

static long wait_again(struct restart_block *r)
{
	return futex_wait(UADDR(r->arg[0]), r->arg[1], (u32)r->arg[2], (u32)r->arg[3], r->deadline,
			  true);
}

static long restart_later(uaddr_t word, bool private, u32 val, u32 bitset, u64 deadline)
{
	current->restart = (struct restart_block){
		.fn = wait_again,
		.deadline = deadline,
		.arg = {word.va, private, val, bitset},
	};
	return -ERESTART_RESTARTBLOCK;
}

long futex_wait(uaddr_t word, bool private, u32 val, u32 bitset, u64 deadline, bool relative)
{
	struct futex_waiter w = {.task = current, .bitset = bitset};
	int err;

	if (!bitset)
		return -EINVAL;
	err = futex_key_get(word, private, MACH_READ, &w.key);
	if (err)
		return err;
	for (;;) {
		err = queue_if_equal(&w, word, val);
		if (err)
			return err;
		err = sched_block_until(deadline);
		if (!dequeue(&w))
			return 0; /* woken, whatever else happened */
		if (err)
			break;
		/* a wake-up that was meant for something else */
	}
	if (err == -ETIMEDOUT)
		return err;
	/* An absolute deadline needs nothing remembered: the call's own arguments do. */
	if (deadline == DEADLINE_NONE || !relative)
		return -ERESTARTSYS;
	return restart_later(word, private, val, bitset, deadline);
}

long futex_wake(uaddr_t word, bool private, u32 n, u32 bitset)
{
	struct futex_waiter *w, *next;
	struct futex_bucket *b;
	struct futex_key key;
	u32 woken = 0;
	int err;

	if (!bitset)
		return -EINVAL;
	err = futex_key_get(word, private, MACH_READ, &key);
	if (err)
		return err;
	b = futex_bucket_of(&key);
	mem_barrier(); /* the user's store before the look: pairs with queue_if_equal */
	if (!a_load(&b->waiting))
		return 0;
	spin_lock(&b->lock);
	TAILQ_FOREACH_SAFE (w, &b->queue, link, next) {
		if (!futex_key_equal(&w->key, &key) || !(w->bitset & bitset))
			continue;
		futex_wake_one_locked(b, w, n == 1);
		if (++woken >= n)
			break;
	}
	spin_unlock(&b->lock);
	return woken;
}

long futex_wake_user(uaddr_t word, u32 n)
{
	return futex_wake(word, false, n, ABI_FUTEX_BITSET_MATCH_ANY);
}
