/* count.h - counters of this machine (count.c) */
#pragma once
#include "hosted.h"
#include "stats.h"

enum count {
	/* how a stub's thread gave the turn back */
	COUNT_PATCHED,
	COUNT_SIGNAL, /* SIGSYS, an exception, a kick that met the application */
	COUNT_FAULT,
	COUNT_KICKED, /* before anything of the application had run */
	/* what mappers were told */
	COUNT_ORDER_CALLS,
	COUNT_ORDERS_AWAITED, /* lists of calls that this CPU waited for */
	COUNT_ORDERS_PASSED,  /* and that the application's thread waited for */
	/* host calls that hand over */
	COUNT_WAKES,
	COUNT_SLEEPS, /* a CPU waited for its turn or its work in the host */
	COUNT_YIELDS,
	COUNT_KICKS,
	COUNT_PARTED, /* a CPU and its stub's thread went to different CPUs of the host */
	COUNT_MADE,   /* stubs */
	COUNTS
};

struct counts {
	u64 n[COUNTS]; /* [c] */
} aligned_to(64);
extern struct counts all_counts[STUB_CPUS_MAX];

void count_init(void); /* at start */

static inline void count_add(const struct cpu *c, enum count what, u64 n)
{
	u64 *at = &all_counts[c->id].n[what];

	WRITE_ONCE(*at, *at + n);
}
static inline void count_one(const struct cpu *c, enum count what)
{
	count_add(c, what, 1);
}
