/* write_test.c - the server's operations that change files, and that read-only mounts refuse them
 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

static struct abi_gofer_request make(unsigned op, const char *name, unsigned mode)
{
	struct abi_gofer_request q = client_request(&c, op, root, name, NULL);

	q.args.make.mode = mode;
	q.args.make.uid = getuid();
	q.args.make.gid = getgid();
	return q;
}

static void test_create(void **state)
{
	struct abi_gofer_request q = make(ABI_GOFER_CREATE, "new", 0640), w;
	struct abi_gofer_reply r;
	struct stat st;

	(void)state;
	q.args.make.open_flags = ABI_GOFER_O_READ | ABI_GOFER_O_WRITE | ABI_GOFER_O_EXCL;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.flags, ABI_GOFER_R_CREATED);
	assert_int_equal(r.attr.mode, S_IFREG | 0640);
	assert_int_not_equal(r.handle, 0);
	w = client_request(&c, ABI_GOFER_WRITE, r.open, NULL, NULL);
	w.in_len = 6;
	w.args.io.off = 3;
	memcpy(client_in(&c), "abcdef", 6);
	assert_int_equal(client_call(&c, &w, &r), 0);
	assert_int_equal(r.count, 6);
	assert_int_equal(r.attr.size, 9);
	assert_int_equal(fstatat(c.root, "new", &st, 0), 0);
	assert_int_equal(st.st_size, 9);
	q = make(ABI_GOFER_CREATE, "new", 0600);
	q.args.make.open_flags = ABI_GOFER_O_WRITE | ABI_GOFER_O_EXCL;
	assert_int_equal(client_call(&c, &q, &r), -EEXIST);
	/* Without EXCL: the file as it is, mode and all, but truncated on demand. */
	q.args.make.open_flags = ABI_GOFER_O_WRITE | ABI_GOFER_O_TRUNC;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.flags, 0);
	assert_int_equal(r.attr.mode, S_IFREG | 0640);
	assert_int_equal(r.attr.size, 0);
	/* A handle only. */
	q = make(ABI_GOFER_CREATE, "other", 0600);
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_not_equal(r.handle, 0);
	assert_int_equal(r.open, 0);
}

static void test_create_owner_and_set_id(void **state)
{
	struct abi_gofer_request q = make(ABI_GOFER_CREATE, "suid", 06755);
	struct abi_gofer_reply r;

	(void)state;
	if (getuid())
		skip();
	q.args.make.uid = 1234;
	q.args.make.gid = 5678;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.uid, 1234);
	assert_int_equal(r.attr.gid, 5678);
	assert_int_equal(r.attr.mode, S_IFREG | 06755);
	q = make(ABI_GOFER_MKDIR, "dir", 02770);
	q.args.make.uid = 1234;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.uid, 1234);
	assert_int_equal(r.attr.mode, S_IFDIR | 02770);
	q = client_request(&c, ABI_GOFER_SYMLINK, root, "link", NULL);
	memcpy(client_in(&c) + q.in_len, "nowhere", 7);
	q.in_len += 7;
	q.args.make.uid = 1234;
	q.args.make.gid = 1234;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.uid, 1234);
	assert_int_equal(r.attr.size, 7);
}

static void test_nodes(void **state)
{
	struct abi_gofer_request q = make(ABI_GOFER_MKNOD, "fifo", S_IFIFO | 0600);
	struct abi_gofer_reply r;

	(void)state;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.mode, S_IFIFO | 0600);
	assert_int_equal(client_call(&c, &q, &r), -EEXIST);
	q = make(ABI_GOFER_MKNOD, "sock", S_IFSOCK | 0600);
	assert_int_equal(client_call(&c, &q, &r), 0);
	q = make(ABI_GOFER_MKNOD, "dev", S_IFCHR | 0600);
	q.args.make.rdev = 1ull << 32 | 3;
	assert_int_equal(client_call(&c, &q, &r), -EPERM);
	q = make(ABI_GOFER_MKNOD, "dir", S_IFDIR | 0600);
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q = make(ABI_GOFER_MKNOD, "nothing", 0600);
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
}

