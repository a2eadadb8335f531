/* error.h - how the host programs report failure
 *
 * A function that can fail returns 0 or -1 and fills the struct error it was given; the caller
 * passes it up to main, which prints it once. The text says what failed and, where the user can
 * help it, what to do.
 */
#pragma once
#include <stdbool.h>

enum {
	EXIT_BAD_INPUT = 1,	/* wrong flags, bundle or machine */
	EXIT_NOT_EXEC = 126,	/* the program is there but cannot be executed */
	EXIT_NOT_FOUND = 127,	/* the program is not there */
	EXIT_GUEST_PANIC = 128, /* the guest kernel died */
};

struct error {
	int status; /* exit status asked for; 0 = EXIT_BAD_INPUT */
	char text[1024];
};

/* Both return -1, so that a caller can write "return error_set(...)". error_sys appends the
 * text of errno. */
int error_set(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int error_sys(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the text. Returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit status to use for this error. */
int error_status(const struct error *err);
