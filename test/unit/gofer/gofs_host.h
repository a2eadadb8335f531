/* gofs_host.h - a gofer in the scripted machine's process, in plain types
 *
 * The kernel's headers have names of libc's, so the gofer's side is a file of its own. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A fresh directory and a server for it (mount 0 exclusive, 1 read-only, 2 shared). limit: handles
 * at once, 0: as many as usual. */
void gofs_host_start(uint32_t limit);
void gofs_host_end(void); /* removes the directory */
void *gofs_host_channel(void);
/* Serves up to n waiting requests, in order; true: the guest's interrupt is to be raised. */
bool gofs_host_serve(unsigned n);
bool gofs_host_waiting(void); /* requests have not been served */
void gofs_host_kill(void);    /* as the VMM does for a gofer that died */
/* From now on the gofer breaks the protocol in this way. */
enum gofs_host_lie { LIE_NONE, LIE_TAG, LIE_COUNT, LIE_ATTR, LIE_SLOT, LIE_TWICE, LIE_INDEX };
void gofs_host_lie(enum gofs_host_lie lie);
uint64_t gofs_host_requests(unsigned op); /* served so far; op 0: all */

void host_put(const char *name, const void *bytes, size_t n);
void host_fill(const char *name, size_t n); /* byte i is host_byte(i) */
static inline uint8_t host_byte(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + 1);
}
long host_size(const char *name); /* -1: not there */
bool host_is(const char *name, const void *bytes, size_t n);
void host_mkdir(const char *name);
void host_symlink(const char *target, const char *name);
void host_remove(const char *name);
void host_rename(const char *from, const char *to);

/* ---- what the runner and the kernel's side share ---- */
struct gofs_test {
	const char *name;
	void (*fn)(void); /* in a kernel task whose root is the gofer's mount */
	unsigned mount;	  /* 0 exclusive, 1 read-only, 2 shared */
	uint32_t limit;	  /* of handles; 0: as usual */
};
extern const struct gofs_test gofs_tests[];
extern const unsigned gofs_nr_tests;
struct gofs_plan {
	const struct gofs_test *test;
	unsigned cpus;
	uint64_t seed;
};
/* Boots; never returns. The process ends with status 0 if the test's function returned. */
void gofs_boot(void *plan);
