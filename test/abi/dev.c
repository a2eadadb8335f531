/* dev.c - /dev: null, zero, full, random, urandom, tty, shm, fd and stdin */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "abitest.h"

static char buf[70000];

static int device(const char *name, unsigned minor)
{
	struct stat st;
	int fd = (int)REQUIRE_OK(open(name, O_RDWR));

	CHECK_OK(fstat(fd, &st));
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(major(st.st_rdev), 1);
	CHECK_EQ(minor(st.st_rdev), minor);
	return fd;
}

static void test_null(void)
{
	int fd = device("/dev/null", 3);

	CHECK_EQ(read(fd, buf, 10), 0);
	CHECK_EQ(write(fd, buf, sizeof(buf)), sizeof(buf));
	CHECK_EQ(lseek(fd, 100, SEEK_SET), 0);
	/* It does not even look. */
	CHECK_EQ(syscall(SYS_write, fd, 8, 10), 10);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
	CHECK_OK(open("/dev/null", O_WRONLY | O_TRUNC | O_CREAT | O_APPEND, 0666));
}

static void test_zero(void)
{
	int fd = device("/dev/zero", 5);

	memset(buf, 1, sizeof(buf));
	CHECK_EQ(read(fd, buf, sizeof(buf)), sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++) {
		if (!CHECK_EQ(buf[i], 0))
			break;
	}
	CHECK_EQ(write(fd, buf, 10), 10);
	CHECK_EQ(pread(fd, buf, 10, 1l << 40), 10);
	CHECK_FAULTS(p, 1, BAD_OUT, read(fd, p, 1));
}

static void test_full(void)
{
	int fd = device("/dev/full", 7);

	buf[0] = 1;
	CHECK_EQ(read(fd, buf, 10), 10);
	CHECK_EQ(buf[0], 0);
	CHECK_ERR(write(fd, buf, 1), ENOSPC);
}

static void test_random(void)
{
	int fd = device("/dev/urandom", 9);

	memset(buf, 0, 2000);
	CHECK_EQ(read(fd, buf, 1000), 1000);
	CHECK_EQ(read(fd, buf + 1000, 1000), 1000);
	CHECK(memcmp(buf, buf + 1000, 1000) != 0);
	CHECK_EQ(write(fd, buf, 10), 10);
	fd = device("/dev/random", 8);
	CHECK(read(fd, buf, 10) > 0);
	CHECK_FAULTS(p, 1, BAD_OUT, read(fd, p, 1));
}

static void test_tty_without_terminal(void)
{
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		setsid();
		CHECK_ERR(open("/dev/tty", O_RDWR), ENXIO);
		_exit(abi_failures ? 1 : 0);
	}
	CHECK_EQ(abi_wait_status(pid), 0);
}

static void test_shm(void)
{
	char path[64];
	struct stat st;
	int fd;
	char *p;

	CHECK_OK(stat("/dev/shm", &st));
	CHECK_EQ(st.st_mode, S_IFDIR | 01777);
	snprintf(path, sizeof(path), "/dev/shm/abitest.%d", (int)getpid());
	fd = (int)REQUIRE_OK(open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_OK(ftruncate(fd, 2 * PAGE));
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK_OK(unlink(path));
	REQUIRE(p != MAP_FAILED);
	p[PAGE] = 'x';
	CHECK_EQ(pread(fd, buf, 1, PAGE), 1);
	CHECK_EQ(buf[0], 'x');
}

static void test_fd_links(void)
{
	char path[64];
	int fds[2];

	REQUIRE_OK(pipe(fds));
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[1]);
	CHECK_EQ(write((int)CHECK_OK(open(path, O_WRONLY)), "x", 1), 1);
	CHECK_EQ(read(fds[0], buf, 10), 1);
	REQUIRE_OK(dup2(fds[0], 0));
	CHECK_EQ(write(fds[1], "yz", 2), 2);
	CHECK_EQ(read((int)CHECK_OK(open("/dev/stdin", O_RDONLY)), buf, 10), 2);
	CHECK_ERR(open("/dev/fd/9999", O_RDONLY), ENOENT);
}

static void test_memfd(void)
{
	int fd = (int)syscall(SYS_memfd_create, "name", 3);
	struct stat st;

	if (fd == -1 && errno == ENOSYS)
		SKIP("no memfd_create");
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "text", 4), 4);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 4);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	CHECK_ERR(write(fd, "x", 1), EPERM);
	CHECK_OK(ftruncate(fd, 2));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE));
	CHECK_ERR(ftruncate(fd, 1), EPERM);
	CHECK_ERR(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_memfd_create, p, 0));
	CHECK_ERR(syscall(SYS_memfd_create, "x", 0x1000), EINVAL);
}

static const struct abi_test tests[] = {
	{"null", test_null},
	{"zero", test_zero},
	{"full", test_full},
	{"random", test_random},
	{"tty_without_terminal", test_tty_without_terminal},
	{"shm", test_shm},
	{"fd_links", test_fd_links},
	{"memfd", test_memfd},
};

ABI_SUITE(tests, NULL);
