/* sites.h - call sites that a test makes and uses (sites.c) */
#pragma once
#include "abitest.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define OFTEN 30 /* a site that was called so often is patched, if it ever is */

typedef long (*site_fn)(long a, long b, long c);

/* mov $nr, %eax; syscall; ret */
site_fn put_site(unsigned char *at, uint32_t nr);
/* A page of text that is not writable; fill puts sites there. */
unsigned char *text_page(void (*fill)(unsigned char *page, void *arg), void *arg);
site_fn as_fn(const unsigned char *at);
void warm(const unsigned char *at);

enum {
	RBX,
	RSI,
	RDI,
	RDX,
	R8,
	R9,
	R10,
	R12,
	R13,
	R14,
	R15,
	RBP,
	KEPT,
	RAX = KEPT,
	RCX,
	R11,
	FLAGS,
	NREGS
};

/* Loads the kept registers from r, with DF and CF set, calls, and stores all. */
void regs_call(const unsigned char *site, uint64_t *r);

/* ---- with the instruction behind the call: patch_next.c ---- */

#define SITES	 ((int)(PAGE / 64)) /* of a full page */
#define CALL	 6		    /* offsets in a site */
#define BEHIND	 8
#define END	 14 /* with cmp */
#define CMP_SIZE 6
#define CF	 1u

extern const unsigned char cmp[CMP_SIZE]; /* $-4095, %rax */

struct next {
	uint32_t nr;
	const void *code;
	size_t size;
};

/* mov $nr, %eax; nop; syscall; next; ret */
void put_next(unsigned char *at, uint32_t nr, const void *next, size_t n);
/* For text_page(): one at offset 64; a page of getppid and gettid in turns, with cmp. */
void fill_next(unsigned char *page, void *arg);
void fill_all_next(unsigned char *page, void *arg);
unsigned char *one_next(uint32_t nr); /* with cmp */
bool machine_patches(void);	      /* it changes call sites */
void check_patched(const unsigned char *at);
/* Goes to the instruction behind the call: that is done, and nothing else. */
void jump_behind(const unsigned char *at, uint64_t rax);

/* Cases of patch_next.c and patch_way.c, of the suite in patch.c. */
#define NEXT_TESTS(X)         \
	X(next_registers)     \
	X(next_instructions)  \
	X(next_is_jumped_to)  \
	X(next_while_blocked) \
	X(next_interrupted)   \
	X(next_signals)       \
	X(next_steps)         \
	X(next_children)      \
	X(next_exec)          \
	X(next_restarted)     \
	X(next_gs_is_taken)   \
	X(next_gs_is_lost)    \
	X(next_odd_sites)     \
	X(next_threads)       \
	X(next_of_the_c_library)

/* An address in the test's own text. */
bool in_program(uint64_t rip);
/* Calls getppid's site until handler, which counts, has met enough signals: wrong answers. */
long call_in_storm(const unsigned char *at, void (*handler)(int, siginfo_t *, void *),
		   const volatile long *hits);

/* Cases of patch_answers.c, and what a program does that they execute. */
#define ANSWER_TESTS(X)     \
	X(answer_registers) \
	X(answer_children)  \
	X(answer_threads)   \
	X(answer_exec)      \
	X(answer_signals)
int answer_child(void);
#define NEXT_DECLARE(name) void name(void);
NEXT_TESTS(NEXT_DECLARE)
ANSWER_TESTS(NEXT_DECLARE)
