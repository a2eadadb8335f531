/* abi/gofer_codec.h - writing and checking what abi/gofer.h draws, for both ends
 *
 * Provides: counted names in the data area, the guest's check of a reply, and its readers of
 *   directory entries and fetched files. Pure functions: no state, no library.
 *   abi_gofer_reply_check() takes the guest's private copies; abi_gofer_entry_get() and
 *   abi_gofer_fetched_get() copy out of shared memory themselves, once.
 * Tests: test/unit/gofer/codec_test.c, test/fuzz/gofer_reply.c
 */
#pragma once
#include <stdint.h>
#include "abi/gofer.h"
#include "abi/ring.h"

/* A file name as the protocol allows it: 1..255 bytes, no NUL, no '/', not "." nor "..". */
static inline int abi_gofer_name_ok(const uint8_t *name, uint32_t len)
{
	if (len == 0 || len > ABI_GOFER_NAME_MAX)
		return 0;
	if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
		return 0;
	for (uint32_t i = 0; i < len; i++)
		if (name[i] == 0 || name[i] == '/')
			return 0;
	return 1;
}

/* Appends a counted string to the `in` buffer at *pos. 0, or -1: too long, or no room. */
static inline int abi_gofer_str_put(uint8_t *buf, uint32_t cap, uint32_t *pos, const char *str,
				    uint32_t len)
{
	if (len == 0 || len > ABI_GOFER_NAME_MAX || !abi_range_ok(*pos, len + 1, cap))
		return -1;
	buf[(*pos)++] = (uint8_t)len;
	for (uint32_t i = 0; i < len; i++)
		buf[(*pos)++] = (uint8_t)str[i];
	return 0;
}

/* The same for a file name, which it checks. */
static inline int abi_gofer_name_put(uint8_t *buf, uint32_t cap, uint32_t *pos, const char *name,
				     uint32_t len)
{
	if (!abi_gofer_name_ok((const uint8_t *)name, len))
		return -1;
	return abi_gofer_str_put(buf, cap, pos, name, len);
}

/* Takes a counted string from a private copy of an `in` buffer: *str points into buf and is not
 * terminated. 0, or -1: it is empty, has a NUL, or goes past the end. */
static inline int abi_gofer_str_get(const uint8_t *buf, uint32_t len, uint32_t *pos,
				    const uint8_t **str, uint32_t *str_len)
{
	uint32_t n;

	if (*pos >= len)
		return -1;
	n = buf[*pos];
	if (n == 0 || !abi_range_ok((uint64_t)*pos + 1, n, len))
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (buf[*pos + 1 + i] == 0)
			return -1;
	*str = buf + *pos + 1;
	*str_len = n;
	*pos += 1 + n;
	return 0;
}

/* The same for a file name. */
static inline int abi_gofer_name_get(const uint8_t *buf, uint32_t len, uint32_t *pos,
				     const uint8_t **name, uint32_t *name_len)
{
	if (abi_gofer_str_get(buf, len, pos, name, name_len))
		return -1;
	return abi_gofer_name_ok(*name, *name_len) ? 0 : -1;
}

/* Are these attributes ones that a file system can have? */
static inline int abi_gofer_attr_ok(const struct abi_gofer_attr *a)
{
	uint32_t type = a->mode >> 12;

	/* FIFO 1, character 2, directory 4, block 6, regular 8, symlink 10, socket 12 */
	if (type > 12 || !((1u << type) & 0x1556u))
		return 0;
	return a->size <= INT64_MAX && a->blksize && a->blksize <= (1u << 30) &&
	       a->atime_nsec < 1000000000u && a->mtime_nsec < 1000000000u &&
	       a->ctime_nsec < 1000000000u && a->btime_nsec < 1000000000u;
}

/* Does a successful reply to this op carry attributes? */
static inline int abi_gofer_op_attr(uint32_t op)
{
	if (op >= ABI_GOFER_ATTACH && op <= ABI_GOFER_LINK)
		return 1;
	return op == ABI_GOFER_WRITE || op == ABI_GOFER_FALLOCATE;
}

/* The most that reply.count may be for this request. */
static inline uint32_t abi_gofer_count_max(const struct abi_gofer_request *q)
{
	switch (q->op) {
	case ABI_GOFER_WALK:
		return q->args.walk.count;
	case ABI_GOFER_WRITE:
		return q->in_len;
	case ABI_GOFER_CLOSE_BATCH:
		return q->in_len / 4;
	case ABI_GOFER_READLINK:
	case ABI_GOFER_READ:
	case ABI_GOFER_READDIR:
	case ABI_GOFER_FETCH:
	case ABI_GOFER_GETXATTR:
	case ABI_GOFER_LISTXATTR:
		return q->out_len;
	default:
		return 0;
	}
}

