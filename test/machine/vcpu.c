/* vcpu.c - virtual CPUs: whose turn it is, their clock, interrupts and sleep */
#include "machine.h"
#include "sched.h"
#include "task.h"
#include "time.h"

struct cpu *vcpu_current;
u64 vcpu_clock = 1000000;
u32 vcpu_odds = 3;
u64 vcpu_steps_max = 3000000;

static struct cpu *all[8];
static u32 nr_all;
static u64 steps;
static void (*irq_fn[256])(u32 vector);

#define STEP_NS 1000

void vcpu_restart_count(void)
{
	steps = 0;
}

void vcpu_add(struct cpu *c, struct fibre *running)
{
	if (nr_all == ARRAY_SIZE(all))
		host_fail("too many virtual CPUs");
	c->mach.running = running;
	c->mach.timer = ~0ull;
	c->mach.started = true;
	all[nr_all++] = c;
}

static void advance(u64 ns)
{
	vcpu_clock += ns;
	for (u32 i = 0; i < nr_all; i++)
		if (all[i]->mach.timer <= vcpu_clock) {
			all[i]->mach.timer = ~0ull;
			all[i]->mach.timer_due = true;
		}
}

bool vcpu_interrupted(struct cpu *c)
{
	return c->mach.ipi || c->mach.timer_due;
}

static bool can_run(struct cpu *c)
{
	return !c->mach.waiting || vcpu_interrupted(c) || *c->mach.idle_word != c->mach.idle_seen;
}

static void run(struct cpu *next)
{
	if (next == vcpu_current)
		return;
	vcpu_current->mach.running = fibre_self();
	vcpu_current = next;
	fibre_switch(next->mach.running);
}

/* A CPU other than the current one that can run, chosen at random; null if there is none. */
static struct cpu *other(void)
{
	u32 start = nr_all ? (u32)(host_rand() % nr_all) : 0;

	for (u32 k = 0; k < nr_all; k++) {
		struct cpu *c = all[(start + k) % nr_all];

		if (c != vcpu_current && can_run(c))
			return c;
	}
	return NULL;
}

void vcpu_yield(void)
{
	struct cpu *next;

	if (++steps > vcpu_steps_max)
		host_fail("hung: %llu interleaving points", (unsigned long long)steps);
	advance(STEP_NS);
	next = other();
	if (next)
		run(next);
}

void vcpu_point(void)
{
	if (vcpu_odds && host_rand() % vcpu_odds == 0) {
		vcpu_yield();
		return;
	}
	if (++steps > vcpu_steps_max)
		host_fail("hung: %llu interleaving points", (unsigned long long)steps);
	advance(STEP_NS);
}

void vcpu_take_interrupts(void)
{
	struct cpu *c = cpu_self();

	c->irq_depth++;
	c->mach.ipi = false;
	if (c->mach.timer_due) {
		c->mach.timer_due = false;
		ktimer_interrupt();
	}
	c->irq_depth--;
}

void mach_relax(void)
{
	vcpu_yield();
}

void mach_yield_to(struct cpu *c)
{
	vcpu_yield();
	if (c != vcpu_current && can_run(c))
		run(c);
}

bool mach_cpu_preempted(const struct cpu *c)
{
	return false;
}

void mach_poll(void)
{
	if (cpu_self()->spin_depth)
		host_fail("mach_poll with a spinlock held");
	vcpu_point();
	if (vcpu_interrupted(cpu_self()))
		vcpu_take_interrupts();
}

/* Time passes only while nobody can run: then up to the first timer. */
static void sleep_all(void)
{
	u64 first = ~0ull;

	for (u32 i = 0; i < nr_all; i++)
		first = MIN(first, all[i]->mach.timer);
	if (first == ~0ull)
		host_fail("deadlock: all CPUs are idle and no timer is armed");
	advance(first > vcpu_clock ? first - vcpu_clock : 0);
}

void mach_idle(const volatile u32 *word, u32 seen)
{
	struct cpu *c = cpu_self();

	c->mach.idle_word = word;
	c->mach.idle_seen = seen;
	c->mach.waiting = true;
	while (!can_run(c)) {
		struct cpu *next = other();

		if (next)
			run(next);
		else
			sleep_all();
	}
	c->mach.waiting = false;
	if (vcpu_interrupted(c))
		vcpu_take_interrupts();
}

void mach_ipi(struct cpu *c)
{
	c->mach.ipi = true;
	c->mach.ipis++;
	vcpu_point();
}

void mach_timer_arm(u64 mono_ns)
{
	struct cpu *c = cpu_self();

	c->mach.timer = mono_ns;
	c->mach.timer_due = false;
	advance(0);
}

u64 mach_clock(void)
{
	return vcpu_clock;
}

u64 mach_cycles(void)
{
	return vcpu_clock;
}

void mach_irq_register(u32 vector, void (*fn)(u32 vector))
{
	if (vector < ARRAY_SIZE(irq_fn))
		irq_fn[vector] = fn;
}

/* Lock boundaries are interleaving points: the linker sends the kernel's calls here. */
void __real_spin_lock(struct spinlock *l);
void __real_spin_unlock(struct spinlock *l);
void __wrap_spin_lock(struct spinlock *l);
void __wrap_spin_unlock(struct spinlock *l);

void __wrap_spin_lock(struct spinlock *l)
{
	vcpu_point();
	__real_spin_lock(l);
}

void __wrap_spin_unlock(struct spinlock *l)
{
	__real_spin_unlock(l);
	vcpu_point();
}
