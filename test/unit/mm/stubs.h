/* stubs.h - a machine of plain memory for the tests of mm/'s pure parts */
#pragma once
#include "types.h"

struct ktimer;
extern u64 stub_released, stub_slots_added, stub_reclaims;
extern struct ktimer *stub_timer; /* the last one started */

/* Starts the page allocator on RAM of one slot; three pages are the image's. */
void stub_boot(void *ram, u64 size, u64 limit, u32 slots_max);
void stub_quiesce(void); /* a grace period passes */
