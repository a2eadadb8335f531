/* irq.c - interrupts, timers and sleep of a virtual CPU that is a host thread
 *
 * Provides: the "cpu" family of machine.h but the context switch.
 * An interrupt is a bit in the CPU's vectors (or, for an IPI, only .irq), set by any thread. The
 *   CPU takes interrupts when it comes back from user mode, in mach_idle() and in mach_poll().
 * Wake-ups: a CPU that sleeps has named its futex word in wait_word before it looked at .irq a last
 *   time; who raises sets .irq, then looks at wait_word. Each is followed by a full barrier, so one
 *   of the two sees the other. In user mode the word lies in the area that the stub writes too: the
 *   application can spoil a wake-up there, so run.c never sleeps on it for long.
 * Timers: there is no timer but the end of a sleep. A CPU that computes in the kernel finds its
 *   deadline passed in mach_poll(); one in user mode is waited for until the deadline, and kicked.
 */
#include "abi/boot.h"
#include "count.h"
#include "hosted.h"
#include "log.h"
#include "task.h"
#include "time.h"

static void (*irq_handlers[256])(u32 vector); /* [I] after start */

void mach_irq_register(u32 vector, void (*fn)(u32 vector))
{
	kassert(vector < ARRAY_SIZE(irq_handlers));
	kassert(!irq_handlers[vector] || irq_handlers[vector] == fn);
	irq_handlers[vector] = fn;
}

static void raise(struct cpu *c)
{
	u32 *word;

	__atomic_store_n(&c->mach.irq, 1, __ATOMIC_SEQ_CST);
	word = __atomic_load_n(&c->mach.wait_word, __ATOMIC_SEQ_CST);
	if (!word)
		return;
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	host_futex_wake(word);
}

void hosted_irq(u32 vector)
{
	struct cpu *c = boot_cpu_of_machine;

	if (!c || vector >= ARRAY_SIZE(irq_handlers))
		return;
	__atomic_fetch_or(&c->mach.vectors[vector / 64], 1ull << vector % 64, __ATOMIC_SEQ_CST);
	raise(c);
}

bool irq_waiting(struct cpu *c)
{
	return __atomic_load_n(&c->mach.irq, __ATOMIC_SEQ_CST) ||
	       (c->mach.deadline != ~0ull && c->mach.deadline <= mach_clock());
}

static void take_vectors(struct cpu *c)
{
	for (u32 i = 0; i < ARRAY_SIZE(c->mach.vectors); i++) {
		u64 bits = __atomic_load_n(&c->mach.vectors[i], __ATOMIC_ACQUIRE);

		if (bits)
			bits = __atomic_exchange_n(&c->mach.vectors[i], 0, __ATOMIC_ACQ_REL);
		for (; bits; bits &= bits - 1) {
			u32 v = i * 64 + (u32)__builtin_ctzll(bits);

			if (irq_handlers[v])
				irq_handlers[v](v);
			else
				klog_once(LOG_WARN, "interrupt with unexpected vector %u", v);
		}
	}
}

void irq_take(struct cpu *c)
{
	c->nr_irqs++;
	c->irq_depth++;
	/* First: what arrives while handlers run is not lost. */
	__atomic_exchange_n(&c->mach.irq, 0, __ATOMIC_SEQ_CST);
	take_vectors(c);
	if (c->mach.deadline <= mach_clock()) {
		c->mach.deadline = ~0ull;
		ktimer_interrupt();
	}
	c->irq_depth--;
}

void mach_poll(void)
{
	struct cpu *c = cpu_self();

	if (unlikely(irq_waiting(c)))
		irq_take(c);
}

void mach_idle(const volatile u32 *word, u32 seen)
{
	struct cpu *c = cpu_self();
	u32 *sleep = &c->mach.idle_word;

	turn_rest(c);
	__atomic_store_n(sleep, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&c->mach.wait_word, sleep, __ATOMIC_SEQ_CST);
	__atomic_exchange_n(&c->idle.v, 1, __ATOMIC_SEQ_CST);
	while (*word == seen && !irq_waiting(c)) {
		count_one(c, COUNT_SLEEPS);
		host_futex_wait(sleep, 0, c->mach.deadline);
		__atomic_store_n(sleep, 0, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&c->mach.wait_word, NULL, __ATOMIC_SEQ_CST);
	a_store_release(&c->idle, 0);
	turn_awake(c);
	if (irq_waiting(c))
		irq_take(c);
}

void mach_ipi(struct cpu *c)
{
	mem_barrier(); /* the caller's store to c->pending before these loads */
	if (a_load(&c->idle) || a_load(&c->mode) == CPU_USER)
		raise(c);
}

void mach_yield_to(struct cpu *c)
{
	host_call(HOST_sched_yield, 0, 0, 0, 0, 0, 0);
}

bool mach_cpu_preempted(const struct cpu *c)
{
	return false;
}

void mach_timer_arm(u64 mono_ns)
{
	struct cpu *c = cpu_self();

	if (mono_ns < c->mach.deadline)
		c->mach.deadline = mono_ns;
}
