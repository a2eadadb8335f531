/* decode.c - arguments and results of system calls as text: see strace.c */
#include "abi/linux/fcntl.h"
#include "abi/linux/epoll.h"
#include "abi/linux/poll.h"
#include "abi/linux/resource.h"
#include "abi/linux/sched.h"
#include "abi/linux/signal.h"
#include "abi/linux/socket.h"
#include "abi/linux/stat.h"
#include "abi/linux/time.h"
#include "abi/linux/uio.h"
#include "sys/strace.h"
#include "string.h"
#include "syscall.h"
#include "uaccess.h"

#define STRING_MAX 64
#define ARRAY_MAX  8

typedef unsigned long long ull;

static void add_quoted(struct trace_text *x, const char *s, size_t n, bool more)
{
	trace_add(x, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\n')
			trace_add(x, "\\n");
		else if (c == '"' || c == '\\')
			trace_add(x, "\\%c", c);
		else if (c >= ' ' && c < 0x7f)
			trace_add(x, "%c", c);
		else
			trace_add(x, "\\x%02x", c);
	}
	trace_add(x, more ? "\"..." : "\"");
}

static void add_string(struct trace_text *x, u64 addr)
{
	char s[STRING_MAX + 1] = {0};
	ssize_t n;

	if (!addr) {
		trace_add(x, "NULL");
		return;
	}
	n = copy_in_str(s, UADDR(addr), sizeof(s));
	if (n == -ENAMETOOLONG)
		add_quoted(x, s, strnlen(s, STRING_MAX), true);
	else if (n < 0)
		trace_add(x, "0x%llx", (ull)addr);
	else
		add_quoted(x, s, (size_t)n, false);
}

static void add_bytes(struct trace_text *x, u64 addr, u64 n)
{
	char s[STRING_MAX];
	size_t k = MIN(n, (u64)sizeof(s));

	if (!addr || copy_in(s, UADDR(addr), k))
		trace_add(x, "0x%llx", (ull)addr);
	else
		add_quoted(x, s, k, k < n);
}

static void add_argv(struct trace_text *x, u64 addr)
{
	u64 p;

	trace_add(x, "[");
	for (u32 i = 0; addr; i++) {
		if (copy_in_obj(&p, UADDR(addr + i * 8)) || !p)
			break;
		if (i)
			trace_add(x, ", ");
		if (i == ARRAY_MAX) {
			trace_add(x, "...");
			break;
		}
		add_string(x, p);
	}
	trace_add(x, "]");
}

static void add_flags(struct trace_text *x, const struct sys_flag *set, u64 v)
{
	const char *sep = "";
	u64 rest = v;

	for (const struct sys_flag *f = set; f->name; f++) {
		if ((v & f->mask) != f->value || (!f->value && f->mask == ~0ull && v))
			continue;
		if (f->mask != ~0ull && (rest & f->mask) != f->value)
			continue;
		trace_add(x, "%s%s", sep, f->name);
		sep = "|";
		rest &= ~f->value;
	}
	if (rest)
		trace_add(x, "%s0x%llx", sep, (ull)rest);
	else if (!*sep)
		trace_add(x, "0");
}

static void add_time(struct trace_text *x, s64 sec, s64 frac)
{
	trace_add(x, "{%lld, %lld}", (long long)sec, (long long)frac);
}

static void add_sigset(struct trace_text *x, u64 set)
{
	const char *sep = "";

	trace_add(x, "[");
	for (int i = 1; i <= ABI_NSIG; i++) {
		if (!(set & ABI_SIGBIT(i)))
			continue;
		trace_add(x, "%s%d", sep, i);
		sep = " ";
	}
	trace_add(x, "]");
}

static void add_stat(struct trace_text *x, u32 mode, u64 size)
{
	trace_add(x, "{mode=0%o, size=%llu}", mode, (ull)size);
}

static void add_sockaddr(struct trace_text *x, u64 addr)
{
	struct abi_sockaddr_un s;

	memset(&s, 0, sizeof(s));
	if (copy_in(&s, UADDR(addr), sizeof(s.sun_family))) {
		trace_add(x, "0x%llx", (ull)addr);
		return;
	}
	trace_add(x, "{family=%u", s.sun_family);
	if (s.sun_family == ABI_AF_UNIX) {
		trace_add(x, ", path=");
		add_string(x, addr + offsetof(struct abi_sockaddr_un, sun_path));
	}
	trace_add(x, "}");
}

