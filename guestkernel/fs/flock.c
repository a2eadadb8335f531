/* flock.c - locks on files: flock(2), record locks of processes and of open descriptions (fcntl(2))
 * Provides: advisory locks, with waiting, deadlock detection between processes, and their ends.
 * Owns: inode->locks, made with the first lock, gone with the inode. A process's record locks
 * belong to its descriptor table, the others to the open file description. Locks: flock_lock for
 * all lists and waits of the sandbox: they are short. Sleeps: F_SETLKW, LOCK_EX. Differs from
 * Linux: no mandatory locks, no leases. A table shared by vfork or CLONE_FILES shares its locks, as
 * there. Tests: test/unit/fs/lock_range_test.c, test/abi */
#include "flock.h"
#include "abi/linux/fcntl.h"
#include "fs_internal.h"
#include "sched.h"
#include "slab.h"
#include "syscalls_proto.h"

#define CYCLE_MAX 1000u /* steps looked ahead for a deadlock */

struct flock_state {
	struct lock_list records; /* [flock_lock] */
	struct lock_list whole;	  /* flock(2): whole files */
	struct waitq wait;	  /* for any change */
};

struct lock_wait { /* who waits for whom: processes' record locks */
	TAILQ_ENTRY(lock_wait) link;
	const void *owner, *blocker;
};

static struct spinlock flock_lock = SPINLOCK_INIT(RANK_FLOCK);
static TAILQ_HEAD(, lock_wait) waits = TAILQ_HEAD_INITIALIZER(waits);

static struct flock_state *state_get(struct inode *i)
{
	struct flock_state *s = __atomic_load_n(&i->locks, __ATOMIC_ACQUIRE), *none = NULL;

