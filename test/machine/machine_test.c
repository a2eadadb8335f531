/* machine_test.c - whole-kernel scripts, each with 1, 2 and 4 virtual CPUs and several seeds
 *
 * machine_test                       all
 * machine_test SCRIPT CPUS SEED      one run, in this process, with the kernel's log and strace
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "test/machine/boot.h"
#include "test/machine/host.h"
#include "test/machine/scripts/scripts.h"

#define SEEDS 6

struct script {
	const char *name;
	void (*fn)(void *arg);
};
#define SCRIPT(name)                 \
	{                            \
#name, script_##name \
	}
static const struct script scripts[] = {
	SCRIPT(fork_wait),
	SCRIPT(cow),
	SCRIPT(orphan),
	SCRIPT(exit_group),
	SCRIPT(vfork),
	SCRIPT(shootdown_mprotect),
	SCRIPT(shootdown_munmap),
	SCRIPT(shootdown_fork),
	SCRIPT(pipe),
	SCRIPT(pipe_pingpong),
	SCRIPT(pipe_errors),
	SCRIPT(signal_handler),
	SCRIPT(signal_restart),
	SCRIPT(signal_sleep),
	SCRIPT(signal_fault),
	SCRIPT(signal_death),
	SCRIPT(signal_kill),
	SCRIPT(futex_lock),
	SCRIPT(futex_requeue),
	SCRIPT(futex_timeout),
	SCRIPT(futex_robust),
	SCRIPT(memory_calls),
	SCRIPT(memory_remap),
	SCRIPT(memory_shared),
	SCRIPT(memory_fork),
	SCRIPT(memory_out),
	SCRIPT(names),
	SCRIPT(links),
	SCRIPT(rename),
	SCRIPT(walk_race),
	SCRIPT(contents),
	SCRIPT(directory),
	SCRIPT(descriptors),
	SCRIPT(mounts),
	SCRIPT(overlay_files),
	SCRIPT(overlay_names),
	SCRIPT(leak),
	SCRIPT(exec),
	SCRIPT(exec_fuzz),
	SCRIPT(name_race),
	SCRIPT(map_shared),
	SCRIPT(close_race),
	SCRIPT(epoll),
	SCRIPT(hostile_sockets),
	SCRIPT(hostile_cycles),
	SCRIPT(hostile_names),
	SCRIPT(hostile_epoll),
	SCRIPT(hostile_timers),
	SCRIPT(hostile_memory),
	SCRIPT(hostile_texts),
	SCRIPT(hostile_mounts),
};
#define NR_SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

static void boot(void *arg)
{
	machine_boot(arg);
}

static void run_script(void **state)
{
	const struct script *s = *state;
	static const unsigned cpus[] = {1, 2, 4};

	for (unsigned k = 0; k < 3; k++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct machine_plan p = {.script = s->fn, .cpus = cpus[k], .seed = seed};
			int status = host_run_forked(boot, &p, 120);

			if (status)
				print_error("machine_test %s %u %lu: status %d\n", s->name, cpus[k],
					    (unsigned long)seed, status);
			assert_int_equal(status, 0);
		}
}

static int run_one(char **argv)
{
	for (size_t i = 0; i < NR_SCRIPTS; i++) {
		struct machine_plan p = {
			.script = scripts[i].fn,
			.cpus = (unsigned)atoi(argv[2]),
			.seed = strtoull(argv[3], NULL, 0),
			.verbose = true,
			.strace = true,
		};

		if (!strcmp(scripts[i].name, argv[1]))
			machine_boot(&p);
	}
	fprintf(stderr, "no script %s\n", argv[1]);
	return 2;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[NR_SCRIPTS];

	if (argc == 4)
		return run_one(argv);
	for (size_t i = 0; i < NR_SCRIPTS; i++)
		tests[i] = (struct CMUnitTest){
			.name = scripts[i].name,
			.test_func = run_script,
			.initial_state = (void *)&scripts[i],
		};
	return _cmocka_run_group_tests("machine", tests, NR_SCRIPTS, NULL, NULL);
}