static void test_rename_link_unlink(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint32_t file, dir, ro;
	int error;

	(void)state;
	host_write(&c, "one", "1");
	host_write(&c, "two", "2");
	mkdirat(c.root, "dir", 0700);
	file = client_walk(&c, root, "one", &error, NULL);
	dir = client_walk(&c, root, "dir", &error, NULL);
	q = client_request(&c, ABI_GOFER_LINK, file, "hard", NULL);
	q.args.link.dir = dir;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.nlink, 2);
	q = client_request(&c, ABI_GOFER_LINK, dir, "hard", NULL);
	q.args.link.dir = root;
	assert_int_equal(client_call(&c, &q, &r), -EPERM);
	q = client_request(&c, ABI_GOFER_RENAME, root, "one", "two");
	q.args.rename.dir = root;
	q.args.rename.flags = RENAME_NOREPLACE;
	assert_int_equal(client_call(&c, &q, &r), -EEXIST);
	q.args.rename.flags = 1u << 30;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.args.rename.flags = RENAME_EXCHANGE;
	assert_int_equal(client_call(&c, &q, &r), 0);
	q.args.rename.flags = 0;
	q.args.rename.dir = file;
	assert_int_equal(client_call(&c, &q, &r), -ENOTDIR);
	ro = client_attach(&c, 1);
	q.args.rename.dir = ro;
	assert_int_equal(client_call(&c, &q, &r), -EXDEV);
	q.args.rename.dir = dir;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(faccessat(c.root, "dir/two", F_OK, 0), 0);
	q = client_request(&c, ABI_GOFER_RMDIR, root, "dir", NULL);
	assert_int_equal(client_call(&c, &q, &r), -ENOTEMPTY);
	q = client_request(&c, ABI_GOFER_UNLINK, root, "dir", NULL);
	assert_int_equal(client_call(&c, &q, &r), -EISDIR);
	q = client_request(&c, ABI_GOFER_UNLINK, dir, "two", NULL);
	assert_int_equal(client_call(&c, &q, &r), 0);
	q = client_request(&c, ABI_GOFER_UNLINK, dir, "hard", NULL);
	assert_int_equal(client_call(&c, &q, &r), 0);
	q = client_request(&c, ABI_GOFER_RMDIR, root, "dir", NULL);
	assert_int_equal(client_call(&c, &q, &r), 0);
	/* The handle outlives its name. */
	q = client_request(&c, ABI_GOFER_GETATTR, file, NULL, NULL);
	assert_int_equal(client_call(&c, &q, &r), 0);
}

static void test_setattr(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint32_t file;
	int error;

	(void)state;
	host_write(&c, "f", "0123456789");
	symlinkat("f", c.root, "link");
	file = client_walk(&c, root, "f", &error, NULL);
	q = client_request(&c, ABI_GOFER_SETATTR, file, NULL, NULL);
	q.args.setattr.valid = ABI_GOFER_A_MODE | ABI_GOFER_A_SIZE | ABI_GOFER_A_MTIME;
	q.args.setattr.mode = 0604;
	q.args.setattr.size = 4;
	q.args.setattr.mtime = 12345;
	q.args.setattr.mtime_nsec = 678;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.mode, S_IFREG | 0604);
	assert_int_equal(r.attr.size, 4);
	assert_int_equal(r.attr.mtime, 12345);
	assert_int_equal(r.attr.mtime_nsec, 678);
	q.args.setattr.valid = ABI_GOFER_A_ATIME | ABI_GOFER_A_MTIME_NOW;
	q.args.setattr.atime = 77;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.atime, 77);
	assert_true(r.attr.mtime > 12345);
	q.args.setattr.atime_nsec = 1000000000;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.args.setattr.valid = 0x100;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.args.setattr.valid = ABI_GOFER_A_SIZE;
	q.args.setattr.size = UINT64_MAX;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q.handle = root;
	assert_int_equal(client_call(&c, &q, &r), -EISDIR);
	/* A link's own attributes, never its target's. */
	q.handle = client_walk(&c, root, "link", &error, NULL);
	q.args.setattr.valid = ABI_GOFER_A_MODE;
	q.args.setattr.mode = 0777;
	assert_int_equal(client_call(&c, &q, &r), -EOPNOTSUPP);
	q.args.setattr.valid = ABI_GOFER_A_MTIME;
	q.args.setattr.atime_nsec = 0;
	q.args.setattr.mtime = 5;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_true(S_ISLNK(r.attr.mode));
	assert_int_equal(r.attr.mtime, 5);
	client_walk(&c, root, "f", &error, &r.attr);
	assert_int_not_equal(r.attr.mtime, 5);
}

