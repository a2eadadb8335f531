/* hostcall.h - the host's system calls that the kernel makes by itself: no C library */
#pragma once
#include "types.h"

enum host_nr {
	HOST_read = 0,
	HOST_write = 1,
	HOST_poll = 7,
	HOST_mmap = 9,
	HOST_mprotect = 10,
	HOST_munmap = 11,
	HOST_sched_yield = 24,
	HOST_madvise = 28,
	HOST_wait4 = 61,
	HOST_kill = 62,
	HOST_arch_prctl = 158,
	HOST_futex = 202,
	HOST_sched_setaffinity = 203,
	HOST_tgkill = 234,
};

static inline s64 host_call(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	s64 r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

#define HOST_EINTR	  4
#define HOST_PROT_NONE	  0u
#define HOST_PROT_READ	  1u
#define HOST_PROT_WRITE	  2u
#define HOST_PROT_EXEC	  4u
#define HOST_MAP_SHARED	  1u
#define HOST_MAP_PRIVATE  2u
#define HOST_MAP_FIXED	  0x10u
#define HOST_MAP_ANON	  0x20u
#define HOST_MAP_POPULATE 0x8000u
#define HOST_MADV_REMOVE  9
#define HOST_POLLIN	  1
#define HOST_WNOHANG	  1
#define HOST_WALL	  0x40000000 /* they end without a signal to this process */
#define HOST_SIGKILL	  9

struct host_timespec {
	s64 sec, nsec;
};

/* Sleeps while *word == seen, at most until a monotonic time (~0: for ever). The word may lie in
 * memory shared with another process. */
static inline void host_futex_wait(u32 *word, u32 seen, u64 until)
{
	struct host_timespec t = {(s64)(until / 1000000000u), (s64)(until % 1000000000u)};

	/* FUTEX_WAIT_BITSET: the time is absolute */
	host_call(HOST_futex, (u64)word, 9, seen, until == ~0ull ? 0 : (u64)&t, 0, 0xffffffff);
}
static inline void host_futex_wake(u32 *word)
{
	host_call(HOST_futex, (u64)word, 1, 1, 0, 0, 0);
}
