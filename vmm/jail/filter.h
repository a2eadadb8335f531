/* filter.h - the compiled system-call filters of the boot process (filtergen.c makes them) */
#pragma once
#include <linux/filter.h>

extern const struct sock_filter boot_filter[];
extern const unsigned short boot_filter_len;
/* Without KVM. */
extern const struct sock_filter systrap_filter[];
extern const unsigned short systrap_filter_len;
