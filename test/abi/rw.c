/* rw.c - read(2), write(2), pread, readv, preadv2, lseek, ftruncate, fallocate on files */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abitest.h"

static char buf[1 << 20];

static int make(const char *text)
{
	return (int)REQUIRE_OK(open(abi_tmp_file("f", text), O_RDWR));
}

static void test_positions(void)
{
	int fd = make("0123456789");

	CHECK_EQ(read(fd, buf, 4), 4);
	CHECK_EQ(memcmp(buf, "0123", 4), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(pread(fd, buf, 3, 7), 3);
	CHECK_EQ(memcmp(buf, "789", 3), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(read(fd, buf, 100), 6);
	CHECK_EQ(read(fd, buf, 100), 0);
	CHECK_EQ(pread(fd, buf, 100, 1000), 0);
	CHECK_EQ(pwrite(fd, "ab", 2, 1), 2);
	CHECK_EQ(lseek(fd, -9, SEEK_END), 1);
	CHECK_EQ(read(fd, buf, 2), 2);
	CHECK_EQ(memcmp(buf, "ab", 2), 0);
	CHECK_ERR(pread(fd, buf, 1, -1), EINVAL);
	CHECK_ERR(pwrite(fd, buf, 1, -1), EINVAL);
	CHECK_ERR(pread(fd, buf, 2, LONG_MAX), EINVAL);
}

static void test_lseek_errors(void)
{
	int fd = make("0123456789");

	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(fd, -11, SEEK_END), EINVAL);
	CHECK_ERR(lseek(fd, 0, 99), EINVAL);
	CHECK_ERR(lseek(fd, LONG_MIN, SEEK_CUR), EINVAL);
	CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
	CHECK_ERR(lseek(fd, LONG_MAX, SEEK_CUR), EINVAL);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
	CHECK_ERR(lseek(9999, 0, SEEK_SET), EBADF);
	CHECK_EQ(lseek(fd, 1l << 40, SEEK_SET), 1l << 40);
	CHECK_EQ(read(fd, buf, 1), 0);
}

static void test_faults(void)
{
	char *page = abi_pages(2, PROT_READ | PROT_WRITE);
	int fd = make("0123456789");

	CHECK_FAULTS(p, 1, BAD_OUT, pread(fd, p, 1, 0));
	CHECK_FAULTS(p, 1, BAD_IN, pwrite(fd, p, 1, 0));
	/* As far as memory goes, then an error only if nothing was done. */
	REQUIRE_OK(munmap(page + PAGE, PAGE));
	CHECK_EQ(pread(fd, page + PAGE - 4, 10, 0), 4);
	CHECK_EQ(memcmp(page + PAGE - 4, "0123", 4), 0);
	CHECK_ERR(pread(fd, page + PAGE, 10, 0), EFAULT);
	CHECK_EQ(pwrite(fd, page + PAGE - 4, 10, 2), 4);
	CHECK_EQ(strcmp(abi_read_file(abi_tmp("f")), "0101236789"), 0);
	CHECK_ERR(pread(fd, buf, (size_t)-1, 0), EFAULT);
	CHECK_ERR(read(fd, (char *)-4l, 8), EFAULT);
	CHECK_EQ(pread(fd, NULL, 0, 0), 0);
	CHECK_EQ(pwrite(fd, NULL, 0, 0), 0);
}

static void test_large(void)
{
	int fd = make("");

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7 + (i >> 12));
	CHECK_EQ(write(fd, buf, sizeof(buf)), sizeof(buf));
	CHECK_EQ(write(fd, buf, 777), 777);
	memset(buf, 0, sizeof(buf));
	CHECK_EQ(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++) {
		if (buf[i] != (char)(i * 7 + (i >> 12))) {
			CHECK_EQ(i, -1);
			break;
		}
	}
	CHECK_EQ(pread(fd, buf, 4096, sizeof(buf) - 10), 787);
}

