/* cpuid.c - which features of the processor a guest is shown
 *
 * The starting point is what KVM supports. From it is taken what the kernel does not save and
 * restore (extended state beyond AVX-512), what it does not virtualise (protection keys, SGX, CET,
 * user interrupts, performance counters, nested virtualisation), and what makes no sense without
 * firmware. The topology is one package with one thread per core; x2APIC ids are vCPU numbers.
 */
#include "arch/x86_64/vmm/x86.h"

#include <cpuid.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/util/util.h"

#define CPUID_MAX 256u

/* x87, SSE, AVX, and the three parts of AVX-512. */
#define XCR0_X87    (1ull << 0)
#define XCR0_SSE    (1ull << 1)
#define XCR0_AVX    (1ull << 2)
#define XCR0_AVX512 (7ull << 5)
#define XCR0_KNOWN  (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

#define BIT(n) (1u << (n))

#define CPUID_HYPERVISOR 0x40000000u /* signature of the hypervisor in ebx, ecx, edx */

enum cpuid_register { REG_EAX, REG_EBX, REG_ECX, REG_EDX };

/* Bits taken away, leaf by leaf. */
static const struct {
	uint32_t function;
	uint32_t index;
	enum cpuid_register reg;
	uint32_t hide;
} cpuid_hidden[] = {
	/* DTES64 MONITOR DS-CPL VMX SMX EIST TM2 SDBG xTPR PDCM DCA */
	{1, 0, REG_ECX,
	 BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) | BIT(14) |
		 BIT(15) | BIT(18)},
	/* MCE MCA DS ACPI TM PBE */
	{1, 0, REG_EDX, BIT(7) | BIT(14) | BIT(21) | BIT(22) | BIT(29) | BIT(31)},
	/* SGX PQM MPX PQE processor trace */
	{7, 0, REG_EBX, BIT(2) | BIT(12) | BIT(14) | BIT(15) | BIT(25)},
	/* PKU OSPKE WAITPKG CET-SS LA57 KL bus-lock ENQCMD SGX-LC PKS */
	{7, 0, REG_ECX,
	 BIT(3) | BIT(4) | BIT(5) | BIT(7) | BIT(16) | BIT(23) | BIT(24) | BIT(29) | BIT(30) |
		 BIT(31)},
	/* UINTR PCONFIG arch-LBR CET-IBT AMX-BF16 AMX-TILE AMX-INT8 */
	{7, 0, REG_EDX, BIT(5) | BIT(18) | BIT(19) | BIT(20) | BIT(22) | BIT(24) | BIT(25)},
	/* all but AVX-VNNI, AVX512-BF16, fast short strings, AVX-IFMA */
	{7, 1, REG_EAX, ~(BIT(4) | BIT(5) | BIT(10) | BIT(11) | BIT(12) | BIT(23))},
	{7, 1, REG_EBX, ~0u},
	{7, 1, REG_ECX, ~0u},
	/* all but AVX-VNNI-INT8, AVX-NE-CONVERT */
	{7, 1, REG_EDX, ~(BIT(4) | BIT(5))},
	/* all but XSAVEOPT, XSAVEC, XGETBV with ECX = 1 */
	{0xd, 1, REG_EAX, ~(BIT(0) | BIT(1) | BIT(2))},
	{0xd, 1, REG_ECX, ~0u},
	{0xd, 1, REG_EDX, ~0u},
	/* SVM, OSVW, IBS, SKINIT, WDT, LWP, NodeId, TopologyExtensions, counters, MONITORX */
	{0x80000001, 0, REG_ECX,
	 BIT(2) | BIT(9) | BIT(10) | BIT(12) | BIT(13) | BIT(15) | BIT(19) | BIT(22) | BIT(23) |
		 BIT(24) | BIT(28) | BIT(29)},
	{0x80000001, 0, REG_EDX, BIT(7) | BIT(14)},
	/* all but CLZERO, XSAVEERPTR, and the speculation controls */
	{0x80000008, 0, REG_EBX, BIT(1) | BIT(3) | BIT(4) | BIT(6) | BIT(8) | BIT(13)},
	/* all but ARAT */
	{6, 0, REG_EAX, ~BIT(2)},
	{6, 0, REG_EBX, ~0u},
	{6, 0, REG_ECX, ~0u},
	{6, 0, REG_EDX, ~0u},
};

