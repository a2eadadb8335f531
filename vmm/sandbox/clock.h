/* clock.h - the arithmetic of the time page, apart from its timers, for tests */
#pragma once
#include <stdint.h>
#include "abi/boot.h"

struct clock_state {
	uint64_t tsc_base;
	uint64_t mono_ns;
	uint32_t mult, shift;
	uint32_t nominal; /* mult at the clock's nominal frequency */
};

/* ns per tick as mult / 2^shift for a frequency in kHz. */
void clock_scale(uint64_t khz, uint32_t *mult, uint32_t *shift);

/* Nanoseconds that readers of the page see at this tick. */
uint64_t clock_read(const struct clock_state *c, uint64_t tsc);

/* Takes in a sample (tsc, host's monotonic time). The clock never goes back: a small error is
 * worked off over the next second, one of more than 5 ms ahead is stepped over. */
void clock_steer(struct clock_state *c, uint64_t tsc, uint64_t mono_ns);
