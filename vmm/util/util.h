/* util.h - cleanup attributes and small helpers of the host programs */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_free_fn(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_fn(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define cleanup_free  __attribute__((cleanup(cleanup_free_fn)))
#define cleanup_close __attribute__((cleanup(cleanup_close_fn)))

static inline int steal_fd(int *fd)
{
	int got = *fd;

	*fd = -1;
	return got;
}

static inline void *steal_pointer(void *p)
{
	void *got = *(void **)p;

	*(void **)p = NULL;
	return got;
}

static inline uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* Writes all of it, over short writes and EINTR. 0 or -1 with errno. */
int write_all(int fd, const void *data, size_t len);

/* Reads up to size bytes until end of file. The count or -1 with errno. */
ssize_t read_full(int fd, void *data, size_t size);

/* Opens and reads a small text file, NUL-terminated. The length or -1 with errno. */
ssize_t read_text_file(const char *path, char *buf, size_t size);

/* "64M", "1.5G" is not accepted, "1048576", "2GiB", "512k": bytes. -1 if malformed or too big. */
int parse_size(const char *text, uint64_t *out);

/* Decimal number in [0, max]. -1 if malformed. */
int parse_uint(const char *text, uint64_t max, uint64_t *out);

/* Which of the names (a NULL-terminated list) is nearest in spelling to the word, or NULL if none
 * is near. */
const char *nearest_name(const char *word, const char *const *names);

/* Damerau-Levenshtein distance (adjacent swaps count one), capped at 64 characters. */
unsigned edit_distance(const char *a, const char *b);
