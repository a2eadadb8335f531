/* epoll.c - epoll instances: what is watched, what is ready, who waits
 *
 * Provides: event/epoll.h. Owns: struct eventpoll (an epoll file's), its items; a file that is
 *   watched lists its items (file->epitems), so that its end takes them along.
 * An item has waiters in the queues of its file. Their wake function puts the item on the ready
 * list and wakes one sleeper; delivery asks the file what really holds, and puts a level-triggered
 * item back.
 * Locks: epoll_topology (a mutex) around the end of watched files and of instances, and all changes
 *   of who watches an instance; ep->lock [m]; ep->ready_lock [r], taken under wait queues' locks by
 *   the wake function. Waking those who poll the epoll descriptor nests wait queues: at most
 *   EP_NESTS deep, without cycles, and on few ways (EP_WAYS): epoll_ctl refuses more.
 * Sleeps: not in the wake function. Tests: test/abi/epoll.c */
#include "event/epoll.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"

struct mutex epoll_topology;

#define ALWAYS	(ABI_EPOLLERR | ABI_EPOLLHUP)
#define PRIVATE (ABI_EPOLLET | ABI_EPOLLONESHOT | ABI_EPOLLWAKEUP | ABI_EPOLLEXCLUSIVE)

static int item_cmp(const struct epitem *a, const struct epitem *b)
{
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return a->fd < b->fd ? -1 : a->fd > b->fd;
}
RB_GENERATE(epitem_tree, epitem, node, item_cmp);

/* The item may have something: [r] is taken here. True if a sleeper was woken. */
static bool item_make_ready(struct epitem *it)
{
	struct eventpoll *ep = it->ep;
	struct ep_sleeper *s;
	bool woke = false;

	spin_lock(&ep->ready_lock);
	if (!it->is_ready) {
		it->is_ready = true;
		TAILQ_INSERT_TAIL(&ep->ready, it, ready);
	}
	TAILQ_FOREACH (s, &ep->sleepers, link)
		if (!s->woken) {
			s->woken = true;
			woke = sched_wake(s->task, TASK_NORMAL);
			break;
		}
	spin_unlock(&ep->ready_lock);
	return woke;
}

static bool item_woken(struct waiter *w, u32 events)
{
	struct ep_queue *q = container_of(w, struct ep_queue, w);
	struct epitem *it = q->item;
	u32 want = READ_ONCE(it->events);

	bool woke;

	if (!(want & ~PRIVATE) || (events && !(events & (want | ALWAYS))))
		return false;
	woke = item_make_ready(it);
	if (waitq_has_waiters(&it->ep->poll_wait)) {
		waitq_wake_nested(&it->ep->poll_wait, ABI_POLLIN);
		woke = true;
	}
	/* An exclusive item that nobody waits for leaves the event to the next one. */
	return woke || !(want & ABI_EPOLLEXCLUSIVE);
}

struct insert_ctx {
	struct poll_table pt;
	struct epitem *item;
};

static void item_queue(struct poll_table *pt, struct file *f, struct waitq *q)
{
	struct epitem *it = container_of(pt, struct insert_ctx, pt)->item;
	struct ep_queue *e;

	kassert(it->nqueues < EP_QUEUES);
	e = &it->queue[it->nqueues++];
	e->q = q;
	e->item = it;
	waiter_init(&e->w, current);
	e->w.wake = item_woken;
	e->w.exclusive = it->events & ABI_EPOLLEXCLUSIVE;
	waitq_add(q, &e->w);
}

static u32 item_holds(struct epitem *it)
{
	struct poll_table pt = {.events = it->events | ALWAYS};

	return file_poll(it->file, &pt) & (it->events | ALWAYS);
}

int epoll_insert(struct eventpoll *ep, struct file *f, int fd, const struct abi_epoll_event *ev)
{
	struct epitem *it = kzalloc(sizeof(*it));
	struct insert_ctx ctx = {.pt = {.queue = item_queue}, .item = it};

	if (!it)
		return -ENOMEM;
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->events = ev->events;
	it->data = ev->data;
	RB_INSERT(epitem_tree, &ep->items, it);
	ep->nitems++;
	spin_lock(&f->ep_lock);
	TAILQ_INSERT_TAIL(&f->epitems, it, file_link);
	spin_unlock(&f->ep_lock);
	ctx.pt.events = it->events | ALWAYS;
	if (file_poll(f, &ctx.pt) & (it->events | ALWAYS)) {
		(void)item_make_ready(it);
		waitq_wake(&ep->poll_wait, ~0u, ABI_POLLIN);
	}
	return 0;
}

int epoll_modify(struct eventpoll *ep, struct epitem *it, const struct abi_epoll_event *ev)
{
	if (it->events & ABI_EPOLLEXCLUSIVE)
		return -EINVAL;
	WRITE_ONCE(it->events, ev->events);
	it->data = ev->data;
	mem_barrier(); /* the new wish before the look: a wake-up after it sees it */
	if (item_holds(it)) {
		(void)item_make_ready(it);
		waitq_wake(&ep->poll_wait, ~0u, ABI_POLLIN);
	}
	return 0;
}

void epoll_remove_locked(struct eventpoll *ep, struct epitem *it)
{
	for (u32 i = 0; i < it->nqueues; i++)
		waitq_remove(it->queue[i].q, &it->queue[i].w);
	spin_lock(&it->file->ep_lock);
	TAILQ_REMOVE(&it->file->epitems, it, file_link);
	spin_unlock(&it->file->ep_lock);
	spin_lock(&ep->ready_lock);
	if (it->is_ready)
		TAILQ_REMOVE(&ep->ready, it, ready);
	spin_unlock(&ep->ready_lock);
	RB_REMOVE(epitem_tree, &ep->items, it);
	ep->nitems--;
	kfree(it);
}

