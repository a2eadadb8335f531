/* syscalls.c - fuzzes the kernel's system calls: see test/machine/fuzz_script.c
 *
 * The kernel boots once, on a fibre; each input is one round of its first program. With an input
 * file as argument libFuzzer replays it; STRACE=1 in the environment shows the calls.
 */
#include <stdint.h>
#include <stdlib.h>
#include "test/machine/boot.h"
#include "test/machine/fuzz.h"
#include "test/machine/host.h"

static struct fibre *fuzzer, *kernel;
static const uint8_t *input, *input_end;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__asan_default_options(void);

/* Pointers on the fibres' stacks are invisible to the leak check. */
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

void fuzz_next_input(const uint8_t **begin, const uint8_t **end)
{
	kernel = fibre_self();
	fibre_switch(fuzzer);
	*begin = input;
	*end = input_end;
}

static void boot(void *arg)
{
	machine_boot(arg);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct machine_plan plan = {
		.script = fuzz_script, .cpus = 2, .seed = 1, .endless = true};
	struct fibre *f = fibre_new();

	plan.strace = plan.verbose = getenv("STRACE") != NULL;
	fuzzer = fibre_self();
	fibre_start(f, boot, &plan);
	fibre_switch(f);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input = data;
	input_end = data + size;
	machine_new_round(1);
	fibre_switch(kernel);
	return 0;
}
