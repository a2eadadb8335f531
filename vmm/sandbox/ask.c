/* ask.c - host descriptors for the guest: the server of the ASK channel
 *
 * Provides: reading, writing, polling of the descriptors that the container was given (its stdio),
 *   whatever they are: files, pipes, sockets, terminals.
 * Owns: duplicates of those descriptors, at the numbers they have in the container.
 * Never waits: the descriptors are shared with other programs of the host, so that O_NONBLOCK must
 *   not be set on them. Each attempt asks the kernel not to wait (RWF_NOWAIT), or where a file
 *   does not know that, polls first and writes no more than cannot block. What is not ready waits
 *   in its slot for epoll.
 * Trust: the request is copied once; slot, descriptor, range of data are checked.
 * Differs from Linux: a pipe whose other reader takes the data between poll and read can hold the
 *   main loop until more arrives (kernels before 6.4).
 * Tests: test/oci/stdio.sh
 */
#include "vmm/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/util/util.h"

#define OWN_OFFSET UINT64_MAX
#define TTY_CHUNK  1024u
#define BURST	   (4 * ABI_CTL_SLOTS) /* requests served before others get their turn */
#define POLL_KNOWN (POLLIN | POLLOUT | POLLPRI | POLLERR | POLLHUP | POLLRDHUP)

static bool fd_can_wait(const struct ask_fd *fd)
{
	return fd->mode != S_IFREG && fd->mode != S_IFDIR && fd->mode != S_IFBLK;
}

