/* hypercall_test.c - vmm/sandbox/hypercall.c and vm.c: what a hostile kernel may pass */
#include <errno.h>
#include <sys/mman.h>

#include "test/unit/vmm/test.h"
#include "vmm/sandbox/sandbox.h"

#define SLOT (1ull << 30)

static struct sandbox sb;
static struct vcpu cpus[2];

/* A VM without KVM: two slots of memory of which one is present. */
static int setup(void **state)
{
	struct vm *vm = &sb.vm;

	vm->fd = vm->kvm_fd = -1;
	vm->cpu = cpus;
	vm->cpu_count = 2;
	vm->ram_slot_size = SLOT;
	vm->ram_slots = 1;
	vm->ram_slots_max = 2;
	pthread_mutex_init(&vm->ram_lock, NULL);
	vm->kernel_ap_entry = 0xffffffff80001000;
	vm->shared = calloc(1, ABI_SHARED_SIZE);
	vm->ram = mmap(NULL, 2 * SLOT, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (int i = 0; i < 2; i++)
		cpus[i] = (struct vcpu){.vm = vm, .index = i};
	return vm->ram == MAP_FAILED ? -1 : 0;
}

static int teardown(void **state)
{
	free(sb.vm.shared);
	return munmap(sb.vm.ram, 2 * SLOT);
}

static int64_t call(uint32_t number, uint64_t a0, uint64_t a1)
{
	static struct abi_cpu_block b;

	b.arg[0] = a0;
	b.arg[1] = a1;
	return hypercall_dispatch(&cpus[0], number, &b);
}

static void test_numbers(void **state)
{
	assert_int_equal(call(0, 0, 0), -ENOSYS);
	assert_int_equal(call(ABI_HC_STACKS + 1, 0, 0), -ENOSYS);
	assert_int_equal(call(UINT32_MAX, 0, 0), -ENOSYS);
}

static void test_log(void **state)
{
	assert_int_equal(call(ABI_HC_LOG, 2, 10), 0);
	assert_int_equal(call(ABI_HC_LOG, 4, 10), -EINVAL);
	assert_int_equal(call(ABI_HC_LOG, 0, 3969), -EINVAL);
	assert_int_equal(call(ABI_HC_LOG, 0, UINT64_MAX), -EINVAL);
}

static void test_cpu_start(void **state)
{
	assert_int_equal(call(ABI_HC_CPU_START, 2, 0), -EINVAL);
	assert_int_equal(call(ABI_HC_CPU_START, UINT64_MAX, 0), -EINVAL);
	assert_int_equal(call(ABI_HC_CPU_START, 1ull << 32, 0), -EINVAL);
	assert_int_equal(call(ABI_HC_CPU_START, 1, 0), 0);
	assert_int_equal(call(ABI_HC_CPU_START, 1, 0), -EBUSY);
	assert_true(cpus[1].entry == sb.vm.kernel_ap_entry);
}

static void test_ram(void **state)
{
	uint64_t blocks = SLOT >> 21;
	uint8_t *page = sb.vm.ram + (3ull << 21);

	assert_int_equal(call(ABI_HC_RAM_ADD, 0, 0), -EINVAL);
	assert_int_equal(call(ABI_HC_RAM_ADD, 2, 0), -EINVAL);
	assert_int_equal(call(ABI_HC_RAM_ADD, UINT64_MAX, 0), -EINVAL);
	/* The right slot gets as far as KVM, which is not there. */
	assert_int_equal(call(ABI_HC_RAM_ADD, 1, 0), -EBADF);
	assert_int_equal(sb.vm.ram_slots, 1);
	assert_int_equal(call(ABI_HC_RAM_FREE, 0, 0), -EINVAL);
	assert_int_equal(call(ABI_HC_RAM_FREE, blocks, 1), -EINVAL);
	assert_int_equal(call(ABI_HC_RAM_FREE, 0, blocks + 1), -EINVAL);
	assert_int_equal(call(ABI_HC_RAM_FREE, 1, UINT64_MAX), -EINVAL);
	assert_int_equal(call(ABI_HC_RAM_FREE, UINT64_MAX, 2), -EINVAL);
	*page = 1;
	assert_int_equal(call(ABI_HC_RAM_FREE, 3, 1), 0);
	assert_int_equal(*page, 0);
}

static void test_watch(void **state)
{
	assert_int_equal(call(ABI_HC_WATCH, 0, 0), -EINVAL);
	assert_int_equal(call(ABI_HC_WATCH, UINT64_MAX, 0), -EINVAL);
}

static void test_memory(void **state)
{
	struct vm *vm = &sb.vm;

	assert_ptr_equal(vm_memory(vm, ABI_GPA_SHARED, ABI_SHARED_SIZE), vm->shared);
	assert_null(vm_memory(vm, ABI_GPA_SHARED, ABI_SHARED_SIZE + 1));
	assert_null(vm_memory(vm, ABI_GPA_SHARED - 1, 1));
	assert_null(vm_memory(vm, ABI_GPA_SHARED + ABI_SHARED_SIZE, 1));
	assert_null(vm_memory(vm, ABI_GPA_SHARED + 8, UINT64_MAX));
	assert_ptr_equal(vm_memory(vm, ABI_GPA_RAM, SLOT), vm->ram);
	assert_null(vm_memory(vm, ABI_GPA_RAM + 1, SLOT));
	assert_null(vm_memory(vm, ABI_GPA_RAM + SLOT, 1));
	assert_null(vm_memory(vm, UINT64_MAX, 1));
	assert_null(vm_memory(vm, 0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	  cmocka_unit_test(test_log),
		cmocka_unit_test(test_cpu_start), cmocka_unit_test(test_ram),
		cmocka_unit_test(test_watch),	  cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
