/* gofs_test.c - runs each test of gofs_tests.c on fresh kernels: CPUs and seeds
 *
 * gofs_test                     all
 * gofs_test TEST CPUS SEED      one, in this process, with the kernel's log */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "test/machine/host.h"
#include "test/unit/gofer/gofs_host.h"

#define SEEDS 4

static void run(void **state)
{
	static const unsigned cpus[] = {1, 2, 4};
	const struct gofs_test *t = *state;

	for (unsigned k = 0; k < 3; k++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct gofs_plan p = {t, cpus[k], seed};
			int status = host_run_forked(gofs_boot, &p, 120);

			if (status)
				print_error("gofs_test %s %u %u: status %d\n", t->name, cpus[k],
					    (unsigned)seed, status);
			assert_int_equal(status, 0);
		}
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[64] = {0};

	for (unsigned i = 0; i < gofs_nr_tests; i++) {
		if (argc == 4 && !strcmp(gofs_tests[i].name, argv[1])) {
			struct gofs_plan p = {&gofs_tests[i], (unsigned)atoi(argv[2]),
					      strtoull(argv[3], NULL, 0)};

			host_verbose = true;
			gofs_boot(&p);
		}
		tests[i].name = gofs_tests[i].name;
		tests[i].test_func = run;
		tests[i].initial_state = (void *)(uintptr_t)&gofs_tests[i];
	}
	if (argc > 1)
		return 2;
	return _cmocka_run_group_tests("gofs", tests, gofs_nr_tests, NULL, NULL);
}