struct epitem *epoll_find_locked(struct eventpoll *ep, struct file *f, int fd)
{
	struct epitem key = {.file = f, .fd = fd};

	return RB_FIND(epitem_tree, &ep->items, &key);
}

/* A watched file ends. */
static void file_gone(struct file *f)
{
	struct epitem *it;

	mutex_lock(&epoll_topology);
	while ((it = TAILQ_FIRST(&f->epitems)) != NULL) {
		struct eventpoll *ep = it->ep;

		mutex_lock_nested(&ep->lock);
		epoll_remove_locked(ep, it);
		mutex_unlock(&ep->lock);
	}
	mutex_unlock(&epoll_topology);
}

static struct epitem *take_ready(struct eventpoll *ep)
{
	struct epitem *it;

	spin_lock(&ep->ready_lock);
	it = TAILQ_FIRST(&ep->ready);
	if (it) {
		TAILQ_REMOVE(&ep->ready, it, ready);
		it->is_ready = false;
	}
	spin_unlock(&ep->ready_lock);
	return it;
}

/* Level-triggered items that were delivered stay ready, behind the others. */
static void put_back(struct eventpoll *ep, struct epitem_list *again)
{
	struct epitem *it;

	spin_lock(&ep->ready_lock);
	while ((it = TAILQ_FIRST(again)) != NULL) {
		TAILQ_REMOVE(again, it, again);
		it->kept = false;
		if (!it->is_ready) {
			it->is_ready = true;
			TAILQ_INSERT_TAIL(&ep->ready, it, ready);
		}
	}
	spin_unlock(&ep->ready_lock);
}

static void keep(struct epitem_list *again, struct epitem *it)
{
	if (it->kept)
		return;
	it->kept = true;
	TAILQ_INSERT_TAIL(again, it, again);
}

/* An item that becomes ready again meanwhile is behind all others: it ends the round, so that none
 * is delivered twice and a busy file cannot hold the caller. */
long epoll_deliver(struct eventpoll *ep, uaddr_t uevents, u32 max)
{
	struct epitem_list again = TAILQ_HEAD_INITIALIZER(again);
	struct epitem *it;
	long n = 0;

	mutex_lock_nested(&ep->lock);
	ep->round++;
	while (n < max && (it = take_ready(ep)) != NULL) {
		struct abi_epoll_event ev = {.data = it->data};

		if (it->round == ep->round) {
			keep(&again, it);
			break;
		}
		it->round = ep->round;
		ev.events = it->events & ~PRIVATE ? item_holds(it) : 0;
		if (!ev.events)
			continue;
		if (copy_out(uaddr_add(uevents, (u64)n * sizeof(ev)), &ev, sizeof(ev))) {
			keep(&again, it);
			n = n ? n : -EFAULT;
			break;
		}
		n++;
		if (it->events & ABI_EPOLLONESHOT)
			WRITE_ONCE(it->events, it->events & PRIVATE);
		else if (!(it->events & ABI_EPOLLET))
			keep(&again, it);
	}
	put_back(ep, &again);
	mutex_unlock(&ep->lock);
	return n;
}

/* Sleeps until an item becomes ready: 0, -ETIMEDOUT, -EINTR. */
long epoll_sleep(struct eventpoll *ep, u64 deadline)
{
	struct ep_sleeper s = {.task = current};
	int err = 0;

	spin_lock(&ep->ready_lock);
	TAILQ_INSERT_TAIL(&ep->sleepers, &s, link);
	spin_unlock(&ep->ready_lock);
	for (;;) {
		bool ready;

		sched_set_state(TASK_INTERRUPTIBLE);
		spin_lock(&ep->ready_lock);
		ready = !TAILQ_EMPTY(&ep->ready);
		s.woken = false;
		spin_unlock(&ep->ready_lock);
		if (ready || err)
			break;
		err = sched_block_until(deadline);
	}
	sched_set_state(TASK_RUNNING);
	spin_lock(&ep->ready_lock);
	TAILQ_REMOVE(&ep->sleepers, &s, link);
	spin_unlock(&ep->ready_lock);
	return err == -ERESTARTSYS ? -EINTR : err;
}

static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct eventpoll *ep = f->priv;
	struct epitem *it;
	u32 events = 0;

	poll_wait(pt, f, &ep->poll_wait);
	/* The ready list only says "perhaps": ask, and drop what holds nothing. */
	mutex_lock_nested(&ep->lock);
	while ((it = take_ready(ep)) != NULL) {
		if (!(it->events & ~PRIVATE) || !item_holds(it))
			continue;
		(void)item_make_ready(it);
		events = ABI_POLLIN | ABI_POLLRDNORM;
		break;
	}
	mutex_unlock(&ep->lock);
	return events;
}

static void epoll_release(struct file *f)
{
	struct eventpoll *ep = f->priv;
	struct epitem *it;

	mutex_lock(&epoll_topology);
	mutex_lock_nested(&ep->lock);
	while ((it = RB_MIN(epitem_tree, &ep->items)) != NULL)
		epoll_remove_locked(ep, it);
	mutex_unlock(&ep->lock);
	mutex_unlock(&epoll_topology);
	kfree(ep);
}

static void epoll_describe(struct file *f, char *buf, size_t size)
{
	ksnprintf(buf, size, "anon_inode:[eventpoll]");
}

const struct file_ops epoll_ops = {
	.poll = epoll_poll,
	.release = epoll_release,
	.describe = epoll_describe,
};

void epoll_init(void)
{
	mutex_init(&epoll_topology, RANK_EPOLL);
	epoll_file_gone = file_gone;
}
