/* stat.h - struct stat of arm64 */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

struct abi_stat {
	uint64_t st_dev;
	uint64_t st_ino;
	uint32_t st_mode;
	uint32_t st_nlink;
	uint32_t st_uid;
	uint32_t st_gid;
	uint64_t st_rdev;
	uint64_t pad0;
	int64_t st_size;
	int32_t st_blksize;
	int32_t pad1;
	int64_t st_blocks;
	int64_t st_atime_sec;
	uint64_t st_atime_nsec;
	int64_t st_mtime_sec;
	uint64_t st_mtime_nsec;
	int64_t st_ctime_sec;
	uint64_t st_ctime_nsec;
	uint32_t unused[2];
};
ABI_CHECK_SIZE(struct abi_stat, 128);
ABI_CHECK_AT(struct abi_stat, st_mode, 16);
ABI_CHECK_AT(struct abi_stat, st_rdev, 32);
ABI_CHECK_AT(struct abi_stat, st_size, 48);
ABI_CHECK_AT(struct abi_stat, st_blocks, 64);
ABI_CHECK_AT(struct abi_stat, st_ctime_nsec, 112);
