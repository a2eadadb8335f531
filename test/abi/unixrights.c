/* unixrights.c - SCM_RIGHTS and SCM_CREDENTIALS over a socketpair */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"

static int sv[2];

union control {
	char bytes[CMSG_SPACE(300 * sizeof(int))];
	struct cmsghdr align;
};

static void make(int type)
{
	REQUIRE_OK(syscall(SYS_socketpair, AF_UNIX, type, 0, sv));
}

static long send_fds(const int *fds, size_t n, const char *text)
{
	static union control c;
	struct iovec iov = {(void *)(size_t)text, strlen(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *h;

	memset(&c, 0, sizeof(c));
	msg.msg_control = c.bytes;
	msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	h = CMSG_FIRSTHDR(&msg);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	return sendmsg(sv[0], &msg, 0);
}

/* Receives up to `room` descriptors; returns how many came, or -1. */
static int receive_fds(int *fds, size_t room, int flags, int *msg_flags)
{
	static union control c;
	static char text[64];
	struct iovec iov = {text, sizeof(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *h;
	size_t n;

	msg.msg_control = room ? c.bytes : NULL;
	msg.msg_controllen = room ? CMSG_LEN(room * sizeof(int)) : 0;
	if (recvmsg(sv[1], &msg, flags) < 0)
		return -1;
	if (msg_flags)
		*msg_flags = msg.msg_flags;
	h = CMSG_FIRSTHDR(&msg);
	if (!h)
		return 0;
	CHECK_EQ(h->cmsg_level, SOL_SOCKET);
	CHECK_EQ(h->cmsg_type, SCM_RIGHTS);
	n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(h), n * sizeof(int));
	return (int)n;
}

static void test_pass(void)
{
	int got[4], fds[2];
	char c = 0;

	make(SOCK_STREAM);
	REQUIRE_OK(pipe(fds));
	CHECK_EQ(send_fds(fds, 2, "x"), 1);
	CHECK_EQ(receive_fds(got, 4, 0, NULL), 2);
	CHECK(got[0] != fds[0] && got[1] != fds[1]);
	close(fds[0]);
	close(fds[1]);
	CHECK_EQ(write(got[1], "p", 1), 1);
	CHECK_EQ(read(got[0], &c, 1), 1);
	CHECK_EQ(c, 'p');
	CHECK_EQ(fcntl(got[0], F_GETFD), 0);
}

static void test_cloexec(void)
{
	int got[4], fd = open("/dev/null", O_RDONLY);

	make(SOCK_DGRAM);
	CHECK_EQ(send_fds(&fd, 1, "x"), 1);
	CHECK_EQ(receive_fds(got, 4, MSG_CMSG_CLOEXEC, NULL), 1);
	CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
}

static void test_path_only(void)
{
	int got[1], fd = open("/dev", O_PATH | O_DIRECTORY);

	make(SOCK_STREAM);
	CHECK_EQ(send_fds(&fd, 1, "x"), 1);
	CHECK_EQ(receive_fds(got, 1, 0, NULL), 1);
	CHECK_EQ(fcntl(got[0], F_GETFL) & O_PATH, O_PATH);
	CHECK_OK(openat(got[0], "null", O_RDONLY));
}

/* Sockets in the queues of sockets: they end with the last descriptor, however long the chain. */
static void test_chain(void)
{
	int last = -1, fds[2];
	char c;

	REQUIRE_OK(pipe(fds));
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 300; i++) {
		int what = last < 0 ? fds[1] : last;

		make(SOCK_STREAM);
		CHECK_EQ(send_fds(&what, 1, "x"), 1);
		close(what);
		close(sv[0]);
		last = sv[1];
	}
	CHECK_ERR(read(fds[0], &c, 1), EAGAIN);
	close(last);
	CHECK_EQ(read(fds[0], &c, 1), 0);
}

static void receives(void *arg)
{
	int got[2] = {-1, -1};

	close(sv[0]);
	CHECK_EQ(receive_fds(got, 2, 0, NULL), 1);
	CHECK_EQ(write(got[0], "child", 5), 5);
}

static void test_between_processes(void)
{
	char text[8] = "";
	int fds[2];
	pid_t pid;

	make(SOCK_SEQPACKET);
	pid = abi_spawn(receives, NULL);
	REQUIRE_OK(pipe(fds));
	CHECK_EQ(send_fds(&fds[1], 1, "x"), 1);
	close(fds[1]);
	CHECK_EQ(read(fds[0], text, 8), 5);
	abi_join(pid);
	/* The passed end went with the child. */
	CHECK_EQ(read(fds[0], text, 8), 0);
}

static void test_in_flight_keeps_open(void)
{
	int fds[2], got[1];
	char c;

	make(SOCK_STREAM);
	REQUIRE_OK(pipe(fds));
	CHECK_EQ(send_fds(&fds[1], 1, "x"), 1);
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	CHECK_ERR(read(fds[0], &c, 1), EAGAIN);
	CHECK_EQ(receive_fds(got, 1, 0, NULL), 1);
	close(got[0]);
	CHECK_EQ(read(fds[0], &c, 1), 0);
	/* Never received: closed with the socket. */
	REQUIRE_OK(pipe(fds));
	CHECK_EQ(send_fds(&fds[1], 1, "x"), 1);
	close(fds[1]);
	close(sv[0]);
	close(sv[1]);
	CHECK_EQ(read(fds[0], &c, 1), 0);
}

static void test_truncated(void)
{
	int got[4], fds[2], flags = 0, low;

	make(SOCK_STREAM);
	REQUIRE_OK(pipe(fds));
	low = dup(0);
	close(low);
	CHECK_EQ(send_fds(fds, 2, "x"), 1);
	CHECK_EQ(receive_fds(got, 1, 0, &flags), 1);
	CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
	CHECK_EQ(got[0], low);
	close(got[0]);
	CHECK_EQ(send_fds(fds, 2, "x"), 1);
	CHECK_EQ(receive_fds(got, 0, 0, &flags), 0);
	CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
	/* What did not fit was not installed. */
	CHECK_EQ(dup(0), low);
}

static void test_rights_separate_messages(void)
{
	int got[4], a = open("/dev/null", O_RDONLY), b = open("/dev/zero", O_RDONLY);
	char text[16];

	make(SOCK_STREAM);
	CHECK_EQ(write(sv[0], "plain", 5), 5);
	CHECK_EQ(send_fds(&a, 1, "one"), 3);
	CHECK_EQ(send_fds(&b, 1, "two"), 3);
	/* A read does not run over from one message's descriptors into another's. */
	CHECK_EQ(read(sv[1], text, 5), 5);
	CHECK_EQ(receive_fds(got, 4, 0, NULL), 1);
	CHECK_EQ(receive_fds(got + 1, 3, 0, NULL), 1);
	CHECK_EQ(read(got[1], text, 1), 1);
	CHECK_EQ(text[0], 0);
	/* Plain read drops them. */
	CHECK_EQ(send_fds(&a, 1, "gone"), 4);
	CHECK_EQ(read(sv[1], text, 16), 4);
}

static void test_errors(void)
{
	static int many[300];
	int bad = 9999;

	make(SOCK_STREAM);
	CHECK_ERR(send_fds(&bad, 1, "x"), EBADF);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 0;
	many[0] = open("/dev/null", O_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = many[0];
	CHECK_ERR(send_fds(many, 254, "x"), EINVAL);
	CHECK_EQ(send_fds(many, 253, "x"), 1);
}

static void test_malformed_headers(void)
{
	static union control c;
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.bytes};
	struct cmsghdr *h = (struct cmsghdr *)(void *)c.bytes;

	make(SOCK_STREAM | SOCK_NONBLOCK);
	msg.msg_controllen = CMSG_SPACE(4);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = 5;
	CHECK_ERR(sendmsg(sv[0], &msg, 0), EINVAL);
	h->cmsg_len = CMSG_LEN(4) + 100;
	CHECK_ERR(sendmsg(sv[0], &msg, 0), EINVAL);
	h->cmsg_len = (size_t)-8;
	CHECK_ERR(sendmsg(sv[0], &msg, 0), EINVAL);
	h->cmsg_len = CMSG_LEN(4);
	h->cmsg_type = 99;
	CHECK_ERR(sendmsg(sv[0], &msg, 0), EINVAL);
	CHECK_ERR(recv(sv[1], &byte, 1, 0), EAGAIN);
}

static void test_credentials(void)
{
	static union control c;
	int on = 1;
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct ucred cred = {0};
	struct cmsghdr *h;

	make(SOCK_STREAM);
	CHECK_OK(setsockopt(sv[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	CHECK_EQ(write(sv[0], "x", 1), 1);
	msg.msg_control = c.bytes;
	msg.msg_controllen = sizeof(c);
	CHECK_EQ(recvmsg(sv[1], &msg, 0), 1);
	h = CMSG_FIRSTHDR(&msg);
	REQUIRE(h != NULL);
	CHECK_EQ(h->cmsg_type, SCM_CREDENTIALS);
	memcpy(&cred, CMSG_DATA(h), sizeof(cred));
	CHECK_EQ(cred.pid, getpid());
	CHECK_EQ(cred.uid, geteuid());
	CHECK_EQ(cred.gid, getegid());
}

static const struct abi_test tests[] = {
	{"pass", test_pass},
	{"cloexec", test_cloexec},
	{"path_only", test_path_only},
	{"chain", test_chain},
	{"between_processes", test_between_processes},
	{"in_flight_keeps_open", test_in_flight_keeps_open},
	{"truncated", test_truncated},
	{"rights_separate_messages", test_rights_separate_messages},
	{"errors", test_errors},
	{"malformed_headers", test_malformed_headers},
	{"credentials", test_credentials},
};

ABI_SUITE(tests, NULL);
