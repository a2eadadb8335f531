/* op_path.c - operations on names and attributes that change nothing
 *
 * A host's procfs that lies under a mount is shown as an empty directory: its files act on the
 * host (and reading some of them blocks for ever), and the guest has a /proc of its own.
 * Tests: test/unit/gofer/read_test.c */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "abi/gofer_codec.h"

bool gofer_is_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

int gofer_op_attach(struct gofer_worker *w, struct gofer_handle *none)
{
	struct gofer_server *srv = w->srv;
	uint32_t mount = w->q.args.attach.mount;
	int fd, r;

	(void)none;
	if (w->q.args.attach.version != ABI_GOFER_VERSION)
		return -EPROTONOSUPPORT;
	if (mount >= srv->mount_count)
		return -ENOENT;
	fd = gofer_reopen(srv, srv->mounts[mount].fd, O_PATH);
	if (fd < 0)
		return fd;
	r = gofer_stat(fd, "", &w->r.attr);
	if (!r)
		r = gofer_handle_new(srv, fd, mount, w->r.attr.mode & S_IFMT, 0,
				     gofer_is_procfs(fd), &w->r.handle);
	if (r) {
		close(fd);
		return r;
	}
	w->r.value = srv->handle_cap;
	if (srv->mounts[mount].readonly)
		w->r.flags |= ABI_GOFER_R_READONLY;
	if (srv->mounts[mount].exclusive)
		w->r.flags |= ABI_GOFER_R_EXCLUSIVE;
	return 0;
}

/* The state of one walk: where it stands, and what has been handed out so far. */
struct walk {
	int fd;	    /* the last component reached; the starting handle's before */
	bool owned; /* fd is ours to close */
	bool dead_end;
	uint32_t handle; /* of the last component, if handles are wanted */
	/* A reference on that handle: a guest may guess its number and close it meanwhile. */
	struct gofer_handle *ref;
	uint64_t dev;
	struct abi_gofer_attr attr;
};

static void walk_drop(struct gofer_server *srv, struct walk *k)
{
	if (k->owned)
		close(k->fd);
	if (k->ref)
		gofer_handle_put(srv, k->ref);
	k->owned = false;
	k->ref = NULL;
}

/* Goes one component further; on an error the walk stands where it stood. */
static int walk_step(struct gofer_worker *w, struct gofer_handle *h, struct walk *k,
		     const char *name)
{
	struct gofer_handle *ref = NULL;
	struct abi_gofer_attr attr;
	uint32_t handle = 0;
	bool dead_end;
	int fd, r;

	if (k->dead_end)
		return -ENOENT;
	fd = gofer_open_child(k->fd, name, O_PATH, 0);
	if (fd < 0)
		return fd;
	r = gofer_stat(fd, "", &attr);
	if (r)
		goto out_close;
	dead_end = attr.dev != k->dev && gofer_is_procfs(fd);
	if (w->q.flags & ABI_GOFER_F_HANDLES) {
		r = gofer_handle_new(w->srv, fd, h->mount, attr.mode & S_IFMT, 0, dead_end,
				     &handle);
		if (r)
			goto out_close;
		ref = gofer_handle_get(w->srv, handle);
		if (!ref)
			return -EBADF;
	}
	walk_drop(w->srv, k);
	*k = (struct walk){fd, !handle, dead_end, handle, ref, attr.dev, attr};
	return 0;

out_close:
	close(fd);
	return r;
}

/* Opens the last component if that was asked for and it can be opened. */
static void walk_open(struct gofer_worker *w, struct gofer_handle *h, const struct walk *k)
{
	unsigned flags = w->q.args.walk.open_flags & ~(ABI_GOFER_O_TRUNC | ABI_GOFER_O_EXCL);
	unsigned type = k->attr.mode & S_IFMT;
	int host = gofer_host_flags(flags), fd;

	if (k->dead_end || host < 0 || (type != S_IFREG && type != S_IFDIR))
		return;
	if (flags & ABI_GOFER_O_WRITE && (type == S_IFDIR || w->srv->mounts[h->mount].readonly))
		return;
	fd = gofer_reopen(w->srv, k->fd, host);
	if (fd < 0)
		return;
	if (gofer_handle_new(w->srv, fd, h->mount, type, flags & 0xf, false, &w->r.open)) {
		w->r.open = 0;
		close(fd);
	}
}

static void walk_entry_put(struct gofer_worker *w, uint32_t i, const struct walk *k)
{
	struct abi_gofer_walk_entry e = {.attr = k->attr, .handle = k->handle};
	uint8_t *out = gofer_out(w);

	if ((i + 1) * sizeof(e) <= w->q.out_len)
		memcpy(out + i * sizeof(e), &e, sizeof(e));
}

/* The target of a link that was reached, behind the entries. */
static void walk_target(struct gofer_worker *w, const struct walk *k)
{
	size_t at = w->q.args.walk.count * sizeof(struct abi_gofer_walk_entry);
	size_t room = w->q.out_len > at ? w->q.out_len - at : 0;
	ssize_t n;

	if (!room)
		return;
	n = readlinkat(k->fd, "", (char *)gofer_out(w) + at, room);
	/* One that fills the room may have been cut off. */
	if (n > 0 && (size_t)n < room)
		w->r.value = (uint64_t)n;
}