static void test_holes(void)
{
	struct stat st;
	int fd = make("x");

	CHECK_EQ(pwrite(fd, "y", 1, 100000), 1);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 100001);
	memset(buf, 1, 200000);
	CHECK_EQ(pread(fd, buf, 200000, 0), 100001);
	for (int i = 1; i < 100000; i++) {
		if (!CHECK_EQ(buf[i], 0))
			break;
	}
	CHECK_EQ(buf[100000], 'y');
	CHECK_EQ(lseek(fd, 0, SEEK_DATA), 0);
	CHECK(lseek(fd, 0, SEEK_HOLE) > 0);
	CHECK_ERR(lseek(fd, 100001, SEEK_DATA), ENXIO);
	CHECK_ERR(lseek(fd, 100001, SEEK_HOLE), ENXIO);
	CHECK_EQ(lseek(fd, 100000, SEEK_HOLE), 100001);
	CHECK_EQ(lseek(fd, 100000, SEEK_DATA), 100000);
}

static void test_truncate(void)
{
	struct stat st;
	int fd = make("0123456789"), ro;

	CHECK_OK(ftruncate(fd, 4));
	CHECK_OK(ftruncate(fd, 8));
	CHECK_EQ(pread(fd, buf, 100, 0), 8);
	CHECK_EQ(memcmp(buf, "0123\0\0\0\0", 8), 0);
	CHECK_OK(truncate(abi_tmp("f"), 2));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 2);
	CHECK_ERR(ftruncate(fd, -1), EINVAL);
	CHECK_ERR(truncate(abi_tmp("f"), -1), EINVAL);
	CHECK_ERR(truncate(abi_tmp("none"), 0), ENOENT);
	CHECK_ERR(truncate(abi_tmpdir(), 0), EISDIR);
	CHECK_ERR(ftruncate(9999, 0), EBADF);
	ro = open(abi_tmp("f"), O_RDONLY);
	CHECK_ERR(ftruncate(ro, 0), EINVAL);
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_truncate, p, 0));
}

static void test_fallocate(void)
{
	struct stat st;
	int fd = make("0123456789");

	if (fallocate(fd, 0, 0, 4096) == -1 && errno == EOPNOTSUPP)
		SKIP("no fallocate here");
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 4096);
	CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 4096);
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 4));
	CHECK_EQ(pread(fd, buf, 10, 0), 10);
	CHECK_EQ(memcmp(buf, "01\0\0\0\0006789", 10), 0);
	CHECK_ERR(fallocate(fd, 0, -1, 10), EINVAL);
	CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, 0, LONG_MAX, 10), EFBIG);
	CHECK_ERR(fallocate(open(abi_tmp("f"), O_RDONLY), 0, 0, 10), EBADF);
}

static void test_vectors(void)
{
	char a[3], b[4];
	static char text[] = "abcdefg";
	struct iovec out[3] = {{text, 3}, {NULL, 0}, {text + 3, 4}};
	struct iovec in[2] = {{a, 3}, {b, 4}};
	int fd = make("");

	CHECK_EQ(writev(fd, out, 3), 7);
	CHECK_EQ(preadv(fd, in, 2, 0), 7);
	CHECK_EQ(memcmp(a, "abc", 3), 0);
	CHECK_EQ(memcmp(b, "defg", 4), 0);
	CHECK_EQ(preadv(fd, in, 2, 4), 3);
	CHECK_EQ(memcmp(a, "efg", 3), 0);
	CHECK_EQ(pwritev(fd, out, 1, 100), 3);
	CHECK_EQ(syscall(SYS_preadv2, fd, in, 2, -1l, 0, 0), 7);
	CHECK_ERR(syscall(SYS_preadv2, fd, in, 2, 0, 0, 0x10000), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_preadv, fd, in, 2, -1l, 0), EINVAL);
	CHECK_FAULTS(p, 2 * sizeof(struct iovec), BAD_IN, syscall(SYS_preadv, fd, p, 2, 0, 0));
	CHECK_FAULTS(p, 2 * sizeof(struct iovec), BAD_IN, syscall(SYS_pwritev, fd, p, 2, 0, 0));
	CHECK_ERR(syscall(SYS_preadv, fd, in, 1025, 0, 0), EINVAL);
	in[0].iov_len = (size_t)SSIZE_MAX;
	in[1].iov_len = (size_t)SSIZE_MAX;
	/* The sum is cut down to what one call may move, it does not overflow. */
	CHECK(syscall(SYS_preadv, fd, in, 2, 0, 0) >= -1);
}

