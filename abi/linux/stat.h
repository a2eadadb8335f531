/* stat.h - file attributes: modes, statx, statfs (inode(7), statx(2), statfs(2))
 *
 * struct abi_stat differs between architectures: <abi_arch/stat.h>.
 */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"
#include <abi_arch/stat.h>

#define ABI_S_IFMT		 0170000
#define ABI_S_IFSOCK		 0140000
#define ABI_S_IFLNK		 0120000
#define ABI_S_IFREG		 0100000
#define ABI_S_IFBLK		 0060000
#define ABI_S_IFDIR		 0040000
#define ABI_S_IFCHR		 0020000
#define ABI_S_IFIFO		 0010000
#define ABI_S_ISUID		 0004000
#define ABI_S_ISGID		 0002000
#define ABI_S_ISVTX		 0001000
#define ABI_S_IRWXU		 00700
#define ABI_S_IRUSR		 00400
#define ABI_S_IWUSR		 00200
#define ABI_S_IXUSR		 00100
#define ABI_S_IRWXG		 00070
#define ABI_S_IRGRP		 00040
#define ABI_S_IWGRP		 00020
#define ABI_S_IXGRP		 00010
#define ABI_S_IRWXO		 00007
#define ABI_S_IROTH		 00004
#define ABI_S_IWOTH		 00002
#define ABI_S_IXOTH		 00001
#define ABI_S_ISTYPE(mode, type) (((mode)&ABI_S_IFMT) == (type))

struct abi_statx_timestamp {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t pad;
};
ABI_CHECK_SIZE(struct abi_statx_timestamp, 16);

struct abi_statx {
	uint32_t stx_mask;
	uint32_t stx_blksize;
	uint64_t stx_attributes;
	uint32_t stx_nlink;
	uint32_t stx_uid;
	uint32_t stx_gid;
	uint16_t stx_mode;
	uint16_t pad0;
	uint64_t stx_ino;
	uint64_t stx_size;
	uint64_t stx_blocks;
	uint64_t stx_attributes_mask;
	struct abi_statx_timestamp stx_atime;
	struct abi_statx_timestamp stx_btime;
	struct abi_statx_timestamp stx_ctime;
	struct abi_statx_timestamp stx_mtime;
	uint32_t stx_rdev_major;
	uint32_t stx_rdev_minor;
	uint32_t stx_dev_major;
	uint32_t stx_dev_minor;
	uint64_t stx_mnt_id;
	uint32_t stx_dio_mem_align;
	uint32_t stx_dio_offset_align;
	uint64_t pad1[12];
};
ABI_CHECK_SIZE(struct abi_statx, 256);
ABI_CHECK_AT(struct abi_statx, stx_mode, 28);
ABI_CHECK_AT(struct abi_statx, stx_ino, 32);
ABI_CHECK_AT(struct abi_statx, stx_attributes_mask, 56);
ABI_CHECK_AT(struct abi_statx, stx_mtime, 112);
ABI_CHECK_AT(struct abi_statx, stx_dev_major, 136);
ABI_CHECK_AT(struct abi_statx, stx_mnt_id, 144);

#define ABI_STATX_TYPE		  0x00000001u
#define ABI_STATX_MODE		  0x00000002u
#define ABI_STATX_NLINK		  0x00000004u
#define ABI_STATX_UID		  0x00000008u
#define ABI_STATX_GID		  0x00000010u
#define ABI_STATX_ATIME		  0x00000020u
#define ABI_STATX_MTIME		  0x00000040u
#define ABI_STATX_CTIME		  0x00000080u
#define ABI_STATX_INO		  0x00000100u
#define ABI_STATX_SIZE		  0x00000200u
#define ABI_STATX_BLOCKS	  0x00000400u
#define ABI_STATX_BASIC_STATS	  0x000007ffu
#define ABI_STATX_BTIME		  0x00000800u
#define ABI_STATX_ALL		  0x00000fffu
#define ABI_STATX_MNT_ID	  0x00001000u
#define ABI_STATX__RESERVED	  0x80000000u
#define ABI_STATX_ATTR_COMPRESSED 0x00000004
#define ABI_STATX_ATTR_IMMUTABLE  0x00000010
#define ABI_STATX_ATTR_APPEND	  0x00000020
#define ABI_STATX_ATTR_NODUMP	  0x00000040
#define ABI_STATX_ATTR_MOUNT_ROOT 0x00002000

struct abi_statfs {
	int64_t f_type;
	int64_t f_bsize;
	uint64_t f_blocks;
	uint64_t f_bfree;
	uint64_t f_bavail;
	uint64_t f_files;
	uint64_t f_ffree;
	int32_t f_fsid[2];
	int64_t f_namelen;
	int64_t f_frsize;
	int64_t f_flags;
	int64_t f_spare[4];
};
ABI_CHECK_SIZE(struct abi_statfs, 120);
ABI_CHECK_AT(struct abi_statfs, f_fsid, 56);
ABI_CHECK_AT(struct abi_statfs, f_flags, 80);

/* f_flags */
#define ABI_ST_RDONLY	   0x0001
#define ABI_ST_NOSUID	   0x0002
#define ABI_ST_NODEV	   0x0004
#define ABI_ST_NOEXEC	   0x0008
#define ABI_ST_SYNCHRONOUS 0x0010
#define ABI_ST_VALID	   0x0020
#define ABI_ST_MANDLOCK	   0x0040
#define ABI_ST_NOATIME	   0x0400
#define ABI_ST_NODIRATIME  0x0800
#define ABI_ST_RELATIME	   0x1000

/* f_type */
#define ABI_TMPFS_MAGIC		  0x01021994
#define ABI_PROC_SUPER_MAGIC	  0x9fa0
#define ABI_SYSFS_MAGIC		  0x62656572
#define ABI_DEVPTS_SUPER_MAGIC	  0x1cd1
#define ABI_PIPEFS_MAGIC	  0x50495045
#define ABI_SOCKFS_MAGIC	  0x534f434b
#define ABI_ANON_INODE_FS_MAGIC	  0x09041934
#define ABI_OVERLAYFS_SUPER_MAGIC 0x794c7630
#define ABI_EXT4_SUPER_MAGIC	  0xef53
#define ABI_V9FS_MAGIC		  0x01021997
#define ABI_CGROUP2_SUPER_MAGIC	  0x63677270

/* A device number in struct stat and mknod(2): 12 bits of major, 20 of minor, folded. */
#define ABI_MKDEV(major, minor)                                        \
	((((uint64_t)(major)&0xfff) << 8) | ((uint64_t)(minor)&0xff) | \
	 (((uint64_t)(minor)&0xfff00) << 12))
#define ABI_MAJOR(dev) ((uint32_t)(((dev) >> 8) & 0xfff))
#define ABI_MINOR(dev) ((uint32_t)(((dev)&0xff) | (((dev) >> 12) & 0xfff00)))
