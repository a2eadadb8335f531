/* hostfile.c - host descriptors as files: what a container is given as stdin, stdout, stderr
 *
 * Provides: hostfile_open. Owns: struct hostfile, one per host open file (descriptors that the host
 *   duplicated share it, and so their position and flags).
 * Reads and writes go to the VMM's I/O thread; the host's own position is used, so that output is
 * appended and input consumed exactly as the caller's shell expects. Readiness is asked for: a poll
 * that may sleep leaves one request with the VMM, whose answer wakes the pollers.
 * Terminals are in hosttty.c. Sleeps: yes. Differs from Linux: mmap of such a file is refused.
 * Tests: test/vm, test/real */
#include "abi/linux/fcntl.h"
#include "abi/linux/poll.h"
#include "abi/linux/uio.h"
#include "abi/linux/stat.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "tty/ask.h"
#include "tty/hosttty.h"
#include "vfs.h"

struct hostfile {
	a32_t refs;
	u32 index;		/* [I] in the VMM's table */
	u32 mode;		/* [I] */
	struct waitq wait;	/* pollers */
	struct ask_async armed; /* a poll request that is under way */
	a32_t armed_events;	/* [a] what it waits for */
};

#define OWN_POSITION (~0ull)

static ssize_t hostfile_move(struct file *f, struct iter *it, bool write, u64 pos)
{
	struct hostfile *h = f->priv;
	bool nowait = f->flags & ABI_O_NONBLOCK;
	ssize_t done = 0;

	while (it->left) {
		struct ask_args a = {
			.op = write ? ABI_CTL_FD_WRITE : ABI_CTL_FD_READ,
			.flags = nowait ? ABI_CTL_NOWAIT : 0,
			.fd = h->index,
			.arg0 = pos == OWN_POSITION ? pos : pos + (u64)done,
			.in = write ? it : NULL,
			.out = write ? NULL : it,
			.len = MIN(it->left, ask_chunk()),
		};
		struct iter before = *it;
		s64 n = ask_call(&a, NULL, true);

		if (n < 0) {
			if (n == -EPIPE && !done)
				(void)signal_send_task(current, ABI_SIGPIPE, NULL);
			return done ? done : (ssize_t)n;
		}
		done += n;
		if (write && (size_t)n < a.len) {
			*it = before; /* what was not taken is still the caller's */
			iter_advance(it, (size_t)n);
		}
		if (n == 0 || !write)
			break;
	}
	return done;
}

/* What has no position here has none on the host; else pread and pwrite name their own. */
static u64 position(const struct file *f, const loff_t *pos)
{
	return !f->ops->llseek || pos == &f->pos ? OWN_POSITION : (u64)*pos;
}

static ssize_t hostfile_read(struct file *f, struct iter *to, loff_t *pos)
{
	return hostfile_move(f, to, false, position(f, pos));
}

static ssize_t hostfile_write(struct file *f, struct iter *from, loff_t *pos)
{
	return hostfile_move(f, from, true, position(f, pos));
}

static s64 hostfile_ask(struct hostfile *h, u16 op, u16 flags, u64 arg0, u64 arg1,
			struct abi_ctl *r)
{
	return ask_call(
		&(struct ask_args){
			.op = op, .flags = flags, .fd = h->index, .arg0 = arg0, .arg1 = arg1},
		r, false);
}

static loff_t hostfile_llseek(struct file *f, loff_t off, int whence)
{
	return hostfile_ask(f->priv, ABI_CTL_FD_SEEK, 0, (u64)off, (u64)whence, NULL);
}

static void hostfile_ready(struct ask_async *a, const struct abi_ctl *reply)
{
	struct hostfile *h = container_of(a, struct hostfile, armed);

	waitq_wake(&h->wait, ~0u, reply->ret > 0 ? (u32)reply->ret : ABI_POLLERR);
}

static u32 hostfile_poll(struct file *f, struct poll_table *pt)
{
	struct hostfile *h = f->priv;
	u32 want = pt && pt->events ? pt->events : ABI_POLLIN | ABI_POLLOUT;
	s64 now;

	poll_wait(pt, f, &h->wait);
	now = hostfile_ask(h, ABI_CTL_FD_POLL, ABI_CTL_NOWAIT, want, 0, NULL);
	if (now < 0)
		return ABI_POLLERR;
	if (!now && pt && pt->queue) {
		u32 events = a_load(&h->armed_events);

		/* One that waits for less than this is answered and asked anew. */
		if (!a_load(&h->armed.busy) || (want & ~events)) {
			a_store(&h->armed_events, want | events);
			(void)ask_start(&h->armed, ABI_CTL_FD_POLL, h->index, want | events);
		}
	}
	return (u32)now;
}

static int hostfile_fsync(struct file *f, bool data_only)
{
	struct hostfile *h = f->priv;

	(void)data_only;
	return (int)hostfile_ask(h, ABI_CTL_FD_SYNC, 0, 0, 0, NULL);
}

static void hostfile_describe(struct file *f, char *buf, size_t size)
{
	struct hostfile *h = f->priv;
	const char *kind = "file";

	if ((h->mode & ABI_S_IFMT) == ABI_S_IFIFO)
		kind = "pipe";
	else if ((h->mode & ABI_S_IFMT) == ABI_S_IFSOCK)
		kind = "socket";
	ksnprintf(buf, size, "%s:[host%u]", kind, h->index);
}

