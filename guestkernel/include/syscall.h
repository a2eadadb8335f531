/* syscall.h - system calls: dispatch, names, the decoder of --strace (sys/) */
#pragma once
#include "atomic.h"
#include "types.h"

struct task;

/* Runs the call that the current task t has just made; its result may be an internal ERESTART
 * code. May sleep, or not return at all (exit). Only the user loop calls it. */
long syscall_dispatch(struct task *t);

bool syscall_traced(void);
void syscall_trace(bool on); /* decode every call into the log; the control channel asks */

const char *syscall_name(u64 nr);	 /* null: no such call */
const char *syscall_errno_name(int err); /* "ENOENT" for 2; internal codes too; null: unknown */
u64 syscall_count(u32 nr);		 /* calls so far, all CPUs; racy by nature */
u32 syscall_numbers(void);		 /* numbers are below it */
/* The last calls of each CPU as text, latest first: for crash reports. Takes no lock. Returns the
 * length written. */
size_t syscall_ring_text(char *buf, size_t size);
