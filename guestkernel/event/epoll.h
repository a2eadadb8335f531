/* epoll.h - epoll instances, for event/ only */
#pragma once
#include <bsd/sys/tree.h>
#include "abi/linux/epoll.h"
#include "event/internal.h"

#define EP_QUEUES 2 /* wait queues that a file's poll operation may name */
#define EP_NESTS  4
#define EP_WAYS	  1000u /* from the lowest to the highest of nested instances, through any one */

struct eventpoll;
struct epitem {
	RB_ENTRY(epitem) node;	       /* [m] */
	TAILQ_ENTRY(epitem) ready;     /* [r] */
	TAILQ_ENTRY(epitem) again;     /* [m] delivered, stays ready */
	TAILQ_ENTRY(epitem) file_link; /* file->ep_lock */
	struct eventpoll *ep;	       /* [I] */
	struct file *file;	       /* [I] no reference: the file takes the item along */
	int fd;			       /* [I] */
	u32 events;		       /* [m] asked, 0 after a one-shot */
	u64 data;		       /* [m] */
	bool is_ready;		       /* [r] */
	bool kept;		       /* [m] is in the list of .again */
	u64 round;		       /* [m] last delivery that looked at it */
	u32 nqueues;		       /* [I] after the insertion */
	struct ep_queue {
		struct waiter w;
		struct waitq *q;
		struct epitem *item;
	} queue[EP_QUEUES];
};
RB_HEAD(epitem_tree, epitem);
RB_PROTOTYPE(epitem_tree, epitem, node, item_cmp)
TAILQ_HEAD(epitem_list, epitem);

struct ep_sleeper {
	TAILQ_ENTRY(ep_sleeper) link; /* [r] */
	struct task *task;
	bool woken; /* [r] */
};

struct eventpoll {
	struct mutex lock;		   /* [m] items and delivery */
	struct epitem_tree items;	   /* [m] */
	u32 nitems;			   /* [m] */
	u64 round;			   /* [m] deliveries so far */
	struct spinlock ready_lock;	   /* [r] */
	struct epitem_list ready;	   /* [r] */
	TAILQ_HEAD(, ep_sleeper) sleepers; /* [r] */
	struct file *file;	/* [topology] of this instance, once it contains another */
	struct waitq poll_wait; /* who polls the epoll descriptor itself */
};

extern const struct file_ops epoll_ops;
extern struct mutex epoll_topology; /* ends of files and instances, and nesting */
int epoll_insert(struct eventpoll *ep, struct file *f, int fd, const struct abi_epoll_event *ev);
int epoll_modify(struct eventpoll *ep, struct epitem *it, const struct abi_epoll_event *ev);
void epoll_remove_locked(struct eventpoll *ep, struct epitem *it);
struct epitem *epoll_find_locked(struct eventpoll *ep, struct file *f, int fd);
/* Up to max events for a reader: how many were copied, or -EFAULT. */
long epoll_deliver(struct eventpoll *ep, uaddr_t uevents, u32 max);
long epoll_sleep(struct eventpoll *ep, u64 deadline);