	if (s)
		return s;
	s = kzalloc(sizeof(*s));
	if (!s)
		return NULL;
	TAILQ_INIT(&s->records);
	TAILQ_INIT(&s->whole);
	waitq_init(&s->wait);
	if (__atomic_compare_exchange_n(&i->locks, &none, s, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return s;
	kfree(s);
	return none;
}

void flock_inode_gone(struct inode *i)
{
	kfree(i->locks);
	i->locks = NULL;
}

static void list_free(struct lock_list *gone)
{
	struct lock_range *e;

	while ((e = TAILQ_FIRST(gone))) {
		TAILQ_REMOVE(gone, e, link);
		kfree(e);
	}
}

/* Would waiting for blocker close a circle? flock_lock held. */
static bool would_deadlock(const void *owner, const void *blocker)
{
	struct lock_wait *w;
	u32 steps = 0;

	while (blocker != owner) {
		TAILQ_FOREACH (w, &waits, link)
			if (w->owner == blocker)
				break;
		if (!w || ++steps > CYCLE_MAX)
			return false;
		blocker = w->blocker;
	}
	return true;
}

/* One try: 0, -EAGAIN with the one that is in the way, -EDEADLK. */
static int lock_try(struct flock_state *s, struct lock_list *list, const struct lock_range *r,
		    struct lock_range *spare[2], struct lock_list *gone, struct lock_wait *wait)
{
	struct lock_range *c = NULL;

	if (r->type != ABI_F_UNLCK)
		c = lock_conflict(list, r);
	if (!c) {
		lock_apply(list, r, spare, gone);
		return 0;
	}
	if (!wait)
		return -EAGAIN;
	if (list == &s->records && c->pid != ~0u && would_deadlock(r->owner, c->owner))
		return -EDEADLK;
	wait->owner = r->owner;
	wait->blocker = c->owner;
	TAILQ_INSERT_TAIL(&waits, wait, link);
	return -EAGAIN;
}

static int lock_set(struct inode *i, bool record, const struct lock_range *r, bool block)
{
	struct flock_state *s = state_get(i);
	struct lock_list gone = TAILQ_HEAD_INITIALIZER(gone), *list;
	struct lock_range *spare[2] = {kmalloc(sizeof(*r)), kmalloc(sizeof(*r))};
	struct lock_wait wait;
	struct waiter w;
	int err = s && spare[0] && spare[1] ? 0 : -ENOLCK;

	list = !s ? NULL : record ? &s->records : &s->whole;
	while (!err) {
		waiter_init(&w, current);
		spin_lock(&flock_lock);
		err = lock_try(s, list, r, spare, &gone, block ? &wait : NULL);
		if (err != -EAGAIN || !block) {
			spin_unlock(&flock_lock);
			break;
		}
		waitq_prepare(&s->wait, &w, TASK_INTERRUPTIBLE);
		spin_unlock(&flock_lock);
		err = sched_block_until(DEADLINE_NONE);
		waitq_finish(&s->wait, &w);
		spin_lock(&flock_lock);
		TAILQ_REMOVE(&waits, &wait, link);
		spin_unlock(&flock_lock);
	}
	kfree(spare[0]);
	kfree(spare[1]);
	if (!TAILQ_EMPTY(&gone) || (!err && r->type != ABI_F_WRLCK))
		waitq_wake_all(&s->wait);
	list_free(&gone);
	return err;
}

/* Removes all of an owner; true if there were some. flock_lock held. */
static bool list_drop(struct lock_list *list, const void *owner, struct lock_list *gone)
{
	struct lock_range *e, *next;
	bool any = false;

	for (e = TAILQ_FIRST(list); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (e->owner != owner)
			continue;
		TAILQ_REMOVE(list, e, link);
		TAILQ_INSERT_TAIL(gone, e, link);
		any = true;
	}
	return any;
}

static void owner_gone(struct inode *i, const void *owner)
{
	struct flock_state *s = i->locks;
	struct lock_list gone = TAILQ_HEAD_INITIALIZER(gone);
	bool any;

	spin_lock(&flock_lock);
	any = list_drop(&s->records, owner, &gone);
	any |= list_drop(&s->whole, owner, &gone);
	spin_unlock(&flock_lock);
	if (any)
		waitq_wake_all(&s->wait);
	list_free(&gone);
}

void flock_file_closed(struct file *f)
{
	owner_gone(file_node(f), f);
}

void flock_posix_closed(struct inode *i, struct files *owner)
{
	owner_gone(i, owner);
}

/* ---- flock(2) ---- */

long sys_flock(int fd, int op)
{
	static const u32 types[] = {[ABI_LOCK_SH] = ABI_F_RDLCK,
				    [ABI_LOCK_EX] = ABI_F_WRLCK,
				    [ABI_LOCK_UN] = ABI_F_UNLCK};
	struct lock_range r = {.start = 0, .end = ~0ull, .pid = ~0u};
	u32 what = (u32)op & ~(u32)ABI_LOCK_NB;
	struct fdref ref;
	long err;

	if (what != ABI_LOCK_SH && what != ABI_LOCK_EX && what != ABI_LOCK_UN)
		return -EINVAL;
	ref = fd_get(fd);
	if (!ref.file)
		return -EBADF;
	r.type = types[what];
	r.owner = ref.file;
	err = ref.file->flags & ABI_O_PATH
		      ? -EBADF
		      : lock_set(file_node(ref.file), false, &r, !(op & ABI_LOCK_NB));
	fd_put(ref);
	return err;
}

/* ---- record locks ---- */

static int range_from_user(struct file *f, const struct abi_flock *u, struct lock_range *r)
{
	s64 base = 0, start, end;

	switch (u->l_whence) {
	case ABI_SEEK_SET:
		break;
	case ABI_SEEK_CUR:
		base = f->pos;
		break;
	case ABI_SEEK_END:
		base = (s64)f->inode->size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, u->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	end = INT64_MAX;
	if (u->l_len > 0) {
		if (__builtin_add_overflow(start, u->l_len - 1, &end))
			return -EOVERFLOW;
	} else if (u->l_len < 0) {
		end = start - 1;
		if (__builtin_add_overflow(start, u->l_len, &start) || start < 0)
			return -EINVAL;
	}
	if (u->l_type != ABI_F_RDLCK && u->l_type != ABI_F_WRLCK && u->l_type != ABI_F_UNLCK)
		return -EINVAL;
	r->start = (u64)start;
	r->end = end == INT64_MAX ? ~0ull : (u64)end;
	r->type = (u32)u->l_type;
	return 0;
}

static long record_get(struct file *f, struct lock_range *r, uaddr_t arg, struct abi_flock *u)
{
	struct flock_state *s = state_get(file_node(f));
	struct lock_range *c;

	if (!s)
		return -ENOLCK;
	if (r->type == ABI_F_UNLCK)
		return -EINVAL;
	spin_lock(&flock_lock);
	c = lock_conflict(&s->records, r);
	if (c) {
		u->l_type = (int16_t)c->type;
		u->l_whence = ABI_SEEK_SET;
		u->l_start = (s64)c->start;
		u->l_len = c->end == ~0ull ? 0 : (s64)(c->end - c->start + 1);
		u->l_pid = (int32_t)c->pid;
	} else {
		u->l_type = ABI_F_UNLCK;
	}
	spin_unlock(&flock_lock);
	return copy_out_obj(arg, u);
}

long flock_fcntl(struct file *f, int cmd, uaddr_t arg)
{
	bool ofd = cmd == ABI_F_OFD_GETLK || cmd == ABI_F_OFD_SETLK || cmd == ABI_F_OFD_SETLKW;
	struct abi_flock u;
	struct lock_range r;
	int err = copy_in_obj(&u, arg);

	if (err)
		return err;
	if (ofd && u.l_pid)
		return -EINVAL;
	err = range_from_user(f, &u, &r);
	if (err)
		return err;
	r.owner = ofd ? (const void *)f : current->files;
	r.pid = ofd ? ~0u : task_pid(current);
	if (cmd == ABI_F_GETLK || cmd == ABI_F_OFD_GETLK)
		return record_get(f, &r, arg, &u);
	if ((r.type == ABI_F_RDLCK && !FILE_READ(f)) || (r.type == ABI_F_WRLCK && !FILE_WRITE(f)))
		return -EBADF;
	return lock_set(file_node(f), true, &r, cmd == ABI_F_SETLKW || cmd == ABI_F_OFD_SETLKW);
}
