/* stats.h - named counters for `runsc debug --stats` (debug/stats.c)
 *
 *	static struct stat_counter walks = STAT_COUNTER("gofer.walk");
 *	stat_count(&walks);
 *
 * A counter lists itself at its first use; it lives for ever. Racy readers, exact sums. One that is
 * kept elsewhere has .read, and is listed by its owner. */
#pragma once
#include "atomic.h"

struct stat_counter {
	const char *name;			   /* [I] */
	a64_t value;				   /* [a] */
	u64 (*read)(const struct stat_counter *s); /* [I] in place of .value, if not null */
	struct stat_counter *next;		   /* [I] once listed */
	a32_t listed;				   /* [a] */
};
#define STAT_COUNTER(n)     \
	{                   \
		.name = (n) \
	}
void stat_list(struct stat_counter *s);
static inline void stat_add(struct stat_counter *s, u64 n)
{
	a_add(&s->value, n);
	if (unlikely(!a_load(&s->listed)))
		stat_list(s);
}
static inline void stat_count(struct stat_counter *s)
{
	stat_add(s, 1);
}
