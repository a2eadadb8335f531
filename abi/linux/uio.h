/* uio.h - scatter and gather (readv(2), preadv2(2)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

struct abi_iovec {
	uint64_t iov_base;
	uint64_t iov_len;
};
ABI_CHECK_SIZE(struct abi_iovec, 16);
ABI_CHECK_AT(struct abi_iovec, iov_len, 8);

#define ABI_UIO_MAXIOV	 1024
#define ABI_MAX_RW_COUNT 0x7ffff000 /* bytes one call moves at most */

#define ABI_RWF_HIPRI  0x01
#define ABI_RWF_DSYNC  0x02
#define ABI_RWF_SYNC   0x04
#define ABI_RWF_NOWAIT 0x08
#define ABI_RWF_APPEND 0x10
