/* x86.h - instructions, registers and numbers of the processor that only this folder uses */
#pragma once
#include <arch/machine.h>

/* Selectors: as Linux numbers them, because they show in signal frames. */
#define SEL_KERNEL_CS 0x10
#define SEL_KERNEL_DS 0x18
#define SEL_USER_DS   0x2b
#define SEL_USER_CS   0x33
#define SEL_TSS	      0x40
#define SEL_CPU	      0x7b /* its limit is the CPU's number: the vDSO reads it by LSL */

#define FLAG_CF	  (1ul << 0)
#define FLAG_TF	  (1ul << 8)
#define FLAG_IF	  (1ul << 9)
#define FLAG_DF	  (1ul << 10)
#define FLAG_IOPL (3ul << 12)
#define FLAG_NT	  (1ul << 14)
#define FLAG_RF	  (1ul << 16)
#define FLAG_AC	  (1ul << 18)
#define FLAG_ID	  (1ul << 21)
/* What a program may set: arithmetic flags, TF, DF, RF, AC, ID. */
#define FLAG_USER_MASK (0xcd5ul | FLAG_TF | FLAG_DF | FLAG_RF | FLAG_AC | FLAG_ID)

#define CR0_ENTRY      (1ul << 0 | 1ul << 1 | 1ul << 4 | 1ul << 5 | 1ul << 16 | 1ul << 18 | 1ul << 31)
#define CR4_PAE	       (1ul << 5)
#define CR4_MCE	       (1ul << 6)
#define CR4_PGE	       (1ul << 7)
#define CR4_OSFXSR     (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_UMIP       (1ul << 11)
#define CR4_FSGSBASE   (1ul << 16)
#define CR4_OSXSAVE    (1ul << 18)
#define CR4_SMEP       (1ul << 20)
#define CR4_SMAP       (1ul << 21)

#define MSR_APIC_BASE	   0x1bu
#define MSR_TSC_DEADLINE   0x6e0u
#define MSR_X2APIC	   0x800u /* + register / 16 */
#define MSR_EFER	   0xc0000080u
#define MSR_STAR	   0xc0000081u
#define MSR_LSTAR	   0xc0000082u
#define MSR_CSTAR	   0xc0000083u
#define MSR_SFMASK	   0xc0000084u
#define MSR_FS_BASE	   0xc0000100u
#define MSR_GS_BASE	   0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX	   0xc0000103u
#define MSR_KVM_STEAL_TIME 0x4b564d03u
#define MSR_KVM_PV_EOI	   0x4b564d04u
#define EFER_SCE	   (1ul << 0)
#define EFER_LME	   (1ul << 8)
#define EFER_LMA	   (1ul << 10)
#define EFER_NX		   (1ul << 11)

/* Exceptions. */
enum x86_vector {
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_OF = 4,
	VEC_BR = 5,
	VEC_UD = 6,
	VEC_NM = 7,
	VEC_DF = 8,
	VEC_TS = 10,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MF = 16,
	VEC_AC = 17,
	VEC_MC = 18,
	VEC_XF = 19,
	VEC_IRQ = 32, /* the first that is an interrupt */
	VEC_SPURIOUS = 255,
	VEC_SYSCALL = 256, /* mach_user.vector after a system call */
};
#define PF_PRESENT 1u
#define PF_WRITE   2u
#define PF_RSVD	   8u
#define PF_FETCH   16u

#define PTE_P	 (1ull << 0)
#define PTE_W	 (1ull << 1)
#define PTE_U	 (1ull << 2)
#define PTE_A	 (1ull << 5)
#define PTE_D	 (1ull << 6)
#define PTE_PS	 (1ull << 7)
#define PTE_G	 (1ull << 8)
#define PTE_NX	 (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

/* Kernel addresses: each a slot of the PML4, filled at boot and never changed. */
#define KVA_STACKS 0xffff808000000000ull

/* What the CPU has; the same on all. [I] after boot */
struct x86_features {
	bool gbpages, pge, mce, smep, smap, umip, fsgsbase, xsaveopt, deadline, rdtscp, rdrand;
	bool pv_yield, pv_steal, pv_eoi, amd;
	bool gs_taken;	 /* the machine's own: programs are not told of WRGSBASE */
	u32 xstate_size; /* bytes of the XSAVE area for xcr0 */
	u64 xcr0;
};
extern struct x86_features x86;

struct x86_cpuid {
	u32 a, b, c, d;
};
static inline struct x86_cpuid x86_cpuid(u32 leaf, u32 sub)
{
	struct x86_cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			 : "a"(leaf), "c"(sub));
	return r;
}
static inline u64 x86_rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}
static inline void x86_wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
static inline void x86_outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "d"(port) : "memory");
}
static inline u64 x86_rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (u64)hi << 32 | lo;
}
static inline u64 x86_cr2(void)
{
	u64 v;

	__asm__ volatile("movq %%cr2, %0" : "=r"(v));
	return v;
}
static inline u64 x86_cr3(void)
{
	u64 v;

	__asm__ volatile("movq %%cr3, %0" : "=r"(v)::"memory");
	return v;
}
static inline void x86_set_cr3(u64 v)
{
	__asm__ volatile("movq %0, %%cr3" ::"r"(v) : "memory");
}
static inline void x86_set_cr0(u64 v)
{
	__asm__ volatile("movq %0, %%cr0" ::"r"(v) : "memory");
}
static inline void x86_set_cr4(u64 v)
{
	__asm__ volatile("movq %0, %%cr4" ::"r"(v) : "memory");
}
static inline void x86_invlpg(u64 va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}
static inline u64 x86_rdfsbase(void)
{
	u64 v;

	__asm__ volatile("rdfsbase %0" : "=r"(v)::"memory");
	return v;
}
static inline void x86_wrfsbase(u64 v)
{
	__asm__ volatile("wrfsbase %0" ::"r"(v) : "memory");
}
/* The application's GS base is the one not in use: interrupts are off, so nobody sees it swapped.
 */
static inline u64 x86_rdgsbase_user(void)
{
	u64 v;

	__asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(v)::"memory");
	return v;
}
static inline void x86_wrgsbase_user(u64 v)
{
	__asm__ volatile("swapgs; wrgsbase %0; swapgs" ::"r"(v) : "memory");
}
