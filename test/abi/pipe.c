/* pipe.c - pipe(2), pipe2(2): capacity, ends, atomicity, non-blocking, vectors */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abitest.h"

static char buf[3 * 65536];

static void make(int *fds, int flags)
{
	REQUIRE_OK(syscall(SYS_pipe2, fds, flags));
}

static void test_faults(void)
{
	int fds[2], low = dup(0);

	close(low);
	CHECK_FAULTS(p, 2 * sizeof(int), BAD_OUT, syscall(SYS_pipe, p));
	CHECK_FAULTS(p, 2 * sizeof(int), BAD_OUT, syscall(SYS_pipe2, p, 0));
	/* None of those left a descriptor behind. */
	CHECK_EQ(dup(0), low);
	close(low);
	make(fds, 0);
	CHECK_FAULTS(p, 8, BAD_NONNULL, write(fds[1], p, 8) == 4 ? (errno = EFAULT, -1) : -1);
	while (fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 && read(fds[0], buf, sizeof(buf)) > 0)
		;
	CHECK_EQ(write(fds[1], "12345678", 8), 8);
	CHECK_ERR(read(fds[0], (void *)1, 8), EFAULT);
	CHECK_ERR(read(fds[0], (void *)0xffff800000000000, 8), EFAULT);
	CHECK_ERR(read(fds[0], (void *)0x800000000000, 8), EFAULT);
	/* What could not be delivered is still there. */
	CHECK_EQ(read(fds[0], buf, 8), 8);
	CHECK_EQ(memcmp(buf, "12345678", 8), 0);
}

