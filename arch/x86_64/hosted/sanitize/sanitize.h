/* sanitize.h - the sanitizers' runtime of the hosted machine: see shadow.c and undefined.c */
#pragma once
#include "types.h"

#ifndef SANITIZE
#define SANITIZE 0
#endif

/* A system call number of no system: the build's test of itself. Its low half says what to do. */
#define SANITIZE_CALL 0x53414e00u

#if SANITIZE
void sanitize_init(void); /* before the first instrumented function runs */
/* Does the forbidden thing that such a number asks for; returns for all others. */
void sanitize_self_test(u64 nr);
/* Ends the sandbox with a report; returns if one is under way already. */
void sanitize_report(const char *what, const char *kind, u64 addr, u64 size, u64 pc);
#else
static inline void sanitize_init(void)
{
}
static inline void sanitize_self_test(u64 nr)
{
}
#endif
