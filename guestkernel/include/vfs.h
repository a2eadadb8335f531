/* vfs.h - files, names, mounts (fs/)
 *
 * struct inode    a file of some file system; struct dentry a name of one, in the tree of names;
 * struct mount    a file system's tree at a place of the name space; struct path (mount, dentry);
 * struct file     an open file description, shared by dup and fork.
 *
 * Path walk (fs/walk.c) goes over hashed dentries without lock or reference where all components
 * are cached, and validates by the sequence of names (names_seq: moved entries, mounts); the rest
 * goes step by step with references. A dentry in the cache has one reference for being there.
 * Freed dentries, inodes, mounts and files wait for quiescence. Lock key: [I], [a],
 * [l] own lock, [i] inode->lock, [d] dentry->lock, [h] hash lock, [n] mount namespace lock, [q]
 * read lock-free under quiescence, written under the lock named beside. */
#pragma once
#include <bsd/sys/queue.h>
#include "abi/linux/fcntl.h"
#include "abi/linux/stat.h"
#include "mutex.h"
#include "pagecache.h"
#include "quiesce.h"
#include "task.h"
#include "uaccess.h"

struct dentry;
struct file;
struct inode;
struct mount;
struct superblock;
struct poll_table;
struct epitem;

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};

struct kstat {
	u64 dev, ino, rdev, size, blocks;
	u32 mode, nlink, uid, gid, blksize;
	struct abi_timespec atime, mtime, ctime, btime;
	u64 attributes;
	u32 mask; /* ABI_STATX_* that are valid */
};

/* What setattr changes. */
#define ATTR_MODE  1u
#define ATTR_UID   2u
#define ATTR_GID   4u
#define ATTR_SIZE  8u
#define ATTR_ATIME 16u
#define ATTR_MTIME 32u
#define ATTR_CTIME 64u
struct iattr {
	u32 valid; /* ATTR_* */
	u32 mode, uid, gid;
	u64 size;
	struct abi_timespec atime, mtime;
};

struct inode_ops {
	/* dir->lock held. Finds a name: *out new reference, or -ENOENT (the caller caches it). */
	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **out);
	/* Several components ahead, in one round trip, if the file system can; optional: fills
	 * dentries below dir by dentry_add(); an error is no error. Also asked where only the last
	 * component is left: then it may list what is beside it. May be null. */
	void (*walk_ahead)(struct dentry *dir, const char *path);
	int (*create)(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
		      struct inode **out); /* regular, device, fifo, socket by mode's type */
	int (*mkdir)(struct inode *dir, const char *name, size_t len, u32 mode, struct inode **out);
	int (*symlink)(struct inode *dir, const char *name, size_t len, const char *target,
		       struct inode **out);
	int (*link)(struct inode *dir, const char *name, size_t len, struct inode *target);
	int (*unlink)(struct inode *dir, const char *name, size_t len, struct inode *victim);
	int (*rmdir)(struct inode *dir, const char *name, size_t len, struct inode *victim);
	int (*rename)(struct inode *odir, struct dentry *old, struct inode *ndir,
		      struct dentry *new, u32 flags);
	int (*tmpfile)(struct inode *dir, u32 mode, struct inode **out);
	/* The target, NUL-terminated, at most PATH_MAX; returns its length. */
	ssize_t (*readlink)(struct inode *inode, char *buf, size_t size);
	/* A magic link (/proc/self/fd/3): gives a path with references instead. */
	int (*follow)(struct inode *inode, struct path *out);
	int (*getattr)(struct inode *inode, struct kstat *st); /* null: from the inode's fields */
	int (*setattr)(struct inode *inode, const struct iattr *a);
	int (*permission)(struct inode *inode, u32 want); /* null: mode bits */
	/* Shared mounts: is what is cached still true? 0 yes, 1 no (drop it). null: always. */
	int (*revalidate)(struct dentry *d);
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t size);
	int (*setxattr)(struct inode *inode, const char *name, const void *v, size_t n, int flags);
	ssize_t (*listxattr)(struct inode *inode, char *buf, size_t size);
	int (*removexattr)(struct inode *inode, const char *name);
	void (*evict)(struct inode *inode); /* last reference went: free the private part */
};