/* Size of one element; 0 for formats that read by themselves. */
static const u8 fmt_size[] = {
	[SYS_FMT_INT] = sizeof(s32),
	[SYS_FMT_U64] = sizeof(u64),
	[SYS_FMT_STAT] = sizeof(struct abi_stat),
	[SYS_FMT_STATX] = 48, /* up to stx_size */
	[SYS_FMT_TIMESPEC] = sizeof(struct abi_timespec),
	[SYS_FMT_TIMEVAL] = sizeof(struct abi_timeval),
	[SYS_FMT_ITIMERSPEC] = sizeof(struct abi_itimerspec),
	[SYS_FMT_ITIMERVAL] = sizeof(struct abi_itimerval),
	[SYS_FMT_SIGSET] = sizeof(abi_sigset),
	[SYS_FMT_SIGACTION] = sizeof(struct abi_sigaction),
	[SYS_FMT_SIGINFO] = sizeof(struct abi_siginfo),
	[SYS_FMT_RLIMIT] = sizeof(struct abi_rlimit),
	[SYS_FMT_POLLFD] = sizeof(struct abi_pollfd),
	[SYS_FMT_IOVEC] = sizeof(struct abi_iovec),
	[SYS_FMT_EPOLL_EVENT] = sizeof(struct abi_epoll_event),
	[SYS_FMT_CLONE_ARGS] = ABI_CLONE_ARGS_SIZE_VER0,
};

union element {
	s32 i;
	u64 u;
	struct abi_stat stat;
	struct abi_statx statx;
	struct abi_timespec ts;
	struct abi_itimerspec its;
	struct abi_sigaction act;
	struct abi_siginfo info;
	struct abi_rlimit rlim;
	struct abi_pollfd poll;
	struct abi_iovec iov;
	struct abi_epoll_event ev;
	struct abi_clone_args clone;
};

static void add_element(struct trace_text *x, u8 fmt, const union element *e)
{
	switch ((enum sys_fmt)fmt) {
	case SYS_FMT_INT:
		trace_add(x, "%d", e->i);
		break;
	case SYS_FMT_U64:
		trace_add(x, "%llu", (ull)e->u);
		break;
	case SYS_FMT_STAT:
		add_stat(x, e->stat.st_mode, (u64)e->stat.st_size);
		break;
	case SYS_FMT_STATX:
		add_stat(x, e->statx.stx_mode, e->statx.stx_size);
		break;
	case SYS_FMT_TIMESPEC:
	case SYS_FMT_TIMEVAL:
		add_time(x, e->ts.tv_sec, e->ts.tv_nsec);
		break;
	case SYS_FMT_ITIMERSPEC:
	case SYS_FMT_ITIMERVAL:
		add_time(x, e->its.it_interval.tv_sec, e->its.it_interval.tv_nsec);
		trace_add(x, "+");
		add_time(x, e->its.it_value.tv_sec, e->its.it_value.tv_nsec);
		break;
	case SYS_FMT_SIGSET:
		add_sigset(x, e->u);
		break;
	case SYS_FMT_SIGACTION:
		trace_add(x, "{0x%llx, flags=0x%llx, mask=", (ull)e->act.handler,
			  (ull)e->act.flags);
		add_sigset(x, e->act.mask);
		trace_add(x, "}");
		break;
	case SYS_FMT_SIGINFO:
		trace_add(x, "{signo=%d, code=%d}", e->info.si_signo, e->info.si_code);
		break;
	case SYS_FMT_RLIMIT:
		trace_add(x, "{%llu, %llu}", (ull)e->rlim.rlim_cur, (ull)e->rlim.rlim_max);
		break;
	case SYS_FMT_POLLFD:
		trace_add(x, "{%d, 0x%x, 0x%x}", e->poll.fd, (u16)e->poll.events,
			  (u16)e->poll.revents);
		break;
	case SYS_FMT_IOVEC:
		trace_add(x, "{0x%llx, %llu}", (ull)e->iov.iov_base, (ull)e->iov.iov_len);
		break;
	case SYS_FMT_EPOLL_EVENT:
		trace_add(x, "{0x%x, 0x%llx}", e->ev.events, (ull)e->ev.data);
		break;
	case SYS_FMT_CLONE_ARGS:
		trace_add(x, "{flags=0x%llx, exit_signal=%llu, stack=0x%llx, size=%llu}",
			  (ull)e->clone.flags, (ull)e->clone.exit_signal, (ull)e->clone.stack,
			  (ull)e->clone.stack_size);
		break;
	default:
		break;
	}
}

