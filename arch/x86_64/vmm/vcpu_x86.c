/* vcpu_x86.c - state, entry and exits of an x86-64 vCPU */
#include "vmm/kvm/arch.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arch/x86_64/vmm/x86.h"
#include "vmm/util/util.h"

#define MSR_MISC_ENABLE		0x1a0u
#define MISC_ENABLE_FAST_STRING 1ull
#define APIC_BASE		0xfee00000ull
#define APIC_BASE_BSP		(1ull << 8)
#define APIC_BASE_X2APIC	(1ull << 10)
#define APIC_BASE_ENABLE	(1ull << 11)
#define SEGMENT_CODE		11
#define SEGMENT_DATA		3

/* The guest's TSC is the host's: then the time page holds for both sides without conversion. */
static void vcpu_share_tsc(struct vcpu *cpu)
{
	uint64_t zero = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&zero,
	};

	if (ioctl(cpu->fd, KVM_SET_DEVICE_ATTR, &attr))
		cpu->vm->tsc_shared = false;
}

int arch_vcpu_setup(struct vcpu *cpu, struct error *err)
{
	struct kvm_xcrs xcrs = {.nr_xcrs = 1};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[1];
	} msrs = {
		.head.nmsrs = 1,
		.entry[0] = {.index = MSR_MISC_ENABLE, .data = MISC_ENABLE_FAST_STRING},
	};
	uint64_t xcr0;
	int khz;

	if (x86_set_cpuid(cpu, &xcr0, err))
		return -1;
	if (cpu->index == 0) {
		khz = ioctl(cpu->fd, KVM_GET_TSC_KHZ, 0);
		if (khz <= 0)
			return error_set(err, "KVM does not tell the frequency of the clock");
		cpu->vm->tsc_khz = khz;
		cpu->vm->tsc_shared = true;
	}
	vcpu_share_tsc(cpu);
	xcrs.xcrs[0].value = xcr0;
	if (xcr0 && ioctl(cpu->fd, KVM_SET_XCRS, &xcrs))
		return error_sys(err, "KVM refuses the vector state");
	if (ioctl(cpu->fd, KVM_SET_MSRS, &msrs) != 1)
		return error_sys(err, "KVM refuses a model-specific register");
	return 0;
}

/* 64-bit mode on the tables of vm->root_table, flat segments, interrupts off, x2APIC on. */
int x86_enter_long_mode(struct vcpu *cpu, const struct kvm_regs *regs, struct error *err)
{
	struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_segment data = {
		.limit = ~0u,
		.selector = 16,
		.type = SEGMENT_DATA,
		.present = 1,
		.s = 1,
		.db = 1,
		.g = 1,
	};
	struct kvm_sregs s;

	if (ioctl(cpu->fd, KVM_GET_SREGS, &s))
		return error_sys(err, "KVM_GET_SREGS");
	s.cs = (struct kvm_segment){
		.limit = ~0u,
		.selector = 8,
		.type = SEGMENT_CODE,
		.present = 1,
		.s = 1,
		.l = 1,
		.g = 1,
	};
	s.ds = s.es = s.ss = s.fs = s.gs = data;
	s.gdt.limit = s.idt.limit = 0;
	s.cr0 = X86_CR0_ENTRY;
	s.cr3 = cpu->vm->root_table;
	s.cr4 = X86_CR4_ENTRY;
	s.efer = X86_EFER_ENTRY;
	s.apic_base =
		APIC_BASE | APIC_BASE_ENABLE | APIC_BASE_X2APIC | (cpu->index ? 0 : APIC_BASE_BSP);
	if (ioctl(cpu->fd, KVM_SET_SREGS, &s))
		return error_sys(err, "KVM refuses the kernel's first state");
	if (ioctl(cpu->fd, KVM_SET_REGS, regs))
		return error_sys(err, "KVM refuses the kernel's first registers");
	if (ioctl(cpu->fd, KVM_SET_MP_STATE, &runnable))
		return error_sys(err, "KVM refuses to run the processor");
	return 0;
}

int arch_vcpu_enter(struct vcpu *cpu, struct error *err)
{
	struct kvm_regs regs = {
		.rip = cpu->entry,
		.rflags = 2,
		.rdi = ABI_KVA_DIRECT + ABI_GPA_SHARED + ABI_SHARED_BOOT,
		.rsi = cpu->index,
	};

	return x86_enter_long_mode(cpu, &regs, err);
}

static enum vm_exit vcpu_exit_port(struct vcpu *cpu)
{
	struct kvm_run *run = cpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t value;

	if (run->io.direction != KVM_EXIT_IO_OUT) {
		memset(data, 0xff, (size_t)run->io.size * run->io.count);
		return VM_EXIT_PORT;
	}
	if (run->io.size != 4 || run->io.count != 1)
		return VM_EXIT_PORT;
	memcpy(&value, data, sizeof(value));
	if (run->io.port == ABI_PORT_DOORBELL)
		return VM_EXIT_DOORBELL;
	if (run->io.port != ABI_PORT_HYPERCALL)
		return VM_EXIT_PORT;
	vm_cpu_block(cpu->vm, cpu->index)->ret = cpu->vm->hypercall(cpu, value);
	return VM_EXIT_HYPERCALL;
}

enum vm_exit arch_vcpu_exit(struct vcpu *cpu)
{
	switch (cpu->run->exit_reason) {
	case KVM_EXIT_IO:
		return vcpu_exit_port(cpu);
	case KVM_EXIT_IOAPIC_EOI:
		return VM_EXIT_EOI;
	case KVM_EXIT_MMIO: {
		char why[80];

		snprintf(why, sizeof(why), "%s at guest-physical %#llx, where nothing is",
			 cpu->run->mmio.is_write ? "write" : "read",
			 (unsigned long long)cpu->run->mmio.phys_addr);
		cpu->vm->died(cpu, why);
	}
	default:
		return VM_EXIT_OTHER;
	}
}
