/* filter.h - the compiled system-call filter of the boot process (filtergen.c makes it) */
#pragma once
#include <linux/filter.h>

extern const struct sock_filter boot_filter[];
extern const unsigned short boot_filter_len;
