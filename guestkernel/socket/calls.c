/* calls.c - socket(2), socketpair(2), bind(2), connect(2), listen(2), accept(2), names, shutdown(2)
 *
 * Families other than AF_UNIX answer EAFNOSUPPORT: the sandbox has no network yet (CAVEATS). */
#include "abi/linux/poll.h"
#include "log.h"
#include "socket/unix.h"
#include "string.h"
#include "syscalls_proto.h"

static int check_kind(int family, int type, int proto)
{
	int kind = type & ABI_SOCK_TYPE_MASK;

	if (type & ~(ABI_SOCK_TYPE_MASK | ABI_SOCK_NONBLOCK | ABI_SOCK_CLOEXEC))
		return -EINVAL;
	if (family != ABI_AF_UNIX)
		return -EAFNOSUPPORT;
	if (proto != 0 && proto != ABI_AF_UNIX)
		return -EPROTONOSUPPORT;
	if (kind != ABI_SOCK_STREAM && kind != ABI_SOCK_DGRAM && kind != ABI_SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return kind;
}

/* A socket as a new descriptor; the socket is consumed either way. */
static int sock_fd(struct sock *s, int type)
{
	struct file *f;
	int fd = sock_file(s, (u32)type, &f);

	if (fd) {
		sock_close(s);
		return fd;
	}
	fd = fd_new(f, (u32)type & ABI_SOCK_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_socket(int family, int type, int proto)
{
	int kind = check_kind(family, type, proto);
	struct sock *s;

	if (kind < 0)
		return kind;
	s = sock_new(kind);
	return s ? sock_fd(s, type) : -ENOMEM;
}

static void join(struct sock *a, struct sock *b)
{
	a->peer = b;
	sock_get(b);
	b->peer = a;
	sock_get(a);
	a->state = b->state = SOCK_CONNECTED;
}

long sys_socketpair(int family, int type, int proto, uaddr_t ufds)
{
	int kind = check_kind(family, type, proto), fds[2];
	struct sock *a, *b;

	if (kind < 0)
		return kind;
	a = sock_new(kind);
	b = sock_new(kind);
	if (!a || !b) {
		if (a)
			sock_put(a);
		if (b)
			sock_put(b);
		return -ENOMEM;
	}
	join(a, b);
	fds[0] = sock_fd(a, type);
	if (fds[0] < 0) {
		sock_close(b);
		return fds[0];
	}
	fds[1] = sock_fd(b, type);
	if (fds[1] < 0) {
		fd_close(fds[0]);
		return fds[1];
	}
	if (copy_out(ufds, fds, sizeof(fds))) {
		fd_close(fds[0]);
		fd_close(fds[1]);
		return -EFAULT;
	}
	return 0;
}

long sys_bind(int fd, uaddr_t uaddr, int len)
{
	struct abi_sockaddr_un a;
	struct fdref r;
	long err = 0;
	struct sock *s = sock_from_fd(fd, &r, &err);

	if (!s)
		return err;
	err = addr_in(&a, uaddr, len);
	if (err > 0)
		err = sock_bind(s, &a, (u32)err);
	fd_put(r);
	return err;
}

long sys_connect(int fd, uaddr_t uaddr, int len)
{
	struct abi_sockaddr_un a;
	struct fdref r;
	long err = 0;
	struct sock *s = sock_from_fd(fd, &r, &err);

	if (!s)
		return err;
	err = addr_in(&a, uaddr, len);
	if (err > 0)
		err = sock_connect(s, &a, (u32)err, r.file->flags & ABI_O_NONBLOCK);
	fd_put(r);
	return err;
}

long sys_listen(int fd, int backlog)
{
	struct fdref r;
	long err = 0;
	struct sock *s = sock_from_fd(fd, &r, &err);

	if (!s)
		return err;
	err = sock_listen(s, backlog);
	fd_put(r);
	return err;
}

static int peer_name(struct sock *s, struct abi_sockaddr_un *a, u32 *len)
{
	struct sock *p = sock_peer(s);

	if (!p)
		return -ENOTCONN;
	mutex_lock(&p->lock);
	*a = p->addr;
	*len = p->addr_len;
	mutex_unlock(&p->lock);
	sock_put(p);
	return 0;
}

long sys_accept4(int fd, uaddr_t uaddr, uaddr_t ulen, int flags)
{
	struct abi_sockaddr_un a = {.sun_family = ABI_AF_UNIX};
	struct sock *s, *new;
	struct fdref r;
	long err = 0;
	u32 len = 2;
	int nfd;

	if (flags & ~(ABI_SOCK_NONBLOCK | ABI_SOCK_CLOEXEC))
		return -EINVAL;
	s = sock_from_fd(fd, &r, &err);
	if (!s)
		return err;
	err = sock_accept(s, r.file->flags & ABI_O_NONBLOCK, &new);
	fd_put(r);
	if (err)
		return err;
	(void)peer_name(new, &a, &len);
	nfd = sock_fd(new, flags);
	if (nfd >= 0 && addr_out(uaddr, ulen, &a, len)) {
		fd_close(nfd);
		return -EFAULT;
	}
	return nfd;
}

long sys_accept(int fd, uaddr_t addr, uaddr_t len)
{
	return sys_accept4(fd, addr, len, 0);
}

long sys_getsockname(int fd, uaddr_t uaddr, uaddr_t ulen)
{
	struct abi_sockaddr_un a;
	struct fdref r;
	long err = 0;
	struct sock *s = sock_from_fd(fd, &r, &err);
	u32 len;

	if (!s)
		return err;
	mutex_lock(&s->lock);
	a = s->addr;
	len = s->addr_len;
	mutex_unlock(&s->lock);
	fd_put(r);
	return uaddr_is_null(uaddr) ? -EFAULT : addr_out(uaddr, ulen, &a, len);
}

long sys_getpeername(int fd, uaddr_t uaddr, uaddr_t ulen)
{
	struct abi_sockaddr_un a;
	struct fdref r;
	long err = 0;
	struct sock *s = sock_from_fd(fd, &r, &err);
	u32 len;

	if (!s)
		return err;
	err = peer_name(s, &a, &len);
	fd_put(r);
	if (err)
		return err;
	return uaddr_is_null(uaddr) ? -EFAULT : addr_out(uaddr, ulen, &a, len);
}

static long do_shutdown(struct sock *s, int how)
{
	bool rd = how != ABI_SHUT_WR, wr = how != ABI_SHUT_RD;
	struct sock *peer;

	mutex_lock(&s->lock);
	if (s->state != SOCK_CONNECTED && s->state != SOCK_LISTENING) {
		mutex_unlock(&s->lock);
		return -ENOTCONN;
	}
	s->rd_shut |= rd;
	s->wr_shut |= wr;
	peer = s->type == ABI_SOCK_DGRAM ? NULL : s->peer;
	if (peer)
		sock_get(peer);
	mutex_unlock(&s->lock);
	waitq_wake_all(&s->wait);
	waitq_wake_all(&s->room);
	if (peer) {
		mutex_lock(&peer->lock);
		peer->rd_shut |= wr;
		peer->wr_shut |= rd;
		mutex_unlock(&peer->lock);
		waitq_wake_all(&peer->wait);
		waitq_wake_all(&peer->room);
		sock_put(peer);
	}
	return 0;
}

long sys_shutdown(int fd, int how)
{
	struct fdref r;
	long err = 0;
	struct sock *s = sock_from_fd(fd, &r, &err);

	if (!s)
		return err;
	err = how < ABI_SHUT_RD || how > ABI_SHUT_RDWR ? -EINVAL : do_shutdown(s, how);
	fd_put(r);
	return err;
}
