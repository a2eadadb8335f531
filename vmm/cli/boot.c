/* boot.c - "runsc boot": the sandbox process; started by other verbs */
#include <sys/prctl.h>

#include "vmm/cli/cli.h"
#include "vmm/sandbox/boot.h"

static int boot_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	prctl(PR_SET_NAME, "runsc-boot");
	return sandbox_boot();
}

const struct verb verb_boot = {
	.name = "boot",
	.usage = "",
	.summary = "internal: the sandbox process",
	.internal = true,
	.run = boot_run,
};
