/* unix.c - AF_UNIX sockets: objects, connections, waiting
 *
 * Provides: socket/unix.h. Owns: struct sock: referenced by its file, by its peer, by a listener's
 *   backlog. The end of the file closes it: queued messages are dropped, the peer sees the end.
 * States: see enum sock_state; a datagram socket with a default destination is CONNECTED too.
 * Locks: sock->lock; two at a time by address. Wake-ups after unlocking.
 * Differs from Linux: descriptors in flight in a cycle of sockets are not collected (CAVEATS).
 * Tests: test/abi/unix.c */
#include "socket/unix.h"
#include "abi/linux/poll.h"
#include "abi/linux/termios.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"

void sock_own_cred(struct abi_ucred *c)
{
	c->pid = (int)current->proc->pid;
	c->uid = current->cred->euid;
	c->gid = current->cred->egid;
}

struct sock *sock_new(int type)
{
	struct sock *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->refs.v = 1;
	s->type = (u8)type;
	mutex_init(&s->lock, RANK_SOCK);
	TAILQ_INIT(&s->rx);
	TAILQ_INIT(&s->backlog);
	waitq_init(&s->wait);
	waitq_init(&s->room);
	s->rx_limit = s->tx_limit = UNIX_BUF_DEFAULT;
	s->addr_len = 2;
	s->addr.sun_family = ABI_AF_UNIX;
	sock_own_cred(&s->cred);
	return s;
}

void sock_put(struct sock *s)
{
	struct umsg *m;

	if (!ref_put(&s->refs))
		return;
	while ((m = TAILQ_FIRST(&s->rx)) != NULL) {
		TAILQ_REMOVE(&s->rx, m, link);
		umsg_free(m);
	}
	kassert(!s->peer && TAILQ_EMPTY(&s->backlog));
	kfree(s);
}

void sock_lock_two(struct sock *a, struct sock *b)
{
	if (a == b) {
		mutex_lock(&a->lock);
	} else {
		mutex_lock(a < b ? &a->lock : &b->lock);
		mutex_lock_nested(a < b ? &b->lock : &a->lock);
	}
}

void sock_unlock_two(struct sock *a, struct sock *b)
{
	mutex_unlock(&a->lock);
	if (a != b)
		mutex_unlock(&b->lock);
}

struct sock *sock_peer(struct sock *s)
{
	struct sock *p;

	mutex_lock(&s->lock);
	p = s->peer;
	if (p)
		sock_get(p);
	mutex_unlock(&s->lock);
	return p;
}

/* The peer of a connection that ends learns of it. */
static void peer_closed(struct sock *peer, struct sock *s, bool unread)
{
	struct sock *mine = NULL;

	mutex_lock(&peer->lock);
	if (peer->peer == s && s->type != ABI_SOCK_DGRAM) {
		peer->rd_shut = true; /* what is queued can still be read */
		peer->wr_shut = true;
		if (unread)
			peer->error = ECONNRESET;
	}
	if (peer->peer == s) {
		mine = peer->peer;
		peer->peer = NULL;
		if (s->type == ABI_SOCK_DGRAM)
			peer->error = ECONNREFUSED;
		else
			peer->hung_up = true;
	}
	mutex_unlock(&peer->lock);
	waitq_wake_all(&peer->wait);
	if (mine)
		sock_put(mine);
}

static void drop_backlog(struct sock *s)
{
	struct sock *c;

	for (;;) {
		mutex_lock(&s->lock);
		c = TAILQ_FIRST(&s->backlog);
		if (c) {
			TAILQ_REMOVE(&s->backlog, c, backlog_link);
			s->backlog_len--;
		}
		mutex_unlock(&s->lock);
		if (!c)
			return;
		sock_close(c);
	}
}

