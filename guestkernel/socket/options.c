/* options.c - getsockopt(2), setsockopt(2) of AF_UNIX sockets (socket(7), unix(7)) */
#include "abi/linux/time.h"
#include "log.h"
#include "socket/unix.h"
#include "string.h"
#include "syscalls_proto.h"
#include "time.h"

static int set_timeout(u64 *out, uaddr_t val, int len)
{
	struct abi_timeval tv;

	if (len < (int)sizeof(tv))
		return -EINVAL;
	if (copy_in_obj(&tv, val))
		return -EFAULT;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	*out = tv.tv_sec < 0 ? 0 : (u64)tv.tv_sec * NSEC_PER_SEC + (u64)tv.tv_usec * 1000;
	return 0;
}

static int set_option(struct sock *s, int name, uaddr_t val, int len)
{
	u32 v;

	if (name == ABI_SO_RCVTIMEO || name == ABI_SO_SNDTIMEO)
		return set_timeout(name == ABI_SO_RCVTIMEO ? &s->rcv_timeout : &s->snd_timeout, val,
				   len);
	if (len < (int)sizeof(v))
		return -EINVAL;
	if (copy_in_obj(&v, val))
		return -EFAULT;
	switch (name) {
	case ABI_SO_PASSCRED:
		s->passcred = v != 0;
		return 0;
	case ABI_SO_SNDBUF:
		v = MIN(v, UNIX_BUF_MAX / 2);
		s->tx_limit = MAX(4608u, v * 2);
		return 0;
	case ABI_SO_RCVBUF:
		v = MIN(v, UNIX_BUF_MAX / 2);
		s->rx_limit = MAX(2304u, v * 2);
		return 0;
	case ABI_SO_REUSEADDR:
	case ABI_SO_KEEPALIVE:
	case ABI_SO_BROADCAST:
	case ABI_SO_PRIORITY:
		return 0; /* no meaning for this family, on Linux either */
	default:
		return -ENOPROTOOPT;
	}
}

long sys_setsockopt(int fd, int level, int name, uaddr_t val, int len)
{
	struct fdref r;
	long err = 0;
	struct sock *s = sock_from_fd(fd, &r, &err);

	if (!s)
		return err;
	err = level == ABI_SOL_SOCKET ? set_option(s, name, val, len) : -EOPNOTSUPP;
	fd_put(r);
	return err;
}

union option {
	u32 v;
	struct abi_ucred cred;
	struct abi_timeval tv;
	struct abi_linger linger;
};

static void timeout_option(union option *o, u64 ns)
{
	o->tv.tv_sec = (s64)(ns / NSEC_PER_SEC);
	o->tv.tv_usec = (s64)(ns % NSEC_PER_SEC / 1000);
}

static int peer_cred(struct sock *s, union option *o)
{
	struct sock *p = sock_peer(s);

	o->cred = (struct abi_ucred){.pid = 0, .uid = ~0u, .gid = ~0u};
	if (p) {
		o->cred = p->cred;
		sock_put(p);
	}
	return sizeof(o->cred);
}

/* The value's size, or negative errno. */
static int get_option(struct sock *s, int name, union option *o)
{
	memset(o, 0, sizeof(*o));
	switch (name) {
	case ABI_SO_TYPE:
		o->v = s->type;
		return 4;
	case ABI_SO_DOMAIN:
		o->v = ABI_AF_UNIX;
		return 4;
	case ABI_SO_ERROR:
		mutex_lock(&s->lock);
		o->v = (u32)s->error;
		s->error = 0;
		mutex_unlock(&s->lock);
		return 4;
	case ABI_SO_ACCEPTCONN:
		o->v = s->state == SOCK_LISTENING;
		return 4;
	case ABI_SO_SNDBUF:
		o->v = (u32)s->tx_limit;
		return 4;
	case ABI_SO_RCVBUF:
		o->v = (u32)s->rx_limit;
		return 4;
	case ABI_SO_PASSCRED:
		o->v = s->passcred;
		return 4;
	case ABI_SO_PROTOCOL:
	case ABI_SO_REUSEADDR:
	case ABI_SO_KEEPALIVE:
	case ABI_SO_BROADCAST:
		return 4;
	case ABI_SO_RCVLOWAT:
		o->v = 1;
		return 4;
	case ABI_SO_LINGER:
		return sizeof(o->linger);
	case ABI_SO_RCVTIMEO:
		timeout_option(o, s->rcv_timeout);
		return sizeof(o->tv);
	case ABI_SO_SNDTIMEO:
		timeout_option(o, s->snd_timeout);
		return sizeof(o->tv);
	case ABI_SO_PEERCRED:
		return peer_cred(s, o);
	default:
		return -ENOPROTOOPT;
	}
}

long sys_getsockopt(int fd, int level, int name, uaddr_t val, uaddr_t ulen)
{
	union option o;
	struct fdref r;
	long err = 0;
	struct sock *s = sock_from_fd(fd, &r, &err);
	int size, room;

	if (!s)
		return err;
	size = level == ABI_SOL_SOCKET ? get_option(s, name, &o) : -EOPNOTSUPP;
	fd_put(r);
	if (size < 0)
		return size;
	if (copy_in_obj(&room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	size = MIN(size, room);
	if (copy_out(val, &o, (size_t)size))
		return -EFAULT;
	return put_user32(ulen, (u32)size);
}
