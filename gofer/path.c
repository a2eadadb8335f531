/* path.c - from names to descriptors, never leaving the mount
 *
 * Every name is one component, checked by the codec, and resolved with openat2(RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS) and O_NOFOLLOW: a symbolic link yields the link
 * itself, never its target. What a descriptor stands for is settled by fstat before it is opened
 * for real, through the magic links of our own descriptor directory: an inode's type cannot
 * change, so a name swapped in between does not matter.
 * Tests: test/unit/gofer/read_test.c, escape_test.c */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "abi/gofer_codec.h"

/* The kernel answers EAGAIN when a rename elsewhere keeps it from proving that the walk stayed
 * beneath; for single components that is rare, so a few rounds suffice. */
#define OPEN_RETRIES 16

/* Opens dirfd/name. flags: O_*, with O_NOFOLLOW and O_CLOEXEC added. Descriptor or -errno. */
int gofer_open_child(int dirfd, const char *name, uint64_t flags, uint64_t mode)
{
	struct open_how how = {
		.flags = flags | O_NOFOLLOW | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	for (int i = 0; i < OPEN_RETRIES; i++) {
		long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return errno == EMFILE ? -ENFILE : -errno;
	}
	return -EAGAIN;
}

/* The name of a descriptor inside proc_fd. */
char *gofer_fd_name(int fd, char buf[12])
{
	char *p = buf + 11;

	*p = 0;
	do
		*--p = (char)('0' + fd % 10);
	while (fd /= 10);
	return p;
}

/* Opens what an O_PATH descriptor stands for. The caller has made sure that it is a regular file
 * or a directory. Reading leaves the access time alone where the host allows that. */
int gofer_reopen(struct gofer_server *srv, int fd, int flags)
{
	char buf[12];
	const char *name = gofer_fd_name(fd, buf);
	int got;

	flags |= O_CLOEXEC | O_NOCTTY;
	got = openat(srv->proc_fd, name, flags | (flags & O_PATH ? 0 : O_NOATIME));
	if (got < 0 && errno == EPERM && !(flags & O_PATH))
		got = openat(srv->proc_fd, name, flags);
	if (got < 0)
		return errno == EMFILE ? -ENFILE : -errno;
	return got;
}

static void stat_convert(const struct statx *st, struct abi_gofer_attr *a)
{
	*a = (struct abi_gofer_attr){
		.ino = st->stx_ino,
		.dev = (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor,
		.size = st->stx_size,
		.blocks = st->stx_blocks,
		.rdev = (uint64_t)st->stx_rdev_major << 32 | st->stx_rdev_minor,
		.atime = st->stx_atime.tv_sec,
		.mtime = st->stx_mtime.tv_sec,
		.ctime = st->stx_ctime.tv_sec,
		.btime = st->stx_btime.tv_sec,
		.atime_nsec = st->stx_atime.tv_nsec,
		.mtime_nsec = st->stx_mtime.tv_nsec,
		.ctime_nsec = st->stx_ctime.tv_nsec,
		.btime_nsec = st->stx_btime.tv_nsec,
		.mode = st->stx_mode,
		.nlink = st->stx_nlink,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
		.blksize = st->stx_blksize ? st->stx_blksize : 4096,
		.mnt = st->stx_mask & STATX_MNT_ID ? st->stx_mnt_id : 0,
	};
	if (st->stx_mask & STATX_BTIME)
		a->flags |= ABI_GOFER_ATTR_BTIME;
	if (st->stx_attributes & STATX_ATTR_IMMUTABLE)
		a->flags |= ABI_GOFER_ATTR_IMMUTABLE;
	if (st->stx_attributes & STATX_ATTR_APPEND)
		a->flags |= ABI_GOFER_ATTR_APPEND;
}

/* Attributes of fd (name "") or of fd/name, a link itself and not its target. */
int gofer_stat(int fd, const char *name, struct abi_gofer_attr *attr)
{
	struct statx st;

	if (statx(fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &st) < 0)
		return -errno;
	stat_convert(&st, attr);
	return 0;
}

/* The host's flags for an open; -EINVAL: no such combination. */
int gofer_host_flags(unsigned f)
{
	int flags;

	switch (f & (ABI_GOFER_O_READ | ABI_GOFER_O_WRITE)) {
	case ABI_GOFER_O_READ:
		if (f & (ABI_GOFER_O_TRUNC | ABI_GOFER_O_APPEND))
			return -EINVAL;
		flags = O_RDONLY;
		break;
	case ABI_GOFER_O_WRITE:
		flags = O_WRONLY;
		break;
	case ABI_GOFER_O_READ | ABI_GOFER_O_WRITE:
		flags = O_RDWR;
		break;
	default:
		return -EINVAL;
	}
	if (f & ABI_GOFER_O_TRUNC)
		flags |= O_TRUNC;
	if (f & ABI_GOFER_O_APPEND)
		flags |= O_APPEND;
	if (f & ABI_GOFER_O_DSYNC)
		flags |= O_DSYNC;
	if (f & ABI_GOFER_O_SYNC)
		flags |= O_SYNC;
	return flags;
}

/* Takes the file name at *pos of the request's `in` into w->name[which]. */
int gofer_in_name(struct gofer_worker *w, uint32_t *pos, unsigned which)
{
	const uint8_t *name;
	uint32_t len;

	if (abi_gofer_name_get(w->in, w->q.in_len, pos, &name, &len))
		return -EINVAL;
	memcpy(w->name[which], name, len);
	w->name[which][len] = 0;
	return 0;
}

/* Where the answer's bytes go; the range was checked when the request was taken. */
void *gofer_out(struct gofer_worker *w)
{
	return abi_channel_data(&w->srv->chan, w->q.out_off, w->q.out_len);
}
