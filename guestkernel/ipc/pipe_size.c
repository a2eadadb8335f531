/* pipe_size.c - pipes seen from fcntl and splice: capacity, looking without taking
 * Locks: p->lock, as everywhere in a pipe. */
#include "ipc/pipe_internal.h"
#include "abi/linux/caps.h"
#include "sched.h"
#include "slab.h"
#include "string.h"

bool file_is_pipe(const struct file *f)
{
	return f->ops == &pipe_file_ops;
}

long pipe_get_size(struct file *f)
{
	return file_is_pipe(f) ? (long)((struct pipe *)f->priv)->size : -EBADF;
}

/* p->lock held: the content, from position 0 on, in pages of another ring. */
static int pipe_rebuild(struct pipe *p, u32 size)
{
	void **page = kzalloc(size / PAGE_SIZE * sizeof(void *));
	u32 used = pipe_used(p), done, run, k;
	char *from;

	if (!page)
		return -ENOMEM;
	for (k = 0; k < (used + PAGE_SIZE - 1) / PAGE_SIZE; k++) {
		page[k] = kmalloc(PAGE_SIZE);
		if (!page[k])
			goto out_free;
	}
	for (done = 0; done < used; done += run) {
		from = pipe_at(p, p->head + done, &run);
		run = MIN(run, used - done);
		run = MIN(run, (u32)PAGE_SIZE - (done & (u32)(PAGE_SIZE - 1)));
		memcpy((char *)page[done >> PAGE_SHIFT] + (done & (PAGE_SIZE - 1)), from, run);
	}
	for (k = 0; k < p->size / PAGE_SIZE; k++)
		kfree(p->page[k]);
	if (p->page != p->first)
		kfree(p->page);
	p->page = page;
	p->size = size;
	p->head = 0;
	p->tail = used;
	return 0;
out_free:
	while (k--)
		kfree(page[k]);
	kfree(page);
	return -ENOMEM;
}

long pipe_set_size(struct file *f, u64 want)
{
	struct pipe *p = f->priv;
	u32 size = (u32)PAGE_SIZE;
	long err;

	if (!file_is_pipe(f))
		return -EBADF;
	if (want > PIPE_LIMIT)
		return -EINVAL;
	while (size < want)
		size *= 2;
	mutex_lock(&p->lock);
	if (size > p->size && size > PIPE_MAX && !capable(ABI_CAP_SYS_RESOURCE))
		err = -EPERM;
	else if (size < pipe_used(p))
		err = -EBUSY;
	else
		err = size == p->size ? 0 : pipe_rebuild(p, size);
	mutex_unlock(&p->lock);
	if (err)
		return err;
	waitq_wake_all(&p->wr);
	return (long)size;
}

size_t pipe_peek(struct file *f, void *buf, size_t n)
{
	struct pipe *p = f->priv;
	size_t done;
	u32 run;
	char *at;

	mutex_lock(&p->lock);
	n = MIN(n, (size_t)pipe_used(p));
	for (done = 0; done < n; done += run) {
		at = pipe_at(p, p->head + (u32)done, &run);
		run = (u32)MIN((size_t)run, n - done);
		memcpy((char *)buf + done, at, run);
	}
	mutex_unlock(&p->lock);
	return n;
}

int pipe_wait_data(struct file *f, bool nonblock)
{
	struct pipe *p = f->priv;
	int err = 0;

	mutex_lock(&p->lock);
	while (!err && !pipe_used(p) && p->writers)
		err = nonblock || f->flags & ABI_O_NONBLOCK ? -EAGAIN
							    : pipe_wait(p, &p->rd, READABLE);
	mutex_unlock(&p->lock);
	return err;
}

size_t pipe_room(struct file *f)
{
	struct pipe *p = f->priv;
	size_t n;

	mutex_lock(&p->lock);
	n = p->size - pipe_used(p);
	mutex_unlock(&p->lock);
	return n;
}
