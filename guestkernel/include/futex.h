/* futex.h - what the rest of the kernel needs of futexes (futex/) */
#pragma once
#include "types.h"

/* Wakes up to n waiters on a word of the current address space; how many, or -EFAULT. */
long futex_wake_user(uaddr_t word, u32 n);
