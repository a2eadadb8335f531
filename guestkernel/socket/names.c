/* names.c - addresses of AF_UNIX sockets: binding, finding, connecting, accepting
 *
 * A path name is an inode of type socket that points to the socket (inode->sock, under name_lock);
 * an abstract name is in a table. name_lock (a mutex above all socket locks) covers both, so that
 * a socket that is found cannot be closing unnoticed. */
#include "abi/linux/poll.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "socket/unix.h"
#include "string.h"

#define PATH_OFF 2u /* of sun_path in the address */

static struct mutex name_lock;
static struct sock *abstract_names; /* [l name_lock] */

void socket_init(void)
{
	mutex_init(&name_lock, RANK_SOCK_NAMES);
}

int addr_in(struct abi_sockaddr_un *a, uaddr_t uaddr, int len)
{
	memset(a, 0, sizeof(*a));
	if (len < 2 || len > (int)sizeof(*a))
		return -EINVAL;
	if (copy_in(a, uaddr, (size_t)len))
		return -EFAULT;
	if (a->sun_family != ABI_AF_UNIX)
		return -EINVAL;
	/* a path ends at its NUL; an abstract name is all of its bytes */
	if (len > (int)PATH_OFF && a->sun_path[0])
		return (int)(PATH_OFF + strnlen(a->sun_path, (size_t)len - PATH_OFF) + 1);
	return len;
}

