/* cred.c - credentials
 *
 * Provides: cred_*, capable. A struct cred is immutable once a task points to it: a change copies
 * it, edits the copy and swaps the pointer (task/ids.c). Readers of another task's credentials are
 * lock-free under quiescence. */
#include "log.h"
#include "slab.h"
#include "string.h"
#include "task.h"
#include "task/cred_internal.h"

struct cred_box {
	struct cred cred;
	struct quiesce_head qhead;
};

struct cred *cred_new_copy(const struct cred *old)
{
	struct cred_box *b = kzalloc(sizeof(*b));

	if (!b)
		return NULL;
	if (old)
		b->cred = *old;
	b->cred.refs.v = 1;
	b->cred.groups = NULL;
	if (old && old->ngroups) {
		b->cred.groups = kmalloc(old->ngroups * sizeof(u32));
		if (!b->cred.groups) {
			kfree(b);
			return NULL;
		}
		memcpy(b->cred.groups, old->groups, old->ngroups * sizeof(u32));
	}
	return &b->cred;
}

static void cred_free(struct quiesce_head *h)
{
	struct cred_box *b = container_of(h, struct cred_box, qhead);

	kfree(b->cred.groups);
	kfree(b);
}

void cred_put(struct cred *c)
{
	if (c && ref_put(&c->refs))
		quiesce_defer(&container_of(c, struct cred_box, cred)->qhead, cred_free);
}

/* Those that have just been replaced may have no reference left: then there are newer ones. Their
 * memory stays until this CPU is quiescent, so nothing here sleeps. */
struct cred *cred_get_task(const struct task *t)
{
	struct cred *c;

	do
		c = __atomic_load_n(&t->cred, __ATOMIC_ACQUIRE);
	while (!ref_get_live(&c->refs));
	return c;
}

void cred_install(struct cred *c)
{
	struct cred *old = current->cred;

	__atomic_store_n(&current->cred, c, __ATOMIC_RELEASE);
	cred_put(old);
}

bool cred_in_group(const struct cred *c, u32 gid)
{
	u32 lo = 0, hi = c->ngroups;

	if (c->fsgid == gid)
		return true;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (c->groups[mid] == gid)
			return true;
		if (c->groups[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool capable(u32 cap)
{
	return (current->cred->cap_eff >> cap) & 1;
}
