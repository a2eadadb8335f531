/* run.c - "runsc run": a container from a bundle, in the foreground */
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/cli.h"
#include "vmm/cli/launch.h"
#include "vmm/oci/config.h"
#include "vmm/oci/mountpoints.h"
#include "vmm/oci/state.h"

struct run_opts {
	const char *bundle;
	const char *stats_file;
};

static const struct opt run_opts[] = {
	{"bundle", OPT_STRING, offsetof(struct run_opts, bundle), "DIR",
	 .help = "the bundle: config.json and what it names (.)", .letter = 'b'},
	{"stats-file", OPT_STRING, offsetof(struct run_opts, stats_file), "FILE",
	 .help = "append the sandbox's counters there at the end"},
	{0},
};

static int run_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	struct run_opts o = {.bundle = "."};
	struct container c = {0};
	int at = cli_parse(run_opts, &o, globals, argc, argv, err);
	int status;

	if (at < 0)
		return -1;
	if (at != argc - 1)
		return error_set(err,
				 "run: give one container ID; usage: runsc run [--bundle DIR] ID");
	if (state_check_id(argv[at], err))
		return error_prefix(err, "run");
	c.id = strdup(argv[at]);
	if (!c.id)
		return error_set(err, "out of memory");
	status = config_load(&c, o.bundle, err);
	if (!status) {
		mountpoints_make(&c);
		status = launch(&c, globals, o.stats_file, err);
	}
	container_free(&c);
	return status;
}

const struct verb verb_run = {
	.name = "run",
	.usage = "[--bundle DIR] ID",
	.summary = "run a container from an OCI bundle, in the foreground",
	.detail = "The exit status is that of the container's program, 128+N if signal N ended it.",
	.opts = run_opts,
	.run = run_run,
};
