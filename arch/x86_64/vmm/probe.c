/* probe.c - tries a KVM with a micro guest before the kernel is trusted to it
 *
 * Not every /dev/kvm is one: some emulate ring 0 instruction by instruction, some lose a SYSCALL.
 * The micro guest runs on the sandbox's own vCPU 0, in guest memory behind the kernel's image,
 * before the kernel does; so it costs a handful of exits and no second virtual machine. It says
 * what works; what it does not come to say is named in the error. Afterwards the vCPU's state and
 * the memory are as they were.
 * What a guest says or does wrong is final. Time is not judged by the clock, for a busy host takes
 * any amount of it for other work:
 *   slow: the guest's loop in processor time of this thread, over the same loop in user mode here,
 *   run beside it. A processor gives 1 to 5, an emulated ring 0 a thousand. What interrupts the
 *   one and not the other is chance, so the least ratio of several tries counts.
 *   late: a periodic signal interrupts the guest and counts; ten in all are too many. On a host
 * that had no time for this thread several of them come as one, so only those count between which
 * the guest could run, and a refusal takes a tenth of a second of a host that is not busy. A KVM
 * that works passes at the first try, in less than a millisecond of its own.
 */
#include "arch/x86_64/vmm/probe.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "arch/x86_64/vmm/x86.h"
#include "vmm/kvm/arch.h"
#include "vmm/util/util.h"

#define PAGE	4096ull
#define TICK_MS 10u
#define TICKS	10u
#define TRIES	4u
#define SLOW	100u /* guest's loop over our own */

enum { F_CODE, F_DATA, F_STACK, F_ROOT, F_PDPT, F_PD, F_PT, F_COUNT };

#define PTE_P	 0x1ull
#define PTE_W	 0x2ull
#define PTE_U	 0x4ull
#define PTE_FULL (PTE_P | PTE_W | PTE_U)

extern const uint8_t probe_guest_start[], probe_guest_end[];
extern const uint8_t probe_guest_fault[], probe_guest_timer[], probe_guest_irqfd[],
	probe_guest_odd[];

static volatile sig_atomic_t ticks; /* since arch_probe() began */

struct probe {
	struct vcpu *cpu;
	uint64_t gpa;	 /* of the first frame */
	uint8_t *frame;	 /* F_COUNT pages */
	uint64_t begun;	 /* processor time of this thread at PROBE_BEGIN */
	uint64_t ratio;	 /* of the timed loop in the guest to ours; the least so far */
	unsigned said;	 /* the last thing that worked */
	uint32_t reason; /* of the last exit */
};

/* The state that the probe changes and puts back. */
struct saved {
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
};

static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The guest's timed loop, in user mode of this process. Its least time of a few. */
static uint64_t own_loop(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		uint64_t begun = cpu_time();
		uint32_t n = PROBE_LOOPS;

		__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc");
		begun = cpu_time() - begun;
		if (begun < best)
			best = begun;
	}
	return best ? best : 1;
}

static void put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void probe_gate(uint8_t *idt, unsigned vector, const uint8_t *handler)
{
	uint64_t va = PROBE_CODE + (handler - probe_guest_start);

	/* Interrupt gate, present, selector 8. */
	put64(idt + vector * 16,
	      (va & 0xffff) | 8ull << 16 | 0x8e00ull << 32 | (va & 0xffff0000ull) << 32);
	put64(idt + vector * 16 + 8, va >> 32);
}

static void probe_tables(struct probe *p)
{
	uint64_t *root = (uint64_t *)(void *)(p->frame + F_ROOT * PAGE);
	uint64_t *pdpt = (uint64_t *)(void *)(p->frame + F_PDPT * PAGE);
	uint64_t *pd = (uint64_t *)(void *)(p->frame + F_PD * PAGE);
	uint64_t *pt = (uint64_t *)(void *)(p->frame + F_PT * PAGE);

	root[0] = (p->gpa + F_PDPT * PAGE) | PTE_FULL;
	pdpt[0] = (p->gpa + F_PD * PAGE) | PTE_FULL;
	pd[0] = (p->gpa + F_PT * PAGE) | PTE_FULL;
	for (unsigned i = F_CODE; i <= F_STACK; i++)
		pt[PROBE_VA / PAGE + i] =
			(p->gpa + i * PAGE) | PTE_P | (i == F_CODE ? PTE_U : PTE_W);
}

