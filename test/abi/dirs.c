/* dirs.c - getdents64(2), getcwd(2), chdir(2), fchdir(2), chroot(2) */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"

struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static char buf[32768];
static unsigned char seen[1000];

static long getdents(int fd, void *to, size_t size)
{
	return syscall(SYS_getdents64, fd, to, size);
}

static void fill(int n)
{
	char name[32];
	int dir = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY));

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		close((int)REQUIRE_OK(openat(dir, name, O_WRONLY | O_CREAT, 0600)));
	}
	close(dir);
}

/* Notes what is in the buffer; returns the entries besides . and .., and the last one's offset. */
static int note(long n, int64_t *off)
{
	int count = 0, i;
	struct entry *e;

	for (long at = 0; at < n; at += e->reclen) {
		e = (struct entry *)(void *)(buf + at);
		if (!CHECK(e->reclen >= 24 && e->reclen % 8 == 0 && at + e->reclen <= n))
			return -1;
		CHECK(e->ino != 0);
		CHECK(strlen(e->name) < e->reclen - 19u);
		*off = e->off;
		if (sscanf(e->name, "file%d", &i) == 1 && i < 1000) {
			CHECK(e->type == DT_REG || e->type == DT_UNKNOWN);
			CHECK_EQ(seen[i], 0);
			seen[i] = 1;
			count++;
		} else {
			CHECK(strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0);
			CHECK(e->type == DT_DIR || e->type == DT_UNKNOWN);
		}
	}
	return count;
}

static int count_all(int fd, size_t size)
{
	int total = 0;
	int64_t off;
	long n;

	memset(seen, 0, sizeof(seen));
	while ((n = getdents(fd, buf, size)) > 0)
		total += note(n, &off);
	CHECK_EQ(n, 0);
	CHECK_EQ(getdents(fd, buf, size), 0);
	return total;
}

static void test_list(void)
{
	int fd;

	fill(300);
	fd = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY | O_DIRECTORY));
	CHECK_EQ(count_all(fd, sizeof(buf)), 300);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(count_all(fd, 32), 300);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(count_all(fd, 100), 300);
}

static void test_seek(void)
{
	int64_t off = 0;
	int fd, before, after;
	long n;

	fill(100);
	fd = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY | O_DIRECTORY));
	memset(seen, 0, sizeof(seen));
	n = getdents(fd, buf, 1000);
	CHECK(n > 0);
	before = note(n, &off);
	CHECK(before > 0);
	while (getdents(fd, buf, sizeof(buf)) > 0)
		;
	/* Back to where the first piece ended: the rest, and nothing twice. */
	CHECK_EQ(lseek(fd, off, SEEK_SET), off);
	after = 0;
	while ((n = getdents(fd, buf, 1000)) > 0)
		after += note(n, &off);
	CHECK_EQ(before + after, 100);
}

static void test_while_changing(void)
{
	char name[32];
	int64_t off;
	int fd, total = 0;
	long n;

	fill(200);
	fd = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY | O_DIRECTORY));
	memset(seen, 0, sizeof(seen));
	/* Entries removed as they are read, the way rm -r does: none is left out. */
	while ((n = getdents(fd, buf, 700)) > 0) {
		total += note(n, &off);
		for (int i = 0; i < 200; i++) {
			if (!seen[i])
				continue;
			snprintf(name, sizeof(name), "file%d", i);
			unlinkat(fd, name, 0);
		}
	}
	CHECK_EQ(total, 200);
	CHECK_OK(rmdir(abi_tmpdir()));
	CHECK_OK(mkdir(abi_tmpdir(), 0700));
}

static void test_errors(void)
{
	int fd = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY)), removed;

	fill(3);
	CHECK_ERR(getdents(fd, buf, 10), EINVAL);
	CHECK_ERR(getdents(fd, buf, 0), EINVAL);
	CHECK_FAULTS(p, 24, BAD_OUT, getdents(fd, p, 4096));
	CHECK_ERR(getdents(9999, buf, sizeof(buf)), EBADF);
	CHECK_ERR(getdents(open(abi_tmp("file0"), O_RDONLY), buf, sizeof(buf)), ENOTDIR);
	CHECK_ERR(getdents(open(abi_tmpdir(), O_PATH), buf, sizeof(buf)), EBADF);
	/* After the faults the position is where it was. */
	CHECK_EQ(count_all(fd, sizeof(buf)), 3);
	CHECK_OK(mkdir(abi_tmp("gone"), 0700));
	removed = (int)REQUIRE_OK(open(abi_tmp("gone"), O_RDONLY));
	CHECK_OK(rmdir(abi_tmp("gone")));
	CHECK_ERR(getdents(removed, buf, sizeof(buf)), ENOENT);
}

