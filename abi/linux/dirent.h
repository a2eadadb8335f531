/* dirent.h - directory records of getdents64(2) and getdents(2) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

/* The name follows with its zero; records are padded to 8 bytes. */
struct abi_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};
ABI_CHECK_SIZE(struct abi_dirent64, 24);
ABI_CHECK_AT(struct abi_dirent64, d_type, 18);
ABI_CHECK_AT(struct abi_dirent64, d_name, 19);

/* getdents(2): d_type is the record's last byte. */
struct abi_dirent {
	uint64_t d_ino;
	uint64_t d_off;
	uint16_t d_reclen;
	char d_name[];
};
ABI_CHECK_AT(struct abi_dirent, d_name, 18);

#define ABI_DT_UNKNOWN 0
#define ABI_DT_FIFO    1
#define ABI_DT_CHR     2
#define ABI_DT_DIR     4
#define ABI_DT_BLK     6
#define ABI_DT_REG     8
#define ABI_DT_LNK     10
#define ABI_DT_SOCK    12
#define ABI_DT_WHT     14
