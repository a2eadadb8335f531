/* fcntl.h - open flags, fcntl and the *at calls (open(2), fcntl(2), openat2(2))
 *
 * Four open flags differ between architectures: <abi_arch/fcntl.h>.
 */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"
#include <abi_arch/fcntl.h>

#define ABI_O_ACCMODE  00000003
#define ABI_O_RDONLY   00000000
#define ABI_O_WRONLY   00000001
#define ABI_O_RDWR     00000002
#define ABI_O_CREAT    00000100
#define ABI_O_EXCL     00000200
#define ABI_O_NOCTTY   00000400
#define ABI_O_TRUNC    00001000
#define ABI_O_APPEND   00002000
#define ABI_O_NONBLOCK 00004000
#define ABI_O_DSYNC    00010000
#define ABI_O_ASYNC    00020000
#define ABI_O_NOATIME  01000000
#define ABI_O_CLOEXEC  02000000
#define ABI_O_SYNC     (04000000 | ABI_O_DSYNC)
#define ABI_O_PATH     010000000
#define ABI_O_TMPFILE  (020000000 | ABI_O_DIRECTORY)

#define ABI_AT_FDCWD		(-100)
#define ABI_AT_SYMLINK_NOFOLLOW 0x100
#define ABI_AT_EACCESS		0x200
#define ABI_AT_REMOVEDIR	0x200
#define ABI_AT_SYMLINK_FOLLOW	0x400
#define ABI_AT_NO_AUTOMOUNT	0x800
#define ABI_AT_EMPTY_PATH	0x1000
#define ABI_AT_STATX_SYNC_TYPE	0x6000
#define ABI_AT_STATX_FORCE_SYNC 0x2000
#define ABI_AT_STATX_DONT_SYNC	0x4000
#define ABI_AT_RECURSIVE	0x8000

#define ABI_F_DUPFD		0
#define ABI_F_GETFD		1
#define ABI_F_SETFD		2
#define ABI_F_GETFL		3
#define ABI_F_SETFL		4
#define ABI_F_GETLK		5
#define ABI_F_SETLK		6
#define ABI_F_SETLKW		7
#define ABI_F_SETOWN		8
#define ABI_F_GETOWN		9
#define ABI_F_SETSIG		10
#define ABI_F_GETSIG		11
#define ABI_F_SETOWN_EX		15
#define ABI_F_GETOWN_EX		16
#define ABI_F_OFD_GETLK		36
#define ABI_F_OFD_SETLK		37
#define ABI_F_OFD_SETLKW	38
#define ABI_F_SETLEASE		1024
#define ABI_F_GETLEASE		1025
#define ABI_F_NOTIFY		1026
#define ABI_F_DUPFD_CLOEXEC	1030
#define ABI_F_SETPIPE_SZ	1031
#define ABI_F_GETPIPE_SZ	1032
#define ABI_F_ADD_SEALS		1033
#define ABI_F_GET_SEALS		1034
#define ABI_F_SEAL_SEAL		0x0001
#define ABI_F_SEAL_SHRINK	0x0002
#define ABI_F_SEAL_GROW		0x0004
#define ABI_F_SEAL_WRITE	0x0008
#define ABI_F_SEAL_FUTURE_WRITE 0x0010
#define ABI_FD_CLOEXEC		1

#define ABI_F_RDLCK 0
#define ABI_F_WRLCK 1
#define ABI_F_UNLCK 2

struct abi_flock {
	int16_t l_type;
	int16_t l_whence;
	int32_t pad;
	int64_t l_start;
	int64_t l_len;
	int32_t l_pid;
	int32_t pad2;
};
ABI_CHECK_SIZE(struct abi_flock, 32);
ABI_CHECK_AT(struct abi_flock, l_start, 8);
ABI_CHECK_AT(struct abi_flock, l_pid, 24);

