/* codec_test.c - abi/gofer_codec.h: names, the guest's check of replies, directory entries */
#include "abi/gofer_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_names(void **state)
{
	static char longest[256];
	const char *good[] = {"a", "...", "..a", ".a", " ", "\xff\x01"};
	const char *bad[] = {"", ".", "..", "a/b", "/", "a/"};

	(void)state;
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(abi_gofer_name_ok((const uint8_t *)good[i], (uint32_t)strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(abi_gofer_name_ok((const uint8_t *)bad[i], (uint32_t)strlen(bad[i])));
	assert_true(abi_gofer_name_ok((const uint8_t *)longest, 255));
	assert_false(abi_gofer_name_ok((const uint8_t *)longest, 256));
	assert_false(abi_gofer_name_ok((const uint8_t *)"a\0b", 3));
}

static void test_name_list(void **state)
{
	uint8_t buf[16];
	const uint8_t *name;
	uint32_t pos = 0, len = 0, end;

	(void)state;
	assert_int_equal(abi_gofer_name_put(buf, sizeof(buf), &pos, "usr", 3), 0);
	assert_int_equal(abi_gofer_name_put(buf, sizeof(buf), &pos, "..", 2), -1);
	assert_int_equal(abi_gofer_name_put(buf, sizeof(buf), &pos, "lib", 3), 0);
	assert_int_equal(abi_gofer_name_put(buf, sizeof(buf), &pos, "12345678", 8), -1);
	end = pos;
	assert_int_equal(end, 8);
	pos = 0;
	assert_int_equal(abi_gofer_name_get(buf, end, &pos, &name, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(name, "usr", 3);
	assert_int_equal(abi_gofer_name_get(buf, end, &pos, &name, &len), 0);
	assert_memory_equal(name, "lib", 3);
	assert_int_equal(abi_gofer_name_get(buf, end, &pos, &name, &len), -1);
	/* A length that leaves the buffer. */
	for (end = 1; end <= sizeof(buf); end++) {
		buf[0] = (uint8_t)end;
		pos = 0;
		assert_int_equal(abi_gofer_name_get(buf, end, &pos, &name, &len), -1);
	}
}

static struct abi_gofer_attr plain_attr(void)
{
	return (struct abi_gofer_attr){.mode = 0100644, .nlink = 1, .blksize = 4096};
}

static void test_attr(void **state)
{
	struct abi_gofer_attr a = plain_attr();
	const uint32_t good[] = {1, 2, 4, 6, 8, 10, 12};
	uint32_t types = 0;

	(void)state;
	for (uint32_t t = 0; t < 16; t++) {
		a.mode = t << 12 | 0644;
		types |= (uint32_t)abi_gofer_attr_ok(&a) << t;
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		types ^= 1u << good[i];
	assert_int_equal(types, 0);
	a = plain_attr();
	a.mode |= 1u << 16;
	assert_false(abi_gofer_attr_ok(&a));
	a = plain_attr();
	a.size = 1ull << 63;
	assert_false(abi_gofer_attr_ok(&a));
	a = plain_attr();
	a.blksize = 0;
	assert_false(abi_gofer_attr_ok(&a));
	a = plain_attr();
	a.mtime_nsec = 1000000000;
	assert_false(abi_gofer_attr_ok(&a));
}

static void test_reply(void **state)
{
	struct abi_gofer_request q = {
		.size = sizeof(q), .op = ABI_GOFER_READ, .out_len = 100, .tag = 7};
	struct abi_gofer_reply r = {
		.size = sizeof(r), .op = ABI_GOFER_READ, .tag = 7, .count = 100};

	(void)state;
	assert_int_equal(abi_gofer_reply_check(&r, &q), 0);
	r.count = 101;
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.count = 100;
	r.tag = 8;
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.tag = 7;
	r.error = 5;
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.error = -4096;
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.error = -5;
	r.count = 0;
	assert_int_equal(abi_gofer_reply_check(&r, &q), 0);
	r.handle = 1;
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.handle = 0;
	r.size = 0;
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
}

static void test_walk_reply(void **state)
{
	struct abi_gofer_request q = {.size = sizeof(q), .op = ABI_GOFER_WALK};
	struct abi_gofer_reply r = {
		.size = sizeof(r), .op = ABI_GOFER_WALK, .count = 3, .attr = plain_attr()};

	(void)state;
	q.args.walk.count = 3;
	assert_int_equal(abi_gofer_reply_check(&r, &q), 0);
	r.count = 2; /* short, and no reason for it */
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.flags = ABI_GOFER_R_SYMLINK;
	assert_int_equal(abi_gofer_reply_check(&r, &q), 0);
	r.count = 0; /* the guest would ask for ever */
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.count = 2;
	r.flags = 0;
	r.error = -2;
	assert_int_equal(abi_gofer_reply_check(&r, &q), 0);
	r.count = 3;
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.count = 2;
	r.attr.mode = 0;
	assert_int_equal(abi_gofer_reply_check(&r, &q), -1);
	r.count = 0; /* nothing reached: attributes mean nothing */
	assert_int_equal(abi_gofer_reply_check(&r, &q), 0);
}

static uint32_t entry_make(uint8_t *buf, const char *name, uint32_t name_len, int with_attr)
{
	struct abi_gofer_attr a = plain_attr();
	struct abi_gofer_dirent d = {.cookie = 1,
				     .ino = 2,
				     .name_len = (uint16_t)name_len,
				     .type = 8,
				     .has_attr = (uint8_t)with_attr};
	uint32_t at = sizeof(d);

	d.size = (uint16_t)((at + (with_attr ? sizeof(a) : 0) + name_len + 7) & ~7u);
	memcpy(buf, &d, sizeof(d));
	if (with_attr) {
		memcpy(buf + at, &a, sizeof(a));
		at += sizeof(a);
	}
	memcpy(buf + at, name, name_len);
	return d.size;
}

static void test_entries(void **state)
{
	uint8_t *buf = aligned_alloc(8, 4096);
	struct abi_gofer_dirent *d = (struct abi_gofer_dirent *)(void *)buf;
	struct abi_gofer_entry e;
	uint32_t len, pos = 0;

	(void)state;
	len = entry_make(buf, "one", 3, 1);
	len += entry_make(buf + len, "second", 6, 0);
	assert_int_equal(abi_gofer_entry_get(buf, len, &pos, &e), 1);
	assert_string_equal(e.name, "one");
	assert_int_equal(e.attr.mode, 0100644);
	assert_int_equal(abi_gofer_entry_get(buf, len, &pos, &e), 1);
	assert_string_equal(e.name, "second");
	assert_int_equal(abi_gofer_entry_get(buf, len, &pos, &e), 0);
	/* Cut anywhere inside the second record: malformed, never read beyond. */
	for (uint32_t cut = d->size + 1; cut < len; cut++) {
		pos = d->size;
		assert_int_equal(abi_gofer_entry_get(buf, cut, &pos, &e), -1);
	}
	for (uint32_t size = 0; size < d->size; size += 8) {
		pos = 0;
		d->size = (uint16_t)size; /* 0 would never end */
		assert_int_equal(abi_gofer_entry_get(buf, len, &pos, &e), -1);
		entry_make(buf, "one", 3, 1);
	}
	entry_make(buf, "..", 2, 1);
	pos = 0;
	assert_int_equal(abi_gofer_entry_get(buf, len, &pos, &e), -1);
	entry_make(buf, "a/b", 3, 1);
	pos = 0;
	assert_int_equal(abi_gofer_entry_get(buf, len, &pos, &e), -1);
	free(buf);
}

static void test_fetched(void **state)
{
	uint32_t len = sizeof(struct abi_gofer_fetched) + 8, pos = 0;
	uint8_t *buf = aligned_alloc(8, len);
	struct abi_gofer_fetched f, good = {.len = 5, .attr = plain_attr()};
	const uint8_t *data;

	(void)state;
	good.attr.size = 5;
	memcpy(buf, &good, sizeof(good));
	memcpy(buf + sizeof(good), "12345", 6);
	assert_int_equal(abi_gofer_fetched_get(buf, len, &pos, 5, &f, &data), 1);
	assert_memory_equal(data, "12345", 5);
	assert_int_equal(pos, len);
	assert_int_equal(abi_gofer_fetched_get(buf, len, &pos, 5, &f, &data), 0);
	for (uint32_t cut = 1; cut < len; cut++) {
		pos = 0;
		assert_int_equal(abi_gofer_fetched_get(buf, cut, &pos, 5, &f, &data), -1);
	}
	pos = 0; /* more than was asked for */
	assert_int_equal(abi_gofer_fetched_get(buf, len, &pos, 4, &f, &data), -1);
	f = good;
	f.attr.size = 6;
	memcpy(buf, &f, sizeof(f));
	assert_int_equal(abi_gofer_fetched_get(buf, len, &pos, 5, &f, &data), -1);
	f = good;
	f.error = -2; /* and content */
	memcpy(buf, &f, sizeof(f));
	assert_int_equal(abi_gofer_fetched_get(buf, len, &pos, 5, &f, &data), -1);
	f.len = 0;
	memcpy(buf, &f, sizeof(f));
	assert_int_equal(abi_gofer_fetched_get(buf, len, &pos, 5, &f, &data), 1);
	f.error = 1;
	memcpy(buf, &f, sizeof(f));
	pos = 0;
	assert_int_equal(abi_gofer_fetched_get(buf, len, &pos, 5, &f, &data), -1);
	free(buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	   cmocka_unit_test(test_name_list),
		cmocka_unit_test(test_attr),	   cmocka_unit_test(test_reply),
		cmocka_unit_test(test_walk_reply), cmocka_unit_test(test_entries),
		cmocka_unit_test(test_fetched),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
