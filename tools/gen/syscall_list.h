/* syscall_list.h - what `runsc help syscalls` prints (generated: tools/gen/syscalls.py --list) */
#pragma once
#include <stdint.h>

enum syscall_status {
	SYSCALL_IMPL,	 /* as Linux documents it */
	SYSCALL_PARTIAL, /* what programs use; .reason: what is missing or different */
	SYSCALL_ENOSYS,	 /* .reason: why */
};

struct syscall_entry {
	uint16_t nr;
	uint8_t status; /* enum syscall_status */
	const char *name;
	const char *args;   /* as in the table, "void", or "" where they are not described */
	const char *reason; /* "" for SYSCALL_IMPL */
};

extern const struct syscall_entry syscall_list[]; /* by rising number */
extern const unsigned syscall_list_count;
