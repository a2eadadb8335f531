/* dispatch.c - one request: check the copy, find the handle, call the operation
 *
 * The table says what each operation needs, so that the operations themselves only act: which kind
 * of handle, how much of `in` is copied, whether it writes (a read-only mount then answers EROFS
 * before anything is looked at). w->q is the private copy of the slot; the slot is not read again.
 * Tests: test/unit/gofer/, test/fuzz/gofer_request.c */
#include "gofer/server.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum need {
	NEED_NONE, /* no handle */
	NEED_ANY,
	NEED_PATH,
	NEED_DIR,  /* a path handle of a directory */
	NEED_FILE, /* open, or a path handle of a regular file or directory */
	NEED_OPEN,
};

struct op {
	gofer_op_fn *fn;
	uint32_t in_max;  /* bytes of `in` to be copied */
	uint32_t out_max; /* bytes of `out` that make sense */
	uint32_t flags;	  /* request flags it knows */
	enum need need;
	bool writes;
	bool in_place; /* `in` is content, passed on from the shared memory uncopied */
};

#define NAME_IN (ABI_GOFER_NAME_MAX + 1)

static const struct op ops[ABI_GOFER_OPS] = {
	[ABI_GOFER_ATTACH] = {gofer_op_attach},
	[ABI_GOFER_WALK] = {gofer_op_walk, .need = NEED_DIR, .in_max = ABI_GOFER_WALK_MAX * NAME_IN,
			    .out_max = ABI_GOFER_IO_MAX, .flags = ABI_GOFER_F_HANDLES},
	[ABI_GOFER_GETATTR] = {gofer_op_getattr, .need = NEED_ANY},
	[ABI_GOFER_SETATTR] = {gofer_op_setattr, .need = NEED_ANY, .writes = true},
	[ABI_GOFER_OPEN] = {gofer_op_open, .need = NEED_PATH},
	[ABI_GOFER_CREATE] = {gofer_op_create, .need = NEED_DIR, .in_max = NAME_IN, .writes = true},
	[ABI_GOFER_MKDIR] = {gofer_op_mkdir, .need = NEED_DIR, .in_max = NAME_IN, .writes = true},
	[ABI_GOFER_MKNOD] = {gofer_op_mknod, .need = NEED_DIR, .in_max = NAME_IN, .writes = true},
	[ABI_GOFER_SYMLINK] = {gofer_op_symlink, .need = NEED_DIR,
			       .in_max = NAME_IN + ABI_GOFER_TARGET_MAX, .writes = true},
	[ABI_GOFER_LINK] = {gofer_op_link, .need = NEED_ANY, .in_max = NAME_IN, .writes = true},
	[ABI_GOFER_RENAME] = {gofer_op_rename, .need = NEED_DIR, .in_max = 2 * NAME_IN,
			      .writes = true},
	[ABI_GOFER_UNLINK] = {gofer_op_unlink, .need = NEED_DIR, .in_max = NAME_IN, .writes = true},
	[ABI_GOFER_RMDIR] = {gofer_op_rmdir, .need = NEED_DIR, .in_max = NAME_IN, .writes = true},
	[ABI_GOFER_READLINK] = {gofer_op_readlink, .need = NEED_PATH, .out_max = ABI_GOFER_IO_MAX},
	[ABI_GOFER_READ] = {gofer_op_read, .need = NEED_FILE, .out_max = ABI_GOFER_IO_MAX},
	[ABI_GOFER_WRITE] = {gofer_op_write, .need = NEED_OPEN, .in_max = ABI_GOFER_IO_MAX,
			     .writes = true, .in_place = true},
	[ABI_GOFER_READDIR] = {gofer_op_readdir, .need = NEED_FILE, .out_max = ABI_GOFER_IO_MAX,
			       .flags = ABI_GOFER_F_ATTR},
	[ABI_GOFER_FSYNC] = {gofer_op_fsync, .need = NEED_FILE, .flags = ABI_GOFER_F_DATASYNC},
	[ABI_GOFER_FALLOCATE] = {gofer_op_fallocate, .need = NEED_OPEN, .writes = true},
	[ABI_GOFER_STATFS] = {gofer_op_statfs, .need = NEED_ANY},
	[ABI_GOFER_GETXATTR] = {gofer_op_getxattr, .need = NEED_ANY, .in_max = NAME_IN,
				.out_max = ABI_GOFER_IO_MAX},
	[ABI_GOFER_SETXATTR] = {gofer_op_setxattr, .need = NEED_ANY,
				.in_max = NAME_IN + ABI_GOFER_XATTR_MAX, .writes = true},
	[ABI_GOFER_LISTXATTR] = {gofer_op_listxattr, .need = NEED_ANY, .out_max = ABI_GOFER_IO_MAX},
	[ABI_GOFER_REMOVEXATTR] = {gofer_op_removexattr, .need = NEED_ANY, .in_max = NAME_IN,
				   .writes = true},
	[ABI_GOFER_LSEEK] = {gofer_op_lseek, .need = NEED_FILE},
	[ABI_GOFER_CLOSE] = {gofer_op_close},
	[ABI_GOFER_CLOSE_BATCH] = {gofer_op_close_batch, .in_max = ABI_GOFER_BATCH_MAX * 4},
	[ABI_GOFER_SYNCFS] = {gofer_op_syncfs, .need = NEED_FILE},
	[ABI_GOFER_FETCH] = {gofer_op_fetch, .need = NEED_DIR,
			     .in_max = ABI_GOFER_FETCH_MAX * NAME_IN, .out_max = ABI_GOFER_IO_MAX},
};

