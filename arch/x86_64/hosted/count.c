/* count.c - how often this machine does what costs it most, for `runsc debug --stats`
 *
 * Each CPU counts for itself (count.h); the sums are made when they are asked for.
 * Locks: none, values are read while they change. Sleeps: never.
 * Tests: test/hosted/stats.sh
 */
#include "count.h"

struct counts all_counts[STUB_CPUS_MAX];

static u64 sum(const struct stat_counter *s);

#define NAME(index, text) [index] = {.name = "stub." text, .read = sum}
static struct stat_counter counters[COUNTS] = {
	NAME(COUNT_PATCHED, "turn_patched"),
	NAME(COUNT_SIGNAL, "turn_signal"),
	NAME(COUNT_FAULT, "turn_fault"),
	NAME(COUNT_KICKED, "turn_kicked"),
	NAME(COUNT_ORDER_CALLS, "order_calls"),
	NAME(COUNT_ORDERS_AWAITED, "orders_awaited"),
	NAME(COUNT_ORDERS_PASSED, "orders_passed"),
	NAME(COUNT_WAKES, "wakes"),
	NAME(COUNT_SLEEPS, "sleeps"),
	NAME(COUNT_YIELDS, "yields"),
	NAME(COUNT_KICKS, "kicks"),
	NAME(COUNT_PARTED, "parted"),
	NAME(COUNT_MADE, "made"),
};

static u64 sum(const struct stat_counter *s)
{
	size_t index = (size_t)(s - counters);
	u64 n = 0;

	for (u32 i = 0; i < plan->cpus; i++)
		n += READ_ONCE(all_counts[i].n[index]);
	return n;
}

void count_init(void)
{
	/* The last one listed is the first one shown. */
	for (size_t i = COUNTS; i-- > 0;)
		stat_list(&counters[i]);
}
