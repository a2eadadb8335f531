/* host_mm.c - the host's side of stubs.c, apart because libc's headers share names with ours */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void host_abort(const char *text);
int host_vprint(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

void host_abort(const char *text)
{
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

int host_vprint(char *buf, size_t size, const char *fmt, va_list ap)
{
	return vsnprintf(buf, size, fmt, ap);
}