/* Makes the answer's handle of where a walk without handles has ended. */
static int walk_finish(struct gofer_worker *w, struct gofer_handle *h, struct walk *k)
{
	int r;

	if (k->owned) {
		r = gofer_handle_new(w->srv, k->fd, h->mount, k->attr.mode & S_IFMT, 0, k->dead_end,
				     &k->handle);
		if (r)
			return r;
		k->owned = false;
	}
	w->r.handle = k->handle;
	return 0;
}

int gofer_op_walk(struct gofer_worker *w, struct gofer_handle *h)
{
	const uint32_t count = w->q.args.walk.count;
	struct walk k = {.fd = h->fd, .dead_end = h->dead_end};
	uint32_t pos = 0, i;
	int r = 0;

	if (count == 0 || count > ABI_GOFER_WALK_MAX ||
	    w->q.args.walk.open_flags & ~ABI_GOFER_O_ALL)
		return -EINVAL;
	if (w->q.flags & ABI_GOFER_F_HANDLES &&
	    w->q.out_len < count * sizeof(struct abi_gofer_walk_entry))
		return -EINVAL;
	/* All names are checked before the first handle exists. */
	for (i = 0; i < count; i++)
		if (gofer_in_name(w, &pos, 0))
			return -EINVAL;
	for (pos = i = 0; i < count; i++) {
		gofer_in_name(w, &pos, 0);
		r = walk_step(w, h, &k, w->name[0]);
		if (r)
			break;
		walk_entry_put(w, i, &k);
		w->r.count = i + 1;
		w->r.attr = k.attr;
		if (S_ISLNK(k.attr.mode)) {
			w->r.flags |= ABI_GOFER_R_SYMLINK;
			walk_target(w, &k);
			break;
		}
	}
	/* Opened while the descriptor is still ours alone. */
	if (!r && w->r.count == count && w->q.args.walk.open_flags)
		walk_open(w, h, &k);
	if (!r)
		r = walk_finish(w, h, &k);
	if (r && w->r.open) {
		gofer_handle_close(w->srv, w->r.open);
		w->r.open = 0;
	}
	/* A failure after the last step counts as one of the last step. */
	if (r && w->r.count == count)
		w->r.count--;
	walk_drop(w->srv, &k);
	return r;
}

int gofer_op_getattr(struct gofer_worker *w, struct gofer_handle *h)
{
	return gofer_stat(h->fd, "", &w->r.attr);
}

int gofer_op_open(struct gofer_worker *w, struct gofer_handle *h)
{
	unsigned flags = w->q.args.open.open_flags;
	int host = gofer_host_flags(flags), fd, r;

	if (host < 0 || flags & ~(ABI_GOFER_O_ALL & ~ABI_GOFER_O_EXCL))
		return -EINVAL;
	if (h->type != S_IFREG && h->type != S_IFDIR)
		return h->type == S_IFLNK ? -ELOOP : -ENXIO;
	if (flags & ABI_GOFER_O_WRITE) {
		if (h->type == S_IFDIR)
			return -EISDIR;
		if (w->srv->mounts[h->mount].readonly)
			return -EROFS;
	}
	if (h->dead_end)
		return -EACCES;
	fd = gofer_reopen(w->srv, h->fd, host);
	if (fd < 0)
		return fd;
	r = gofer_stat(fd, "", &w->r.attr);
	if (!r)
		r = gofer_handle_new(w->srv, fd, h->mount, h->type, flags & 0xf, false, &w->r.open);
	if (r)
		close(fd);
	return r;
}

int gofer_op_readlink(struct gofer_worker *w, struct gofer_handle *h)
{
	ssize_t n;

	if (h->type != S_IFLNK)
		return -EINVAL;
	if (w->q.out_len == 0)
		return -EINVAL;
	n = readlinkat(h->fd, "", gofer_out(w), w->q.out_len);
	if (n < 0)
		return -errno;
	w->r.count = (uint32_t)n;
	return 0;
}

int gofer_op_statfs(struct gofer_worker *w, struct gofer_handle *h)
{
	struct statfs fs;

	if (fstatfs(h->fd, &fs) < 0)
		return -errno;
	w->r.statfs = (struct abi_gofer_statfs){
		.type = (uint64_t)fs.f_type,
		.bsize = (uint64_t)fs.f_bsize,
		.blocks = fs.f_blocks,
		.bfree = fs.f_bfree,
		.bavail = fs.f_bavail,
		.files = fs.f_files,
		.ffree = fs.f_ffree,
		.namelen = (uint64_t)fs.f_namelen,
		.frsize = (uint64_t)fs.f_frsize,
		.flags = (uint64_t)fs.f_flags,
	};
	memcpy(&w->r.statfs.fsid, &fs.f_fsid, sizeof(w->r.statfs.fsid));
	if (w->srv->mounts[h->mount].readonly)
		w->r.statfs.flags |= ST_RDONLY;
	return 0;
}

int gofer_op_close(struct gofer_worker *w, struct gofer_handle *none)
{
	(void)none;
	return gofer_handle_close(w->srv, w->q.handle);
}

/* Closes what is there; numbers that name nothing are passed over. */
int gofer_op_close_batch(struct gofer_worker *w, struct gofer_handle *none)
{
	uint32_t handle;

	(void)none;
	if (w->q.in_len % sizeof(handle))
		return -EINVAL;
	for (uint32_t i = 0; i < w->q.in_len; i += sizeof(handle)) {
		memcpy(&handle, w->in + i, sizeof(handle));
		if (gofer_handle_close(w->srv, handle) == 0)
			w->r.count++;
	}
	return 0;
}
