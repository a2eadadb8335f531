/* x86.h - shared by the x86-64 parts of the VMM */
#pragma once
#include <stdint.h>
#include "vmm/kvm/vm.h"

struct kvm_regs;

/* PE MP ET NE WP AM PG */
#define X86_CR0_ENTRY 0x80050033ull
/* PAE OSFXSR OSXMMEXCPT */
#define X86_CR4_ENTRY 0x620ull
/* LME LMA NXE */
#define X86_EFER_ENTRY 0xd00ull

/* Shows the vCPU the features that the kernel saves and restores; *xcr0 is the vector state. */
int x86_set_cpuid(struct vcpu *cpu, uint64_t *xcr0, struct error *err);

int x86_enter_long_mode(struct vcpu *cpu, const struct kvm_regs *regs, struct error *err);
