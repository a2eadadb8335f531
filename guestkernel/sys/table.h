/* table.h - the system-call table: what the generated syscalls_table.c provides */
#pragma once
#include "types.h"

typedef long syscall_fn(unsigned long a0, unsigned long a1, unsigned long a2, unsigned long a3,
			unsigned long a4, unsigned long a5);

extern const unsigned syscall_limit;	  /* numbers below it index the arrays */
extern syscall_fn *const syscall_table[]; /* no entry is null */

/* The entry of a number whose call has no code, or that no call has. */
syscall_fn syscall_no_code;

/* What --strace and crash reports know of a call. */
enum sys_arg_type {
	SYS_ARG_NONE,
	SYS_ARG_INT,
	SYS_ARG_UINT,
	SYS_ARG_LONG,
	SYS_ARG_ULONG,
	SYS_ARG_SIZE_T,
	SYS_ARG_OFF_T,
	SYS_ARG_FD,
	SYS_ARG_DIRFD,
	SYS_ARG_PID,
	SYS_ARG_SIG,
	SYS_ARG_MODE,
	SYS_ARG_UID,
	SYS_ARG_PATH,
	SYS_ARG_ADDR,
};

enum sys_dir { SYS_DIR_NONE, SYS_DIR_IN, SYS_DIR_OUT, SYS_DIR_INOUT };

enum sys_fmt {
	SYS_FMT_NONE,
	SYS_FMT_OPAQUE, /* a structure that is shown as its address */
	SYS_FMT_BYTES,
	SYS_FMT_STRING,
	SYS_FMT_ARGV,
	SYS_FMT_INT,
	SYS_FMT_U64,
	SYS_FMT_STAT,
	SYS_FMT_STATX,
	SYS_FMT_TIMESPEC,
	SYS_FMT_TIMEVAL,
	SYS_FMT_ITIMERSPEC,
	SYS_FMT_ITIMERVAL,
	SYS_FMT_SIGSET,
	SYS_FMT_SIGACTION,
	SYS_FMT_SIGINFO,
	SYS_FMT_RLIMIT,
	SYS_FMT_POLLFD,
	SYS_FMT_IOVEC,
	SYS_FMT_SOCKADDR,
	SYS_FMT_EPOLL_EVENT,
	SYS_FMT_CLONE_ARGS,
};

/* .count of a user array: 0 one element, else where the number of elements (or bytes) is found */
#define SYS_COUNT_ARG	 1 /* + index of an argument */
#define SYS_COUNT_RESULT 7 /* the call's result */
#define SYS_COUNT_FIXED	 8 /* + the number */

#define SYS_ARGS_RAW 0xff /* .nargs: not described, six raw words */

struct sys_arg {
	u8 type;  /* enum sys_arg_type */
	u8 dir;	  /* enum sys_dir */
	u8 fmt;	  /* enum sys_fmt */
	u8 count; /* SYS_COUNT_* */
	u8 flags; /* index into syscall_flag_sets, 0: a plain number */
};

struct sys_desc {
	const char *name; /* null: no such call */
	u8 nargs;
	struct sys_arg arg[6];
};

struct sys_flag { /* a set ends with a null name */
	u64 value;
	u64 mask; /* the member is there if (v & mask) == value */
	const char *name;
};

extern const struct sys_desc syscall_descs[];
extern const struct sys_flag *const syscall_flag_sets[];

/* What the weak default of a call does: logs its name once and returns -ENOSYS. */
long syscall_missing(unsigned long nr);