/* Leaves that are not shown at all: MONITOR, performance counters, resource control, SGX, trace,
 * keys, tiles, SVM, power, sampling, caches and nodes of AMD, memory encryption. */
static const struct {
	uint32_t first, last;
} cpuid_dropped[] = {
	{5, 5},
	{9, 0xc},
	{0xf, 0x14},
	{0x17, 0x23},
	{0x8000000a, 0x8000000a},
	{0x80000019, 0x80000022},
	{0x40000000, 0x4fffffff},
};

static uint32_t *entry_reg(struct kvm_cpuid_entry2 *e, enum cpuid_register reg)
{
	uint32_t *const regs[] = {&e->eax, &e->ebx, &e->ecx, &e->edx};

	return regs[reg];
}

static bool leaf_dropped(uint32_t function)
{
	for (size_t i = 0; i < ARRAY_SIZE(cpuid_dropped); i++)
		if (function >= cpuid_dropped[i].first && function <= cpuid_dropped[i].last)
			return true;
	return false;
}

static unsigned bits_for(unsigned count)
{
	unsigned bits = 0;

	while ((1u << bits) < count)
		bits++;
	return bits;
}

/* Leaf 0xd: the user states kept, and the size of an area that holds them. */
static bool leaf_xsave(struct kvm_cpuid_entry2 *e, uint64_t xcr0)
{
	if (e->index >= 2)
		return e->index < 63 && (xcr0 >> e->index & 1);
	if (e->index == 0) {
		uint32_t size = 576; /* legacy area and header */

		for (unsigned i = 2; i < 63; i++) {
			uint32_t a, b, c, d;

			if (!(xcr0 >> i & 1))
				continue;
			__cpuid_count(0xd, i, a, b, c, d);
			if (a + b > size)
				size = a + b;
		}
		e->eax = xcr0;
		e->edx = 0;
		e->ebx = e->ecx = size;
	}
	return true;
}

static void leaf_topology(struct kvm_cpuid_entry2 *e, const struct vcpu *cpu)
{
	unsigned count = cpu->vm->cpu_count;

	switch (e->function) {
	case 1:
		e->ebx = (e->ebx & 0xffff) | (count > 255 ? 255 : count) << 16 | cpu->index << 24;
		e->edx = (e->edx & ~BIT(28)) | (count > 1 ? BIT(28) : 0);
		/* x2APIC, TSC deadline, hypervisor present; OSXSAVE follows CR4. */
		e->ecx = (e->ecx & ~BIT(27)) | BIT(21) | BIT(24) | BIT(31);
		break;
	case 4:
		if (e->eax & 0x1f) {
			/* Caches below the third level are a core's own. */
			bool shared = (e->eax >> 5 & 7) >= 3;
			uint32_t sharing = shared ? (1u << bits_for(count)) - 1 : 0;

			e->eax = (e->eax & 0x3fff) | (sharing & 0xfff) << 14 |
				 (((1u << bits_for(count)) - 1) & 0x3f) << 26;
		}
		break;
	case 0x80000008:
		e->ecx = (count - 1 > 255 ? 255 : count - 1) | bits_for(count) << 12;
		break;
	}
}

static bool leaf_keep(struct kvm_cpuid_entry2 *e, const struct vcpu *cpu, uint64_t xcr0)
{
	if (leaf_dropped(e->function))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(cpuid_hidden); i++)
		if (cpuid_hidden[i].function == e->function && cpuid_hidden[i].index == e->index)
			*entry_reg(e, cpuid_hidden[i].reg) &= ~cpuid_hidden[i].hide;
	leaf_topology(e, cpu);
	if (e->function == 7 && e->index == 0 && e->eax > 1)
		e->eax = 1;
	return e->function == 0xd ? leaf_xsave(e, xcr0) : true;
}

static void cpuid_add(struct kvm_cpuid2 *set, struct kvm_cpuid_entry2 entry)
{
	if (set->nent < CPUID_MAX)
		set->entries[set->nent++] = entry;
}