struct abi_f_owner_ex {
	int32_t type;
	int32_t pid;
};
ABI_CHECK_SIZE(struct abi_f_owner_ex, 8);

/* flock(2) */
#define ABI_LOCK_SH 1
#define ABI_LOCK_EX 2
#define ABI_LOCK_NB 4
#define ABI_LOCK_UN 8

#define ABI_SEEK_SET  0
#define ABI_SEEK_CUR  1
#define ABI_SEEK_END  2
#define ABI_SEEK_DATA 3
#define ABI_SEEK_HOLE 4

/* access(2) */
#define ABI_F_OK 0
#define ABI_X_OK 1
#define ABI_W_OK 2
#define ABI_R_OK 4

struct abi_open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};
ABI_CHECK_SIZE(struct abi_open_how, 24);
#define ABI_OPEN_HOW_SIZE_VER0 24

#define ABI_RESOLVE_NO_XDEV	  0x01
#define ABI_RESOLVE_NO_MAGICLINKS 0x02
#define ABI_RESOLVE_NO_SYMLINKS	  0x04
#define ABI_RESOLVE_BENEATH	  0x08
#define ABI_RESOLVE_IN_ROOT	  0x10
#define ABI_RESOLVE_CACHED	  0x20

/* renameat2(2), fallocate(2), splice(2), close_range(2) */
#define ABI_RENAME_NOREPLACE (1 << 0)
#define ABI_RENAME_EXCHANGE  (1 << 1)
#define ABI_RENAME_WHITEOUT  (1 << 2)

#define ABI_FALLOC_FL_KEEP_SIZE	     0x01
#define ABI_FALLOC_FL_PUNCH_HOLE     0x02
#define ABI_FALLOC_FL_COLLAPSE_RANGE 0x08
#define ABI_FALLOC_FL_ZERO_RANGE     0x10
#define ABI_FALLOC_FL_INSERT_RANGE   0x20
#define ABI_FALLOC_FL_UNSHARE_RANGE  0x40

#define ABI_SPLICE_F_MOVE     0x01
#define ABI_SPLICE_F_NONBLOCK 0x02
#define ABI_SPLICE_F_MORE     0x04
#define ABI_SPLICE_F_GIFT     0x08

#define ABI_CLOSE_RANGE_UNSHARE (1u << 1)
#define ABI_CLOSE_RANGE_CLOEXEC (1u << 2)

#define ABI_SYNC_FILE_RANGE_WAIT_BEFORE 1
#define ABI_SYNC_FILE_RANGE_WRITE	2
#define ABI_SYNC_FILE_RANGE_WAIT_AFTER	4

#define ABI_POSIX_FADV_NORMAL	  0
#define ABI_POSIX_FADV_RANDOM	  1
#define ABI_POSIX_FADV_SEQUENTIAL 2
#define ABI_POSIX_FADV_WILLNEED	  3
#define ABI_POSIX_FADV_DONTNEED	  4
#define ABI_POSIX_FADV_NOREUSE	  5

/* memfd_create(2), getrandom(2), eventfd(2) */
#define ABI_MFD_CLOEXEC	      0x0001u
#define ABI_MFD_ALLOW_SEALING 0x0002u
#define ABI_MFD_HUGETLB	      0x0004u
#define ABI_MFD_NOEXEC_SEAL   0x0008u
#define ABI_MFD_EXEC	      0x0010u

#define ABI_GRND_NONBLOCK 0x0001
#define ABI_GRND_RANDOM	  0x0002
#define ABI_GRND_INSECURE 0x0004

#define ABI_EFD_SEMAPHORE 1
#define ABI_EFD_CLOEXEC	  02000000
#define ABI_EFD_NONBLOCK  04000

#define ABI_NAME_MAX	255
#define ABI_PATH_MAX	4096 /* with the terminating zero */
#define ABI_PIPE_BUF	4096
#define ABI_SYMLOOP_MAX 40 /* path_resolution(7) */