static void test_flags(void)
{
	int fds[2];

	CHECK_ERR(syscall(SYS_pipe2, fds, 1), EINVAL);
	CHECK_ERR(syscall(SYS_pipe2, fds, O_APPEND), EINVAL);
	make(fds, O_CLOEXEC | O_NONBLOCK);
	CHECK_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fds[0], F_GETFL), O_RDONLY | O_NONBLOCK);
	CHECK_EQ(fcntl(fds[1], F_GETFL), O_WRONLY | O_NONBLOCK);
	make(fds, 0);
	CHECK_EQ(fcntl(fds[0], F_GETFD), 0);
	CHECK_EQ(fcntl(fds[0], F_GETFL), O_RDONLY);
	CHECK_ERR(write(fds[0], "x", 1), EBADF);
	CHECK_ERR(read(fds[1], buf, 1), EBADF);
	CHECK_ERR(lseek(fds[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERR(pread(fds[0], buf, 1, 0), ESPIPE);
	CHECK_ERR(pwrite(fds[1], buf, 1, 0), ESPIPE);
	CHECK_ERR(ftruncate(fds[1], 0), EINVAL);
}

static void test_stat(void)
{
	struct stat st, other;
	int fds[2];

	make(fds, 0);
	CHECK_OK(fstat(fds[0], &st));
	CHECK_OK(fstat(fds[1], &other));
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(st.st_ino, other.st_ino);
	CHECK_EQ(st.st_nlink, 1);
}

static void test_order_and_eof(void)
{
	int fds[2];

	make(fds, 0);
	CHECK_EQ(write(fds[1], "abc", 3), 3);
	CHECK_EQ(write(fds[1], "def", 3), 3);
	CHECK_EQ(read(fds[0], buf, 2), 2);
	CHECK_EQ(read(fds[0], buf + 2, 100), 4);
	CHECK_EQ(memcmp(buf, "abcdef", 6), 0);
	CHECK_EQ(write(fds[1], "", 0), 0);
	CHECK_EQ(read(fds[0], buf, 0), 0);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	close(fds[1]);
	CHECK_EQ(read(fds[0], buf, 10), 1);
	CHECK_EQ(read(fds[0], buf, 10), 0);
	CHECK_EQ(read(fds[0], buf, 10), 0);
}

static void test_nonblocking(void)
{
	int fds[2];
	ssize_t n, total = 0;

	make(fds, O_NONBLOCK);
	CHECK_ERR(read(fds[0], buf, 1), EAGAIN);
	while ((n = write(fds[1], buf, 4096)) > 0)
		total += n;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(total, 65536);
	CHECK_EQ(total, fcntl(fds[1], F_GETPIPE_SZ));
	CHECK_ERR(write(fds[1], buf, 1), EAGAIN);
	CHECK_EQ(read(fds[0], buf, 4096), 4096);
	/* At most PIPE_BUF: all or nothing. More: what fits. */
	CHECK_EQ(write(fds[1], buf, 100), 100);
	CHECK_ERR(write(fds[1], buf, 4096), EAGAIN);
	CHECK_EQ(read(fds[0], buf, 4096), 4096);
	n = write(fds[1], buf, 65536);
	CHECK(n > 0 && n <= 8192);
}

static void test_fionread(void)
{
	int fds[2], n = -1;

	make(fds, 0);
	CHECK_OK(ioctl(fds[0], FIONREAD, &n));
	CHECK_EQ(n, 0);
	CHECK_EQ(write(fds[1], buf, 5000), 5000);
	CHECK_OK(ioctl(fds[0], FIONREAD, &n));
	CHECK_EQ(n, 5000);
	CHECK_FAULTS(p, sizeof(int), BAD_OUT, ioctl(fds[0], FIONREAD, p));
	CHECK_ERR(ioctl(fds[0], 0x12345678, &n), ENOTTY);
	CHECK_ERR(ioctl(fds[0], TCGETS, buf), ENOTTY);
}

static void test_size(void)
{
	int fds[2], n;

	make(fds, O_NONBLOCK);
	CHECK_EQ(fcntl(fds[0], F_GETPIPE_SZ), 65536);
	CHECK_EQ(fcntl(fds[0], F_SETPIPE_SZ, 0), (int)PAGE);
	n = fcntl(fds[0], F_SETPIPE_SZ, 1);
	CHECK_EQ(n, (int)PAGE);
	CHECK_EQ(fcntl(fds[1], F_GETPIPE_SZ), (int)PAGE);
	CHECK_EQ(write(fds[1], buf, 8192), 4096);
	CHECK_EQ(fcntl(fds[0], F_SETPIPE_SZ, 131072), 131072);
	CHECK_EQ(write(fds[1], buf, 131072), 126976);
	CHECK_ERR(fcntl(fds[0], F_SETPIPE_SZ, 4096), EBUSY);
	CHECK_ERR(fcntl(fds[0], F_SETPIPE_SZ, 0x80000001), EINVAL);
	n = open("/dev/null", O_RDWR);
	CHECK_ERR(fcntl(n, F_GETPIPE_SZ), EBADF);
	if (geteuid() != 0)
		CHECK_ERR(fcntl(fds[0], F_SETPIPE_SZ, 1 << 30), EPERM);
}

static void test_epipe(void)
{
	int fds[2];
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	REQUIRE_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	make(fds, 0);
	close(fds[0]);
	CHECK_ERR(write(fds[1], "x", 1), EPIPE);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGPIPE);
	/* Nothing written, nothing broken. */
	CHECK_EQ(write(fds[1], "x", 0), 0);
}

static void writes_into_closed(void *arg)
{
	int fds[2];

	make(fds, 0);
	close(fds[0]);
	write(fds[1], "x", 1) == 1 ? _exit(1) : _exit(2);
}

static void test_sigpipe_kills(void)
{
	CHECK_EQ(abi_wait_status(abi_spawn(writes_into_closed, NULL)), SIGPIPE);
}

static void slow_reader(void *arg)
{
	int *fds = arg;
	size_t total = 0;
	ssize_t n;

	close(fds[1]);
	while ((n = read(fds[0], buf, 1000)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != (char)((total + (size_t)i) * 31 >> 3)) {
				CHECK_EQ(total + (size_t)i, -1);
				return;
			}
		}
		total += (size_t)n;
	}
	CHECK_EQ(total, sizeof(buf));
}

static void test_blocking_write(void)
{
	int fds[2];
	pid_t pid;

	make(fds, 0);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 31 >> 3);
	pid = abi_spawn(slow_reader, fds);
	close(fds[0]);
	CHECK_EQ(write(fds[1], buf, sizeof(buf)), sizeof(buf));
	close(fds[1]);
	abi_join(pid);
}

static void echo(void *arg)
{
	int *fds = arg;
	char c;

	close(fds[1]);
	close(fds[2]);
	while (read(fds[0], &c, 1) == 1)
		CHECK_EQ(write(fds[3], &c, 1), 1);
}

static void test_ping_pong(void)
{
	int fds[4];
	pid_t pid;

	make(fds, 0);
	make(fds + 2, 0);
	pid = abi_spawn(echo, fds);
	close(fds[0]);
	close(fds[3]);
	for (int i = 0; i < 500; i++) {
		char c = (char)i, d = 0;

		if (!CHECK_EQ(write(fds[1], &c, 1), 1) || !CHECK_EQ(read(fds[2], &d, 1), 1) ||
		    !CHECK_EQ(c, d))
			break;
	}
	close(fds[1]);
	CHECK_EQ(read(fds[2], buf, 1), 0);
	abi_join(pid);
}

