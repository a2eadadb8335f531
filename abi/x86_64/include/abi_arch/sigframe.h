/* sigframe.h - what a signal handler finds on its stack on x86_64
 *
 *   rsp ->  8    address of the restorer (where the handler returns to)
 *           304  struct abi_ucontext
 *           128  struct abi_siginfo (only written for SA_SIGINFO, space always there)
 *           ...  up to 64-byte alignment: the XSAVE area, that fpstate points at
 *
 * (rsp + 8) is 16-byte aligned, as after a call. When ABI_UC_FP_XSTATE is set the bytes 464..511
 * of the XSAVE area hold struct abi_fpx_sw, and ABI_FP_XSTATE_MAGIC2 follows its last byte.
 */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"
#include "abi/linux/signal.h"

struct abi_sigcontext {
	uint64_t r8;
	uint64_t r9;
	uint64_t r10;
	uint64_t r11;
	uint64_t r12;
	uint64_t r13;
	uint64_t r14;
	uint64_t r15;
	uint64_t rdi;
	uint64_t rsi;
	uint64_t rbp;
	uint64_t rbx;
	uint64_t rdx;
	uint64_t rax;
	uint64_t rcx;
	uint64_t rsp;
	uint64_t rip;
	uint64_t eflags;
	uint16_t cs;
	uint16_t gs;
	uint16_t fs;
	uint16_t ss;
	uint64_t err;
	uint64_t trapno;
	uint64_t oldmask;
	uint64_t cr2;
	uint64_t fpstate;
	uint64_t reserved[8];
};
ABI_CHECK_SIZE(struct abi_sigcontext, 256);
ABI_CHECK_AT(struct abi_sigcontext, rip, 128);
ABI_CHECK_AT(struct abi_sigcontext, cs, 144);
ABI_CHECK_AT(struct abi_sigcontext, fpstate, 184);

struct abi_ucontext {
	uint64_t uc_flags;
	uint64_t uc_link;
	struct abi_stack uc_stack;
	struct abi_sigcontext uc_mcontext;
	abi_sigset uc_sigmask;
};
ABI_CHECK_SIZE(struct abi_ucontext, 304);
ABI_CHECK_AT(struct abi_ucontext, uc_mcontext, 40);
ABI_CHECK_AT(struct abi_ucontext, uc_sigmask, 296);

#define ABI_UC_FP_XSTATE	 0x1
#define ABI_UC_SIGCONTEXT_SS	 0x2
#define ABI_UC_STRICT_RESTORE_SS 0x4

struct abi_rt_sigframe {
	uint64_t pretcode;
	struct abi_ucontext uc;
	struct abi_siginfo info;
};
ABI_CHECK_SIZE(struct abi_rt_sigframe, 440);
ABI_CHECK_AT(struct abi_rt_sigframe, uc, 8);
ABI_CHECK_AT(struct abi_rt_sigframe, info, 312);

#define ABI_FXSAVE_SIZE		  512
#define ABI_FPX_SW_OFFSET	  464
#define ABI_FP_XSTATE_MAGIC1	  0x46505853u
#define ABI_FP_XSTATE_MAGIC2	  0x46505845u
#define ABI_FP_XSTATE_MAGIC2_SIZE 4

struct abi_fpx_sw {
	uint32_t magic1;
	uint32_t extended_size; /* XSAVE area and MAGIC2 */
	uint64_t xfeatures;
	uint32_t xstate_size;
	uint32_t padding[7];
};
ABI_CHECK_SIZE(struct abi_fpx_sw, 48);
ABI_CHECK_AT(struct abi_fpx_sw, xstate_size, 16);
