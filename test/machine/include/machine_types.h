/* machine_types.h - the scripted machine's part of the shared structures (test/machine) */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct fibre;
struct mach_exit;

/* More than one, so that the tests of the kernel meet clusters. */
#define MACH_FAULT_PAGES     4u
#define MACH_FAULT_PAGES_MAX 16u
#define MACH_FRESH_ZERO	     1
#define MACH_SETTLES	     0

struct mach_space {
	void *root; /* space.c */
};

/* A task's user state: its script runs on a fibre of its own and talks in these "registers". */
struct mach_user {
	struct fibre *fibre;	  /* null: not started */
	void (*entry)(void *arg); /* what the fibre runs */
	void *entry_arg;
	uint64_t nr, arg[6];
	int64_t result;
	uint64_t sp, tls;
	bool in_syscall;		/* the last exit was one */
	uint8_t restart;		/* enum: see user.c */
	int handler_sig;		/* a handler is to be run before the script goes on */
	uint64_t handler, info;		/* its function, and the user address of its siginfo */
	uint64_t pc;			/* told back only */
	void (*child_entry)(void *arg); /* what a fork's child runs: u_fork() */
	void *child_arg;
	struct mach_exit *why; /* where the running mach_run_user wants its answer */
	struct fibre *kernel;  /* the context that runs it */
};

struct mach_ctx {
	struct fibre *fibre;
};

#define TLB_ENTRIES 256
struct tlb_entry {
	uint64_t tag; /* virtual page number + 1; 0: empty */
	uint64_t pa;
	uint8_t prot; /* MACH_* */
	bool dirty;
};

struct mach_cpu {
	struct fibre *running; /* the context that is this CPU's program counter */
	bool started, waiting; /* waiting: in mach_idle */
	bool ipi, timer_due, external;
	uint64_t timer; /* armed deadline, ~0 if none */
	const volatile uint32_t *idle_word;
	uint32_t idle_seen;
	struct mach_space *space; /* active one */
	struct tlb_entry tlb[TLB_ENTRIES];
	uint64_t tlb_hits, tlb_stale, ipis;
};
