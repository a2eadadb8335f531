/* walk.c - from a path to an entry (path_resolution(7), openat2(2))
 * Provides: walk_fast, over cached names without lock or reference; path_walk and its relatives,
 *   which try that first and go on step by step with references from where it stopped.
 * States: a fast walk lives within one quiescent stretch: it never sleeps, and what it answers is
 *   true if no entry moved and no mount changed meanwhile (names_seq), else it is asked again
 *   slowly. Entries that come or go need no such check: each answer was true at some moment.
 * Locks: the slow walk takes a directory's lock only to ask the file system (dentry_lookup).
 * Sleeps: all but walk_fast. Faults: none: names are kernel memory.
 * Differs from Linux: RESOLVE_CACHED answers EAGAIN only where something is not cached.
 * Tests: test/unit/fs/names_test.c, test/abi */
#include "fs_internal.h"
#include "slab.h"

#define FAST_LINKS 8
#define WALK_CAREFUL \
	(WALK_NO_XDEV | WALK_NO_MAGICLINKS | WALK_NO_SYMLINKS | WALK_BENEATH | WALK_IN_ROOT)

struct path mount_down(struct path p)
{
	struct mount *m;

	while (p.dentry->flags & DENTRY_MOUNTED && (m = mount_lookup(p.mnt, p.dentry)))
		p = (struct path){m, m->root};
	return p;
}

/* The directory above, as seen from root. Lock-free, borrowed. */
static struct path path_above(const struct path *p, const struct path *root)
{
	struct path r = *p;
	struct mount *up;
	struct dentry *point;

	while (!path_equal(&r, root)) {
		if (r.dentry != r.mnt->root) {
			r.dentry = READ_ONCE(r.dentry->parent);
			break;
		}
		up = READ_ONCE(r.mnt->parent);
		point = READ_ONCE(r.mnt->point);
		if (!up || !point) /* detached: a root of its own */
			break;
		r = (struct path){up, point};
	}
	return mount_down(r);
}

/* Where the walk starts; borrowed. */
static int walk_origin(struct walk *w)
{
	struct path cwd;
	struct file *f;

	fs_ctx_read(current->fs, &w->root, &cwd);
	if (!*w->name && !(w->flags & WALK_EMPTY))
		return -ENOENT;
	if (*w->name == '/' && !(w->flags & WALK_IN_ROOT)) {
		w->cur = w->root;
		return w->flags & WALK_BENEATH ? -EXDEV : 0;
	}
	if (w->base) {
		w->cur = *w->base;
	} else if (w->dirfd == ABI_AT_FDCWD) {
		w->cur = cwd;
	} else {
		f = fd_peek(w->dirfd);
		if (!f)
			return -EBADF;
		if (!f->path.dentry)
			return *w->name ? -ENOTDIR : -EOPNOTSUPP;
		w->cur = f->path;
	}
	if (*w->name && !S_ISDIR(w->cur.dentry->inode->mode))
		return -ENOTDIR;
	if (w->flags & (WALK_BENEATH | WALK_IN_ROOT))
		w->root = w->cur;
	return 0;
}

static const char *skip_slashes(const char *s)
{
	while (*s == '/')
		s++;
	return s;
}

/* 0: "." 1: ".." else -1 */
static inline int dots(const char *name, size_t len)
{
	if (name[0] != '.' || len > 2)
		return -1;
	return len == 1 ? 0 : name[1] == '.' ? 1 : -1;
}

static void set_last(struct walk *w, const char *name, size_t len)
{
	static const u8 kinds[] = {LAST_DOT, LAST_DOTDOT};
	int dot = dots(name, len);

	w->last = (struct last_name){.name = name,
				     .len = len,
				     .slash = name[len] == '/',
				     .kind = dot < 0 ? LAST_NORM : kinds[dot]};
}

static inline int fast_may_search(const struct inode *i)
{
	if (i->ops->permission)
		return WALK_SLOW;
	return (i->mode & 0111) == 0111 ? 0 : generic_permission(i, ABI_X_OK);
}

static inline int fast_end(struct walk *w, int err)
{
	if (likely(!names_changed(w->seq)))
		return err;
	w->name = NULL;
	return WALK_SLOW;
}