static void test_types(void)
{
	struct entry *e;
	int fd, found = 0;
	long n;

	CHECK_OK(mkdir(abi_tmp("d"), 0700));
	CHECK_OK(symlink("x", abi_tmp("l")));
	CHECK_OK(mkfifo(abi_tmp("p"), 0600));
	fd = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY));
	n = getdents(fd, buf, sizeof(buf));
	for (long at = 0; at < n; at += e->reclen) {
		e = (struct entry *)(void *)(buf + at);
		if (e->type == DT_UNKNOWN)
			continue;
		if (strcmp(e->name, "d") == 0)
			found += CHECK_EQ(e->type, DT_DIR);
		else if (strcmp(e->name, "l") == 0)
			found += CHECK_EQ(e->type, DT_LNK);
		else if (strcmp(e->name, "p") == 0)
			found += CHECK_EQ(e->type, DT_FIFO);
	}
	CHECK_EQ(found, 3);
}

static void test_getcwd(void)
{
	const char *dir = abi_tmpdir();

	CHECK_OK(chdir(dir));
	CHECK_EQ(syscall(SYS_getcwd, buf, sizeof(buf)), strlen(dir) + 1);
	CHECK_EQ(strcmp(buf, dir), 0);
	CHECK_ERR(syscall(SYS_getcwd, buf, strlen(dir)), ERANGE);
	CHECK_EQ(syscall(SYS_getcwd, buf, strlen(dir) + 1), strlen(dir) + 1);
	CHECK_ERR(syscall(SYS_getcwd, buf, 0), ERANGE);
	CHECK_FAULTS(p, strlen(dir), BAD_OUT, syscall(SYS_getcwd, p, 4096));
	CHECK_OK(chdir("/"));
	CHECK_EQ(syscall(SYS_getcwd, buf, sizeof(buf)), 2);
}

static void test_chdir(void)
{
	int fd, file;

	abi_tmp_file("f", "");
	CHECK_OK(mkdir(abi_tmp("d"), 0700));
	CHECK_ERR(chdir(abi_tmp("f")), ENOTDIR);
	CHECK_ERR(chdir(abi_tmp("none")), ENOENT);
	CHECK_ERR(chdir(""), ENOENT);
	CHECK_OK(chdir(abi_tmp("d")));
	CHECK_OK(chdir(".."));
	CHECK_OK(access("f", F_OK));
	fd = (int)REQUIRE_OK(open("d", O_RDONLY));
	file = (int)REQUIRE_OK(open("f", O_RDONLY));
	CHECK_OK(fchdir(fd));
	CHECK_ERR(fchdir(file), ENOTDIR);
	CHECK_ERR(fchdir(9999), EBADF);
	CHECK_OK(open("../f", O_RDONLY));
	CHECK_OK(chdir("/"));
	if (geteuid() != 0)
		return;
	CHECK_OK(chmod(abi_tmp("d"), 0600));
	abi_drop_root();
	CHECK_ERR(fchdir(fd), EACCES);
}

static void in_chroot(void *arg)
{
	CHECK_OK(chroot(arg));
	CHECK_OK(chdir("/"));
	CHECK_OK(access("/inside", F_OK));
	CHECK_ERR(access("/tmp", F_OK), ENOENT);
	CHECK_OK(access("/../../inside", F_OK));
	CHECK_OK(access("link", F_OK));
	CHECK_EQ(syscall(SYS_getcwd, buf, sizeof(buf)), 2);
	CHECK_OK(chdir("sub"));
	CHECK_EQ(syscall(SYS_getcwd, buf, sizeof(buf)), 5);
	CHECK_EQ(strcmp(buf, "/sub"), 0);
}

static void test_chroot(void)
{
	const char *dir = abi_tmpdir();

	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_chroot, p));
	if (geteuid() != 0) {
		CHECK_ERR(chroot("/tmp"), EPERM);
		return;
	}
	abi_tmp_file("inside", "");
	CHECK_OK(mkdir(abi_tmp("sub"), 0700));
	/* Absolute links start at the new root. */
	CHECK_OK(symlink("/inside", abi_tmp("link")));
	CHECK_ERR(chroot(abi_tmp("inside")), ENOTDIR);
	CHECK_ERR(chroot(abi_tmp("none")), ENOENT);
	abi_join(abi_spawn(in_chroot, (void *)(size_t)dir));
	abi_drop_root();
	CHECK_ERR(chroot("/tmp"), EPERM);
}

static const struct abi_test tests[] = {
	{"list", test_list},	 {"seek", test_seek},	  {"while_changing", test_while_changing},
	{"errors", test_errors}, {"types", test_types},	  {"getcwd", test_getcwd},
	{"chdir", test_chdir},	 {"chroot", test_chroot},
};

ABI_SUITE(tests, NULL);
