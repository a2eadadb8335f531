/* abitest.h - the harness of the ABI programs
 *
 * Each program is one suite: a table of named cases over one family of system calls. The same
 * static binary runs on Linux, which decides what is right, and in the sandbox, which has to agree.
 *
 * A case runs in a child in a process group of its own, with an alarm: a crash or a hang is one
 * failed case. Checks record a failure and go on; REQUIRE ends the case. Helpers that a case forks
 * report through their exit status (abi_spawn, abi_join).
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct abi_test {
	const char *name;
	void (*run)(void);
};

struct abi_suite {
	const struct abi_test *tests;
	size_t count;
	/* What the program does when a case executes it with --child ARGS; may be NULL. */
	int (*child)(int argc, char **argv);
};

/* Each program defines it, by ABI_SUITE. */
extern const struct abi_suite abi_suite;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define ABI_SUITE(list, child_main)          \
	const struct abi_suite abi_suite = { \
		.tests = (list),             \
		.count = ARRAY_SIZE(list),   \
		.child = (child_main),       \
	}

/* Failures of this process since its case (or abi_spawn) began. */
extern unsigned abi_failures;

void abi_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void abi_abort(void) __attribute__((noreturn));
void abi_skip(const char *reason) __attribute__((noreturn));
bool abi_check_eq(const char *file, int line, const char *text, long long got, long long want);
bool abi_check_err(const char *file, int line, const char *text, long ret, int got, int want);
long abi_check_ok(const char *file, int line, const char *text, long ret, int err);

#define CHECK(cond) ((cond) ? true : (abi_fail(__FILE__, __LINE__, "%s", #cond), false))
#define CHECK_EQ(a, b) \
	abi_check_eq(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b))
/* The call must answer -1 with this errno. */
#define CHECK_ERR(call, want)                                                  \
	({                                                                     \
		errno = 0;                                                     \
		long ret_ = (long)(call);                                      \
		abi_check_err(__FILE__, __LINE__, #call, ret_, errno, (want)); \
	})
/* One of two, where versions of Linux differ. */
#define CHECK_ERR_OF(call, want, other)                               \
	({                                                            \
		errno = 0;                                            \
		long ret_ = (long)(call);                             \
		abi_check_err(__FILE__, __LINE__, #call, ret_, errno, \
			      errno == (other) ? (other) : (want));   \
	})
/* The call must not answer -1; the value is what it answered. */
#define CHECK_OK(call)                                                \
	({                                                            \
		errno = 0;                                            \
		long ret_ = (long)(call);                             \
		abi_check_ok(__FILE__, __LINE__, #call, ret_, errno); \
	})
#define REQUIRE(cond)                \
	do {                         \
		if (!CHECK(cond))    \
			abi_abort(); \
	} while (0)
#define REQUIRE_OK(call)                   \
	({                                 \
		long ok_ = CHECK_OK(call); \
		if (ok_ == -1)             \
			abi_abort();       \
		ok_;                       \
	})
#define SKIP(reason) abi_skip(reason)

/* Hostile addresses for an argument of `size` bytes. BAD_NONNULL where NULL means "none"; BAD_OUT
 * adds read-only memory, for what the kernel writes. The failure lines name the address.
 */
#define BAD_IN	    0
#define BAD_OUT	    1
#define BAD_NONNULL 2
bool abi_bad_next(unsigned *i, size_t size, unsigned flags, void **p);
void abi_context(const char *text);

#define FOR_EACH_BAD(p, size, flags) \
	for (unsigned bad_##p = 0; abi_bad_next(&bad_##p, (size), (flags), (void **)&(p));)
/* `call` mentions `p`, which takes every hostile address in turn; each must give EFAULT. */
#define CHECK_FAULTS(p, size, flags, call)       \
	do {                                     \
		void *p;                         \
		FOR_EACH_BAD(p, (size), (flags)) \
		CHECK_ERR(call, EFAULT);         \
	} while (0)

/* Forks; the child runs fn(arg) and exits 0, or 99 if a check of it failed. */
pid_t abi_spawn(void (*fn)(void *), void *arg);
/* Reaps that child and checks that it exited 0. */
void abi_join(pid_t pid);
/* Reaps the child and returns its wait status; -1 (a failed check) if there is none. */
int abi_wait_status(pid_t pid);

/* The path of this program, for execve. */
const char *abi_self_path(void);
/* An empty directory of this process under /tmp, made on the first call, removed when the case
 * ends. */
const char *abi_tmpdir(void);
/* abi_tmpdir()/name, in one of eight buffers used in turn. */
const char *abi_tmp(const char *name);
/* Creates that file with this text (mode 0644); returns its path. */
const char *abi_tmp_file(const char *name, const char *text);
/* The text of a whole file (NUL-terminated), in a static buffer of 64 KiB; aborts the case if
 * unreadable. */
const char *abi_read_file(const char *path);
/* A page-aligned anonymous private mapping of n pages; aborts the case if refused. */
char *abi_pages(size_t n, int prot);
/* Gives up root for good (setresuid to 65534), as the ordinary user the case wants to be. */
void abi_drop_root(void);

#define PAGE 4096ul
