/* calibrate.h - what hand-overs cost on this host, measured */
#pragma once
#include <sched.h>
#include <stdint.h>

/* Medians in ns; 0: not measured (one CPU only, or the neighbour was taken away). */
struct systrap_figures {
	cpu_set_t set;	   /* CPUs that this process may use */
	unsigned cpus;	   /* their number */
	uint32_t spin_ns;  /* a word there and back between two CPUs that look for it */
	uint32_t wake_ns;  /* until a sleeper on an idle CPU has seen its wake-up */
	uint32_t same_ns;  /* a futex hand-over there and back on one CPU */
	uint32_t pause_ps; /* one round of looking */
};

/* Takes some milliseconds, 50 at most; starts and ends a thread, and moves the calling one. */
void systrap_calibrate(struct systrap_figures *f);
