/* gofer.c - "runsc gofer": the file server process; started by other verbs */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "gofer/gofer.h"
#include "vmm/cli/cli.h"

enum { FD_CONTROL = 3, FD_CHANNEL, FD_KICK, FD_CALL, FD_MOUNTS };

/* argv[1]: one digit per mount, bit 0 read-only, bit 1 exclusive; the mounts are the descriptors
 * from FD_MOUNTS on. */
static int gofer_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	struct gofer_config config = {
		.channel_fd = FD_CHANNEL,
		.kick_fd = FD_KICK,
		.call_fd = FD_CALL,
		.control_fd = FD_CONTROL,
		.confine = true,
	};
	struct gofer_mount *mounts;

	if (argc != 2)
		return error_set(err, "gofer is started by other commands of this program, with "
				      "its descriptors prepared; see \"runsc help\"");
	config.mount_count = strlen(argv[1]);
	mounts = calloc(config.mount_count, sizeof(*mounts));
	if (!mounts)
		return error_set(err, "out of memory");
	for (unsigned i = 0; i < config.mount_count; i++)
		mounts[i] = (struct gofer_mount){
			.fd = FD_MOUNTS + i,
			.readonly = argv[1][i] & 1,
			.exclusive = argv[1][i] & 2,
		};
	config.mounts = mounts;
	prctl(PR_SET_NAME, "runsc-gofer");
	return gofer_serve(&config) ? EXIT_BAD_INPUT : 0;
}

const struct verb verb_gofer = {
	.name = "gofer",
	.usage = "",
	.summary = "internal: the file server process",
	.internal = true,
	.run = gofer_run,
};
