/* stub.h - what a stub process and the kernel share
 *
 * A stub is a host process that stands for one address space of the guest (docs/HOSTED.md). Above
 * the application's own addresses it holds
 *
 *   STUB_TEXT     the stub's code, readable and executable
 *   STUB_STACK    the stack it was born on
 *   STUB_ORDERS   one page, written by the kernel, read-only here: what the mapper is to do
 *   STUB_AREA     an area for each virtual CPU, written by both sides
 *
 * Everything in an area is the application's word: it can write there at any time. The kernel
 * copies once and checks the copy.
 */
#pragma once
#include <stdint.h>
#include "stub_offsets.h"

#define STUB_BASE     0x7e0000000000ull
#define STUB_TEXT     STUB_BASE
#define STUB_TEXT_MAX 0x10000ull
/* Where patched call sites go, and on the way: instructions that a kick takes back or completes. */
#define STUB_ANSWER    (STUB_TEXT + STUB_ANSWER_AT)    /* answers to calls without the kernel */
#define STUB_ANSWERED  (STUB_TEXT + STUB_ANSWERED_AT)  /* behind this: the result is in rax */
#define STUB_SITE      (STUB_TEXT + STUB_SITE_AT)      /* entry */
#define STUB_SITE_KEPT (STUB_TEXT + STUB_SITE_KEPT_AT) /* from here on rcx is in the area */
#define STUB_SITE_IN   (STUB_TEXT + STUB_SITE_IN_AT)   /* on the way to the kernel */
#define STUB_STACK     (STUB_BASE + 0x100000)
#define STUB_STACK_SZ  0x10000ull
#define STUB_ORDERS    (STUB_BASE + 0x200000)
#define STUB_AREA      (STUB_BASE + 0x1000000)
#define STUB_END       0x7ffffffff000ull /* of what a process may map at all */
#define STUB_CPUS_MAX  256u

/* Descriptors of the process that stubs are forked from, and of its mapper thread. */
#define STUB_FD_RAM    0 /* guest-physical memory; offset: guest-physical address */
#define STUB_FD_AREAS  1
#define STUB_FD_ORDERS 2
#define STUB_FD_ASK    3 /* struct stub_ask is read here */
#define STUB_FD_ANSWER 4 /* struct stub_answer is written here */
#define STUB_FD_DONE   5 /* + virtual CPU: its mapper orders are done */

/* Flags of clone(2): a stub; its mapper; an application thread. They let nothing else through. */
#define STUB_CLONE_STUB	  0x8000u	     /* PARENT */
#define STUB_CLONE_MAPPER 0x50b00u	     /* VM FS SIGHAND THREAD SYSVSEM */
#define STUB_CLONE_THREAD (0x50b00u | 0x400) /* and FILES */

#define STUB_SIG_KICK 23 /* SIGURG: comes back to the kernel */

struct stub_ask {
	uint32_t index; /* of its page of orders and its areas */
};
struct stub_answer {
	uint32_t index;
	int32_t pid;
	int32_t mapper;		    /* its thread. Negative: birth failed for this reason in the
				     * host call .tid[0], and pid, if there is one, has ended */
	int32_t tid[STUB_CPUS_MAX]; /* [cpu] */
};

/* ---- an area ---- */

/* Registers, in the order of Linux's struct sigcontext. */
enum stub_reg {
	STUB_R8,
	STUB_R9,
	STUB_R10,
	STUB_R11,
	STUB_R12,
	STUB_R13,
	STUB_R14,
	STUB_R15,
	STUB_RDI,
	STUB_RSI,
	STUB_RBP,
	STUB_RBX,
	STUB_RDX,
	STUB_RAX,
	STUB_RCX,
	STUB_RSP,
	STUB_RIP,
	STUB_RFLAGS,
	STUB_NREGS
};

#define STUB_AREA_SIZE	0x10000
#define STUB_AREA_TOP	0x1000u /* offset: end of that stack */
#define STUB_AREA_FPU	0x1000u /* offset: extended state to load */
#define STUB_AREA_STACK 0x5000u /* from here to the end: the signal stack */

enum stub_turn {
	STUB_TURN_USER = 0,
	STUB_TURN_KERNEL = 1,
	STUB_TURN_MAPPER = 2, /* the mapper gives it to the user once its orders are done */
};
enum stub_event {
	STUB_EV_NONE,	/* nothing of the application has run: registers are as the kernel left them
			 */
	STUB_EV_CALL,	/* .regs, .tail: a system call came by a patched site; rcx: where it returns
			 */
	STUB_EV_SIGNAL, /* .frame: siginfo and ucontext of the signal that came */
};
#define STUB_BASE_FS  1u /* in .set: load .fs_base */
#define STUB_BASE_GS  2u
#define STUB_FSGSBASE 4u /* the CPU lets user mode read and write both */

struct stub_area {
	uint64_t regs[STUB_NREGS]; /* to go on with */
	uint64_t fs_base, gs_base;
	uint32_t fpu;	/* offset of the extended state to load, 0: none */
	uint32_t set;	/* STUB_BASE_* */
	uint32_t event; /* enum stub_event */
	uint32_t sig;
	uint32_t info;	 /* offset of its siginfo */
	uint32_t frame;	 /* offset of its ucontext */
	uint32_t kicked; /* the stub's own: a kick came while it was in its own code */
	uint32_t pad;
	uint64_t top;	/* the stub's own: the stack for calls by patched sites */
	uint64_t base;	/* the stub's own: its stack at its last event */
	uint64_t tail;	/* after STUB_EV_CALL: where the program goes on */
	uint64_t after; /* the stub's own: where the call in hand returns */
	/* hand-over: lines of their own */
	uint32_t turn __attribute__((aligned(64))); /* futex word of the stub */
	uint32_t stub_sleeps;
	uint32_t look;	/* rounds before it sleeps; read again and again */
	uint32_t yield; /* times before it sleeps; likewise */
	uint32_t fast;	/* after STUB_EV_CALL: nothing but rax is new: .result */
	uint32_t pad2;
	uint64_t result;
	uint32_t pid, tid; /* answers to getpid(2) and gettid(2), 0: ask the kernel */
	uint32_t kernel_word __attribute__((aligned(64))); /* futex word of the kernel */
	uint32_t kernel_sleeps;
};
_Static_assert(sizeof(struct stub_area) <= 0x400, "the rest of an area's first page is a stack");

/* ---- orders ---- */

struct stub_order {
	uint64_t nr; /* of a host system call */
	uint64_t arg[6];
	uint64_t reserved;
};
#define STUB_ORDERS_MAX 60u

/* The mapper waits for a change of .seq, makes .n calls, and adds 1 to the eventfd .done (STUB_BAD
 * if a call failed). Then it passes the turn on, if told so, and wakes who sleeps for it. Offsets
 * are known to entry.S. */
struct stub_orders {
	uint32_t seq;  /* 0: futex word */
	uint32_t n;    /* 4 */
	uint32_t done; /* 8: descriptor */
	uint32_t spin; /* 12: rounds before it sleeps */
	uint64_t pass; /* 16: the turn word that it then sets to STUB_TURN_USER, or 0 */
	uint64_t pad[5];
	struct stub_order order[STUB_ORDERS_MAX]; /* 64 */
};
#define STUB_DONE 1ull
#define STUB_BAD  0x100000000ull
_Static_assert(sizeof(struct stub_order) == 64, "known to entry.S");
_Static_assert(__builtin_offsetof(struct stub_orders, order) == 64, "known to entry.S");
_Static_assert(sizeof(struct stub_orders) <= 4096, "one page");
