/* hypercall.c - what the guest kernel may ask of the VMM
 *
 * Runs on the vCPU's thread. The block is copied once; only the copy is checked and used. A bad
 * argument is answered with -EINVAL and harms the guest alone.
 * Tests: test/unit/vmm/hypercall_test.c
 */
#include "vmm/sandbox/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/util/util.h"

static struct sandbox *sandbox_of(struct vcpu *cpu)
{
	return (struct sandbox *)(void *)((char *)cpu->vm - offsetof(struct sandbox, vm));
}

static int64_t hc_log(struct vcpu *cpu, const struct abi_cpu_block *b)
{
	if (b->arg[0] > 3 || b->arg[1] > sizeof(b->log))
		return -EINVAL;
	sandbox_log(sandbox_of(cpu), b->arg[0], "%.*s", (int)b->arg[1], b->log);
	return 0;
}

static int64_t hc_panic(struct vcpu *cpu, const struct abi_cpu_block *b)
{
	struct sandbox *sb = sandbox_of(cpu);
	uint32_t len = b->arg[1] < sizeof(b->log) ? b->arg[1] : 0;

	sandbox_claim(sb, cpu);
	snprintf(sb->why, sizeof(sb->why), "%.*s", len ? (int)strcspn(b->log, "\n") : 0, b->log);
	if (!sb->why[0])
		snprintf(sb->why, sizeof(sb->why), "no reason given");
	sb->panic_text = malloc(len + 1);
	if (sb->panic_text) {
		memcpy(sb->panic_text, b->log, len);
		sb->panic_len = len;
	}
	memcpy(sb->panic_trace, &b->arg[2], sizeof(sb->panic_trace));
	sandbox_verdict(sb, cpu, VERDICT_DIED);
}

static int64_t hc_shutdown(struct vcpu *cpu, const struct abi_cpu_block *b)
{
	struct sandbox *sb = sandbox_of(cpu);

	sandbox_claim(sb, cpu);
	sb->status = (int32_t)b->arg[0];
	sandbox_verdict(sb, cpu, VERDICT_SHUTDOWN);
}

static int64_t hc_cpu_start(struct vcpu *cpu, const struct abi_cpu_block *b)
{
	if (b->arg[0] >= cpu->vm->cpu_count || !cpu->vm->kernel_ap_entry)
		return -EINVAL;
	return vm_start_vcpu(cpu->vm, b->arg[0]);
}

static int64_t hc_ram_add(struct vcpu *cpu, const struct abi_cpu_block *b)
{
	return vm_add_ram(cpu->vm, b->arg[0]);
}

static int64_t hc_ram_free(struct vcpu *cpu, const struct abi_cpu_block *b)
{
	return vm_free_ram(cpu->vm, b->arg[0], b->arg[1]);
}

static int64_t hc_watch(struct vcpu *cpu, const struct abi_cpu_block *b)
{
	struct vm *vm = cpu->vm;
	uint64_t one = 1;

	if (b->arg[0] >= vm->channels)
		return -EINVAL;
	abi_channel_close(&(struct abi_channel){.base = vm->channel[b->arg[0]]}, 1);
	sandbox_log(sandbox_of(cpu), 1, "the kernel closes gofer channel %u: its peer is broken",
		    (unsigned)b->arg[0]);
	(void)!write(BOOT_FD_KICK, &one, sizeof(one));
	return 0;
}

static int64_t (*const hypercalls[])(struct vcpu *, const struct abi_cpu_block *) = {
	[ABI_HC_LOG] = hc_log,		 [ABI_HC_PANIC] = hc_panic,
	[ABI_HC_SHUTDOWN] = hc_shutdown, [ABI_HC_CPU_START] = hc_cpu_start,
	[ABI_HC_RAM_ADD] = hc_ram_add,	 [ABI_HC_RAM_FREE] = hc_ram_free,
	[ABI_HC_WATCH] = hc_watch,
};

int64_t hypercall_dispatch(struct vcpu *cpu, uint32_t number, const struct abi_cpu_block *block)
{
	if (number >= ARRAY_SIZE(hypercalls) || !hypercalls[number])
		return -ENOSYS;
	return hypercalls[number](cpu, block);
}

int64_t sandbox_hypercall(struct vcpu *cpu, uint32_t number)
{
	struct abi_cpu_block *copy = cpu->scratch;

	memcpy(copy, vm_cpu_block(cpu->vm, cpu->index), sizeof(*copy));
	copy->log[sizeof(copy->log) - 1] = 0;
	return hypercall_dispatch(cpu, number, copy);
}

void sandbox_died(struct vcpu *cpu, const char *why)
{
	struct sandbox *sb = sandbox_of(cpu);

	sandbox_claim(sb, cpu);
	snprintf(sb->why, sizeof(sb->why), "%s", why);
	sandbox_verdict(sb, cpu, VERDICT_DIED);
}
