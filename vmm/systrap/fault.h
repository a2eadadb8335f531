/* fault.h - faults of the kernel that runs in this process: see fault.c */
#pragma once
#include <stdio.h>

#include "vmm/kvm/arch.h"
#include "vmm/util/error.h"

/* For the whole process, before its threads start. */
int fault_catch(struct error *err);
/* On a virtual CPU's own thread, before it enters the kernel. */
void fault_thread(struct vcpu *cpu);
/* As arch_vcpu_registers(); -1: the CPU did not fault. */
int fault_registers(const struct vcpu *cpu, FILE *out, struct arch_frame *at);
