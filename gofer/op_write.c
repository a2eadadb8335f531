/* op_write.c - operations that change names or attributes
 *
 * Ownership: the server acts as itself and gives what it made to the owner the guest names, by
 * descriptor. Between making a name and holding its descriptor somebody else on the host (shared
 * mounts) can swap it; what is then found must be of the kind just made and have one link, or it
 * is left alone (-ESTALE).
 * Tests: test/unit/gofer/write_test.c */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "abi/gofer_codec.h"

#define CREATE_RETRIES 8

/* The names and nothing else are in `in`. */
static int in_names(struct gofer_worker *w, unsigned count)
{
	uint32_t pos = 0;

	for (unsigned i = 0; i < count; i++)
		if (gofer_in_name(w, &pos, i))
			return -EINVAL;
	return pos == w->q.in_len ? 0 : -EINVAL;
}

static int mode_set(struct gofer_worker *w, int fd, uint32_t mode)
{
	char buf[12];

	return fchmodat(w->srv->proc_fd, gofer_fd_name(fd, buf), mode & 07777, 0) < 0 ? -errno : 0;
}

static int owner_set(int fd, uint32_t uid, uint32_t gid)
{
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Gives what was made its owner and mode, and fills w->r.attr. A change of owner takes set-id bits
 * away, so the mode comes second. */
static int made_finish(struct gofer_worker *w, int fd)
{
	const struct abi_gofer_a_make *m = &w->q.args.make;
	struct abi_gofer_attr *a = &w->r.attr;
	int r = gofer_stat(fd, "", a);

	if (!r && (a->uid != m->uid || a->gid != m->gid)) {
		r = owner_set(fd, m->uid, m->gid);
		if (!r)
			r = gofer_stat(fd, "", a);
	}
	if (!r && !S_ISLNK(a->mode) && (a->mode & 07777) != (m->mode & 07777)) {
		r = mode_set(w, fd, m->mode);
		if (!r)
			r = gofer_stat(fd, "", a);
	}
	return r;
}

/* Holds the name just made under h, of this type, and hands out its handle. Undoes the name if
 * that fails. */
static int made_adopt(struct gofer_worker *w, struct gofer_handle *h, unsigned type)
{
	int fd = gofer_open_child(h->fd, w->name[0], O_PATH, 0), r;

	if (fd < 0)
		return fd;
	r = gofer_stat(fd, "", &w->r.attr);
	if (!r && ((w->r.attr.mode & S_IFMT) != type || (type != S_IFDIR && w->r.attr.nlink != 1)))
		r = -ESTALE;
	if (r)
		goto out_close;
	r = made_finish(w, fd);
	if (!r)
		r = gofer_handle_new(w->srv, fd, h->mount, type, 0, false, &w->r.handle);
	if (!r)
		return 0;
	unlinkat(h->fd, w->name[0], type == S_IFDIR ? AT_REMOVEDIR : 0);
out_close:
	close(fd);
	return r;
}

/* Hands out the path handle of an open file and, if wanted, the open one; takes io over. */
static int create_adopt(struct gofer_worker *w, struct gofer_handle *h, int io, unsigned flags)
{
	struct gofer_server *srv = w->srv;
	int fd = gofer_reopen(srv, io, O_PATH), r;

	if (fd < 0) {
		r = fd;
		goto out_close_io;
	}
	r = gofer_handle_new(srv, fd, h->mount, S_IFREG, 0, false, &w->r.handle);
	if (r) {
		close(fd);
		goto out_close_io;
	}
	if (!flags) {
		close(io);
		return 0;
	}
	r = gofer_handle_new(srv, io, h->mount, S_IFREG, flags & 0xf, false, &w->r.open);
	if (!r)
		return 0;
	gofer_handle_close(srv, w->r.handle);
	w->r.handle = 0;
out_close_io:
	close(io);
	return r;
}

static int create_new(struct gofer_worker *w, struct gofer_handle *h, unsigned flags, int host)
{
	int io = gofer_open_child(h->fd, w->name[0], (unsigned)(host & ~O_TRUNC) | O_CREAT | O_EXCL,
				  w->q.args.make.mode & 07777);
	int r;

	if (io < 0)
		return io;
	r = made_finish(w, io);
	if (r)
		close(io);
	else
		r = create_adopt(w, h, io, flags);
	if (r)
		unlinkat(h->fd, w->name[0], 0);
	else
		w->r.flags |= ABI_GOFER_R_CREATED;
	return r;
}

/* The name was there: open it as it is. */
static int create_existing(struct gofer_worker *w, struct gofer_handle *h, unsigned flags, int host)
{
	int fd = gofer_open_child(h->fd, w->name[0], O_PATH, 0), io, r;

	if (fd < 0)
		return fd;
	r = gofer_stat(fd, "", &w->r.attr);
	if (!r && !S_ISREG(w->r.attr.mode))
		r = S_ISDIR(w->r.attr.mode) ? -EISDIR : S_ISLNK(w->r.attr.mode) ? -ELOOP : -ENXIO;
	io = r ? -1 : gofer_reopen(w->srv, fd, host);
	close(fd);
	if (r || io < 0)
		return r ? r : io;
	r = gofer_stat(io, "", &w->r.attr);
	if (r) {
		close(io);
		return r;
	}
	return create_adopt(w, h, io, flags);
}

int gofer_op_create(struct gofer_worker *w, struct gofer_handle *h)
{
	const unsigned flags = w->q.args.make.open_flags;
	int host, r;

	if (in_names(w, 1) || flags & ~ABI_GOFER_O_ALL)
		return -EINVAL;
	host = flags & ~ABI_GOFER_O_EXCL ? gofer_host_flags(flags) : O_RDONLY;
	if (host < 0)
		return host;
	for (int i = 0; i < CREATE_RETRIES; i++) {
		r = create_new(w, h, flags & ~ABI_GOFER_O_EXCL, host);
		if (r != -EEXIST || flags & ABI_GOFER_O_EXCL)
			return r;
		r = create_existing(w, h, flags & ~ABI_GOFER_O_EXCL, host);
		if (r != -ENOENT)
			return r;
	}
	return -EAGAIN;
}

int gofer_op_mkdir(struct gofer_worker *w, struct gofer_handle *h)
{
	if (in_names(w, 1))
		return -EINVAL;
	if (mkdirat(h->fd, w->name[0], w->q.args.make.mode & 07777) < 0)
		return -errno;
	return made_adopt(w, h, S_IFDIR);
}

int gofer_op_mknod(struct gofer_worker *w, struct gofer_handle *h)
{
	const struct abi_gofer_a_make *m = &w->q.args.make;
	unsigned type = m->mode & S_IFMT;
	dev_t dev = 0;

	if (in_names(w, 1))
		return -EINVAL;
	if (type == S_IFCHR || type == S_IFBLK) {
		if (!w->srv->allow_mknod)
			return -EPERM;
		dev = makedev(m->rdev >> 32, m->rdev & 0xffffffff);
	} else if (type != S_IFIFO && type != S_IFSOCK && type != S_IFREG) {
		return -EINVAL;
	}
	if (mknodat(h->fd, w->name[0], type | (m->mode & 07777), dev) < 0)
		return -errno;
	return made_adopt(w, h, type);
}

int gofer_op_symlink(struct gofer_worker *w, struct gofer_handle *h)
{
	uint32_t pos = 0, len;

	if (gofer_in_name(w, &pos, 0))
		return -EINVAL;
	len = w->q.in_len - pos;
	if (len == 0 || len > ABI_GOFER_TARGET_MAX || memchr(w->in + pos, 0, len))
		return -EINVAL;
	memcpy(w->target, w->in + pos, len);
	w->target[len] = 0;
	if (symlinkat(w->target, h->fd, w->name[0]) < 0)
		return -errno;
	return made_adopt(w, h, S_IFLNK);
}

/* A second handle of the request, for a directory of the same mount. Returns a reference. */
static int second_dir(struct gofer_worker *w, struct gofer_handle *h, uint32_t handle,
		      struct gofer_handle **out)
{
	struct gofer_handle *d = gofer_handle_get(w->srv, handle);
	int r = 0;

	if (!d)
		return -EBADF;
	if (d->open || d->type != S_IFDIR)
		r = d->open ? -EINVAL : -ENOTDIR;
	else if (d->mount != h->mount)
		r = -EXDEV;
	else if (d->dead_end)
		r = -EROFS;
	if (r)
		gofer_handle_put(w->srv, d);
	else
		*out = d;
	return r;
}

int gofer_op_link(struct gofer_worker *w, struct gofer_handle *h)
{
	struct gofer_handle *dir;
	char buf[12];
	int r;

	if (in_names(w, 1))
		return -EINVAL;
	if (h->type == S_IFDIR)
		return -EPERM;
	r = second_dir(w, h, w->q.args.link.dir, &dir);
	if (r)
		return r;
	/* Through the magic link: AT_EMPTY_PATH would need a capability more. */
	if (linkat(w->srv->proc_fd, gofer_fd_name(h->fd, buf), dir->fd, w->name[0],
		   AT_SYMLINK_FOLLOW) < 0)
		r = -errno;
	else
		r = gofer_stat(h->fd, "", &w->r.attr);
	gofer_handle_put(w->srv, dir);
	return r;
}

int gofer_op_rename(struct gofer_worker *w, struct gofer_handle *h)
{
	const struct abi_gofer_a_rename *a = &w->q.args.rename;
	struct gofer_handle *dir;
	int r;

	if (in_names(w, 2) || a->flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (a->flags & RENAME_WHITEOUT && !w->srv->allow_mknod)
		return -EPERM;
	r = second_dir(w, h, a->dir, &dir);
	if (r)
		return r;
	if (syscall(SYS_renameat2, h->fd, w->name[0], dir->fd, w->name[1], a->flags) < 0)
		r = -errno;
	gofer_handle_put(w->srv, dir);
	return r;
}

int gofer_op_unlink(struct gofer_worker *w, struct gofer_handle *h)
{
	if (in_names(w, 1))
		return -EINVAL;
	return unlinkat(h->fd, w->name[0], 0) < 0 ? -errno : 0;
}

int gofer_op_rmdir(struct gofer_worker *w, struct gofer_handle *h)
{
	if (in_names(w, 1))
		return -EINVAL;
	return unlinkat(h->fd, w->name[0], AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int size_set(struct gofer_worker *w, struct gofer_handle *h, uint64_t size)
{
	int fd = h->fd, r = 0;

	if (h->type != S_IFREG)
		return h->type == S_IFDIR ? -EISDIR : -EINVAL;
	if (size > INT64_MAX)
		return -EINVAL;
	if (!(h->open & ABI_GOFER_O_WRITE)) {
		fd = gofer_reopen(w->srv, h->fd, O_WRONLY);
		if (fd < 0)
			return fd;
	}
	if (ftruncate(fd, (off_t)size) < 0)
		r = -errno;
	if (fd != h->fd)
		close(fd);
	return r;
}

static int times_set(struct gofer_worker *w, struct gofer_handle *h)
{
	const struct abi_gofer_a_setattr *a = &w->q.args.setattr;
	struct timespec ts[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};
	char buf[12];

	if (a->atime_nsec >= 1000000000u || a->mtime_nsec >= 1000000000u)
		return -EINVAL;
	if (a->valid & ABI_GOFER_A_ATIME)
		ts[0] = (struct timespec){a->atime, a->atime_nsec};
	if (a->valid & ABI_GOFER_A_MTIME)
		ts[1] = (struct timespec){a->mtime, a->mtime_nsec};
	if (a->valid & ABI_GOFER_A_ATIME_NOW)
		ts[0].tv_nsec = UTIME_NOW;
	if (a->valid & ABI_GOFER_A_MTIME_NOW)
		ts[1].tv_nsec = UTIME_NOW;
	return utimensat(w->srv->proc_fd, gofer_fd_name(h->fd, buf), ts, 0) < 0 ? -errno : 0;
}

/* In the order in which one change undoes another: a new size moves the times, a new owner takes
 * set-id bits. A failure leaves what was done before it. */
int gofer_op_setattr(struct gofer_worker *w, struct gofer_handle *h)
{
	const struct abi_gofer_a_setattr *a = &w->q.args.setattr;
	const uint32_t times = ABI_GOFER_A_ATIME | ABI_GOFER_A_MTIME | ABI_GOFER_A_ATIME_NOW |
			       ABI_GOFER_A_MTIME_NOW;
	int r = 0;

	if (a->valid & ~ABI_GOFER_A_ALL)
		return -EINVAL;
	if (a->valid & ABI_GOFER_A_MODE && h->type == S_IFLNK)
		return -EOPNOTSUPP;
	if (a->valid & ABI_GOFER_A_SIZE)
		r = size_set(w, h, a->size);
	if (!r && a->valid & (ABI_GOFER_A_UID | ABI_GOFER_A_GID))
		r = owner_set(h->fd, a->valid & ABI_GOFER_A_UID ? a->uid : (uint32_t)-1,
			      a->valid & ABI_GOFER_A_GID ? a->gid : (uint32_t)-1);
	if (!r && a->valid & ABI_GOFER_A_MODE)
		r = mode_set(w, h->fd, a->mode);
	if (!r && a->valid & times)
		r = times_set(w, h);
	return r ? r : gofer_stat(h->fd, "", &w->r.attr);
}
