/* stat.h - struct stat of x86_64 */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

struct abi_stat {
	uint64_t st_dev;
	uint64_t st_ino;
	uint64_t st_nlink;
	uint32_t st_mode;
	uint32_t st_uid;
	uint32_t st_gid;
	uint32_t pad0;
	uint64_t st_rdev;
	int64_t st_size;
	int64_t st_blksize;
	int64_t st_blocks;
	uint64_t st_atime_sec;
	uint64_t st_atime_nsec;
	uint64_t st_mtime_sec;
	uint64_t st_mtime_nsec;
	uint64_t st_ctime_sec;
	uint64_t st_ctime_nsec;
	int64_t unused[3];
};
ABI_CHECK_SIZE(struct abi_stat, 144);
ABI_CHECK_AT(struct abi_stat, st_nlink, 16);
ABI_CHECK_AT(struct abi_stat, st_mode, 24);
ABI_CHECK_AT(struct abi_stat, st_rdev, 40);
ABI_CHECK_AT(struct abi_stat, st_size, 48);
ABI_CHECK_AT(struct abi_stat, st_blocks, 64);
ABI_CHECK_AT(struct abi_stat, st_ctime_nsec, 112);
