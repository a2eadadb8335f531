/* script.h - what a script, the scripted machine's user mode, may do
 *
 * A script is a C function on a fibre of its own. It reaches the kernel only by system calls, and
 * its memory only by the functions here, which go through the virtual CPU's TLB and fault like
 * instructions do. Its C variables are private to the fibre ("registers and stack"): a fork does
 * not copy them, so u_fork() names the function that the child runs.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*u_fn)(void *arg);

/* The call's result, negative errno included, as the kernel returned it. */
long u_syscall6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		uint64_t f);
#define U_ARG7(nr, a, b, c, d, e, f, ...)                                                      \
	u_syscall6((uint64_t)(nr), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), \
		   (uint64_t)(e), (uint64_t)(f))
#define u_syscall(...) U_ARG7(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* Memory accesses of up to 8 bytes that do not cross a page. */
uint64_t u_load(uint64_t va, unsigned size);
void u_store(uint64_t va, uint64_t value, unsigned size);
uint32_t u_cmpxchg32(uint64_t va, uint32_t expected, uint32_t desired); /* returns the old value */
uint32_t u_add32(uint64_t va, uint32_t n);				/* returns the new value */
void u_write(uint64_t va, const void *src, size_t n);
void u_read(void *dst, uint64_t va, size_t n);
/* Like an instruction fetch. */
void u_execute(uint64_t va);

/* A signal's handler: given to the kernel as a number, run on the interrupted script's fibre. */
typedef void (*u_handler)(int sig, uint64_t info, uint64_t context);

/* What the children of later fork and clone calls run. */
void u_child(u_fn fn, void *arg);
/* The child runs fn(arg), then exit_group(0). Returns what the call returned in the parent. */
long u_fork(u_fn fn, void *arg);
long u_clone(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid, uint64_t tls, u_fn fn,
	     void *arg);
__attribute__((__noreturn__)) void u_exit(int status); /* exit_group(2) */
__attribute__((__noreturn__)) void u_exit_thread(int status);

uint64_t u_mmap(size_t size); /* private anonymous, read and write; fails the test on error */
/* Lets others run: a spin loop in a script must call it. */
void u_pause(void);
/* Fails the test, with the kernel's log. */
#define u_check(x)                                        \
	do {                                              \
		if (!(x))                                 \
			u_failed(__FILE__, __LINE__, #x); \
	} while (0)
#define u_check_eq(a, b)                                             \
	do {                                                         \
		long a_ = (long)(a), b_ = (long)(b);                 \
		if (a_ != b_)                                        \
			u_failed_eq(__FILE__, __LINE__, #a, a_, b_); \
	} while (0)
__attribute__((__noreturn__)) void u_failed(const char *file, int line, const char *what);
__attribute__((__noreturn__)) void u_failed_eq(const char *file, int line, const char *what, long a,
					       long b);
