/* offsets.c - offsets of C structures as absolute symbols, for the assembly of this folder */
#include "kernel.h"

#define OFFSET(name, type, field)                          \
	__asm__ volatile(".globl " #name "\n\t.set " #name \
			 ", %c0" ::"i"(offsetof(struct type, field)))

__attribute__((used)) static void offsets(void)
{
	OFFSET(CPU_USER_RSP, cpu, mach.user_rsp);
	OFFSET(CPU_USER_RAX, cpu, mach.user_rax);
	OFFSET(CPU_USER_FRAME, cpu, mach.user_frame);
	OFFSET(CPU_KERNEL_SP, cpu, mach.kernel_sp);
	OFFSET(U_R15, mach_user, r15);
	OFFSET(U_R14, mach_user, r14);
	OFFSET(U_R13, mach_user, r13);
	OFFSET(U_R12, mach_user, r12);
	OFFSET(U_RBP, mach_user, rbp);
	OFFSET(U_RBX, mach_user, rbx);
	OFFSET(U_R11, mach_user, r11);
	OFFSET(U_R10, mach_user, r10);
	OFFSET(U_R9, mach_user, r9);
	OFFSET(U_R8, mach_user, r8);
	OFFSET(U_RAX, mach_user, rax);
	OFFSET(U_RCX, mach_user, rcx);
	OFFSET(U_RDX, mach_user, rdx);
	OFFSET(U_RSI, mach_user, rsi);
	OFFSET(U_RDI, mach_user, rdi);
	OFFSET(U_ORIG_RAX, mach_user, orig_rax);
	OFFSET(U_VECTOR, mach_user, vector);
	OFFSET(U_RIP, mach_user, rip);
	OFFSET(U_RFLAGS, mach_user, rflags);
	OFFSET(U_RSP, mach_user, rsp);
	OFFSET(U_FLAGS, mach_user, flags);
}
_Static_assert(offsetof(struct mach_user, frame_end) == 192,
	       "U_END, and trap.S copies frames of 24 words");
_Static_assert(offsetof(struct mach_user, r15) == 8, "trap.S pushes r15 last");
_Static_assert(MACH_SYSCALL == 0 && MACH_USER_FPU == 1, "trap.S");
