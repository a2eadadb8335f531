/* sys_test_host.c - libc's side of sys_test.c */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void *host_malloc(size_t n);
void host_free(void *p);
int host_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

void *host_malloc(size_t n)
{
	return malloc(n);
}
void host_free(void *p)
{
	free(p);
}
int host_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	return vsnprintf(buf, size, fmt, ap);
}
