/* debug.c - "runsc debug": looks into a running container */
#include <string.h>

#include "vmm/cli/ask_boot.h"
#include "vmm/cli/cli.h"

struct debug_opts {
	bool stats, stacks, ps;
	const char *strace;
};

#define O(field) offsetof(struct debug_opts, field)

static const struct opt debug_opts[] = {
	{"stats", OPT_SWITCH, O(stats), .help = "counters: exits by cause, the kernel's own"},
	{"stacks", OPT_SWITCH, O(stacks), .help = "all tasks with their kernel stacks"},
	{"ps", OPT_SWITCH, O(ps), .help = "the tasks"},
	{"strace", OPT_CHOICE, O(strace), .choices = "all|off",
	 .help = "switch the log of system calls on or off"},
	{0},
};

static int debug_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	struct debug_opts o = {0};
	int at = cli_parse(debug_opts, &o, globals, argc, argv, err);

	if (at < 0)
		return -1;
	if (at != argc - 1)
		return error_set(err,
				 "debug: give one container ID; usage: runsc debug --stats ID");
	if (!o.stats && !o.stacks && !o.ps && !o.strace)
		return error_set(err, "debug: say what: --stats, --stacks, --ps or --strace");
	if (o.strace &&
	    ask_boot(globals, argv[at], BOOT_MSG_SET_STRACE, !strcmp(o.strace, "all"), err))
		return -1;
	if (o.stats && ask_boot(globals, argv[at], BOOT_MSG_GET_STATS, 0, err))
		return -1;
	if (o.stacks && ask_boot(globals, argv[at], BOOT_MSG_GET_STACKS, 0, err))
		return -1;
	if (o.ps && ask_boot(globals, argv[at], BOOT_MSG_GET_PS, 0, err))
		return -1;
	return 0;
}

const struct verb verb_debug = {
	.name = "debug",
	.usage = "--stats|--stacks|--ps|--strace=all|off ID",
	.summary = "look into a running container",
	.opts = debug_opts,
	.run = debug_run,
};
