/* config_test.c - vmm/oci/config.c: config.json, whole and broken */
#include "vmm/oci/config.h"

#include <stdio.h>

#include "test/unit/vmm/test.h"

#define PROCESS "\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\"}"
#define ROOT	"\"root\":{\"path\":\"rootfs\"}"
#define HEAD	"{\"ociVersion\":\"1.0.2\","

static struct error err;

static int parse(struct container *c, const char *text)
{
	memset(c, 0, sizeof(*c));
	memset(&err, 0, sizeof(err));
	return config_parse(c, text, strlen(text), "/bundle", &err);
}

/* The text must be refused, and the error must hold the words. */
static void refuse(const char *text, const char *words)
{
	struct container c;
	int rc = parse(&c, text);

	container_free(&c);
	assert_int_equal(rc, -1);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not hold \"%s\"", err.text, words);
}

static void test_whole(void **state)
{
	static const char text[] =
		HEAD "\"process\":{\"terminal\":true,\"user\":{\"uid\":7,\"gid\":8,\"umask\":63,"
		     "\"additionalGids\":[1,2]},\"args\":[\"a\",\"b c\"],\"env\":[\"A=1\",\"B=2\","
		     "\"A=3\"],\"cwd\":\"/w\",\"noNewPrivileges\":true,\"capabilities\":{"
		     "\"bounding\":[\"CAP_CHOWN\",\"CAP_BPF\"],\"ambient\":[]},\"rlimits\":[{"
		     "\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":20}]},"
		     "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\","
		     "\"domainname\":\"d\",\"linux\":{\"resources\":{\"memory\":{\"limit\":1000},"
		     "\"pids\":{\"limit\":-1}}},\"annotations\":{\"x\":1},\"unknown\":[]}";
	struct container c;

	assert_int_equal(parse(&c, text), 0);
	assert_int_equal(c.argc, 2);
	assert_string_equal(c.args[1], "b c");
	assert_int_equal(c.envc, 2);
	assert_string_equal(c.env[0], "A=3");
	assert_string_equal(c.cwd, "/w");
	assert_int_equal(c.uid, 7);
	assert_int_equal(c.gid, 8);
	assert_int_equal(c.umask, 63);
	assert_int_equal(c.nr_groups, 2);
	assert_int_equal(c.groups[1], 2);
	assert_true(c.terminal);
	assert_true(c.no_new_privs);
	assert_true(c.caps[CAPS_BOUNDING] == (1ull | 1ull << 39));
	assert_int_equal(c.nr_rlimits, 1);
	assert_int_equal(c.rlimits[0].resource, 7);
	assert_int_equal(c.rlimits[0].hard, 20);
	assert_string_equal(c.hostname, "h");
	assert_string_equal(c.domainname, "d");
	assert_int_equal(c.memory_limit, 1000);
	assert_int_equal(c.pids_limit, 0);
	assert_string_equal(c.mounts[0].source, "/bundle/rootfs");
	assert_int_equal(c.mounts[0].flags, ABI_MOUNT_RDONLY);
	container_free(&c);
}

static void test_mounts(void **state)
{
	static const char text[] = HEAD PROCESS
		"," ROOT ",\"mounts\":["
		"{\"destination\":\"/proc\",\"type\":\"proc\"},"
		"{\"destination\":\"/dev\",\"type\":\"tmpfs\"},"
		"{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"size=64k\",\"mode=700\","
		"\"nosuid\",\"noexec\",\"relatime\"]},"
		"{\"destination\":\"/b\",\"source\":\"data\",\"options\":[\"rbind\",\"ro\"]},"
		"{\"destination\":\"/c\",\"type\":\"bind\",\"source\":\"/abs\"}]}";
	struct container c;

	assert_int_equal(parse(&c, text), 0);
	assert_int_equal(c.nr_mounts, 6);
	assert_int_equal(c.mounts[1].type, ABI_MOUNT_PROC);
	assert_int_equal(c.mounts[2].type, ABI_MOUNT_DEV);
	assert_int_equal(c.mounts[3].type, ABI_MOUNT_TMPFS);
	assert_int_equal(c.mounts[3].size, 65536);
	assert_int_equal(c.mounts[3].mode, 0700);
	assert_int_equal(c.mounts[3].flags, ABI_MOUNT_NOSUID | ABI_MOUNT_NOEXEC);
	assert_string_equal(c.mounts[4].source, "/bundle/data");
	assert_int_equal(c.mounts[4].flags, ABI_MOUNT_RDONLY | ABI_MOUNT_SHARED);
	assert_string_equal(c.mounts[5].source, "/abs");
	assert_int_equal(container_number(&c), 3);
	assert_int_equal(c.mounts[0].attach, 0);
	assert_int_equal(c.mounts[5].attach, 2);
	container_free(&c);
}

