/* vcpu.c - one virtual processor and the thread that runs it
 *
 * States: enum vcpu_state. The thread waits (futex on .state) until the kernel starts the vCPU,
 *   runs KVM_RUN for the life of the sandbox, and stops for good when asked or when it dies.
 * Kicks: another thread sets .kicked and immediate_exit, then sends SIGUSR1; the order makes
 *   KVM_RUN return whether the signal arrives before, in or after it.
 */
#include "vmm/kvm/vm.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm/kvm/arch.h"
#include "vmm/util/util.h"

#define VCPU_STACK_SIZE (64u << 10)

static void futex_wait(atomic_int *word, int seen, const struct timespec *timeout)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, timeout, NULL, 0);
}

static void futex_wake(atomic_int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void vcpu_count(struct vcpu *cpu, enum vm_exit cause)
{
	atomic_fetch_add_explicit(&cpu->exits[cause], 1, memory_order_relaxed);
}

int vcpu_create(struct vcpu *cpu, struct error *err)
{
	struct vm *vm = cpu->vm;
	int size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (size < (int)sizeof(struct kvm_run))
		return error_set(err, "KVM gives no run area");
	cpu->scratch = calloc(1, sizeof(*cpu->scratch));
	if (!cpu->scratch)
		return error_set(err, "out of memory");
	cpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)cpu->index);
	if (cpu->fd < 0)
		return error_sys(err, "KVM refuses to create it");
	cpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	if (cpu->run == MAP_FAILED)
		return error_sys(err, "cannot map its run area");
	cpu->stats_fd = vm->stats_fd < 0 ? -1 : ioctl(cpu->fd, KVM_GET_STATS_FD, 0);
	return arch_vcpu_setup(cpu, err);
}

void vcpu_park(struct vcpu *cpu)
{
	atomic_store(&cpu->state, VCPU_STOPPED);
	futex_wake(&cpu->state);
	for (;;)
		pause();
}

static void vcpu_wait_resume(struct vcpu *cpu)
{
	if (!atomic_load(&cpu->kicked))
		return;
	atomic_store(&cpu->state, VCPU_PAUSED);
	futex_wake(&cpu->state);
	while (atomic_load(&cpu->kicked))
		futex_wait(&cpu->kicked, 1, NULL);
	atomic_store(&cpu->state, VCPU_RUNNING);
}

/* Acts on one exit. */
static void vcpu_exit(struct vcpu *cpu)
{
	char why[96];

	switch (cpu->run->exit_reason) {
	case KVM_EXIT_INTR:
		vcpu_count(cpu, VM_EXIT_KICK);
		return;
	case KVM_EXIT_SHUTDOWN:
		cpu->vm->died(cpu, "triple fault");
	case KVM_EXIT_FAIL_ENTRY:
		snprintf(why, sizeof(why), "the processor refused to enter the guest (%#llx)",
			 (unsigned long long)cpu->run->fail_entry.hardware_entry_failure_reason);
		cpu->vm->died(cpu, why);
	case KVM_EXIT_INTERNAL_ERROR:
		snprintf(why, sizeof(why), "KVM internal error %u", cpu->run->internal.suberror);
		cpu->vm->died(cpu, why);
	default: {
		enum vm_exit cause = arch_vcpu_exit(cpu);

		vcpu_count(cpu, cause);
		if (cause != VM_EXIT_OTHER)
			return;
		snprintf(why, sizeof(why), "unexpected exit %u", cpu->run->exit_reason);
		cpu->vm->died(cpu, why);
	}
	}
}

static void vcpu_run_failed(struct vcpu *cpu, int error)
{
	char why[96];

	if (error == EINTR || error == EAGAIN) {
		vcpu_count(cpu, VM_EXIT_KICK);
		cpu->run->immediate_exit = 0;
		vcpu_wait_resume(cpu);
		return;
	}
	if (error == EFAULT)
		vcpu_count(cpu, VM_EXIT_FAULT);
	snprintf(why, sizeof(why), "KVM_RUN: %s%s", strerror(error),
		 error == EFAULT ? " (the host has no memory for the guest)" : "");
	cpu->vm->died(cpu, why);
}

static void *vcpu_main(void *arg)
{
	struct vcpu *cpu = arg;
	struct error err;

	atomic_store(&cpu->tid, (int)gettid());
	while (atomic_load(&cpu->state) == VCPU_WAITING)
		futex_wait(&cpu->state, VCPU_WAITING, NULL);
	if (arch_vcpu_enter(cpu, &err))
		cpu->vm->died(cpu, err.text);
	for (;;) {
		if (ioctl(cpu->fd, KVM_RUN, 0) < 0)
			vcpu_run_failed(cpu, errno);
		else
			vcpu_exit(cpu);
	}
	return NULL;
}

int vcpu_spawn(struct vcpu *cpu, struct error *err)
{
	pthread_attr_t attr;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, VCPU_STACK_SIZE);
	rc = pthread_create(&cpu->thread, &attr, vcpu_main, cpu);
	pthread_attr_destroy(&attr);
	if (rc) {
		errno = rc;
		return error_sys(err, "cannot start the thread of processor %u", cpu->index);
	}
	return 0;
}

int vm_start_vcpu(struct vm *vm, unsigned index)
{
	int waiting = VCPU_WAITING;
	struct vcpu *cpu;

	if (index >= vm->cpu_count)
		return -EINVAL;
	cpu = &vm->cpu[index];
	cpu->entry = index ? vm->kernel_ap_entry : vm->kernel_entry;
	if (!atomic_compare_exchange_strong(&cpu->state, &waiting, VCPU_RUNNING))
		return -EBUSY;
	futex_wake(&cpu->state);
	return 0;
}

static bool vcpu_rests(int state)
{
	return state == VCPU_PAUSED || state == VCPU_STOPPED;
}

bool vcpu_pause(struct vcpu *cpu, unsigned timeout_ms)
{
	int tid = atomic_load(&cpu->tid), state = atomic_load(&cpu->state);

	if (state == VCPU_WAITING || !tid)
		return false;
	atomic_store(&cpu->kicked, 1);
	for (unsigned waited = 0; !vcpu_rests(state) && waited < timeout_ms; waited += 10) {
		struct timespec ten = {.tv_nsec = 10000000};

		__atomic_store_n(&cpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
		futex_wait(&cpu->state, state, &ten);
		state = atomic_load(&cpu->state);
	}
	return vcpu_rests(state);
}

void vcpu_resume(struct vcpu *cpu)
{
	atomic_store(&cpu->kicked, 0);
	futex_wake(&cpu->kicked);
}