_Static_assert(NAME_IN + ABI_GOFER_XATTR_MAX <= GOFER_IN_MAX, "the copy of `in` has room");

static int need_check(const struct gofer_handle *h, enum need need)
{
	switch (need) {
	case NEED_PATH:
		return h->open ? -EINVAL : 0;
	case NEED_DIR:
		return h->open ? -EINVAL : h->type == S_IFDIR ? 0 : -ENOTDIR;
	case NEED_FILE:
		return h->type == S_IFREG || h->type == S_IFDIR ? 0 : -EINVAL;
	case NEED_OPEN:
		return h->open ? 0 : -EBADF;
	default:
		return 0;
	}
}

/* Checks the request's form and copies `in`. */
static int request_decode(struct gofer_worker *w, const struct op *op)
{
	const struct abi_gofer_request *q = &w->q;
	void *in = abi_channel_data(&w->srv->chan, q->in_off, q->in_len);

	if (q->size != sizeof(*q) || q->zero || q->flags & ~op->flags)
		return -EINVAL;
	if (!in || !abi_channel_data(&w->srv->chan, q->out_off, q->out_len) || q->out_off % 8)
		return -EINVAL;
	if (q->in_len > op->in_max || q->out_len > op->out_max)
		return -EINVAL;
	if (!op->in_place)
		memcpy(w->in, in, q->in_len);
	return 0;
}

static int request_serve(struct gofer_worker *w)
{
	const struct abi_gofer_request *q = &w->q;
	struct gofer_handle *h = NULL;
	const struct op *op;
	int r;

	if (q->op >= ABI_GOFER_OPS || !ops[q->op].fn)
		return -ENOSYS;
	op = &ops[q->op];
	r = request_decode(w, op);
	if (r)
		return r;
	if (op->need == NEED_NONE)
		return op->fn(w, NULL);
	h = gofer_handle_get(w->srv, q->handle);
	if (!h)
		return -EBADF;
	if (op->writes && (h->dead_end || w->srv->mounts[h->mount].readonly))
		r = -EROFS;
	else
		r = need_check(h, op->need);
	if (!r)
		r = op->fn(w, h);
	gofer_handle_put(w->srv, h);
	return r;
}

void gofer_dispatch(struct gofer_worker *w)
{
	struct abi_gofer_reply *r = &w->r;
	int error;

	memset(r, 0, sizeof(*r));
	error = request_serve(w);
	r->size = sizeof(*r);
	r->op = w->q.op;
	r->tag = w->q.tag;
	r->error = error;
}
