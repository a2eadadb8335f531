/* fd.c - descriptors: dup(2), fcntl(2), close_range(2), locks, sendfile, splice, copy_file_range */
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"

static char buf[65536];

static int make(const char *text)
{
	return (int)REQUIRE_OK(open(abi_tmp_file("f", text), O_RDWR));
}

static void test_dup(void)
{
	int fd = make("text"), copy = dup(fd);

	CHECK_EQ(copy, fd + 1);
	CHECK_EQ(fcntl(copy, F_GETFD), 0);
	CHECK_EQ(dup2(fd, 50), 50);
	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_ERR(dup2(9999, 50), EBADF);
	CHECK_ERR(dup2(9999, 9999), EBADF);
	CHECK_ERR(dup2(fd, -1), EBADF);
	CHECK_ERR(dup(9999), EBADF);
	CHECK_ERR(dup(-1), EBADF);
	CHECK_EQ(syscall(SYS_dup3, fd, 51, O_CLOEXEC), 51);
	CHECK_EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(syscall(SYS_dup3, fd, fd, 0), EINVAL);
	CHECK_ERR(syscall(SYS_dup3, fd, 52, 1), EINVAL);
	CHECK_EQ(fcntl(fd, F_DUPFD, 100), 100);
	CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 100), 101);
	CHECK_EQ(fcntl(101, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(fcntl(fd, F_DUPFD, -1), EINVAL);
	CHECK_ERR(fcntl(fd, F_DUPFD, 0x7fffffff), EINVAL);
	/* dup2 closes what was there. */
	{
		int fds[2];

		REQUIRE_OK(pipe(fds));
		CHECK_EQ(dup2(fd, fds[1]), fds[1]);
		CHECK_EQ(read(fds[0], buf, 1), 0);
	}
}

static void test_fcntl_flags(void)
{
	int fd = make("");

	CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_OK(fcntl(fd, F_SETFD, 0));
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY));
	CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_APPEND | O_NONBLOCK);
	CHECK_OK(fcntl(fd, F_SETFL, 0));
	CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR);
	CHECK_ERR(fcntl(fd, 9999, 0), EINVAL);
	CHECK_ERR(fcntl(9999, F_GETFD), EBADF);
	CHECK_OK(ioctl(fd, FIOCLEX));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_OK(ioctl(fd, FIONCLEX));
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_OK(ioctl(fd, FIONBIO, &(int){1}));
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_FAULTS(p, sizeof(int), BAD_IN, ioctl(fd, FIONBIO, p));
	CHECK_ERR(ioctl(9999, FIONBIO, &(int){1}), EBADF);
	CHECK_ERR(ioctl(fd, TIOCGWINSZ, buf), ENOTTY);
}