struct dir_ctx { /* readdir's consumer: returns false when full */
	bool (*emit)(struct dir_ctx *c, const char *name, size_t len, u64 ino, u32 dtype, u64 next);
	u64 pos; /* position of the next entry; the file system keeps it true */
};

/* A null entry means: read, write -> -EINVAL; poll -> always ready; ioctl -> -ENOTTY; mmap ->
 * -ENODEV; llseek -> -ESPIPE; others as noted. All may sleep. */
struct file_ops {
	int (*open)(struct inode *inode, struct file *f);
	void (*release)(struct file *f); /* last reference went */
	int (*flush)(struct file *f);	 /* each close(2) of a descriptor */
	ssize_t (*read)(struct file *f, struct iter *to, loff_t *pos);
	ssize_t (*write)(struct file *f, struct iter *from, loff_t *pos);
	loff_t (*llseek)(struct file *f, loff_t off, int whence); /* null: has no position */
	/* inode->lock is held for reading; emit does not sleep. 0, or an error before any entry. */
	int (*readdir)(struct file *f, struct dir_ctx *c);
	u32 (*poll)(struct file *f, struct poll_table *pt); /* POLL* that hold now */
	long (*ioctl)(struct file *f, u32 cmd, uaddr_t arg);
	/* Checks and adjusts before a mapping is made; null with inode->mapping set: page cache */
	int (*mmap)(struct file *f, u64 pgoff, u64 npages, u32 *vma_flags);
	int (*fsync)(struct file *f, bool data_only);
	int (*fallocate)(struct file *f, int mode, loff_t off, loff_t len);
	/* The position is the host's: a call that means it gives &f->pos as pos. */
	bool host_pos;
	/* What /proc/self/fd shows of a file without a path; null: "anon_inode:[name]". */
	void (*describe)(struct file *f, char *buf, size_t size);
	const char *name;
};

struct inode {
	a32_t refs;					/* [a] dentries and users */
	u32 mode;					/* [a] written under lock; type bits [I] */
	u32 uid, gid, nlink;				/* [a] written under lock */
	u32 flags;					/* [a] INODE_* */
	u64 ino, rdev;					/* [I] */
	u64 size;					/* [a] written under lock */
	u64 blocks;					/* [a] 512-byte units */
	struct abi_timespec atime, mtime, ctime, btime; /* [i] */
	struct superblock *sb;				/* [I] */
	const struct inode_ops *ops;			/* [I] */
	const struct file_ops *fops;			/* [I] for what is opened */
	struct rwlock lock;				/* [i] RANK_INODE_DIR or RANK_INODE */
	struct mapping mapping;				/* regular files */
	struct flock_state *locks;			/* [l] fs/flock.c */
	a32_t writers;	  /* [a] open for writing; bit 31: being executed (ETXTBSY) */
	void *priv;	  /* [I] file system's */
	const char *link; /* [q] a symbolic link's text where known, by link_dup; never changes */
	struct inode *hash_next; /* [h] */
	struct pipe *pipe;	 /* [i] FIFOs */
	void *sock;		 /* [i] bound AF_UNIX */
	struct quiesce_head qhead;
};
#define INODE_NOATIME	       1u
#define INODE_PRIVATE_WRITABLE 2u
#define INODE_DEAD	       4u /* a directory that was removed */
#define INODE_HASHED	       8u /* found by inode_find */
/* ops->getattr neither sleeps nor fails, and priv outlives the inode by a grace period */
#define INODE_STAT_NOSLEEP 16u
#define INODE_LINKABLE	   32u /* O_TMPFILE: no name yet, but may get one */

