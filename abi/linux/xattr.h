/* xattr.h - extended attributes (xattr(7)) */
#pragma once

#define ABI_XATTR_CREATE   0x1
#define ABI_XATTR_REPLACE  0x2
#define ABI_XATTR_NAME_MAX 255
#define ABI_XATTR_SIZE_MAX 65536
#define ABI_XATTR_LIST_MAX 65536
