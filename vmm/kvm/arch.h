/* arch.h - what the VMM needs of each architecture (arch/<isa>/vmm)
 *
 * All are called before vCPU threads run, but for the last group. Failure fills err.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include "vmm/kvm/vm.h"

struct kvm_irq_routing_entry;

/* Capabilities that only this architecture needs: ends with .name NULL. */
struct kvm_cap {
	int cap;
	const char *name;
	const char *why; /* what it is for */
};
extern const struct kvm_cap arch_kvm_caps[];

/* Interrupt controller and the addresses KVM wants for itself; right after KVM_CREATE_VM. */
int arch_vm_setup(struct vm *vm, struct error *err);

/* The page tables of boot.h, in RAM behind the image; sets vm->root_table and vm->kernel_end. */
int arch_vm_boot_tables(struct vm *vm, uint64_t image_gpa, uint64_t image_end, struct error *err);

/* An interrupt route that delivers `vector` to vCPU 0. */
void arch_irq_route(struct kvm_irq_routing_entry *entry, uint32_t gsi, uint32_t vector);

/* Lets the guest ring `fd` as doorbell `index`. */
int arch_doorbell(struct vm *vm, int fd, uint32_t index, struct error *err);

/* Features, state and clock of a new vCPU. */
int arch_vcpu_setup(struct vcpu *cpu, struct error *err);

/* The registers with which vCPU `cpu` enters the kernel at cpu->entry. */
int arch_vcpu_enter(struct vcpu *cpu, struct error *err);

/* Tries what the kernel relies on with a micro guest on vCPU 0; leaves the vCPU as it was, and the
 * signal SIGALRM caught. Takes a tenth of a second at most on a host that is not busy. No other
 * thread of the process computes meanwhile. The error says in plain words what does not work. */
int arch_probe(struct vm *vm, struct error *err);

/* On the vCPU's thread, after KVM_RUN: acts on an exit that only this architecture has. Returns
 * how to count it, or VM_EXIT_OTHER if it is not known. */
enum vm_exit arch_vcpu_exit(struct vcpu *cpu);

/* Registers of a stopped vCPU as text. */
struct arch_frame {
	uint64_t ip, sp, fp;
	bool user; /* it was in user mode */
};
int arch_vcpu_registers(struct vcpu *cpu, FILE *out, struct arch_frame *frame);

/* Kernel-virtual to guest-physical by the tables the vCPU runs on; 0 if unmapped. */
uint64_t arch_vcpu_translate(struct vcpu *cpu, uint64_t va);

/* The clock that the time page is made of. */
uint64_t arch_clock_ticks(void);
