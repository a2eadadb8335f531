/* gofs.h - the gofer file system's own parts, among themselves; see super.c for the whole
 *
 * Lock key: [I] immutable after publication, [a] atomic, [l] chan->lock, [o] who has the slot,
 * [i] inode->lock, [g] gi->io, [n] gs->names, [u] gs->ahead. */
#pragma once
#include "abi/gofer_codec.h"
#include "fs/fs_internal.h"

/* ---- channel.c, request.c: asking the gofer ---- */

/* The data area: GOFS_SLOT_BYTES for each slot, the first half for `in`, the second for `out`;
 * behind them pieces for content. */
#define GOFS_HALF	8192u
#define GOFS_SLOT_BYTES (2 * GOFS_HALF)
#define GOFS_BULK	131072u
#define GOFS_BULK_PAGES (GOFS_BULK / (u32)PAGE_SIZE)
#define GOFS_NO_BULK	255u
/* Requests that a task may hold while it touches user memory, whose page faults need others. */
#define GOFS_WRITERS_MAX 8u
#define GOFS_CLOSE_BATCH 64u
#define GOFS_CLOSE_MAX	 1024u

struct gofs_slot {
	struct abi_gofer_request q; /* [o] what was asked: the shared copy may change */
	struct abi_gofer_reply r;   /* [o] */
	struct waitq wait;
};

struct gofs_chan {
	u32 number;		 /* [I] */
	u32 refs;		 /* the table's mutex */
	struct abi_channel chan; /* [I] */
	a32_t dead;		 /* [a] answers no more: EIO */
	a64_t done;		 /* [a] slots whose answer is there */
	struct spinlock lock;
	struct abi_ring_end req, cpl; /* [l] */
	u64 free_slots, free_bulk;    /* [l] */
	u64 busy;		      /* [l] in flight: their answers are awaited */
	u64 async;		      /* [l] of those, nobody waits for these */
	u32 sleepers;		      /* [l] tasks that want a doorbell */
	u32 writers;		      /* [l] */
	u32 nr_close;		      /* [l] */
	u32 close[GOFS_CLOSE_MAX];    /* [l] handles to be closed */
	struct waitq room;	      /* slot, piece or writer's place is free */
	struct quiesce_head qhead;
	struct gofs_slot slot[ABI_GOFER_SLOTS];
};

/* One request: a slot that the task has. */
struct gofs_req {
	struct gofs_chan *chan;
	struct abi_gofer_request *q;
	struct abi_gofer_reply *r;
	u8 *in, *out; /* shared: written, or copied out of once */
	u8 *bulk;     /* GOFS_BULK bytes, or null */
	u8 slot, piece;
	bool writer;
};

/* Returns a reference, or -EIO: there is no sound channel. */
int gofs_chan_get(u32 number, struct gofs_chan **out) must_check;
void gofs_chan_put(struct gofs_chan *c);
void gofs_chan_kill(struct gofs_chan *c, const char *why);
void gofs_irq_init(void);

#define GOFS_BULK_WANTED 1u
#define GOFS_TRY	 2u /* -EAGAIN instead of sleeping */
#define GOFS_WRITER	 4u
/* Takes a slot (sleeping for it) and starts a request. -EIO: the gofer is dead. */
int gofs_req_begin(struct gofs_req *rq, struct gofs_chan *c, u32 op, u32 handle,
		   u32 flags) must_check;
/* The same about an inode, whose handle is asked for if need be. */
int gofs_req_on(struct gofs_req *rq, struct inode *i, u32 op, u32 flags) must_check;
void gofs_req_end(struct gofs_req *rq);
void gofs_req_submit(struct gofs_req *rq);
/* Sleeps until the answer; 0 or its error. It has been checked; without one: -EIO and zeroes. */
int gofs_req_wait(struct gofs_req *rq) must_check;
int gofs_req_call(struct gofs_req *rq) must_check; /* submit and wait; makes room on -ENFILE */
/* Nobody waits; the slot frees itself. Consumes rq. */
void gofs_req_forget(struct gofs_req *rq);
int gofs_req_name(struct gofs_req *rq, const char *name, size_t len) must_check;
int gofs_req_bytes(struct gofs_req *rq, const void *p, size_t n) must_check; /* behind the names */
void gofs_req_out(struct gofs_req *rq, u32 len);     /* the slot's own room */
void gofs_req_in_bulk(struct gofs_req *rq, u32 len); /* the piece is what is brought */
void gofs_req_out_bulk(struct gofs_req *rq, u32 len);
/* The guest is done with a handle; it is closed sooner or later, many at once. 0 is fine. */
void gofs_handle_close(struct gofs_chan *c, u32 handle);

/* ---- super.c, inode.c ---- */

struct gofs_super {
	struct gofs_chan *chan; /* [I] */
	u64 dev;		/* [I] host device of the root */
	bool shared;		/* [I] others change it too */
	struct mutex names;
	u64 changes;   /* [n] names made or removed by us */
	a64_t touched; /* [a] attributes changed by us */
	struct spinlock ahead;
	u32 credit; /* [u] fetch.c: files to bring along */
	u32 owed;   /* [u] files brought along and not opened */
};

struct gofs_inode;
TAILQ_HEAD(gofs_unread, gofs_inode);

/* What reading a directory has told: listing.c. */
struct gofs_listing {
	struct gofs_unread unread; /* [u] small files in the directory's order, content unknown */
	u32 listed, used;	   /* [u] names that listing has added; of these asked for */
	u32 misses;		   /* [u] look-ups in a row, since */
	u64 miss_ns;		   /* [u] */
	u64 cookie;		   /* [u] where listing for look-ups goes on */
	bool complete;		   /* [u] all names were added at */
	u64 complete_ns;	   /* [u] and none was dropped since */
	u32 gen;		   /* [u] */
};

