/* names.c - link, unlink, rename, symlink, readlink, mkdir, rmdir, mknod and their *at forms */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"

static char buf[5000];

static ino_t inode(const char *path)
{
	struct stat st = {0};

	CHECK_OK(lstat(path, &st));
	return st.st_ino;
}

static nlink_t links(const char *path)
{
	struct stat st = {0};

	CHECK_OK(lstat(path, &st));
	return st.st_nlink;
}

static void test_faults(void)
{
	abi_tmp_file("f", "");
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_unlink, p));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_rmdir, p));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_mkdir, p, 0700));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_rename, p, "/tmp/x"));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_rename, abi_tmp("f"), p));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_link, p, "/tmp/x"));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_link, abi_tmp("f"), p));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_symlink, p, "/tmp/x"));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_symlink, "x", p));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_readlink, p, buf, 10));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_mknod, p, S_IFREG | 0600, 0));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_chdir, p));
	REQUIRE_OK(symlink("target", abi_tmp("l")));
	CHECK_FAULTS(p, 6, BAD_OUT, syscall(SYS_readlink, abi_tmp("l"), p, 6));
}

static void test_mkdir_rmdir(void)
{
	struct stat st;

	umask(022);
	CHECK_OK(mkdir(abi_tmp("d"), 0777));
	CHECK_OK(stat(abi_tmp("d"), &st));
	CHECK_EQ(st.st_mode, S_IFDIR | 0755);
	CHECK_ERR(mkdir(abi_tmp("d"), 0777), EEXIST);
	CHECK_ERR(mkdir(abi_tmp("x/y"), 0777), ENOENT);
	CHECK_ERR(mkdir("/", 0777), EEXIST);
	CHECK_ERR(mkdir("", 0777), ENOENT);
	CHECK_OK(mkdir(abi_tmp("d/sub/"), 01777));
	CHECK_OK(stat(abi_tmp("d/sub"), &st));
	CHECK_EQ(st.st_mode & 07777, 01755);
	CHECK_ERR(rmdir(abi_tmp("d")), ENOTEMPTY);
	CHECK_ERR(rmdir(abi_tmp("d/sub/.")), EINVAL);
	CHECK_ERR(rmdir(abi_tmp("d/sub/..")), ENOTEMPTY);
	CHECK_OK(rmdir(abi_tmp("d/sub/")));
	CHECK_OK(rmdir(abi_tmp("d")));
	CHECK_ERR(rmdir(abi_tmp("d")), ENOENT);
	CHECK_ERR(rmdir(abi_tmp_file("f", "")), ENOTDIR);
	CHECK_ERR(mkdir(abi_tmp("f/d"), 0700), ENOTDIR);
	CHECK_ERR(rmdir("/"), EBUSY);
}

static void test_directory_links(void)
{
	struct stat top;

	CHECK_OK(mkdir(abi_tmp("d"), 0700));
	CHECK_OK(stat(abi_tmp("d"), &top));
	/* Some file systems keep all directories at 1. */
	if (top.st_nlink == 1)
		SKIP("directories' links are not counted here");
	CHECK_EQ(top.st_nlink, 2);
	CHECK_OK(mkdir(abi_tmp("d/a"), 0700));
	CHECK_EQ(links(abi_tmp("d")), 3);
	CHECK_OK(rename(abi_tmp("d/a"), abi_tmp("b")));
	CHECK_EQ(links(abi_tmp("d")), 2);
}

static void test_unlink(void)
{
	int fd;

	abi_tmp_file("f", "");
	CHECK_OK(mkdir(abi_tmp("d"), 0700));
	CHECK_ERR(unlink(abi_tmp("d")), EISDIR);
	CHECK_ERR(unlink(abi_tmp("f/")), ENOTDIR);
	CHECK_OK(unlink(abi_tmp("f")));
	CHECK_ERR(unlink(abi_tmp("f")), ENOENT);
	CHECK_ERR(unlink("/tmp/."), EISDIR);
	fd = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY));
	CHECK_ERR(unlinkat(fd, "d", 0), EISDIR);
	CHECK_ERR(unlinkat(fd, "d", 0x1000), EINVAL);
	CHECK_OK(unlinkat(fd, "d", AT_REMOVEDIR));
	REQUIRE_OK(symlink("nowhere", abi_tmp("l")));
	CHECK_OK(unlinkat(fd, "l", 0));
	CHECK_ERR(unlinkat(9999, "l", 0), EBADF);
}