static void probe_build(struct probe *p)
{
	uint8_t *data = p->frame + F_DATA * PAGE;
	uint8_t *gdt = data + PROBE_GDT, *idt = data + PROBE_IDT;

	memset(p->frame, 0, F_COUNT * PAGE);
	memcpy(p->frame, probe_guest_start, probe_guest_end - probe_guest_start);
	put64(gdt + 0x08, 0x00af9b000000ffffull); /* ring 0 code, data */
	put64(gdt + 0x10, 0x00cf93000000ffffull);
	put64(gdt + 0x18, 0x00cff3000000ffffull); /* ring 3 data, code */
	put64(gdt + 0x20, 0x00affb000000ffffull);
	put64(data + PROBE_TSS + 4, PROBE_STACK + PAGE); /* RSP0 */
	for (unsigned v = 0; v < 32; v++)
		probe_gate(idt, v, v == 14 ? probe_guest_fault : probe_guest_odd);
	probe_gate(idt, PROBE_VEC_TIMER, probe_guest_timer);
	probe_gate(idt, PROBE_VEC_IRQFD, probe_guest_irqfd);
	probe_tables(p);
}

static int probe_enter(struct probe *p, struct error *err)
{
	struct kvm_regs regs = {.rip = PROBE_CODE, .rflags = 2, .rsp = PROBE_STACK + PAGE};
	uint64_t table = p->cpu->vm->root_table;
	struct kvm_sregs s;
	int rc;

	p->cpu->vm->root_table = p->gpa + F_ROOT * PAGE;
	rc = x86_enter_long_mode(p->cpu, &regs, err);
	p->cpu->vm->root_table = table;
	if (rc)
		return rc;
	if (ioctl(p->cpu->fd, KVM_GET_SREGS, &s))
		return error_sys(err, "KVM_GET_SREGS");
	s.gdt.base = PROBE_DATA + PROBE_GDT;
	s.gdt.limit = 0x27;
	s.idt.base = PROBE_DATA + PROBE_IDT;
	s.idt.limit = 128 * 16 - 1;
	s.tr = (struct kvm_segment){.base = PROBE_DATA + PROBE_TSS,
				    .limit = 103,
				    .selector = 0x28,
				    .type = 11,
				    .present = 1};
	if (ioctl(p->cpu->fd, KVM_SET_SREGS, &s))
		return error_sys(err, "KVM refuses a task segment");
	return 0;
}

static void probe_timed(struct probe *p, uint64_t ns)
{
	uint64_t ratio = ns / own_loop();

	if (ratio < p->ratio)
		p->ratio = ratio;
}

/* One word of the guest. True while it should go on. */
static bool probe_said(struct probe *p, uint32_t word)
{
	uint64_t one = 1;

	if (word == PROBE_BEGIN)
		p->begun = cpu_time();
	if (word == PROBE_TIMED)
		probe_timed(p, cpu_time() - p->begun);
	if (word == PROBE_TIMER && write(p->cpu->vm->irq_ask, &one, sizeof(one)) < 0)
		return false;
	if (word != p->said + 1)
		return false;
	p->said = word;
	return word != PROBE_DONE;
}

static void on_tick(int signal)
{
	ticks++;
}

static void set_ticks(unsigned ms)
{
	struct itimerval every = {.it_interval = {0, ms * 1000}, .it_value = {0, ms * 1000}};

	setitimer(ITIMER_REAL, &every, NULL);
}

