/* fs_internal.h - what the files of fs/ share among themselves */
#pragma once
#include "string.h"
#include "vfs.h"

/* ---- names_seq (dentry.c): odd while entries move or mounts change ---- */
extern a32_t names_seq;
void names_change_begin(void); /* takes names_lock */
void names_change_end(void);
static inline u32 names_read(void)
{
	return a_load_acquire(&names_seq);
}
static inline bool names_changed(u32 seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return a_load(&names_seq) != seq;
}

/* ---- hashing of names, eight bytes at a time. Names are read in whole words: their buffers have
 * NAME_SLACK bytes behind the NUL. ---- */
#define NAME_SLACK 8
#define NAME_K	   0x9e3779b97f4a7c15ull

static inline u64 name_word(const char *p)
{
	u64 w;

	__builtin_memcpy(&w, p, 8);
	return w;
}
static inline u64 name_mix(u64 h, u64 w)
{
	h = (h ^ w) * NAME_K;
	return h ^ (h >> 32);
}
static inline u64 zero_bytes(u64 w) /* the lowest bit set tells the first byte that is zero */
{
	return (w - 0x0101010101010101ull) & ~w & 0x8080808080808080ull;
}
/* The component at s, up to '/' or NUL: its length; *hash is of its bytes. */
static inline size_t name_scan(const char *s, u64 *hash)
{
	u64 h = 0, w, m;
	size_t n = 0;

	for (;;) {
		w = name_word(s + n);
		m = zero_bytes(w) | zero_bytes(w ^ 0x2f2f2f2f2f2f2f2full);
		if (m)
			break;
		h = name_mix(h, w);
		n += 8;
	}
	m = (u64)__builtin_ctzll(m) >> 3;
	if (m)
		h = name_mix(h, w & ((1ull << (m * 8)) - 1));
	*hash = h;
	return n + m;
}
static inline u32 name_hash_at(const struct dentry *parent, u64 h)
{
	return (u32)(((h ^ ((u64)(uintptr_t)parent >> 6)) * NAME_K) >> 32);
}
u64 name_hash(const char *name, size_t len); /* the same for a name that has no slack */

/* ---- dentry.c ---- */
/* Lock-free: no reference, valid within the quiescent stretch. */
struct dentry *dentry_peek(struct dentry *dir, const char *name, size_t len, u32 hash);
void dentry_shrink_tree(struct dentry *root); /* the superblock goes: drops all below root */
void dentry_invalidate(struct dentry *d);     /* no longer true: the name and all below it */
/* A name for d to be given, before anything is done: then moving cannot fail. kfree if unused. */
struct dname;
struct dname *dentry_name_new(const struct dentry *d, const char *name, size_t len) must_check;
void dentry_move(struct dentry *d, struct dentry *new_parent, struct dname *name, size_t len);
/* na: a's new name, which is b's. */
void dentry_exchange(struct dentry *a, struct dentry *b, struct dname *na, struct dname *nb);
bool dentry_is_mountpoint(const struct dentry *d); /* mount.c: in any name space */
/* For an open file without a name; consumes the inode. */
struct dentry *dentry_new_unhashed(struct dentry *parent, const char *name,
				   struct inode *inode) must_check;
void dentry_set_mounted(struct dentry *d, bool mounted);
void dentry_cache_init(void);
static inline void dentry_flag_set(struct dentry *d, u16 f)
{
	__atomic_fetch_or(&d->flags, f, __ATOMIC_ACQ_REL);
}
static inline void dentry_flag_clear(struct dentry *d, u16 f)
{
	__atomic_fetch_and(&d->flags, (u16)~f, __ATOMIC_ACQ_REL);
}
/* Out of chain and list; false if it was not in them. The cache's reference is the caller's. */
bool dentry_detach(struct dentry *d) must_check;
void dentry_lru_add(struct dentry *d); /* dentry_lru.c */
void dentry_lru_remove(struct dentry *d);
/* The last reference to sb is gone: from its return on no reclaim has a name of it in hand. */
void dentry_lru_leave(struct superblock *sb);
bool dentry_is_below(struct dentry *d,
		     struct dentry *ancestor); /* or the same; names_lock or rename lock */
bool dentry_has_children(struct dentry *d);

/* ---- mount.c ---- */
int mount_unmount(struct mntns *ns, struct mount *m, bool lazily) must_check; /* m held */
int mount_move(struct mntns *ns, struct mount *m, const struct path *where) must_check;
int mount_pivot(struct mntns *ns, const struct path *root, const struct path *new_root,
		const struct path *put_old) must_check;