/* QEMU's emulation may deliver an injected interrupt a second time, whatever the guest's flags say,
 * unless the guest exits soon after the first: then even the end of an interrupt has to be an exit.
 */
static bool host_is_emulated(void)
{
	uint32_t eax, ebx, ecx, edx, signature[3];

	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & BIT(31))) /* no hypervisor */
		return false;
	__cpuid(CPUID_HYPERVISOR, eax, signature[0], signature[1], signature[2]);
	return !memcmp(signature, "TCGTCGTCGTCG", sizeof(signature));
}

/* The leaves made here: extended topology, and KVM's own signature with the features used. */
static void cpuid_add_own(struct kvm_cpuid2 *set, const struct vcpu *cpu, uint32_t kvm_features)
{
	unsigned count = cpu->vm->cpu_count;
	static const char signature[12] = "KVMKVMKVM";
	struct kvm_cpuid_entry2 kvm = {.function = KVM_CPUID_SIGNATURE, .eax = KVM_CPUID_FEATURES};
	uint32_t wanted = BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_STEAL_TIME) |
			  BIT(KVM_FEATURE_PV_EOI) | BIT(KVM_FEATURE_ASYNC_PF) |
			  BIT(KVM_FEATURE_ASYNC_PF_INT) | BIT(KVM_FEATURE_PV_SCHED_YIELD) |
			  BIT(KVM_FEATURE_PV_UNHALT) | BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT);

	if (host_is_emulated())
		wanted &= ~BIT(KVM_FEATURE_PV_EOI);

	cpuid_add(set, (struct kvm_cpuid_entry2){.function = 0xb,
						 .index = 0,
						 .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
						 .ebx = 1,
						 .ecx = 0x100,
						 .edx = cpu->index});
	cpuid_add(set, (struct kvm_cpuid_entry2){.function = 0xb,
						 .index = 1,
						 .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
						 .eax = bits_for(count),
						 .ebx = count,
						 .ecx = 0x201,
						 .edx = cpu->index});
	memcpy(&kvm.ebx, signature, 4);
	memcpy(&kvm.ecx, signature + 4, 4);
	memcpy(&kvm.edx, signature + 8, 4);
	cpuid_add(set, kvm);
	cpuid_add(set, (struct kvm_cpuid_entry2){.function = KVM_CPUID_FEATURES,
						 .eax = kvm_features & wanted});
}

static uint64_t cpuid_xcr0(const struct kvm_cpuid2 *all)
{
	uint64_t xcr0 = 0;

	for (uint32_t i = 0; i < all->nent; i++)
		if (all->entries[i].function == 0xd && all->entries[i].index == 0)
			xcr0 = all->entries[i].eax & XCR0_KNOWN;
	/* AVX-512 is usable only whole, and only on top of AVX. */
	if ((xcr0 & XCR0_AVX512) != XCR0_AVX512 || !(xcr0 & XCR0_AVX))
		xcr0 &= ~XCR0_AVX512;
	return xcr0;
}

int x86_set_cpuid(struct vcpu *cpu, uint64_t *xcr0, struct error *err)
{
	size_t size = sizeof(struct kvm_cpuid2) + CPUID_MAX * sizeof(struct kvm_cpuid_entry2);
	cleanup_free struct kvm_cpuid2 *all = calloc(1, size);
	cleanup_free struct kvm_cpuid2 *shown = calloc(1, size);
	uint32_t kvm_features = 0;

	if (!all || !shown)
		return error_set(err, "out of memory");
	all->nent = CPUID_MAX;
	if (ioctl(cpu->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, all))
		return error_sys(err, "KVM does not tell the processor's features");
	*xcr0 = cpuid_xcr0(all);
	for (uint32_t i = 0; i < all->nent; i++) {
		struct kvm_cpuid_entry2 e = all->entries[i];

		if (e.function == KVM_CPUID_FEATURES)
			kvm_features = e.eax;
		if (leaf_keep(&e, cpu, *xcr0))
			cpuid_add(shown, e);
	}
	cpuid_add_own(shown, cpu, kvm_features);
	if (ioctl(cpu->fd, KVM_SET_CPUID2, shown))
		return error_sys(err, "KVM refuses the processor's features");
	return 0;
}
