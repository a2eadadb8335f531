/* escape_test.c - a guest that tries to get out of its mount, or to confuse the server */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>
#include "abi/gofer_codec.h"

static struct client c;
static uint32_t root;

static int setup(void **state)
{
	(void)state;
	client_make(&c);
	client_start(&c);
	root = client_attach(&c, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(client_stop(&c), 0);
	return 0;
}

/* Names that the helpers would refuse, written by hand. */
static int raw_name(unsigned op, const char *name, uint32_t len)
{
	struct abi_gofer_request q = client_request(&c, op, root, NULL, NULL);
	struct abi_gofer_reply r;

	client_in(&c)[0] = (uint8_t)len;
	memcpy(client_in(&c) + 1, name, len);
	q.in_len = len + 1;
	q.args.walk.count = op == ABI_GOFER_WALK;
	return client_call(&c, &q, &r);
}

static void test_bad_names(void **state)
{
	const unsigned ops[] = {ABI_GOFER_WALK,	  ABI_GOFER_CREATE, ABI_GOFER_MKDIR,
				ABI_GOFER_UNLINK, ABI_GOFER_RMDIR,  ABI_GOFER_SYMLINK};

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		assert_int_equal(raw_name(ops[i], "..", 2), -EINVAL);
		assert_int_equal(raw_name(ops[i], ".", 1), -EINVAL);
		assert_int_equal(raw_name(ops[i], "", 0), -EINVAL);
		assert_int_equal(raw_name(ops[i], "a/b", 3), -EINVAL);
		assert_int_equal(raw_name(ops[i], "/etc", 4), -EINVAL);
		assert_int_equal(raw_name(ops[i], "a\0b", 3), -EINVAL);
	}
}

static void test_symlinks_are_not_followed(void **state)
{
	const char *links[] = {"/etc/passwd", "../../etc/passwd", "/proc/self/root", "..", "/"};
	struct abi_gofer_attr attr;
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	char name[16];
	int error;

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		uint32_t h;

		snprintf(name, sizeof(name), "link%zu", i);
		assert_int_equal(symlinkat(links[i], c.root, name), 0);
		h = client_walk(&c, root, name, &error, &attr);
		assert_int_equal(error, 0);
		assert_true(S_ISLNK(attr.mode));
		client_open(&c, h, ABI_GOFER_O_READ, &error);
		assert_int_equal(error, -ELOOP);
		q = client_request(&c, ABI_GOFER_READ, h, NULL, NULL);
		q.out_len = 100;
		assert_int_equal(client_call(&c, &q, &r), -EINVAL);
		q = client_request(&c, ABI_GOFER_CREATE, root, name, NULL);
		q.args.make.open_flags = ABI_GOFER_O_WRITE;
		assert_int_equal(client_call(&c, &q, &r), -ELOOP);
		q = client_request(&c, ABI_GOFER_MKDIR, h, "x", NULL);
		assert_int_equal(client_call(&c, &q, &r), -ENOTDIR);
	}
}

static volatile int swapping;

static void *swapper(void *arg)
{
	(void)arg;
	while (swapping)
		syscall(SYS_renameat2, c.root, "sub", c.root, "trap", RENAME_EXCHANGE);
	return NULL;
}

/* Somebody on the host swaps a directory for a link that leads out, all the time: a walk gets the
 * directory's file, or the link itself, or an error; never the file outside. */
static void test_rename_race(void **state)
{
	char outside[] = "/tmp/gofer-outside-XXXXXX", secret[64];
	unsigned inside = 0, refused = 0;
	pthread_t thread;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(outside));
	snprintf(secret, sizeof(secret), "%s/file", outside);
	f = fopen(secret, "w");
	fputs("secret", f);
	fclose(f);
	mkdirat(c.root, "sub", 0755);
	host_write(&c, "sub/file", "mine");
	symlinkat(outside, c.root, "trap");
	swapping = 1;
	pthread_create(&thread, NULL, swapper, NULL);
	for (int i = 0; i < 20000 && (i < 2000 || !inside || !refused); i++) {
		struct abi_gofer_request q =
			client_request(&c, ABI_GOFER_WALK, root, "sub", "file");
		struct abi_gofer_reply r;

		q.args.walk.count = 2;
		if (client_call(&c, &q, &r) || r.count < 2) {
			refused++;
		} else {
			assert_int_equal(r.attr.size, 4);
			inside++;
		}
		if (r.handle)
			client_close(&c, r.handle);
	}
	swapping = 0;
	pthread_join(thread, NULL);
	unlink(secret);
	rmdir(outside);
	assert_true(inside > 0);
	assert_true(refused > 0);
}

