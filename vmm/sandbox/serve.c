/* serve.c - words from outside: the command that started us, and "runsc debug"
 *
 * Owns: the connections. A connection asks one thing at a time; its answer is a few messages of
 *   text and BOOT_MSG_DONE.
 * The end of the command is the end of the sandbox: the control socket's hang-up kills it.
 */
#include "vmm/sandbox/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/util/util.h"

struct client {
	struct source src; /* .fd -1: gone, freed once nothing is in flight */
	bool asking;
};

static void ignore_reply(struct sandbox *sb, void *arg, const struct abi_ctl *reply,
			 const char *text, uint32_t len)
{
}

static void tell_small(struct sandbox *sb, uint16_t op, uint64_t arg0, uint64_t arg1)
{
	struct abi_ctl cmd = {.op = op, .arg0 = arg0, .arg1 = arg1};
	int rc = tell_send(sb, &cmd, NULL, 0, 0, ignore_reply, NULL);

	if (rc)
		sandbox_log(sb, 1, "command %u to the kernel is lost: %s", op, strerror(-rc));
}

static void control_ready(struct sandbox *sb, struct source *src, uint32_t events)
{
	static struct boot_msg msg;
	int rc = boot_recv(src->fd, &msg, MSG_DONTWAIT);

	if (rc < 0 && errno == EAGAIN)
		return;
	if (rc <= 0)
		_exit(EXIT_BAD_INPUT);
	if (msg.head.type == BOOT_MSG_SIGNAL)
		tell_small(sb, ABI_CTL_SIGNAL, 0, msg.head.value);
	else if (msg.head.type == BOOT_MSG_WINCH)
		tell_small(sb, ABI_CTL_WINCH, (uint32_t)msg.head.value, 0);
}

static void client_end(struct sandbox *sb, struct client *c)
{
	if (c->src.fd >= 0) {
		sandbox_watch(sb, &c->src, 0);
		close(c->src.fd);
		c->src.fd = -1;
	}
	if (!c->asking)
		free(c);
}

static void client_text(struct sandbox *sb, struct client *c, const char *text, uint32_t len)
{
	cleanup_free char *named = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&named, &size);

	if (!out)
		return;
	report_text(sb, out, text, len);
	if (!fclose(out))
		boot_send(c->src.fd, BOOT_MSG_TEXT, 0, named, size);
}

static void client_answer(struct sandbox *sb, void *arg, const struct abi_ctl *reply,
			  const char *text, uint32_t len)
{
	struct client *c = arg;

	c->asking = false;
	if (c->src.fd >= 0 && len)
		client_text(sb, c, text, len);
	if (c->src.fd >= 0)
		boot_send(c->src.fd, BOOT_MSG_DONE, reply->ret < 0 ? (int32_t)reply->ret : 0, NULL,
			  0);
	else
		client_end(sb, c);
}

static void client_ask(struct sandbox *sb, struct client *c, uint16_t op, uint64_t arg0)
{
	struct abi_ctl cmd = {.op = op, .arg0 = arg0};
	uint32_t want = op == ABI_CTL_STRACE ? 0 : sb->tell.chan.data_size;
	int rc = tell_send(sb, &cmd, NULL, 0, want, client_answer, c);

	if (rc)
		boot_send(c->src.fd, BOOT_MSG_DONE, rc, NULL, 0);
	else
		c->asking = true;
}

static void client_ready(struct sandbox *sb, struct source *src, uint32_t events)
{
	struct client *c = (struct client *)(void *)src;
	static struct boot_msg msg;
	int rc = boot_recv(src->fd, &msg, MSG_DONTWAIT);

	if (rc < 0 && errno == EAGAIN)
		return;
	if (rc <= 0 || c->asking) {
		client_end(sb, c);
		return;
	}
	switch (msg.head.type) {
	case BOOT_MSG_GET_STATS:
		boot_send(src->fd, BOOT_MSG_TEXT, 0, msg.text,
			  stats_print(sb, msg.text, sizeof(msg.text)));
		client_ask(sb, c, ABI_CTL_STATS, 0);
		break;
	case BOOT_MSG_GET_STACKS:
		client_ask(sb, c, ABI_CTL_STACKS, 0);
		break;
	case BOOT_MSG_GET_PS:
		client_ask(sb, c, ABI_CTL_PS, 0);
		break;
	case BOOT_MSG_SET_STRACE:
		client_ask(sb, c, ABI_CTL_STRACE, msg.head.value != 0);
		break;
	case BOOT_MSG_SIGNAL:
		tell_small(sb, ABI_CTL_SIGNAL, 0, msg.head.value);
		boot_send(src->fd, BOOT_MSG_DONE, 0, NULL, 0);
		break;
	default:
		boot_send(src->fd, BOOT_MSG_DONE, -ENOSYS, NULL, 0);
	}
}

static void listen_ready(struct sandbox *sb, struct source *src, uint32_t events)
{
	struct client *c;
	int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->src = (struct source){.fd = fd, .ready = client_ready};
	sandbox_watch(sb, &c->src, EPOLLIN);
}

int serve_open(struct sandbox *sb, struct error *err)
{
	sb->control = (struct source){.fd = BOOT_FD_CONTROL, .ready = control_ready};
	sandbox_watch(sb, &sb->control, EPOLLIN);
	sb->listen = (struct source){.fd = BOOT_FD_LISTEN, .ready = listen_ready};
	sandbox_watch(sb, &sb->listen, EPOLLIN);
	return 0;
}
