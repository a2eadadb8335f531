/* setup.c - messages between the command and the boot process */
#include "vmm/sandbox/setup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "vmm/util/util.h"

static int send_part(int fd, const struct boot_head *head, const char *text)
{
	struct iovec iov[] = {
		{(void *)(uintptr_t)head, sizeof(*head)},
		{(void *)(uintptr_t)text, head->len},
	};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = head->len ? 2 : 1};
	ssize_t n;

	do {
		n = sendmsg(fd, &mh, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int boot_send(int fd, enum boot_msg_type type, int32_t value, const char *text, uint32_t len)
{
	struct boot_head head = {.type = type, .value = value};

	do {
		head.len = len < BOOT_MSG_TEXT_MAX ? len : BOOT_MSG_TEXT_MAX;
		if (send_part(fd, &head, text))
			return -1;
		if (head.len)
			text += head.len;
		len -= head.len;
	} while (len);
	return 0;
}

int boot_recv(int fd, struct boot_msg *msg, int flags)
{
	ssize_t n;

	do {
		n = recv(fd, msg, sizeof(*msg), flags);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && errno == ECONNRESET ? 0 : n;
	if ((size_t)n < sizeof(msg->head) || msg->head.len != (size_t)n - sizeof(msg->head)) {
		errno = EPROTO;
		return -1;
	}
	return 1;
}
