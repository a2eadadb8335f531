/* machine_types.h - the x86-64 ring-0 machine's part of the shared structures */
#pragma once
#include <stdint.h>

struct mach_space {
	uint64_t root; /* guest-physical address of the PML4; 0: none */
};

/* User registers as the trap entry pushes them, lowest address first. The entry points the trap
 * stack at the end of this structure, so the CPU itself writes the last five. */
struct mach_user {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax; /* the system call's number; ~0 after another cause */
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
	uint64_t frame_end[0];
	uint64_t fs_base, gs_base;
	void *xstate;	    /* extended state, 64-byte aligned */
	uint64_t xstate_id; /* which load of it a CPU holds: see fpu.c */
	uint32_t xstate_cpu;
	uint32_t flags;
} __attribute__((aligned(64)));

struct mach_ctx {
	uint64_t sp; /* callee-saved registers are on the stack below it */
};

struct mach_cpu {
	uint64_t user_rsp;   /* scratch of the system-call entry */
	uint64_t user_frame; /* end of the current task's struct mach_user frame */
	uint64_t kernel_sp;  /* of mach_run_user's caller */
	uint32_t apic_id;
	uint32_t flags;
	uint64_t xstate_owner;
	uint64_t timer_armed; /* monotonic ns of the armed deadline, ~0 if none */
	void *desc;	      /* GDT, TSS, stacks: cpu.c */
	void *block;	      /* struct abi_cpu_block */
};