static void test_link(void)
{
	int fd, dir;

	abi_tmp_file("f", "text");
	CHECK_OK(link(abi_tmp("f"), abi_tmp("g")));
	CHECK_EQ(links(abi_tmp("f")), 2);
	CHECK_EQ(inode(abi_tmp("f")), inode(abi_tmp("g")));
	CHECK_ERR(link(abi_tmp("f"), abi_tmp("g")), EEXIST);
	CHECK_ERR(link(abi_tmp("none"), abi_tmp("h")), ENOENT);
	CHECK_ERR(link(abi_tmpdir(), abi_tmp("h")), EPERM);
	CHECK_OK(unlink(abi_tmp("f")));
	CHECK_EQ(links(abi_tmp("g")), 1);
	CHECK_EQ(strcmp(abi_read_file(abi_tmp("g")), "text"), 0);
	REQUIRE_OK(symlink("g", abi_tmp("s")));
	CHECK_OK(link(abi_tmp("s"), abi_tmp("s2")));
	CHECK_EQ(inode(abi_tmp("s2")), inode(abi_tmp("s")));
	CHECK_OK(linkat(AT_FDCWD, abi_tmp("s"), AT_FDCWD, abi_tmp("g2"), AT_SYMLINK_FOLLOW));
	CHECK_EQ(inode(abi_tmp("g2")), inode(abi_tmp("g")));
	dir = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY));
	CHECK_ERR(linkat(dir, "g", dir, "g3", 0x8000), EINVAL);
	fd = (int)REQUIRE_OK(open(abi_tmp("g"), O_RDONLY));
	if (geteuid() == 0) {
		CHECK_OK(linkat(fd, "", dir, "g4", AT_EMPTY_PATH));
		CHECK_EQ(inode(abi_tmp("g4")), inode(abi_tmp("g")));
	}
}

static void test_rename(void)
{
	ino_t ino;

	ino = inode(abi_tmp_file("a", "from"));
	abi_tmp_file("b", "over");
	CHECK_OK(rename(abi_tmp("a"), abi_tmp("b")));
	CHECK_EQ(inode(abi_tmp("b")), ino);
	CHECK_ERR(access(abi_tmp("a"), F_OK), ENOENT);
	CHECK_ERR(rename(abi_tmp("a"), abi_tmp("c")), ENOENT);
	CHECK_OK(rename(abi_tmp("b"), abi_tmp("b")));
	CHECK_OK(mkdir(abi_tmp("d"), 0700));
	CHECK_OK(mkdir(abi_tmp("e"), 0700));
	CHECK_ERR(rename(abi_tmp("b"), abi_tmp("d")), EISDIR);
	CHECK_ERR(rename(abi_tmp("d"), abi_tmp("b")), ENOTDIR);
	CHECK_OK(rename(abi_tmp("d"), abi_tmp("e")));
	CHECK_OK(mkdir(abi_tmp("e/sub"), 0700));
	CHECK_OK(mkdir(abi_tmp("full"), 0700));
	CHECK_ERR(rename(abi_tmp("full"), abi_tmp("e")), ENOTEMPTY);
	CHECK_ERR(rename(abi_tmp("e"), abi_tmp("e/sub/x")), EINVAL);
	CHECK_ERR(rename(abi_tmp("e"), abi_tmp("none/x")), ENOENT);
	CHECK_ERR(rename(abi_tmp("e/."), abi_tmp("z")), EBUSY);
	CHECK_ERR(rename(abi_tmp("b"), abi_tmp("z/")), ENOTDIR);
	CHECK_OK(rename(abi_tmp("e/sub"), abi_tmp("moved/")));
	/* Two names of one file: nothing happens. */
	CHECK_OK(link(abi_tmp("b"), abi_tmp("b2")));
	CHECK_OK(rename(abi_tmp("b"), abi_tmp("b2")));
	CHECK_EQ(inode(abi_tmp("b")), inode(abi_tmp("b2")));
}

