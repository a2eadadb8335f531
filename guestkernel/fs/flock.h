/* flock.h - record locks for fcntl */
#pragma once
#include "lock_range.h"
#include "vfs.h"

long flock_fcntl(struct file *f, int cmd, uaddr_t arg); /* the six lock commands */
