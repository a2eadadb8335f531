/* client.c - a guest's end of the channel for the gofer's tests */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "abi/gofer_codec.h"

void client_make(struct client *c)
{
	const int size = ABI_GOFER_CHANNEL_SIZE;
	void *base;
	int fd;

	memset(c, 0, sizeof(*c));
	strcpy(c->dir, "/tmp/gofer-test-XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	assert_int_equal(chmod(c->dir, 0755), 0);
	c->root = open(c->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = memfd_create("channel", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(base, MAP_FAILED);
	assert_int_equal(abi_gofer_format(base, (uint32_t)size), ABI_RING_OK);
	assert_int_equal(abi_channel_open(&c->chan, base, (uint32_t)size, ABI_CHANNEL_GOFER), 0);
	assert_int_equal(abi_channel_rings(&c->chan, &c->req, &c->cpl), 0);
	c->kick = eventfd(0, EFD_CLOEXEC);
	c->call = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->control), 0);
	for (int i = 0; i < 2; i++) {
		c->mount[i].fd = open(c->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		c->mount[i].readonly = i == 1;
		c->mount[i].exclusive = i == 0;
	}
	c->cfg = (struct gofer_config){
		.channel_fd = fd,
		.kick_fd = c->kick,
		.call_fd = c->call,
		.control_fd = c->control[1],
		.mounts = c->mount,
		.mount_count = 2,
		.workers = 3,
	};
}

static void *server_main(void *arg)
{
	struct client *c = arg;

	c->result = gofer_serve(&c->cfg);
	return NULL;
}

void client_start(struct client *c)
{
	assert_int_equal(pthread_create(&c->server, NULL, server_main, c), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void client_free(struct client *c)
{
	munmap(c->chan.base, c->chan.size);
	close(c->cfg.channel_fd);
	close(c->kick);
	close(c->call);
	close(c->mount[0].fd);
	close(c->mount[1].fd);
	close(c->root);
	if (c->control[0] >= 0)
		close(c->control[0]);
	close(c->control[1]);
	nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int client_wait(struct client *c)
{
	pthread_join(c->server, NULL);
	return c->result;
}

int client_stop(struct client *c)
{
	int r;

	close(c->control[0]);
	c->control[0] = -1;
	r = client_wait(c);
	client_free(c);
	return r;
}

uint8_t *client_in(struct client *c)
{
	return abi_channel_data(&c->chan, CLIENT_IN, CLIENT_OUT);
}

uint8_t *client_out(struct client *c)
{
	return abi_channel_data(&c->chan, CLIENT_OUT, ABI_GOFER_IO_MAX);
}

void client_submit(struct client *c, uint32_t slot, struct abi_gofer_request *q)
{
	const uint64_t one = 1;

	q->tag = ++c->tag;
	abi_copy_words(abi_channel_slot(&c->chan, slot), q, sizeof(*q));
	assert_int_equal(abi_ring_put(&c->req, slot, 0, 0), ABI_RING_OK);
	if (abi_ring_publish(&c->req))
		assert_int_equal(write(c->kick, &one, sizeof(one)), sizeof(one));
}

int client_await(struct client *c)
{
	struct abi_ring_desc d;
	uint64_t n;

	for (;;) {
		int r = abi_ring_get(&c->cpl, &d);

		if (r == ABI_RING_OK) {
			abi_ring_release(&c->cpl);
			return (int)d.id;
		}
		assert_int_equal(r, ABI_RING_AGAIN);
		if (abi_channel_closed(&c->chan))
			return -1;
		if (abi_ring_arm_get(&c->cpl) == ABI_RING_AGAIN)
			assert_int_equal(read(c->call, &n, sizeof(n)), sizeof(n));
	}
}

void client_reply(struct client *c, uint32_t slot, const struct abi_gofer_request *q,
		  struct abi_gofer_reply *r)
{
	const uint8_t *base = abi_channel_slot(&c->chan, slot);

	abi_copy_words(r, base + ABI_GOFER_REPLY_OFF, sizeof(*r));
	assert_int_equal(abi_gofer_reply_check(r, q), 0);
}

int client_call(struct client *c, struct abi_gofer_request *q, struct abi_gofer_reply *r)
{
	client_submit(c, 0, q);
	assert_int_equal(client_await(c), 0);
	client_reply(c, 0, q, r);
	return r->error;
}

struct abi_gofer_request client_request(struct client *c, unsigned op, uint32_t handle,
					const char *name, const char *name2)
{
	struct abi_gofer_request q = {
		.size = sizeof(q), .op = (uint16_t)op, .handle = handle, .in_off = CLIENT_IN};
	uint8_t *in = client_in(c);

	if (name)
		assert_int_equal(
			abi_gofer_str_put(in, 4096, &q.in_len, name, (uint32_t)strlen(name)), 0);
	if (name2)
		assert_int_equal(
			abi_gofer_str_put(in, 4096, &q.in_len, name2, (uint32_t)strlen(name2)), 0);
	q.out_off = CLIENT_OUT;
	return q;
}

uint32_t client_attach(struct client *c, unsigned mount)
{
	struct abi_gofer_request q = client_request(c, ABI_GOFER_ATTACH, 0, NULL, NULL);
	struct abi_gofer_reply r;

	q.args.attach.version = ABI_GOFER_VERSION;
	q.args.attach.mount = mount;
	assert_int_equal(client_call(c, &q, &r), 0);
	assert_int_not_equal(r.handle, 0);
	return r.handle;
}

uint32_t client_walk(struct client *c, uint32_t dir, const char *path, int *error,
		     struct abi_gofer_attr *attr)
{
	struct abi_gofer_request q = client_request(c, ABI_GOFER_WALK, dir, NULL, NULL);
	struct abi_gofer_reply r;
	char copy[512], *save, *name;

	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		assert_int_equal(abi_gofer_str_put(client_in(c), 4096, &q.in_len, name,
						   (uint32_t)strlen(name)),
				 0);
		q.args.walk.count++;
	}
	*error = client_call(c, &q, &r);
	if (*error == 0 && r.count < q.args.walk.count)
		*error = -ELOOP;
	if (attr)
		*attr = r.attr;
	return r.handle;
}

int client_close(struct client *c, uint32_t handle)
{
	struct abi_gofer_request q = client_request(c, ABI_GOFER_CLOSE, handle, NULL, NULL);
	struct abi_gofer_reply r;

	return client_call(c, &q, &r);
}

uint32_t client_open(struct client *c, uint32_t handle, unsigned flags, int *error)
{
	struct abi_gofer_request q = client_request(c, ABI_GOFER_OPEN, handle, NULL, NULL);
	struct abi_gofer_reply r;

	q.args.open.open_flags = flags;
	*error = client_call(c, &q, &r);
	return r.open;
}

void host_write(struct client *c, const char *name, const char *text)
{
	int fd = openat(c->root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}