/* One entry below w->cur: 0 and *next, *inode; or the walk's answer. */
static inline int fast_child(struct walk *w, const char *name, size_t len, u64 h, struct path *next,
			     struct inode **inode)
{
	struct dentry *dir = w->cur.dentry, *d;

	if (unlikely(len > ABI_NAME_MAX))
		return -ENAMETOOLONG;
	d = dentry_peek(dir, name, len, name_hash_at(dir, h));
	if (unlikely(!d || d->flags & (DENTRY_REVALIDATE | DENTRY_LISTED)))
		return WALK_SLOW;
	*inode = __atomic_load_n(&d->inode, __ATOMIC_ACQUIRE);
	if (!READ_ONCE(d->used))
		WRITE_ONCE(d->used, 1);
	if (!*inode)
		return -ENOENT;
	*next = (struct path){w->cur.mnt, d};
	if (unlikely(d->flags & DENTRY_MOUNTED)) {
		*next = mount_down(*next);
		*inode = next->dentry->inode;
	}
	return 0;
}

static inline int fast_begin(struct walk *w, int dirfd, const char *name, u32 flags)
{
	w->flags = flags;
	w->dirfd = dirfd;
	w->name = name;
	w->links = 0;
	w->seq = names_read();
	w->last = (struct last_name){.name = name, .kind = LAST_ROOT};
	if (likely(!(w->seq & 1) && !(flags & WALK_CAREFUL)))
		return walk_origin(w);
	w->name = NULL;
	return WALK_SLOW;
}

struct fast_rest { /* what follows the links that are being walked */
	const char *name[FAST_LINKS];
	u32 depth;
};

/* Goes on in the text of a link: *after is what follows it, then what is to be walked next. */
static int fast_link(struct walk *w, const struct inode *link, struct fast_rest *r,
		     const char **after)
{
	if (!link->link || !*link->link || r->depth == FAST_LINKS || ++w->links > ABI_SYMLOOP_MAX)
		return WALK_SLOW;
	if (**after)
		r->name[r->depth++] = *after;
	if (*link->link == '/')
		w->cur = w->root;
	*after = skip_slashes(link->link);
	return 0;
}

int walk_fast(struct walk *w, int dirfd, const char *name, u32 flags)
{
	struct inode *inode, *found = NULL;
	struct fast_rest rest;
	const char *after;
	struct path next;
	bool last;
	size_t len;
	u64 h;
	int err = fast_begin(w, dirfd, name, flags);

	if (unlikely(err))
		return err;
	rest.depth = 0;
	inode = w->cur.dentry->inode;
	for (name = skip_slashes(name); *name || rest.depth; name = after) {
		if (!*name) {
			after = rest.name[--rest.depth];
			continue;
		}
		err = fast_may_search(inode);
		if (unlikely(err))
			goto stop;
		len = name_scan(name, &h);
		after = skip_slashes(name + len);
		last = !*after && !rest.depth;
		if (last && flags & WALK_PARENT) {
			set_last(w, name, len);
			return fast_end(w, 0);
		}
		if (unlikely(last && name[len]))
			flags |= WALK_DIRECTORY | WALK_FOLLOW;
		err = dots(name, len);
		if (unlikely(err >= 0)) {
			if (err)
				w->cur = path_above(&w->cur, &w->root);
			inode = w->cur.dentry->inode;
			continue;
		}
		err = fast_child(w, name, len, h, &next, &found);
		if (unlikely(err))
			goto stop;
		if (unlikely(S_ISLNK(found->mode)) && (!last || flags & WALK_FOLLOW)) {
			err = fast_link(w, found, &rest, &after);
			inode = w->cur.dentry->inode;
		} else if (!last && !S_ISDIR(found->mode)) {
			err = -ENOTDIR;
		} else {
			w->cur = next;
			inode = found;
		}
		if (unlikely(err))
			goto stop;
	}
	err = flags & WALK_DIRECTORY && !S_ISDIR(inode->mode) ? -ENOTDIR : 0;
stop:
	w->name = rest.depth ? NULL : name; /* where a slow walk may go on */
	w->flags = flags;
	return err == WALK_SLOW ? err : fast_end(w, err);
}

/* ---- with references ---- */

