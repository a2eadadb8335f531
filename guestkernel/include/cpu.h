/* cpu.h - per-CPU state
 *
 * Found by cpu_self(), which is one instruction on a real machine. Valid as long as the caller does
 * not block. Lock key: [I] immutable after start, [c] this CPU only, [a] atomic, read by others. */
#pragma once
#include <arch/machine.h>
#include "atomic.h"
#include "spinlock.h"

struct task;
struct mm;
struct runq;
struct quiesce_head;

/* What the CPU is doing, for shoot-downs (mm/shootdown.c). */
enum cpu_mode {
	CPU_AWAY = 0, /* in the kernel or idle: reads no user address */
	CPU_USER = 1, /* in user mode, or about to be */
	CPU_COPY = 2, /* in mach_copy_* and the like */
};

#define CPU_PENDING_RESCHED   1u /* the scheduler has something better */
#define CPU_PENDING_SHOOTDOWN 2u
#define CPU_PENDING_STOP      4u /* panic elsewhere */
#define CPU_PENDING_SPREAD    8u /* a task handed over still waits: wake an idle CPU for it */

#define CPU_SYSCALLS 512 /* numbers that are counted: more than any table has */
#define CPU_CALLS    16

/* One of the last system calls, for crash reports. */
struct cpu_call {
	u32 nr, tid;
	u64 arg; /* the first */
};

struct cpu {
	struct task *curr;	/* [c], [a] read by others for hints */
	struct cpu *self;	/* [I] */
	u32 id;			/* [I] */
	a32_t pending;		/* [a] CPU_PENDING_*; also the word that idle watches */
	a32_t mode;		/* [a] enum cpu_mode */
	a32_t idle;		/* [a] 1 while in mach_idle */
	struct mm *mm;		/* [a] whose page tables are loaded; holds a reference */
	a64_t tlb_gen;		/* [a] generation of mm's shoot-downs this CPU has done */
	struct task *idle_task; /* [I] */
	struct runq *runq;	/* [I] */
	u64 *heartbeat;		/* [I] counter for the VMM's watchdog; set by the machine */
	a64_t quiesce_seen;	/* [a] sync/quiesce.c */
	struct quiesce_head *quiesce_list, **quiesce_tail; /* [c] oldest first */
	u32 quiesce_count;				   /* [c] */
	u32 spin_depth;					   /* [c] spinlocks held */
	u32 irq_depth;					   /* [c] in a handler: no blocking */
	void *frame_cache;				   /* [c] mm/frame.c */
	void *slab_cpu;					   /* [c] mm/slab.c */
	void *timers;					   /* [I] time/ktimer.c */
	const struct spinlock *held[8];			   /* [c] debug builds */
	u64 nr_switches, nr_faults, nr_irqs;		   /* [c] nr_irqs: by the machine */
	struct mach_cpu mach;				   /* [c] */
	u64 call_pos;			  /* [c] system calls so far; next slot of calls */
	struct cpu_call calls[CPU_CALLS]; /* [c] read by a panic anywhere */
	u64 syscall_count[CPU_SYSCALLS];  /* [c] read by others for statistics */
};
#include <machine_inline.h>

extern struct cpu *cpus[ABI_CPU_MAX]; /* [I] after start; null beyond cpu_count */
extern u32 cpu_count;		      /* [I] after start */

/* Like cpu_self() but safe across a switch: a task is always itself. */
#define current (cpu_current())
static inline bool cpu_need_resched(void)
{
	return a_load(&cpu_self()->pending) & CPU_PENDING_RESCHED;
}
