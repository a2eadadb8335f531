/* open.c - open(2), openat(2), openat2(2), creat(2): flags, rights, descriptors */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"

static long openat_(int dir, const char *path, int flags, int mode)
{
	return syscall(SYS_openat, dir, path, flags, mode);
}

static void test_faults(void)
{
	struct open_how how = {.flags = O_RDONLY};

	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_open, p, O_RDONLY, 0));
	CHECK_ERR(openat_(AT_FDCWD, (char *)0xffff800000000000, O_RDONLY, 0), EFAULT);
	CHECK_ERR(openat_(AT_FDCWD, (char *)0x800000000000, O_RDONLY, 0), EFAULT);
	CHECK_ERR(syscall(SYS_creat, (char *)1, 0), EFAULT);
	CHECK_FAULTS(p, sizeof(how), BAD_IN,
		     syscall(SYS_openat2, AT_FDCWD, "/dev/null", p, sizeof(how)));
}

static void test_unterminated(void)
{
	char *p = abi_pages(2, PROT_READ | PROT_WRITE);

	/* A name that runs into a hole, and one that just ends before it. */
	memset(p, 'a', PAGE);
	REQUIRE_OK(munmap(p + PAGE, PAGE));
	CHECK_ERR(syscall(SYS_open, p + PAGE - 10, O_RDONLY, 0), EFAULT);
	strcpy(p + PAGE - 10, "/dev/null");
	CHECK_OK(syscall(SYS_open, p + PAGE - 10, O_RDONLY, 0));
}

static void test_long_names(void)
{
	static char path[5000];

	CHECK_ERR(open("", O_RDONLY), ENOENT);
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	CHECK_ERR(open(path, O_RDONLY), ENAMETOOLONG);
	path[4095] = '\0';
	CHECK_ERR(open(path, O_RDONLY), ENAMETOOLONG);
	path[257] = '\0';
	CHECK_ERR(open(path, O_RDONLY), ENAMETOOLONG);
	path[256] = '\0';
	CHECK_ERR(open(path, O_RDONLY), ENOENT);
	/* 4,095 characters are a path. */
	for (size_t i = 0; i < 4094; i += 2)
		memcpy(path + i, "./", 2);
	path[4094] = '.';
	path[4095] = '\0';
	CHECK_OK(open(path, O_RDONLY | O_DIRECTORY));
	path[4095] = '/';
	path[4096] = '\0';
	CHECK_ERR(open(path, O_RDONLY), ENAMETOOLONG);
}

static void test_create(void)
{
	struct stat st;
	int fd;

	umask(022);
	CHECK_ERR(open(abi_tmp("new"), O_RDWR), ENOENT);
	fd = (int)CHECK_OK(open(abi_tmp("new"), O_RDWR | O_CREAT | O_EXCL, 0666));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_mode, S_IFREG | 0644);
	CHECK_EQ(st.st_size, 0);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(st.st_uid, geteuid());
	CHECK_ERR(open(abi_tmp("new"), O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
	CHECK_OK(open(abi_tmp("new"), O_RDWR | O_CREAT, 0));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_mode, S_IFREG | 0644);
	CHECK_ERR(open(abi_tmp("none/new"), O_RDWR | O_CREAT, 0666), ENOENT);
	CHECK_ERR(open(abi_tmp("new/sub"), O_RDWR | O_CREAT, 0666), ENOTDIR);
	CHECK_ERR(open(abi_tmp("new/"), O_RDONLY), ENOTDIR);
	CHECK_ERR(open(abi_tmp("slash/"), O_RDWR | O_CREAT, 0666), EISDIR);
	/* Created without rights, the descriptor has those asked for all the same. */
	fd = (int)CHECK_OK(open(abi_tmp("zero"), O_RDWR | O_CREAT, 0));
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_mode & 07777, 0);
	CHECK_OK(syscall(SYS_creat, abi_tmp("creat"), 0600));
}

static void test_truncate_flag(void)
{
	struct stat st;
	int fd = (int)CHECK_OK(open(abi_tmp_file("t", "some text"), O_RDONLY));

	CHECK_OK(open(abi_tmp("t"), O_WRONLY | O_TRUNC));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 0);
}

