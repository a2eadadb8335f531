/* systrap.h - the sandbox without KVM: the kernel runs in this process (docs/HOSTED.md) */
#pragma once
#include "vmm/kvm/vm.h"

/* Figures of the calibration, as stats_print() has them. Returns the length. */
unsigned systrap_print_stats(char *buf, unsigned size);
/* In place of the functions of vm.h with the same names, in the same order. */
int systrap_create(struct vm *vm, const struct vm_params *params, struct error *err);
int systrap_add_channel(struct vm *vm, unsigned number, int fd, int kick_fd, int irq_fd,
			struct error *err);
int systrap_connect(struct vm *vm, struct error *err);
/* The threads of all virtual CPUs, waiting, and the one that takes interrupts from descriptors. */
int systrap_spawn(struct vm *vm, struct error *err);
