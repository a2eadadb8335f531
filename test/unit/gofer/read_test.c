/* read_test.c - the server's operations that change nothing, through a real channel */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/un.h>
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

static void test_attach(void **state)
{
	struct abi_gofer_request q = client_request(&c, ABI_GOFER_ATTACH, 0, NULL, NULL);
	struct abi_gofer_reply r;

	(void)state;
	q.args.attach.version = ABI_GOFER_VERSION;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.flags, ABI_GOFER_R_EXCLUSIVE);
	assert_true(S_ISDIR(r.attr.mode));
	assert_true(r.value >= 64);
	q.args.attach.mount = 1;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.flags, ABI_GOFER_R_READONLY);
	q.args.attach.mount = 2;
	assert_int_equal(client_call(&c, &q, &r), -ENOENT);
	q.args.attach.mount = 0xffffffff;
	assert_int_equal(client_call(&c, &q, &r), -ENOENT);
	q.args.attach.mount = 0;
	q.args.attach.version = ABI_GOFER_VERSION + 1;
	assert_int_equal(client_call(&c, &q, &r), -EPROTONOSUPPORT);
}

static void test_walk_attributes(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_walk_entry e[3];
	struct abi_gofer_reply r;
	struct stat st;

	(void)state;
	mkdirat(c.root, "a", 0750);
	mkdirat(c.root, "a/b", 0700);
	host_write(&c, "a/b/file", "hello");
	q = client_request(&c, ABI_GOFER_WALK, root, "a", "b");
	assert_int_equal(abi_gofer_name_put(client_in(&c), 4096, &q.in_len, "file", 4), 0);
	q.args.walk.count = 3;
	q.args.walk.open_flags = ABI_GOFER_O_READ;
	q.flags = ABI_GOFER_F_HANDLES;
	q.out_len = sizeof(e);
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 3);
	assert_int_not_equal(r.open, 0);
	memcpy(e, client_out(&c), sizeof(e));
	assert_int_equal(r.handle, e[2].handle);
	assert_int_equal(e[0].attr.mode, S_IFDIR | 0750);
	assert_int_equal(e[1].attr.mode, S_IFDIR | 0700);
	assert_memory_equal(&e[2].attr, &r.attr, sizeof(r.attr));
	assert_int_equal(fstatat(c.root, "a/b/file", &st, 0), 0);
	assert_int_equal(r.attr.ino, st.st_ino);
	assert_int_equal(r.attr.size, 5);
	assert_int_equal(r.attr.mtime, st.st_mtim.tv_sec);
	assert_int_equal(r.attr.mtime_nsec, st.st_mtim.tv_nsec);
	assert_int_equal(r.attr.nlink, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(client_close(&c, e[i].handle), 0);
	assert_int_equal(client_close(&c, r.open), 0);
	/* Handles wanted, but no room to tell them: refused before one is made. */
	q.out_len = sizeof(e) - 1;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
}

static void test_walk_partial(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_walk_entry e;
	struct abi_gofer_reply r;
	int error;

	(void)state;
	mkdirat(c.root, "a", 0755);
	host_write(&c, "f", "x");
	symlinkat("a", c.root, "link");
	q = client_request(&c, ABI_GOFER_WALK, root, "a", "missing");
	q.args.walk.count = 2;
	q.out_len = 2 * sizeof(e);
	q.flags = ABI_GOFER_F_HANDLES;
	assert_int_equal(client_call(&c, &q, &r), -ENOENT);
	assert_int_equal(r.count, 1);
	memcpy(&e, client_out(&c), sizeof(e));
	assert_int_equal(client_close(&c, e.handle), 0);
	q.flags = 0;
	assert_int_equal(client_call(&c, &q, &r), -ENOENT);
	assert_int_equal(r.handle, 0);
	client_walk(&c, root, "f/x", &error, NULL);
	assert_int_equal(error, -ENOTDIR);
	/* Stops at the link and says so. */
	q = client_request(&c, ABI_GOFER_WALK, root, "link", "more");
	q.args.walk.count = 2;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.flags, ABI_GOFER_R_SYMLINK);
	assert_true(S_ISLNK(r.attr.mode));
	assert_int_equal(r.value, 0); /* no room for its target */
	q.out_len = 2 * sizeof(e) + 1;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.value, 0); /* it may have been cut off */
	q.out_len = 2 * sizeof(e) + 2;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.value, 1);
	assert_int_equal(client_out(&c)[2 * sizeof(e)], 'a');
	q = client_request(&c, ABI_GOFER_READLINK, r.handle, NULL, NULL);
	q.out_len = 4096;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 1);
	assert_memory_equal(client_out(&c), "a", 1);
}

