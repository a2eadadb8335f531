/* apic.c - the local APIC (x2APIC registers only), timer, interrupts, idling
 *
 * Provides: the "cpu" family of machine.h but the context switch.
 * Interrupts are taken in user mode, in mach_idle() and in mach_poll(). Handlers run with
 * interrupts off; they are registered at start and the table does not change afterwards. Timer: an
 * armed deadline stays armed until it fires, as the MSR write that moves it costs an exit; only an
 * earlier one replaces it. A timer that fires for a deadline that is gone finds nothing due, which
 * ktimer_interrupt() expects. Wake-ups: mach_idle() says it is idle, then (full barrier) looks at
 * its word, then sti;hlt, which lets nothing in between. Where something gets in all the same (a
 * hypervisor below that forgets the shadow of sti over an exit of its own, as QEMU's emulation of
 * SVM does), kernel_trap() skips the hlt. A waker changes the word, then (full barrier) looks
 * whether the CPU is idle.
 */
#include "abi/boot.h"
#include "kernel.h"
#include "log.h"
#include "task.h"
#include "time.h"

#define APIC_ID	       (MSR_X2APIC + 0x02)
#define APIC_TPR       (MSR_X2APIC + 0x08)
#define APIC_EOI       (MSR_X2APIC + 0x0b)
#define APIC_SPURIOUS  (MSR_X2APIC + 0x0f)
#define APIC_ICR       (MSR_X2APIC + 0x30)
#define APIC_LVT_TIMER (MSR_X2APIC + 0x32)
#define APIC_LVT_LINT0 (MSR_X2APIC + 0x35)
#define APIC_LVT_LINT1 (MSR_X2APIC + 0x36)
#define APIC_LVT_ERROR (MSR_X2APIC + 0x37)
#define APIC_INITIAL   (MSR_X2APIC + 0x38)
#define APIC_DIVIDE    (MSR_X2APIC + 0x3e)
#define LVT_MASKED     (1u << 16)
#define LVT_DEADLINE   (2u << 17)
#define APIC_BASE_X2   (3u << 10)
/* No deadline is set further ahead than this, so that the arithmetic cannot overflow. */
#define TIMER_MAX_NS (100ull * 1000000000)

static void (*irq_handlers[256])(u32 vector); /* [I] after start */

void apic_init_cpu(struct cpu *c)
{
	x86_wrmsr(MSR_APIC_BASE, x86_rdmsr(MSR_APIC_BASE) | APIC_BASE_X2);
	c->mach.apic_id = (u32)x86_rdmsr(APIC_ID);
	x86_wrmsr(APIC_TPR, 0);
	x86_wrmsr(APIC_LVT_LINT0, LVT_MASKED);
	x86_wrmsr(APIC_LVT_LINT1, LVT_MASKED);
	x86_wrmsr(APIC_LVT_ERROR, LVT_MASKED);
	x86_wrmsr(APIC_SPURIOUS, 0x100 | VEC_SPURIOUS);
	if (!x86.deadline)
		x86_wrmsr(APIC_DIVIDE, 0xb); /* by 1 */
	x86_wrmsr(APIC_LVT_TIMER, ABI_VEC_TIME | (x86.deadline ? LVT_DEADLINE : 0));
}

void mach_irq_register(u32 vector, void (*fn)(u32 vector))
{
	kassert(vector >= VEC_IRQ && vector < VEC_SPURIOUS);
	kassert(!irq_handlers[vector] || irq_handlers[vector] == fn);
	irq_handlers[vector] = fn;
}

static void apic_eoi(struct cpu *c)
{
	/* KVM set the bit if it needs to see no end of this interrupt. */
	if (c->mach.desc->pv_eoi & 1) {
		bool was;

		__asm__ volatile("btrl $0, %1"
				 : "=@ccc"(was), "+m"(c->mach.desc->pv_eoi)::"memory");
		if (was)
			return;
	}
	x86_wrmsr(APIC_EOI, 0);
}

