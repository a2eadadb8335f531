/* spec.h - a container as the VMM hands it to the kernel (ABI_CTL_START)
 *
 * One flat blob: this header, then the mount table, then the strings. All offsets count from the
 * blob's start; every string ends with NUL inside the blob. The kernel copies the blob once and
 * checks each offset before use; an error refuses the container (-EINVAL), never the sandbox.
 *
 *   header | mounts[nr_mounts] | rlimits[nr_rlimits] | groups[nr_groups] (u32) | strings
 */
#pragma once
#include <stdint.h>

#define ABI_SPEC_VERSION      1u
#define ABI_SPEC_TTY	      (1u << 0) /* stdio 0..2 is one terminal: make it controlling */
#define ABI_SPEC_ROOT_RO      (1u << 1)
#define ABI_SPEC_ROOT_OVERLAY (1u << 2) /* memory overlay above the root */
#define ABI_SPEC_NO_NEW_PRIVS (1u << 3)
#define ABI_SPEC_STRACE	      (1u << 4)
#define ABI_SPEC_OOM_GROUP    (1u << 5)
#define ABI_SPEC_CWD_EXISTS   (1u << 6) /* the working directory is not made if it is missing */

struct abi_spec {
	uint32_t version;
	uint32_t size;	/* of the whole blob */
	uint32_t flags; /* ABI_SPEC_* */
	uint32_t container;
	uint32_t channel; /* gofer channel of this container */
	uint32_t uid, gid, umask;
	uint32_t nr_groups;  /* supplementary groups */
	uint32_t groups;     /* offset */
	uint32_t argc, argv; /* count, offset of NUL-separated strings */
	uint32_t envc, envp;
	uint32_t cwd, hostname, domainname; /* offsets of strings */
	uint32_t nr_mounts, mounts;	    /* mount 0 is the root */
	uint32_t nr_rlimits, rlimits;
	uint32_t nr_fds;	/* host descriptors 0..n-1 become the program's (index = number) */
	uint64_t caps[5];	/* effective, permitted, inheritable, bounding, ambient */
	uint64_t overlay_limit; /* bytes of the memory overlay, 0: the memory limit */
	uint64_t pids_limit;	/* 0: none */
	uint32_t winsize;	/* rows | cols << 16 */
	uint32_t reserved[7];
};
_Static_assert(sizeof(struct abi_spec) == 176, "spec layout");
_Static_assert(__builtin_offsetof(struct abi_spec, caps) == 88, "spec layout");

enum abi_mount_type {
	ABI_MOUNT_GOFER = 1, /* source: attach index of the container's gofer */
	ABI_MOUNT_TMPFS = 2,
	ABI_MOUNT_PROC = 3,
	ABI_MOUNT_SYSFS = 4,
	ABI_MOUNT_DEV = 5, /* the device directory: null zero full random urandom tty shm pts fd */
	ABI_MOUNT_DEVPTS = 6,
	ABI_MOUNT_MQUEUE = 7,
	ABI_MOUNT_CGROUP2 = 8,
	ABI_MOUNT_BIND = 9, /* source: path inside the container */
};
#define ABI_MOUNT_RDONLY  (1u << 0)
#define ABI_MOUNT_NOSUID  (1u << 1)
#define ABI_MOUNT_NODEV	  (1u << 2)
#define ABI_MOUNT_NOEXEC  (1u << 3)
#define ABI_MOUNT_SHARED  (1u << 4) /* revalidate names and attributes; else exclusive */
#define ABI_MOUNT_OVERLAY (1u << 5) /* memory overlay above it */
#define ABI_MOUNT_FILE	  (1u << 6) /* the source is a file, not a directory */

struct abi_spec_mount {
	uint32_t type;
	uint32_t flags;
	uint32_t attach; /* gofer attach index */
	uint32_t dest;	 /* offsets of strings */
	uint32_t source;
	uint32_t mode; /* tmpfs: of its root, 0 = 01777 */
	uint64_t size; /* tmpfs: bytes, 0 = half of the memory limit */
};
_Static_assert(sizeof(struct abi_spec_mount) == 32, "mount layout");

struct abi_spec_rlimit {
	uint32_t resource; /* RLIMIT_* */
	uint32_t reserved;
	uint64_t soft, hard;
};
_Static_assert(sizeof(struct abi_spec_rlimit) == 24, "rlimit layout");
