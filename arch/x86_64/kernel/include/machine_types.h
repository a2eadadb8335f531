/* machine_types.h - the x86-64 ring-0 machine's part of the shared structures */
#pragma once
#include <stdint.h>

#define MACH_FAULT_PAGES     1u
#define MACH_FAULT_PAGES_MAX 1u
#define MACH_FRESH_ZERO	     0
#define MACH_SETTLES	     0

struct mach_space {
	uint64_t root; /* guest-physical address of the PML4; 0: none */
};

/* User registers as the trap entry pushes them, lowest address first. The trap stack (TSS.rsp0)
 * points at frame_end, 16-byte aligned, so the CPU itself writes the last five. Entry code knows
 * the offsets: trap.S, checked in asm_offsets.h. [o] the task itself, but xstate_cpu. */
struct mach_user {
	uint64_t fs_base; /* valid while the task is not running */
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax; /* the system call's number; ~0 after another cause */
	uint64_t vector;   /* MACH_VEC_SYSCALL: rip and rflags are what sysret takes */
	uint64_t error;
	uint64_t rip, cs, rflags, rsp, ss;
	uint64_t frame_end[0];
	uint64_t gs_base;    /* as fs_base */
	uint8_t *xstate;     /* XSAVE area, standard format, 64-byte aligned; null: kernel task */
	uint32_t xstate_cpu; /* whose registers hold the same as xstate; ~0: nobody's */
	uint32_t flags;	     /* MACH_USER_* */
} __attribute__((aligned(64)));
#define MACH_USER_FPU  1u /* the registers of the CPU it runs on are newer than xstate */
#define MACH_USER_CALL 2u /* the last exit was a system call */
#define MACH_USER_STEP 4u /* TF is the kernel's doing */

struct mach_ctx {
	uint64_t sp; /* callee-saved registers are on the stack above it */
};

struct mach_desc;
struct abi_cpu_block;
struct mach_cpu {
	uint64_t user_rsp, user_rax; /* scratch of the system-call entry */
	uint64_t user_frame;	     /* end of the current task's frame */
	uint64_t kernel_sp;	     /* mach_run_user's */
	struct mach_user *xstate_of; /* whose state the registers held last */
	uint64_t timer_armed;	     /* monotonic ns of the armed deadline, ~0 if none */
	uint64_t *tss_rsp0;
	struct mach_desc *desc; /* GDT, TSS, interrupt stacks */
	struct abi_cpu_block *block;
	void **stacks; /* cache of free kernel stacks, linked by their first word */
	uint32_t nr_stacks;
	uint32_t apic_id;
};
