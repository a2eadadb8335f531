/* pipe_internal.h - the ring of a pipe, for the files of ipc/ */
#pragma once
#include "ipc/pipe.h"
#include "abi/linux/poll.h"

#define PIPE_DEFAULT 65536u
#define PIPE_MAX     (1u << 20) /* of the unprivileged; /proc/sys/fs/pipe-max-size */
#define PIPE_LIMIT   (1u << 30)

struct pipe {
	struct mutex lock;
	struct waitq rd, wr;		/* readers and writers that wait; poll on either */
	u32 head, tail;			/* [l] bytes taken, put: free-running */
	u32 size;			/* [l] power of two of pages */
	u32 readers, writers;		/* [l] open ends */
	u32 files;			/* [l] open descriptions */
	bool unnamed;			/* [I] made by pipe(2), not a FIFO */
	u32 reader_opens, writer_opens; /* [l] ever: a FIFO's open waits for a change */
	void **page;			/* [l] size / PAGE_SIZE of them, null until used */
	void *first[PIPE_DEFAULT / PAGE_SIZE];
};

extern const struct file_ops pipe_file_ops;
static inline u32 pipe_used(const struct pipe *p)
{
	return p->tail - p->head;
}

/* The bytes at a position, and how many follow in its page. */
static inline char *pipe_at(const struct pipe *p, u32 pos, u32 *run)
{
	u32 off = pos & (PAGE_SIZE - 1);

	*run = (u32)PAGE_SIZE - off;
	return (char *)p->page[(pos & (p->size - 1)) >> PAGE_SHIFT] + off;
}

#define READABLE (ABI_POLLIN | ABI_POLLRDNORM)
#define WRITABLE (ABI_POLLOUT | ABI_POLLWRNORM)

/* Sleeps with p->lock, which is held, dropped: 0 or -ERESTARTSYS. */
int pipe_wait(struct pipe *p, struct waitq *q, u32 events) must_check;
