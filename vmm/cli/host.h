/* host.h - what the machine offers */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "vmm/util/error.h"

#define HOST_MEMORY_MIN (16u << 20)

/* What any sandbox needs, and would fail for later without its name being told. */
int host_check(struct error *err);

/* As many vCPUs as this process may use (affinity and cgroup quota), at most `cap` if not 0. */
unsigned host_cpus(uint64_t cap);

/* The machine's memory in bytes, whole blocks of 2 MiB. */
uint64_t host_memory(void);

/* The TSC runs at one rate on all CPUs, so that the guest may read the time from it. */
bool host_tsc_is_stable(void);

/* User mode of this CPU can read kernel memory that is mapped (the host's own word for it). */
bool host_has_meltdown(void);
