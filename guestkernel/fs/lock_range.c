/* lock_range.c - record locks as data */
#include "lock_range.h"
#include "abi/linux/fcntl.h"
#include "log.h"

static bool overlap(const struct lock_range *a, const struct lock_range *b)
{
	return a->start <= b->end && b->start <= a->end;
}

struct lock_range *lock_conflict(struct lock_list *list, const struct lock_range *r)
{
	struct lock_range *e;

	TAILQ_FOREACH (e, list, link)
		if (e->owner != r->owner && overlap(e, r) &&
		    (e->type == ABI_F_WRLCK || r->type == ABI_F_WRLCK))
			return e;
	return NULL;
}

static void insert_sorted(struct lock_list *list, struct lock_range *n)
{
	struct lock_range *e;

	TAILQ_FOREACH (e, list, link)
		if (e->start > n->start) {
			TAILQ_INSERT_BEFORE(e, n, link);
			return;
		}
	TAILQ_INSERT_TAIL(list, n, link);
}

static struct lock_range *take(struct lock_range *spare[2])
{
	struct lock_range *n = spare[0] ? spare[0] : spare[1];

	kassert(n);
	spare[n == spare[0] ? 0 : 1] = NULL;
	return n;
}

static void put_away(struct lock_list *list, struct lock_range *e, struct lock_list *gone)
{
	TAILQ_REMOVE(list, e, link);
	TAILQ_INSERT_TAIL(gone, e, link);
}

/* e, of r's owner, loses what r covers. */
static void cut(struct lock_list *list, struct lock_range *e, const struct lock_range *r,
		struct lock_range *spare[2], struct lock_list *gone)
{
	struct lock_range *right;

	if (e->start >= r->start && e->end <= r->end) {
		put_away(list, e, gone);
		return;
	}
	if (e->start < r->start && e->end > r->end) {
		right = take(spare);
		*right = *e;
		right->start = r->end + 1;
		e->end = r->start - 1;
		insert_sorted(list, right);
		return;
	}
	if (e->start < r->start) {
		e->end = r->start - 1;
		return;
	}
	TAILQ_REMOVE(list, e, link); /* its start changes: so may its place */
	e->start = r->end + 1;
	insert_sorted(list, e);
}

/* Whether e overlaps r or ends just beside it. */
static bool touches(const struct lock_range *e, const struct lock_range *r)
{
	return overlap(e, r) || (e->end != ~0ull && e->end + 1 == r->start) ||
	       (r->end != ~0ull && r->end + 1 == e->start);
}

void lock_apply(struct lock_list *list, const struct lock_range *r, struct lock_range *spare[2],
		struct lock_list *gone)
{
	struct lock_range *e, *next, *n, whole = *r;

	for (e = TAILQ_FIRST(list); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->owner != r->owner)
			continue;
		if (e->type == r->type && touches(e, &whole)) {
			whole.start = whole.start < e->start ? whole.start : e->start;
			whole.end = whole.end > e->end ? whole.end : e->end;
			put_away(list, e, gone);
		} else if (e->type != r->type && overlap(e, r)) {
			cut(list, e, r, spare, gone);
		}
	}
	if (r->type == ABI_F_UNLCK)
		return;
	n = take(spare);
	*n = whole;
	insert_sorted(list, n);
}
