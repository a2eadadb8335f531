/* host.h - what the scripted machine needs of the host, in plain types
 *
 * The kernel's headers have names of libc's (time.h, string.h), so no file of the machine includes
 * both: host.c speaks to libc, the others to the kernel.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A context with a stack of its own. Switches are announced to the address sanitizer. */
struct fibre;
struct fibre *fibre_new(void);
void fibre_start(struct fibre *f, void (*fn)(void *arg), void *arg); /* at the next switch to it */
void fibre_free(struct fibre *f);				     /* not the running one */
struct fibre *fibre_self(void);
void fibre_switch(struct fibre *to);
void *fibre_stack(struct fibre *f);	    /* lowest address */
struct fibre *fibre_of_stack(void *lowest); /* the reverse */

void *host_map(size_t size);	/* zeroed; never fails */
void *host_zalloc(size_t size); /* never fails */
void host_free(void *p);
uint64_t host_rand(void); /* a repeatable sequence */
void host_seed(uint64_t seed);
__attribute__((format(printf, 3, 0))) int host_format(char *buf, size_t size, const char *fmt,
						      va_list ap);
void host_log(const char *text, size_t n);
__attribute__((__noreturn__, format(printf, 1, 2))) void host_fail(const char *fmt, ...);
extern bool host_verbose; /* the kernel's log goes to stderr at once; else only upon failure */

/* Runs fn(arg) in a child process: its exit status, or -signal. seconds: when it counts as hung. */
int host_run_forked(void (*fn)(void *arg), void *arg, unsigned seconds);
__attribute__((__noreturn__)) void host_exit(int status);