/* Runs until the guest is done, does something odd, or the time is up. */
static void probe_go(struct probe *p)
{
	struct kvm_run *run = p->cpu->run;

	for (;;) {
		uint32_t word;

		if (ioctl(p->cpu->fd, KVM_RUN, 0) < 0) {
			/* One that came before KVM_RUN is made up for by the next. */
			if (errno == EINTR && ticks < (int)TICKS)
				continue;
			break;
		}
		p->reason = run->exit_reason;
		if (run->exit_reason == KVM_EXIT_IOAPIC_EOI)
			continue;
		if (run->exit_reason != KVM_EXIT_IO || run->io.port != ABI_PORT_HYPERCALL ||
		    run->io.size != 4)
			break;
		memcpy(&word, (uint8_t *)run + run->io.data_offset, sizeof(word));
		if (!probe_said(p, word))
			break;
	}
	/* Completes the last OUT, so that it does not complete into the kernel's first state. */
	run->immediate_exit = 1;
	(void)ioctl(p->cpu->fd, KVM_RUN, 0);
	run->immediate_exit = 0;
}

static const char *probe_missing(const struct probe *p)
{
	switch (p->said) {
	case 0:
		return "not one instruction runs in ring 0";
	case PROBE_BEGIN:
		return "ring 0 is emulated, far too slowly to run a kernel";
	case PROBE_TIMED:
		return "a page fault of ring 3 does not arrive in ring 0";
	case PROBE_FAULT:
		return "a SYSCALL from ring 3 does not arrive in ring 0";
	case PROBE_SYSCALL:
		return "the local APIC's timer does not interrupt";
	case PROBE_TIMER:
		return "an interrupt through an irqfd does not arrive";
	default:
		return p->ratio > SLOW ? "ring 0 is emulated, far too slowly to run a kernel"
				       : NULL;
	}
}

static int probe_save(const struct vcpu *cpu, struct saved *s, bool back, struct error *err)
{
	bool ok = back ? !ioctl(cpu->fd, KVM_SET_SREGS, &s->sregs) &&
				  !ioctl(cpu->fd, KVM_SET_LAPIC, &s->lapic) &&
				  !ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &s->events)
		       : !ioctl(cpu->fd, KVM_GET_SREGS, &s->sregs) &&
				  !ioctl(cpu->fd, KVM_GET_LAPIC, &s->lapic) &&
				  !ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &s->events);

	return ok ? 0 : error_sys(err, "KVM does not let the processor's state be kept");
}

static int probe_try(struct probe *p, struct error *err)
{
	probe_build(p);
	p->said = 0;
	if (probe_enter(p, err))
		return -1;
	probe_go(p);
	return 0;
}

int arch_probe(struct vm *vm, struct error *err)
{
	struct probe p = {
		.cpu = &vm->cpu[0], .gpa = round_up(vm->kernel_end, PAGE), .ratio = UINT64_MAX};
	struct sigaction action = {.sa_handler = on_tick};
	const char *missing = NULL;
	struct saved saved;
	int rc = 0;

	p.frame = vm_memory(vm, p.gpa, F_COUNT * PAGE);
	if (!p.frame)
		return error_set(err, "guest memory is too small for the kernel");
	sigaction(SIGALRM, &action, NULL);
	if (probe_save(p.cpu, &saved, false, err))
		return -1;
	ticks = 0;
	set_ticks(TICK_MS);
	for (unsigned i = 0; !rc && i < TRIES; i++) {
		rc = probe_try(&p, err) || probe_save(p.cpu, &saved, true, err) ? -1 : 0;
		missing = probe_missing(&p);
		if (!missing || p.said != PROBE_DONE)
			break;
	}
	set_ticks(0);
	if (rc)
		return rc;
	memset(p.frame, 0, F_COUNT * PAGE);
	if (!missing)
		return 0;
	return error_set(err,
			 "this KVM is unusable: %s (step %u, exit %u); run on hardware, or in a "
			 "virtual machine with nested virtualization",
			 missing, p.said, p.reason);
}