struct gofs_inode {
	u64 dev, ino;		   /* [I] the host's */
	a32_t handle;		   /* [a] path handle; 0: not asked for yet (gofs_handle) */
	u32 open;		   /* [g] handle open for writing, or 0 */
	u32 version;		   /* [g] changes of content */
	struct rwlock io;	   /* read: filling pages; written: changing content on the host */
	struct gofs_listing *list; /* [I] of a directory */
	struct inode *dir; /* [I] of a listed inode: where its name leads to it; a reference */
	TAILQ_ENTRY(gofs_inode) next; /* [u] in dir's unread */
	struct inode *inode;	      /* [I] */
	bool unread;		      /* [u] in that list */
	a32_t brought; /* [a] content came along with another's, and was not opened */
	u16 name_len;  /* [I] */
	char name[];   /* [I] listed: in dir */
};

static inline struct gofs_super *gofs_super(const struct superblock *sb)
{
	return sb->priv;
}
static inline struct gofs_inode *gofs_inode(const struct inode *i)
{
	return i->priv;
}
static inline struct gofs_chan *gofs_chan(const struct inode *i)
{
	return gofs_super(i->sb)->chan;
}

void gofs_register(void);

/* The inode of an answer: a reference. Consumes the handle, whatever the result. */
int gofs_inode_get(struct superblock *sb, const struct abi_gofer_attr *a, u32 handle,
		   struct inode **out) must_check;
/* The inode of a listed name: a reference. It gets a handle when one is needed. */
int gofs_inode_listed(struct inode *dir, const struct abi_gofer_entry *e,
		      struct inode **out) must_check;
bool gofs_same_file(const struct inode *i, const struct abi_gofer_attr *a);
/* The host's attributes into the inode's fields. */
void gofs_attr_apply(struct inode *i, const struct abi_gofer_attr *a);
/* Shared mounts: asks for the attributes; drops cached pages if the content is another. */
int gofs_refresh(struct inode *i) must_check;
void gofs_link_keep(struct inode *i, const void *text, size_t n);
void gofs_touched(
	const struct inode *i);	      /* attributes or content were changed: listings, fetches */
void gofs_changed(struct inode *dir); /* a name in dir was made or removed: times, walks ahead */

extern const struct inode_ops gofs_dir_ops, gofs_inode_ops, gofs_shared_dir_ops,
	gofs_shared_inode_ops;
extern const struct file_ops gofs_file_ops, gofs_dir_file_ops;
extern const struct mapping_ops gofs_mapping_ops;

/* names.c */
int gofs_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
		struct inode **out);
int gofs_mkdir(struct inode *dir, const char *name, size_t len, u32 mode, struct inode **out);
int gofs_symlink(struct inode *dir, const char *name, size_t len, const char *target,
		 struct inode **out);
int gofs_link(struct inode *dir, const char *name, size_t len, struct inode *target);
int gofs_unlink(struct inode *dir, const char *name, size_t len, struct inode *victim);
int gofs_rmdir(struct inode *dir, const char *name, size_t len, struct inode *victim);
int gofs_rename(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *new,
		u32 flags);

/* file.c */
int gofs_open_for_write(struct inode *i, u32 *handle) must_check;
int gofs_setattr(struct inode *i, const struct iattr *a);

/* xattr.c */
ssize_t gofs_getxattr(struct inode *i, const char *name, void *buf, size_t size);
int gofs_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags);
ssize_t gofs_listxattr(struct inode *i, char *buf, size_t size);
int gofs_removexattr(struct inode *i, const char *name);

/* walk.c */
int gofs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out);
void gofs_walk_ahead(struct dentry *dir, const char *path);
int gofs_revalidate(struct dentry *d);
/* The inode's path handle. -ESTALE: the host has given its name to another file. */
int gofs_handle(struct inode *i, u32 *handle) must_check;
bool gofs_has_handle(const struct inode *i);

/* listing.c */
struct gofs_lister {	    /* one reading of a directory, a chunk or several */
	struct dentry *dir; /* null: only names are wanted */
	bool on, whole;	    /* attributes are asked for; all names were added so far */
	u32 gen, added;
	u64 touched, now;
};
/* Before each request; dir->lock is held. first: it starts at the beginning. */
void gofs_lister_begin(struct gofs_lister *l, struct dentry *dir, bool first);
void gofs_lister_add(struct gofs_lister *l, const struct abi_gofer_entry *e);
void gofs_lister_end(struct gofs_lister *l, bool eof);
/* A name is asked for that the cache does not have: lists its directory, if that may pay. */
void gofs_list_missed(struct dentry *dir);
bool gofs_list_lacks(struct inode *dir); /* it has no names but the cached ones */
int gofs_listed_revalidate(struct dentry *d);

/* fetch.c */
#define GOFS_FETCH_BYTES  16384u /* a small file */
#define GOFS_CREDIT_FIRST 3u
void gofs_unread_add(struct inode *i);
void gofs_unread_remove(struct inode *i);
/* Fills all n pages of a small file, and those of its neighbours in the directory. False: nothing
 * was done, the file is to be read by its handle. */
bool gofs_fetch(struct inode *i, struct frame **f, size_t n);
void gofs_fetch_opened(struct inode *i);
/* data.c */
void gofs_frames_fill(struct frame **f, size_t n, const u8 *src, size_t valid);
int gofs_read_by_handle(struct mapping *m, struct frame **f, u64 index, size_t n);
