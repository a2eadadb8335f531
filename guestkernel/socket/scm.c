/* scm.c - control messages: SCM_RIGHTS and SCM_CREDENTIALS (unix(7), cmsg(3)) */
#include "abi/linux/caps.h"
#include "log.h"
#include "slab.h"
#include "socket/unix.h"
#include "string.h"

#define CONTROL_MAX 8192u

void scm_drop(struct scm *s)
{
	for (u32 i = 0; i < s->nfiles; i++)
		file_put(s->files[i]);
	kfree(s->files);
	s->files = NULL;
	s->nfiles = 0;
}

int scm_copy(struct scm *to, const struct scm *from)
{
	*to = *from;
	to->files = NULL;
	to->nfiles = 0;
	if (!from->nfiles)
		return 0;
	to->files = kmalloc(from->nfiles * sizeof(*to->files));
	if (!to->files)
		return -ENOMEM;
	for (; to->nfiles < from->nfiles; to->nfiles++) {
		to->files[to->nfiles] = from->files[to->nfiles];
		file_get(to->files[to->nfiles]);
	}
	return 0;
}

static int parse_rights(struct scm *s, const u8 *data, size_t len)
{
	size_t n = len / sizeof(int);

	if (len % sizeof(int) || s->nfiles + n > ABI_SCM_MAX_FD)
		return -EINVAL;
	if (!s->files) {
		s->files = kmalloc(ABI_SCM_MAX_FD * sizeof(*s->files));
		if (!s->files)
			return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		struct fdref r;
		int fd;

		memcpy(&fd, data + i * sizeof(int), sizeof(int));
		r = fd_get(fd);
		if (!r.file || (r.file->flags & ABI_O_PATH)) {
			if (r.file)
				fd_put(r);
			return -EBADF;
		}
		file_get(r.file);
		s->files[s->nfiles++] = r.file;
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

static int deliver_rights(const struct scm *c, struct control_out *o, u32 *flags, bool cloexec)
{
	u64 left = o->room - o->used, base = o->used + sizeof(struct abi_cmsghdr);
	u32 fit = left > sizeof(struct abi_cmsghdr)
			  ? (u32)((left - sizeof(struct abi_cmsghdr)) / sizeof(int))
			  : 0,
	    n;

	for (n = 0; n < MIN(fit, c->nfiles); n++) {
		int fd = fd_reserve(0, cloexec);

		if (fd < 0)
			break;
		if (copy_out(uaddr_add(o->at, base + n * sizeof(int)), &fd, sizeof(fd))) {
			fd_unreserve(fd);
			return -EFAULT;
		}
		file_get(c->files[n]);
		fd_install(fd, c->files[n]);
	}
	if (n < c->nfiles)
		*flags |= ABI_MSG_CTRUNC;
	return n ? put_header(o, ABI_SCM_RIGHTS, n * sizeof(int)) : 0;
}

int scm_deliver(struct sock *s, struct scm *c, uaddr_t control, u64 *len, u32 *flags, bool cloexec)
{
	struct control_out o = {.at = control, .room = *len};
	int err = 0;

	if (s->passcred)
		err = deliver_cred(c, &o, flags);
	if (!err && c->nfiles)
		err = deliver_rights(c, &o, flags, cloexec);
	*len = o.used;
	return err;
}
