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

/* gofs_tests.c */
struct file *opened(const char *name, u32 flags);
int open_error(const char *name, u32 flags);
ssize_t put(struct file *f, const void *bytes, size_t n, loff_t at);
void read_whole(struct file *f, size_t size, size_t step); /* of a file that host_fill() made */
int stat_name(const char *name, struct kstat *st);

/* gofs_ahead.c */
void test_ahead_list(void);
void test_ahead_read(void);
void test_ahead_names(void);
void test_ahead_change(void);
void test_ahead_host(void);
void test_ahead_miss(void);
void test_ahead_tasks(void);

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
