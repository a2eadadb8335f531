/* musl.c - the names of errors and signals, which musl does not give: their numbers instead */
#include "musl.h"

#include <stdio.h>

static const char *number(const char *what, int n)
{
	static char text[8][24];
	static unsigned next;
	char *buf = text[next++ % 8];

	snprintf(buf, sizeof(text[0]), "%s %d", what, n);
	return buf;
}

const char *strerrorname_np(int err)
{
	return number("errno", err);
}

const char *sigabbrev_np(int signo)
{
	return number("number", signo);
}
