/* boot.h - what the VMM tells the kernel at its start, and the hypercalls
 *
 * The kernel is entered in 64-bit mode on page tables that the VMM built inside RAM behind the
 * kernel image: the image at its link address (kernel_gpa -> KERNEL_BASE) and the first GiB of
 * RAM plus the shared region and the channels at the direct map (gpa + ABI_KVA_DIRECT), all
 * writable and executable until the kernel has made its own. Interrupts are off.
 *
 *   first argument    virtual address of the boot page (in the direct map)
 *   second argument   number of this vCPU (0 enters at the ELF entry, others at ap_entry)
 *
 * A hypercall writes the vCPU's own block and stores its number to the hypercall port; the VMM
 * copies the block once, checks it, and answers in .ret before the vCPU goes on.
 */
#pragma once
#include <stdint.h>
#include "abi/layout.h"

#define ABI_KVA_DIRECT 0xffff800000000000ull /* direct map of guest-physical memory */
#define ABI_KVA_KERNEL 0xffffffff80000000ull /* link address of the kernel image */

#define ABI_BOOT_MAGIC	 0x31544f4f42534143ull /* "CASBOOT1" */
#define ABI_BOOT_VERSION 1u

#define ABI_BOOT_DEBUG	    (1u << 0) /* kernel log at debug level */
#define ABI_BOOT_STRACE	    (1u << 1)
#define ABI_BOOT_STABLE_TSC (1u << 2) /* the time page's TSC fields may be used */
#define ABI_BOOT_COUNT_HOST (1u << 3) /* measuring: no optional timers */

struct abi_boot {
	uint64_t magic;
	uint32_t version;
	uint32_t size;		/* of this structure */
	uint32_t cpu_max;	/* vCPUs that exist or may be started */
	uint32_t flags;		/* ABI_BOOT_* */
	uint64_t ram_slot_size; /* bytes: a power of two, 1..4 GiB */
	uint32_t ram_slots;	/* present at entry: 1 */
	uint32_t ram_slots_max; /* that ABI_HC_RAM_ADD may add up to */
	uint64_t ram_limit;	/* bytes the page allocator may hand out */
	uint64_t window_base;	/* file window, 0 if none */
	uint64_t window_size;
	uint64_t kernel_gpa; /* where the image's first byte is */
	uint64_t kernel_end; /* first gpa behind image and boot page tables */
	uint64_t tsc_khz;
	uint64_t pids_limit;
	uint32_t channels;     /* gofer channels present at entry: 0..n-1 */
	uint32_t apic_bus_khz; /* frequency of the local APIC's timer, if not TSC-deadline */
	uint8_t seed[64];      /* entropy; the kernel clears it */
	uint32_t log_level;    /* 0 error, 1 warning, 2 info, 3 debug */
	uint32_t reserved[15];
};
_Static_assert(sizeof(struct abi_boot) == 232, "boot page layout");
_Static_assert(__builtin_offsetof(struct abi_boot, seed) == 104, "boot page layout");

/* The time page: written under a sequence lock (seq odd = being written), read by the kernel and,
 * mapped read-only, by the vDSO. ns = base_ns + ((tsc - tsc_base) * mult >> shift). */
struct abi_time_page {
	uint32_t seq;
	uint32_t flags; /* ABI_TIME_* */
	uint64_t tsc_base;
	uint32_t mult;
	uint32_t shift;
	uint64_t mono_ns; /* CLOCK_MONOTONIC at tsc_base */
	int64_t real_off; /* + mono = CLOCK_REALTIME */
	int64_t boot_off; /* + mono = CLOCK_BOOTTIME */
	uint64_t reserved[9];
};
#define ABI_TIME_TSC (1u << 0) /* without it a reader must ask the kernel */
_Static_assert(sizeof(struct abi_time_page) == 120, "time page layout");
_Static_assert(__builtin_offsetof(struct abi_time_page, mono_ns) == 24, "time page layout");

/* One per vCPU. */
struct abi_cpu_block {
	uint64_t arg[6];
	int64_t ret;
	uint64_t heartbeat; /* bumped by the kernel at each return to user mode or idle; watchdog */
	uint32_t state;	    /* ABI_CPU_*: for the watchdog and for reports */
	uint32_t reserved;
	uint64_t reserved2[7];
	char log[3968]; /* text of ABI_HC_LOG and ABI_HC_PANIC */
};
_Static_assert(sizeof(struct abi_cpu_block) == 4096, "cpu block layout");
#define ABI_CPU_KERNEL 0u
#define ABI_CPU_USER   1u
#define ABI_CPU_IDLE   2u

/* Hypercalls: number, arguments -> .ret (0 or negative errno) */
enum abi_hypercall {
	ABI_HC_LOG = 1,	     /* arg0 level, arg1 length of .log */
	ABI_HC_PANIC = 2,    /* arg1 length of .log, arg2.. backtrace of up to 4; does not return */
	ABI_HC_SHUTDOWN = 3, /* arg0 wait status of the last container; does not return */
	ABI_HC_CPU_START = 4, /* arg0 vCPU number: runs it at ap_entry */
	ABI_HC_RAM_ADD = 5,   /* arg0 slot index = the number present now */
	ABI_HC_RAM_FREE =
		6,	   /* arg0 first 2 MiB block of RAM, arg1 count: contents are given back */
	ABI_HC_WATCH = 7,  /* arg0 channel: its peer is broken, close it */
	ABI_HC_STACKS = 8, /* arg1 length of .log: one part of the answer to a dump of stacks */
};
