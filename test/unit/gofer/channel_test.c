/* channel_test.c - many requests in flight, and guests that break the channel's rules */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void ring(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void test_many_in_flight(void **state)
{
	struct abi_gofer_request q[64];
	struct abi_gofer_reply r;
	struct client c;
	uint32_t root, done = 0;
	uint64_t seen = 0;

	(void)state;
	client_make(&c);
	client_start(&c);
	root = client_attach(&c, 0);
	for (int round = 0; round < 50; round++) {
		seen = 0;
		for (uint32_t i = 0; i < 64; i++) {
			q[i] = client_request(&c, i % 2 ? ABI_GOFER_GETATTR : ABI_GOFER_STATFS,
					      root, NULL, NULL);
			client_submit(&c, i, &q[i]);
		}
		for (uint32_t i = 0; i < 64; i++) {
			int slot = client_await(&c);

			assert_true(slot >= 0 && slot < 64);
			assert_false(seen >> slot & 1);
			seen |= 1ull << slot;
			client_reply(&c, (uint32_t)slot, &q[slot], &r);
			assert_int_equal(r.error, 0);
			done++;
		}
	}
	assert_int_equal(done, 50 * 64);
	assert_int_equal(client_stop(&c), 0);
}

/* An open that waits (for a lease of ours to be given up) must not hold up a getattr. */
static void test_slow_request_blocks_nobody(void **state)
{
	struct abi_gofer_request slow, quick;
	struct abi_gofer_reply r;
	struct client c;
	uint32_t root, file;
	int lease, error;

	(void)state;
	signal(SIGIO, SIG_IGN);
	client_make(&c);
	client_start(&c);
	root = client_attach(&c, 0);
	host_write(&c, "f", "x");
	file = client_walk(&c, root, "f", &error, NULL);
	lease = openat(c.root, "f", O_RDONLY | O_CLOEXEC);
	if (fcntl(lease, F_SETLEASE, F_WRLCK) < 0)
		skip();
	slow = client_request(&c, ABI_GOFER_OPEN, file, NULL, NULL);
	slow.args.open.open_flags = ABI_GOFER_O_READ;
	client_submit(&c, 1, &slow);
	for (int i = 0; i < 100; i++) {
		quick = client_request(&c, ABI_GOFER_GETATTR, root, NULL, NULL);
		client_submit(&c, 2, &quick);
		assert_int_equal(client_await(&c), 2);
		client_reply(&c, 2, &quick, &r);
	}
	assert_int_equal(fcntl(lease, F_SETLEASE, F_UNLCK), 0);
	assert_int_equal(client_await(&c), 1);
	client_reply(&c, 1, &slow, &r);
	assert_int_equal(r.error, 0);
	close(lease);
	assert_int_equal(client_stop(&c), 0);
}

/* Starts a server, lets `hurt` break a rule, and sees the channel closed. */
static void broken(void (*hurt)(struct client *))
{
	struct client c;

	client_make(&c);
	client_start(&c);
	client_attach(&c, 0);
	hurt(&c);
	ring(c.kick);
	assert_int_equal(client_wait(&c), -EPROTO);
	assert_int_not_equal(abi_channel_closed(&c.chan), 0);
	client_free(&c);
}

static void hurt_index(struct client *c)
{
	c->req.ring->prod += 1000;
}

static void hurt_index_back(struct client *c)
{
	c->req.ring->prod -= 1;
}

static void hurt_slot(struct client *c)
{
	abi_ring_put(&c->req, 64, 0, 0);
	abi_ring_publish(&c->req);
}

static void hurt_slot_far(struct client *c)
{
	abi_ring_put(&c->req, 0xffffffff, 0, 0);
	abi_ring_publish(&c->req);
}

static void hurt_completion_index(struct client *c)
{
	struct abi_gofer_request q = {.size = sizeof(q), .op = ABI_GOFER_STATFS};

	/* The server looks at cons only when it believes the ring full: go round it once. */
	for (uint32_t i = 0; i < 62; i++) {
		client_submit(c, i, &q);
		if (client_await(c) < 0)
			return;
	}
	c->cpl.ring->cons += 77;
	for (uint32_t i = 0; i < 63; i++)
		client_submit(c, i, &q);
}

/* Slots submitted again and again while no completion is taken back: the ring overflows. */
static void hurt_overflow(struct client *c)
{
	struct abi_gofer_request q = {.size = sizeof(q), .op = ABI_GOFER_STATFS};

	for (uint32_t i = 0; !abi_channel_closed(&c->chan); i++) {
		abi_copy_words(abi_channel_slot(&c->chan, i % 64), &q, sizeof(q));
		if (abi_ring_put(&c->req, i % 64, 0, 0) == ABI_RING_OK && abi_ring_publish(&c->req))
			ring(c->kick);
	}
}

static void test_broken_guests(void **state)
{
	(void)state;
	broken(hurt_index);
	broken(hurt_index_back);
	broken(hurt_slot);
	broken(hurt_slot_far);
	broken(hurt_completion_index);
	broken(hurt_overflow);
}

/* Doorbells without requests cost the server little, and it still serves. */
static void test_doorbell_flood(void **state)
{
	struct client c;

	(void)state;
	client_make(&c);
	client_start(&c);
	for (int i = 0; i < 20000; i++)
		ring(c.kick);
	client_attach(&c, 0);
	assert_int_equal(client_stop(&c), 0);
}

/* A guest that rewrites a slot while it is served: the server answers what it copied. */
static void test_slot_changes_in_flight(void **state)
{
	struct abi_gofer_request q;
	struct client c;
	uint32_t root;

	(void)state;
	client_make(&c);
	client_start(&c);
	root = client_attach(&c, 0);
	for (int i = 0; i < 2000; i++) {
		struct abi_gofer_request *slot = abi_channel_slot(&c.chan, 3);
		struct abi_gofer_reply r;
		int op;

		q = client_request(&c, ABI_GOFER_GETATTR, root, NULL, NULL);
		client_submit(&c, 3, &q);
		__atomic_store_n(&slot->op, 0xffff, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->in_len, 0xffffffffu, __ATOMIC_RELAXED);
		__atomic_store_n(&slot->out_off, 0xfffffff8u, __ATOMIC_RELAXED);
		assert_int_equal(client_await(&c), 3);
		abi_copy_words(&r, (uint8_t *)slot + ABI_GOFER_REPLY_OFF, sizeof(r));
		op = r.op;
		assert_true(op == ABI_GOFER_GETATTR || op == 0xffff);
		assert_true(r.error == 0 || r.error == -EINVAL || r.error == -ENOSYS);
	}
	assert_int_equal(client_stop(&c), 0);
}

static void test_refused_channels(void **state)
{
	struct client c;
	int good, fd;

	(void)state;
	client_make(&c);
	good = c.cfg.channel_fd;
	fd = memfd_create("unsealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 65536), 0);
	c.cfg.channel_fd = fd;
	assert_int_equal(gofer_serve(&c.cfg), -EPERM);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(gofer_serve(&c.cfg), -EPROTO); /* no header */
	close(fd);
	c.cfg.channel_fd = good;
	c.cfg.mount_count = 0;
	assert_int_equal(gofer_serve(&c.cfg), -EINVAL);
	client_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_in_flight),
		cmocka_unit_test(test_slow_request_blocks_nobody),
		cmocka_unit_test(test_broken_guests),
		cmocka_unit_test(test_doorbell_flood),
		cmocka_unit_test(test_slot_changes_in_flight),
		cmocka_unit_test(test_refused_channels),
	};

	return cmocka_run_group_tests_name("gofer-channel", tests, NULL, NULL);
}
