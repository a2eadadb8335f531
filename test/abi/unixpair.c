/* unixpair.c - socketpair(2) of AF_UNIX: stream, datagram, sequenced packets; data and shutdown */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static int sv[2];
static char buf[300000];

static void make(int type)
{
	REQUIRE_OK(syscall(SYS_socketpair, AF_UNIX, type, 0, sv));
}

static int events(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

	return poll(&p, 1, 0) >= 0 ? p.revents : -1;
}

static void test_errors(void)
{
	CHECK_FAULTS(p, 2 * sizeof(int), BAD_OUT,
		     syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, p));
	CHECK_ERR(syscall(SYS_socketpair, AF_UNIX, 99, 0, sv), EINVAL);
	CHECK_ERR(syscall(SYS_socketpair, AF_UNIX, SOCK_RDM, 0, sv), ESOCKTNOSUPPORT);
	CHECK_ERR(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 99, sv), EPROTONOSUPPORT);
	CHECK_ERR(syscall(SYS_socketpair, 999, SOCK_STREAM, 0, sv), EAFNOSUPPORT);
	CHECK_ERR(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | 0x100, 0, sv), EINVAL);
	make(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK_EQ(fcntl(sv[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(sv[1], F_GETFL), O_RDWR | O_NONBLOCK);
	CHECK_ERR(read(sv[0], buf, 1), EAGAIN);
	CHECK_ERR(lseek(sv[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERR(send(open("/dev/null", O_RDWR), "x", 1, 0), ENOTSOCK);
	CHECK_ERR(recv(9999, buf, 1, 0), EBADF);
}

static void test_stream(void)
{
	make(SOCK_STREAM);
	CHECK_EQ(events(sv[0]), POLLOUT);
	CHECK_EQ(write(sv[0], "abc", 3), 3);
	CHECK_EQ(send(sv[0], "def", 3, 0), 3);
	CHECK_EQ(events(sv[1]), POLLIN | POLLOUT);
	CHECK_EQ(recv(sv[1], buf, 2, MSG_PEEK), 2);
	CHECK_EQ(read(sv[1], buf, 100), 6);
	CHECK_EQ(memcmp(buf, "abcdef", 6), 0);
	CHECK_EQ(write(sv[1], "back", 4), 4);
	CHECK_EQ(recv(sv[0], buf, 4, MSG_WAITALL), 4);
	CHECK_ERR(recv(sv[0], buf, 4, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(write(sv[0], "", 0), 0);
	CHECK_ERR(recv(sv[1], buf, 4, MSG_DONTWAIT), EAGAIN);
	close(sv[0]);
	CHECK_EQ(read(sv[1], buf, 1), 0);
	CHECK_EQ(events(sv[1]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

static void test_packets(void)
{
	static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		make(types[i]);
		CHECK_EQ(write(sv[0], "abcdef", 6), 6);
		CHECK_EQ(write(sv[0], "gh", 2), 2);
		CHECK_EQ(recv(sv[1], buf, 100, MSG_PEEK), 6);
		/* What does not fit is cut off, and can be asked for. */
		CHECK_EQ(recv(sv[1], buf, 3, MSG_TRUNC), 6);
		CHECK_EQ(read(sv[1], buf, 100), 2);
		CHECK_EQ(memcmp(buf, "gh", 2), 0);
		CHECK_EQ(write(sv[0], "", 0), 0);
		CHECK_ERR(send(sv[0], buf, sizeof(buf), MSG_DONTWAIT), EMSGSIZE);
	}
}

static void test_closed_peer(void)
{
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	REQUIRE_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	make(SOCK_STREAM);
	close(sv[1]);
	CHECK_ERR(write(sv[0], "x", 1), EPIPE);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGPIPE);
	CHECK_ERR(send(sv[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	sigpending(&set);
	CHECK_EQ(sigismember(&set, SIGPIPE), 0);
	CHECK_EQ(read(sv[0], buf, 1), 0);
	make(SOCK_STREAM);
	CHECK_EQ(write(sv[1], "unread", 6), 6);
	CHECK_EQ(write(sv[0], "lost", 4), 4);
	close(sv[1]);
	/* Closed with data unread: the other end may read, and is told once. */
	CHECK_EQ(read(sv[0], buf, 100), 6);
	CHECK_ERR(read(sv[0], buf, 100), ECONNRESET);
	CHECK_EQ(read(sv[0], buf, 100), 0);
	make(SOCK_DGRAM);
	close(sv[1]);
	CHECK_ERR(send(sv[0], "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
}

static void test_shutdown(void)
{
	make(SOCK_STREAM);
	CHECK_EQ(write(sv[0], "last", 4), 4);
	CHECK_OK(shutdown(sv[0], SHUT_WR));
	CHECK_ERR(send(sv[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(events(sv[1]), POLLIN | POLLOUT | POLLRDHUP);
	CHECK_EQ(read(sv[1], buf, 100), 4);
	CHECK_EQ(read(sv[1], buf, 100), 0);
	CHECK_EQ(write(sv[1], "back", 4), 4);
	CHECK_EQ(read(sv[0], buf, 100), 4);
	CHECK_OK(shutdown(sv[0], SHUT_RD));
	CHECK_EQ(read(sv[0], buf, 100), 0);
	CHECK_ERR(send(sv[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(shutdown(sv[0], 3), EINVAL);
	CHECK_ERR(shutdown(sv[0], -1), EINVAL);
	CHECK_ERR(shutdown(9999, 0), EBADF);
}

static void reads_all(void *arg)
{
	size_t total = 0;
	ssize_t n;

	close(sv[0]);
	while ((n = read(sv[1], buf, 7000)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] != (char)((total + (size_t)i) % 251))
				_exit(98);
		}
		total += (size_t)n;
	}
	CHECK_EQ(total, sizeof(buf));
}

static void test_backpressure(void)
{
	pid_t pid;

	make(SOCK_STREAM);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i % 251);
	pid = abi_spawn(reads_all, NULL);
	close(sv[1]);
	CHECK_EQ(write(sv[0], buf, sizeof(buf)), sizeof(buf));
	close(sv[0]);
	abi_join(pid);
	make(SOCK_STREAM | SOCK_NONBLOCK);
	while (write(sv[0], buf, 10000) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(events(sv[0]) & POLLOUT, 0);
	make(SOCK_SEQPACKET | SOCK_NONBLOCK);
	while (write(sv[0], buf, 1000) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
}

static void test_message_vectors(void)
{
	char a[2], b[8];
	static char text[] = "abcdef";
	struct iovec out[2] = {{text, 3}, {text + 3, 3}}, in[2] = {{a, 2}, {b, 8}};
	struct msghdr msg = {.msg_iov = out, .msg_iovlen = 2};

	make(SOCK_SEQPACKET);
	CHECK_EQ(sendmsg(sv[0], &msg, 0), 6);
	msg = (struct msghdr){.msg_iov = in, .msg_iovlen = 2, .msg_flags = 0x7fff};
	CHECK_EQ(recvmsg(sv[1], &msg, 0), 6);
	CHECK_EQ(memcmp(a, "ab", 2), 0);
	CHECK_EQ(memcmp(b, "cdef", 4), 0);
	CHECK_EQ(msg.msg_flags & MSG_TRUNC, 0);
	CHECK_EQ(msg.msg_controllen, 0);
	CHECK_EQ(write(sv[0], "0123456789abc", 13), 13);
	msg = (struct msghdr){.msg_iov = in, .msg_iovlen = 2};
	CHECK_EQ(recvmsg(sv[1], &msg, 0), 10);
	CHECK_EQ(msg.msg_flags & MSG_TRUNC, MSG_TRUNC);
	msg = (struct msghdr){.msg_iov = out, .msg_iovlen = 1025};
	CHECK_ERR(sendmsg(sv[0], &msg, 0), EMSGSIZE);
	msg.msg_iovlen = (size_t)-1;
	CHECK_ERR(sendmsg(sv[0], &msg, 0), EMSGSIZE);
	CHECK_ERR(recvmsg(sv[0], &msg, 0), EMSGSIZE);
	msg = (struct msghdr){.msg_iov = NULL, .msg_iovlen = 0};
	CHECK_EQ(sendmsg(sv[0], &msg, 0), 0);
}

static void test_message_faults(void)
{
	struct iovec iov = {buf, 8};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	make(SOCK_SEQPACKET | SOCK_NONBLOCK);
	CHECK_FAULTS(p, sizeof(msg), BAD_IN, syscall(SYS_sendmsg, sv[0], p, 0));
	CHECK_FAULTS(p, sizeof(msg), BAD_IN, syscall(SYS_recvmsg, sv[0], p, 0));
	CHECK_FAULTS(p, sizeof(iov), BAD_IN, (msg.msg_iov = p, sendmsg(sv[0], &msg, 0)));
	CHECK_FAULTS(p, 8, BAD_IN, (msg.msg_iov = &iov, iov.iov_base = p, sendmsg(sv[0], &msg, 0)));
	iov.iov_base = buf;
	CHECK_FAULTS(p, 32, BAD_NONNULL,
		     (msg.msg_control = p, msg.msg_controllen = 32, sendmsg(sv[0], &msg, 0)));
	CHECK_FAULTS(p, 8, BAD_IN, syscall(SYS_sendto, sv[0], p, 8, 0, NULL, 0));
	/* Not one of those got through. */
	CHECK_ERR(recv(sv[1], buf, 8, 0), EAGAIN);
	CHECK_EQ(write(sv[0], "12345678", 8), 8);
	CHECK_ERR(recv(sv[1], (void *)0xffff800000000000, 8, 0), EFAULT);
}

static void test_addresses(void)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	make(SOCK_STREAM);
	memset(&un, 0xff, sizeof(un));
	CHECK_OK(getsockname(sv[0], (struct sockaddr *)&un, &len));
	CHECK_EQ(len, 2);
	CHECK_EQ(un.sun_family, AF_UNIX);
	len = sizeof(un);
	CHECK_OK(getpeername(sv[0], (struct sockaddr *)&un, &len));
	CHECK_EQ(len, 2);
	CHECK_FAULTS(p, 4, BAD_OUT, syscall(SYS_getsockname, sv[0], &un, p));
	len = (socklen_t)-1;
	CHECK_ERR(getsockname(sv[0], (struct sockaddr *)&un, &len), EINVAL);
}

static void test_options(void)
{
	int v = -1;
	socklen_t len = sizeof(v);
	struct ucred cred = {0};

	make(SOCK_SEQPACKET);
	CHECK_OK(getsockopt(sv[0], SOL_SOCKET, SO_TYPE, &v, &len));
	CHECK_EQ(v, SOCK_SEQPACKET);
	CHECK_EQ(len, 4);
	CHECK_OK(getsockopt(sv[0], SOL_SOCKET, SO_DOMAIN, &v, &len));
	CHECK_EQ(v, AF_UNIX);
	CHECK_OK(getsockopt(sv[0], SOL_SOCKET, SO_ERROR, &v, &len));
	CHECK_EQ(v, 0);
	len = sizeof(cred);
	CHECK_OK(getsockopt(sv[0], SOL_SOCKET, SO_PEERCRED, &cred, &len));
	CHECK_EQ(cred.pid, getpid());
	CHECK_EQ(cred.uid, geteuid());
	CHECK_ERR(getsockopt(sv[0], SOL_SOCKET, 9999, &v, &len), ENOPROTOOPT);
	CHECK_FAULTS(p, 4, BAD_OUT, syscall(SYS_getsockopt, sv[0], SOL_SOCKET, SO_TYPE, &v, p));
	len = 4;
	CHECK_FAULTS(p, 4, BAD_OUT, syscall(SYS_getsockopt, sv[0], SOL_SOCKET, SO_TYPE, p, &len));
	CHECK_FAULTS(p, 4, BAD_IN, syscall(SYS_setsockopt, sv[0], SOL_SOCKET, SO_SNDBUF, p, 4));
	CHECK_ERR(setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &v, 1), EINVAL);
}

static void test_fionread(void)
{
	int n = -1;

	make(SOCK_STREAM);
	CHECK_EQ(write(sv[0], buf, 1234), 1234);
	CHECK_OK(ioctl(sv[1], FIONREAD, &n));
	CHECK_EQ(n, 1234);
	CHECK_OK(ioctl(sv[0], FIONREAD, &n));
	CHECK_EQ(n, 0);
}

static void test_stat(void)
{
	struct stat st;

	make(SOCK_STREAM);
	CHECK_OK(fstat(sv[0], &st));
	CHECK(S_ISSOCK(st.st_mode));
}

static void answers(void *arg)
{
	char c;

	close(sv[0]);
	while (read(sv[1], &c, 1) == 1)
		CHECK_EQ(write(sv[1], &c, 1), 1);
}

static void test_ping_pong(void)
{
	pid_t pid;

	make(SOCK_STREAM);
	pid = abi_spawn(answers, NULL);
	close(sv[1]);
	for (int i = 0; i < 300; i++) {
		char c = (char)i, d = 0;

		if (!CHECK_EQ(write(sv[0], &c, 1), 1) || !CHECK_EQ(read(sv[0], &d, 1), 1) ||
		    !CHECK_EQ(c, d))
			break;
	}
	close(sv[0]);
	abi_join(pid);
}

static const struct abi_test tests[] = {
	{"errors", test_errors},
	{"stream", test_stream},
	{"packets", test_packets},
	{"closed_peer", test_closed_peer},
	{"shutdown", test_shutdown},
	{"backpressure", test_backpressure},
	{"message_vectors", test_message_vectors},
	{"message_faults", test_message_faults},
	{"addresses", test_addresses},
	{"options", test_options},
	{"fionread", test_fionread},
	{"stat", test_stat},
	{"ping_pong", test_ping_pong},
};

ABI_SUITE(tests, NULL);