static void test_rename_open_and_cwd(void)
{
	int fd;
	char text[8] = "";

	fd = (int)REQUIRE_OK(open(abi_tmp_file("a", "old"), O_RDONLY));
	abi_tmp_file("n", "new");
	CHECK_OK(rename(abi_tmp("n"), abi_tmp("a")));
	CHECK_EQ(read(fd, text, 8), 3);
	CHECK_EQ(strcmp(text, "old"), 0);
	CHECK_OK(mkdir(abi_tmp("d"), 0700));
	CHECK_OK(chdir(abi_tmp("d")));
	CHECK_OK(rename(abi_tmp("d"), abi_tmp("e")));
	CHECK(syscall(SYS_getcwd, buf, sizeof(buf)) > 0);
	CHECK_EQ(strcmp(buf, abi_tmp("e")), 0);
	CHECK_OK(rmdir(abi_tmp("e")));
	CHECK_ERR(syscall(SYS_getcwd, buf, sizeof(buf)), ENOENT);
	CHECK_ERR(open("x", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_OK(open(".", O_RDONLY));
	CHECK_OK(chdir(".."));
	CHECK_OK(chdir("/"));
}

static long renameat2_(const char *from, const char *to, unsigned flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void test_renameat2(void)
{
	ino_t a, b;

	a = inode(abi_tmp_file("a", "a"));
	b = inode(abi_tmp_file("b", "b"));
	CHECK_ERR(renameat2_(abi_tmp("a"), abi_tmp("b"), RENAME_NOREPLACE), EEXIST);
	CHECK_OK(renameat2_(abi_tmp("a"), abi_tmp("c"), RENAME_NOREPLACE));
	CHECK_OK(renameat2_(abi_tmp("c"), abi_tmp("b"), RENAME_EXCHANGE));
	CHECK_EQ(inode(abi_tmp("b")), a);
	CHECK_EQ(inode(abi_tmp("c")), b);
	CHECK_OK(mkdir(abi_tmp("d"), 0700));
	CHECK_OK(renameat2_(abi_tmp("d"), abi_tmp("b"), RENAME_EXCHANGE));
	CHECK_EQ(inode(abi_tmp("d")), a);
	CHECK_ERR(renameat2_(abi_tmp("d"), abi_tmp("none"), RENAME_EXCHANGE), ENOENT);
	CHECK_ERR(renameat2_(abi_tmp("d"), abi_tmp("c"), RENAME_EXCHANGE | RENAME_NOREPLACE),
		  EINVAL);
	CHECK_ERR(renameat2_(abi_tmp("d"), abi_tmp("c"), 0x100), EINVAL);
}

static void test_symlink_readlink(void)
{
	struct stat st;
	int fd, dir;

	CHECK_OK(symlink("some/where", abi_tmp("l")));
	CHECK_ERR(symlink("x", abi_tmp("l")), EEXIST);
	CHECK_ERR(symlink("", abi_tmp("l2")), ENOENT);
	CHECK_EQ(readlink(abi_tmp("l"), buf, sizeof(buf)), 10);
	CHECK_EQ(memcmp(buf, "some/where", 10), 0);
	CHECK_EQ(readlink(abi_tmp("l"), buf, 4), 4);
	CHECK_ERR(syscall(SYS_readlink, abi_tmp("l"), buf, 0), EINVAL);
	CHECK_ERR(syscall(SYS_readlink, abi_tmp("l"), buf, -1), EINVAL);
	CHECK_ERR(readlink(abi_tmp_file("f", ""), buf, 10), EINVAL);
	CHECK_ERR(readlink(abi_tmp("none"), buf, 10), ENOENT);
	CHECK_OK(lstat(abi_tmp("l"), &st));
	CHECK_EQ(st.st_mode, S_IFLNK | 0777);
	CHECK_EQ(st.st_size, 10);
	dir = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY));
	fd = (int)REQUIRE_OK(openat(dir, "l", O_PATH | O_NOFOLLOW));
	CHECK_EQ(readlinkat(fd, "", buf, sizeof(buf)), 10);
	CHECK_EQ(readlinkat(dir, "l", buf, sizeof(buf)), 10);
	memset(buf, 'a', sizeof(buf));
	buf[4095] = '\0';
	CHECK_OK(symlink(buf, abi_tmp("long")));
	buf[4095] = 'a';
	buf[4096] = '\0';
	CHECK_ERR(symlink(buf, abi_tmp("longer")), ENAMETOOLONG);
}

static void test_mknod(void)
{
	struct stat st;

	CHECK_OK(mknod(abi_tmp("r"), S_IFREG | 0600, 0));
	CHECK_OK(mknod(abi_tmp("z"), 0600, 0));
	CHECK_OK(stat(abi_tmp("z"), &st));
	CHECK(S_ISREG(st.st_mode));
	CHECK_OK(mknod(abi_tmp("p"), S_IFIFO | 0640, 0));
	CHECK_OK(stat(abi_tmp("p"), &st));
	CHECK_EQ(st.st_mode, S_IFIFO | 0640);
	CHECK_ERR(mknod(abi_tmp("r"), S_IFREG | 0600, 0), EEXIST);
	CHECK_ERR(mknod(abi_tmp("d"), S_IFDIR | 0600, 0), EPERM);
	CHECK_ERR(mknod(abi_tmp("l"), S_IFLNK | 0600, 0), EINVAL);
	abi_drop_root();
	CHECK_ERR(mknod("/tmp/abitest-device", S_IFCHR | 0600, 0x103), EPERM);
}

static void fifo_writer(void *arg)
{
	int fd = open((const char *)arg, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "fifo", 4), 4);
}

