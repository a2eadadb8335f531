/* requeue.c - operations on two futex words: FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP */
#include "futex_internal.h"

static void lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a == b) {
		spin_lock(&a->lock);
	} else if (a < b) {
		spin_lock(&a->lock);
		spin_lock_nested(&b->lock); /* lower address first */
	} else {
		spin_lock(&b->lock);
		spin_lock_nested(&a->lock);
	}
}

static void unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
}

static void move_locked(struct futex_waiter *w, struct futex_bucket *from, struct futex_bucket *to,
			const struct futex_key *key)
{
	w->key = *key;
	if (from == to)
		return;
	TAILQ_REMOVE(&from->queue, w, link);
	a_sub(&from->waiting, 1);
	a_add(&to->waiting, 1);
	TAILQ_INSERT_TAIL(&to->queue, w, link);
	__atomic_store_n(&w->bucket, to, __ATOMIC_RELEASE);
}

struct requeue {
	struct futex_bucket *from, *to;
	struct futex_key k1, k2;
};

static long requeue_locked(struct requeue *r, u32 wake, u32 requeue)
{
	struct futex_waiter *w, *next;
	u32 done = 0;

	TAILQ_FOREACH_SAFE (w, &r->from->queue, link, next) {
		if (!futex_key_equal(&w->key, &r->k1))
			continue;
		if (done < wake)
			futex_wake_one_locked(r->from, w, false);
		else if (done - wake < requeue)
			move_locked(w, r->from, r->to, &r->k2);
		else
			break;
		done++;
	}
	return done;
}

long futex_requeue(uaddr_t word, uaddr_t word2, bool private, u32 wake, u32 requeue,
		   const u32 *expected)
{
	struct requeue r;
	long ret;
	int err;
	u32 now;

	if ((int)wake < 0 || (int)requeue < 0)
		return -EINVAL;
	err = futex_key_get(word, private, MACH_READ, &r.k1);
	if (!err)
		err = futex_key_get(word2, private, MACH_READ, &r.k2);
	if (err)
		return err;
	r.from = futex_bucket_of(&r.k1);
	r.to = futex_bucket_of(&r.k2);
	for (;;) {
		lock_two(r.from, r.to);
		if (!expected)
			break;
		err = load_user32_nofault(word, &now);
		if (!err && now == *expected)
			break;
		unlock_two(r.from, r.to);
		if (!err)
			return -EAGAIN;
		if (mm_fault_in(word.va, 4, MACH_READ))
			return -EFAULT;
	}
	ret = requeue_locked(&r, wake, futex_key_equal(&r.k1, &r.k2) ? 0 : requeue);
	unlock_two(r.from, r.to);
	return ret;
}

static u32 op_result(u32 op, u32 arg, u32 old)
{
	switch (op) {
	case ABI_FUTEX_OP_SET:
		return arg;
	case ABI_FUTEX_OP_ADD:
		return old + arg;
	case ABI_FUTEX_OP_OR:
		return old | arg;
	case ABI_FUTEX_OP_ANDN:
		return old & ~arg;
	default:
		return old ^ arg;
	}
}

static bool op_compare(u32 cmp, int old, int arg)
{
	switch (cmp) {
	case ABI_FUTEX_OP_CMP_EQ:
		return old == arg;
	case ABI_FUTEX_OP_CMP_NE:
		return old != arg;
	case ABI_FUTEX_OP_CMP_LT:
		return old < arg;
	case ABI_FUTEX_OP_CMP_LE:
		return old <= arg;
	case ABI_FUTEX_OP_CMP_GT:
		return old > arg;
	default:
		return old >= arg;
	}
}

/* The operation on the word, under the locks: 0 and the old value, or -EFAULT. */
static int do_op(uaddr_t word, u32 op, u32 arg, u32 *old)
{
	int err = load_user32_nofault(word, old);

	while (!err) {
		u32 seen = *old;

		err = cmpxchg_user_nofault(word, old, op_result(op, arg, seen));
		if (!err && *old == seen)
			break;
	}
	return err;
}

static u32 wake_locked(struct futex_bucket *b, const struct futex_key *k, u32 n)
{
	struct futex_waiter *w, *next;
	u32 woken = 0;

	TAILQ_FOREACH_SAFE (w, &b->queue, link, next) {
		if (woken >= n)
			break;
		if (!futex_key_equal(&w->key, k))
			continue;
		futex_wake_one_locked(b, w, false);
		woken++;
	}
	return woken;
}

/* val3 of FUTEX_WAKE_OP: 0 or -ENOSYS. */
struct wake_op {
	u32 kind, cmp;
	int arg, cmparg;
};

static int decode_op(u32 op, struct wake_op *out)
{
	u32 arg = op >> 12 & 0xfff;

	out->kind = op >> 28;
	out->cmp = op >> 24 & 15;
	out->arg = (int)(arg << 20) >> 20;
	out->cmparg = (int)(op << 20) >> 20;
	if (out->kind & ABI_FUTEX_OP_OPARG_SHIFT) {
		out->kind &= ~(u32)ABI_FUTEX_OP_OPARG_SHIFT;
		out->arg = (int)(1u << (arg & 31));
	}
	return out->kind > ABI_FUTEX_OP_XOR || out->cmp > ABI_FUTEX_OP_CMP_GE ? -ENOSYS : 0;
}

long futex_wake_op(uaddr_t word, uaddr_t word2, bool private, u32 wake, u32 wake2, u32 op)
{
	struct futex_bucket *b1, *b2;
	struct futex_key k1, k2;
	struct wake_op o;
	long ret;
	int err;
	u32 old;

	err = decode_op(op, &o);
	if (!err)
		err = futex_key_get(word, private, MACH_READ, &k1);
	if (!err)
		err = futex_key_get(word2, private, MACH_WRITE, &k2);
	if (err)
		return err;
	b1 = futex_bucket_of(&k1);
	b2 = futex_bucket_of(&k2);
	for (;;) {
		lock_two(b1, b2);
		if (!do_op(word2, o.kind, (u32)o.arg, &old))
			break;
		unlock_two(b1, b2);
		if (mm_fault_in(word2.va, 4, MACH_WRITE))
			return -EFAULT;
	}
	ret = wake_locked(b1, &k1, wake);
	if (op_compare(o.cmp, (int)old, o.cmparg))
		ret += wake_locked(b2, &k2, wake2);
	unlock_two(b1, b2);
	return ret;
}
