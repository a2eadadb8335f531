/* poll.c - waiting for several files at once
 *
 * Provides: poll_items, for poll(2) and select(2), and file_poll.
 * Owns: one waiter per wait queue that a file's poll operation names, for the duration of a call.
 *   Most calls find room for them on the stack.
 * A file's poll operation may sleep (locks), which spoils a task state set before; so waking sets
 * a flag that is tested last, with the state set.
 * Locks: none of its own; the wake function runs under a wait queue's. Sleeps: yes.
 * Tests: test/abi/{poll,select}.c */
#include "event/internal.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"

#define INLINE_ENTRIES 8
#define BLOCK_ENTRIES  32

struct poll_ctx;
struct poll_entry {
	struct waiter w;
	struct poll_ctx *ctx;
	struct waitq *q;
};
struct poll_block {
	struct poll_block *next;
	u32 n;
	struct poll_entry entry[BLOCK_ENTRIES];
};
struct poll_ctx {
	struct poll_table pt;
	a32_t triggered; /* [a] */
	int err;
	u32 n;
	struct poll_entry entry[INLINE_ENTRIES];
	struct poll_block *blocks;
};

u32 file_poll(struct file *f, struct poll_table *pt)
{
	if (!f->ops->poll)
		return ABI_POLLIN | ABI_POLLOUT | ABI_POLLRDNORM | ABI_POLLWRNORM;
	return f->ops->poll(f, pt);
}

static bool poll_woken(struct waiter *w, u32 events)
{
	struct poll_entry *e = container_of(w, struct poll_entry, w);

	a_xchg(&e->ctx->triggered, 1);
	(void)sched_wake(w->task, TASK_NORMAL);
	return true;
}

static struct poll_entry *entry_new(struct poll_ctx *c)
{
	struct poll_block *b = c->blocks;

	if (c->n < INLINE_ENTRIES)
		return &c->entry[c->n++];
	if (!b || b->n == BLOCK_ENTRIES) {
		b = kmalloc(sizeof(*b));
		if (!b)
			return NULL;
		b->n = 0;
		b->next = c->blocks;
		c->blocks = b;
	}
	return &b->entry[b->n++];
}

static void poll_queue(struct poll_table *pt, struct file *f, struct waitq *q)
{
	struct poll_ctx *c = container_of(pt, struct poll_ctx, pt);
	struct poll_entry *e = entry_new(c);

	if (!e) {
		c->err = -ENOMEM;
		return;
	}
	e->ctx = c;
	e->q = q;
	waiter_init(&e->w, current);
	e->w.wake = poll_woken;
	e->w.events = pt->events;
	waitq_add(q, &e->w);
}

static void poll_release(struct poll_ctx *c)
{
	for (u32 i = 0; i < c->n; i++)
		waitq_remove(c->entry[i].q, &c->entry[i].w);
	while (c->blocks) {
		struct poll_block *b = c->blocks;

		for (u32 i = 0; i < b->n; i++)
			waitq_remove(b->entry[i].q, &b->entry[i].w);
		c->blocks = b->next;
		kfree(b);
	}
}

static long scan(struct poll_ctx *c, struct poll_item *items, size_t n)
{
	long ready = 0;

	for (size_t i = 0; i < n; i++) {
		struct poll_item *it = &items[i];

		if (!it->ref.file) {
			ready += it->revents != 0;
			continue;
		}
		c->pt.events = it->events;
		it->revents = file_poll(it->ref.file, &c->pt) & it->events;
		if (it->revents) {
			ready++;
			c->pt.queue = NULL; /* this round will not sleep */
		}
		if (i % 64 == 63)
			mach_poll();
	}
	c->pt.queue = NULL;
	return ready;
}

/* Sleeps until a waiter was woken. */
static int poll_sleep(struct poll_ctx *c, u64 deadline)
{
	for (;;) {
		int err;

		sched_set_state(TASK_INTERRUPTIBLE);
		if (a_load_acquire(&c->triggered)) {
			sched_set_state(TASK_RUNNING);
			a_xchg(&c->triggered, 0);
			return 0;
		}
		err = sched_block_until(deadline);
		if (err)
			return err;
	}
}

long poll_items(struct poll_item *items, size_t n, u64 deadline)
{
	struct poll_ctx c = {.pt.queue = poll_queue};
	bool last = deadline <= time_mono_ns();
	long ready;

	if (last)
		c.pt.queue = NULL;
	for (;;) {
		int err;

		ready = scan(&c, items, n);
		if (ready || last)
			break;
		if (c.err || signal_pending(current)) {
			ready = c.err ? c.err : -ERESTARTNOHAND;
			break;
		}
		err = poll_sleep(&c, deadline);
		if (err == -ETIMEDOUT)
			last = true; /* one more look: what came at the last moment counts */
		else if (err) {
			ready = -ERESTARTNOHAND;
			break;
		}
	}
	poll_release(&c);
	return ready;
}
