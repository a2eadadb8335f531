/* stats.c - counters of the sandbox as "name value" lines
 *
 *   exits.total       returns from KVM_RUN to this program, all causes and vCPUs
 *   exits.CAUSE       by cause; "kick" are this program's own signals
 *   cpuN.exits        by vCPU
 *   kvm.NAME          KVM's counters: exits handled in the host's kernel are among them
 *   calibrated.NAME   without KVM: what hand-overs cost here, in ns (vmm/systrap/calibrate.h)
 */
#include "vmm/sandbox/sandbox.h"

#include "vmm/systrap/systrap.h"
#include "vmm/util/util.h"

static const char *const exit_names[] = {
	[VM_EXIT_HYPERCALL] = "hypercall", [VM_EXIT_DOORBELL] = "doorbell", [VM_EXIT_PORT] = "port",
	[VM_EXIT_MMIO] = "mmio",	   [VM_EXIT_KICK] = "kick",	    [VM_EXIT_EOI] = "eoi",
	[VM_EXIT_FAULT] = "fault",	   [VM_EXIT_OTHER] = "other",
};
_Static_assert(ARRAY_SIZE(exit_names) == VM_EXIT_COUNT, "a name for each cause");

static uint64_t cpu_exits(struct vcpu *cpu)
{
	uint64_t sum = 0;

	for (unsigned c = 0; c < VM_EXIT_COUNT; c++)
		sum += atomic_load_explicit(&cpu->exits[c], memory_order_relaxed);
	return sum;
}

unsigned stats_print(struct sandbox *sb, char *buf, unsigned size)
{
	FILE *out = fmemopen(buf, size, "w");
	struct vm *vm = &sb->vm;
	uint64_t total = 0;
	long used;

	if (!out)
		return 0;
	for (unsigned i = 0; i < vm->cpu_count; i++)
		total += cpu_exits(&vm->cpu[i]);
	fprintf(out, "exits.total %llu\n", (unsigned long long)total);
	for (unsigned c = 0; c < VM_EXIT_COUNT; c++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < vm->cpu_count; i++)
			sum += atomic_load_explicit(&vm->cpu[i].exits[c], memory_order_relaxed);
		fprintf(out, "exits.%s %llu\n", exit_names[c], (unsigned long long)sum);
	}
	for (unsigned i = 0; i < vm->cpu_count && i < 64; i++)
		fprintf(out, "cpu%u.exits %llu\n", i, (unsigned long long)cpu_exits(&vm->cpu[i]));
	used = ftell(out);
	fclose(out);
	if (used < 0 || used >= size)
		return size - 1;
	if (vm->systrap)
		return used + systrap_print_stats(buf + used, size - used);
	return used + vm_print_stats(vm, buf + used, size - used);
}
