/* types.h - scalars, the distinct address types, and the few macros everybody uses */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/layout.h"
#include "abi/linux/errno.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
typedef intptr_t ssize_t;
typedef s64 loff_t;

/* Addresses of the three spaces are different types: a user address cannot be dereferenced, and
 * none can be passed for another. Only mm/ and arch/ look inside. */
typedef struct {
	u64 va;
} uaddr_t; /* in the current task's address space; may be anything the application liked */
typedef struct {
	u64 pa;
} paddr_t; /* guest-physical */

#define UADDR(x)   ((uaddr_t){(u64)(x)})
#define UADDR_NULL UADDR(0)
#define PADDR(x)   ((paddr_t){(u64)(x)})
static inline uaddr_t uaddr_add(uaddr_t a, u64 n)
{
	return UADDR(a.va + n);
}
static inline bool uaddr_is_null(uaddr_t a)
{
	return a.va == 0;
}

#define PAGE_SHIFT	   ABI_PAGE_SHIFT
#define PAGE_SIZE	   4096ul
#define PAGE_MASK	   (~(PAGE_SIZE - 1))
#define PAGE_ALIGN_DOWN(x) ((x)&PAGE_MASK)
#define PAGE_ALIGN_UP(x)   (((x) + PAGE_SIZE - 1) & PAGE_MASK)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                                  \
	({                                         \
		__typeof__(a) min_a_ = (a);        \
		__typeof__(b) min_b_ = (b);        \
		min_a_ < min_b_ ? min_a_ : min_b_; \
	})
#define MAX(a, b)                                  \
	({                                         \
		__typeof__(a) max_a_ = (a);        \
		__typeof__(b) max_b_ = (b);        \
		max_a_ > max_b_ ? max_a_ : max_b_; \
	})
#define ROUND_UP(x, n)		      (((x) + (n)-1) / (n) * (n))
#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))
#define likely(x)		      __builtin_expect(!!(x), 1)
#define unlikely(x)		      __builtin_expect(!!(x), 0)
#define must_check		      __attribute__((warn_unused_result))
#define noreturn		      __attribute__((noreturn))
#define printf_like(f, a)	      __attribute__((format(printf, f, a)))
#define aligned_to(n)		      __attribute__((aligned(n)))
#define READ_ONCE(x)		      (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	      (*(volatile __typeof__(x) *)&(x) = (v))

/* Internal results that never reach the application: signal/restart.c turns them into EINTR, a
 * restart of the call, or a call of restart_syscall. */
#define ERESTARTSYS	      512 /* restart if SA_RESTART, else EINTR */
#define ERESTARTNOINTR	      513 /* always restart */
#define ERESTARTNOHAND	      514 /* restart only if no handler ran */
#define ENORESULT	      515 /* rt_sigreturn: all registers are the frame's, set no result */
#define ERESTART_RESTARTBLOCK 516 /* continue by restart_syscall with task->restart */
