/* boot.c - x86-64, ring 0: how the kernel comes up
 *
 * Provides: arch/include/arch/machine.h for a KVM virtual machine. The files, in reading order:
 *   entry.S boot.c          from the VMM's entry to kernel_main()
 *   cpu.c map.c             features, tables, registers; the kernel's own mappings
 *   space.c                 address spaces
 *   trap.S trap.c           into the kernel and back
 *   user.c ctx.c            user state; the switch between contexts
 *   fpu.c fpu_cpu.c         extended state in memory and in the CPU
 *   sigframe.c              signal frames
 *   ucopy.[Sc]              user copies
 *   apic.c clock.c          interrupts, timer, time
 *   kstack.c panic.c        kernel stacks; log, panic, doorbells
 *   vdso/                   what programs call
 * The hosted machine (../hosted) compiles those that touch no privileged state too.
 * States: CPU 0 enters at _start on the VMM's page tables, which map everything writable and
 *   executable. boot_main() checks the boot page, reads the CPU's features, makes the kernel's own
 *   tables and loads them; from then on nothing is writable and executable. Others enter at
 *   ap_entry when mach_cpu_start() asked the VMM.
 * Invariants: interrupts are off in the kernel but in mach_idle() and mach_poll(); GS is the CPU's
 *   struct cpu; the extended registers are the application's at all times.
 * Differs from Linux: no 32-bit entry (int 0x80 is a SIGSEGV), no IOPL, no LDT, no debug registers.
 * Tests: test/abi, test/vm
 */
#include "abi/boot.h"
#include "init.h"
#include "kernel.h"
#include "log.h"
#include "slab.h"
#include "string.h"
#include "task.h"

struct cpu boot_cpu;
struct abi_boot boot_info;
u64 ap_stacks[ABI_CPU_MAX]; /* for entry.S: the stack of each CPU's idle task */
static struct cpu *ap_cpus[ABI_CPU_MAX];
static struct mach_desc boot_desc;
extern char boot_ist[];

void boot_main(const struct abi_boot *page); /* called by entry.S */
void boot_ap(u32 id);

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

extern const char vdso_start[], vdso_end[];

const void *mach_vdso_image(size_t *size)
{
	*size = (size_t)(vdso_end - vdso_start);
	return vdso_start;
}

static void boot_check(const struct abi_boot *b)
{
	if (b->magic != ABI_BOOT_MAGIC || b->version != ABI_BOOT_VERSION || b->size != sizeof(*b))
		mach_panic("the boot page is not of this kernel's version");
	if (!b->cpu_max || b->cpu_max > ABI_CPU_MAX || !b->ram_slots ||
	    b->ram_slots > b->ram_slots_max || b->ram_slot_size & (b->ram_slot_size - 1) ||
	    b->ram_slot_size < 1ull << 30 || b->ram_slot_size > 4ull << 30 ||
	    b->ram_slots_max > (508ull << 30) / b->ram_slot_size || b->channels > ABI_CHANNEL_MAX ||
	    b->kernel_gpa < ABI_GPA_RAM ||
	    b->kernel_end < b->kernel_gpa + (u64)(image_end - image_start) ||
	    b->kernel_end >> 30 != b->kernel_gpa >> 30)
		mach_panic("the boot page makes no sense");
}

void boot_main(const struct abi_boot *page)
{
	struct cpu *c = &boot_cpu;

	/* Enough for mach_panic() to work. */
	c->self = c;
	c->mach.block = DIRECT(ABI_GPA_SHARED + ABI_SHARED_CPU);
	x86_wrmsr(MSR_GS_BASE, (u64)c);
	memcpy(&boot_info, page, sizeof(boot_info));
	boot_check(&boot_info);
	memset((void *)page->seed, 0, sizeof(page->seed));
	cpu_detect();
	fpu_detect();
	idt_init();
	map_init(&boot_info);
	cpu_load(c, &boot_desc, boot_ist);
	apic_init_cpu(c);
	kernel_main();
}

void mach_cpu_start(struct cpu *c)
{
	struct mach_desc *d = kzalloc(sizeof(*d) + 64);
	void *ist = mach_kstack_alloc();

	if (!d || !ist)
		panic("no memory for processor %u", c->id);
	d = (void *)(((u64)d + 63) & ~63ull);
	c->self = c;
	c->mach.desc = d;
	/* cpu_load() on the new CPU fills the tables; the interrupt stacks are handed over here. */
	c->mach.user_rsp = (u64)ist;
	ap_cpus[c->id] = c;
	ap_stacks[c->id] = (u64)c->idle_task->kstack + KSTACK_SIZE;
	mem_barrier();
	cpu_self()->mach.block->arg[0] = c->id;
	if (hypercall(ABI_HC_CPU_START))
		panic("processor %u does not start", c->id);
}

void boot_ap(u32 id)
{
	struct cpu *c = ap_cpus[id];

	cpu_load(c, c->mach.desc, (void *)c->mach.user_rsp);
	apic_init_cpu(c);
	cpu_main(c);
}