#define DNAME_INLINE 40
struct dentry {
	a32_t refs;		  /* [a] one for being hashed */
	u32 hash;		  /* [q] of (parent, name) */
	u16 len;		  /* [q] */
	u16 flags;		  /* [q] DENTRY_* under dentry lock */
	struct dentry *hash_next; /* [q] hash lock */
	struct dentry *parent;	  /* [q] holds a reference; itself at the root */
	struct inode *inode;	  /* [q] null: a negative entry */
	const char *name;	  /* [q] inline_name, or allocated */
	char inline_name[DNAME_INLINE];
	struct superblock *sb;	       /* [I] */
	struct spinlock lock;	       /* [d] */
	TAILQ_HEAD(, dentry) children; /* [d] hashed ones */
	u64 next_order;		       /* [d] */
	TAILQ_ENTRY(dentry) sibling;   /* [d] of the parent */
	TAILQ_ENTRY(dentry) lru;       /* [l] LRU lock */
	u64 order;		       /* [d] of the parent: place among its children, rising */
	u32 used;		       /* [a] since the last reclaim scan */
	u64 listed_ns;		       /* [I] of a listed one: when */
	void *priv;		       /* file system's (overlay: upper and lower) */
	struct quiesce_head qhead;
};
#define DENTRY_HASHED	  1u
#define DENTRY_MOUNTED	  2u /* something is mounted here, in some namespace */
#define DENTRY_LRU	  4u
#define DENTRY_REVALIDATE 8u  /* of a shared mount */
#define DENTRY_PINNED	  16u /* tmpfs: the entry is the directory's content */
#define DENTRY_LISTED	  32u /* known from reading the directory; asked about at its first use */
#define DENTRY_MOVING	  64u /* getting another place; as good as hashed for its children */

struct superblock {
	a32_t refs;
	const struct fs_type *type;  /* [I] */
	const struct super_ops *ops; /* [I] */
	u64 dev;		     /* [I] */
	u64 magic;		     /* [I] statfs f_type */
	u32 flags;		     /* [I] SB_* */
	u32 namemax;
	struct dentry *root; /* [I] holds a reference */
	struct mutex rename_lock;
	a32_t reclaimers; /* [a] have a name of it in hand: dentry_lru.c */
	a64_t next_ino;
	void *priv;
};
#define SB_RDONLY     1u
#define SB_SHARED     2u /* revalidate */
#define SB_NOEXEC_MAP 4u
#define SB_LAYER      8u  /* an overlay's layer: its inode locks come after the overlay's */
#define SB_PIN_NAMES  16u /* positive dentries are kept: the tree is made of them */
void super_make_layer(struct superblock *sb); /* before its root is used */
struct abi_statfs;
struct super_ops {
	int (*statfs)(struct superblock *sb, struct abi_statfs *st);
	int (*sync)(struct superblock *sb);
	void (*kill)(struct superblock *sb); /* last reference went */
	void (*show_options)(struct superblock *sb, char *buf, size_t size);
};
struct mount_args {
	const char *source;
	const char *data;		   /* mount(2)'s option string, or "" */
	u32 flags;			   /* MNT_* */
	const struct abi_spec_mount *spec; /* from the container's spec, or null */
	struct container *container;
	struct path lower, upper; /* overlay */
};
struct fs_type {
	const char *name;
	int (*mount)(const struct fs_type *t, const struct mount_args *a, struct superblock **out);
	u32 flags; /* FS_USER_MOUNT: mount(2) may create it */
	struct fs_type *next;
};
#define FS_USER_MOUNT 1u
#define FS_NODEV      2u
void fs_register(struct fs_type *t);
struct fs_type *fs_find(const char *name);
struct fs_type *fs_first(void); /* then ->next: /proc/filesystems */
struct superblock *super_new(const struct fs_type *t, const struct super_ops *ops) must_check;
void super_put(struct superblock *sb);
u64 super_new_dev(void); /* an anonymous device number */

struct mount {
	a32_t refs;		 /* [a] */
	struct superblock *sb;	 /* [I] */
	struct dentry *root;	 /* [I] holds a reference */
	struct mount *parent;	 /* [q][n] */
	struct dentry *point;	 /* [q][n] where in parent */
	u32 flags;		 /* [a] MNT_* */
	u32 id;			 /* [I] */
	struct mntns *ns;	 /* [n] null: detached */
	struct mount *hash_next; /* [q][n] by (parent, point) */
	TAILQ_ENTRY(mount) link; /* [n] */
	char *source;		 /* [I] */
	struct quiesce_head qhead;
};
#define MNT_RDONLY  1u
#define MNT_NOSUID  2u
#define MNT_NODEV   4u
#define MNT_NOEXEC  8u
#define MNT_NOATIME 16u
struct mntns {
	a32_t refs;
	struct mutex lock;
	struct path root;		      /* [I] after set-up */
	TAILQ_HEAD(mount_list, mount) mounts; /* [n] in order of mounting */
	u32 count;
};
int mount_attach(struct mntns *ns, struct mount *m, const struct path *where) must_check;
struct mount *mount_new(struct superblock *sb, struct dentry *root, u32 flags, const char *source);
struct mount *mount_lookup(struct mount *parent, struct dentry *point); /* quiescent read */
void mount_detach(struct mount *m); /* and all below it; the name space's references are put */
struct mntns *mntns_new(void) must_check;
void mntns_put(struct mntns *ns); /* the last one detaches all */
void mount_put(struct mount *m);
static inline void mount_get(struct mount *m)
{
	ref_get(&m->refs);
}