static void test_vector_partial_fault(void)
{
	char a[4];
	struct iovec in[2] = {{a, 4}, {(void *)8, 4}};
	int fd = make("0123456789");

	CHECK_EQ(preadv(fd, in, 2, 0), 4);
	CHECK_EQ(memcmp(a, "0123", 4), 0);
	CHECK_EQ(pwritev(fd, in, 2, 4), 4);
	CHECK_EQ(strcmp(abi_read_file(abi_tmp("f")), "0123012389"), 0);
}

static void test_shared_position(void)
{
	int fd = make("0123456789"), copy = dup(fd), other = open(abi_tmp("f"), O_RDONLY);
	pid_t pid;

	CHECK_EQ(read(fd, buf, 3), 3);
	CHECK_EQ(lseek(copy, 0, SEEK_CUR), 3);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 0);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0)
		_exit(read(copy, buf, 2) == 2 ? 0 : 1);
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
}

static void test_file_size_limit(void)
{
	struct rlimit rl;
	int fd = make("");

	signal(SIGXFSZ, SIG_IGN);
	CHECK_OK(getrlimit(RLIMIT_FSIZE, &rl));
	rl.rlim_cur = 100;
	CHECK_OK(setrlimit(RLIMIT_FSIZE, &rl));
	CHECK_EQ(write(fd, buf, 90), 90);
	CHECK_EQ(write(fd, buf, 90), 10);
	CHECK_ERR(write(fd, buf, 90), EFBIG);
	CHECK_ERR(ftruncate(fd, 101), EFBIG);
	CHECK_OK(ftruncate(fd, 100));
}

static void test_sync(void)
{
	int fd = make("x"), fds[2];

	CHECK_OK(fsync(fd));
	CHECK_OK(fdatasync(fd));
	CHECK_OK(fsync(open(abi_tmpdir(), O_RDONLY)));
	CHECK_ERR(fsync(9999), EBADF);
	REQUIRE_OK(pipe(fds));
	CHECK_ERR(fsync(fds[0]), EINVAL);
	CHECK_OK(syscall(SYS_sync));
}

static void test_fadvise(void)
{
	int fd = make("x"), fds[2];

	CHECK_OK(syscall(SYS_fadvise64, fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	CHECK_OK(syscall(SYS_fadvise64, fd, 0, 4096, POSIX_FADV_DONTNEED));
	CHECK_ERR(syscall(SYS_fadvise64, fd, 0, 0, 99), EINVAL);
	CHECK_ERR(syscall(SYS_fadvise64, 9999, 0, 0, 0), EBADF);
	REQUIRE_OK(pipe(fds));
	CHECK_ERR(syscall(SYS_fadvise64, fds[0], 0, 0, 0), ESPIPE);
}

static void test_deleted(void)
{
	struct stat st;
	int fd = make("text");

	REQUIRE_OK(unlink(abi_tmp("f")));
	CHECK_EQ(write(fd, "TE", 2), 2);
	CHECK_EQ(pread(fd, buf, 10, 0), 4);
	CHECK_EQ(memcmp(buf, "TExt", 4), 0);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_nlink, 0);
}

static const struct abi_test tests[] = {
	{"positions", test_positions},
	{"lseek_errors", test_lseek_errors},
	{"faults", test_faults},
	{"large", test_large},
	{"holes", test_holes},
	{"truncate", test_truncate},
	{"fallocate", test_fallocate},
	{"vectors", test_vectors},
	{"vector_partial_fault", test_vector_partial_fault},
	{"shared_position", test_shared_position},
	{"file_size_limit", test_file_size_limit},
	{"sync", test_sync},
	{"fadvise", test_fadvise},
	{"deleted", test_deleted},
};

ABI_SUITE(tests, NULL);
