/* overlay.h - a writable layer in memory over a read-only one; shared by the files of overlay/ */
#pragma once
#include "fs/fs_internal.h"

struct ovl {
	struct path lower, upper; /* [I] hold references */
	struct mutex copy_lock;	  /* one copy-up at a time */
};

struct ovl_inode {
	struct dentry *upper; /* [q] set once, by lookup or copy-up; holds a reference */
	struct dentry *lower; /* [I] holds a reference; of a directory: what is merged in */
	struct inode *parent; /* [I] of what is in the lower layer: where to copy to */
	struct quiesce_head qhead;
};
#define OVL_UPPER_INO (1ull << 48) /* numbers of what has never been in the lower layer */
#define OVL_OPAQUE    "trusted.overlay.opaque"
#define OVL_ORIGIN    "trusted.overlay.origin" /* the number it had below */
#define OVL_XATTR     "trusted.overlay."

extern const struct inode_ops ovl_dir_ops, ovl_file_inode_ops;
extern const struct file_ops ovl_dir_file_ops;

static inline struct ovl *ovl_of(const struct inode *i)
{
	return i->sb->priv;
}
static inline struct ovl_inode *ovl_i(const struct inode *i)
{
	return i->priv;
}
static inline struct dentry *ovl_upper(const struct inode *i)
{
	return __atomic_load_n(&ovl_i(i)->upper, __ATOMIC_ACQUIRE);
}
/* Where the inode's attributes and data are now. */
static inline struct inode *ovl_real(const struct inode *i)
{
	struct dentry *u = ovl_upper(i);

	return u ? u->inode : ovl_i(i)->lower->inode;
}
static inline bool ovl_is_whiteout(const struct inode *upper)
{
	return ABI_S_ISTYPE(upper->mode, ABI_S_IFCHR) && !upper->rdev;
}

/* inode.c */
struct inode *ovl_inode_get(struct superblock *sb, struct dentry *upper, struct dentry *lower,
			    struct inode *parent) must_check; /* consumes both dentries */
void ovl_sync_attrs(struct inode *i); /* from where they are to the inode's fields */
void ovl_share(struct inode *i);      /* other names of its upper file find it */
u64 ovl_ino(const struct inode *upper);
int ovl_open(struct inode *i, struct file *f);
int ovl_getattr(struct inode *i, struct kstat *st);
int ovl_setattr(struct inode *i, const struct iattr *a);
ssize_t ovl_getxattr(struct inode *i, const char *name, void *buf, size_t size);
int ovl_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags);
ssize_t ovl_listxattr(struct inode *i, char *buf, size_t size);
int ovl_removexattr(struct inode *i, const char *name);
void ovl_evict(struct inode *i);

/* copy_up.c: what is only below gets a copy above, its parents first. size: bytes that matter. */
#define OVL_COPY_ALL (~0ull)
int ovl_copy_up(struct inode *i, u64 size) must_check;

/* dirops.c */
/* The upper entry of a name, negative ones too; the upper directory's lock is held. */
int ovl_upper_entry(struct inode *dir, const char *name, size_t len,
		    struct dentry **out) must_check;
/* Is there something of that name below, that this directory shows? 1, 0 or an error. */
int ovl_below(struct inode *dir, const char *name, size_t len);
int ovl_whiteout(struct inode *udir, struct dentry *at) must_check; /* at: negative, above */
int ovl_remove_upper(struct inode *udir, struct dentry *ud) must_check;
int ovl_set_opaque(struct inode *upper_dir) must_check;
int ovl_clear_dir(struct inode *dir) must_check; /* empty as seen: remove its whiteouts */
/* rename.c */
int ovl_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new,
	       u32 flags);
/* readdir.c: 0, or -ENOTEMPTY */
int ovl_check_empty(struct inode *dir) must_check;
void overlay_register(void);
