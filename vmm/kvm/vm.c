/* vm.c - one virtual machine: its memory, its interrupts, its vCPUs
 *
 * Provides: struct vm over /dev/kvm: memory slots, doorbells and interrupts, vCPU threads.
 * Owns: the KVM descriptors, guest RAM, the shared region, the mappings of the channels.
 * States: created by vm_create(); channels; vm_connect(); vm_create_vcpus(); vCPUs run until the
 *   process ends. Nothing is torn down piece by piece: the end of the process frees it all.
 * Locks: ram_lock, a leaf, serialises the adding of RAM. All else is immutable once vCPUs run.
 * Memory: RAM is private anonymous memory, reserved without access and opened slot by slot, so
 *   that after set-up the process never maps anything. Slots are added, never changed or removed.
 * Trust: every number from the guest (slot index, block range) is checked against these tables.
 * Tests: test/unit/vmm/vm_test.c (checks of arguments), test/vm (the rest).
 */
#include "vmm/kvm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/kvm/arch.h"
#include "vmm/util/util.h"

/* KVM's numbers for our memory slots. */
#define SLOT_SHARED  0u
#define SLOT_CHANNEL 1u
#define SLOT_RAM     (SLOT_CHANNEL + VM_CHANNEL_MAX)

/* Interrupt routes: two for control, one per channel. */
#define GSI_ASK	    0u
#define GSI_TELL    1u
#define GSI_CHANNEL 2u

#define BLOCK_SIZE (2ull << 20)
#define GIB	   (1ull << 30)

static int vm_set_slot(struct vm *vm, uint32_t slot, uint64_t gpa, void *mem, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)mem,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Small limits get small slots (KVM keeps bookkeeping for each page of one), large ones few. */
static void vm_size_ram(struct vm *vm, uint64_t limit)
{
	uint64_t need;

	vm->ram_slot_size = limit > 64 * GIB ? 4 * GIB : GIB;
	/* The kernel's own image and page records come on top of the limit. */
	need = limit + limit / 32 + 64 * BLOCK_SIZE;
	vm->ram_slots_max = (need + vm->ram_slot_size - 1) / vm->ram_slot_size;
}

static int vm_create_memory(struct vm *vm, struct error *err)
{
	uint64_t span = (uint64_t)vm->ram_slots_max * vm->ram_slot_size;
	uint8_t *p;
	int rc;

	vm->shared = mmap(NULL, ABI_SHARED_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->shared == MAP_FAILED)
		return error_sys(err, "cannot allocate the shared region");
	/* Some twenty of its pages are ever touched: huge ones would make each sandbox 4 MiB
	 * larger. */
	(void)madvise(vm->shared, ABI_SHARED_SIZE, MADV_NOHUGEPAGE);
	if (vm_set_slot(vm, SLOT_SHARED, ABI_GPA_SHARED, vm->shared, ABI_SHARED_SIZE))
		return error_sys(err, "KVM refuses the shared region");
	/* A huge page needs a 2 MiB boundary in this process as in the guest. */
	p = mmap(NULL, span + BLOCK_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	if (p == MAP_FAILED)
		return error_sys(err,
				 "cannot reserve %llu MiB of address space for guest memory; "
				 "lower --memory or the limit on address space (ulimit -v)",
				 (unsigned long long)(span >> 20));
	vm->ram = (uint8_t *)round_up((uintptr_t)p, BLOCK_SIZE);
	rc = vm_add_ram(vm, 0);
	if (rc) {
		errno = -rc;
		return error_sys(err, "cannot allocate guest memory");
	}
	return 0;
}

static int vm_open_stats(struct vm *vm)
{
	return ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) > 0
		       ? ioctl(vm->fd, KVM_GET_STATS_FD, 0)
		       : -1;
}

int vm_create(struct vm *vm, const struct vm_params *params, struct error *err)
{
	struct kvm_enable_cap poll = {.cap = KVM_CAP_HALT_POLL};

	memset(vm, 0, sizeof(*vm));
	pthread_mutex_init(&vm->ram_lock, NULL);
	vm->kvm_fd = params->kvm_fd;
	vm->cpu_count = params->cpu_count;
	do {
		vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	} while (vm->fd < 0 && errno == EINTR);
	if (vm->fd < 0)
		return error_sys(err, "KVM refuses to create a virtual machine");
	if (arch_vm_setup(vm, err))
		return -1;
	/* Older kernels have no per-VM setting; then the host's own stays. */
	if (params->no_halt_poll)
		(void)ioctl(vm->fd, KVM_ENABLE_CAP, &poll);
	vm->stats_fd = vm_open_stats(vm);
	vm_size_ram(vm, params->ram_limit);
	return vm_create_memory(vm, err);
}

int vm_add_ram(struct vm *vm, uint64_t index)
{
	uint8_t *p = vm->ram + index * vm->ram_slot_size;
	int rc = 0;

	pthread_mutex_lock(&vm->ram_lock);
	if (index != vm->ram_slots || index >= vm->ram_slots_max)
		rc = -EINVAL;
	else if (!vm->systrap && mprotect(p, vm->ram_slot_size, PROT_READ | PROT_WRITE))
		rc = -errno;
	/* Advice only: without huge pages everything works, at more faults. */
	if (!rc && !vm->systrap)
		(void)madvise(p, vm->ram_slot_size, MADV_HUGEPAGE);
	if (!rc && !vm->systrap &&
	    vm_set_slot(vm, SLOT_RAM + index, ABI_GPA_RAM + index * vm->ram_slot_size, p,
			vm->ram_slot_size))
		rc = -errno;
	if (!rc)
		vm->ram_slots++;
	pthread_mutex_unlock(&vm->ram_lock);
	return rc;
}

