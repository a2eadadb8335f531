/* msgcalls.c - send(2), recv(2), sendmsg(2), recvmsg(2) and their kin */
#include "abi/linux/uio.h"
#include "log.h"
#include "slab.h"
#include "socket/unix.h"
#include "string.h"
#include "syscalls_proto.h"

#define IOV_SMALL 8
#define IOV_MAX	  1024u

/* A destination given with a message. */
static int destination(struct sock *s, uaddr_t uaddr, int len, struct sock **to)
{
	struct abi_sockaddr_un a;
	int n;

	*to = NULL;
	if (uaddr_is_null(uaddr) || !len)
		return 0;
	if (s->type == ABI_SOCK_STREAM)
		return s->state == SOCK_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	n = addr_in(&a, uaddr, len);
	if (n < 0)
		return n;
	if (s->type == ABI_SOCK_SEQPACKET)
		return 0;
	return sock_find(&a, (u32)n, s->type, to);
}

static ssize_t send_to(struct fdref r, struct sock *s, struct iter *it, int flags, struct sock *to,
		       struct scm *scm)
{
	struct send_args a = {
		.data = it,
		.flags = flags,
		.nonblock = (r.file->flags & ABI_O_NONBLOCK) || (flags & ABI_MSG_DONTWAIT),
		.scm = scm,
		.to = to,
	};

	return sock_send(s, &a);
}

long sys_sendto(int fd, uaddr_t buf, size_t count, int flags, uaddr_t uaddr, int len)
{
	struct abi_iovec one;
	struct scm scm = {0};
	struct sock *to;
	struct fdref r;
	struct iter it;
	long n = 0;
	struct sock *s = sock_from_fd(fd, &r, &n);

	if (!s)
		return n;
	n = destination(s, uaddr, len, &to);
	if (!n) {
		iter_init_user(&it, &one, buf, MIN(count, (size_t)INT32_MAX));
		n = send_to(r, s, &it, flags, to, &scm);
		if (to)
			sock_put(to);
	}
	fd_put(r);
	return n;
}

static long send_msg(struct fdref r, struct sock *s, const struct abi_msghdr *h, int flags)
{
	struct abi_iovec small[IOV_SMALL], *iov;
	struct scm scm = {0};
	struct sock *to = NULL;
	struct iter it;
	long n;

	if (h->msg_iovlen > IOV_MAX)
		return -EMSGSIZE;
	n = copy_in_iov(&iov, UADDR(h->msg_iov), h->msg_iovlen, small, IOV_SMALL);
	if (n < 0)
		return n;
	iter_init_iov(&it, iov, (u32)h->msg_iovlen, true);
	n = destination(s, UADDR(h->msg_name), h->msg_namelen, &to);
	if (!n)
		n = scm_parse(&scm, UADDR(h->msg_control), h->msg_controllen);
	if (!n)
		n = send_to(r, s, &it, flags, to, &scm);
	if (to)
		sock_put(to);
	if (iov != small)
		kfree(iov);
	return n;
}

long sys_sendmsg(int fd, uaddr_t umsg, int flags)
{
	struct abi_msghdr h;
	struct fdref r;
	long n = 0;
	struct sock *s = sock_from_fd(fd, &r, &n);

	if (!s)
		return n;
	n = copy_in_obj(&h, umsg) ? -EFAULT : send_msg(r, s, &h, flags);
	fd_put(r);
	return n;
}

long sys_sendmmsg(int fd, uaddr_t umsgs, unsigned int count, int flags)
{
	struct abi_mmsghdr h;
	struct fdref r;
	unsigned int i;
	long n = 0;
	struct sock *s = sock_from_fd(fd, &r, &n);

	if (!s)
		return n;
	for (i = 0; i < MIN(count, IOV_MAX); i++) {
		uaddr_t at = uaddr_add(umsgs, i * sizeof(h));

		n = copy_in_obj(&h, at) ? -EFAULT : send_msg(r, s, &h.msg_hdr, flags);
		if (n < 0)
			break;
		n = put_user32(uaddr_add(at, offsetof(struct abi_mmsghdr, msg_len)), (u32)n);
		if (n)
			break;
	}
	fd_put(r);
	return i ? (long)i : n;
}

static void recv_init(struct recv_args *a, struct fdref r, struct iter *it, int flags)
{
	*a = (struct recv_args){
		.data = it,
		.flags = flags,
		.nonblock = (r.file->flags & ABI_O_NONBLOCK) || (flags & ABI_MSG_DONTWAIT),
	};
}

