/* resource.h - limits, usage and priorities (getrlimit(2), getrusage(2), getpriority(2)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"
#include "abi/linux/time.h"

struct abi_rlimit {
	uint64_t rlim_cur;
	uint64_t rlim_max;
};
ABI_CHECK_SIZE(struct abi_rlimit, 16);

#define ABI_RLIM_INFINITY     UINT64_MAX
#define ABI_RLIMIT_CPU	      0
#define ABI_RLIMIT_FSIZE      1
#define ABI_RLIMIT_DATA	      2
#define ABI_RLIMIT_STACK      3
#define ABI_RLIMIT_CORE	      4
#define ABI_RLIMIT_RSS	      5
#define ABI_RLIMIT_NPROC      6
#define ABI_RLIMIT_NOFILE     7
#define ABI_RLIMIT_MEMLOCK    8
#define ABI_RLIMIT_AS	      9
#define ABI_RLIMIT_LOCKS      10
#define ABI_RLIMIT_SIGPENDING 11
#define ABI_RLIMIT_MSGQUEUE   12
#define ABI_RLIMIT_NICE	      13
#define ABI_RLIMIT_RTPRIO     14
#define ABI_RLIMIT_RTTIME     15
#define ABI_RLIM_NLIMITS      16

struct abi_rusage {
	struct abi_timeval ru_utime;
	struct abi_timeval ru_stime;
	int64_t ru_maxrss; /* KiB */
	int64_t ru_ixrss;
	int64_t ru_idrss;
	int64_t ru_isrss;
	int64_t ru_minflt;
	int64_t ru_majflt;
	int64_t ru_nswap;
	int64_t ru_inblock;
	int64_t ru_oublock;
	int64_t ru_msgsnd;
	int64_t ru_msgrcv;
	int64_t ru_nsignals;
	int64_t ru_nvcsw;
	int64_t ru_nivcsw;
};
ABI_CHECK_SIZE(struct abi_rusage, 144);
ABI_CHECK_AT(struct abi_rusage, ru_maxrss, 32);
ABI_CHECK_AT(struct abi_rusage, ru_nvcsw, 128);

#define ABI_RUSAGE_SELF	    0
#define ABI_RUSAGE_CHILDREN (-1)
#define ABI_RUSAGE_THREAD   1

#define ABI_PRIO_PROCESS 0
#define ABI_PRIO_PGRP	 1
#define ABI_PRIO_USER	 2