/* A task's place in the name space; shared under CLONE_FS. */
struct fs_ctx {
	a32_t refs;
	u32 seq; /* [a] odd while root or cwd change: read without the lock */
	struct spinlock lock;
	struct path root, cwd; /* [l] hold references */
	u32 umask;	       /* [a] */
};
struct fs_ctx *fs_ctx_copy(struct fs_ctx *f) must_check;
void fs_ctx_put(struct fs_ctx *f);

struct file {
	a32_t refs;		    /* [a] */
	u32 flags;		    /* [a] ABI_O_*: access mode [I], status flags by F_SETFL */
	const struct file_ops *ops; /* [I] */
	struct inode *inode;	    /* [I] where the data is; own reference if not path's inode */
	struct path path;	    /* [I] holds references; null for anonymous files */
	struct mutex pos_lock; /* only taken by files with a position shared by several users */
	loff_t pos;	       /* [l] */
	void *priv;	       /* [I] */
	struct waitq *waitq;   /* [I] what poll waits on, if one queue serves */
	TAILQ_HEAD(, epitem) epitems; /* [l] epoll watches, under ep_lock */
	struct spinlock ep_lock;
	u32 owner_pid;
	int owner_sig;	   /* F_SETOWN */
	struct cred *cred; /* [I] of the opener */
	struct quiesce_head qhead;
};
#define FILE_READ(f)  (((f)->flags & ABI_O_ACCMODE) != ABI_O_WRONLY && !((f)->flags & ABI_O_PATH))
#define FILE_WRITE(f) (((f)->flags & ABI_O_ACCMODE) != ABI_O_RDONLY && !((f)->flags & ABI_O_PATH))
/* The inode by name: attributes, locks. An overlay's files have their data in another one. */
static inline struct inode *file_node(const struct file *f)
{
	return f->path.dentry ? f->path.dentry->inode : f->inode;
}

/* ---- names (fs/walk.c, fs/dentry.c) ---- */
#define WALK_FOLLOW	   1u /* a final symlink */
#define WALK_DIRECTORY	   2u /* the result must be one */
#define WALK_EMPTY	   4u /* AT_EMPTY_PATH */
#define WALK_PARENT	   8u /* stop at the parent: last component in *last */
#define WALK_CREATE	   16u
#define WALK_NO_XDEV	   32u
#define WALK_NO_MAGICLINKS 64u
#define WALK_NO_SYMLINKS   128u
#define WALK_BENEATH	   256u
#define WALK_IN_ROOT	   512u
struct last_name {
	const char *name; /* into the caller's path buffer */
	size_t len;
	bool slash; /* followed by slashes */
	u8 kind;    /* LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT */
};
enum { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT };
/* Resolves; path has references (path_put). dirfd ABI_AT_FDCWD or a descriptor. */
int path_walk(int dirfd, const char *name, u32 flags, struct path *out) must_check;
int path_walk_parent(int dirfd, const char *name, u32 flags, struct path *dir,
		     struct last_name *last) must_check;
int path_walk_user(int dirfd, uaddr_t name, u32 flags, struct path *out) must_check;
/* A user path in a buffer of the path cache: char *, freed by pathbuf_put. */
int pathbuf_get(uaddr_t name, bool empty_ok, char **out) must_check;
void pathbuf_put(char *p);
void path_get(const struct path *p);
void path_put(const struct path *p);
static inline bool path_equal(const struct path *a, const struct path *b)
{
	return a->mnt == b->mnt && a->dentry == b->dentry;
}
/* The path's text as seen from the task's root; returns a pointer into buf, or null if it does not
 * fit. "(deleted)" is appended by the caller that wants it. */
char *path_text(const struct path *p, const struct path *root, char *buf, size_t size);
/* One cached child with a reference, or null; never asks the file system. */
struct dentry *dentry_lookup_cached(struct dentry *dir, const char *name, size_t len);
/* The child with a reference, asking the file system if needed (negative dentries come back too).
 * dir->inode->lock is held for writing (locked), or taken. */
