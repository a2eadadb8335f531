/* mmap_file.c - mappings of files and shared memory: mmap(2), msync(2), SIGBUS past the end */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"
#include "fault.h"

#define RW (PROT_READ | PROT_WRITE)

/* A new file of n pages, each full of 'a' + its number. */
static int file_of_pages(size_t n, int flags)
{
	static char page[PAGE];
	int fd = (int)REQUIRE_OK(open(abi_tmp("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));

	for (size_t i = 0; i < n; i++) {
		memset(page, 'a' + (int)i, PAGE);
		REQUIRE(write(fd, page, PAGE) == (ssize_t)PAGE);
	}
	if (flags != O_RDWR) {
		close(fd);
		fd = (int)REQUIRE_OK(open(abi_tmp("file"), flags));
	}
	return fd;
}

static char *map(int fd, size_t pages, int prot, int flags, off_t off)
{
	return (char *)REQUIRE_OK(syscall(SYS_mmap, NULL, pages * PAGE, prot, flags, fd, off));
}

static void test_private_read(void)
{
	int fd = file_of_pages(3, O_RDONLY);
	char *p = map(fd, 2, PROT_READ, MAP_PRIVATE, PAGE);

	close(fd);
	CHECK_EQ(p[0], 'b');
	CHECK_EQ(p[PAGE], 'c');
	CHECK_EQ(p[2 * PAGE - 1], 'c');
}

static void test_private_write_stays_private(void)
{
	char byte = 0;
	int fd = file_of_pages(1, O_RDONLY);
	char *p = map(fd, 1, RW, MAP_PRIVATE, 0), *q = map(fd, 1, PROT_READ, MAP_PRIVATE, 0);

	p[5] = 'X';
	CHECK_EQ(pread(fd, &byte, 1, 5), 1);
	CHECK_EQ(byte, 'a');
	CHECK_EQ(q[5], 'a');
	CHECK_EQ(p[5], 'X');
	CHECK_EQ(p[6], 'a');
}

static void test_shared_write_is_seen(void)
{
	char byte = 0;
	int fd = file_of_pages(2, O_RDWR);
	char *p = map(fd, 2, RW, MAP_SHARED, 0), *q = map(fd, 1, PROT_READ, MAP_SHARED, PAGE);

	p[PAGE + 1] = 'X';
	CHECK_EQ(q[1], 'X');
	CHECK_EQ(pread(fd, &byte, 1, PAGE + 1), 1);
	CHECK_EQ(byte, 'X');
	CHECK_EQ(pwrite(fd, "Y", 1, 3), 1);
	CHECK_EQ(p[3], 'Y');
	CHECK_OK(msync(p, 2 * PAGE, MS_SYNC));
	CHECK_OK(munmap(p, 2 * PAGE));
	CHECK_EQ(pread(fd, &byte, 1, PAGE + 1), 1);
	CHECK_EQ(byte, 'X');
}

static void test_rights(void)
{
	int ro = file_of_pages(1, O_RDONLY), wo, path;
	char *p;

	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, RW, MAP_SHARED, ro, 0), EACCES);
	p = map(ro, 1, PROT_READ, MAP_SHARED, 0);
	CHECK_ERR(mprotect(p, PAGE, RW), EACCES);
	wo = (int)REQUIRE_OK(open(abi_tmp("file"), O_WRONLY));
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, PROT_WRITE, MAP_SHARED, wo, 0), EACCES);
	path = (int)REQUIRE_OK(open(abi_tmp("file"), O_PATH));
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, path, 0), EBADF);
}

static void test_unmappable(void)
{
	int fds[2], dir = (int)REQUIRE_OK(open(abi_tmpdir(), O_RDONLY));

	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
	REQUIRE_OK(pipe(fds));
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[0], 0), ENODEV);
}

static void test_tail_of_page(void)
{
	char *p, byte = 1;
	int fd = file_of_pages(1, O_RDWR);

	REQUIRE_OK(ftruncate(fd, 100));
	p = map(fd, 1, RW, MAP_SHARED, 0);
	CHECK_EQ(p[99], 'a');
	CHECK_EQ(p[100], 0);
	CHECK_EQ(p[PAGE - 1], 0);
	/* Written beyond the end, it is in memory but never in the file. */
	p[200] = 'Z';
	CHECK_EQ(pread(fd, &byte, 1, 200), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 100);
}

static void test_sigbus(void)
{
	int fd = file_of_pages(1, O_RDWR);
	char *p = map(fd, 3, RW, MAP_SHARED, 0), *q = map(fd, 3, RW, MAP_PRIVATE, 0);

	CHECK_READABLE(p + PAGE - 1);
	CHECK_FAULT(p + PAGE, false, SIGBUS, BUS_ADRERR);
	CHECK_FAULT(p + 2 * PAGE + 17, true, SIGBUS, BUS_ADRERR);
	CHECK_FAULT(q + PAGE, true, SIGBUS, BUS_ADRERR);
	/* A file that grows is seen through the old mapping. */
	REQUIRE_OK(ftruncate(fd, 2 * PAGE));
	CHECK_READABLE(p + PAGE);
	CHECK_EQ(p[PAGE], 0);
	CHECK_FAULT(p + 2 * PAGE, false, SIGBUS, BUS_ADRERR);
}

