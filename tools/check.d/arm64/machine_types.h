/* machine_types.h - enough of an arm64 machine to compile the portable parts for that CPU
 *
 * Used by tools/check while arch/arm64/kernel/include does not exist; never linked. */
#pragma once
#include <stdint.h>

#define MACH_FAULT_PAGES     1u
#define MACH_FAULT_PAGES_MAX 1u
#define MACH_FRESH_ZERO	     0
#define MACH_SETTLES	     0

struct mach_space {
	uint64_t root;
};

struct mach_user {
	uint64_t x[31];
	uint64_t sp, pc, pstate;
	uint64_t orig_x0;
	uint64_t tls;
	void *xstate;
};

struct mach_ctx {
	uint64_t sp;
};

struct mach_cpu {
	uint64_t mpidr;
	uint64_t timer_armed;
};
