/* pid.c - process numbers and how to find who bears them
 *
 * Provides: task/pid.h, task_find, proc_find, proc_next, pgrp_find.
 * Owns: each container's pidmap. Numbers are given out in ascending order and start again behind
 *   the highest, so that a number is not soon used again.
 * Locks: tasklist_lock for changes; finding is lock-free under quiescence.
 * Tests: test/machine */
#include "task/pid.h"
#include "log.h"
#include "slab.h"

#define PID_RESERVED 300u /* after the first round, low numbers are left alone, as Linux does */

struct spinlock tasklist_lock = SPINLOCK_INIT(RANK_TASKLIST);

struct pidmap *pidmap_new(void)
{
	struct pidmap *m = kzalloc(sizeof(*m));

	if (m)
		m->used[0] = 1; /* 0 is nobody */
	return m;
}

void pidmap_free(struct pidmap *m)
{
	kfree(m);
}

static u32 pidmap_take(struct pidmap *m)
{
	u32 nr = m->last + 1;

	for (u32 tries = 0; tries < PID_MAX; tries++, nr++) {
		if (nr >= PID_MAX)
			nr = PID_RESERVED;
		if (m->used[nr / 64] == ~0ull) {
			tries += 63 - nr % 64;
			nr |= 63;
			continue;
		}
		if ((m->used[nr / 64] >> (nr % 64)) & 1)
			continue;
		m->used[nr / 64] |= 1ull << (nr % 64);
		m->last = nr;
		return nr;
	}
	return 0;
}

struct pid *pid_alloc(struct container *c)
{
	struct pid *p = kzalloc(sizeof(*p)), **bucket;

	if (!p)
		return NULL;
	p->refs.v = 1;
	p->container = c;
	spin_lock(&tasklist_lock);
	p->nr = pidmap_take(c->pidmap);
	if (p->nr) {
		bucket = &c->pidmap->hash[p->nr % PID_HASH];
		p->next = *bucket;
		__atomic_store_n(bucket, p, __ATOMIC_RELEASE);
	}
	spin_unlock(&tasklist_lock);
	if (!p->nr) {
		kfree(p);
		return NULL;
	}
	return p;
}

void pid_get(struct pid *p)
{
	ref_get(&p->refs);
}

static void pid_free(struct quiesce_head *h)
{
	kfree(container_of(h, struct pid, qhead));
}

void pid_put_locked(struct pid *p)
{
	struct pidmap *m = p->container->pidmap;
	struct pid **at = &m->hash[p->nr % PID_HASH];

	assert_held(&tasklist_lock);
	if (!ref_put(&p->refs))
		return;
	while (*at != p)
		at = &(*at)->next;
	__atomic_store_n(at, p->next, __ATOMIC_RELEASE);
	m->used[p->nr / 64] &= ~(1ull << (p->nr % 64));
	quiesce_defer(&p->qhead, pid_free);
}

void pid_put(struct pid *p)
{
	spin_lock(&tasklist_lock);
	pid_put_locked(p);
	spin_unlock(&tasklist_lock);
}

struct pid *pid_find(struct container *c, u32 nr)
{
	struct pid *p = __atomic_load_n(&c->pidmap->hash[nr % PID_HASH], __ATOMIC_ACQUIRE);

	while (p && p->nr != nr)
		p = __atomic_load_n(&p->next, __ATOMIC_ACQUIRE);
	return p;
}

struct task *task_find(struct container *c, u32 tid)
{
	struct pid *p = pid_find(c, tid);

	return p ? READ_ONCE(p->task) : NULL;
}

struct proc *proc_find(struct container *c, u32 pid)
{
	struct task *t = task_find(c, pid);

	return t && t->proc->pid == pid ? t->proc : NULL;
}

struct pgrp *pgrp_find(struct container *c, u32 id)
{
	struct pid *p = pid_find(c, id);

	return p ? READ_ONCE(p->pgrp) : NULL;
}

struct proc *proc_next(struct container *c, u32 from)
{
	struct pidmap *m = c->pidmap;

	for (u32 nr = MAX(from, 1u); nr < PID_MAX; nr++) {
		struct proc *p;

		if (!m->used[nr / 64]) {
			nr |= 63;
			continue;
		}
		if (!((m->used[nr / 64] >> (nr % 64)) & 1))
			continue;
		p = proc_find(c, nr);
		if (p)
			return p;
	}
	return NULL;
}
