/* unixmsg.c - sending and receiving on AF_UNIX sockets
 *
 * A sender copies its bytes into a message first (user memory is never touched with a socket
 * locked), then queues it at the receiver if there is room, or waits on its own socket: the
 * receiver wakes its peer when it took something. Stream sockets join messages when reading but
 * stop before one that carries descriptors or other credentials. */
#include "abi/linux/poll.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "socket/unix.h"
#include "string.h"

void umsg_free(struct umsg *m)
{
	scm_drop(&m->scm);
	kfree(m);
}

static struct umsg *umsg_new(struct sock *s, struct iter *data, size_t n)
{
	struct umsg *m = kmalloc(sizeof(*m) + n);

	if (!m)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->len = n;
	if (iter_get(data, m->data, n) != n) {
		kfree(m);
		return NULL;
	}
	mutex_lock(&s->lock);
	m->from = s->addr;
	m->from_len = s->addr_len;
	mutex_unlock(&s->lock);
	return m;
}

/* What a message costs beside its bytes counts too, at half the price: small messages, and empty
 * ones above all, would else fill the kernel's memory. */
static bool has_room(const struct sock *to, size_t n)
{
	if (TAILQ_EMPTY(&to->rx))
		return true;
	if (to->type == ABI_SOCK_DGRAM && to->rx_count >= UNIX_DGRAM_QUEUE)
		return false;
	if (to->rx_bytes + n > to->rx_limit)
		return false;
	return to->rx_bytes + n + to->rx_count * sizeof(struct umsg) <= 2 * to->rx_limit;
}

bool sock_takes(const struct sock *s)
{
	return TAILQ_EMPTY(&s->rx) || (s->rx_bytes < s->rx_limit / 2 && has_room(s, 1));
}

/* One try to queue m: 0; -EAGAIN: no room; -EPIPE, -ECONNREFUSED: nobody will read. */
static int queue_try(struct sock *s, struct sock *to, struct umsg *m)
{
	int err = 0;

	mutex_lock(&to->lock);
	if (to->state == SOCK_CLOSED)
		err = s->type == ABI_SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	else if (to->rd_shut)
		err = -EPIPE;
	else if (!has_room(to, m->len))
		err = -EAGAIN;
	if (!err) {
		TAILQ_INSERT_TAIL(&to->rx, m, link);
		to->rx_bytes += m->len;
		to->rx_count++;
	}
	mutex_unlock(&to->lock);
	return err;
}

static u64 deadline_after(u64 ns)
{
	return ns ? time_mono_ns() + ns : DEADLINE_NONE;
}

/* Queues m, waiting for room unless nonblock. */
static int queue_wait(struct sock *s, struct sock *to, struct umsg *m, bool nonblock)
{
	u64 deadline = deadline_after(s->snd_timeout);
	struct waiter w;
	int err = queue_try(s, to, m);

	if (err != -EAGAIN || nonblock)
		goto out_wake;
	waiter_init(&w, current);
	w.events = ABI_POLLOUT;
	for (;;) {
		waitq_prepare(&to->room, &w, TASK_INTERRUPTIBLE);
		err = queue_try(s, to, m);
		if (err != -EAGAIN)
			break;
		err = sched_block_until(deadline);
		if (err) {
			err = err == -ETIMEDOUT ? -EAGAIN : err;
			break;
		}
	}
	waitq_finish(&to->room, &w);
out_wake:
	if (!err)
		waitq_wake_sync(&to->wait, ABI_POLLIN);
	return err;
}

static int send_target(struct sock *s, struct send_args *a, struct sock **to)
{
	int err = 0;

	mutex_lock(&s->lock);
	if (s->wr_shut) {
		err = -EPIPE;
	} else if (a->to) {
		*to = a->to;
		sock_get(*to);
	} else if (s->peer) {
		*to = s->peer;
		sock_get(*to);
	} else if (s->error) {
		err = -s->error;
		s->error = 0;
	} else {
		err = s->hung_up ? -EPIPE : -ENOTCONN;
	}
	mutex_unlock(&s->lock);
	return err;
}

static ssize_t send_pieces(struct sock *s, struct sock *to, struct send_args *a)
{
	bool stream = s->type == ABI_SOCK_STREAM;
	ssize_t done = 0;

	if (!stream && a->data->left > MIN(s->tx_limit, to->rx_limit))
		return -EMSGSIZE;
	do {
		size_t n = stream ? MIN(a->data->left, (size_t)UNIX_CHUNK) : a->data->left;
		struct umsg *m = umsg_new(s, a->data, n);
		int err;

		if (!m)
			return done ? done : -EFAULT;
		m->scm = *a->scm;
		sock_own_cred(&m->scm.cred);
		if (a->scm->has_cred)
			m->scm.cred = a->scm->cred;
		err = queue_wait(s, to, m, a->nonblock);
		if (err) {
			memset(&m->scm, 0, sizeof(m->scm)); /* still the caller's */
			umsg_free(m);
			return done ? done : err;
		}
		memset(a->scm, 0, sizeof(*a->scm)); /* went with the first piece */
		done += (ssize_t)n;
	} while (a->data->left);
	return done;
}

