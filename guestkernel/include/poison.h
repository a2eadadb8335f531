/* poison.h - memory that must not be touched, told to an address sanitizer where there is one
 *
 * In a build without one these are nothing. Whoever hands memory out (mm/frame.c, mm/slab.c, kernel
 * stacks) poisons what is free and what lies around an object; instrumented code that touches it
 * ends in a report. The scripted machine has the compiler's runtime, the hosted machine one of its
 * own (arch/x86_64/hosted/sanitize); both know these names. Granules are 8 bytes: a region to be
 * poisoned starts at a multiple of 8, and so do objects. Any context, no locks. */
#pragma once
#include "types.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define POISON 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define POISON 1
#endif
#ifndef POISON
#define POISON 0
#endif

#if POISON
void __asan_poison_memory_region(const volatile void *p, size_t n);
void __asan_unpoison_memory_region(const volatile void *p, size_t n);
/* For a function that has to look at poisoned memory: it is not checked. Never inlined. */
#define POISON_BLIND __attribute__((no_sanitize_address, noinline))

static inline void poison(const volatile void *p, size_t n)
{
	__asan_poison_memory_region(p, n);
}
static inline void unpoison(const volatile void *p, size_t n)
{
	__asan_unpoison_memory_region(p, n);
}
#else
#define POISON_BLIND inline
static inline void poison(const volatile void *p, size_t n)
{
}
static inline void unpoison(const volatile void *p, size_t n)
{
}
#endif