int dentry_lookup(struct dentry *dir, const char *name, size_t len, bool locked,
		  struct dentry **out) must_check;
/* Adds a name found by the way, null inode: a negative one; consumes the inode reference. Returns
 * a reference to what is cached now (which may have been there before), or null (no memory). */
struct dentry *dentry_add(struct dentry *dir, const char *name, size_t len, struct inode *inode);
/* A name from reading the directory: before its first use the file system's revalidate() is asked,
 * which clears DENTRY_LISTED if it is still to be believed. Else as dentry_add. */
struct dentry *dentry_add_listed(struct dentry *dir, const char *name, size_t len,
				 struct inode *inode, u64 now_ns);
struct dentry *dentry_new_root(struct superblock *sb, struct inode *inode) must_check;
void dentry_instantiate(struct dentry *d, struct inode *inode); /* negative -> positive */
void dentry_unhash(struct dentry *d); /* the name is gone; users keep the object */
void dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
/* For walk_ahead, which holds no lock: adds only if no name was removed since names_generation()
 * was read, before the request was sent. */
u32 names_generation(void);
struct dentry *dentry_add_ahead(struct dentry *dir, const char *name, size_t len,
				struct inode *inode, u32 gen);
/* A text as inode->link wants it (read in whole words); kfree. */
char *link_dup(const char *text, size_t len) must_check;
size_t dentry_reclaim(size_t n); /* memory is short */

/* Type, owner (current fs ids, setgid directories) and mode of a new entry in dir. */
void inode_init_owner(const struct inode *dir, u32 *mode, u32 *uid, u32 *gid);
/* Reference of one; ino is the superblock's next; times are now; uid and gid 0, nlink 1. */
struct inode *inode_new(struct superblock *sb, u32 mode, const struct inode_ops *ops,
			const struct file_ops *fops) must_check;
/* By number, for file systems with hard links: a reference, or null. */
struct inode *inode_find(struct superblock *sb, u64 ino);
/* Makes it findable; if another has the number: puts i, returns that one with a reference. */
struct inode *inode_hash(struct inode *i);
void inode_get(struct inode *i);
void inode_put(struct inode *i);
void inode_stat(const struct inode *i, struct kstat *st); /* from its fields */
int inode_permission(struct inode *i, u32 want);	  /* ABI_R_OK | _W_OK | _X_OK; fs ids */
/* By mode bits alone, for an owner that the inode does not keep. */
int mode_permission(u32 mode, u32 uid, u32 gid, u32 want);
/* Makes a node (mode with type, umask applied by the caller); *out has references. -EEXIST ... */
int vfs_mknod(int dirfd, const char *name, u32 mode, u64 rdev, struct path *out) must_check;
int vfs_getattr(const struct path *p, struct kstat *st);
int vfs_setattr(const struct path *p, struct iattr *a); /* checks rights; a->valid may grow */
/* Applies to the inode's fields; for file systems' setattr. Lock held for writing. */
void inode_setattr(struct inode *i, const struct iattr *a);
/* For exec: nobody writes to the file as long as it runs. -ETXTBSY if somebody does. */
int file_deny_write(struct file *f) must_check;
void file_allow_write(struct file *f);
struct abi_timespec inode_now(void);

/* ---- files (fs/file.c, fs/fdtable.c) ---- */
/* A file without a name: pipes, eventfd, ... Reference of one, or null. */
struct file *file_new(const struct file_ops *ops, u32 flags, void *priv) must_check;
/* As file_new, with an inode of its own, consumed on success (pipes, sockets). */
struct file *file_new_inode(const struct file_ops *ops, u32 flags, void *priv,
			    struct inode *inode) must_check;
