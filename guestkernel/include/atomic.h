/* atomic.h - short names for the compiler's atomics; orders are always written out */
#pragma once
#include "types.h"

typedef struct {
	u32 v;
} a32_t;
typedef struct {
	u64 v;
} a64_t;

#define a_load(p)	      __atomic_load_n(&(p)->v, __ATOMIC_RELAXED)
#define a_load_acquire(p)     __atomic_load_n(&(p)->v, __ATOMIC_ACQUIRE)
#define a_store(p, x)	      __atomic_store_n(&(p)->v, (x), __ATOMIC_RELAXED)
#define a_store_release(p, x) __atomic_store_n(&(p)->v, (x), __ATOMIC_RELEASE)
#define a_add(p, n)	      __atomic_add_fetch(&(p)->v, (n), __ATOMIC_ACQ_REL)
#define a_sub(p, n)	      __atomic_sub_fetch(&(p)->v, (n), __ATOMIC_ACQ_REL)
#define a_or(p, n)	      __atomic_fetch_or(&(p)->v, (n), __ATOMIC_ACQ_REL)
#define a_and(p, n)	      __atomic_fetch_and(&(p)->v, (n), __ATOMIC_ACQ_REL)
#define a_xchg(p, x)	      __atomic_exchange_n(&(p)->v, (x), __ATOMIC_ACQ_REL)
#define a_cas(p, old, new)                                                          \
	__atomic_compare_exchange_n(&(p)->v, (old), (new), false, __ATOMIC_ACQ_REL, \
				    __ATOMIC_ACQUIRE)
static inline void mem_barrier(void) /* full: store before later load */
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void compiler_barrier(void)
{
	__asm__ volatile("" ::: "memory");
}

/* A reference count. ref_put returns true when the last reference went: the caller frees. */
static inline void ref_get(a32_t *r)
{
	__atomic_add_fetch(&r->v, 1, __ATOMIC_RELAXED);
}
static inline bool must_check ref_put(a32_t *r)
{
	return __atomic_sub_fetch(&r->v, 1, __ATOMIC_ACQ_REL) == 0;
}
/* Takes a reference unless the count is zero already (the object is being freed). */
static inline bool must_check ref_get_live(a32_t *r)
{
	u32 old = a_load(r);

	while (old != 0)
		if (a_cas(r, &old, old + 1))
			return true;
	return false;
}
