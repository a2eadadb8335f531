/* ask_boot.h - one question to a running container's boot process */
#pragma once
#include <stdint.h>
#include "vmm/cli/cli.h"
#include "vmm/sandbox/setup.h"

/* Sends the message to container `id` and prints the text it answers. 0, or -1 with err. */
int ask_boot(const struct globals *globals, const char *id, enum boot_msg_type type, int32_t value,
	     struct error *err);