static void test_truncated_under_mapping(void)
{
	int fd = file_of_pages(3, O_RDWR);
	char *p = map(fd, 3, RW, MAP_SHARED, 0), *q = map(fd, 3, RW, MAP_PRIVATE, 0);

	p[2 * PAGE] = 'S';
	q[PAGE] = 'P';
	q[2 * PAGE] = 'P';
	REQUIRE_OK(ftruncate(fd, PAGE + 10));
	CHECK_READABLE(p + PAGE);
	CHECK_EQ(p[PAGE + 10], 0);
	CHECK_FAULT(p + 2 * PAGE, false, SIGBUS, BUS_ADRERR);
	/* Private copies beyond the new end go as well; those within stay. */
	CHECK_FAULT(q + 2 * PAGE, false, SIGBUS, BUS_ADRERR);
	CHECK_EQ(q[PAGE], 'P');
	REQUIRE_OK(ftruncate(fd, 3 * PAGE));
	CHECK_EQ(p[2 * PAGE], 0);
}

static void test_syscall_past_end(void)
{
	int fds[2], fd = file_of_pages(1, O_RDWR);
	char *p = map(fd, 2, RW, MAP_SHARED, 0);

	REQUIRE_OK(pipe(fds));
	CHECK_ERR(write(fds[1], p + PAGE, 10), EFAULT);
	CHECK_EQ(write(fds[1], "abc", 3), 3);
	CHECK_ERR(read(fds[0], p + PAGE, 3), EFAULT);
	CHECK_EQ(read(fds[0], p, 3), 3);
	CHECK_EQ(memcmp(p, "abc", 3), 0);
}

static void share_child(void *arg)
{
	volatile int *shared = arg;

	CHECK_EQ(shared[0], 1);
	shared[1] = 2;
}

static void test_shared_anonymous(void)
{
	int *p = (int *)map(-1, 2, RW, MAP_SHARED | MAP_ANONYMOUS, 0);

	CHECK_EQ(p[1], 0);
	p[0] = 1;
	abi_join(abi_spawn(share_child, p));
	CHECK_EQ(p[1], 2);
}

static void test_shared_file_and_fork(void)
{
	int fd = file_of_pages(1, O_RDWR);
	int *p = (int *)map(fd, 1, RW, MAP_SHARED, 0);

	p[0] = 1;
	abi_join(abi_spawn(share_child, p));
	CHECK_EQ(p[1], 2);
}

static void test_unlinked_stays(void)
{
	int fd = file_of_pages(2, O_RDWR);
	char *p = map(fd, 2, RW, MAP_SHARED, 0);

	REQUIRE_OK(unlink(abi_tmp("file")));
	close(fd);
	CHECK_EQ(p[PAGE], 'b');
	p[PAGE] = 'q';
	CHECK_EQ(p[PAGE], 'q');
}

static void test_read_into_own_mapping(void)
{
	int fd = file_of_pages(2, O_RDWR);
	char *p = map(fd, 2, RW, MAP_SHARED, 0);

	/* Source and destination are the same frames: no deadlock, no damage elsewhere. */
	CHECK_EQ(pread(fd, p + PAGE, PAGE, 0), (long)PAGE);
	CHECK_EQ(p[PAGE], 'a');
	CHECK_EQ(pwrite(fd, p, PAGE, 0), (long)PAGE);
	CHECK_EQ(p[0], 'a');
}

static void test_read_into_cold_mapping(void)
{
	int fd = file_of_pages(3, O_RDWR);
	char *p = map(fd, 3, RW, MAP_PRIVATE, 0);

	/* The destination's pages are not there yet, and come from the file being read. */
	CHECK_EQ(pread(fd, p, 3 * PAGE, 0), (long)(3 * PAGE));
	CHECK_EQ(p[2 * PAGE], 'c');
}

static void test_msync_errors(void)
{
	char *p = abi_pages(3, RW);

	CHECK_OK(msync(p, 3 * PAGE, MS_ASYNC));
	CHECK_OK(msync(p, 0, MS_SYNC));
	CHECK_ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERR(msync(p, PAGE, 0x100), EINVAL);
	CHECK_ERR(msync(p, ~0ul - PAGE, MS_SYNC), ENOMEM);
	REQUIRE_OK(munmap(p + PAGE, PAGE));
	CHECK_ERR(msync(p, 3 * PAGE, MS_SYNC), ENOMEM);
}

static void test_shared_validate(void)
{
	int fd = file_of_pages(1, O_RDWR);
	char *p = map(fd, 1, RW, MAP_SHARED_VALIDATE, 0);

	CHECK_EQ(p[0], 'a');
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, RW, MAP_SHARED_VALIDATE | (1 << 24), fd, 0),
		  EOPNOTSUPP);
}

static void test_zero_device(void)
{
	int fd = (int)REQUIRE_OK(open("/dev/zero", O_RDWR));
	char *p = map(fd, 2, RW, MAP_PRIVATE, 0);
	int *q = (int *)map(fd, 1, RW, MAP_SHARED, 0);

	CHECK_EQ(p[PAGE], 0);
	p[PAGE] = 1;
	q[0] = 1;
	abi_join(abi_spawn(share_child, q));
	CHECK_EQ(q[1], 2);
}

static const struct abi_test tests[] = {
	{"private_read", test_private_read},
	{"private_write_stays_private", test_private_write_stays_private},
	{"shared_write_is_seen", test_shared_write_is_seen},
	{"rights", test_rights},
	{"unmappable", test_unmappable},
	{"tail_of_page", test_tail_of_page},
	{"sigbus", test_sigbus},
	{"truncated_under_mapping", test_truncated_under_mapping},
	{"syscall_past_end", test_syscall_past_end},
	{"shared_anonymous", test_shared_anonymous},
	{"shared_file_and_fork", test_shared_file_and_fork},
	{"unlinked_stays", test_unlinked_stays},
	{"read_into_own_mapping", test_read_into_own_mapping},
	{"read_into_cold_mapping", test_read_into_cold_mapping},
	{"msync_errors", test_msync_errors},
	{"shared_validate", test_shared_validate},
	{"zero_device", test_zero_device},
};

ABI_SUITE(tests, NULL);
