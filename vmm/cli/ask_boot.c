/* ask_boot.c - one question to a running container's boot process */
#include "vmm/cli/ask_boot.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/symbols.h"
#include "vmm/oci/state.h"
#include "vmm/util/util.h"

int ask_boot(const struct globals *globals, const char *id, enum boot_msg_type type, int32_t value,
	     struct error *err)
{
	cleanup_free struct boot_msg *msg = malloc(sizeof(*msg));
	cleanup_close int fd = -1;
	char root[PATH_MAX];
	int rc;

	if (!msg)
		return error_set(err, "out of memory");
	if (state_connect(cli_root(globals, root, sizeof(root)), id, &fd, err))
		return -1;
	if (boot_send(fd, type, value, NULL, 0))
		return error_sys(err, "container %s does not listen", id);
	while ((rc = boot_recv(fd, msg, 0)) > 0) {
		if (msg->head.type == BOOT_MSG_TEXT)
			symbols_write(stdout, msg->text, msg->head.len);
		if (msg->head.type != BOOT_MSG_DONE)
			continue;
		if (!msg->head.value)
			return 0;
		return error_set(err, "container %s answers: %s", id, strerror(-msg->head.value));
	}
	return error_set(err, "container %s ended before it answered", id);
}
