/* op_io.c - file content and directories
 *
 * Content moves between file and shared memory in one host call, uncopied: nothing in it is ever
 * judged here. Directory records are built in private memory first.
 * Tests: test/unit/gofer/read_test.c, write_test.c */
#include "gofer/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int file_only(const struct gofer_handle *h)
{
	return h->type == S_IFREG ? 0 : h->type == S_IFDIR ? -EISDIR : -EINVAL;
}

int gofer_op_read(struct gofer_worker *w, struct gofer_handle *h)
{
	uint8_t *out = gofer_out(w);
	uint64_t off = w->q.args.io.off;
	int fd, r = file_only(h);

	if (r)
		return r;
	if (off > INT64_MAX - ABI_GOFER_IO_MAX)
		return -EINVAL;
	fd = gofer_handle_io(w->srv, h);
	if (fd < 0)
		return fd;
	/* A short count tells the guest where the file ends, so go on until it does. */
	while (w->r.count < w->q.out_len) {
		ssize_t n = pread(fd, out + w->r.count, w->q.out_len - w->r.count,
				  (off_t)(off + w->r.count));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && w->r.count == 0)
			return -errno;
		if (n <= 0)
			break;
		w->r.count += (uint32_t)n;
	}
	return 0;
}

int gofer_op_write(struct gofer_worker *w, struct gofer_handle *h)
{
	const uint8_t *in = abi_channel_data(&w->srv->chan, w->q.in_off, w->q.in_len);
	uint64_t off = w->q.args.io.off;
	uint32_t done = 0;
	int r = file_only(h);

	if (r)
		return r;
	if (!(h->open & ABI_GOFER_O_WRITE))
		return -EBADF;
	if (off > INT64_MAX - ABI_GOFER_IO_MAX)
		return -EINVAL;
	while (done < w->q.in_len) {
		ssize_t n = pwrite(h->fd, in + done, w->q.in_len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && done == 0)
			return -errno;
		if (n <= 0)
			break;
		done += (uint32_t)n;
	}
	r = gofer_stat(h->fd, "", &w->r.attr);
	if (!r)
		w->r.count = done;
	return r;
}

/* Appends one record to the answer. False: no room. */
static bool dirent_put(struct gofer_worker *w, int fd, const struct dirent64 *d)
{
	struct abi_gofer_dirent rec = {
		.cookie = (uint64_t)d->d_off,
		.ino = d->d_ino,
		.name_len = (uint16_t)strlen(d->d_name),
		.type = d->d_type,
	};
	uint8_t *out = (uint8_t *)gofer_out(w) + w->r.count;
	struct abi_gofer_attr attr;
	size_t at = sizeof(rec), size;

	if (w->q.flags & ABI_GOFER_F_ATTR && gofer_stat(fd, d->d_name, &attr) == 0) {
		rec.has_attr = 1;
		at += sizeof(attr);
	}
	size = (at + rec.name_len + 7) & ~(size_t)7;
	if (size > w->q.out_len - w->r.count)
		return false;
	rec.size = (uint16_t)size;
	memcpy(out, &rec, sizeof(rec));
	if (rec.has_attr)
		memcpy(out + sizeof(rec), &attr, sizeof(attr));
	memset(out + size - 8, 0, 8);
	memcpy(out + at, d->d_name, rec.name_len);
	w->r.count += (uint32_t)size;
	w->r.value = rec.cookie;
	return true;
}

static bool dirent_hidden(const struct dirent64 *d)
{
	return d->d_name[0] == '.' && (!d->d_name[1] || (d->d_name[1] == '.' && !d->d_name[2]));
}

/* One buffer full of the host's entries. 1: there may be more, 0: the directory's or the answer's
 * end, or -errno. */
