/* util.c - small helpers of the host programs */
#include "vmm/util/util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

ssize_t read_full(int fd, void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, (char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += n;
	}
	return done;
}

ssize_t read_text_file(const char *path, char *buf, size_t size)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read_full(fd, buf, size - 1);
	if (n >= 0)
		buf[n] = 0;
	return n;
}

int parse_uint(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++) {
		unsigned digit = *text - '0';

		if (value > (max - digit) / 10 || digit > max)
			return -1;
		value = value * 10 + digit;
	}
	if (*text)
		return -1;
	*out = value;
	return 0;
}

int parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "bkmgt";
	size_t digits = strspn(text, "0123456789");
	const char *unit;
	char number[24];
	uint64_t value;
	unsigned shift = 0;

	if (!digits || digits >= sizeof(number))
		return -1;
	memcpy(number, text, digits);
	number[digits] = 0;
	if (parse_uint(number, INT64_MAX, &value))
		return -1;
	text += digits;
	if (*text) {
		unit = strchr(units, tolower((unsigned char)*text));
		if (!unit)
			return -1;
		shift = 10 * (unit - units);
		text++;
		if (shift && !strcasecmp(text, "ib"))
			text += 2;
		else if (shift && !strcasecmp(text, "b"))
			text++;
		if (*text)
			return -1;
	}
	if (value > (uint64_t)INT64_MAX >> shift)
		return -1;
	*out = value << shift;
	return 0;
}

#define DISTANCE_MAX 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned edit_distance(const char *a, const char *b)
{
	size_t la = strnlen(a, DISTANCE_MAX), lb = strnlen(b, DISTANCE_MAX);
	uint8_t row[3][DISTANCE_MAX + 1];
	uint8_t *prev2 = row[0], *prev = row[1], *cur = row[2];

	for (size_t j = 0; j <= lb; j++)
		prev[j] = j;
	for (size_t i = 1; i <= la; i++) {
		uint8_t *spare = prev2;

		cur[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned cost = a[i - 1] != b[j - 1];
			unsigned best = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + cost);

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    prev2[j - 2] + 1u < best)
				best = prev2[j - 2] + 1;
			cur[j] = best;
		}
		prev2 = prev;
		prev = cur;
		cur = spare;
	}
	return prev[lb];
}

const char *nearest_name(const char *word, const char *const *names)
{
	size_t len = strlen(word);
	unsigned limit = len < 4 ? 1 : len < 8 ? 2 : 3;
	const char *best = NULL;

	for (; *names; names++) {
		unsigned d = edit_distance(word, *names);

		if (d <= limit) {
			best = *names;
			limit = d ? d - 1 : 0;
			if (!d)
				break;
		}
	}
	return best;
}