static void test_close_range(void)
{
	int fd = make("");

	for (int i = 20; i < 30; i++)
		REQUIRE(dup2(fd, i) == i);
	CHECK_OK(syscall(SYS_close_range, 22, 24, 0));
	CHECK_OK(fcntl(21, F_GETFD));
	CHECK_ERR(fcntl(22, F_GETFD), EBADF);
	CHECK_ERR(fcntl(24, F_GETFD), EBADF);
	CHECK_OK(fcntl(25, F_GETFD));
	CHECK_OK(syscall(SYS_close_range, 25, ~0u, CLOSE_RANGE_CLOEXEC));
	CHECK_EQ(fcntl(26, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(21, F_GETFD), 0);
	CHECK_OK(syscall(SYS_close_range, 21, ~0u, 0));
	CHECK_ERR(fcntl(29, F_GETFD), EBADF);
	CHECK_ERR(syscall(SYS_close_range, 5, 4, 0), EINVAL);
	CHECK_ERR(syscall(SYS_close_range, 5, 6, 0x100), EINVAL);
	CHECK_OK(syscall(SYS_close_range, 5000, ~0u, 0));
}

static void closes_all(void *arg)
{
	CHECK_OK(syscall(SYS_close_range, 3, ~0u, 0));
	CHECK_ERR(fcntl(999, F_GETFD), EBADF);
	CHECK_EQ(dup(0), 3);
}

static void test_many_descriptors(void)
{
	struct rlimit rl;
	int fd = make("");

	CHECK_OK(getrlimit(RLIMIT_NOFILE, &rl));
	if (rl.rlim_cur < 1024)
		SKIP("fewer than 1,024 descriptors");
	for (int i = fd + 1; i < 1000; i++) {
		if (!CHECK_EQ(dup(fd), i))
			break;
	}
	close(500);
	CHECK_EQ(dup(fd), 500);
	abi_join(abi_spawn(closes_all, NULL));
	CHECK_OK(fcntl(999, F_GETFD));
}

static void finds_flock(void *arg)
{
	int fd = open((const char *)arg, O_RDWR);

	CHECK_ERR(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_ERR(flock(fd, LOCK_SH | LOCK_NB), EWOULDBLOCK);
}

static void shares_flock(void *arg)
{
	int fd = open((const char *)arg, O_RDWR);

	CHECK_OK(flock(fd, LOCK_SH | LOCK_NB));
	CHECK_ERR(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
}

static int locked_fd;

static void waits_for_flock(void *arg)
{
	int fd = open((const char *)arg, O_RDWR);

	close(locked_fd);
	CHECK_OK(flock(fd, LOCK_EX));
}

static void test_flock(void)
{
	const char *path = abi_tmp("f");
	int fd = make("");
	pid_t pid;

	CHECK_OK(flock(fd, LOCK_EX));
	abi_join(abi_spawn(finds_flock, (void *)(size_t)path));
	CHECK_OK(flock(fd, LOCK_SH));
	abi_join(abi_spawn(shares_flock, (void *)(size_t)path));
	CHECK_OK(flock(fd, LOCK_EX));
	locked_fd = fd;
	pid = abi_spawn(waits_for_flock, (void *)(size_t)path);
	for (int i = 0; i < 20; i++)
		sched_yield();
	/* The lock belongs to the description: the last copy's end frees it. */
	close(fd);
	abi_join(pid);
	CHECK_ERR(flock(9999, LOCK_EX), EBADF);
	CHECK_ERR(flock(make(""), 0), EINVAL);
}

struct range {
	const char *path;
	short type;
	off_t start, len;
	int want;
};

static void tries_range(void *arg)
{
	struct range *r = arg;
	struct flock fl = {.l_type = r->type, .l_start = r->start, .l_len = r->len};
	int fd = open(r->path, O_RDWR), got = fcntl(fd, F_SETLK, &fl) ? errno : 0;

	CHECK_EQ(got, r->want);
}

static void test_posix_locks(void)
{
	const char *path = abi_tmp("f");
	int fd = make("0123456789"), copy;
	struct flock fl = {.l_type = F_WRLCK, .l_start = 2, .l_len = 4};
	struct range r[] = {
		{path, F_WRLCK, 0, 2, 0},      {path, F_WRLCK, 0, 3, EAGAIN},
		{path, F_RDLCK, 5, 1, EAGAIN}, {path, F_RDLCK, 6, 0, 0},
		{path, F_WRLCK, 0, 0, EAGAIN},
	};

	CHECK_OK(fcntl(fd, F_SETLK, &fl));
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		abi_join(abi_spawn(tries_range, &r[i]));
	/* One's own lock is never in the way. */
	fl = (struct flock){.l_type = F_WRLCK};
	CHECK_OK(fcntl(fd, F_GETLK, &fl));
	CHECK_EQ(fl.l_type, F_UNLCK);
	/* Any close of the file by the process drops its locks. */
	copy = open(path, O_RDONLY);
	close(copy);
	r[4].want = 0;
	abi_join(abi_spawn(tries_range, &r[4]));
	fl = (struct flock){.l_type = 99};
	CHECK_ERR(fcntl(fd, F_SETLK, &fl), EINVAL);
	fl = (struct flock){.l_type = F_RDLCK, .l_start = -1};
	CHECK_ERR(fcntl(fd, F_SETLK, &fl), EINVAL);
	CHECK_FAULTS(p, sizeof(fl), BAD_IN, fcntl(fd, F_SETLK, p));
	CHECK_FAULTS(p, sizeof(fl), BAD_IN, fcntl(fd, F_GETLK, p));
	fl = (struct flock){.l_type = F_WRLCK};
	CHECK_ERR(fcntl(open(path, O_RDONLY), F_SETLK, &fl), EBADF);
}

struct lock_question {
	const char *path;
	int asked[2]; /* a pipe */
};

static void asks_lock(void *arg)
{
	const struct lock_question *q = arg;
	struct flock fl = {.l_type = F_WRLCK};
	int fd = open(q->path, O_RDWR);

	CHECK_OK(fcntl(fd, F_GETLK, &fl));
	CHECK_EQ(fl.l_type, F_RDLCK);
	CHECK_EQ(fl.l_pid, getppid());
	CHECK_EQ(fl.l_start, 3);
	CHECK_EQ(fl.l_len, 2);
	CHECK_EQ(write(q->asked[1], "", 1), 1);
	fl = (struct flock){.l_type = F_WRLCK};
	CHECK_OK(fcntl(fd, F_SETLKW, &fl));
}

static void test_posix_lock_wait(void)
{
	struct lock_question q = {.path = abi_tmp("f")};
	int fd = make("0123456789");
	struct flock fl = {.l_type = F_RDLCK, .l_start = 3, .l_len = 2};
	pid_t pid;

	REQUIRE_OK(pipe(q.asked));
	CHECK_OK(fcntl(fd, F_SETLK, &fl));
	pid = abi_spawn(asks_lock, &q);
	CHECK_EQ(read(q.asked[0], buf, 1), 1);
	usleep(20000); /* so that it waits, most times */
	fl.l_type = F_UNLCK;
	CHECK_OK(fcntl(fd, F_SETLK, &fl));
	abi_join(pid);
}

static void test_sendfile(void)
{
	off_t off = 2;
	int fd = make("0123456789"), fds[2];

	REQUIRE_OK(pipe(fds));
	if (sendfile(fds[1], fd, &off, 3) == -1 && errno == ENOSYS)
		SKIP("no sendfile");
	CHECK_EQ(off, 5);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(read(fds[0], buf, 10), 3);
	CHECK_EQ(memcmp(buf, "234", 3), 0);
	CHECK_EQ(sendfile(fds[1], fd, NULL, 100), 10);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(sendfile(fds[1], fd, NULL, 100), 0);
	off = -1;
	CHECK_ERR(sendfile(fds[1], fd, &off, 1), EINVAL);
	CHECK_ERR(sendfile(9999, fd, NULL, 1), EBADF);
	CHECK_ERR(sendfile(fds[1], 9999, NULL, 1), EBADF);
	CHECK_ERR(sendfile(fds[0], fd, NULL, 1), EBADF);
	CHECK_FAULTS(p, sizeof(off), BAD_NONNULL, syscall(SYS_sendfile, fds[1], fd, p, 1));
}

static void test_copy_file_range(void)
{
	off_t in = 2, out = 1;
	int fd = make("0123456789"),
	    to = (int)REQUIRE_OK(open(abi_tmp("to"), O_RDWR | O_CREAT, 0600));

	if (copy_file_range(fd, &in, to, &out, 4, 0) == -1 && errno == ENOSYS)
		SKIP("no copy_file_range");
	CHECK_EQ(in, 6);
	CHECK_EQ(out, 5);
	CHECK_EQ(pread(to, buf, 10, 0), 5);
	CHECK_EQ(memcmp(buf, "\0002345", 5), 0);
	CHECK_EQ(copy_file_range(fd, NULL, to, NULL, 100, 0), 10);
	CHECK_EQ(copy_file_range(fd, NULL, to, NULL, 100, 0), 0);
	CHECK_ERR(copy_file_range(fd, NULL, to, NULL, 1, 1), EINVAL);
	CHECK_ERR(copy_file_range(9999, NULL, to, NULL, 1, 0), EBADF);
	in = 0;
	out = 2;
	CHECK_ERR(copy_file_range(fd, &in, fd, &out, 5, 0), EINVAL);
}

static void test_splice(void)
{
	int fd = make("0123456789"), fds[2];

	REQUIRE_OK(pipe(fds));
	if (splice(fd, NULL, fds[1], NULL, 4, 0) == -1 && errno == ENOSYS)
		SKIP("no splice");
	CHECK_EQ(read(fds[0], buf, 10), 4);
	CHECK_EQ(write(fds[1], "abc", 3), 3);
	CHECK_EQ(splice(fds[0], NULL, fd, &(off_t){0}, 3, 0), 3);
	CHECK_EQ(strcmp(abi_read_file(abi_tmp("f")), "abc3456789"), 0);
	CHECK_ERR(splice(fd, NULL, fd, NULL, 4, 0), EINVAL);
}

static const struct abi_test tests[] = {
	{"dup", test_dup},
	{"fcntl_flags", test_fcntl_flags},
	{"close_range", test_close_range},
	{"many_descriptors", test_many_descriptors},
	{"flock", test_flock},
	{"posix_locks", test_posix_locks},
	{"posix_lock_wait", test_posix_lock_wait},
	{"sendfile", test_sendfile},
	{"copy_file_range", test_copy_file_range},
	{"splice", test_splice},
};

ABI_SUITE(tests, NULL);