static void test_read(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	char text[3000];
	uint32_t file;
	int error;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 23);
	text[sizeof(text) - 1] = 0;
	host_write(&c, "f", text);
	file = client_walk(&c, root, "f", &error, NULL);
	q = client_request(&c, ABI_GOFER_READ, file, NULL, NULL);
	q.out_len = 4096;
	/* By the path handle, which opens it, and by an open one. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(client_call(&c, &q, &r), 0);
		assert_int_equal(r.count, sizeof(text) - 1);
		assert_memory_equal(client_out(&c), text, r.count);
		q.handle = client_open(&c, file, ABI_GOFER_O_READ, &error);
	}
	q.args.io.off = 2990;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 9);
	q.args.io.off = 1 << 20;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 0);
	q.args.io.off = UINT64_MAX;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.args.io.off = INT64_MAX;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q = client_request(&c, ABI_GOFER_READ, root, NULL, NULL);
	q.out_len = 10;
	assert_int_equal(client_call(&c, &q, &r), -EISDIR);
}

static void test_readdir(void **state)
{
	enum { FILES = 300 };
	struct abi_gofer_request q = client_request(&c, ABI_GOFER_READDIR, root, NULL, NULL);
	struct abi_gofer_reply r;
	bool seen[FILES] = {false};
	char name[32];
	unsigned found = 0, rounds = 0;

	(void)state;
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		host_write(&c, name, "x");
	}
	q.flags = ABI_GOFER_F_ATTR;
	q.out_len = 4096; /* many rounds, each with an entry left over */
	do {
		struct abi_gofer_entry e;
		uint32_t pos = 0;
		int i;

		assert_int_equal(client_call(&c, &q, &r), 0);
		rounds++;
		while (abi_gofer_entry_get(client_out(&c), r.count, &pos, &e) == 1) {
			assert_int_equal(sscanf(e.name, "file-%d", &i), 1);
			assert_false(seen[i]);
			seen[i] = true;
			assert_int_equal(e.d.has_attr, 1);
			assert_int_equal(e.attr.size, 1);
			assert_int_equal(e.attr.ino, e.d.ino);
			found++;
		}
		assert_int_equal(pos, r.count);
		q.args.io.off = r.value;
	} while (!(r.flags & ABI_GOFER_R_EOF));
	assert_int_equal(found, FILES);
	assert_true(rounds > 5);
	/* From the start again, without attributes, in one go. */
	q.flags = 0;
	q.args.io.off = 0;
	q.out_len = 65536;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.flags, ABI_GOFER_R_EOF);
	/* No room for a single entry is an error, not an endless "go on". */
	q.out_len = 8;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.args.io.off = UINT64_MAX;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
}

static int fetched(struct abi_gofer_reply *r, uint32_t *pos, struct abi_gofer_fetched *f,
		   const uint8_t **data)
{
	return abi_gofer_fetched_get(client_out(&c), r->count, pos, 100, f, data);
}

static void test_fetch(void **state)
{
	static const char *const names[] = {"one", "none", "empty", "big", "dir", "link", "pipe"};
	struct abi_gofer_request q = client_request(&c, ABI_GOFER_FETCH, root, NULL, NULL);
	struct abi_gofer_fetched f;
	struct abi_gofer_reply r;
	const uint8_t *data;
	char big[101] = {0};
	uint32_t pos = 0;

	(void)state;
	memset(big, 'b', 100);
	host_write(&c, "one", "hello");
	host_write(&c, "empty", "");
	host_write(&c, "big", big);
	assert_int_equal(mkdirat(c.root, "dir", 0755), 0);
	assert_int_equal(symlinkat("one", c.root, "link"), 0);
	assert_int_equal(mkfifoat(c.root, "pipe", 0600), 0);
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(abi_gofer_name_put(client_in(&c), 4096, &q.in_len, names[i],
						    (uint32_t)strlen(names[i])),
				 0);
	q.args.fetch.count = 7;
	q.args.fetch.each = 99;
	q.out_len = 65536;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(fetched(&r, &pos, &f, &data), 1);
	assert_int_equal(f.len, 5);
	assert_memory_equal(data, "hello", 5);
	assert_int_equal(fetched(&r, &pos, &f, &data), 1);
	assert_int_equal(f.error, -ENOENT);
	for (unsigned i = 2; i < 7; i++) {
		assert_int_equal(fetched(&r, &pos, &f, &data), 1);
		assert_int_equal(f.error, 0);
		assert_int_equal(f.len, 0);
	}
	assert_true(S_ISFIFO(f.attr.mode));
	assert_int_equal(fetched(&r, &pos, &f, &data), 0);
	/* The answer ends where the next one has no room. */
	q.args.fetch.each = 100;
	q.out_len = 4 * sizeof(f) + 8 + 96;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 3 * sizeof(f) + 8);
	q.out_len = sizeof(f) + 100;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.out_len = 4096;
	q.args.fetch.count = 8; /* a name too many */
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.args.fetch.count = 0;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
}

