/* launch.h - running a container in a sandbox of its own, in the foreground */
#pragma once
#include "vmm/cli/cli.h"
#include "vmm/oci/container.h"

/* Runs the container to its end. Returns the exit status of its program (128+n for a signal), or
 * -1 with err if it could not be run. Nothing is left behind either way. */
int launch(struct container *c, const struct globals *globals, const char *stats_file,
	   struct error *err);
