/* gofer_reply.c - fuzz: raw bytes as replies and directory entries, at the guest's end
 *
 * The first 128 bytes are the request the guest believes to have sent, then a reply, then what
 * lies in `out`. What passes the checks must be safe to act on. */
#include "abi/gofer_codec.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
	if (!good)
		abort();
}

static void read_entries(const uint8_t *data, size_t size)
{
	struct abi_gofer_entry e;
	uint32_t pos = 0, before = 0;
	uint8_t *buf;

	size &= ~(size_t)3;
	/* Exactly as long as claimed, so that ASan sees one byte too many. */
	buf = aligned_alloc(8, size ? (size + 7) & ~(size_t)7 : 8);
	memcpy(buf, data, size);
	while (abi_gofer_entry_get(buf, (uint32_t)size, &pos, &e) == 1) {
		check(pos > before && pos <= size);
		check(e.name[0] && strlen(e.name) == e.d.name_len && !strchr(e.name, '/'));
		check(strcmp(e.name, ".") != 0 && strcmp(e.name, "..") != 0);
		before = pos;
	}
	free(buf);
}

static void read_fetched(const uint8_t *data, size_t size, uint32_t each)
{
	struct abi_gofer_fetched f;
	const uint8_t *content;
	uint32_t pos = 0;
	uint8_t *buf;

	size &= ~(size_t)7;
	buf = aligned_alloc(8, size ? size : 8);
	memcpy(buf, data, size);
	while (abi_gofer_fetched_get(buf, (uint32_t)size, &pos, each, &f, &content) == 1) {
		check(content >= buf && content + f.len <= buf + size && pos <= size);
		check(f.len <= each && (!f.len || f.len == f.attr.size));
	}
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	const uint8_t *name;
	uint32_t pos = 0, len;

	if (size < sizeof(q) + sizeof(r)) {
		while (abi_gofer_name_get(data, (uint32_t)size, &pos, &name, &len) == 0)
			check(name + len <= data + size && pos <= size);
		return 0;
	}
	memcpy(&q, data, sizeof(q));
	memcpy(&r, data + sizeof(q), sizeof(r));
	data += sizeof(q) + sizeof(r);
	size -= sizeof(q) + sizeof(r);
	if (q.op % 2) {
		/* Give the deeper checks a chance. */
		r.size = sizeof(r);
		r.op = q.op;
		r.tag = q.tag;
	}
	if (abi_gofer_reply_check(&r, &q) == 0) {
		check(r.error <= 0 && r.error >= -4095);
		check(r.count <= abi_gofer_count_max(&q));
		if (r.error == 0 && abi_gofer_op_attr(q.op))
			check(abi_gofer_attr_ok(&r.attr));
	}
	read_entries(data, size);
	read_fetched(data, size, q.args.fetch.each);
	return 0;
}
