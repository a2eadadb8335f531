/* strace.h - the decoder of --strace, within sys/ */
#pragma once
#include "sys/table.h"

struct task;

/* Makes the call nr of the current task and logs it decoded; returns its result. */
long strace_call(struct task *t, u32 nr);

/* Text under construction: always terminated; what does not fit is dropped and marked. */
struct trace_text {
	char *buf;
	size_t size, len;
};
void trace_add(struct trace_text *x, const char *fmt, ...) printf_like(2, 3);

/* Appends argument i of a call. args: six registers. May sleep (it reads user memory); done: the
 * call has been made, result is its own, and what it wrote may be shown. */
struct decode {
	const struct sys_desc *desc;
	u64 args[6];
	bool done;
	long result;
};
void decode_arg(struct trace_text *x, const struct decode *d, u32 i);
void decode_result(struct trace_text *x, const struct decode *d);
