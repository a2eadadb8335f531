/* fcntl.h - the open flags that have values of their own on x86_64 */
#pragma once

#define ABI_O_DIRECT	00040000
#define ABI_O_LARGEFILE 00100000
#define ABI_O_DIRECTORY 00200000
#define ABI_O_NOFOLLOW	00400000
