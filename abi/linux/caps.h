/* caps.h - capabilities (capabilities(7), capget(2)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

struct abi_cap_header {
	uint32_t version;
	int32_t pid;
};
ABI_CHECK_SIZE(struct abi_cap_header, 8);

struct abi_cap_data {
	uint32_t effective;
	uint32_t permitted;
	uint32_t inheritable;
};
ABI_CHECK_SIZE(struct abi_cap_data, 12);

#define ABI_CAP_VERSION_1 0x19980330u
#define ABI_CAP_VERSION_2 0x20071026u
#define ABI_CAP_VERSION_3 0x20080522u

#define ABI_CAP_CHOWN		   0
#define ABI_CAP_DAC_OVERRIDE	   1
#define ABI_CAP_DAC_READ_SEARCH	   2
#define ABI_CAP_FOWNER		   3
#define ABI_CAP_FSETID		   4
#define ABI_CAP_KILL		   5
#define ABI_CAP_SETGID		   6
#define ABI_CAP_SETUID		   7
#define ABI_CAP_SETPCAP		   8
#define ABI_CAP_LINUX_IMMUTABLE	   9
#define ABI_CAP_NET_BIND_SERVICE   10
#define ABI_CAP_NET_BROADCAST	   11
#define ABI_CAP_NET_ADMIN	   12
#define ABI_CAP_NET_RAW		   13
#define ABI_CAP_IPC_LOCK	   14
#define ABI_CAP_IPC_OWNER	   15
#define ABI_CAP_SYS_MODULE	   16
#define ABI_CAP_SYS_RAWIO	   17
#define ABI_CAP_SYS_CHROOT	   18
#define ABI_CAP_SYS_PTRACE	   19
#define ABI_CAP_SYS_PACCT	   20
#define ABI_CAP_SYS_ADMIN	   21
#define ABI_CAP_SYS_BOOT	   22
#define ABI_CAP_SYS_NICE	   23
#define ABI_CAP_SYS_RESOURCE	   24
#define ABI_CAP_SYS_TIME	   25
#define ABI_CAP_SYS_TTY_CONFIG	   26
#define ABI_CAP_MKNOD		   27
#define ABI_CAP_LEASE		   28
#define ABI_CAP_AUDIT_WRITE	   29
#define ABI_CAP_AUDIT_CONTROL	   30
#define ABI_CAP_SETFCAP		   31
#define ABI_CAP_MAC_OVERRIDE	   32
#define ABI_CAP_MAC_ADMIN	   33
#define ABI_CAP_SYSLOG		   34
#define ABI_CAP_WAKE_ALARM	   35
#define ABI_CAP_BLOCK_SUSPEND	   36
#define ABI_CAP_AUDIT_READ	   37
#define ABI_CAP_PERFMON		   38
#define ABI_CAP_BPF		   39
#define ABI_CAP_CHECKPOINT_RESTORE 40
#define ABI_CAP_LAST_CAP	   40
#define ABI_CAP_BIT(cap)	   (UINT64_C(1) << (cap))
#define ABI_CAP_FULL		   ((UINT64_C(1) << (ABI_CAP_LAST_CAP + 1)) - 1)
