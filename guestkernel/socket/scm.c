/* scm.c - control messages: SCM_RIGHTS and SCM_CREDENTIALS (unix(7), cmsg(3))
 *
 * A socket in flight may hold messages with sockets in flight, as deep as a program likes. Letting
 * go of them is therefore no recursion: what ends meanwhile joins the list of the first (struct
 * task, scm_drops). All descriptors in flight are counted, and IN_FLIGHT_MAX is the most of them,
 * since those in a cycle are never let go of (CAVEATS). */
#include "abi/linux/caps.h"
#include "log.h"
#include "slab.h"
#include "socket/unix.h"
#include "string.h"

#define CONTROL_MAX   8192u
#define IN_FLIGHT_MAX 16384u

static a32_t in_flight;

static struct scm_files *rights_new(u32 room)
{
	struct scm_files *fs = kmalloc(sizeof(*fs) + room * sizeof(fs->file[0]));

	if (fs) {
		fs->n = 0;
		fs->room = room;
		a_add(&in_flight, room);
	}
	return fs;
}

static void rights_end(struct scm_files *fs)
{
	for (u32 i = 0; i < fs->n; i++)
		file_put(fs->file[i]);
	a_sub(&in_flight, fs->room);
	kfree(fs);
}

void scm_drop(struct scm *s)
{
	struct scm_files *list = s->files, *fs = list;
	struct task *t = current;

	s->files = NULL;
	if (!fs)
		return;
	if (t->scm_drops) {
		fs->next = *t->scm_drops;
		*t->scm_drops = fs;
		return;
	}
	fs->next = NULL;
	t->scm_drops = &list;
	while ((fs = list)) {
		list = fs->next;
		rights_end(fs);
	}
	t->scm_drops = NULL;
}

int scm_copy(struct scm *to, const struct scm *from)
{
	const struct scm_files *old = from->files;

	*to = *from;
	to->files = NULL;
	if (!old)
		return 0;
	to->files = rights_new(old->n);
	if (!to->files)
		return -ENOMEM;
	for (; to->files->n < old->n; to->files->n++) {
		to->files->file[to->files->n] = old->file[to->files->n];
		file_get(old->file[to->files->n]);
	}
	return 0;
}

static int parse_rights(struct scm *s, const u8 *data, size_t len)
{
	struct scm_files *fs, *old = s->files;
	u32 n = (u32)(len / sizeof(int)), had = old ? old->n : 0;

	if (len % sizeof(int) || had + n > ABI_SCM_MAX_FD)
		return -EINVAL;
	if (!n)
		return 0;
	if (a_load(&in_flight) + n > IN_FLIGHT_MAX)
		return -ETOOMANYREFS;
	fs = rights_new(had + n);
	if (!fs)
		return -ENOMEM;
	if (old) { /* a second message of the kind: they become one */
		memcpy(fs->file, old->file, had * sizeof(fs->file[0]));
		fs->n = had;
		old->n = 0;
		rights_end(old);
	}
	s->files = fs;
	for (u32 i = 0; i < n; i++) {
		struct fdref r;
		int fd;

		memcpy(&fd, data + i * sizeof(int), sizeof(int));
		r = fd_get_raw(fd);
		if (!r.file)
			return -EBADF;
		file_get(r.file);
		fs->file[fs->n++] = r.file;
		fd_put(r);
	}
	return 0;
}

static int parse_cred(struct scm *s, const u8 *data, size_t len)
{
	const struct cred *c = current->cred;
	struct abi_ucred u;

	if (len != sizeof(u))
		return -EINVAL;
	memcpy(&u, data, sizeof(u));
	if (((u32)u.pid != current->proc->pid && !capable(ABI_CAP_SYS_ADMIN)) ||
	    (u.uid != c->uid && u.uid != c->euid && u.uid != c->suid && !capable(ABI_CAP_SETUID)) ||
	    (u.gid != c->gid && u.gid != c->egid && u.gid != c->sgid && !capable(ABI_CAP_SETGID)))
		return -EPERM;
	s->cred = u;
	s->has_cred = true;
	return 0;
}

