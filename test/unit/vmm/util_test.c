/* util_test.c - vmm/util: sizes, numbers, spelling */
#include "vmm/util/util.h"

#include "test/unit/vmm/test.h"

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"1048576", 1048576},
		{"512k", 512ull << 10},
		{"512K", 512ull << 10},
		{"64M", 64ull << 20},
		{"64MiB", 64ull << 20},
		{"64mb", 64ull << 20},
		{"2g", 2ull << 30},
		{"16G", 16ull << 30},
		{"1T", 1ull << 40},
		{"9223372036854775807", INT64_MAX},
	};
	static const char *const bad[] = {
		"",
		"M",
		"-1",
		"1.5G",
		"64 M",
		"64Mx",
		"64MiBs",
		"1P",
		"0x10",
		" 64M",
		"64iB2",
		"9223372036854775808",
		"9999999999999999999999",
		"8388608T",
	};
	uint64_t bytes;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(parse_size(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_size(bad[i], &bytes), -1);
}

static void test_numbers(void **state)
{
	uint64_t n;

	assert_int_equal(parse_uint("0", 9, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(parse_uint("4294967295", UINT32_MAX, &n), 0);
	assert_int_equal(n, UINT32_MAX);
	assert_int_equal(parse_uint("4294967296", UINT32_MAX, &n), -1);
	assert_int_equal(parse_uint("18446744073709551615", UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(parse_uint("18446744073709551616", UINT64_MAX, &n), -1);
	assert_int_equal(parse_uint("7", 5, &n), -1);
	assert_int_equal(parse_uint("", 9, &n), -1);
	assert_int_equal(parse_uint("+1", 9, &n), -1);
	assert_int_equal(parse_uint("1 ", 9, &n), -1);
}

static void test_distance(void **state)
{
	assert_int_equal(edit_distance("memory", "memory"), 0);
	assert_int_equal(edit_distance("memroy", "memory"), 1);
	assert_int_equal(edit_distance("", "abc"), 3);
	assert_int_equal(edit_distance("abc", ""), 3);
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
	assert_int_equal(edit_distance("ab", "ba"), 1);
	assert_int_equal(edit_distance("bundel", "bundle"), 1);
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"memory", "cwd", "root", "pids", "debug-log", NULL};

	assert_string_equal(nearest_name("memroy", names), "memory");
	assert_string_equal(nearest_name("mem0ry", names), "memory");
	assert_string_equal(nearest_name("debuglog", names), "debug-log");
	assert_string_equal(nearest_name("pid", names), "pids");
	assert_null(nearest_name("x", names));
	assert_null(nearest_name("volume", names));
	assert_null(nearest_name(
		"a-very-long-flag-that-is-longer-than-sixty-four-characters-in-all", names));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
