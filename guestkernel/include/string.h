/* string.h - the freestanding memory and string functions (lib/string.c)
 *
 * The names are C's, so that the compiler's own calls meet them; on the scripted machine the host's
 * libc provides them. str_copy is ours: it truncates, always terminates, and returns the length of
 * the source. */
#pragma once
#include <stddef.h>
#include "types.h"

void *memcpy(void *restrict d, const void *restrict s, size_t n);
void *memmove(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
size_t str_copy(char *d, const char *s, size_t size);
