/* handle.c - the table of handles: 16 bits of index, 16 of generation
 *
 * A closed handle's index comes back with the next generation, so that a stale number is refused
 * (-EBADF) until 65535 closes of the same index later. Descriptors are closed outside the lock.
 * Locks: srv->table for everything but the fields that are constant while a reference is held.
 * Tests: test/unit/gofer/handle_test.c */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define GEN_MAX 0xffffu

static uint32_t handle_number(const struct gofer_server *srv, const struct gofer_handle *h)
{
	return h->gen << 16 | (uint32_t)(h - srv->handles - 1);
}

/* Takes fd over on success. -ENFILE: no handle is free. */
int gofer_handle_new(struct gofer_server *srv, int fd, unsigned mount, unsigned type, unsigned open,
		     bool dead_end, uint32_t *out)
{
	struct gofer_handle *h;

	pthread_mutex_lock(&srv->table);
	if (srv->handle_free) {
		h = &srv->handles[srv->handle_free];
		srv->handle_free = h->next;
	} else if (srv->handle_top < srv->handle_cap) {
		h = &srv->handles[++srv->handle_top];
		h->gen = 1;
	} else {
		pthread_mutex_unlock(&srv->table);
		return -ENFILE;
	}
	srv->handle_count++;
	h->refs = 1;
	h->live = true;
	h->fd = fd;
	h->io = -1;
	h->mount = (uint16_t)mount;
	h->type = (uint16_t)type;
	h->open = (uint8_t)open;
	h->dead_end = dead_end;
	h->dir_pos = 0;
	*out = handle_number(srv, h);
	pthread_mutex_unlock(&srv->table);
	return 0;
}

static struct gofer_handle *handle_find_locked(struct gofer_server *srv, uint32_t handle)
{
	uint32_t index = (handle & 0xffff) + 1;
	struct gofer_handle *h;

	if (index > srv->handle_top)
		return NULL;
	h = &srv->handles[index];
	return h->live && h->gen == handle >> 16 ? h : NULL;
}

/* Returns a reference, or NULL: no such handle. */
struct gofer_handle *gofer_handle_get(struct gofer_server *srv, uint32_t handle)
{
	struct gofer_handle *h;

	pthread_mutex_lock(&srv->table);
	h = handle_find_locked(srv, handle);
	if (h)
		h->refs++;
	pthread_mutex_unlock(&srv->table);
	return h;
}

void gofer_handle_put(struct gofer_server *srv, struct gofer_handle *h)
{
	int fd = -1, io = -1;

	pthread_mutex_lock(&srv->table);
	if (--h->refs == 0) {
		fd = h->fd;
		io = h->io;
		h->fd = h->io = -1;
		h->gen = h->gen == GEN_MAX ? 1 : h->gen + 1;
		h->next = srv->handle_free;
		srv->handle_free = (uint32_t)(h - srv->handles);
		srv->handle_count--;
	}
	pthread_mutex_unlock(&srv->table);
	if (fd >= 0)
		close(fd);
	if (io >= 0)
		close(io);
}

int gofer_handle_close(struct gofer_server *srv, uint32_t handle)
{
	struct gofer_handle *h;

	pthread_mutex_lock(&srv->table);
	h = handle_find_locked(srv, handle);
	if (h)
		h->live = false;
	pthread_mutex_unlock(&srv->table);
	if (!h)
		return -EBADF;
	gofer_handle_put(srv, h);
	return 0;
}

/* A descriptor to read from: the open file itself, or the path handle's own, opened now if it has
 * none. Borrowed: valid while the reference to h is held. */
int gofer_handle_io(struct gofer_server *srv, struct gofer_handle *h)
{
	int fd, have;

	if (h->open)
		return h->open & ABI_GOFER_O_READ ? h->fd : -EBADF;
	if (h->type != S_IFREG && h->type != S_IFDIR)
		return -EINVAL;
	if (h->dead_end)
		return -EACCES;
	pthread_mutex_lock(&srv->table);
	fd = h->io;
	pthread_mutex_unlock(&srv->table);
	if (fd >= 0)
		return fd;
	fd = gofer_reopen(srv, h->fd, h->type == S_IFDIR ? O_RDONLY | O_DIRECTORY : O_RDONLY);
	if (fd < 0)
		return fd;
	/* Two workers may have opened it at once; the first one stays. */
	pthread_mutex_lock(&srv->table);
	have = h->io;
	if (have < 0)
		h->io = fd;
	pthread_mutex_unlock(&srv->table);
	if (have < 0)
		return fd;
	close(fd);
	return have;
}

pthread_mutex_t *gofer_handle_dir_lock(struct gofer_server *srv, struct gofer_handle *h)
{
	return &srv->dir[(h - srv->handles) % GOFER_DIR_LOCKS];
}