static void test_special_files(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	struct abi_gofer_attr attr;
	uint32_t fifo, sock;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	(void)state;
	assert_int_equal(mkfifoat(c.root, "fifo", 0600), 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/sock", c.dir);
	assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	fifo = client_walk(&c, root, "fifo", &error, &attr);
	assert_true(S_ISFIFO(attr.mode));
	sock = client_walk(&c, root, "sock", &error, &attr);
	assert_true(S_ISSOCK(attr.mode));
	/* Opening a FIFO would hang the worker; nothing here may try. */
	for (int i = 0; i < 2; i++) {
		client_open(&c, i ? sock : fifo, ABI_GOFER_O_READ, &error);
		assert_int_equal(error, -ENXIO);
		q = client_request(&c, ABI_GOFER_READ, i ? sock : fifo, NULL, NULL);
		assert_int_equal(client_call(&c, &q, &r), -EINVAL);
		q = client_request(&c, ABI_GOFER_FSYNC, i ? sock : fifo, NULL, NULL);
		assert_int_equal(client_call(&c, &q, &r), -EINVAL);
		q = client_request(&c, ABI_GOFER_WALK, root, i ? "sock" : "fifo", NULL);
		q.args.walk.count = 1;
		q.args.walk.open_flags = ABI_GOFER_O_READ;
		assert_int_equal(client_call(&c, &q, &r), 0);
		assert_int_equal(r.open, 0);
	}
	close(s);
}

static void test_statfs_getattr(void **state)
{
	struct abi_gofer_request q = client_request(&c, ABI_GOFER_STATFS, root, NULL, NULL);
	struct abi_gofer_reply r;
	struct statfs fs;

	(void)state;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(fstatfs(c.root, &fs), 0);
	assert_int_equal(r.statfs.type, fs.f_type);
	assert_int_equal(r.statfs.bsize, fs.f_bsize);
	q.op = ABI_GOFER_GETATTR;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_true(S_ISDIR(r.attr.mode));
	q.op = ABI_GOFER_SYNCFS;
	assert_int_equal(client_call(&c, &q, &r), 0);
}

static void test_lseek(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint32_t file;
	int error;

	(void)state;
	host_write(&c, "f", "x");
	file = client_walk(&c, root, "f", &error, NULL);
	q = client_request(&c, ABI_GOFER_LSEEK, file, NULL, NULL);
	q.args.lseek.whence = SEEK_HOLE;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.value, 1);
	q.args.lseek.off = 1;
	assert_int_equal(client_call(&c, &q, &r), -ENXIO);
	q.args.lseek.whence = SEEK_SET;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
}

/* The host's procfs under a mount: an empty directory, and nothing to be had from its handles. */
static void test_procfs_is_empty(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	struct abi_gofer_attr attr;
	struct client host;
	uint32_t slash, proc;
	int error;

	(void)state;
	client_make(&host);
	close(host.mount[0].fd);
	host.mount[0].fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	host.mount[0].readonly = true;
	client_start(&host);
	slash = client_attach(&host, 0);
	proc = client_walk(&host, slash, "proc", &error, &attr);
	assert_int_equal(error, 0);
	assert_true(S_ISDIR(attr.mode));
	client_walk(&host, proc, "self", &error, NULL);
	assert_int_equal(error, -ENOENT);
	client_walk(&host, slash, "proc/kmsg", &error, NULL);
	assert_int_equal(error, -ENOENT);
	client_open(&host, proc, ABI_GOFER_O_READ, &error);
	assert_int_equal(error, -EACCES);
	q = client_request(&host, ABI_GOFER_READDIR, proc, NULL, NULL);
	q.out_len = 4096;
	assert_int_equal(client_call(&host, &q, &r), 0);
	assert_int_equal(r.count, 0);
	assert_int_equal(client_stop(&host), 0);
}

static void test_atime_untouched(void **state)
{
	const struct timespec old[2] = {{1000, 0}, {2000, 0}};
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	struct stat st;
	int error;

	(void)state;
	host_write(&c, "f", "text");
	assert_int_equal(utimensat(c.root, "f", old, 0), 0);
	q = client_request(&c, ABI_GOFER_READ, client_walk(&c, root, "f", &error, NULL), NULL,
			   NULL);
	q.out_len = 100;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 4);
	assert_int_equal(fstatat(c.root, "f", &st, 0), 0);
	assert_int_equal(st.st_atim.tv_sec, 1000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_attach),		 T(test_walk_attributes),
		T(test_walk_partial),	 T(test_read),
		T(test_readdir),	 T(test_fetch),
		T(test_special_files),	 T(test_statfs_getattr),
		T(test_lseek),		 T(test_procfs_is_empty),
		T(test_atime_untouched),
	};

	return cmocka_run_group_tests_name("gofer-read", tests, NULL, NULL);
}
