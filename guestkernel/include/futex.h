/* futex.h - what the rest of the kernel needs of futexes (futex/) */
#pragma once
#include "types.h"

struct task;
/* The current task leaves its address space (exit, exec): locks on its robust list become
 * FUTEX_OWNER_DIED and their waiters wake; then the clear_tid word is zeroed and woken. May sleep.
 */
void futex_leave_mm(void);
/* Wakes up to n waiters on a word of the current address space; how many, or -EFAULT. */
long futex_wake_user(uaddr_t word, u32 n);