long sys_recvfrom(int fd, uaddr_t buf, size_t count, int flags, uaddr_t uaddr, uaddr_t ulen)
{
	struct abi_iovec one;
	struct recv_args a;
	struct fdref r;
	struct iter it;
	long n = 0;
	struct sock *s = sock_from_fd(fd, &r, &n);

	if (!s)
		return n;
	iter_init_user(&it, &one, buf, MIN(count, (size_t)INT32_MAX));
	recv_init(&a, r, &it, flags);
	n = sock_recv(s, &a);
	scm_drop(&a.scm);
	if (n >= 0 && addr_out(uaddr, ulen, &a.from, a.from_len > 2 ? a.from_len : 0))
		n = -EFAULT;
	fd_put(r);
	return n;
}

/* Fills the message header's answers: name, control, flags. */
static int recv_header(struct sock *s, struct abi_msghdr *h, struct recv_args *a, int flags)
{
	u32 len = a->from_len > 2 ? a->from_len : 0, out = a->out_flags;
	u64 control = h->msg_controllen;
	int err;

	if (h->msg_name && len &&
	    copy_out(UADDR(h->msg_name), &a->from, MIN(len, (u32)h->msg_namelen)))
		return -EFAULT;
	if (h->msg_name)
		h->msg_namelen = (int)len;
	err = scm_deliver(s, &a->scm, UADDR(h->msg_control), &control, &out,
			  flags & (int)ABI_MSG_CMSG_CLOEXEC);
	h->msg_controllen = control;
	h->msg_flags = out;
	return err;
}

static long recv_msg(struct fdref r, struct sock *s, uaddr_t umsg, int flags)
{
	struct abi_iovec small[IOV_SMALL], *iov;
	struct abi_msghdr h;
	struct recv_args a;
	struct iter it;
	long n;

	if (copy_in_obj(&h, umsg))
		return -EFAULT;
	if (h.msg_iovlen > IOV_MAX)
		return -EMSGSIZE;
	if (h.msg_name && h.msg_namelen < 0)
		return -EINVAL;
	n = copy_in_iov(&iov, UADDR(h.msg_iov), h.msg_iovlen, small, IOV_SMALL);
	if (n < 0)
		return n;
	iter_init_iov(&it, iov, (u32)h.msg_iovlen, true);
	recv_init(&a, r, &it, flags);
	n = sock_recv(s, &a);
	if (n >= 0 && (recv_header(s, &h, &a, flags) || copy_out_obj(umsg, &h)))
		n = -EFAULT;
	scm_drop(&a.scm);
	if (iov != small)
		kfree(iov);
	return n;
}

long sys_recvmsg(int fd, uaddr_t umsg, int flags)
{
	struct fdref r;
	long n = 0;
	struct sock *s = sock_from_fd(fd, &r, &n);

	if (!s)
		return n;
	n = recv_msg(r, s, umsg, flags);
	fd_put(r);
	return n;
}

long sys_recvmmsg(int fd, uaddr_t umsgs, unsigned int count, int flags, uaddr_t utimeout)
{
	u64 deadline = DEADLINE_NONE;
	struct abi_timespec ts;
	struct fdref r;
	unsigned int i;
	struct sock *s;
	long n = 0;

	if (!uaddr_is_null(utimeout)) {
		if (copy_in_obj(&ts, utimeout))
			return -EFAULT;
		if (!timespec_valid(&ts))
			return -EINVAL;
		deadline = time_mono_ns() + timespec_to_ns(&ts);
	}
	s = sock_from_fd(fd, &r, &n);
	if (!s)
		return n;
	for (i = 0; i < MIN(count, IOV_MAX); i++) {
		uaddr_t at = uaddr_add(umsgs, i * sizeof(struct abi_mmsghdr));
		int f = flags & ~(int)ABI_MSG_WAITFORONE;

		if (i && (flags & (int)ABI_MSG_WAITFORONE))
			f |= ABI_MSG_DONTWAIT;
		n = recv_msg(r, s, at, f);
		if (n < 0)
			break;
		n = put_user32(uaddr_add(at, offsetof(struct abi_mmsghdr, msg_len)), (u32)n);
		if (n || time_mono_ns() >= deadline) {
			i += !n;
			break;
		}
	}
	fd_put(r);
	return i ? (long)i : n;
}