static uint64_t vm_ram_present(struct vm *vm)
{
	uint64_t size;

	pthread_mutex_lock(&vm->ram_lock);
	size = (uint64_t)vm->ram_slots * vm->ram_slot_size;
	pthread_mutex_unlock(&vm->ram_lock);
	return size;
}

int vm_free_ram(struct vm *vm, uint64_t first_block, uint64_t count)
{
	uint64_t blocks = vm_ram_present(vm) / BLOCK_SIZE;

	if (!count || first_block > blocks || count > blocks - first_block)
		return -EINVAL;
	/* Memory behind a descriptor stays until a hole is made there. */
	if (madvise(vm->ram + first_block * BLOCK_SIZE, count * BLOCK_SIZE,
		    vm->systrap ? MADV_REMOVE : MADV_DONTNEED))
		return -errno;
	return 0;
}

void *vm_memory(struct vm *vm, uint64_t gpa, uint64_t len)
{
	uint64_t ram = vm_ram_present(vm);

	if (gpa >= ABI_GPA_SHARED && gpa - ABI_GPA_SHARED <= ABI_SHARED_SIZE &&
	    len <= ABI_SHARED_SIZE - (gpa - ABI_GPA_SHARED))
		return vm->shared + (gpa - ABI_GPA_SHARED);
	if (gpa >= ABI_GPA_RAM && gpa - ABI_GPA_RAM <= ram && len <= ram - (gpa - ABI_GPA_RAM))
		return vm->ram + (gpa - ABI_GPA_RAM);
	return NULL;
}

int vm_check_channel(int fd, struct error *err)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (fstat(fd, &st))
		return error_sys(err, "channel");
	if (st.st_size != ABI_CHANNEL_STRIDE)
		return error_set(err, "channel memory has the wrong size");
	if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
		return error_set(err, "channel memory is not sealed against resizing");
	return 0;
}

int vm_add_channel(struct vm *vm, unsigned number, int fd, int kick_fd, int irq_fd,
		   struct error *err)
{
	uint8_t *p;

	if (number != vm->channels || number >= VM_CHANNEL_MAX)
		return error_set(err, "channel %u out of order", number);
	if (vm_check_channel(fd, err))
		return -1;
	p = mmap(NULL, ABI_CHANNEL_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return error_sys(err, "cannot map channel %u", number);
	if (vm_set_slot(vm, SLOT_CHANNEL + number, ABI_GPA_CHANNEL + number * ABI_CHANNEL_STRIDE, p,
			ABI_CHANNEL_STRIDE))
		return error_sys(err, "KVM refuses channel %u", number);
	vm->channel[number] = p;
	vm->channels++;
	return arch_doorbell(vm, kick_fd, ABI_DOORBELL_CHANNEL + number, err);
}

static int vm_bind_irq(struct vm *vm, int fd, uint32_t gsi, struct error *err)
{
	struct kvm_irqfd irq = {.fd = fd, .gsi = gsi};

	if (ioctl(vm->fd, KVM_IRQFD, &irq))
		return error_sys(err, "KVM refuses an interrupt descriptor");
	return 0;
}

static int vm_route(struct vm *vm, struct error *err)
{
	uint64_t space[(sizeof(struct kvm_irq_routing) +
			(GSI_CHANNEL + VM_CHANNEL_MAX) * sizeof(struct kvm_irq_routing_entry)) /
			       sizeof(uint64_t) +
		       1] = {0};
	struct kvm_irq_routing *table = (struct kvm_irq_routing *)space;

	table->nr = GSI_CHANNEL + vm->channels;
	arch_irq_route(&table->entries[0], GSI_ASK, ABI_VEC_CTL_ASK);
	arch_irq_route(&table->entries[1], GSI_TELL, ABI_VEC_CTL_TELL);
	for (unsigned i = 0; i < vm->channels; i++)
		arch_irq_route(&table->entries[GSI_CHANNEL + i], GSI_CHANNEL + i,
			       ABI_VEC_CHANNEL + i % 64);
	if (ioctl(vm->fd, KVM_SET_GSI_ROUTING, table))
		return error_sys(err, "KVM refuses the interrupt routes");
	return 0;
}

int vm_connect(struct vm *vm, const int *channel_irq, struct error *err)
{
	int *const fds[] = {&vm->doorbell_ask, &vm->doorbell_tell, &vm->irq_ask, &vm->irq_tell};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		*fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (*fds[i] < 0)
			return error_sys(err, "eventfd");
	}
	if (vm_route(vm, err) || arch_doorbell(vm, vm->doorbell_ask, ABI_DOORBELL_CTL_ASK, err) ||
	    arch_doorbell(vm, vm->doorbell_tell, ABI_DOORBELL_CTL_TELL, err) ||
	    vm_bind_irq(vm, vm->irq_ask, GSI_ASK, err) ||
	    vm_bind_irq(vm, vm->irq_tell, GSI_TELL, err))
		return -1;
	for (unsigned i = 0; i < vm->channels; i++)
		if (vm_bind_irq(vm, channel_irq[i], GSI_CHANNEL + i, err))
			return -1;
	return 0;
}

int vm_create_vcpus(struct vm *vm, struct error *err)
{
	vm->cpu = calloc(vm->cpu_count, sizeof(*vm->cpu));
	if (!vm->cpu)
		return error_set(err, "out of memory");
	for (unsigned i = 0; i < vm->cpu_count; i++) {
		vm->cpu[i].vm = vm;
		vm->cpu[i].index = i;
		if (vcpu_create(&vm->cpu[i], err))
			return error_prefix(err, "processor %u", i);
	}
	return 0;
}
