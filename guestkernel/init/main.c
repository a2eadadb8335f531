/* main.c - start-up of the portable kernel
 *
 * The machine calls kernel_main() on CPU 0. The order below is the order of need: memory, then
 * tasks, time and scheduling, then what tasks use, then the other CPUs, then the control channel,
 * through which the VMM starts containers. CPU 0's boot context becomes its idle task. */
#include "abi/boot.h"
#include "cpu.h"
#include "frame.h"
#include "init.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "syscall.h"
#include "task/task_internal.h"

struct cpu *cpus[ABI_CPU_MAX];
u32 cpu_count = 1;
enum log_level log_threshold = LOG_WARN;
static u64 no_heartbeat; /* machines without a watchdog */

/* The idle task of a CPU: it has a stack, never user mode, and is in no list. */
static struct task *idle_create(u32 id)
{
	struct task *t = task_alloc("idle");

	if (!t)
		panic("no memory for an idle task");
	t->is_kernel = true;
	t->cpu = id;
	t->cred = cred_new_copy(NULL);
	if (!t->cred)
		panic("no memory for an idle task");
	a_store(&t->on_cpu, 1);
	return t;
}

static void cpu_prepare(struct cpu *c)
{
	if (!c->heartbeat)
		c->heartbeat = &no_heartbeat;
	time_init_cpu(c);
	sched_init_cpu(c, idle_create(c->id));
}

static void start_others(u32 count)
{
	for (u32 i = 1; i < count; i++) {
		struct cpu *c = kzalloc(sizeof(*c));

		if (!c)
			panic("no memory for CPU %u", i);
		c->id = i;
		c->self = c;
		a_store(&c->idle, 1); /* nobody waits for it until it runs */
		cpu_prepare(c);
		cpus[i] = c;
	}
	WRITE_ONCE(cpu_count, count);
	for (u32 i = 1; i < count; i++)
		mach_cpu_start(cpus[i]);
}

noreturn void cpu_main(struct cpu *c)
{
	if (!c->heartbeat)
		c->heartbeat = &no_heartbeat;
	c->curr = c->idle_task;
	a_xchg(&c->idle, 0);
	klog(LOG_DEBUG, "CPU %u runs", c->id);
	sched_idle_loop();
}

noreturn void kernel_main(void)
{
	const struct abi_boot *b = mach_boot();
	struct cpu *c = cpu_self();

	log_threshold = (enum log_level)MIN(b->log_level, (u32)LOG_DEBUG);
	syscall_trace(b->flags & ABI_BOOT_STRACE);
	cpus[0] = c;
	frame_init_early(b->kernel_end, ABI_GPA_RAM + b->ram_slots * b->ram_slot_size);
	slab_init();
	mm_init();
	task_init();
	time_init();
	cpu_prepare(c);
	c->curr = c->idle_task;
	a_store(&task_limit, b->pids_limit);
	futex_init();
	random_init();
	vfs_init();
	fs_init();
	dev_init();
	proc_fs_init();
	tty_init();
	socket_init();
	event_init();
	ipc_init();
	start_others(MIN(b->cpu_max, ABI_CPU_MAX));
	control_init();
	klog(LOG_DEBUG, "kernel up, %u CPUs", cpu_count);
	sched_idle_loop();
}
