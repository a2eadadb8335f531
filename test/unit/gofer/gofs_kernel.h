/* gofs_kernel.h - the scripted machine with a gofer behind channel 0: what its tests share */
#pragma once
#include "fs/fs_internal.h"
#include "fs/gofer/gofs.h"
#include "test/machine/host.h"
#include "test/unit/gofer/gofs_host.h"

/* Another task like fn's, with the same root. */
void gofs_spawn(void (*fn)(void *), void *arg);
void gofs_join(void);	   /* until all spawned ones have returned */
void gofs_interrupt(void); /* the channel's, now */

#define check(x)                                                        \
	do {                                                            \
		if (!(x))                                               \
			host_fail("%s:%d: %s", __FILE__, __LINE__, #x); \
	} while (0)
#define check_eq(a, b)                                                                       \
	do {                                                                                 \
		long got_ = (long)(a), want_ = (long)(b);                                    \
		if (got_ != want_)                                                           \
			host_fail("%s:%d: %s is %ld, not %ld", __FILE__, __LINE__, #a, got_, \
				  want_);                                                    \
	} while (0)
