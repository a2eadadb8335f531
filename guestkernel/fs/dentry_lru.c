/* dentry_lru.c - cached names that may go: when memory is short, when their tree goes
 *
 * Locks: lru_lock for the list. A candidate is held by a reference while its chain's lock is
 *   taken. That does not hold its superblock, so reclaimers count themselves there, unless it
 *   is going, and who ends it waits for them.
 */
#include "fs_internal.h"
#include "sched.h"

#define SCAN_MAX 256u /* entries looked at beyond eight per one wanted */

static struct spinlock lru_lock = SPINLOCK_INIT(RANK_LRU);
static TAILQ_HEAD(, dentry) lru = TAILQ_HEAD_INITIALIZER(lru);
static struct waitq lru_done = WAITQ_INIT(lru_done);

void dentry_lru_add(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (!(d->flags & DENTRY_LRU)) {
		dentry_flag_set(d, DENTRY_LRU);
		TAILQ_INSERT_TAIL(&lru, d, lru);
	}
	spin_unlock(&lru_lock);
}

void dentry_lru_remove(struct dentry *d)
{
	spin_lock(&lru_lock);
	if (d->flags & DENTRY_LRU) {
		dentry_flag_clear(d, DENTRY_LRU);
		TAILQ_REMOVE(&lru, d, lru);
	}
	spin_unlock(&lru_lock);
}

/* A child with a reference, or null. */
static struct dentry *child_first(struct dentry *d)
{
	struct dentry *c;

	spin_lock(&d->lock);
	c = TAILQ_FIRST(&d->children);
	if (c)
		ref_get(&c->refs);
	spin_unlock(&d->lock);
	return c;
}

void dentry_shrink_tree(struct dentry *root)
{
	struct dentry *d, *c;

	for (;;) {
		d = child_first(root);
		if (!d)
			return;
		while ((c = child_first(d))) {
			dentry_put(d);
			d = c;
		}
		if (dentry_detach(d))
			dentry_put(d);
		/* somebody in there may have added a name before it left */
		dentry_shrink_tree(d);
		dentry_put(d);
	}
}

void dentry_invalidate(struct dentry *d)
{
	dentry_unhash(d);
	dentry_shrink_tree(d); /* after it: nothing is added any more */
}

/* One candidate of the LRU's head with a reference, or null. */
static struct dentry *lru_take(u32 *budget)
{
	struct dentry *d, *found = NULL;

	spin_lock(&lru_lock);
	while (!found && *budget && (d = TAILQ_FIRST(&lru))) {
		--*budget;
		TAILQ_REMOVE(&lru, d, lru);
		TAILQ_INSERT_TAIL(&lru, d, lru);
		if (READ_ONCE(d->used))
			WRITE_ONCE(d->used, 0);
		else if (a_load(&d->refs) == 1 && a_load(&d->sb->refs) && ref_get_live(&d->refs))
			found = d;
	}
	if (found)
		a_add(&found->sb->reclaimers, 1);
	spin_unlock(&lru_lock);
	return found;
}

/* The superblock may go from here on. */
static void lru_give_back(struct superblock *sb)
{
	if (a_sub(&sb->reclaimers, 1) == 0)
		waitq_wake_all(&lru_done);
}

void dentry_lru_leave(struct superblock *sb)
{
	/* Who looks under the lock after us sees that there is no reference left. */
	spin_lock(&lru_lock);
	spin_unlock(&lru_lock);
	wait_event(&lru_done, a_load_acquire(&sb->reclaimers) == 0);
}

size_t dentry_reclaim(size_t n)
{
	u32 budget = (u32)MIN(n * 8 + SCAN_MAX, 1u << 20);
	size_t freed = 0;
	struct dentry *d;

	while (freed < n && (d = lru_take(&budget))) {
		struct superblock *sb = d->sb;

		/* lost races (somebody uses it again) cost a miss, no more */
		if (!(d->flags & DENTRY_PINNED) && a_load(&d->refs) == 2 && dentry_detach(d)) {
			dentry_put(d);
			freed++;
		}
		dentry_put(d);
		lru_give_back(sb);
	}
	return freed;
}