static int dirents_take(struct gofer_worker *w, struct gofer_handle *h, int fd)
{
	long n = syscall(SYS_getdents64, fd, w->dents, sizeof(w->dents));

	if (n < 0)
		return -errno;
	if (n == 0) {
		w->r.flags |= ABI_GOFER_R_EOF;
		return 0;
	}
	for (long at = 0; at < n;) {
		const struct dirent64 *d = (const struct dirent64 *)(void *)(w->dents + at);

		if (dirent_hidden(d))
			w->r.value = (uint64_t)d->d_off;
		else if (!dirent_put(w, fd, d))
			return 0;
		at += d->d_reclen;
	}
	h->dir_pos = w->r.value;
	return 1;
}

static int readdir_locked(struct gofer_worker *w, struct gofer_handle *h, int fd)
{
	const uint64_t cookie = w->q.args.io.off;
	int r;

	if (cookie > INT64_MAX)
		return -EINVAL;
	if ((cookie == 0 || h->dir_pos != cookie) && lseek(fd, (off_t)cookie, SEEK_SET) < 0)
		return -errno;
	w->r.value = cookie;
	do
		r = dirents_take(w, h, fd);
	while (r > 0);
	/* An entry that did not fit was read from the host already: seek back the next time. */
	if (!(w->r.flags & ABI_GOFER_R_EOF))
		h->dir_pos = UINT64_MAX;
	if (r < 0 && w->r.count)
		r = 0;
	if (r == 0 && w->r.count == 0 && !(w->r.flags & ABI_GOFER_R_EOF))
		r = -EINVAL;
	return r;
}

int gofer_op_readdir(struct gofer_worker *w, struct gofer_handle *h)
{
	pthread_mutex_t *lock = gofer_handle_dir_lock(w->srv, h);
	int fd, r;

	if (h->type != S_IFDIR)
		return -ENOTDIR;
	if (h->dead_end) {
		w->r.flags |= ABI_GOFER_R_EOF;
		return 0;
	}
	fd = gofer_handle_io(w->srv, h);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(lock);
	r = readdir_locked(w, h, fd);
	pthread_mutex_unlock(lock);
	return r;
}

int gofer_op_fsync(struct gofer_worker *w, struct gofer_handle *h)
{
	int fd = h->open ? h->fd : gofer_handle_io(w->srv, h);

	if (fd < 0)
		return fd;
	if (w->q.flags & ABI_GOFER_F_DATASYNC)
		return fdatasync(fd) < 0 ? -errno : 0;
	return fsync(fd) < 0 ? -errno : 0;
}

int gofer_op_syncfs(struct gofer_worker *w, struct gofer_handle *h)
{
	int fd = h->open ? h->fd : gofer_handle_io(w->srv, h);

	if (fd < 0)
		return fd;
	return syncfs(fd) < 0 ? -errno : 0;
}

int gofer_op_fallocate(struct gofer_worker *w, struct gofer_handle *h)
{
	const struct abi_gofer_a_fallocate *a = &w->q.args.fallocate;
	const uint32_t known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
			       FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE |
			       FALLOC_FL_INSERT_RANGE;
	int r = file_only(h);

	if (r)
		return r;
	if (!(h->open & ABI_GOFER_O_WRITE))
		return -EBADF;
	if (a->mode & ~known)
		return -EOPNOTSUPP;
	if (a->off > INT64_MAX || a->len > INT64_MAX || a->zero)
		return -EINVAL;
	if (fallocate(h->fd, (int)a->mode, (off_t)a->off, (off_t)a->len) < 0)
		return -errno;
	return gofer_stat(h->fd, "", &w->r.attr);
}

int gofer_op_lseek(struct gofer_worker *w, struct gofer_handle *h)
{
	const struct abi_gofer_a_lseek *a = &w->q.args.lseek;
	int fd, r = file_only(h);
	off_t at;

	if (r)
		return r;
	if ((a->whence != SEEK_DATA && a->whence != SEEK_HOLE) || a->off > INT64_MAX || a->zero)
		return -EINVAL;
	fd = h->open ? h->fd : gofer_handle_io(w->srv, h);
	if (fd < 0)
		return fd;
	/* The position itself is nobody's: all reading and writing names its offset. */
	at = lseek(fd, (off_t)a->off, (int)a->whence);
	if (at < 0)
		return -errno;
	w->r.value = (uint64_t)at;
	return 0;
}
