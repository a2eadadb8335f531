/* sigframe.h - what a signal handler finds on its stack on arm64
 *
 * Records of (magic, size) follow in reserved[]; the list ends with a record of two zeros.
 */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"
#include "abi/linux/signal.h"

struct abi_sigcontext {
	uint64_t fault_address;
	uint64_t regs[31];
	uint64_t sp;
	uint64_t pc;
	uint64_t pstate;
	uint8_t reserved[4096] __attribute__((aligned(16)));
};
ABI_CHECK_SIZE(struct abi_sigcontext, 4384);
ABI_CHECK_AT(struct abi_sigcontext, reserved, 288);

struct abi_ucontext {
	uint64_t uc_flags;
	uint64_t uc_link;
	struct abi_stack uc_stack;
	abi_sigset uc_sigmask;
	uint8_t unused[120];
	struct abi_sigcontext uc_mcontext;
};
ABI_CHECK_SIZE(struct abi_ucontext, 4560);
ABI_CHECK_AT(struct abi_ucontext, uc_mcontext, 176);

struct abi_rt_sigframe {
	struct abi_siginfo info;
	struct abi_ucontext uc;
};
ABI_CHECK_SIZE(struct abi_rt_sigframe, 4688);
ABI_CHECK_AT(struct abi_rt_sigframe, uc, 128);

#define ABI_FPSIMD_MAGIC 0x46508001u

struct abi_fpsimd_context {
	uint32_t magic;
	uint32_t size;
	uint32_t fpsr;
	uint32_t fpcr;
	uint64_t vregs[64];
};
ABI_CHECK_SIZE(struct abi_fpsimd_context, 528);
ABI_CHECK_AT(struct abi_fpsimd_context, vregs, 16);
