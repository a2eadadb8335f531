/* gofs_kernel.c - starts the kernel on the scripted machine and lets a test run in a kernel task
 *
 * The linker sends what the kernel asks of its machine about the channel here. Requests are served
 * at points chosen by the seed: at the doorbell, when a task polls, at the latest when a CPU idles;
 * the interrupt is raised at the next point that may take one. */
#include "test/unit/gofer/gofs_kernel.h"
#include "abi/boot.h"
#include "abi/spec.h"
#include "init.h"
#include "log.h"
#include "machine.h"
#include "sched.h"
#include "slab.h"

#define RESERVED (16 * PAGE_SIZE)
#define SLOT	 (1ull << 30)

static struct abi_boot boot_page;
static struct cpu boot_cpu;
static const struct gofs_plan *plan;
static void (*irq_fn)(u32 vector);
static bool irq_raised;
static struct path root;
static a32_t running;
static struct waitq ended;

const struct abi_boot *mach_boot(void)
{
	return &boot_page;
}

const void *mach_vdso_image(size_t *size)
{
	*size = 0;
	return NULL;
}

paddr_t mach_vvar_pa(void)
{
	return PADDR(ABI_GPA_RAM + PAGE_SIZE);
}

void mach_shutdown(int wait_status)
{
	gofs_host_end();
	host_exit(wait_status);
}

/* ---- the channel ---- */

void *__wrap_mach_channel(u32 c);
void __wrap_mach_doorbell(u32 index);
void __real_mach_irq_register(u32 vector, void (*fn)(u32 vector));
void __wrap_mach_irq_register(u32 vector, void (*fn)(u32 vector));
void __real_mach_poll(void);
void __wrap_mach_poll(void);
void __real_mach_idle(const volatile u32 *word, u32 seen);
void __wrap_mach_idle(const volatile u32 *word, u32 seen);
void __wrap_control_init(void);

void *__wrap_mach_channel(u32 c)
{
	return c == 0 ? gofs_host_channel() : NULL;
}

void __wrap_mach_doorbell(u32 index)
{
	if (index == ABI_DOORBELL_CHANNEL && host_rand() % 4 == 0)
		irq_raised |= gofs_host_serve(1 + host_rand() % 4);
}

void __wrap_mach_irq_register(u32 vector, void (*fn)(u32 vector))
{
	if (vector == ABI_VEC_CHANNEL)
		irq_fn = fn;
	__real_mach_irq_register(vector, fn);
}

static void irq_take(void)
{
	if (!irq_raised)
		return;
	irq_raised = false;
	cpu_self()->irq_depth++;
	irq_fn(ABI_VEC_CHANNEL);
	cpu_self()->irq_depth--;
}

void gofs_interrupt(void)
{
	irq_raised = true;
	irq_take();
}

void __wrap_mach_poll(void)
{
	__real_mach_poll();
	if (host_rand() % 2)
		irq_raised |= gofs_host_serve(1 + host_rand() % 4);
	irq_take();
}

void __wrap_mach_idle(const volatile u32 *word, u32 seen)
{
	if (gofs_host_waiting())
		irq_raised |= gofs_host_serve(64);
	if (irq_raised)
		irq_take();
	else
		__real_mach_idle(word, seen);
}

/* ---- tasks ---- */

struct job {
	void (*fn)(void *);
	void *arg;
};

static void dress(void)
{
	struct proc *p = kzalloc(sizeof(*p));

	check(p);
	for (u32 i = 0; i < ARRAY_SIZE(p->rlim); i++)
		p->rlim[i].rlim_cur = p->rlim[i].rlim_max = ABI_RLIM_INFINITY;
	current->proc = p;
	current->fs = fs_ctx_new(&root, &root, 022);
	check(current->fs);
}

static void job_main(void *arg)
{
	struct job *j = arg;

	dress();
	j->fn(j->arg);
	kfree(j);
	a_sub(&running, 1);
	waitq_wake_all(&ended);
	/* The machine ends with the test's own task; this one has nothing more to do. */
	wait_event(&ended, false);
}

void gofs_spawn(void (*fn)(void *), void *arg)
{
	struct job *j = kzalloc(sizeof(*j));
	struct task *t = kthread_create(job_main, j, "job");

	check(j && t);
	*j = (struct job){fn, arg};
	a_add(&running, 1);
	sched_start(t);
}

void gofs_join(void)
{
	wait_event(&ended, a_load(&running) == 0);
}

static void test_main(void *arg)
{
	struct abi_spec_mount spec = {.type = ABI_MOUNT_GOFER, .attach = plan->test->mount};
	struct container *ct = kzalloc(sizeof(*ct));
	struct fs_type *type = fs_find("gofer");
	struct mount_args a = {.data = "", .spec = &spec, .container = ct};
	struct superblock *sb;

	check(type);
	check_eq(type->mount(type, &a, &sb), 0);
	root.mnt = mount_new(sb, sb->root, 0, "gofer");
	check(root.mnt);
	root.dentry = sb->root;
	dress();
	plan->test->fn();
	mach_shutdown(0);
}

void __wrap_control_init(void)
{
	struct task *t = kthread_create(test_main, NULL, "test");

	check(t);
	waitq_init(&ended);
	sched_start(t);
}

void gofs_boot(void *arg)
{
	plan = arg;
	gofs_host_start(plan->test->limit);
	host_seed(plan->seed);
	machine_ram = host_map(SLOT);
	machine_ram_size = SLOT;
	boot_page = (struct abi_boot){
		.magic = ABI_BOOT_MAGIC,
		.version = ABI_BOOT_VERSION,
		.size = sizeof(boot_page),
		.cpu_max = plan->cpus,
		.ram_slot_size = SLOT,
		.ram_slots = 1,
		.ram_slots_max = 1,
		.ram_limit = 64u << 20,
		.kernel_gpa = ABI_GPA_RAM,
		.kernel_end = ABI_GPA_RAM + RESERVED,
		.tsc_khz = 1000000,
		.channels = 1,
		.log_level = LOG_INFO,
	};
	boot_cpu.self = &boot_cpu;
	vcpu_current = &boot_cpu;
	vcpu_add(&boot_cpu, fibre_self());
	kernel_main();
}
