/* string.c - the freestanding memory and string functions
 *
 * Portable: words where both ends allow it. A machine with something faster for whole frames has
 * mach_frame_zero and mach_frame_copy; what is left here is small. The empty asm statements keep
 * the compiler from turning a loop into a call of the very function it is in. */
#include "string.h"

typedef u64 __attribute__((may_alias, aligned(1))) word_t;
#define WORD	    sizeof(u64)
#define keep_loop() __asm__ volatile("" ::: "memory")

void *memcpy(void *restrict d, const void *restrict s, size_t n)
{
	u8 *to = d;
	const u8 *from = s;

	for (; n >= 4 * WORD; n -= 4 * WORD, to += 4 * WORD, from += 4 * WORD) {
		u64 a = ((const word_t *)from)[0], b = ((const word_t *)from)[1];
		u64 c = ((const word_t *)from)[2], e = ((const word_t *)from)[3];

		((word_t *)to)[0] = a;
		((word_t *)to)[1] = b;
		((word_t *)to)[2] = c;
		((word_t *)to)[3] = e;
		keep_loop();
	}
	for (; n >= WORD; n -= WORD, to += WORD, from += WORD) {
		*(word_t *)to = *(const word_t *)from;
		keep_loop();
	}
	for (; n; n--) {
		*to++ = *from++;
		keep_loop();
	}
	return d;
}

void *memmove(void *d, const void *s, size_t n)
{
	u8 *to = d;
	const u8 *from = s;

	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(d, s, n);
	while (n >= WORD) {
		n -= WORD;
		*(word_t *)(to + n) = *(const word_t *)(from + n);
		keep_loop();
	}
	while (n) {
		n--;
		to[n] = from[n];
		keep_loop();
	}
	return d;
}

void *memset(void *d, int c, size_t n)
{
	u64 w = (u8)c * 0x0101010101010101ull;
	u8 *to = d;

	for (; n >= 4 * WORD; n -= 4 * WORD, to += 4 * WORD) {
		((word_t *)to)[0] = w;
		((word_t *)to)[1] = w;
		((word_t *)to)[2] = w;
		((word_t *)to)[3] = w;
		keep_loop();
	}
	for (; n >= WORD; n -= WORD, to += WORD) {
		*(word_t *)to = w;
		keep_loop();
	}
	for (; n; n--) {
		*to++ = (u8)c;
		keep_loop();
	}
	return d;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n >= WORD && *(const word_t *)x == *(const word_t *)y; n -= WORD) {
		x += WORD;
		y += WORD;
	}
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n; n--, p++)
		if (*p == (u8)c)
			return (void *)(uintptr_t)p;
	return NULL;
}

size_t strnlen(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i]) {
		i++;
		keep_loop();
	}
	return i;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)(uintptr_t)last;
	}
}