static void test_append_fallocate_sync(void **state)
{
	struct abi_gofer_request q = make(ABI_GOFER_CREATE, "log", 0600);
	struct abi_gofer_reply r;
	uint32_t open;

	(void)state;
	host_write(&c, "log", "abc");
	q.args.make.open_flags = ABI_GOFER_O_WRITE | ABI_GOFER_O_APPEND;
	assert_int_equal(client_call(&c, &q, &r), 0);
	open = r.open;
	q = client_request(&c, ABI_GOFER_WRITE, open, NULL, NULL);
	q.in_len = 3;
	memcpy(client_in(&c), "def", 3);
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.size, 6);
	q = client_request(&c, ABI_GOFER_READ, open, NULL, NULL);
	q.out_len = 10;
	assert_int_equal(client_call(&c, &q, &r), -EBADF);
	q = client_request(&c, ABI_GOFER_FALLOCATE, open, NULL, NULL);
	q.args.fallocate.len = 5000;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.attr.size, 5000);
	q.args.fallocate.mode = 0x8000;
	assert_int_equal(client_call(&c, &q, &r), -EOPNOTSUPP);
	q = client_request(&c, ABI_GOFER_FSYNC, open, NULL, NULL);
	assert_int_equal(client_call(&c, &q, &r), 0);
	q.flags = ABI_GOFER_F_DATASYNC;
	assert_int_equal(client_call(&c, &q, &r), 0);
	q.flags = ABI_GOFER_F_ATTR;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
}

static void test_xattr(void **state)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint32_t file;
	int error, set;

	(void)state;
	host_write(&c, "f", "x");
	file = client_walk(&c, root, "f", &error, NULL);
	q = client_request(&c, ABI_GOFER_SETXATTR, file, "user.key", NULL);
	memcpy(client_in(&c) + q.in_len, "value", 5);
	q.in_len += 5;
	set = client_call(&c, &q, &r);
	if (set == -EOPNOTSUPP)
		skip(); /* the temporary directory's file system has none */
	assert_int_equal(set, 0);
	q.args.xattr.flags = 1; /* XATTR_CREATE */
	assert_int_equal(client_call(&c, &q, &r), -EEXIST);
	q.args.xattr.flags = 4;
	assert_int_equal(client_call(&c, &q, &r), -EINVAL);
	q = client_request(&c, ABI_GOFER_GETXATTR, file, "user.key", NULL);
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.value, 5);
	assert_int_equal(r.count, 0);
	q.out_len = 100;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.count, 5);
	assert_memory_equal(client_out(&c), "value", 5);
	q.out_len = 4;
	assert_int_equal(client_call(&c, &q, &r), -ERANGE);
	q = client_request(&c, ABI_GOFER_LISTXATTR, file, NULL, NULL);
	q.out_len = 1000;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_non_null(memmem(client_out(&c), r.count, "user.key", 9));
	q = client_request(&c, ABI_GOFER_REMOVEXATTR, file, "user.key", NULL);
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(client_call(&c, &q, &r), -ENODATA);
}

/* Every operation that writes, on a handle of the read-only mount. */
static void test_readonly(void **state)
{
	const unsigned ops[] = {ABI_GOFER_SETATTR,  ABI_GOFER_CREATE,	  ABI_GOFER_MKDIR,
				ABI_GOFER_MKNOD,    ABI_GOFER_SYMLINK,	  ABI_GOFER_LINK,
				ABI_GOFER_RENAME,   ABI_GOFER_UNLINK,	  ABI_GOFER_RMDIR,
				ABI_GOFER_SETXATTR, ABI_GOFER_REMOVEXATTR};
	uint32_t ro = client_attach(&c, 1), file, open;
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	int error;

	(void)state;
	host_write(&c, "f", "x");
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		q = client_request(&c, ops[i], ro, i ? "f" : NULL, NULL);
		assert_int_equal(client_call(&c, &q, &r), -EROFS);
	}
	file = client_walk(&c, ro, "f", &error, NULL);
	client_open(&c, file, ABI_GOFER_O_WRITE, &error);
	assert_int_equal(error, -EROFS);
	open = client_open(&c, file, ABI_GOFER_O_READ, &error);
	assert_int_equal(error, 0);
	q = client_request(&c, ABI_GOFER_WRITE, open, NULL, NULL);
	assert_int_equal(client_call(&c, &q, &r), -EROFS);
	q = client_request(&c, ABI_GOFER_FALLOCATE, open, NULL, NULL);
	assert_int_equal(client_call(&c, &q, &r), -EROFS);
	q = client_request(&c, ABI_GOFER_WALK, ro, "f", NULL);
	q.args.walk.count = 1;
	q.args.walk.open_flags = ABI_GOFER_O_READ | ABI_GOFER_O_WRITE;
	assert_int_equal(client_call(&c, &q, &r), 0);
	assert_int_equal(r.open, 0);
	/* A second directory of a read-only mount does not help either. */
	q = client_request(&c, ABI_GOFER_RENAME, root, "f", "g");
	q.args.rename.dir = ro;
	assert_int_equal(client_call(&c, &q, &r), -EXDEV);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_create),	 T(test_create_owner_and_set_id),
		T(test_nodes),	 T(test_rename_link_unlink),
		T(test_setattr), T(test_append_fallocate_sync),
		T(test_xattr),	 T(test_readonly),
	};

	return cmocka_run_group_tests_name("gofer-write", tests, NULL, NULL);
}