static int parse_all(struct scm *s, const u8 *buf, size_t len)
{
	struct abi_cmsghdr h;
	int err = 0;

	for (size_t at = 0; !err && len - at >= sizeof(h);) {
		const u8 *data = buf + at + sizeof(h);

		memcpy(&h, buf + at, sizeof(h));
		if (h.cmsg_len < sizeof(h) || h.cmsg_len > len - at)
			return -EINVAL;
		if (h.cmsg_level == ABI_SOL_SOCKET && h.cmsg_type == ABI_SCM_RIGHTS)
			err = parse_rights(s, data, h.cmsg_len - sizeof(h));
		else if (h.cmsg_level == ABI_SOL_SOCKET && h.cmsg_type == ABI_SCM_CREDENTIALS)
			err = parse_cred(s, data, h.cmsg_len - sizeof(h));
		else
			err = -EINVAL;
		at += MIN(ABI_CMSG_ALIGN(h.cmsg_len), len - at);
	}
	return err;
}

int scm_parse(struct scm *s, uaddr_t control, u64 len)
{
	u8 *buf;
	int err;

	if (!len)
		return 0;
	if (len > CONTROL_MAX)
		return -ENOBUFS;
	buf = kmalloc(len);
	if (!buf)
		return -ENOMEM;
	err = copy_in(buf, control, len) ? -EFAULT : parse_all(s, buf, len);
	kfree(buf);
	if (err)
		scm_drop(s);
	return err;
}

/* Where the next control message goes. */
struct control_out {
	uaddr_t at;
	u64 room, used;
};

static int put_header(struct control_out *o, int type, size_t len)
{
	struct abi_cmsghdr h = {
		.cmsg_len = sizeof(h) + len, .cmsg_level = ABI_SOL_SOCKET, .cmsg_type = type};
	u64 space = ABI_CMSG_ALIGN(h.cmsg_len);

	if (copy_out(uaddr_add(o->at, o->used), &h, sizeof(h)))
		return -EFAULT;
	o->used += MIN(space, o->room - o->used);
	return 0;
}

static int deliver_cred(const struct scm *c, struct control_out *o, u32 *flags)
{
	if (o->room - o->used < sizeof(struct abi_cmsghdr) + sizeof(c->cred)) {
		*flags |= ABI_MSG_CTRUNC;
		return 0;
	}
	if (copy_out(uaddr_add(o->at, o->used + sizeof(struct abi_cmsghdr)), &c->cred,
		     sizeof(c->cred)))
		return -EFAULT;
	return put_header(o, ABI_SCM_CREDENTIALS, sizeof(c->cred));
}

static int deliver_rights(const struct scm_files *fs, struct control_out *o, u32 *flags,
			  bool cloexec)
{
	u64 left = o->room - o->used, base = o->used + sizeof(struct abi_cmsghdr);
	u32 fit = left > sizeof(struct abi_cmsghdr)
			  ? (u32)((left - sizeof(struct abi_cmsghdr)) / sizeof(int))
			  : 0,
	    n;

	for (n = 0; n < MIN(fit, fs->n); n++) {
		int fd = fd_reserve(0, cloexec);

		if (fd < 0)
			break;
		if (copy_out(uaddr_add(o->at, base + n * sizeof(int)), &fd, sizeof(fd))) {
			fd_unreserve(fd);
			return -EFAULT;
		}
		file_get(fs->file[n]);
		fd_install(fd, fs->file[n]);
	}
	if (n < fs->n)
		*flags |= ABI_MSG_CTRUNC;
	return n ? put_header(o, ABI_SCM_RIGHTS, n * sizeof(int)) : 0;
}

int scm_deliver(struct sock *s, struct scm *c, uaddr_t control, u64 *len, u32 *flags, bool cloexec)
{
	struct control_out o = {.at = control, .room = *len};
	int err = 0;

	if (s->passcred)
		err = deliver_cred(c, &o, flags);
	if (!err && c->files)
		err = deliver_rights(c->files, &o, flags, cloexec);
	*len = o.used;
	return err;
}
