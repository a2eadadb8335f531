/* log.c - lines of the logs */
#include "vmm/util/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vmm/util/util.h"

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* RFC 3339, UTC. Reckoned here, because the C library would look for a time-zone file, which a
 * process without a root must not. Days are counted in eras of 400 years from 1 March. */
static void log_time(char *buf, size_t size)
{
	struct timespec now;
	long days, second, era, day, year, month;

	clock_gettime(CLOCK_REALTIME, &now);
	days = now.tv_sec / 86400 + 719468;
	second = now.tv_sec % 86400;
	era = days / 146097;
	day = days % 146097;
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	day = day - (153 * month + 2) / 5 + 1;
	month = month < 10 ? month + 3 : month - 9;
	year += era * 400 + (month <= 2);
	snprintf(buf, size, "%04ld-%02ld-%02ldT%02ld:%02ld:%02ld.%06ldZ", year, month, day,
		 second / 3600, second / 60 % 60, second % 60, now.tv_nsec / 1000);
}

static void json_escape(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
}

void log_line(int fd, bool json, unsigned level, const char *text)
{
	cleanup_free char *line = NULL;
	size_t size = 0, len = strlen(text);
	char stamp[128];
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return;
	log_time(stamp, sizeof(stamp));
	if (json) {
		fprintf(out, "{\"level\":\"%s\",\"msg\":\"", level_names[level & 3]);
		json_escape(out, text);
		fprintf(out, "\",\"time\":\"%s\"}\n", stamp);
	} else {
		while (len && text[len - 1] == '\n')
			len--;
		fprintf(out, "%s %s: %.*s\n", stamp, level_names[level & 3], (int)len, text);
	}
	if (!fclose(out))
		(void)write_all(fd, line, size);
}