/* ---- walk.c ---- */
struct walk {
	struct path cur;  /* fast: borrowed under quiescence; slow: references */
	struct path root; /* likewise */
	const char *name; /* what is left */
	struct last_name last;
	u32 flags, links, seq;
	int dirfd;
	const struct path *base; /* start here instead of at dirfd */
	char *buf;		 /* slow: link texts */
	bool ahead;
};
#define WALK_SLOW 1 /* walk_fast's answer: not all was cached */
/* Resolves without reference, lock or sleeping: 0 (w->cur is borrowed until the next block),
 * WALK_SLOW, or the error. name has NAME_SLACK. */
int walk_fast(struct walk *w, int dirfd, const char *name, u32 flags);
/* As path_walk, from a directory; name has NAME_SLACK. */
int walk_from(const struct path *base, int dirfd, const char *name, u32 flags, struct path *out,
	      struct last_name *last) must_check;
struct fs_ctx *fs_ctx_new(const struct path *root, const struct path *cwd, u32 umask) must_check;
void fs_ctx_set(struct fs_ctx *f, struct path *where, const struct path *p);
bool path_is_below(const struct path *p, const struct path *root); /* or equal; lock-free */
struct path mount_down(struct path p); /* topmost mount there; lock-free, borrowed */
void fs_ctx_read(struct fs_ctx *fs, struct path *root, struct path *cwd); /* borrowed */

/* A user path on the caller's stack, if it is short. */
#define PATHNAME_SMALL 128
struct pathname {
	char *text;
	char small[PATHNAME_SMALL + NAME_SLACK];
};
int pathname_get(struct pathname *p, uaddr_t name) must_check; /* "" is fine here */
int pathname_set(struct pathname *p, const char *name) must_check;
void pathname_put(struct pathname *p);
char *pathbuf_new(void) must_check; /* PATH_MAX and slack, uncleared; pathbuf_put */

/* ---- inode.c ---- */
void inode_cache_init(void);
void pathname_cache_init(void);
int vfs_setattr_held(const struct path *p, struct iattr *a) must_check; /* no rights asked */
int generic_permission(const struct inode *i, u32 want);
int path_permission(const struct path *p, u32 want); /* and read-only mounts */
int inode_writers_get(struct inode *i) must_check;   /* -ETXTBSY */
void inode_writers_put(struct inode *i);
s64 inode_last_now(void); /* seconds of the last inode_now() by anybody: cheap, perhaps old */
bool inode_owner_or_capable(const struct inode *i);

/* What attributes are changed of: a name's inode or an open file's. */
struct attr_node {
	struct inode *inode;
	struct mount *mnt; /* null: nameless */
};

/* ---- files ---- */
void file_cache_init(void);
struct file *file_alloc(u32 flags) must_check;
/* As file_open_path; consumes the path's references, whatever the result. */
int file_open_held(const struct path *p, u32 flags, struct file **out) must_check;
void flock_inode_gone(struct inode *i);
struct file *fd_peek(int fd);		/* borrowed under quiescence, or null */
void flock_file_closed(struct file *f); /* flock.c: a description goes */
void flock_posix_closed(struct inode *i, struct files *owner);	   /* a descriptor goes */
int file_limit(struct inode *i, loff_t pos, size_t *n) must_check; /* RLIMIT_FSIZE, file size */
void file_remove_privs(struct file *f);
void file_accessed(struct file *f);

/* ---- namei.c ---- */
int may_create(struct inode *dir);
int may_delete(struct inode *dir, const struct dentry *victim, bool want_dir);
int vfs_create(const struct path *dir, struct dentry *d, u32 mode, u64 rdev);
static inline u32 fs_umask(void)
{
	return current->fs->umask;
}
#define LOCK_RANK_DIR(sb)  ((sb)->flags & SB_LAYER ? RANK_LAYER_DIR : RANK_INODE_DIR)
#define LOCK_RANK_FILE(sb) ((sb)->flags & SB_LAYER ? RANK_LAYER : RANK_INODE)
#define S_ISDIR(m)	   ABI_S_ISTYPE(m, ABI_S_IFDIR)
#define S_ISREG(m)	   ABI_S_ISTYPE(m, ABI_S_IFREG)
#define S_ISLNK(m)	   ABI_S_ISTYPE(m, ABI_S_IFLNK)
