/* op_fetch.c - several small files at once, for a guest that reads a directory's files in a row
 *
 * Each file takes the way of a walk, an open and a read, with their checks, and leaves no handle.
 * Content moves into shared memory uncopied; nothing in it is judged.
 * Tests: test/unit/gofer/read_test.c, test/fuzz/gofer_request.c */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD ((uint32_t)sizeof(struct abi_gofer_fetched))

struct fetch {
	int dir;
	uint64_t dev; /* the directory's */
	uint32_t each;
	uint32_t room; /* bytes left in the answer, a record's at least */
};

/* The whole file, or an error: one that changes its size just now is not for here. */
static int content_read(struct gofer_worker *w, int path_fd, uint8_t *out, uint32_t size)
{
	int fd = gofer_reopen(w->srv, path_fd, O_RDONLY), r = 0;
	uint32_t done = 0;

	if (fd < 0)
		return fd;
	while (done < size && !r) {
		ssize_t n = pread(fd, out + done, size - done, (off_t)done);

		if (n > 0)
			done += (uint32_t)n;
		else if (n == 0)
			r = -EAGAIN;
		else if (errno != EINTR)
			r = -errno;
	}
	close(fd);
	return r;
}

/* The record of an open path; the bytes it takes, or 0: no room. */
static uint32_t fetch_fd(struct gofer_worker *w, const struct fetch *f, int fd, uint8_t *out,
			 struct abi_gofer_fetched *rec)
{
	uint64_t size;

	rec->error = gofer_stat(fd, "", &rec->attr);
	/* What the guest may not see of a host's procfs, walks know. */
	if (!rec->error && rec->attr.dev != f->dev && gofer_is_procfs(fd))
		rec->error = -EACCES;
	size = rec->attr.size;
	if (rec->error || !S_ISREG(rec->attr.mode) || size == 0 || size > f->each)
		return RECORD;
	if (RECORD + ((size + 7) & ~7ull) > f->room)
		return 0;
	rec->error = content_read(w, fd, out + RECORD, (uint32_t)size);
	rec->len = rec->error ? 0 : (uint32_t)size;
	return RECORD + ((rec->len + 7) & ~7u);
}

static uint32_t fetch_name(struct gofer_worker *w, const struct fetch *f, uint8_t *out)
{
	struct abi_gofer_fetched rec = {0};
	int fd = gofer_open_child(f->dir, w->name[0], O_PATH, 0);
	uint32_t used = RECORD;

	if (fd < 0) {
		rec.error = fd;
	} else {
		used = fetch_fd(w, f, fd, out, &rec);
		close(fd);
	}
	if (rec.error)
		memset(&rec.attr, 0, sizeof(rec.attr));
	if (used)
		memcpy(out, &rec, sizeof(rec));
	return used;
}

int gofer_op_fetch(struct gofer_worker *w, struct gofer_handle *h)
{
	const uint32_t count = w->q.args.fetch.count, each = w->q.args.fetch.each;
	struct fetch f = {.dir = h->fd, .each = each};
	struct abi_gofer_attr attr;
	uint32_t pos = 0, i;
	int r;

	if (count == 0 || count > ABI_GOFER_FETCH_MAX || each > ABI_GOFER_FETCH_EACH ||
	    w->q.out_len < RECORD + ((each + 7) & ~7u))
		return -EINVAL;
	for (i = 0; i < count; i++)
		if (gofer_in_name(w, &pos, 0))
			return -EINVAL;
	if (h->dead_end)
		return -ENOENT;
	r = gofer_stat(h->fd, "", &attr);
	if (r)
		return r;
	f.dev = attr.dev;
	for (pos = i = 0; i < count; i++) {
		uint32_t used;

		f.room = w->q.out_len - w->r.count;
		if (f.room < RECORD)
			break;
		gofer_in_name(w, &pos, 0);
		used = fetch_name(w, &f, (uint8_t *)gofer_out(w) + w->r.count);
		if (!used)
			break;
		w->r.count += used;
	}
	return 0;
}
