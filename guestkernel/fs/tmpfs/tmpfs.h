/* tmpfs.h - files in memory, shared by the files of tmpfs/ */
#pragma once
#include "fs/fs_internal.h"

struct xattr_entry;
struct tmpfs {
	u64 max_frames, max_inodes; /* [I], but for a remount */
	a64_t nr_frames, nr_inodes; /* [a] */
};
struct tmpfs_inode {
	struct xattr_entry *xattrs; /* [i] */
	u32 children;		    /* [i] of a directory: entries but the dots */
	u32 seals; /* [i] of a memfd: ABI_F_SEAL_*; ABI_F_SEAL_SEAL from the start elsewhere */
};
static inline struct tmpfs_inode *tmpfs_i(const struct inode *i)
{
	return i->priv;
}
extern const struct file_ops tmpfs_file_ops;
extern const struct mapping_ops tmpfs_mapping_ops;
int tmpfs_set_size(struct inode *i, u64 size) must_check; /* lock held */
struct inode *tmpfs_inode_new(struct superblock *sb, u32 mode) must_check;
/* 0 if seals may be added or told: -EINVAL if f is no file of tmpfs. */
int tmpfs_add_seals(struct file *f, u32 seals) must_check;
void tmpfs_allow_sealing(struct file *f); /* a new memfd, not yet seen by others */
int tmpfs_get_seals(struct file *f) must_check;
void tmpfs_register(void);
