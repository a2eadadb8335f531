/* boot.c - the hosted machine: the kernel as a part of the boot process
 *
 * Provides: arch/include/arch/machine.h without KVM. The files, in reading order:
 *   boot.c                  from the boot process to kernel_main()
 *   stub/                   the code that runs in stub processes
 *   run.c                   user mode: a turn of a stub's thread
 *   space.c mirror.c        page tables, and what a stub has mapped of them
 *   stubs.c                 the life of stub processes
 *   fpu_stub.c              extended state
 *   user_page.h             user memory, for ../../common/ucopy.c
 *   count.c                 counters
 *   irq.c out.c switch.S    interrupts, timers, sleep; log, stacks, contexts
 *   ../kernel/              what any x86-64 machine has: user.c, fpu.c, sigframe.c, clock.c
 * States: the boot process lays out memory, leaves the parent of stubs behind, fills in the plan
 *   and the boot page, and lets each virtual CPU's thread in by hosted_enter(). CPU 0 starts the
 *   kernel; the others come when it has asked for them by the hypercall.
 * Invariants: a virtual CPU is one host thread for ever; GS is its struct cpu; kernel code changes
 *   threads only where tasks do, at a switch. The kernel is never interrupted.
 * Trust: docs/HOSTED.md. Here the kernel is a host process: what confines it is the boot process's
 *   jail.
 * Differs from the KVM machine: docs/CAVEATS.md.
 * Tests: test/abi under --platform=systrap
 */
#include "abi/boot.h"
#include "count.h"
#include "hosted.h"
#include "init.h"
#include "log.h"
#include "sanitize/sanitize.h"
#include "string.h"
#include "task.h"

const struct hosted_plan *plan;
struct cpu *boot_cpu_of_machine; /* [a] null until it takes interrupts */
struct cpu boot_cpu;
struct abi_boot boot_info;
struct x86_features x86;
static struct cpu *ap_cpus[ABI_CPU_MAX];
static const u8 *vdso_copy; /* in guest memory: it is mapped to programs */
extern const char vdso_start[], vdso_end[];

#define ARCH_SET_GS 0x1001

const struct abi_boot *mach_boot(void)
{
	return &boot_info;
}

void *mach_channel(u32 c)
{
	return DIRECT(ABI_GPA_CHANNEL + (u64)c * ABI_CHANNEL_STRIDE);
}

void *mach_ctl_ask(void)
{
	return DIRECT(ABI_GPA_SHARED + ABI_SHARED_CTL_ASK);
}

void *mach_ctl_tell(void)
{
	return DIRECT(ABI_GPA_SHARED + ABI_SHARED_CTL_TELL);
}

const void *mach_vdso_image(size_t *size)
{
	*size = (size_t)(vdso_end - vdso_start);
	return vdso_copy;
}

paddr_t mach_va_to_pa(const void *va)
{
	u64 pa = (u64)va - HOSTED_DIRECT;

	kassert(pa < 1ull << 39);
	return PADDR(pa);
}

int mach_ram_add(u32 slot)
{
	struct abi_cpu_block *block = cpu_self()->mach.block;

	if (slot != boot_info.ram_slots || slot >= boot_info.ram_slots_max)
		return -ENOMEM;
	block->arg[0] = slot;
	if (hypercall(ABI_HC_RAM_ADD))
		return -ENOMEM;
	boot_info.ram_slots++;
	return 0;
}

void mach_ram_release(u64 first_block, u64 count)
{
	struct abi_cpu_block *block = cpu_self()->mach.block;

	block->arg[0] = first_block;
	block->arg[1] = count;
	if (hypercall(ABI_HC_RAM_FREE))
		klog(LOG_WARN, "the host does not take memory back");
}

void bases_save(struct mach_user *u)
{
}

void bases_load(const struct mach_user *u)
{
}

static void detect(void)
{
	x86.amd = x86_cpuid(0, 0).c == 0x444d4163;
	x86.rdrand = x86_cpuid(1, 0).c >> 30 & 1;
	x86.xsaveopt = x86_cpuid(0xd, 1).a & 1;
	x86.fsgsbase = plan->fsgsbase;
	x86.gs_taken = plan->patch;
	patch_init();
	fpu_detect();
}

/* The vDSO's pages come first in what is free of memory. */
static void copy_vdso(void)
{
	size_t size = (size_t)(vdso_end - vdso_start);
	u64 at = PAGE_ALIGN_UP(boot_info.kernel_end);

	memcpy(DIRECT(at), vdso_start, size);
	vdso_copy = DIRECT(at);
	boot_info.kernel_end = at + PAGE_ALIGN_UP(size);
}

static void cpu_attach(struct cpu *c, void *vcpu, u64 host_sp)
{
	c->self = c;
	c->mach.vcpu = vcpu;
	c->mach.host_sp = host_sp;
	c->mach.deadline = ~0ull;
	c->mach.block =
		DIRECT(ABI_GPA_SHARED + ABI_SHARED_CPU + (u64)c->id * sizeof(struct abi_cpu_block));
	c->heartbeat = &c->mach.block->heartbeat;
	host_call(HOST_arch_prctl, ARCH_SET_GS, (u64)c, 0, 0, 0, 0);
}

static void boot_main(void *unused)
{
	struct abi_boot *page = DIRECT(ABI_GPA_SHARED + ABI_SHARED_BOOT);

	memcpy(&boot_info, page, sizeof(boot_info));
	memset(page->seed, 0, sizeof(page->seed));
	detect();
	count_init();
	copy_vdso();
	__atomic_store_n(&boot_cpu_of_machine, &boot_cpu, __ATOMIC_RELEASE);
	kernel_main();
}

static void boot_ap(void *arg)
{
	cpu_main(arg);
}

void hosted_set_up(const struct hosted_plan *p)
{
	sanitize_init();
	plan = p;
}

void hosted_enter(void *vcpu, unsigned id)
{
	/* Some room for this frame; calls into the boot process go below it. */
	u64 host_sp = ((u64)__builtin_frame_address(0) - 1024) & ~63ull;
	struct cpu *c = id ? ap_cpus[id] : &boot_cpu;
	char *stack;

	cpu_attach(c, vcpu, host_sp);
	stack = id ? c->idle_task->kstack : mach_kstack_alloc();
	if (!stack)
		panic("no memory for a stack");
	stack_call(stack + KSTACK_SIZE, id ? boot_ap : boot_main, c);
}

void mach_cpu_start(struct cpu *c)
{
	ap_cpus[c->id] = c;
	mem_barrier();
	cpu_self()->mach.block->arg[0] = c->id;
	if (hypercall(ABI_HC_CPU_START))
		panic("processor %u does not start", c->id);
}