void irq_dispatch(u32 vector)
{
	struct cpu *c = cpu_self();

	c->nr_irqs++;
	if (vector == VEC_SPURIOUS)
		return;
	c->irq_depth++;
	/* First the end of the interrupt: what arrives while the handler runs is not lost. */
	apic_eoi(c);
	if (vector == ABI_VEC_TIME) {
		c->mach.timer_armed = ~0ull;
		ktimer_interrupt();
	} else if (irq_handlers[vector]) {
		irq_handlers[vector](vector);
	} else if (vector != ABI_VEC_IPI) {
		klog_once(LOG_WARN, "interrupt with unexpected vector %u", vector);
	}
	c->irq_depth--;
}

void mach_poll(void)
{
	__asm__ volatile("sti; nop; cli" ::: "memory");
}

void mach_idle(const volatile u32 *word, u32 seen)
{
	struct cpu *c = cpu_self();

	__atomic_exchange_n(&c->idle.v, 1, __ATOMIC_SEQ_CST);
	if (*word == seen)
		idle_halt();
	a_store_release(&c->idle, 0);
}

void mach_ipi(struct cpu *c)
{
	mem_barrier(); /* the caller's store to c->pending before these loads */
	if (a_load(&c->idle) || a_load(&c->mode) == CPU_USER)
		x86_wrmsr(APIC_ICR, (u64)c->mach.apic_id << 32 | ABI_VEC_IPI);
}

void mach_yield_to(struct cpu *c)
{
	u64 ret = 11; /* KVM_HC_SCHED_YIELD */

	if (!x86.pv_yield) {
		mach_relax();
		return;
	}
	if (x86.amd)
		__asm__ volatile("vmmcall" : "+a"(ret) : "b"((u64)c->mach.apic_id) : "memory");
	else
		__asm__ volatile("vmcall" : "+a"(ret) : "b"((u64)c->mach.apic_id) : "memory");
}

bool mach_cpu_preempted(const struct cpu *c)
{
	return x86.pv_steal && c->mach.desc && READ_ONCE(c->mach.desc->steal.preempted) & 1;
}

/* (high:low) / by, the quotient known to fit. */
static u64 div128(u64 high, u64 low, u64 by)
{
	u64 rest;

	__asm__("divq %4" : "=a"(low), "=d"(rest) : "0"(low), "1"(high), "r"(by));
	return low;
}

static u64 mul_div(u64 a, u64 b, u64 by)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return div128((u64)(p >> 64), (u64)p, by);
}

/* The TSC value at which mach_clock() will show ns. */
static u64 tsc_at(u64 ns)
{
	const volatile struct abi_time_page *t = mach_time_page();
	u64 base, mono;
	u32 seq, mult, shift;

	do {
		seq = t->seq;
		compiler_barrier();
		base = t->tsc_base;
		mono = t->mono_ns;
		mult = t->mult;
		shift = t->shift;
		compiler_barrier();
	} while (seq & 1 || seq != t->seq);
	if (ns <= mono || !mult)
		return base;
	return base + mul_div(ns - mono, 1ull << shift, mult) + 1;
}

void mach_timer_arm(u64 mono_ns)
{
	struct cpu *c = cpu_self();
	u64 now;

	if (c->mach.timer_armed <= mono_ns)
		return;
	now = mach_clock();
	if (mono_ns > now + TIMER_MAX_NS)
		mono_ns = now + TIMER_MAX_NS;
	if (c->mach.timer_armed <= mono_ns)
		return;
	c->mach.timer_armed = mono_ns;
	if (x86.deadline) {
		x86_wrmsr(MSR_TSC_DEADLINE, tsc_at(mono_ns));
	} else {
		u64 ns = mono_ns > now ? mono_ns - now : 1;
		u64 ticks = mul_div(ns, boot_info.apic_bus_khz, 1000000) + 1;

		x86_wrmsr(APIC_INITIAL, MIN(ticks, 0xffffffffull));
	}
}