static void test_broken_json(void **state)
{
	refuse("", "line 1, column 0");
	refuse("{\n \"a\": 1,\n}", "line 3, column 1");
	refuse("{\"ociVersion\": \"1.0\"", "line 1");
	refuse("[1]", "the document must be an object, not an array");
	refuse("{\"ociVersion\":\"\xff\"}", "line 1");
}

static void test_missing(void **state)
{
	refuse("{}", "ociVersion is missing");
	refuse(HEAD ROOT "}", "process is missing");
	refuse(HEAD PROCESS "}", "root is missing");
	refuse(HEAD PROCESS ",\"root\":{}}", "root.path is missing");
	refuse(HEAD "\"process\":{\"cwd\":\"/\"}," ROOT "}", "process.args is missing");
	refuse(HEAD "\"process\":{\"args\":[],\"cwd\":\"/\"}," ROOT "}", "process.args is empty");
	refuse(HEAD "\"process\":{\"args\":[\"a\"]}," ROOT "}", "process.cwd is missing");
	refuse(HEAD PROCESS "," ROOT ",\"mounts\":[{\"type\":\"proc\"}]}",
	       "mounts[0].destination is missing");
	refuse(HEAD PROCESS "," ROOT ",\"mounts\":[{\"destination\":\"/x\"}]}",
	       "mounts[0].type is missing");
	refuse(HEAD PROCESS "," ROOT ",\"mounts\":[{\"destination\":\"/x\",\"type\":\"bind\"}]}",
	       "mounts[0].source is missing");
}

static void test_types(void **state)
{
	refuse("{\"ociVersion\":1}", "ociVersion must be a string, not a number");
	refuse("{\"ociVersion\":\"2.0\"}", "knows 1.x");
	refuse(HEAD "\"process\":[]," ROOT "}", "process must be an object, not an array");
	refuse(HEAD "\"process\":{\"args\":[\"a\",{}],\"cwd\":\"/\"}," ROOT "}",
	       "process.args[1] must be a string, not an object");
	refuse(HEAD "\"process\":{\"args\":[\"a\"],\"cwd\":\"x\"}," ROOT "}",
	       "process.cwd must be an absolute path");
	refuse(HEAD "\"process\":{\"args\":[\"a\\u0000b\"],\"cwd\":\"/\"}," ROOT "}",
	       "process.args[0] holds a NUL");
	refuse(HEAD "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":\"root\"}}," ROOT
		    "}",
	       "process.user.uid must be a number, not a string");
	refuse(HEAD "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"user\":{\"uid\":-1}}," ROOT "}",
	       "process.user.uid must be from 0");
	refuse(HEAD "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"terminal\":1}," ROOT "}",
	       "process.terminal must be true or false");
	refuse(HEAD "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"capabilities\":{\"bounding\":"
		    "[\"CAP_FLY\"]}}," ROOT "}",
	       "process.capabilities.bounding[0] is no capability");
	refuse(HEAD "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\",\"rlimits\":[{\"type\":"
		    "\"RLIMIT_X\"}]}," ROOT "}",
	       "process.rlimits[0].type is no resource limit");
	refuse(HEAD PROCESS "," ROOT ",\"linux\":{\"resources\":{\"memory\":{\"limit\":\"1G\"}}}}",
	       "linux.resources.memory.limit must be a number");
	refuse(HEAD PROCESS "," ROOT ",\"mounts\":[{\"destination\":\"/x\",\"type\":\"ext4\"}]}",
	       "mounts[0].type is no file system");
	refuse(HEAD PROCESS "," ROOT ",\"mounts\":[{\"destination\":\"/x\",\"type\":\"tmpfs\","
			    "\"options\":[\"size=big\"]}]}",
	       "mounts[0].options[0] has a malformed size");
}

static void test_signals(void **state)
{
	assert_int_equal(name_signal("TERM"), 15);
	assert_int_equal(name_signal("SIGKILL"), 9);
	assert_int_equal(name_signal("sigint"), 2);
	assert_int_equal(name_signal("34"), 34);
	assert_int_equal(name_signal("0"), -1);
	assert_int_equal(name_signal("65"), -1);
	assert_int_equal(name_signal("SIGNOPE"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	    cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_broken_json), cmocka_unit_test(test_missing),
		cmocka_unit_test(test_types),	    cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