static short fd_poll(const struct ask_fd *fd, short events)
{
	struct pollfd p = {.fd = fd->src.fd, .events = events};

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

/* Registers with epoll what the waiting slots want. */
static void fd_rearm(struct sandbox *sb, unsigned id)
{
	struct ask *ask = &sb->ask;
	uint32_t events = 0;

	for (unsigned i = 0; i < ABI_CTL_SLOTS; i++) {
		const struct ask_slot *s = &ask->slot[i];

		/* An error or a hang-up is always reported: one bit keeps the registration. */
		if (s->busy && s->waits && s->msg.id == id)
			events |= (uint32_t)s->wanted | EPOLLERR;
	}
	sandbox_watch(sb, &ask->fd[id].src, events);
}

static void ask_answer(struct sandbox *sb, unsigned slot, int64_t ret)
{
	struct ask *ask = &sb->ask;
	struct ask_slot *s = &ask->slot[slot];

	s->msg.ret = ret;
	s->busy = s->waits = false;
	abi_copy_words(abi_channel_slot(&ask->chan, slot), &s->msg, sizeof(s->msg));
	abi_ring_put(&ask->cpl, slot, 0, 0);
}

static void ask_publish(struct sandbox *sb)
{
	uint64_t one = 1;

	if (abi_ring_publish(&sb->ask.cpl))
		(void)!write(sb->vm.irq_ask, &one, sizeof(one));
}

static void ask_wait(struct sandbox *sb, unsigned slot, short wanted)
{
	struct ask_slot *s = &sb->ask.slot[slot];

	s->waits = true;
	s->wanted = wanted;
}

/* One transfer that does not wait. -EAGAIN: not ready. */
static int64_t fd_transfer(const struct ask_fd *fd, bool out, void *data, uint32_t len)
{
	struct iovec iov = {data, len};
	short ready = out ? POLLOUT : POLLIN;
	ssize_t n;

	n = out ? pwritev2(fd->src.fd, &iov, 1, -1, RWF_NOWAIT)
		: preadv2(fd->src.fd, &iov, 1, -1, RWF_NOWAIT);
	if (n >= 0 || errno != EOPNOTSUPP)
		return n < 0 ? -errno : n;
	if (!(fd_poll(fd, ready) & (ready | POLLERR | POLLHUP)))
		return -EAGAIN;
	if (out && fd->mode == S_IFIFO && len > PIPE_BUF)
		len = PIPE_BUF;
	if (out && fd->flags & ABI_CTL_FD_TTY && len > TTY_CHUNK)
		len = TTY_CHUNK;
	n = out ? write(fd->src.fd, data, len) : read(fd->src.fd, data, len);
	return n < 0 ? -errno : n;
}

static void ask_transfer(struct sandbox *sb, unsigned slot, struct ask_fd *fd)
{
	struct ask_slot *s = &sb->ask.slot[slot];
	bool out = s->msg.op == ABI_CTL_FD_WRITE;
	void *data = abi_channel_data(&sb->ask.chan, s->msg.data_off, s->msg.data_len);
	uint64_t off = s->msg.arg0;
	int64_t n;

	if (!data) {
		ask_answer(sb, slot, -EINVAL);
		return;
	}
	if (off != OWN_OFFSET)
		n = out ? pwrite(fd->src.fd, data, s->msg.data_len, off)
			: pread(fd->src.fd, data, s->msg.data_len, off);
	else if (!fd_can_wait(fd))
		n = out ? write(fd->src.fd, data, s->msg.data_len)
			: read(fd->src.fd, data, s->msg.data_len);
	else
		n = fd_transfer(fd, out, data, s->msg.data_len);
	if (n == -1 && (off != OWN_OFFSET || !fd_can_wait(fd)))
		n = -errno;
	if (n == -EAGAIN && fd_can_wait(fd) && !(s->msg.flags & ABI_CTL_NOWAIT)) {
		ask_wait(sb, slot, out ? POLLOUT : POLLIN);
		return;
	}
	s->msg.data_len = n > 0 && !out ? n : 0;
	ask_answer(sb, slot, n);
}

static void ask_poll(struct sandbox *sb, unsigned slot, struct ask_fd *fd)
{
	struct ask_slot *s = &sb->ask.slot[slot];
	short wanted = s->msg.arg0 & POLL_KNOWN, revents;

	revents = fd_can_wait(fd) ? fd_poll(fd, wanted) : wanted & (POLLIN | POLLOUT);
	if (revents || !fd_can_wait(fd) || s->msg.flags & ABI_CTL_NOWAIT)
		ask_answer(sb, slot, revents);
	else
		ask_wait(sb, slot, wanted);
}

static void ask_info(struct sandbox *sb, unsigned slot, struct ask_fd *fd)
{
	struct ask_slot *s = &sb->ask.slot[slot];
	struct abi_ctl_fdinfo info;
	void *data = abi_channel_data(&sb->ask.chan, s->msg.data_off, sizeof(info));
	struct stat st;

	if (!data || s->msg.data_len < sizeof(info) || s->msg.data_off % 4) {
		ask_answer(sb, slot, -EINVAL);
		return;
	}
	if (fstat(fd->src.fd, &st)) {
		ask_answer(sb, slot, -errno);
		return;
	}
	info = (struct abi_ctl_fdinfo){
		.dev = st.st_dev,
		.ino = st.st_ino,
		.size = st.st_size,
		.rdev = st.st_rdev,
		.mode = st.st_mode,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.nlink = st.st_nlink,
		.atime_ns = st.st_atim.tv_sec * 1000000000ll + st.st_atim.tv_nsec,
		.mtime_ns = st.st_mtim.tv_sec * 1000000000ll + st.st_mtim.tv_nsec,
		.ctime_ns = st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec,
	};
	memcpy(data, &info, sizeof(info));
	s->msg.arg0 = st.st_mode & S_IFMT;
	s->msg.arg1 = fd->flags;
	s->msg.data_len = sizeof(info);
	ask_answer(sb, slot, 0);
}

static void ask_cancel(struct sandbox *sb, unsigned slot)
{
	struct ask *ask = &sb->ask;
	uint64_t other = ask->slot[slot].msg.arg0;
	unsigned id;

	if (other >= ABI_CTL_SLOTS || !ask->slot[other].busy || !ask->slot[other].waits) {
		ask_answer(sb, slot, -ENOENT);
		return;
	}
	id = ask->slot[other].msg.id;
	ask->slot[other].msg.data_len = 0;
	ask_answer(sb, other, -EINTR);
	ask_answer(sb, slot, 0);
	fd_rearm(sb, id);
}

static void ask_close(struct sandbox *sb, unsigned slot, struct ask_fd *fd)
{
	struct ask *ask = &sb->ask;
	unsigned id = ask->slot[slot].msg.id;

	for (unsigned i = 0; i < ABI_CTL_SLOTS; i++)
		if (ask->slot[i].busy && ask->slot[i].waits && ask->slot[i].msg.id == id)
			ask_answer(sb, i, -EBADF);
	sandbox_watch(sb, &fd->src, 0);
	close(fd->src.fd);
	fd->src.fd = -1;
	ask_answer(sb, slot, 0);
}

static int64_t ask_simple(struct ask_fd *fd, struct abi_ctl *msg)
{
	struct winsize ws;
	int64_t rc;

	switch (msg->op) {
	case ABI_CTL_FD_SEEK:
		rc = lseek(fd->src.fd, msg->arg0, msg->arg1);
		break;
	case ABI_CTL_FD_TRUNC:
		rc = ftruncate(fd->src.fd, msg->arg0);
		break;
	case ABI_CTL_FD_SYNC:
		rc = fsync(fd->src.fd);
		break;
	case ABI_CTL_FD_WINSZ:
		rc = ioctl(fd->src.fd, TIOCGWINSZ, &ws);
		if (!rc)
			msg->arg0 = ws.ws_row | (uint32_t)ws.ws_col << 16;
		break;
	default:
		return -ENOSYS;
	}
	return rc < 0 ? -errno : rc;
}

static void ask_serve(struct sandbox *sb, unsigned slot)
{
	struct ask_slot *s = &sb->ask.slot[slot];
	struct ask_fd *fd;

	if (s->msg.op == ABI_CTL_FD_CANCEL) {
		ask_cancel(sb, slot);
		return;
	}
	if (s->msg.id >= sb->ask.fd_count || sb->ask.fd[s->msg.id].src.fd < 0) {
		ask_answer(sb, slot, -EBADF);
		return;
	}
	fd = &sb->ask.fd[s->msg.id];
	switch (s->msg.op) {
	case ABI_CTL_FD_INFO:
		ask_info(sb, slot, fd);
		break;
	case ABI_CTL_FD_READ:
	case ABI_CTL_FD_WRITE:
		ask_transfer(sb, slot, fd);
		break;
	case ABI_CTL_FD_POLL:
		ask_poll(sb, slot, fd);
		break;
	case ABI_CTL_FD_CLOSE:
		ask_close(sb, slot, fd);
		break;
	default:
		ask_answer(sb, slot, ask_simple(fd, &s->msg));
	}
	if (s->waits)
		fd_rearm(sb, s->msg.id);
}

static void ask_broken(struct sandbox *sb)
{
	sandbox_log(sb, 0, "the kernel broke the channel of host descriptors");
	sb->ask.broken = true;
	sandbox_watch(sb, &sb->ask.bell, 0);
}

/* A guest that asks without end must not keep the main loop here: it rings again for the rest. */
static void ask_ready(struct sandbox *sb, struct source *src, uint32_t events)
{
	struct ask *ask = &sb->ask;
	unsigned left = BURST;
	struct abi_ring_desc d;
	uint64_t count = 0;
	int rc = ABI_RING_AGAIN;

	(void)!read(src->fd, &count, sizeof(count));
	do {
		while (left && (rc = abi_ring_get(&ask->req, &d)) == ABI_RING_OK) {
			left--;
			if (d.id >= ABI_CTL_SLOTS || ask->slot[d.id].busy) {
				ask_broken(sb);
				return;
			}
			ask->slot[d.id].busy = true;
			abi_copy_words(&ask->slot[d.id].msg, abi_channel_slot(&ask->chan, d.id),
				       sizeof(struct abi_ctl));
			ask_serve(sb, d.id);
		}
		abi_ring_release(&ask->req);
		ask_publish(sb);
		if (!left) {
			count = 1;
			(void)!write(src->fd, &count, sizeof(count));
			return;
		}
	} while (rc == ABI_RING_AGAIN && (rc = abi_ring_arm_get(&ask->req)) == ABI_RING_OK);
	if (rc == ABI_RING_BROKEN)
		ask_broken(sb);
}

/* A descriptor that some slot waits for has become ready. */
static void fd_ready(struct sandbox *sb, struct source *src, uint32_t events)
{
	struct ask_fd *fd = (struct ask_fd *)(void *)((char *)src - offsetof(struct ask_fd, src));
	struct ask *ask = &sb->ask;
	unsigned id = fd - ask->fd;

	for (unsigned i = 0; i < ABI_CTL_SLOTS && fd->src.fd >= 0; i++) {
		struct ask_slot *s = &ask->slot[i];

		if (!s->busy || !s->waits || s->msg.id != id)
			continue;
		s->waits = false;
		if (s->msg.op == ABI_CTL_FD_POLL)
			ask_poll(sb, i, fd);
		else
			ask_transfer(sb, i, fd);
	}
	fd_rearm(sb, id);
	ask_publish(sb);
}

static unsigned fd_same(unsigned id)
{
	pid_t self = getpid();

	for (unsigned i = 0; i < id; i++)
		if (!syscall(SYS_kcmp, self, self, KCMP_FILE, i, id))
			return i;
	return id;
}

static void ask_add_fd(struct ask *ask, unsigned id)
{
	struct ask_fd *fd = &ask->fd[id];
	int flags = fcntl(id, F_GETFL);
	struct stat st;

	fd->src = (struct source){.fd = -1, .ready = fd_ready};
	if (flags < 0 || fstat(id, &st))
		return;
	fd->src.fd = id;
	fd->mode = st.st_mode & S_IFMT;
	fd->flags = fd_same(id) << ABI_CTL_FD_SAME;
	if ((flags & O_ACCMODE) != O_WRONLY)
		fd->flags |= ABI_CTL_FD_READ_OK;
	if ((flags & O_ACCMODE) != O_RDONLY)
		fd->flags |= ABI_CTL_FD_WRITE_OK;
	if (flags & O_APPEND)
		fd->flags |= ABI_CTL_FD_APPEND;
	if (S_ISCHR(st.st_mode) && isatty(id))
		fd->flags |= ABI_CTL_FD_TTY;
}

int ask_open(struct sandbox *sb, struct error *err)
{
	struct ask *ask = &sb->ask;
	void *base = sb->vm.shared + ABI_SHARED_CTL_ASK;

	if (abi_channel_format(base, ABI_CTL_CHANNEL_SIZE, ABI_CHANNEL_CONTROL, ABI_CTL_ENTRIES,
			       ABI_CTL_SLOTS, ABI_CTL_SLOT_SIZE) ||
	    abi_channel_open(&ask->chan, base, ABI_CTL_CHANNEL_SIZE, ABI_CHANNEL_CONTROL) ||
	    abi_channel_rings(&ask->chan, &ask->req, &ask->cpl))
		return error_set(err, "cannot lay out the channel of host descriptors");
	ask->fd_count = 3;
	for (unsigned i = 0; i < ask->fd_count; i++)
		ask_add_fd(ask, i);
	abi_ring_arm_get(&ask->req);
	ask->bell = (struct source){.fd = sb->vm.doorbell_ask, .ready = ask_ready};
	sandbox_watch(sb, &ask->bell, EPOLLIN);
	return 0;
}
