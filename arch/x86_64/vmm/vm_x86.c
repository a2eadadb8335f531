/* vm_x86.c - interrupt controller, doorbells and entry tables of an x86-64 VM
 *
 * Only the CPU's own local APICs exist, in the host's kernel (split irqchip, x2APIC). There is no
 * PIC, PIT, IOAPIC or firmware. Intel hosts that cannot run real mode need three pages for a task
 * segment and one for an identity map; they lie below 4 GiB, where layout.h leaves a hole.
 */
#include "vmm/kvm/arch.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "vmm/util/util.h"

const struct kvm_cap arch_kvm_caps[] = {
	{KVM_CAP_SPLIT_IRQCHIP, "KVM_CAP_SPLIT_IRQCHIP", "local APICs in the host's kernel"},
	{KVM_CAP_X2APIC_API, "KVM_CAP_X2APIC_API", "more than 255 processors"},
	{KVM_CAP_TSC_DEADLINE_TIMER, "KVM_CAP_TSC_DEADLINE_TIMER", "the kernel's timer"},
	{KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR", "Intel processors"},
	{KVM_CAP_SET_IDENTITY_MAP_ADDR, "KVM_CAP_SET_IDENTITY_MAP_ADDR", "Intel processors"},
	{KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID", "choosing the processor's features"},
	{KVM_CAP_XCRS, "KVM_CAP_XCRS", "floating-point and vector state"},
	{KVM_CAP_GET_TSC_KHZ, "KVM_CAP_GET_TSC_KHZ", "the clock"},
	{0},
};

#define TSS_ADDR      0xfffbd000ul
#define IDENTITY_ADDR 0xfffbc000ull

int arch_vm_setup(struct vm *vm, struct error *err)
{
	struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP};
	struct kvm_enable_cap x2apic = {
		.cap = KVM_CAP_X2APIC_API,
		.args = {KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK},
	};
	uint64_t identity = IDENTITY_ADDR;

	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR) ||
	    ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity))
		return error_sys(err, "KVM refuses the addresses of its own pages");
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &split))
		return error_sys(err, "KVM refuses the local APICs (split irqchip)");
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &x2apic))
		return error_sys(err, "KVM refuses x2APIC");
	return 0;
}

#define PTE_P  0x1ull
#define PTE_W  0x2ull
#define PTE_A  0x20ull
#define PTE_D  0x40ull
#define PTE_PS 0x80ull
#define TABLE  (PTE_P | PTE_W | PTE_A)
#define LARGE  (PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS)

#define PAGE_SIZE  4096ull
#define LARGE_SIZE (2ull << 20)

enum { T_ROOT, T_DIRECT, T_SHARED, T_CHANNEL, T_RAM, T_KERNEL3, T_KERNEL2, T_COUNT };

/* Maps `size` bytes at gpa by 2 MiB pages, from entry 0 of the table. */
static void tables_fill(uint64_t *table, uint64_t gpa, uint64_t size)
{
	for (uint64_t i = 0; i < size / LARGE_SIZE; i++)
		table[i] = (gpa + i * LARGE_SIZE) | LARGE;
}

int arch_vm_boot_tables(struct vm *vm, uint64_t image_gpa, uint64_t image_end, struct error *err)
{
	uint64_t base = round_up(image_end, PAGE_SIZE);
	uint64_t size = round_up(image_end - image_gpa, LARGE_SIZE);
	uint64_t *table[T_COUNT];

	if (image_gpa % LARGE_SIZE || size > 512 * LARGE_SIZE)
		return error_set(err, "the kernel image is misplaced or too large");
	for (int i = 0; i < T_COUNT; i++) {
		table[i] = vm_memory(vm, base + i * PAGE_SIZE, PAGE_SIZE);
		if (!table[i])
			return error_set(err, "no room for the kernel's first page tables");
		memset(table[i], 0, PAGE_SIZE);
	}
#define ENTRY(t) ((base + (t)*PAGE_SIZE) | TABLE)
	table[T_ROOT][(ABI_KVA_DIRECT >> 39) & 511] = ENTRY(T_DIRECT);
	table[T_ROOT][(ABI_KVA_KERNEL >> 39) & 511] = ENTRY(T_KERNEL3);
	table[T_KERNEL3][(ABI_KVA_KERNEL >> 30) & 511] = ENTRY(T_KERNEL2);
	table[T_DIRECT][ABI_GPA_SHARED >> 30] = ENTRY(T_SHARED);
	table[T_DIRECT][ABI_GPA_CHANNEL >> 30] = ENTRY(T_CHANNEL);
	table[T_DIRECT][ABI_GPA_RAM >> 30] = ENTRY(T_RAM);
#undef ENTRY
	tables_fill(table[T_SHARED], ABI_GPA_SHARED, ABI_SHARED_SIZE);
	tables_fill(table[T_CHANNEL], ABI_GPA_CHANNEL, 512 * LARGE_SIZE);
	tables_fill(table[T_RAM], ABI_GPA_RAM, 512 * LARGE_SIZE);
	tables_fill(table[T_KERNEL2], image_gpa, size);
	vm->root_table = base;
	vm->kernel_end = base + T_COUNT * PAGE_SIZE;
	return 0;
}

void arch_irq_route(struct kvm_irq_routing_entry *entry, uint32_t gsi, uint32_t vector)
{
	/* Fixed delivery, edge, physical destination: the APIC with id 0. */
	*entry = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = {.address_lo = 0xfee00000u, .data = vector},
	};
}

int arch_doorbell(struct vm *vm, int fd, uint32_t index, struct error *err)
{
	struct kvm_ioeventfd bell = {
		.datamatch = index,
		.addr = ABI_PORT_DOORBELL,
		.len = 4,
		.fd = fd,
		.flags = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	if (ioctl(vm->fd, KVM_IOEVENTFD, &bell))
		return error_sys(err, "KVM refuses doorbell %u", index);
	return 0;
}

uint64_t arch_clock_ticks(void)
{
	unsigned aux;

	return __rdtscp(&aux);
}