/* Turns borrowed paths into held ones; false: one of them was going. */
static bool path_hold(const struct path *p)
{
	if (!ref_get_live(&p->mnt->refs))
		return false;
	if (ref_get_live(&p->dentry->refs))
		return true;
	mount_put(p->mnt);
	return false;
}

static int walk_hold(struct walk *w)
{
	if (!path_hold(&w->cur))
		return -ESTALE;
	if (!path_hold(&w->root)) {
		path_put(&w->cur);
		return -ESTALE;
	}
	if (!names_changed(w->seq))
		return 0;
	path_put(&w->cur);
	path_put(&w->root);
	return -ESTALE;
}

/* Makes w->cur the path, whose references are consumed. */
static void walk_to(struct walk *w, struct path p)
{
	path_put(&w->cur);
	w->cur = p;
}

static int slow_above(struct walk *w)
{
	struct path p;
	u32 seq;

	for (;;) {
		if (path_equal(&w->cur, &w->root))
			return w->flags & WALK_BENEATH ? -EXDEV : 0;
		seq = names_read();
		p = path_above(&w->cur, &w->root);
		if (!(seq & 1) && path_hold(&p)) {
			if (!names_changed(seq))
				break;
			path_put(&p);
		}
		mach_relax();
	}
	if (p.mnt != w->cur.mnt && w->flags & WALK_NO_XDEV) {
		path_put(&p);
		return -EXDEV;
	}
	walk_to(w, p);
	return 0;
}

/* The top of what is mounted on a held path; consumes and gives references. */
static int slow_mount_down(struct walk *w, struct path *p)
{
	struct mount *m;

	while (p->dentry->flags & DENTRY_MOUNTED) {
		m = mount_lookup(p->mnt, p->dentry);
		if (!m || !ref_get_live(&m->refs))
			return 0;
		dentry_get(m->root);
		path_put(p);
		*p = (struct path){m, m->root};
		if (w->flags & WALK_NO_XDEV) {
			path_put(p);
			return -EXDEV;
		}
	}
	return 0;
}

static int slow_child(struct walk *w, size_t len, bool more, struct path *next)
{
	struct dentry *dir = w->cur.dentry, *d;
	const struct inode_ops *ops = dir->inode->ops;
	int err;

	if (len > ABI_NAME_MAX)
		return -ENAMETOOLONG;
	d = dentry_lookup_cached(dir, w->name, len);
	if (d && d->flags & (DENTRY_REVALIDATE | DENTRY_LISTED) && !(d->flags & DENTRY_MOUNTED) &&
	    ops->revalidate && ops->revalidate(d) == 1) {
		dentry_invalidate(d);
		dentry_put(d);
		d = NULL;
	}
	if (!d && !w->ahead && ops->walk_ahead) {
		w->ahead = true;
		ops->walk_ahead(dir, w->name);
	}
	if (!d) {
		err = dentry_lookup(dir, w->name, len, false, &d);
		if (err)
			return err;
	}
	if (!d->inode) {
		dentry_put(d);
		return -ENOENT;
	}
	mount_get(w->cur.mnt);
	*next = (struct path){w->cur.mnt, d};
	return slow_mount_down(w, next);
}

/* The text of a link and what follows, in a buffer of its own. */
static int link_text(struct inode *link, const char *after, char **out)
{
	size_t rest = strlen(after), room = link->link ? strlen(link->link) + 1 : ABI_PATH_MAX;
	char *buf = kmalloc(room + rest + 2 + NAME_SLACK);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	if (link->link) {
		n = (ssize_t)room - 1;
		memcpy(buf, link->link, room);
	} else {
		n = link->ops->readlink ? link->ops->readlink(link, buf, room) : -EINVAL;
	}
	if (n <= 0) {
		kfree(buf);
		return n ? (int)n : -ENOENT;
	}
	if (rest)
		buf[n++] = '/';
	memcpy(buf + n, after, rest);
	memset(buf + n + rest, 0, 1 + NAME_SLACK);
	*out = buf;
	return 0;
}