static void test_stale_handles(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint32_t h, next;
	int error;

	(void)state;
	host_write(&c, "f", "x");
	h = client_walk(&c, root, "f", &error, NULL);
	assert_int_equal(client_close(&c, h), 0);
	assert_int_equal(client_close(&c, h), -EBADF);
	q = client_request(&c, ABI_GOFER_GETATTR, h, NULL, NULL);
	assert_int_equal(client_call(&c, &q, &r), -EBADF);
	/* The same index again, under another number. */
	next = client_walk(&c, root, "f", &error, NULL);
	assert_int_not_equal(next, h);
	assert_int_equal(next & 0xffff, h & 0xffff);
	assert_int_equal(client_call(&c, &q, &r), -EBADF);
	for (uint32_t i = 0; i < 32; i++) {
		q.handle = next ^ 1u << i;
		if (q.handle != root)
			assert_int_equal(client_call(&c, &q, &r), -EBADF);
	}
	q.handle = 0;
	assert_int_equal(client_call(&c, &q, &r), -EBADF);
}

static void test_batch_close(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint32_t h[5];
	int error;

	(void)state;
	host_write(&c, "f", "x");
	for (int i = 0; i < 3; i++)
		h[i] = client_walk(&c, root, "f", &error, NULL);
	h[3] = h[0];
	h[4] = 0xdeadbeef;
	q = client_request(&c, ABI_GOFER_CLOSE_BATCH, 0, NULL, NULL);
	memcpy(client_in(&c), h, sizeof(h));
	q.in_len = sizeof(h);
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 3);
	q.in_len = 5;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.in_len = ABI_GOFER_BATCH_MAX * 4 + 4;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
}

/* Ranges that leave the data area, and lengths that no operation knows. */
static void test_wild_ranges(void **state)
{
	const uint32_t size = c.chan.data_size;
	const uint32_t wild[][2] = {{size, 8},	     {size - 8, 16},  {0, size + 1},
				    {8, 0xffffffff}, {0xfffffff8, 8}, {0xfffffff8, 0xfffffff8},
				    {0, 0xffffffff}, {0x80000000, 8}, {0, (1 << 20) + 8}};
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint32_t file;
	int error;

	(void)state;
	host_write(&c, "f", "x");
	file = client_walk(&c, root, "f", &error, NULL);
	for (size_t i = 0; i < sizeof(wild) / sizeof(*wild); i++) {
		q = client_request(&c, ABI_GOFER_READ, file, NULL, NULL);
		q.out_off = wild[i][0];
		q.out_len = wild[i][1];
		assert_int_equal(client_call(&c, &q, &r), -EINVAL);
		q = client_request(&c, ABI_GOFER_WALK, root, NULL, NULL);
		q.args.walk.count = 1;
		q.in_off = wild[i][0];
		q.in_len = wild[i][1];
		assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	}
	q = client_request(&c, ABI_GOFER_READ, file, NULL, NULL);
	q.out_off = 4;
	q.out_len = 8;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL); /* not aligned */
}

static void test_malformed_requests(void **state)
{
	struct abi_gofer_request q = client_request(&c, ABI_GOFER_GETATTR, root, NULL, NULL);
	struct abi_gofer_reply r;

	(void)state;
	q.size--;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.size = 0;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.size = sizeof(q);
	q.zero = 1;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.zero = 0;
	q.flags = 0x80000000;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.flags = 0;
	q.op = 0;
	assert_int_equal(client_call(&c, &q, &r), -ENOSYS);
	q.op = ABI_GOFER_OPS;
	assert_int_equal(client_call(&c, &q, &r), -ENOSYS);
	q.op = 0xffff;
	assert_int_equal(client_call(&c, &q, &r), -ENOSYS);
	q.op = ABI_GOFER_WALK;
	for (uint32_t count = 0; count < 3; count++) {
		/* No names at all: too few for any count. */
		q.args.walk.count = count ? 0x7fffffffu * count : 0;
		assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	}
}

/* The last one: the limit cannot be raised again by everybody. */
static void test_handles_run_out(void **state)
{
	const struct rlimit few = {200, 200};
	struct rlimit old;
	struct client small;
	uint32_t slash, h, last = 0;
	unsigned count = 0;
	int error = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	if (old.rlim_max < few.rlim_cur)
		skip();
	client_make(&small);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	client_start(&small);
	slash = client_attach(&small, 0);
	mkdirat(small.root, "d", 0755);
	while (count < 1000) {
		h = client_walk(&small, slash, "d", &error, NULL);
		if (error)
			break;
		last = h;
		count++;
	}
	assert_int_equal(error, -ENFILE);
	assert_true(count > 50);
	/* One given back is one to be had. */
	assert_int_equal(client_close(&small, last), 0);
	client_walk(&small, slash, "d", &error, NULL);
	assert_int_equal(error, 0);
	assert_int_equal(client_stop(&small), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_bad_names),	    T(test_symlinks_are_not_followed),
		T(test_rename_race),	    T(test_stale_handles),
		T(test_batch_close),	    T(test_wild_ranges),
		T(test_malformed_requests), T(test_handles_run_out),
	};

	return cmocka_run_group_tests_name("gofer-escape", tests, NULL, NULL);
}
