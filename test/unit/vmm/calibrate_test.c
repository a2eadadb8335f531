/* calibrate_test.c - vmm/systrap/calibrate.c: figures that can be true, and no traces */
#include "vmm/systrap/calibrate.h"

#include "test/unit/vmm/test.h"

static void same_affinity(const cpu_set_t *before)
{
	cpu_set_t now;

	assert_int_equal(sched_getaffinity(0, sizeof(now), &now), 0);
	assert_true(CPU_EQUAL(&now, before));
}

static void test_all_cpus(void **state)
{
	struct systrap_figures f;
	cpu_set_t before;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	systrap_calibrate(&f);
	same_affinity(&before);
	assert_int_equal(f.cpus, CPU_COUNT(&before));
	assert_true(CPU_EQUAL(&f.set, &before));
	assert_true(f.pause_ps > 0);
	if (f.cpus == 1) {
		assert_int_equal(f.spin_ns, 0);
		assert_int_equal(f.wake_ns, 0);
	}
}

static void test_one_cpu(void **state)
{
	cpu_set_t before, one;
	struct systrap_figures f;
	int cpu = 0;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	while (!CPU_ISSET(cpu, &before))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	for (int i = 0; i < 3; i++) {
		systrap_calibrate(&f);
		same_affinity(&one);
		assert_int_equal(f.cpus, 1);
		assert_int_equal(f.spin_ns, 0);
		assert_int_equal(f.wake_ns, 0);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_cpus),
		cmocka_unit_test(test_one_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