/* Number of elements (or bytes) behind a pointer. */
static u64 count_of(const struct decode *d, const struct sys_arg *a)
{
	u64 n;

	if (a->count == 0)
		return 1;
	if (a->count >= SYS_COUNT_FIXED)
		return a->count - SYS_COUNT_FIXED;
	if (a->count == SYS_COUNT_RESULT)
		return d->result > 0 ? (u64)d->result : 0;
	n = d->args[a->count - SYS_COUNT_ARG];
	if (a->dir == SYS_DIR_OUT && a->fmt == SYS_FMT_BYTES && d->done)
		return d->result > 0 ? MIN(n, (u64)d->result) : 0;
	return n;
}

static void add_array(struct trace_text *x, const struct decode *d, const struct sys_arg *a,
		      u64 addr)
{
	size_t size = fmt_size[a->fmt];
	u64 n = count_of(d, a);
	union element e;

	if (a->count)
		trace_add(x, "[");
	for (u64 i = 0; i < n; i++) {
		if (i)
			trace_add(x, ", ");
		if (i == ARRAY_MAX || copy_in(&e, UADDR(addr + i * size), size)) {
			trace_add(x, i ? "..." : "0x%llx", (ull)addr);
			break;
		}
		add_element(x, a->fmt, &e);
	}
	if (a->count)
		trace_add(x, "]");
}

static void decode_addr(struct trace_text *x, const struct decode *d, const struct sys_arg *a,
			u64 addr)
{
	bool failed = d->done && d->result < 0 && d->result >= -ABI_ERRNO_MAX;

	if (!addr) {
		trace_add(x, "NULL");
		return;
	}
	if (a->dir == SYS_DIR_OUT && (failed || !d->done)) {
		trace_add(x, "0x%llx", (ull)addr);
		return;
	}
	switch (a->fmt) {
	case SYS_FMT_NONE:
	case SYS_FMT_OPAQUE:
		trace_add(x, "0x%llx", (ull)addr);
		break;
	case SYS_FMT_BYTES:
		add_bytes(x, addr, count_of(d, a));
		break;
	case SYS_FMT_STRING:
		add_string(x, addr);
		break;
	case SYS_FMT_ARGV:
		add_argv(x, addr);
		break;
	case SYS_FMT_SOCKADDR:
		add_sockaddr(x, addr);
		break;
	default:
		add_array(x, d, a, addr);
	}
}

void decode_arg(struct trace_text *x, const struct decode *d, u32 i)
{
	const struct sys_arg *a = &d->desc->arg[i];
	u64 v = d->args[i];

	if (d->desc->nargs == SYS_ARGS_RAW) {
		trace_add(x, "0x%llx", (ull)v);
		return;
	}
	if (a->flags && a->type != SYS_ARG_ADDR) {
		bool narrow = a->type == SYS_ARG_INT || a->type == SYS_ARG_UINT;

		add_flags(x, syscall_flag_sets[a->flags], narrow ? (u32)v : v);
		return;
	}
	switch ((enum sys_arg_type)a->type) {
	case SYS_ARG_DIRFD:
		if ((s32)v == ABI_AT_FDCWD) {
			trace_add(x, "AT_FDCWD");
			break;
		}
		trace_add(x, "%d", (s32)v);
		break;
	case SYS_ARG_INT:
	case SYS_ARG_FD:
	case SYS_ARG_PID:
	case SYS_ARG_SIG:
	case SYS_ARG_UID:
		trace_add(x, "%d", (s32)v);
		break;
	case SYS_ARG_UINT:
		trace_add(x, "%u", (u32)v);
		break;
	case SYS_ARG_LONG:
	case SYS_ARG_OFF_T:
		trace_add(x, "%lld", (long long)v);
		break;
	case SYS_ARG_SIZE_T:
		trace_add(x, "%llu", (ull)v);
		break;
	case SYS_ARG_MODE:
		trace_add(x, "0%o", (u32)v);
		break;
	case SYS_ARG_PATH:
		add_string(x, v);
		break;
	case SYS_ARG_ADDR:
		decode_addr(x, d, a, v);
		break;
	case SYS_ARG_ULONG:
	case SYS_ARG_NONE:
		trace_add(x, "0x%llx", (ull)v);
		break;
	}
}

void decode_result(struct trace_text *x, const struct decode *d)
{
	long r = d->result;
	const char *name;

	if (r == -ENORESULT) {
		trace_add(x, "?");
	} else if (r < 0 && r >= -ABI_ERRNO_MAX) {
		name = syscall_errno_name((int)-r);
		trace_add(x, "-1 %s", name ? name : "?");
		if (!name)
			trace_add(x, " (%ld)", -r);
	} else if (r >= 0 && r < 1l << 32) {
		trace_add(x, "%ld", r);
	} else {
		trace_add(x, "0x%lx", (unsigned long)r);
	}
}
