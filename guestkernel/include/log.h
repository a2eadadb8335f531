/* log.h - kernel log, assertions, panic (debug/log.c)
 *
 * Lines go to the VMM by a hypercall: rare by design. %-conversions: d i u x c s p % with l, ll,
 * z, width, precision, 0 and - flags. May be called anywhere, with any lock held. */
#pragma once
#include <stdarg.h>
#include "atomic.h"
#include "types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
extern enum log_level log_threshold; /* [I] after start */

void log_write(enum log_level level, const char *fmt, ...) printf_like(2, 3);
#define klog(level, ...)                                 \
	do {                                             \
		if ((level) <= log_threshold)            \
			log_write((level), __VA_ARGS__); \
	} while (0)

/* Bounded formatting; always terminates, returns the length that was wanted. */
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int ksnprintf(char *buf, size_t size, const char *fmt, ...) printf_like(3, 4);

/* Registers, backtrace, held locks, last system calls; stops the other CPUs; does not return. */
noreturn void panic(const char *fmt, ...) printf_like(1, 2);

/* On in release builds too. */
#define kassert(x)                                                                    \
	do {                                                                          \
		if (unlikely(!(x)))                                                   \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #x); \
	} while (0)
#define klog_once(level, ...)                              \
	do {                                               \
		static a32_t once_;                        \
		if (!a_load(&once_) && !a_xchg(&once_, 1)) \
			klog(level, __VA_ARGS__);          \
	} while (0)
