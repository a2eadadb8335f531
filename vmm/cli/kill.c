/* kill.c - "runsc kill": a signal for a container's first process */
#include "vmm/cli/ask_boot.h"
#include "vmm/cli/cli.h"
#include "vmm/oci/config.h"

static int kill_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	static const struct opt none[] = {{0}};
	int at = cli_parse(none, NULL, globals, argc, argv, err);
	int number;

	if (at < 0)
		return -1;
	if (at != argc - 1 && at != argc - 2)
		return error_set(err, "kill: usage: runsc kill ID [SIGNAL]");
	number = name_signal(at == argc - 2 ? argv[at + 1] : "TERM");
	if (number < 0)
		return error_set(err, "kill: \"%.40s\" is no signal", argv[at + 1]);
	return ask_boot(globals, argv[at], BOOT_MSG_SIGNAL, number, err);
}

const struct verb verb_kill = {
	.name = "kill",
	.usage = "ID [SIGNAL]",
	.summary = "send a signal to a container's first process",
	.run = kill_run,
};
