/* xattr.c - extended attributes: asked for each time, one round trip
 *
 * What the gofer's host lets its server touch: user.* and the access lists. Values travel in the
 * data area: up to half a slot's room in the slot, up to 64 KiB in a piece.
 * Tests: test/unit/gofer/gofs_test.c, test/abi */
#include "gofs.h"

static int xattr_begin(struct gofs_req *rq, struct inode *i, u32 op, const char *name, u32 flags)
{
	int err = gofs_req_on(rq, i, op, flags);

	if (err || !name)
		return err;
	if (abi_gofer_str_put(rq->in, GOFS_HALF, &rq->q->in_len, name, (u32)strlen(name))) {
		gofs_req_end(rq);
		return -ERANGE;
	}
	return 0;
}

/* Asks into the piece; size 0 asks for the size alone. */
static ssize_t xattr_read(struct gofs_req *rq, void *buf, size_t size)
{
	int err;

	gofs_req_out_bulk(rq, (u32)MIN(size, (size_t)ABI_GOFER_XATTR_MAX));
	err = gofs_req_call(rq);
	if (err)
		return err;
	if (!size)
		return rq->r->value <= ABI_GOFER_XATTR_MAX ? (ssize_t)rq->r->value : -E2BIG;
	memcpy(buf, rq->bulk, rq->r->count);
	return (ssize_t)rq->r->count;
}

ssize_t gofs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
	struct gofs_req rq;
	ssize_t n = xattr_begin(&rq, i, ABI_GOFER_GETXATTR, name, GOFS_BULK_WANTED);

	if (n)
		return n;
	n = xattr_read(&rq, buf, size);
	gofs_req_end(&rq);
	return n;
}

ssize_t gofs_listxattr(struct inode *i, char *buf, size_t size)
{
	struct gofs_req rq;
	ssize_t n = xattr_begin(&rq, i, ABI_GOFER_LISTXATTR, NULL, GOFS_BULK_WANTED);

	if (n)
		return n;
	n = xattr_read(&rq, buf, size);
	gofs_req_end(&rq);
	return n;
}

int gofs_setxattr(struct inode *i, const char *name, const void *v, size_t n, int flags)
{
	struct gofs_req rq;
	u32 pos = 0;
	int err;

	if (n > ABI_GOFER_XATTR_MAX)
		return -E2BIG;
	err = gofs_req_on(&rq, i, ABI_GOFER_SETXATTR, GOFS_BULK_WANTED);
	if (err)
		return err;
	if (abi_gofer_str_put(rq.bulk, GOFS_BULK, &pos, name, (u32)strlen(name))) {
		gofs_req_end(&rq);
		return -ERANGE;
	}
	memcpy(rq.bulk + pos, v, n);
	gofs_req_in_bulk(&rq, pos + (u32)n);
	rq.q->args.xattr.flags = (u32)flags;
	err = gofs_req_call(&rq);
	if (!err)
		i->ctime = inode_now();
	gofs_req_end(&rq);
	return err;
}

int gofs_removexattr(struct inode *i, const char *name)
{
	struct gofs_req rq;
	int err = xattr_begin(&rq, i, ABI_GOFER_REMOVEXATTR, name, 0);

	if (err)
		return err;
	err = gofs_req_call(&rq);
	if (!err)
		i->ctime = inode_now();
	gofs_req_end(&rq);
	return err;
}
