/* hosttty.h - the host's terminal, for tty/ only */
#pragma once
#include "abi/control.h"
#include "vfs.h"

int hosttty_open(u32 index, u32 flags, const struct abi_ctl_fdinfo *info, struct file **out);
