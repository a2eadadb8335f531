/* log.c - lines of the logs */
#include "vmm/util/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vmm/util/util.h"

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* RFC 3339, UTC: no time zone file is ever read. */
static void log_time(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, size - n, ".%06ldZ", now.tv_nsec / 1000);
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
	char stamp[48];
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
