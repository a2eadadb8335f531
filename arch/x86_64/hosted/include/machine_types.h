/* machine_types.h - the hosted machine's part of the shared structures */
#pragma once
#include <arch/hosted.h>
#include <stdint.h>

struct stub;
struct stub_area;

#define MACH_FAULT_PAGES     16u
#define MACH_FAULT_PAGES_MAX 256u
#define MACH_FRESH_ZERO	     1
#define MACH_SETTLES	     1

#define MACH_PATCH_RANGES 3

struct mach_space {
	uint64_t root;	   /* guest-physical address of the top table; 0: none */
	struct stub *stub; /* [P] what runs it; null: nothing yet, or nothing any more */
	/* where patched call sites go: patch.c. [x] its mutex */
	struct {
		uint64_t va;   /* 0: none */
		uint32_t used; /* slots below are taken */
		uint32_t end;  /* no slot from here on is */
	} range[MACH_PATCH_RANGES];
	uint32_t patch_off; /* [a] no more */
	uint64_t patch_id;  /* [a] of this space alone; 0: not yet given */
};

/* The order of registers is not the stub's: run.c copies one by one. [o] the task itself. */
struct mach_user {
	uint64_t fs_base, gs_base;
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax; /* the system call's number; ~0 after another cause */
	uint64_t vector;
	uint64_t error;
	uint64_t rip, cs, rflags, rsp, ss;
	uint8_t *xstate;     /* XSAVE area, standard format, 64-byte aligned; null: kernel task */
	const uint8_t *live; /* where its state is if MACH_USER_FPU: in an area */
	uint64_t fault;	     /* address of the fault that the kernel is mending, or ~0 */
	uint32_t fault_access;
	uint32_t xstate_cpu; /* for the files shared with the KVM machine; no meaning here */
	uint32_t flags;	     /* MACH_USER_* */
	/* behind the call that came last, and where the program goes on for that: patch.c */
	uint64_t after, tail;
};
#define MACH_USER_FPU  1u /* the extended state in .live is newer than xstate */
#define MACH_USER_CALL 2u
#define MACH_USER_STEP 4u /* TF is the kernel's doing */

struct mach_ctx {
	uint64_t sp; /* callee-saved registers are on the stack above it */
};

struct abi_cpu_block;
struct mach_cpu {
	void *vcpu;		     /* [I] the VMM's */
	struct abi_cpu_block *block; /* [I] */
	uint64_t host_sp;	     /* [I] the thread's own stack, for calls into the VMM */
	struct mach_space *space;    /* [c] active one */
	uint64_t deadline;	     /* [c] monotonic ns of the armed timer, ~0 if none */
	uint64_t vectors[4];	     /* [a] interrupts that wait */
	uint32_t *wait_word;	     /* [a] futex word it may sleep on; null: it does not */
	uint32_t irq;		     /* [a] 1: look at vectors, or at cpu->pending */
	uint32_t idle_word;	     /* [a] */
	void *stacks;	    /* [c] cache of free kernel stacks, linked by their first word */
	uint32_t nr_stacks; /* [c] */
};
