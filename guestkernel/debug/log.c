/* log.c - kernel log, formatting, panic
 *
 * Provides: log_write, kvsnprintf, ksnprintf, panic (log.h).
 * Lines go to the VMM one by one, by the machine's mach_log: nothing is buffered, so that the last
 * words of a dying kernel are not lost. Text longer than LINE_MAX is cut.
 * Locks: none, so that it may be called with any lock held; lines of two CPUs never mix, because
 *   each line is one call. Sleeps: never.
 * Differs from C: no floating point, no %n, no positional arguments.
 * Tests: test/unit/debug/format_test.c
 */
#include "log.h"
#include <arch/machine.h>
#include "abi/boot.h"
#include "cpu.h"
#include "string.h"

#define LINE_MAX 512

void log_write(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	mach_log((int)level, line, MIN((size_t)n, sizeof(line) - 1));
}

void panic(const char *fmt, ...)
{
	/* A panic while a panic is being formatted is told as it stands. */
	static a32_t panicking;
	static char text[LINE_MAX];
	va_list ap;

	if (a_xchg(&panicking, 1))
		mach_panic(fmt);
	va_start(ap, fmt);
	kvsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mach_panic(text);
}
