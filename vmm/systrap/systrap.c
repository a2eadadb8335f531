/* systrap.c - the sandbox without KVM: memory, threads and descriptors for the kernel in here
 *
 * Provides: systrap.h, which lays out what arch/<isa>/hosted runs on.
 * Owns: one memfd of guest-physical memory (its offsets are the addresses), mapped at
 * HOSTED_DIRECT; the memory of areas and orders; the parent of stubs; a thread per virtual CPU, and
 * one that turns eventfds into interrupts. States: as of vmm/kvm/vm.c. Trust: the kernel is linked
 * in and could do what this process can: that is little, and the second filter (vmm/jail) leaves it
 * less. Stubs are not trusted at all: stub.h. Tests: test/abi under --platform=systrap
 */
#include "vmm/systrap/systrap.h"

#include <arch/hosted.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "arch/x86_64/hosted/stub/stub.h"
#include "vmm/kvm/arch.h"
#include "vmm/systrap/calibrate.h"
#include "vmm/systrap/fault.h"
#include "vmm/systrap/parent.h"
#include "vmm/util/util.h"

#define STACK_SIZE   (128u << 10)
#define GIB	     (1ull << 30)
#define CALIBRATE_NS 4000000ull
#define LOOK_MIN_NS  10000u /* looked for the turn across CPUs, at the least and at most */
#define LOOK_MAX_NS  60000u
#define IRQ_MAX	     (2 + VM_CHANNEL_MAX)

static struct hosted_plan plan;
static struct systrap_figures figures;
static int ram_fd = -1;
static struct pollfd irq_fds[IRQ_MAX];
static uint32_t irq_vectors[IRQ_MAX];
static unsigned irq_count;

static int shared_memory(const char *name, uint64_t size, void *at, void **p, struct error *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, size))
		return error_sys(err, "cannot allocate %s", name);
	if (p) {
		*p = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
		if (*p == MAP_FAILED)
			return error_sys(err, "cannot map %s", name);
	}
	return fd;
}

/* A stretch of guest-physical memory, where the kernel expects it. */
static void *map_gpa(int fd, uint64_t gpa, uint64_t offset, uint64_t size)
{
	void *at = (void *)(HOSTED_DIRECT + gpa);
	void *p = mmap(at, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, offset);

	return p == at ? p : NULL;
}

static int create_memory(struct vm *vm, uint64_t limit, struct error *err)
{
	uint64_t need = limit + limit / 32 + (128ull << 20), span;

	vm->ram_slot_size = limit > 64 * GIB ? 4 * GIB : GIB;
	vm->ram_slots_max = (need + vm->ram_slot_size - 1) / vm->ram_slot_size;
	span = vm->ram_slots_max * vm->ram_slot_size;
	ram_fd = shared_memory("guest memory", ABI_GPA_RAM + span, NULL, NULL, err);
	if (ram_fd < 0)
		return -1;
	vm->shared = map_gpa(ram_fd, ABI_GPA_SHARED, ABI_GPA_SHARED, ABI_SHARED_SIZE);
	vm->ram = map_gpa(ram_fd, ABI_GPA_RAM, ABI_GPA_RAM, span);
	if (!vm->shared || !vm->ram)
		return error_sys(err,
				 "cannot reserve %llu MiB of address space for guest memory; "
				 "lower --memory or the limit on address space (ulimit -v)",
				 (unsigned long long)(span >> 20));
	vm->ram_slots = 1;
	vm->kernel_end = ABI_GPA_RAM;
	return 0;
}

