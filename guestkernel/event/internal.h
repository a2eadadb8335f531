/* internal.h - between the files of event/ */
#pragma once
#include "abi/linux/poll.h"
#include "vfs.h"

struct poll_item {
	struct fdref ref; /* .file null: nothing to ask */
	u32 events;	  /* asked, with POLLERR and POLLHUP */
	u32 revents;
};
/* Asks the items, and sleeps until one is ready: how many are, 0 at the deadline, -ERESTARTNOHAND
 * on a signal, -ENOMEM. */
long poll_items(struct poll_item *items, size_t n, u64 deadline);
/* Monotonic deadline of a relative timeout. */
u64 deadline_in(u64 ns);
int deadline_from(uaddr_t uts,
		  u64 *deadline); /* struct timespec; null: none. 0 or negative errno */
/* Installs a mask for the duration of a call, if there is one. */
int temporary_mask(uaddr_t uset, size_t setsize);
/* The call was not interrupted: the mask is what it was before. */
void temporary_mask_done(long result);
/* An anonymous file with its private part, as a new descriptor; frees priv on failure. */
int anon_fd(const struct file_ops *ops, void *priv, u32 flags);
void put_remaining(uaddr_t uts, u64 deadline, bool timeval);
void signalfd_init(void);
void epoll_init(void);