int addr_out(uaddr_t uaddr, uaddr_t ulen, const struct abi_sockaddr_un *a, u32 len)
{
	int room;
	u32 n;

	if (uaddr_is_null(uaddr))
		return 0;
	if (copy_in_obj(&room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	n = MIN(len, (u32)sizeof(*a));
	if (copy_out(uaddr, a, MIN((u32)room, n)))
		return -EFAULT;
	return put_user32(ulen, len);
}

static bool is_abstract(const struct abi_sockaddr_un *a, u32 len)
{
	return len > PATH_OFF && !a->sun_path[0];
}

static struct sock *find_abstract_locked(const struct abi_sockaddr_un *a, u32 len)
{
	struct sock *s;

	for (s = abstract_names; s; s = s->name_next)
		if (s->addr_len == len && !memcmp(&s->addr, a, len))
			return s;
	return NULL;
}

static void set_addr_locked(struct sock *s, const struct abi_sockaddr_un *a, u32 len)
{
	mutex_lock(&s->lock);
	s->addr = *a;
	s->addr_len = (u16)len;
	mutex_unlock(&s->lock);
}

static void add_abstract_locked(struct sock *s, const struct abi_sockaddr_un *a, u32 len)
{
	set_addr_locked(s, a, len);
	s->name_next = abstract_names;
	abstract_names = s;
}

/* An abstract name that nobody has: five hexadecimal digits. */
static int autobind_locked(struct sock *s)
{
	static u32 next;

	for (u32 tries = 0; tries < 0x100000; tries++) {
		struct abi_sockaddr_un a = {.sun_family = ABI_AF_UNIX};

		ksnprintf(a.sun_path + 1, 6, "%05x", next++ & 0xfffff);
		if (find_abstract_locked(&a, 8))
			continue;
		add_abstract_locked(s, &a, 8);
		return 0;
	}
	return -ENOSPC;
}

static int bind_path(struct sock *s, const struct abi_sockaddr_un *a, u32 len)
{
	char name[ABI_UNIX_PATH_MAX + 1];
	struct path p;
	int err;

	memcpy(name, a->sun_path, ABI_UNIX_PATH_MAX);
	name[ABI_UNIX_PATH_MAX] = '\0';
	err = vfs_mknod(ABI_AT_FDCWD, name, ABI_S_IFSOCK | (0777 & ~current->fs->umask), 0, &p);
	mutex_lock(&name_lock);
	s->binding = false;
	if (!err) {
		p.dentry->inode->sock = s;
		s->bound = p;
		set_addr_locked(s, a, len);
	}
	mutex_unlock(&name_lock);
	return err == -EEXIST ? -EADDRINUSE : err;
}

/* A socket gets one name: .binding keeps others away while the path's is made. */
int sock_bind(struct sock *s, const struct abi_sockaddr_un *a, u32 len)
{
	bool path = len > PATH_OFF && a->sun_path[0];
	int err = 0;

	mutex_lock(&name_lock);
	if (s->addr_len > PATH_OFF || s->binding)
		err = -EINVAL;
	else if (path)
		s->binding = true;
	else if (len == PATH_OFF)
		err = autobind_locked(s);
	else if (find_abstract_locked(a, len))
		err = -EADDRINUSE;
	else
		add_abstract_locked(s, a, len);
	mutex_unlock(&name_lock);
	return err || !path ? err : bind_path(s, a, len);
}

void sock_unname(struct sock *s)
{
	struct path bound;

	mutex_lock(&name_lock);
	bound = s->bound;
	s->bound = (struct path){0};
	if (bound.dentry)
		bound.dentry->inode->sock = NULL;
	else if (is_abstract(&s->addr, s->addr_len))
		for (struct sock **at = &abstract_names; *at; at = &(*at)->name_next)
			if (*at == s) {
				*at = s->name_next;
				break;
			}
	mutex_unlock(&name_lock);
	if (bound.dentry)
		path_put(&bound);
}

static int find_path(const struct abi_sockaddr_un *a, struct sock **out)
{
	char name[ABI_UNIX_PATH_MAX + 1];
	struct path p;
	int err;

	memcpy(name, a->sun_path, ABI_UNIX_PATH_MAX);
	name[ABI_UNIX_PATH_MAX] = '\0';
	err = path_walk(ABI_AT_FDCWD, name, WALK_FOLLOW, &p);
	if (err)
		return err;
	err = inode_permission(p.dentry->inode, ABI_W_OK);
	if (!err && (p.dentry->inode->mode & ABI_S_IFMT) != ABI_S_IFSOCK)
		err = -ECONNREFUSED;
	if (!err) {
		mutex_lock(&name_lock);
		*out = p.dentry->inode->sock;
		if (*out)
			sock_get(*out);
		else
			err = -ECONNREFUSED;
		mutex_unlock(&name_lock);
	}
	path_put(&p);
	return err;
}

int sock_find(const struct abi_sockaddr_un *a, u32 len, int type, struct sock **out)
{
	int err = 0;

	if (len <= PATH_OFF)
		return -EINVAL;
	if (!is_abstract(a, len)) {
		err = find_path(a, out);
		if (err)
			return err;
	} else {
		mutex_lock(&name_lock);
		*out = find_abstract_locked(a, len);
		if (*out)
			sock_get(*out);
		mutex_unlock(&name_lock);
		if (!*out)
			return -ECONNREFUSED;
	}
	if ((*out)->type != type) {
		sock_put(*out);
		return -EPROTOTYPE;
	}
	return 0;
}

static int connect_dgram(struct sock *s, const struct abi_sockaddr_un *a, u32 len)
{
	struct sock *to, *old;
	int err = sock_find(a, len, ABI_SOCK_DGRAM, &to);

	if (err)
		return err;
	mutex_lock(&s->lock);
	old = s->peer;
	s->peer = to;
	s->state = SOCK_CONNECTED;
	mutex_unlock(&s->lock);
	if (old)
		sock_put(old);
	return 0;
}

/* Joins the listener's backlog with a fresh socket as the other end; -EAGAIN: it is full. */
static int connect_try(struct sock *s, struct sock *to, struct sock *other)
{
	int err = 0;

	sock_lock_two(s, to);
	if (s->state == SOCK_CONNECTED)
		err = -EISCONN;
	else if (s->state == SOCK_LISTENING)
		err = -EINVAL;
	else if (to->state != SOCK_LISTENING || to->rd_shut)
		err = -ECONNREFUSED;
	else if (to->backlog_len > to->backlog_max)
		err = -EAGAIN;
	if (!err) {
		sock_own_cred(&s->cred);
		other->addr = to->addr;
		other->addr_len = to->addr_len;
		other->cred = to->cred;
		other->peer = s;
		sock_get(s);
		other->state = SOCK_CONNECTED;
		s->peer = other;
		sock_get(other);
		s->state = SOCK_CONNECTED;
		TAILQ_INSERT_TAIL(&to->backlog, other, backlog_link);
		to->backlog_len++;
	}
	sock_unlock_two(s, to);
	return err;
}

static int connect_wait(struct sock *s, struct sock *to, struct sock *other, bool nonblock)
{
	struct waiter w;
	int err;

	waiter_init(&w, current);
	for (;;) {
		waitq_prepare(&to->room, &w, TASK_INTERRUPTIBLE);
		err = connect_try(s, to, other);
		if (err != -EAGAIN || nonblock)
			break;
		err = sched_block_until(DEADLINE_NONE);
		if (err)
			break;
	}
	waitq_finish(&to->room, &w);
	return err;
}

int sock_connect(struct sock *s, const struct abi_sockaddr_un *a, u32 len, bool nonblock)
{
	struct sock *to, *other;
	int err;

	if (s->type == ABI_SOCK_DGRAM)
		return connect_dgram(s, a, len);
	err = sock_find(a, len, s->type, &to);
	if (err)
		return err;
	other = sock_new(s->type);
	if (!other) {
		sock_put(to);
		return -ENOMEM;
	}
	err = connect_wait(s, to, other, nonblock);
	if (err)
		sock_put(other);
	else
		waitq_wake(&to->wait, 1, ABI_POLLIN);
	sock_put(to);
	return err;
}

int sock_listen(struct sock *s, int backlog)
{
	int err = 0;

	if (s->type == ABI_SOCK_DGRAM)
		return -EOPNOTSUPP;
	mutex_lock(&s->lock);
	if (s->addr_len <= PATH_OFF || s->state == SOCK_CONNECTED) {
		err = -EINVAL;
	} else {
		s->state = SOCK_LISTENING;
		s->backlog_max =
			backlog < 0 || backlog > ABI_SOMAXCONN ? ABI_SOMAXCONN : (u32)backlog;
		sock_own_cred(&s->cred);
	}
	mutex_unlock(&s->lock);
	return err;
}

static int accept_try(struct sock *s, struct sock **out)
{
	int err = -EAGAIN;

	mutex_lock(&s->lock);
	*out = TAILQ_FIRST(&s->backlog);
	if (s->state != SOCK_LISTENING) {
		err = -EINVAL;
	} else if (*out) {
		TAILQ_REMOVE(&s->backlog, *out, backlog_link);
		s->backlog_len--;
		err = 0;
	}
	mutex_unlock(&s->lock);
	return err;
}

int sock_accept(struct sock *s, bool nonblock, struct sock **out)
{
	struct waiter w;
	int err;

	if (s->type == ABI_SOCK_DGRAM)
		return -EOPNOTSUPP;
	waiter_init(&w, current);
	w.exclusive = true;
	for (;;) {
		waitq_prepare(&s->wait, &w, TASK_INTERRUPTIBLE);
		err = accept_try(s, out);
		if (err != -EAGAIN || nonblock)
			break;
		err = sched_block_until(DEADLINE_NONE);
		if (err)
			break;
	}
	waitq_finish(&s->wait, &w);
	if (!err)
		waitq_wake(&s->room, 1, 0);
	return err;
}
