/* report_x86.c - registers and address translation for reports */
#include "vmm/kvm/arch.h"

#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arch/x86_64/vmm/x86.h"

#define PTE_P	 0x1ull
#define PTE_PS	 0x80ull
#define PTE_ADDR 0x000ffffffffff000ull

int arch_vcpu_registers(struct vcpu *cpu, FILE *out, struct arch_frame *frame)
{
	struct kvm_regs r;
	struct kvm_sregs s;

	if (ioctl(cpu->fd, KVM_GET_REGS, &r) || ioctl(cpu->fd, KVM_GET_SREGS, &s))
		return -1;
	fprintf(out, "  rip %016llx rsp %016llx rflags %08llx cs %04x ss %04x\n", r.rip, r.rsp,
		r.rflags, s.cs.selector, s.ss.selector);
	fprintf(out, "  rax %016llx rbx %016llx rcx %016llx rdx %016llx\n", r.rax, r.rbx, r.rcx,
		r.rdx);
	fprintf(out, "  rsi %016llx rdi %016llx rbp %016llx r8  %016llx\n", r.rsi, r.rdi, r.rbp,
		r.r8);
	fprintf(out, "  r9  %016llx r10 %016llx r11 %016llx r12 %016llx\n", r.r9, r.r10, r.r11,
		r.r12);
	fprintf(out, "  r13 %016llx r14 %016llx r15 %016llx\n", r.r13, r.r14, r.r15);
	fprintf(out, "  cr0 %llx cr2 %016llx cr3 %llx cr4 %llx efer %llx\n", s.cr0, s.cr2, s.cr3,
		s.cr4, s.efer);
	fprintf(out, "  fs %016llx gs %016llx gdt %016llx idt %016llx tr %04x\n", s.fs.base,
		s.gs.base, s.gdt.base, s.idt.base, s.tr.selector);
	*frame = (struct arch_frame){
		.ip = r.rip,
		.sp = r.rsp,
		.fp = r.rbp,
		.user = (s.cs.selector & 3) == 3,
	};
	return 0;
}

uint64_t arch_vcpu_translate(struct vcpu *cpu, uint64_t va)
{
	struct kvm_sregs s;
	uint64_t table;

	if (ioctl(cpu->fd, KVM_GET_SREGS, &s))
		return 0;
	table = s.cr3 & PTE_ADDR;
	for (int level = 4; level >= 1; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t mask = (1ull << shift) - 1, entry;
		const uint64_t *p = vm_memory(cpu->vm, table + (va >> shift & 511) * 8, 8);

		if (!p)
			return 0;
		entry = *p;
		if (!(entry & PTE_P))
			return 0;
		if (level == 1 || entry & PTE_PS)
			return (entry & PTE_ADDR & ~mask) | (va & mask);
		table = entry & PTE_ADDR;
	}
	return 0;
}
