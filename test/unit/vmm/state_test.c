/* state_test.c - vmm/oci/state.c: IDs and their directories */
#include "vmm/oci/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/vmm/test.h"

static char root[64];
static struct error err;

static int setup(void **state)
{
	snprintf(root, sizeof(root), "/tmp/state_test.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

/* Fails if a test left anything below the root. */
static int teardown(void **state)
{
	return rmdir(root);
}

static void test_ids(void **state)
{
	static const char *const good[] = {"a", "A-1_b.c+d", "0", "..a"};
	static const char *const bad[] = {"",	 ".",	"..",	    "...", "a/b", "/a",
					  "a b", "a\n", "\xc3\xa4", "a*",  "~"};
	char longest[STATE_ID_MAX + 2];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(state_check_id(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(state_check_id(bad[i], &err), -1);
	memset(longest, 'x', sizeof(longest));
	longest[STATE_ID_MAX] = 0;
	assert_int_equal(state_check_id(longest, &err), 0);
	longest[STATE_ID_MAX] = 'x';
	longest[STATE_ID_MAX + 1] = 0;
	assert_int_equal(state_check_id(longest, &err), -1);
}

static void test_taken(void **state)
{
	struct state one, two;

	assert_int_equal(state_create(&one, root, "x", &err), 0);
	assert_int_equal(state_create(&two, root, "x", &err), -1);
	assert_has(err.text, "already running");
	assert_int_equal(state_create(&two, root, "y", &err), 0);
	state_remove(&two);
	state_remove(&one);
	state_remove(&one);
	assert_int_equal(state_create(&one, root, "x", &err), 0);
	state_remove(&one);
}

/* What a killed command leaves behind does not keep its ID. */
static void test_stale(void **state)
{
	struct state st;
	char path[128];
	int fd, status;
	pid_t pid = fork();

	if (pid == 0) {
		if (state_create(&st, root, "s", &err) || state_listen(&st, &fd, &err))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	snprintf(path, sizeof(path), "%s/s/ctl", root);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(state_create(&st, root, "s", &err), 0);
	assert_int_equal(state_listen(&st, &fd, &err), 0);
	close(fd);
	state_remove(&st);
}

static void test_connect(void **state)
{
	struct state st;
	int fd, client;

	assert_int_equal(state_connect(root, "none", &client, &err), -1);
	assert_has(err.text, "no container none");
	assert_int_equal(state_create(&st, root, "c", &err), 0);
	assert_int_equal(state_connect(root, "c", &client, &err), -1);
	assert_has(err.text, "does not answer");
	close(client);
	assert_int_equal(state_listen(&st, &fd, &err), 0);
	assert_int_equal(state_connect(root, "c", &client, &err), 0);
	close(client);
	close(fd);
	state_remove(&st);
}

static void test_root(void **state)
{
	struct state st;
	char deep[128], file[128];

	snprintf(deep, sizeof(deep), "%s/a/b", root);
	assert_int_equal(state_create(&st, deep, "d", &err), 0);
	state_remove(&st);
	assert_int_equal(rmdir(deep), 0);
	snprintf(deep, sizeof(deep), "%s/a", root);
	assert_int_equal(rmdir(deep), 0);
	snprintf(file, sizeof(file), "%s/file", root);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(state_create(&st, file, "d", &err), -1);
	unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),   cmocka_unit_test(test_taken),
		cmocka_unit_test(test_stale), cmocka_unit_test(test_connect),
		cmocka_unit_test(test_root),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
