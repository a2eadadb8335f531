/* mountpoints_test.c - vmm/oci/mountpoints.c: places are made inside the root only */
#include "vmm/oci/mountpoints.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/unit/vmm/test.h"

static char top[64];

static bool is(const char *path, mode_t type)
{
	char full[256];
	struct stat st;

	snprintf(full, sizeof(full), "%s/%s", top, path);
	return !lstat(full, &st) && (st.st_mode & S_IFMT) == type;
}

static void make(const char *dest, uint32_t flags)
{
	struct container c = {0};
	char root[128];

	snprintf(root, sizeof(root), "%s/root", top);
	container_add_mount(&c, ABI_MOUNT_GOFER, "/", root, 0);
	container_add_mount(&c, ABI_MOUNT_TMPFS, "/covered", NULL, 0);
	container_add_mount(&c, ABI_MOUNT_TMPFS, dest, NULL, flags);
	mountpoints_make(&c);
	container_free(&c);
}

static int setup(void **state)
{
	char path[128];

	snprintf(top, sizeof(top), "/tmp/mountpoints.XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(path, sizeof(path), "%s/root", top);
	return mkdir(path, 0755);
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command);
}

static void test_made(void **state)
{
	make("/a", 0);
	make("/b/c//d/", 0);
	make("/f/file", ABI_MOUNT_FILE);
	make("/covered/x", 0);
	assert_true(is("root/a", S_IFDIR));
	assert_true(is("root/b/c/d", S_IFDIR));
	assert_true(is("root/f/file", S_IFREG));
	assert_true(is("root/covered", S_IFDIR));
	assert_false(is("root/covered/x", S_IFDIR));
	/* A second time nothing is in the way. */
	make("/b/c/d", 0);
	make("/f/file", ABI_MOUNT_FILE);
	assert_true(is("root/f/file", S_IFREG));
}

/* Links that lead out are resolved inside. */
static void test_links(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/root/out", top);
	assert_int_equal(symlink("../..", path), 0);
	make("/out/x", 0);
	assert_false(is("x", S_IFDIR));
	assert_true(is("root/x", S_IFDIR));
	snprintf(path, sizeof(path), "%s/root/abs", top);
	assert_int_equal(symlink("/", path), 0);
	make("/abs/y", 0);
	assert_true(is("root/y", S_IFDIR));
	make("/z/../../w", 0);
	assert_false(is("w", S_IFDIR));
	assert_false(is("root/w", S_IFDIR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
