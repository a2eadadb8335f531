/* blob_test.c - vmm/oci/blob.c: the flat spec that the kernel reads */
#include "abi/spec.h"
#include "test/unit/vmm/test.h"
#include "vmm/oci/container.h"

static const char *string_at(const uint8_t *blob, uint32_t size, uint32_t off)
{
	assert_true(off < size);
	assert_non_null(memchr(blob + off, 0, size - off));
	return (const char *)blob + off;
}

static void check_mounts(const uint8_t *blob, uint32_t size, const struct abi_spec *spec)
{
	struct abi_spec_mount mount;

	assert_int_equal(spec->nr_mounts, 3);
	assert_int_equal(spec->mounts % 8, 0);
	memcpy(&mount, blob + spec->mounts + 2 * sizeof(mount), sizeof(mount));
	assert_int_equal(mount.type, ABI_MOUNT_GOFER);
	assert_int_equal(mount.attach, 1);
	assert_string_equal(string_at(blob, size, mount.dest), "/data");
	memcpy(&mount, blob + spec->mounts + sizeof(mount), sizeof(mount));
	assert_int_equal(mount.size, 4096);
	assert_string_equal(string_at(blob, size, mount.source), "");
}

static void test_blob(void **state)
{
	struct container c = {.uid = 3, .root_overlay = true, .pids_limit = 9};
	uint32_t groups[] = {5, 6, 7};
	struct abi_spec_rlimit limit = {.resource = 7, .soft = 1, .hard = 2};
	struct abi_spec spec;
	struct error err;
	const char *s;
	uint8_t *blob;
	void *raw;
	uint32_t size;

	container_add_arg(&c, "/bin/sh");
	container_add_arg(&c, "");
	container_add_arg(&c, "-c");
	container_add_env(&c, "PATH=/bin");
	container_add_mount(&c, ABI_MOUNT_GOFER, "/", "/srv", ABI_MOUNT_OVERLAY);
	container_add_mount(&c, ABI_MOUNT_TMPFS, "/tmp", NULL, 0)->size = 4096;
	container_add_mount(&c, ABI_MOUNT_GOFER, "/data", "/d", ABI_MOUNT_SHARED);
	assert_int_equal(container_number(&c), 2);
	c.groups = groups;
	c.nr_groups = 3;
	c.rlimits = &limit;
	c.nr_rlimits = 1;
	c.caps[CAPS_BOUNDING] = 0x123;
	assert_int_equal(container_blob(&c, ABI_SPEC_STRACE, 24 | 80 << 16, &raw, &size, &err), 0);
	blob = raw;
	memcpy(&spec, blob, sizeof(spec));
	assert_int_equal(spec.version, ABI_SPEC_VERSION);
	assert_int_equal(spec.size, size);
	assert_int_equal(spec.flags, ABI_SPEC_STRACE | ABI_SPEC_ROOT_OVERLAY);
	assert_int_equal(spec.uid, 3);
	assert_int_equal(spec.pids_limit, 9);
	assert_int_equal(spec.winsize, 24 | 80 << 16);
	assert_int_equal(spec.caps[CAPS_BOUNDING], 0x123);
	assert_int_equal(spec.argc, 3);
	s = string_at(blob, size, spec.argv);
	assert_string_equal(s, "/bin/sh");
	s += strlen(s) + 1;
	assert_string_equal(s, "");
	assert_string_equal(s + 1, "-c");
	assert_string_equal(string_at(blob, size, spec.envp), "PATH=/bin");
	assert_string_equal(string_at(blob, size, spec.cwd), "/");
	assert_string_equal(string_at(blob, size, spec.hostname), "");
	assert_int_equal(spec.rlimits % 8, 0);
	assert_memory_equal(blob + spec.rlimits, &limit, sizeof(limit));
	assert_memory_equal(blob + spec.groups, groups, sizeof(groups));
	check_mounts(blob, size, &spec);
	free(raw);
	c.groups = NULL;
	c.rlimits = NULL;
	container_free(&c);
}

static void test_too_long(void **state)
{
	struct container c = {0};
	char *big = calloc(1, 17 << 20);
	struct error err;
	uint32_t size;
	void *raw;

	memset(big, 'x', (17 << 20) - 1);
	container_add_arg(&c, big);
	container_add_mount(&c, ABI_MOUNT_GOFER, "/", "/", 0);
	assert_int_equal(container_blob(&c, 0, 0, &raw, &size, &err), -1);
	assert_has(err.text, "too long");
	container_free(&c);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blob),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