/* The guest's check of a reply it has copied out of the slot, against its own copy of the request.
 * 0, or -1: the server does not keep to the protocol; the guest closes the channel. */
static inline int abi_gofer_reply_check(const struct abi_gofer_reply *r,
					const struct abi_gofer_request *q)
{
	int reached = r->error == 0;

	if (r->size != sizeof(*r) || r->op != q->op || r->tag != q->tag)
		return -1;
	if (r->error > 0 || r->error < -4095 || r->count > abi_gofer_count_max(q))
		return -1;
	if (q->op == ABI_GOFER_WALK) {
		/* Nothing reached and no error: it would make the guest ask for ever. */
		if (r->count == 0 && r->error == 0)
			return -1;
		if (r->error == 0 && r->count < q->args.walk.count &&
		    !(r->flags & ABI_GOFER_R_SYMLINK))
			return -1;
		if (r->error && r->count && r->count == q->args.walk.count)
			return -1;
		reached = r->count > 0;
	}
	if (r->error && (r->open || (r->handle && q->op != ABI_GOFER_WALK)))
		return -1;
	if (q->op == ABI_GOFER_READDIR && r->error == 0 && r->count == 0 &&
	    !(r->flags & ABI_GOFER_R_EOF))
		return -1;
	if (reached && abi_gofer_op_attr(q->op) && !abi_gofer_attr_ok(&r->attr))
		return -1;
	return 0;
}

/* One directory entry, unpacked. */
struct abi_gofer_entry {
	struct abi_gofer_dirent d;
	struct abi_gofer_attr attr; /* valid if d.has_attr */
	char name[ABI_GOFER_NAME_MAX + 1];
};

/* Copies the entry at *pos of a READDIR answer of `len` bytes at `buf` (8-byte aligned, shared
 * memory) out, once, checks the copy and moves *pos behind it. 1: an entry; 0: the end; -1: it is
 * malformed. */
static inline int abi_gofer_entry_get(const void *buf, uint32_t len, uint32_t *pos,
				      struct abi_gofer_entry *e)
{
	const uint8_t *p = (const uint8_t *)buf + *pos;
	uint32_t at = sizeof(e->d);

	if (*pos == len)
		return 0;
	if (!abi_range_ok(*pos, at, len))
		return -1;
	abi_copy_words(&e->d, p, at);
	if (e->d.size % 8 || e->d.has_attr > 1 || e->d.name_len > ABI_GOFER_NAME_MAX ||
	    !abi_range_ok(*pos, e->d.size, len) ||
	    at + (e->d.has_attr ? sizeof(e->attr) : 0u) + e->d.name_len > e->d.size)
		return -1;
	if (e->d.has_attr) {
		abi_copy_words(&e->attr, p + at, sizeof(e->attr));
		at += sizeof(e->attr);
		if (!abi_gofer_attr_ok(&e->attr))
			return -1;
	}
	for (uint32_t i = 0; i < e->d.name_len; i++)
		e->name[i] = (char)__atomic_load_n(p + at + i, __ATOMIC_RELAXED);
	e->name[e->d.name_len] = 0;
	if (!abi_gofer_name_ok((const uint8_t *)e->name, e->d.name_len))
		return -1;
	*pos += e->d.size;
	return 1;
}

/* Copies the head of the record at *pos of a FETCH answer of `len` bytes at `buf` (8-byte aligned,
 * shared memory) out, once, checks the copy against the request's `each`, and moves *pos behind the
 * record. *data: its f->len bytes of content, in shared memory. 1: a record; 0: the end; -1: it is
 * malformed. */
static inline int abi_gofer_fetched_get(const void *buf, uint32_t len, uint32_t *pos, uint32_t each,
					struct abi_gofer_fetched *f, const uint8_t **data)
{
	const uint8_t *p = (const uint8_t *)buf + *pos;
	uint32_t size;

	if (*pos == len)
		return 0;
	if (*pos % 8 || !abi_range_ok(*pos, sizeof(*f), len))
		return -1;
	abi_copy_words(f, p, sizeof(*f));
	if (f->error > 0 || f->error < -4095 || f->len > each || (f->error && f->len))
		return -1;
	if (!f->error && !abi_gofer_attr_ok(&f->attr))
		return -1;
	if (f->len && (f->attr.mode >> 12 != 8 || f->len != f->attr.size))
		return -1;
	size = (uint32_t)sizeof(*f) + ((f->len + 7) & ~7u);
	if (f->len > ABI_GOFER_FETCH_EACH || !abi_range_ok(*pos, size, len))
		return -1;
	*data = p + sizeof(*f);
	*pos += size;
	return 1;
}
