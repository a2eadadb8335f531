/* boot.h - running a script on a freshly booted kernel: what tests see of the machine */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct machine_plan {
	void (*script)(void *arg); /* the container's first program */
	void *arg;
	uint64_t seed; /* of the order in which the virtual CPUs take turns */
	unsigned cpus;
	uint64_t ram; /* bytes; 0: 64 MiB */
	bool verbose, strace;
	bool endless; /* the script never ends: its death is a failure */
};

/* Ends the host process: status 0..255 as the script's, 128 + n for a signal; abort on a panic or a
 * failed check. */
__attribute__((__noreturn__)) void machine_boot(const struct machine_plan *p);
/* A further run of the same kernel: the order of turns starts anew, and so does the count of what
 * makes a run hung. */
void machine_new_round(uint64_t seed);
/* Puts content below the overlay that the container has at /ovl: lower.c. */
void lower_register(void);
