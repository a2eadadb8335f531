/* mount.h - mount(2), umount2(2) */
#pragma once

#define ABI_MS_RDONLY	   1
#define ABI_MS_NOSUID	   2
#define ABI_MS_NODEV	   4
#define ABI_MS_NOEXEC	   8
#define ABI_MS_SYNCHRONOUS 16
#define ABI_MS_REMOUNT	   32
#define ABI_MS_MANDLOCK	   64
#define ABI_MS_DIRSYNC	   128
#define ABI_MS_NOSYMFOLLOW 256
#define ABI_MS_NOATIME	   1024
#define ABI_MS_NODIRATIME  2048
#define ABI_MS_BIND	   4096
#define ABI_MS_MOVE	   8192
#define ABI_MS_REC	   16384
#define ABI_MS_SILENT	   32768
#define ABI_MS_POSIXACL	   (1 << 16)
#define ABI_MS_UNBINDABLE  (1 << 17)
#define ABI_MS_PRIVATE	   (1 << 18)
#define ABI_MS_SLAVE	   (1 << 19)
#define ABI_MS_SHARED	   (1 << 20)
#define ABI_MS_RELATIME	   (1 << 21)
#define ABI_MS_STRICTATIME (1 << 24)
#define ABI_MS_LAZYTIME	   (1 << 25)
#define ABI_MS_MGC_VAL	   0xc0ed0000u
#define ABI_MS_MGC_MSK	   0xffff0000u

#define ABI_MNT_FORCE	    1
#define ABI_MNT_DETACH	    2
#define ABI_MNT_EXPIRE	    4
#define ABI_UMOUNT_NOFOLLOW 8