static const struct file_ops hostfile_ops = {
	.read = hostfile_read,
	.write = hostfile_write,
	.llseek = hostfile_llseek,
	.host_pos = true,
	.poll = hostfile_poll,
	.fsync = hostfile_fsync,
	.describe = hostfile_describe,
};
/* Pipes, sockets and devices have no position. */
static const struct file_ops hoststream_ops = {
	.read = hostfile_read,
	.write = hostfile_write,
	.poll = hostfile_poll,
	.describe = hostfile_describe,
};

static struct abi_timespec timespec_of(s64 ns)
{
	return (struct abi_timespec){ns / 1000000000, ns % 1000000000};
}

static int hostfile_info(struct hostfile *h, struct abi_ctl_fdinfo *info, struct abi_ctl *r)
{
	struct abi_iovec one;
	struct iter it;
	s64 n;

	iter_init_kernel(&it, &one, info, sizeof(*info));
	n = ask_call(
		&(struct ask_args){
			.op = ABI_CTL_FD_INFO, .fd = h->index, .out = &it, .len = sizeof(*info)},
		r, false);
	if (n < 0)
		return (int)n;
	return it.left ? -EIO : 0;
}

static int hostfile_getattr(struct inode *inode, struct kstat *st)
{
	struct hostfile *h = inode->priv;
	struct abi_ctl_fdinfo info;
	struct abi_ctl r;
	int err = hostfile_info(h, &info, &r);

	if (err)
		return err;
	*st = (struct kstat){.dev = info.dev,
			     .ino = info.ino,
			     .rdev = info.rdev,
			     .size = info.size,
			     .blocks = (info.size + 511) / 512,
			     .mode = info.mode,
			     .nlink = info.nlink,
			     .uid = info.uid,
			     .gid = info.gid,
			     .blksize = 4096,
			     .mask = ABI_STATX_BASIC_STATS};
	st->atime = timespec_of(info.atime_ns);
	st->mtime = timespec_of(info.mtime_ns);
	st->ctime = timespec_of(info.ctime_ns);
	return 0;
}

static int hostfile_setattr(struct inode *inode, const struct iattr *a)
{
	if (a->valid & ~(ATTR_SIZE | ATTR_CTIME | ATTR_MTIME))
		return -EPERM;
	if (!(a->valid & ATTR_SIZE))
		return 0;
	return (int)hostfile_ask(inode->priv, ABI_CTL_FD_TRUNC, 0, a->size, 0, NULL);
}

static void hostfile_evict(struct inode *inode)
{
	struct hostfile *h = inode->priv;

	(void)hostfile_ask(h, ABI_CTL_FD_CLOSE, 0, 0, 0, NULL);
	/* a poll that was under way has been answered by the close */
	wait_event(&h->wait, !a_load(&h->armed.busy));
	kfree(h);
}

static const struct inode_ops hostfile_inode_ops = {
	.getattr = hostfile_getattr,
	.setattr = hostfile_setattr,
	.evict = hostfile_evict,
};

static u32 access_flags(u64 bits)
{
	u32 f = bits & ABI_CTL_FD_APPEND ? ABI_O_APPEND : 0;

	if ((bits & ABI_CTL_FD_READ_OK) && (bits & ABI_CTL_FD_WRITE_OK))
		return f | ABI_O_RDWR;
	return f | (bits & ABI_CTL_FD_WRITE_OK ? ABI_O_WRONLY : ABI_O_RDONLY);
}

static int hostfile_new(struct hostfile *h, const struct abi_ctl *r,
			const struct abi_ctl_fdinfo *info, struct file **out)
{
	bool seeks = (info->mode & ABI_S_IFMT) == ABI_S_IFREG;
	struct inode *inode = inode_new_anon(info->mode);
	struct file *f;

	if (!inode)
		return -ENOMEM;
	h->mode = info->mode;
	inode->ops = &hostfile_inode_ops;
	inode->priv = h;
	f = file_new_inode(seeks ? &hostfile_ops : &hoststream_ops, access_flags(r->arg1), h,
			   inode);
	if (!f) {
		inode->ops = NULL; /* h is still the caller's */
		inode_put(inode);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

int hostfile_open(u32 index, u32 *same, struct file **out)
{
	struct hostfile *h = kzalloc(sizeof(*h));
	struct abi_ctl_fdinfo info;
	struct abi_ctl r;
	int err;

	if (!h)
		return -ENOMEM;
	h->index = index;
	waitq_init(&h->wait);
	h->armed.fn = hostfile_ready;
	err = hostfile_info(h, &info, &r);
	if (err)
		goto out_free;
	*same = (u32)(r.arg1 >> ABI_CTL_FD_SAME) & 0xff;
	if (r.arg1 & ABI_CTL_FD_TTY) {
		kfree(h);
		return hosttty_open(index, access_flags(r.arg1), &info, out);
	}
	err = hostfile_new(h, &r, &info, out);
	if (err)
		goto out_free;
	return 0;

out_free:
	kfree(h);
	return err;
}
