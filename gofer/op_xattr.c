/* op_xattr.c - extended attributes
 *
 * The host has no call on O_PATH descriptors (before 6.13); so the names of our descriptors are
 * used, relative to the working directory, which is the directory of our descriptors (serve.c).
 * The host decides which name spaces its server may touch: without CAP_SYS_ADMIN that is user.*
 * and the access lists.
 * Tests: test/unit/gofer/write_test.c */
#include "gofer/server.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include "abi/gofer_codec.h"

/* The attribute's name, from *pos of `in`. */
static int in_attr(struct gofer_worker *w, uint32_t *pos)
{
	const uint8_t *name;
	uint32_t len;

	if (abi_gofer_str_get(w->in, w->q.in_len, pos, &name, &len))
		return -EINVAL;
	memcpy(w->name[0], name, len);
	w->name[0][len] = 0;
	return 0;
}

int gofer_op_getxattr(struct gofer_worker *w, struct gofer_handle *h)
{
	uint32_t pos = 0;
	char buf[12];
	ssize_t n;

	if (in_attr(w, &pos) || pos != w->q.in_len)
		return -EINVAL;
	n = getxattr(gofer_fd_name(h->fd, buf), w->name[0], gofer_out(w), w->q.out_len);
	if (n < 0)
		return -errno;
	w->r.value = (uint64_t)n;
	w->r.count = w->q.out_len ? (uint32_t)n : 0;
	return 0;
}

int gofer_op_setxattr(struct gofer_worker *w, struct gofer_handle *h)
{
	uint32_t pos = 0, flags = w->q.args.xattr.flags;
	char buf[12];

	if (in_attr(w, &pos) || flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (w->q.in_len - pos > ABI_GOFER_XATTR_MAX)
		return -E2BIG;
	if (setxattr(gofer_fd_name(h->fd, buf), w->name[0], w->in + pos, w->q.in_len - pos,
		     (int)flags) < 0)
		return -errno;
	return 0;
}

int gofer_op_listxattr(struct gofer_worker *w, struct gofer_handle *h)
{
	char buf[12];
	ssize_t n = listxattr(gofer_fd_name(h->fd, buf), gofer_out(w), w->q.out_len);

	if (n < 0)
		return -errno;
	w->r.value = (uint64_t)n;
	w->r.count = w->q.out_len ? (uint32_t)n : 0;
	return 0;
}

int gofer_op_removexattr(struct gofer_worker *w, struct gofer_handle *h)
{
	uint32_t pos = 0;
	char buf[12];

	if (in_attr(w, &pos) || pos != w->q.in_len)
		return -EINVAL;
	return removexattr(gofer_fd_name(h->fd, buf), w->name[0]) < 0 ? -errno : 0;
}
