/* strcopy.c - string functions that are not C's: here, as string.c is the host's own in tests */
#include "string.h"

size_t str_copy(char *d, const char *s, size_t size)
{
	size_t n = strlen(s);

	if (size) {
		size_t m = MIN(n, size - 1);

		memcpy(d, s, m);
		d[m] = 0;
	}
	return n;
}