static int create_stubs(struct vm *vm, struct error *err)
{
	struct stub_parent parent = {.ram_fd = ram_fd, .cpus = vm->cpu_count};
	uint64_t areas = (uint64_t)HOSTED_STUBS * vm->cpu_count * STUB_AREA_SIZE;
	void *p;

	plan.done_fd = calloc(vm->cpu_count, sizeof(*plan.done_fd));
	if (!plan.done_fd)
		return error_set(err, "out of memory");
	for (unsigned i = 0; i < vm->cpu_count; i++) {
		plan.done_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (plan.done_fd[i] < 0)
			return error_sys(err, "eventfd");
	}
	parent.areas_fd = shared_memory("areas of stubs", areas, NULL, &p, err);
	if (parent.areas_fd < 0)
		return -1;
	plan.areas = p;
	parent.orders_fd = shared_memory("orders to stubs", HOSTED_STUBS * 4096ull, NULL, &p, err);
	if (parent.orders_fd < 0)
		return -1;
	plan.orders = p;
	/* From here on nobody can map the orders for writing, not even a mapper. */
	if (fcntl(parent.orders_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE))
		return error_sys(err, "cannot seal the orders to stubs");
	parent.done_fd = plan.done_fd;
	if (stub_parent_start(&parent, err))
		return -1;
	plan.ask_fd = parent.ask_fd;
	plan.answer_fd = parent.answer_fd;
	close(parent.areas_fd);
	close(parent.orders_fd);
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Near enough to begin with: clock.c steers from then on. The time is used to measure the rest. */
static uint64_t measure(void)
{
	uint64_t ns = now_ns(), ticks = arch_clock_ticks(), end;

	systrap_calibrate(&figures);
	do {
		end = now_ns();
	} while (end - ns < CALIBRATE_NS);
	ticks = arch_clock_ticks() - ticks;
	return (uint64_t)((unsigned __int128)ticks * 1000000 / (end - ns));
}

static void plan_waits(uint64_t tsc_khz)
{
	uint64_t ns = figures.wake_ns;

	plan.cpu_set = &figures.set;
	plan.cpu_set_size = sizeof(figures.set);
	plan.host_cpus = figures.cpus;
	plan.yields = 1;
	if (!figures.spin_ns)
		return;
	ns = ns < LOOK_MIN_NS ? LOOK_MIN_NS : ns > LOOK_MAX_NS ? LOOK_MAX_NS : ns;
	plan.look_ticks = ns * tsc_khz / 1000000;
	plan.look_rounds = ns * 1000 / figures.pause_ps;
}

unsigned systrap_print_stats(char *buf, unsigned size)
{
	unsigned n = snprintf(buf, size,
			      "calibrated.cpus %u\ncalibrated.word_ns %u\ncalibrated.wake_ns %u\n"
			      "calibrated.futex_ns %u\n",
			      figures.cpus, figures.spin_ns, figures.wake_ns, figures.same_ns);

	return n < size ? n : size ? size - 1 : 0;
}

static int64_t systrap_hypercall(void *vcpu, uint32_t number)
{
	struct vcpu *cpu = vcpu;
	int64_t ret = cpu->vm->hypercall(cpu, number);

	atomic_fetch_add_explicit(&cpu->exits[VM_EXIT_HYPERCALL], 1, memory_order_relaxed);
	vm_cpu_block(cpu->vm, cpu->index)->ret = ret;
	return ret;
}

int systrap_create(struct vm *vm, const struct vm_params *params, struct error *err)
{
	memset(vm, 0, sizeof(*vm));
	pthread_mutex_init(&vm->ram_lock, NULL);
	vm->systrap = true;
	vm->kvm_fd = vm->fd = vm->stats_fd = -1;
	vm->cpu_count = params->cpu_count;
	vm->kernel_entry = vm->kernel_ap_entry = 1; /* any: threads enter by hosted_enter() */
	if (create_memory(vm, params->ram_limit, err) || create_stubs(vm, err))
		return -1;
	vm->cpu = calloc(vm->cpu_count, sizeof(*vm->cpu));
	if (!vm->cpu)
		return error_set(err, "out of memory");
	for (unsigned i = 0; i < vm->cpu_count; i++) {
		vm->cpu[i] = (struct vcpu){.vm = vm, .index = i, .fd = -1, .stats_fd = -1};
		vm->cpu[i].scratch = calloc(1, sizeof(*vm->cpu[i].scratch));
		if (!vm->cpu[i].scratch)
			return error_set(err, "out of memory");
	}
	vm->tsc_khz = measure();
	vm->tsc_shared = true;
	plan.cpus = vm->cpu_count;
	plan.fsgsbase = getauxval(AT_HWCAP2) >> 1 & 1;
	plan_waits(vm->tsc_khz);
	plan.patch = !params->no_patch;
	plan.hypercall = systrap_hypercall;
	return 0;
}

static void add_irq(int fd, uint32_t vector)
{
	irq_fds[irq_count] = (struct pollfd){.fd = fd, .events = POLLIN};
	irq_vectors[irq_count++] = vector;
}

int systrap_add_channel(struct vm *vm, unsigned number, int fd, int kick_fd, int irq_fd,
			struct error *err)
{
	if (number != vm->channels || number >= VM_CHANNEL_MAX)
		return error_set(err, "channel %u out of order", number);
	if (vm_check_channel(fd, err))
		return -1;
	vm->channel[number] =
		map_gpa(fd, ABI_GPA_CHANNEL + number * ABI_CHANNEL_STRIDE, 0, ABI_CHANNEL_STRIDE);
	if (!vm->channel[number])
		return error_sys(err, "cannot map channel %u", number);
	vm->channels++;
	plan.doorbell[number] = kick_fd;
	add_irq(irq_fd, ABI_VEC_CHANNEL + number % 64);
	return 0;
}

int systrap_connect(struct vm *vm, struct error *err)
{
	int *const fds[] = {&vm->doorbell_ask, &vm->doorbell_tell, &vm->irq_ask, &vm->irq_tell};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*fds[i] < 0)
			return error_sys(err, "eventfd");
	}
	plan.doorbell_ask = vm->doorbell_ask;
	plan.doorbell_tell = vm->doorbell_tell;
	add_irq(vm->irq_ask, ABI_VEC_CTL_ASK);
	add_irq(vm->irq_tell, ABI_VEC_CTL_TELL);
	hosted_set_up(&plan);
	return 0;
}

static void *cpu_thread(void *arg)
{
	struct vcpu *cpu = arg;

	fault_thread(cpu);
	atomic_store(&cpu->tid, (int)gettid());
	while (atomic_load(&cpu->state) == VCPU_WAITING)
		syscall(SYS_futex, &cpu->state, FUTEX_WAIT_PRIVATE, VCPU_WAITING, NULL, NULL, 0);
	hosted_enter(cpu, cpu->index);
}

static void *irq_thread(void *arg)
{
	for (;;) {
		(void)poll(irq_fds, irq_count, -1);
		for (unsigned i = 0; i < irq_count; i++) {
			uint64_t count;

			if (irq_fds[i].revents && read(irq_fds[i].fd, &count, sizeof(count)) > 0)
				hosted_irq(irq_vectors[i]);
		}
	}
	return NULL;
}

static int spawn(void *(*fn)(void *), void *arg, pthread_t *thread, struct error *err)
{
	pthread_attr_t attr;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	if (!rc)
		return 0;
	errno = rc;
	return error_sys(err, "cannot start a thread of the sandbox");
}

int systrap_spawn(struct vm *vm, struct error *err)
{
	static pthread_t irq;
	sigset_t all, old;
	int rc = 0;

	if (fault_catch(err))
		return -1;
	/* Their stacks are often the kernel's, where no handler may run but that of faults. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; !rc && i < vm->cpu_count; i++)
		rc = spawn(cpu_thread, &vm->cpu[i], &vm->cpu[i].thread, err);
	if (!rc)
		rc = spawn(irq_thread, NULL, &irq, err);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}