/* An inode of no file system that can be looked up: mode with type, fresh number. */
struct inode *inode_new_anon(u32 mode) must_check;
extern const struct file_ops fifo_file_ops;	/* ipc/pipe.c */
extern void (*epoll_file_gone)(struct file *f); /* [I] by event_init: a watched file goes */
/* Drivers of device nodes: open of a node with such a number goes to fops. At start only. */
void device_register(u32 type, u32 major, u32 first_minor, u32 count, const struct file_ops *fops);
/* Opens without asking for rights: path's references are borrowed. */
int file_open_path(const struct path *p, u32 flags, struct file **out) must_check;
int file_open(int dirfd, const char *name, u32 flags, u32 mode, struct file **out) must_check;
static inline void file_get(struct file *f)
{
	ref_get(&f->refs);
}
void file_put(struct file *f); /* may sleep */
ssize_t file_read(struct file *f, struct iter *to, loff_t *pos);
ssize_t file_write(struct file *f, struct iter *from, loff_t *pos);
ssize_t file_read_kernel(struct file *f, void *buf, size_t n, loff_t pos); /* exec, loaders */
/* Through inode->mapping: what most file systems put into their file_ops. */
ssize_t generic_file_read(struct file *f, struct iter *to, loff_t *pos);
ssize_t generic_file_write(struct file *f, struct iter *from, loff_t *pos); /* into page cache */
loff_t generic_llseek(struct file *f, loff_t off, int whence);
int dcache_readdir(struct file *f, struct dir_ctx *c); /* from the dentries: tmpfs, dev */
/* "." and ".." at positions 0 and 1, others start at 2; false: the consumer is full. */
bool readdir_dots(struct file *f, struct dir_ctx *c);
/* Where a file can be opened again, with references: its path, or an entry made for a pipe; -ENXIO
 * for others without a name. */
int file_path(struct file *f, struct path *out) must_check;
void file_describe(const struct file *f, const struct path *root, char *buf, size_t size);
/* An unnamed file of memory: shared anonymous mappings, memfd. */
struct file *tmpfs_file_anon(const char *name, u64 size, u32 flags) must_check;
/* fs/container.c: a container's name space, as c->mounts; then its root and working directory,
 * which is made if it is missing unless the spec says otherwise. */
struct abi_spec;
int container_mounts(struct container *c, const struct abi_spec *s, const char *blob) must_check;
int container_fs(struct container *c, const struct abi_spec *s, const char *blob,
		 struct fs_ctx **out) must_check;

/* Descriptor table; shared under CLONE_FILES. */
struct files {
	a32_t refs;
	struct spinlock lock;
	struct fdtab *tab; /* [q][l] */
	u32 next_fd;	   /* [l] lowest that may be free */
};
struct fdtab {
	u32 size;
	struct file **file;  /* [q][l] */
	u64 *open, *cloexec; /* [l] bitmaps */
	struct quiesce_head qhead;
};
struct files *files_copy(struct files *f) must_check;
struct files *files_new(void) must_check;
void files_put(struct files *f);
void files_close_on_exec(struct files *f);
/* The file of a descriptor: while the table is not shared no count is touched. Pair with fd_put. */
struct fdref {
	struct file *file;
	bool counted;
};
struct fdref fd_get(int fd);	 /* not of O_PATH: null */
struct fdref fd_get_raw(int fd); /* of O_PATH too: names, duplicates, fcntl */
static inline void fd_put(struct fdref r)
{
	if (r.counted)
		file_put(r.file);
}
/* Lowest free descriptor >= min, reserved: then fd_install or fd_unreserve. -EMFILE. */
int fd_reserve(u32 min, bool cloexec) must_check;
void fd_install(int fd, struct file *f); /* consumes the reference */
void fd_unreserve(int fd);
int fd_new(struct file *f, u32 flags) must_check; /* reserve + install; consumes on success */
int fd_close(int fd);
int fd_cloexec(int fd, int set); /* old flag, or -EBADF; set < 0: leave it */
/* Another task's table (held by a reference): /proc/PID/fd. */
struct file *files_get_file(struct files *fs, int fd); /* a reference, or null */
int files_next_fd(struct files *fs, int fd);	       /* lowest open one >= fd, or -1 */

/* ---- poll ---- */
/* What file_ops.poll registers with, when the caller is about to sleep; null entries: just ask. */
struct poll_table {
	void (*queue)(struct poll_table *pt, struct file *f, struct waitq *q);
	u32 events;
};
static inline void poll_wait(struct poll_table *pt, struct file *f, struct waitq *q)
{
	if (pt && pt->queue)
		pt->queue(pt, f, q);
}
/* Ready events of a file: its poll op, or always-ready. */
u32 file_poll(struct file *f, struct poll_table *pt);