ssize_t sock_send(struct sock *s, struct send_args *a)
{
	struct sock *to;
	ssize_t n = a->flags & ABI_MSG_OOB ? -EOPNOTSUPP : send_target(s, a, &to);

	if (!n) {
		if (s->type == ABI_SOCK_STREAM && !a->data->left)
			n = 0;
		else
			n = send_pieces(s, to, a);
		sock_put(to);
	}
	if (n == -EPIPE && s->type != ABI_SOCK_DGRAM && !(a->flags & ABI_MSG_NOSIGNAL))
		(void)signal_send_task(current, ABI_SIGPIPE, NULL);
	scm_drop(a->scm);
	return n;
}

/* ---- receiving ---- */

static void unqueue_locked(struct sock *s, struct umsg *m)
{
	TAILQ_REMOVE(&s->rx, m, link);
	s->rx_count--;
}

/* Sleeps until there is a message or an end: 1, 0 (end), or negative errno; locked on return. With
 * some bytes read an error is left for the next call. */
static int wait_message(struct sock *s, bool nonblock, bool some)
{
	u64 deadline = deadline_after(s->rcv_timeout);
	struct waiter w;
	int err;

	waiter_init(&w, current);
	w.events = ABI_POLLIN;
	mutex_lock(&s->lock);
	while (TAILQ_EMPTY(&s->rx)) {
		if (s->error) {
			if (some)
				return 0;
			err = -s->error;
			s->error = 0;
			return err;
		}
		if (s->rd_shut)
			return 0;
		if (s->type != ABI_SOCK_DGRAM && s->state != SOCK_CONNECTED)
			return s->state == SOCK_LISTENING ? -EINVAL : -ENOTCONN;
		if (nonblock)
			return -EAGAIN;
		waitq_prepare(&s->wait, &w, TASK_INTERRUPTIBLE);
		mutex_unlock(&s->lock);
		err = sched_block_until(deadline);
		waitq_finish(&s->wait, &w);
		mutex_lock(&s->lock);
		if (err && TAILQ_EMPTY(&s->rx))
			return err == -ETIMEDOUT ? -EAGAIN : err;
	}
	return 1;
}

/* Takes (or with peek looks at) bytes of the first message; copies with the lock held, which ranks
 * below an address space's. Returns bytes; *end: nothing more may be joined. */
static ssize_t take_bytes(struct sock *s, struct recv_args *a, bool first, bool *end)
{
	struct umsg *m = TAILQ_FIRST(&s->rx);
	bool stream = s->type == ABI_SOCK_STREAM, peek = a->flags & ABI_MSG_PEEK;
	size_t n = MIN(m->len - m->off, a->data->left), put;
	int err;

	*end = !stream || peek;
	if (first) {
		a->from = m->from;
		a->from_len = m->from_len;
		err = peek ? scm_copy(&a->scm, &m->scm) : 0;
		if (err)
			return err;
		if (!peek) {
			a->scm = m->scm;
			m->scm.files = NULL;
		}
		*end |= a->scm.files != NULL;
	} else if (m->scm.files || memcmp(&m->scm.cred, &a->scm.cred, sizeof(m->scm.cred))) {
		*end = true;
		return 0;
	}
	put = iter_put(a->data, m->data + m->off, n);
	if (put < n && !put)
		return -EFAULT;
	if (!stream && n < m->len - m->off)
		a->out_flags |= ABI_MSG_TRUNC;
	if (peek)
		return a->flags & ABI_MSG_TRUNC && !stream ? (ssize_t)m->len : (ssize_t)put;
	n = stream ? put : m->len - m->off;
	m->off += n;
	s->rx_bytes -= n;
	if (m->off == m->len) {
		ssize_t r = a->flags & ABI_MSG_TRUNC && !stream ? (ssize_t)m->len : (ssize_t)put;

		unqueue_locked(s, m);
		umsg_free(m);
		return r;
	}
	return (ssize_t)put;
}

ssize_t sock_recv(struct sock *s, struct recv_args *a)
{
	bool end = false, all = a->flags & ABI_MSG_WAITALL;
	ssize_t done = 0, n = 0;
	int got;

	if (a->flags & ABI_MSG_OOB)
		return -EOPNOTSUPP;
	do {
		got = wait_message(s, a->nonblock || (done && !all), done > 0);
		if (got != 1) {
			mutex_unlock(&s->lock);
			break;
		}
		n = take_bytes(s, a, done == 0, &end);
		mutex_unlock(&s->lock);
		if (n < 0)
			return done ? done : n;
		done += n;
		waitq_wake(&s->room, ~0u, ABI_POLLOUT);
		sock_wake_writers(s);
	} while (!end && a->data->left);
	if (!done && got < 0)
		return got;
	return done;
}

/* Pollers of the peer that wait for room here. */
void sock_wake_writers(struct sock *s)
{
	struct sock *peer = sock_peer(s);

	if (!peer)
		return;
	waitq_wake(&peer->wait, ~0u, ABI_POLLOUT);
	sock_put(peer);
}
