/* inotify.h - inotify(7) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

/* Followed by len bytes of name, padded with zeros. */
struct abi_inotify_event {
	int32_t wd;
	uint32_t mask;
	uint32_t cookie;
	uint32_t len;
	char name[];
};
ABI_CHECK_SIZE(struct abi_inotify_event, 16);

#define ABI_IN_ACCESS	     0x00000001u
#define ABI_IN_MODIFY	     0x00000002u
#define ABI_IN_ATTRIB	     0x00000004u
#define ABI_IN_CLOSE_WRITE   0x00000008u
#define ABI_IN_CLOSE_NOWRITE 0x00000010u
#define ABI_IN_OPEN	     0x00000020u
#define ABI_IN_MOVED_FROM    0x00000040u
#define ABI_IN_MOVED_TO	     0x00000080u
#define ABI_IN_CREATE	     0x00000100u
#define ABI_IN_DELETE	     0x00000200u
#define ABI_IN_DELETE_SELF   0x00000400u
#define ABI_IN_MOVE_SELF     0x00000800u
#define ABI_IN_UNMOUNT	     0x00002000u
#define ABI_IN_Q_OVERFLOW    0x00004000u
#define ABI_IN_IGNORED	     0x00008000u
#define ABI_IN_ONLYDIR	     0x01000000u
#define ABI_IN_DONT_FOLLOW   0x02000000u
#define ABI_IN_EXCL_UNLINK   0x04000000u
#define ABI_IN_MASK_CREATE   0x10000000u
#define ABI_IN_MASK_ADD	     0x20000000u
#define ABI_IN_ISDIR	     0x40000000u
#define ABI_IN_ONESHOT	     0x80000000u
#define ABI_IN_CLOEXEC	     02000000
#define ABI_IN_NONBLOCK	     04000