/* Ends a socket; consumes the reference. */
void sock_close(struct sock *s)
{
	struct umsg_list rx = TAILQ_HEAD_INITIALIZER(rx);
	struct sock *peer;
	struct umsg *m;
	bool unread;

	sock_unname(s);
	mutex_lock(&s->lock);
	s->state = SOCK_CLOSED;
	s->rd_shut = s->wr_shut = true;
	peer = s->peer;
	s->peer = NULL;
	unread = !TAILQ_EMPTY(&s->rx);
	TAILQ_CONCAT(&rx, &s->rx, link);
	mutex_unlock(&s->lock);
	waitq_wake_all(&s->wait);
	waitq_wake_all(&s->room);
	drop_backlog(s);
	while ((m = TAILQ_FIRST(&rx)) != NULL) {
		TAILQ_REMOVE(&rx, m, link);
		umsg_free(m);
	}
	if (peer) {
		peer_closed(peer, s, unread);
		sock_put(peer);
	}
	sock_put(s);
}

static u32 sock_poll(struct file *f, struct poll_table *pt)
{
	struct sock *s = f->priv, *peer;
	u32 ev = 0;
	bool room = true;

	poll_wait(pt, f, &s->wait);
	peer = sock_peer(s);
	if (peer) {
		mutex_lock(&peer->lock);
		room = sock_takes(peer);
		mutex_unlock(&peer->lock);
		sock_put(peer);
	}
	mutex_lock(&s->lock);
	if (!TAILQ_EMPTY(&s->rx) || s->rd_shut || !TAILQ_EMPTY(&s->backlog))
		ev |= ABI_POLLIN | ABI_POLLRDNORM;
	if (s->rd_shut)
		ev |= ABI_POLLRDHUP;
	if ((s->rd_shut && s->wr_shut) || (s->type != ABI_SOCK_DGRAM && s->state == SOCK_UNBOUND))
		ev |= ABI_POLLHUP;
	if (room && s->state != SOCK_LISTENING)
		ev |= ABI_POLLOUT | ABI_POLLWRNORM;
	if (s->error)
		ev |= ABI_POLLERR;
	mutex_unlock(&s->lock);
	return ev;
}

static ssize_t sock_read(struct file *f, struct iter *to, loff_t *pos)
{
	struct recv_args a = {.data = to, .nonblock = f->flags & ABI_O_NONBLOCK};
	ssize_t n = sock_recv(f->priv, &a);

	scm_drop(&a.scm);
	return n;
}

static ssize_t sock_write(struct file *f, struct iter *from, loff_t *pos)
{
	struct scm scm = {0};
	struct send_args a = {.data = from, .nonblock = f->flags & ABI_O_NONBLOCK, .scm = &scm};

	return sock_send(f->priv, &a);
}

static long sock_ioctl(struct file *f, u32 cmd, uaddr_t arg)
{
	struct sock *s = f->priv;
	struct umsg *m;
	u32 n = 0;

	if (cmd != ABI_FIONREAD)
		return -ENOTTY;
	mutex_lock(&s->lock);
	m = TAILQ_FIRST(&s->rx);
	if (s->type == ABI_SOCK_STREAM)
		n = (u32)s->rx_bytes;
	else if (m)
		n = (u32)m->len;
	mutex_unlock(&s->lock);
	return put_user32(arg, n);
}

static void sock_release(struct file *f)
{
	sock_close(f->priv);
}

static void sock_describe(struct file *f, char *buf, size_t size)
{
	ksnprintf(buf, size, "socket:[%llu]", (unsigned long long)f->inode->ino);
}

static const struct file_ops sock_ops = {
	.read = sock_read,
	.write = sock_write,
	.poll = sock_poll,
	.ioctl = sock_ioctl,
	.release = sock_release,
	.describe = sock_describe,
};

int sock_file(struct sock *s, u32 flags, struct file **out)
{
	struct inode *inode = inode_new_anon(ABI_S_IFSOCK | 0777);
	struct file *f;

	if (!inode)
		return -ENOMEM;
	f = file_new_inode(&sock_ops, ABI_O_RDWR | (flags & ABI_SOCK_NONBLOCK), s, inode);
	if (!f) {
		inode_put(inode);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

struct sock *sock_of(struct file *f)
{
	return f->ops == &sock_ops ? f->priv : NULL;
}

struct sock *sock_from_fd(int fd, struct fdref *r, long *err)
{
	struct sock *s;

	*r = fd_get(fd);
	if (!r->file) {
		*err = -EBADF;
		return NULL;
	}
	s = sock_of(r->file);
	if (!s) {
		fd_put(*r);
		*err = -ENOTSOCK;
	}
	return s;
}