static int slow_link(struct walk *w, struct inode *link, const char *after)
{
	struct path to;
	char *buf = NULL;
	int err;

	if (w->flags & WALK_NO_SYMLINKS || ++w->links > ABI_SYMLOOP_MAX)
		return -ELOOP;
	if (link->ops->follow) {
		if (w->flags & WALK_NO_MAGICLINKS)
			return -ELOOP;
		if (w->flags & (WALK_BENEATH | WALK_IN_ROOT))
			return -EXDEV;
		err = link->ops->follow(link, &to);
		if (err)
			return err;
		walk_to(w, to);
		w->name = after;
		if (*after && !S_ISDIR(to.dentry->inode->mode))
			return -ENOTDIR;
		return 0;
	}
	err = link_text(link, after, &buf);
	if (err)
		return err;
	kfree(w->buf);
	w->buf = buf;
	w->name = buf;
	if (*buf != '/')
		return 0;
	if (w->flags & WALK_BENEATH)
		return -EXDEV;
	if (w->flags & WALK_NO_XDEV && w->root.mnt != w->cur.mnt)
		return -EXDEV;
	path_get(&w->root);
	walk_to(w, w->root);
	return 0;
}

static int slow_step(struct walk *w, size_t len, const char *after)
{
	struct path next;
	struct inode *i;
	int err = slow_child(w, len, *after, &next);

	if (err)
		return err;
	i = next.dentry->inode;
	if (S_ISLNK(i->mode) && (*after || w->flags & WALK_FOLLOW)) {
		err = slow_link(w, i, after);
		path_put(&next);
		return err;
	}
	if (*after && !S_ISDIR(i->mode)) {
		path_put(&next);
		return -ENOTDIR;
	}
	walk_to(w, next);
	w->name = after;
	return 0;
}

/* References of cur and root are held before and after, whatever the result. */
static int walk_slow(struct walk *w)
{
	const char *after;
	size_t len;
	u64 h;
	int err;

	for (;;) {
		w->name = skip_slashes(w->name);
		if (!*w->name)
			break;
		err = inode_permission(w->cur.dentry->inode, ABI_X_OK);
		if (err)
			return err;
		len = name_scan(w->name, &h);
		after = skip_slashes(w->name + len);
		if (!*after && w->flags & WALK_PARENT) {
			set_last(w, w->name, len);
			return 0;
		}
		if (!*after && w->name[len])
			w->flags |= WALK_DIRECTORY | WALK_FOLLOW;
		err = dots(w->name, len);
		if (err >= 0) {
			err = err ? slow_above(w) : 0;
			w->name = after;
		} else {
			err = slow_step(w, len, after);
		}
		if (err)
			return err;
	}
	if (w->flags & WALK_DIRECTORY && !S_ISDIR(w->cur.dentry->inode->mode))
		return -ENOTDIR;
	return 0;
}

/* Takes the references a slow walk starts with: where the fast one stopped, or the origin. */
static int slow_begin(struct walk *w, const char *name, u32 flags)
{
	int err;

	if (w->name && !walk_hold(w))
		return 0;
	do {
		w->name = name;
		w->flags = flags;
		w->links = 0;
		w->last = (struct last_name){.name = name, .kind = LAST_ROOT};
		w->seq = names_read();
		err = walk_origin(w);
		if (err)
			return err;
		err = w->seq & 1 ? -ESTALE : walk_hold(w);
		if (err)
			mach_relax();
	} while (err == -ESTALE);
	return err;
}

int walk_from(const struct path *base, int dirfd, const char *name, u32 flags, struct path *out,
	      struct last_name *last)
{
	struct walk w;
	int err;

	w.base = base;
	w.buf = NULL;
	w.ahead = false;
	err = walk_fast(&w, dirfd, name, flags);
	if (err < 0)
		return err;
	if (!err && path_hold(&w.cur)) {
		*out = w.cur;
		if (last)
			*last = w.last;
		return 0;
	}
	if (!err)
		w.name = NULL;
	err = slow_begin(&w, name, flags);
	if (err)
		return err;
	err = walk_slow(&w);
	if (!err && last) {
		*last = w.last;
		if (w.buf) /* the same tail, in the caller's buffer */
			last->name = name + strlen(name) - strlen(w.last.name);
	}
	path_put(&w.root);
	if (err)
		path_put(&w.cur);
	else
		*out = w.cur;
	kfree(w.buf);
	return err;
}