static void test_append(void)
{
	int a = (int)CHECK_OK(open(abi_tmp_file("a", "12"), O_WRONLY | O_APPEND));
	int b = (int)CHECK_OK(open(abi_tmp("a"), O_RDWR));

	CHECK_EQ(write(a, "34", 2), 2);
	CHECK_EQ(lseek(a, 0, SEEK_CUR), 4);
	CHECK_EQ(lseek(a, 0, SEEK_SET), 0);
	CHECK_EQ(write(b, "x", 1), 1);
	CHECK_EQ(write(a, "56", 2), 2);
	CHECK_EQ(pwrite(a, "78", 2, 0), 2);
	CHECK_EQ(strcmp(abi_read_file(abi_tmp("a")), "x2345678"), 0);
	CHECK_OK(fcntl(b, F_SETFL, O_APPEND));
	CHECK_EQ(write(b, "9", 1), 1);
	CHECK_EQ(strcmp(abi_read_file(abi_tmp("a")), "x23456789"), 0);
}

static void test_access_modes(void)
{
	char c;
	int r = (int)CHECK_OK(open(abi_tmp_file("f", "text"), O_RDONLY));
	int w = (int)CHECK_OK(open(abi_tmp("f"), O_WRONLY));
	int rw = (int)CHECK_OK(open(abi_tmp("f"), O_RDWR));

	CHECK_ERR(write(r, "x", 1), EBADF);
	CHECK_ERR(read(w, &c, 1), EBADF);
	CHECK_EQ(read(rw, &c, 1), 1);
	CHECK_EQ(write(rw, "x", 1), 1);
	CHECK_EQ(fcntl(r, F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_EQ(fcntl(w, F_GETFL) & O_ACCMODE, O_WRONLY);
	CHECK_EQ(fcntl(rw, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_ERR(ftruncate(r, 0), EINVAL);
	CHECK_ERR(read(9999, &c, 1), EBADF);
	CHECK_ERR(read(-1, &c, 1), EBADF);
	CHECK_ERR(write(9999, &c, 1), EBADF);
	CHECK_ERR(close(9999), EBADF);
	CHECK_ERR(close(-1), EBADF);
}

static void test_directories(void)
{
	char buf[16];
	int fd;

	CHECK_ERR(open("/tmp", O_WRONLY), EISDIR);
	CHECK_ERR(open("/tmp", O_RDWR), EISDIR);
	CHECK_ERR(open("/tmp", O_RDONLY | O_CREAT, 0600), EISDIR);
	CHECK_ERR(open(abi_tmp_file("f", ""), O_RDONLY | O_DIRECTORY), ENOTDIR);
	fd = (int)CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY));
	CHECK_ERR(read(fd, buf, 1), EISDIR);
	CHECK_ERR(write(fd, buf, 1), EBADF);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_DIRECTORY, O_DIRECTORY);
	CHECK_ERR(openat_(AT_FDCWD, abi_tmp("d"), O_RDONLY | O_CREAT | O_DIRECTORY, 0700), EINVAL);
}

static void test_symlinks(void)
{
	abi_tmp_file("f", "text");
	REQUIRE_OK(symlink("f", abi_tmp("link")));
	REQUIRE_OK(symlink("loop", abi_tmp("loop")));
	REQUIRE_OK(symlink("nowhere", abi_tmp("dangling")));
	REQUIRE_OK(symlink(".", abi_tmp("dir")));
	CHECK_OK(open(abi_tmp("link"), O_RDONLY));
	CHECK_ERR(open(abi_tmp("link"), O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERR(open(abi_tmp("loop"), O_RDONLY), ELOOP);
	CHECK_ERR(open(abi_tmp("dangling"), O_RDONLY), ENOENT);
	CHECK_ERR(open(abi_tmp("dangling"), O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_OK(open(abi_tmp("dir/dir/dir/f"), O_RDONLY | O_NOFOLLOW));
	CHECK_ERR(open(abi_tmp("dir"), O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERR(open(abi_tmp("dir"), O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
	CHECK_OK(open(abi_tmp("dir/"), O_RDONLY | O_NOFOLLOW));
	CHECK_ERR(open(abi_tmp("link/"), O_RDONLY), ENOTDIR);
	/* Followed, a dangling link is where the file is made. */
	CHECK_OK(open(abi_tmp("dangling"), O_RDWR | O_CREAT, 0600));
	CHECK_OK(access(abi_tmp("nowhere"), F_OK));
}

static void test_symlink_limit(void)
{
	char from[16], to[16];

	abi_tmp_file("l0", "end");
	REQUIRE_OK(chdir(abi_tmpdir()));
	for (int i = 1; i <= 41; i++) {
		snprintf(from, sizeof(from), "l%d", i);
		snprintf(to, sizeof(to), "l%d", i - 1);
		REQUIRE_OK(symlink(to, from));
	}
	CHECK_OK(open("l40", O_RDONLY));
	CHECK_ERR(open("l41", O_RDONLY), ELOOP);
	REQUIRE_OK(chdir("/"));
}

static void test_path_only(void)
{
	struct stat st;
	char c;
	int fd = (int)CHECK_OK(open(abi_tmp_file("f", "text"), O_PATH)), dir;

	CHECK_ERR(read(fd, &c, 1), EBADF);
	CHECK_ERR(write(fd, "x", 1), EBADF);
	CHECK_ERR(lseek(fd, 0, SEEK_SET), EBADF);
	CHECK_ERR(fchmod(fd, 0600), EBADF);
	CHECK_ERR(ftruncate(fd, 0), EBADF);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 4);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	CHECK_OK(dup(fd));
	dir = (int)CHECK_OK(open(abi_tmpdir(), O_PATH | O_DIRECTORY));
	CHECK_OK(openat_(dir, "f", O_RDONLY, 0));
	CHECK_OK(fchdir(dir));
	CHECK_OK(chdir("/"));
	REQUIRE_OK(symlink("f", abi_tmp("link")));
	fd = (int)CHECK_OK(open(abi_tmp("link"), O_PATH | O_NOFOLLOW));
	CHECK_OK(fstat(fd, &st));
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(readlinkat(fd, "", &c, 1), 1);
	CHECK_EQ(c, 'f');
}

static void test_tmpfile(void)
{
	struct stat st;
	char c;
	const char *dir = abi_tmpdir();
	int fd = open(dir, O_TMPFILE | O_RDWR, 0600);

	/* Linux's overlayfs has none before 6.3. */
	if (fd == -1 && errno == EOPNOTSUPP)
		fd = open(dir = "/dev/shm", O_TMPFILE | O_RDWR, 0600);
	CHECK_OK(fd);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	CHECK_ERR(open(dir, O_TMPFILE | O_RDONLY, 0600), EINVAL);
}

static void test_lowest_descriptor(void)
{
	int a = (int)CHECK_OK(open("/dev/null", O_RDONLY));
	int b = (int)CHECK_OK(open("/dev/null", O_RDONLY));

	CHECK_EQ(b, a + 1);
	close(a);
	CHECK_EQ(open("/dev/null", O_RDONLY | O_CLOEXEC), a);
	CHECK_EQ(fcntl(a, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(b, F_GETFD), 0);
}

static void test_descriptor_limit(void)
{
	struct rlimit rl;
	int fd = dup(0);

	close(fd);
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = (rlim_t)fd + 2;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &rl));
	CHECK_EQ(dup(0), fd);
	CHECK_EQ(open("/dev/null", O_RDONLY), fd + 1);
	CHECK_ERR(open("/dev/null", O_RDONLY), EMFILE);
	CHECK_ERR(open("/nowhere", O_RDONLY), EMFILE);
	CHECK_ERR(dup(0), EMFILE);
	CHECK_ERR(dup2(0, fd + 2), EBADF);
	CHECK_ERR(pipe((int[2]){0}), EMFILE);
	close(fd);
	CHECK_ERR(pipe((int[2]){0}), EMFILE);
	CHECK_EQ(dup(0), fd);
}

static void test_relative_to_directory(void)
{
	int dir = (int)CHECK_OK(open(abi_tmpdir(), O_RDONLY)), file;

	abi_tmp_file("f", "");
	file = (int)CHECK_OK(openat_(dir, "f", O_RDONLY, 0));
	CHECK_OK(openat_(dir, "./../../tmp", O_RDONLY, 0));
	CHECK_OK(openat_(9999, "/dev/null", O_RDONLY, 0));
	CHECK_ERR(openat_(9999, "f", O_RDONLY, 0), EBADF);
	CHECK_ERR(openat_(file, "f", O_RDONLY, 0), ENOTDIR);
	CHECK_ERR(openat_(dir, "", O_RDONLY, 0), ENOENT);
	CHECK_OK(openat_(AT_FDCWD, "/..", O_RDONLY, 0));
}

static void test_unprivileged(void)
{
	struct stat st;

	abi_tmp_file("f", "text");
	REQUIRE_OK(chmod(abi_tmp("f"), 0));
	REQUIRE_OK(mkdir(abi_tmp("d"), 0700));
	if (geteuid() == 0)
		CHECK_OK(open(abi_tmp("f"), O_RDWR));
	abi_drop_root();
	REQUIRE_OK(stat("/", &st));
	CHECK_ERR(open(abi_tmp("f"), O_RDONLY), EACCES);
	CHECK_ERR(open(abi_tmp("f"), O_WRONLY), EACCES);
	CHECK_OK(open(abi_tmp("f"), O_PATH));
	if (st.st_uid != geteuid())
		CHECK_ERR(open("/abitest-not-here", O_WRONLY | O_CREAT, 0600), EACCES);
}

static void test_openat2(void)
{
	struct {
		struct open_how how;
		uint64_t beyond;
	} big = {.how = {.flags = O_RDONLY}};
	struct open_how *how = &big.how;
	int dir = (int)CHECK_OK(open(abi_tmpdir(), O_RDONLY));

	abi_tmp_file("f", "");
	CHECK_OK(syscall(SYS_openat2, dir, "f", how, sizeof(*how)));
	CHECK_OK(syscall(SYS_openat2, dir, "f", &big, sizeof(big)));
	big.beyond = 1;
	CHECK_ERR(syscall(SYS_openat2, dir, "f", &big, sizeof(big)), E2BIG);
	CHECK_ERR(syscall(SYS_openat2, dir, "f", how, sizeof(*how) - 1), EINVAL);
	CHECK_ERR(syscall(SYS_openat2, dir, "f", how, PAGE + 1), E2BIG);
	how->flags = 1ull << 40;
	CHECK_ERR(syscall(SYS_openat2, dir, "f", how, sizeof(*how)), EINVAL);
	how->flags = O_RDONLY;
	how->mode = 0600;
	CHECK_ERR(syscall(SYS_openat2, dir, "f", how, sizeof(*how)), EINVAL);
	how->mode = 0;
	how->resolve = RESOLVE_BENEATH;
	CHECK_OK(syscall(SYS_openat2, dir, "./f", how, sizeof(*how)));
	CHECK_ERR(syscall(SYS_openat2, dir, "..", how, sizeof(*how)), EXDEV);
	CHECK_ERR(syscall(SYS_openat2, dir, "/dev/null", how, sizeof(*how)), EXDEV);
	how->resolve = RESOLVE_NO_SYMLINKS;
	REQUIRE_OK(symlink("f", abi_tmp("link")));
	CHECK_ERR(syscall(SYS_openat2, dir, "link", how, sizeof(*how)), ELOOP);
	how->resolve = RESOLVE_IN_ROOT;
	CHECK_OK(syscall(SYS_openat2, dir, "/../../f", how, sizeof(*how)));
	how->resolve = 0x1000;
	CHECK_ERR(syscall(SYS_openat2, dir, "f", how, sizeof(*how)), EINVAL);
}

static const struct abi_test tests[] = {
	{"faults", test_faults},
	{"unterminated", test_unterminated},
	{"long_names", test_long_names},
	{"create", test_create},
	{"truncate_flag", test_truncate_flag},
	{"append", test_append},
	{"access_modes", test_access_modes},
	{"directories", test_directories},
	{"symlinks", test_symlinks},
	{"symlink_limit", test_symlink_limit},
	{"path_only", test_path_only},
	{"tmpfile", test_tmpfile},
	{"lowest_descriptor", test_lowest_descriptor},
	{"descriptor_limit", test_descriptor_limit},
	{"relative_to_directory", test_relative_to_directory},
	{"unprivileged", test_unprivileged},
	{"openat2", test_openat2},
};

ABI_SUITE(tests, NULL);