static void atomic_writer(void *arg)
{
	int *fds = arg;
	static char chunk[PIPE_BUF];

	memset(chunk, (int)getpid(), sizeof(chunk));
	for (int i = 0; i < 50; i++)
		CHECK_EQ(write(fds[1], chunk, sizeof(chunk)), sizeof(chunk));
}

static void test_atomic(void)
{
	int fds[2];
	pid_t pids[3];
	size_t total = 0;
	ssize_t n;

	make(fds, 0);
	for (int i = 0; i < 3; i++)
		pids[i] = abi_spawn(atomic_writer, fds);
	close(fds[1]);
	while ((n = read(fds[0], buf + total % PIPE_BUF, PIPE_BUF - total % PIPE_BUF)) > 0) {
		total += (size_t)n;
		if (total % PIPE_BUF == 0)
			CHECK_EQ(memcmp(buf, buf + 1, PIPE_BUF - 1), 0);
	}
	CHECK_EQ(total, 150 * PIPE_BUF);
	for (int i = 0; i < 3; i++)
		abi_join(pids[i]);
}

static void test_vectors(void)
{
	int fds[2];
	char a[3], b[5];
	static char text[] = "abcdefg";
	struct iovec out[3] = {{text, 2}, {text, 0}, {text + 2, 5}};
	struct iovec in[2] = {{a, sizeof(a)}, {b, sizeof(b)}};

	make(fds, 0);
	CHECK_EQ(writev(fds[1], out, 3), 7);
	CHECK_EQ(readv(fds[0], in, 2), 7);
	CHECK_EQ(memcmp(a, "abc", 3), 0);
	CHECK_EQ(memcmp(b, "defg", 4), 0);
	CHECK_EQ(syscall(SYS_writev, fds[1], out, 0), 0);
	CHECK_ERR(syscall(SYS_writev, fds[1], out, -1), EINVAL);
	CHECK_ERR(syscall(SYS_writev, fds[1], out, 1025), EINVAL);
	out[0].iov_len = (size_t)-1;
	CHECK_ERR(syscall(SYS_writev, fds[1], out, 2), EINVAL);
	CHECK_FAULTS(p, 3 * sizeof(struct iovec), BAD_IN, syscall(SYS_writev, fds[1], p, 3));
	CHECK_FAULTS(p, 2 * sizeof(struct iovec), BAD_IN, syscall(SYS_readv, fds[0], p, 2));
	out[0] = (struct iovec){(void *)8, 4};
	CHECK_ERR(syscall(SYS_writev, fds[1], out, 1), EFAULT);
}

static void test_poll(void)
{
	int fds[2];
	struct pollfd p[2];

	make(fds, O_NONBLOCK);
	p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN | POLLOUT};
	p[1] = (struct pollfd){.fd = fds[1], .events = POLLIN | POLLOUT};
	CHECK_EQ(poll(p, 2, 0), 1);
	CHECK_EQ(p[0].revents, 0);
	CHECK_EQ(p[1].revents, POLLOUT);
	CHECK_EQ(write(fds[1], buf, 65536), 65536);
	CHECK_EQ(poll(p, 2, 0), 1);
	CHECK_EQ(p[0].revents, POLLIN);
	CHECK_EQ(p[1].revents, 0);
	close(fds[1]);
	CHECK_EQ(poll(p, 1, 0), 1);
	CHECK_EQ(p[0].revents, POLLIN | POLLHUP);
	CHECK_EQ(read(fds[0], buf, 65536), 65536);
	CHECK_EQ(poll(p, 1, 0), 1);
	CHECK_EQ(p[0].revents, POLLHUP);
	make(fds, 0);
	close(fds[0]);
	p[0] = (struct pollfd){.fd = fds[1], .events = POLLOUT};
	CHECK_EQ(poll(p, 1, 0), 1);
	CHECK_EQ(p[0].revents, POLLOUT | POLLERR);
}

static const struct abi_test tests[] = {
	{"faults", test_faults},
	{"flags", test_flags},
	{"stat", test_stat},
	{"order_and_eof", test_order_and_eof},
	{"nonblocking", test_nonblocking},
	{"fionread", test_fionread},
	{"size", test_size},
	{"epipe", test_epipe},
	{"sigpipe_kills", test_sigpipe_kills},
	{"blocking_write", test_blocking_write},
	{"ping_pong", test_ping_pong},
	{"atomic", test_atomic},
	{"vectors", test_vectors},
	{"poll", test_poll},
};

ABI_SUITE(tests, NULL);
