/* probe_test.c - arch/x86_64/vmm/probe.c: what makes it refuse a KVM, with a KVM made up here
 *
 * ioctl() is replaced: KVM_RUN says the next word of a script, as the micro guest would. */
#include "arch/x86_64/vmm/probe.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "abi/layout.h"
#include "test/unit/vmm/test.h"
#include "vmm/kvm/arch.h"
#include "vmm/kvm/vm.h"
#include "vmm/util/error.h"

#define SLOT   (1u << 20)
#define HANG   100u /* not a word: KVM_RUN ends only by a signal */
#define OFF    101u /* the machine shuts down */
#define BURN   102u /* so much time passes, then the next word */
#define BURN_S 0.02

static const uint32_t *script;
static unsigned hangs;
static struct kvm_run *run;

int __wrap_ioctl(int fd, unsigned long request, ...);

static void burn(void)
{
	clock_t end = clock() + (clock_t)(BURN_S * CLOCKS_PER_SEC);

	while (clock() < end)
		;
}

static int run_once(void)
{
	if (run->immediate_exit) {
		errno = EINTR;
		return -1;
	}
	if (*script == BURN) {
		burn();
		script++;
	}
	if (*script == HANG) {
		hangs++;
		pause();
		errno = EINTR;
		return -1;
	}
	if (*script == OFF) {
		run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	}
	run->exit_reason = KVM_EXIT_IO;
	run->io.port = ABI_PORT_HYPERCALL;
	run->io.size = 4;
	run->io.data_offset = 2048;
	memcpy((uint8_t *)run + 2048, script++, 4);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	return request == KVM_RUN ? run_once() : 0;
}

/* What the probe says to a guest that says these words: null if nothing. */
static const char *probe(const uint32_t *words)
{
	static struct error err;
	struct vcpu cpu = {.fd = 1000, .run = run};
	struct vm vm = {.cpu = &cpu, .cpu_count = 1, .ram_slot_size = SLOT, .ram_slots = 1};
	int rc;

	script = words;
	hangs = 0;
	cpu.vm = &vm;
	vm.kernel_end = ABI_GPA_RAM;
	vm.ram = aligned_alloc(4096, SLOT);
	vm.irq_ask = eventfd(0, EFD_CLOEXEC);
	assert_non_null(vm.ram);
	rc = arch_probe(&vm, &err);
	close(vm.irq_ask);
	free(vm.ram);
	return rc ? err.text : NULL;
}

static int setup(void **state)
{
	run = calloc(1, 4096);
	return run ? 0 : -1;
}

static int teardown(void **state)
{
	free(run);
	return 0;
}

static void test_good(void **state)
{
	static const uint32_t words[] = {1, 2, 3, 4, 5, 6};

	assert_null(probe(words));
}

/* Ends by itself, and not at the first signal. */
static void test_silent(void **state)
{
	static const uint32_t nothing[] = {HANG}, no_timer[] = {1, 2, 3, 4, HANG};

	assert_has(probe(nothing), "not one instruction");
	assert_in_range(hangs, 5, 10);
	assert_has(probe(no_timer), "timer does not interrupt");
	assert_in_range(hangs, 5, 10);
}

static void test_wrong(void **state)
{
	static const uint32_t no_fault[] = {1, 2, OFF}, no_call[] = {1, 2, 3, OFF},
			      odd[] = {1, 2, 3, PROBE_ODD}, no_irqfd[] = {1, 2, 3, 4, 5, OFF};

	assert_has(probe(no_fault), "page fault of ring 3");
	assert_has(probe(no_call), "SYSCALL from ring 3");
	assert_has(probe(odd), "SYSCALL from ring 3");
	assert_has(probe(no_irqfd), "irqfd");
}

/* Slow once may be chance; slow each time is an emulator. */
static void test_slow(void **state)
{
	static const uint32_t always[] = {1, BURN, 2, 3, 4, 5, 6, 1, BURN, 2, 3, 4, 5, 6,
					  1, BURN, 2, 3, 4, 5, 6, 1, BURN, 2, 3, 4, 5, 6},
			      once[] = {1, BURN, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6};

	assert_has(probe(always), "far too slowly");
	assert_null(probe(once));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_slow),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
