/* futex_internal.h - between the files of futex/ */
#pragma once
#include <bsd/sys/queue.h>
#include "abi/linux/futex.h"
#include "mm.h"
#include "task.h"
#include "uaccess.h"

/* What a word is known by: private (mm, address), or shared (mapping, page and offset). */
struct futex_key {
	const void *space; /* struct mm or struct mapping: compared, never followed */
	u64 at;		   /* byte position in it */
};

struct futex_bucket {
	struct spinlock lock;
	a32_t waiting;			  /* [a] tasks queued or about to be */
	TAILQ_HEAD(, futex_waiter) queue; /* [l] oldest first */
} aligned_to(64);

/* On the waiting task's stack; off every queue before the task leaves. */
struct futex_waiter {
	TAILQ_ENTRY(futex_waiter) link; /* [b] the bucket's lock */
	struct futex_bucket *bucket;	/* [a] where it is queued, null once woken */
	struct futex_key key;		/* [b] */
	struct task *task;		/* [I] */
	u32 bitset;			/* [I] */
};

int futex_key_get(uaddr_t word, bool private, u32 access, struct futex_key *out) must_check;
struct futex_bucket *futex_bucket_of(const struct futex_key *k);
static inline bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->at == b->at && a->space == b->space;
}
/* The bucket's lock is held. */
void futex_wake_one_locked(struct futex_bucket *b, struct futex_waiter *w, bool sync);

long futex_wait(uaddr_t word, bool private, u32 val, u32 bitset, u64 deadline, bool relative);
long futex_wake(uaddr_t word, bool private, u32 n, u32 bitset);
long futex_requeue(uaddr_t word, uaddr_t word2, bool private, u32 wake, u32 requeue,
		   const u32 *expected);
long futex_wake_op(uaddr_t word, uaddr_t word2, bool private, u32 wake, u32 wake2, u32 op);
