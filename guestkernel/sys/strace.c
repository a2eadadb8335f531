/* strace.c - one log line for each system call, as strace(1) writes them
 *
 * Provides: strace_call: [process:thread] name(arguments) = result, one line per call when it
 *           returns. Arguments up to the first one that the call fills are read before it is made
 *           (execve is about to replace the memory they are in), the others after.
 * Owns:     a buffer per call, from the slab; without memory the call is made undecoded.
 * Locks:    none. Sleeps: reading user memory may fault it in.
 * Invariants: user memory is only read here for the log: what the call itself sees is fetched by
 *           the call, so a program that changes its memory meanwhile deceives nobody but the log.
 * Limits:   strings show 64 bytes, arrays 8 elements, lines STRACE_LINE characters.
 * Tests:    test/machine (strace scripts)
 */
#include "sys/strace.h"
#include "log.h"
#include "slab.h"
#include "string.h"
#include "syscall.h"
#include "syscalls_proto.h"
#include "task.h"

#define STRACE_LINE 1024

void trace_add(struct trace_text *x, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (x->len + 1 >= x->size)
		return;
	va_start(ap, fmt);
	n = kvsnprintf(x->buf + x->len, x->size - x->len, fmt, ap);
	va_end(ap);
	x->len += (size_t)n;
	if (x->len + 1 > x->size) {
		x->len = x->size - 1;
		memcpy(x->buf + x->len - 3, "...", 3);
	}
}

static u32 nargs(const struct sys_desc *d)
{
	return d->nargs == SYS_ARGS_RAW ? 6 : d->nargs;
}

/* Arguments before the first that the call writes. */
static u32 args_before(const struct sys_desc *d)
{
	u32 i = 0;

	while (i < nargs(d) && d->arg[i].dir != SYS_DIR_OUT && d->arg[i].dir != SYS_DIR_INOUT)
		i++;
	return i;
}

static void add_args(struct trace_text *x, const struct decode *d, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++) {
		if (i)
			trace_add(x, ", ");
		decode_arg(x, d, i);
	}
}

static long call(u32 nr, const u64 *a)
{
	return syscall_table[nr](a[0], a[1], a[2], a[3], a[4], a[5]);
}

static bool never_returns(u32 nr)
{
	return nr == NR_exit || nr == NR_exit_group;
}

static void emit(struct task *t, const struct trace_text *x)
{
	log_write(LOG_INFO, "strace: [%u:%u] %s", task_pid(t), t->tid, x->buf);
}

long strace_call(struct task *t, u32 nr)
{
	struct decode d = {.desc = &syscall_descs[nr]};
	struct trace_text x = {.buf = kmalloc(STRACE_LINE), .size = STRACE_LINE};
	u32 before = args_before(d.desc);

	for (u32 i = 0; i < 6; i++)
		d.args[i] = mach_syscall_arg(&t->user, i);
	if (!x.buf)
		return call(nr, d.args);

	x.buf[0] = 0;
	trace_add(&x, "%s(", d.desc->name);
	add_args(&x, &d, 0, before);
	if (never_returns(nr)) {
		trace_add(&x, ") = ?");
		emit(t, &x);
		kfree(x.buf);
		return call(nr, d.args);
	}
	d.result = call(nr, d.args);
	d.done = true;
	add_args(&x, &d, before, nargs(d.desc));
	trace_add(&x, ") = ");
	decode_result(&x, &d);
	emit(t, &x);
	kfree(x.buf);
	return d.result;
}