static void test_fifo(void)
{
	const char *path = abi_tmp("p");
	char text[8] = "";
	pid_t pid;
	int fd;

	REQUIRE_OK(mkfifo(path, 0600));
	CHECK_ERR(open(path, O_WRONLY | O_NONBLOCK), ENXIO);
	fd = (int)CHECK_OK(open(path, O_RDONLY | O_NONBLOCK));
	CHECK_EQ(read(fd, text, 8), 0);
	close(fd);
	pid = abi_spawn(fifo_writer, (void *)(size_t)path);
	fd = (int)CHECK_OK(open(path, O_RDONLY));
	CHECK_EQ(read(fd, text, 8), 4);
	CHECK_EQ(strcmp(text, "fifo"), 0);
	abi_join(pid);
	CHECK_EQ(read(fd, text, 8), 0);
	CHECK_OK(open(path, O_RDWR));
}

static void test_component_limits(void)
{
	int dir = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY));

	memset(buf, 'n', 256);
	buf[255] = '\0';
	CHECK_OK(mkdirat(dir, buf, 0700));
	CHECK_OK(faccessat(dir, buf, F_OK, 0));
	CHECK_OK(unlinkat(dir, buf, AT_REMOVEDIR));
	buf[255] = 'n';
	buf[256] = '\0';
	CHECK_ERR(mkdirat(dir, buf, 0700), ENAMETOOLONG);
	CHECK_ERR(symlinkat("x", dir, buf), ENAMETOOLONG);
	CHECK_ERR(renameat(dir, buf, dir, "x"), ENAMETOOLONG);
}

static void test_deep_tree(void)
{
	char cwd[128];
	int depth = 300;

	REQUIRE_OK(chdir(abi_tmpdir()));
	for (int i = 0; i < depth; i++) {
		if (CHECK_OK(mkdir("directory-of-some-length", 0700)) == -1 ||
		    CHECK_OK(chdir("directory-of-some-length")) == -1)
			break;
	}
	/* Longer than a path may be: it cannot be told, but it can be left. */
	CHECK_ERR(syscall(SYS_getcwd, cwd, sizeof(cwd)), ENAMETOOLONG);
	CHECK_ERR(syscall(SYS_getcwd, buf, 4096), ENAMETOOLONG);
	for (int i = 0; i < depth; i++) {
		CHECK_OK(chdir(".."));
		CHECK_OK(rmdir("directory-of-some-length"));
		if (abi_failures)
			break;
	}
	REQUIRE_OK(chdir("/"));
}

static const struct abi_test tests[] = {
	{"faults", test_faults},
	{"mkdir_rmdir", test_mkdir_rmdir},
	{"directory_links", test_directory_links},
	{"unlink", test_unlink},
	{"link", test_link},
	{"rename", test_rename},
	{"rename_open_and_cwd", test_rename_open_and_cwd},
	{"renameat2", test_renameat2},
	{"symlink_readlink", test_symlink_readlink},
	{"mknod", test_mknod},
	{"fifo", test_fifo},
	{"component_limits", test_component_limits},
	{"deep_tree", test_deep_tree},
};

ABI_SUITE(tests, NULL);
