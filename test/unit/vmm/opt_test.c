/* opt_test.c - vmm/cli/opt.c: flags as users write them */
#include "vmm/cli/opt.h"

#include "test/unit/vmm/test.h"

struct values {
	bool debug;
	const char *root;
	const char *platform;
	uint64_t cpus, memory;
	struct opt_list env;
};

#define V(field) offsetof(struct values, field)

static const struct opt opts[] = {
	{"debug", OPT_SWITCH, V(debug)},
	{"root", OPT_STRING, V(root), "DIR"},
	{"platform", OPT_CHOICE, V(platform), .choices = "auto|kvm"},
	{"cpus", OPT_COUNT, V(cpus), "N"},
	{"memory", OPT_SIZE, V(memory), "SIZE"},
	{"env", OPT_LIST, V(env), "K=V", .letter = 'e'},
	{0},
};

static struct values values;
static struct error err;

static int parse(int argc, const char *const *words)
{
	const struct opt_table tables[] = {{opts, &values}, {0}};
	char *argv[16] = {(char *)(uintptr_t) "verb"};

	memset(&values, 0, sizeof(values));
	memset(&err, 0, sizeof(err));
	for (int i = 0; i < argc; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	return opt_parse(tables, argc + 1, argv, &err);
}

#define PARSE(...)                                                 \
	({                                                         \
		static const char *const words_[] = {__VA_ARGS__}; \
		parse(sizeof(words_) / sizeof(words_[0]), words_); \
	})

static void test_spellings(void **state)
{
	assert_int_equal(PARSE("--debug", "--root=/r", "cmd", "--debug=false"), 3);
	assert_true(values.debug);
	assert_string_equal(values.root, "/r");
	assert_int_equal(PARSE("-debug", "-root", "/r"), 4);
	assert_true(values.debug);
	assert_string_equal(values.root, "/r");
	assert_int_equal(PARSE("--debug=false", "--root="), 3);
	assert_false(values.debug);
	assert_string_equal(values.root, "");
	assert_int_equal(PARSE("--debug", "--", "--root"), 3);
	assert_int_equal(PARSE("-", "--debug"), 1);
	assert_int_equal(PARSE("--memory", "64M", "--cpus=2", "--platform=kvm"), 5);
	assert_int_equal(values.memory, 64 << 20);
	assert_int_equal(values.cpus, 2);
}

static void test_list(void **state)
{
	assert_int_equal(PARSE("-e", "A=1", "--env=B=2", "-e", "C=x=y"), 6);
	assert_int_equal(values.env.count, 3);
	assert_string_equal(values.env.item[0], "A=1");
	assert_string_equal(values.env.item[1], "B=2");
	assert_string_equal(values.env.item[2], "C=x=y");
	free(values.env.item);
}

static void test_errors(void **state)
{
	assert_int_equal(PARSE("--memroy=1"), -1);
	assert_has(err.text, "did you mean --memory?");
	assert_int_equal(PARSE("--volume"), -1);
	assert_has(err.text, "unknown flag --volume");
	assert_null(strstr(err.text, "did you mean"));
	assert_int_equal(PARSE("--root"), -1);
	assert_has(err.text, "needs a value");
	assert_int_equal(PARSE("--debug=maybe"), -1);
	assert_has(err.text, "true or false");
	assert_int_equal(PARSE("--cpus=two"), -1);
	assert_has(err.text, "takes a number");
	assert_int_equal(PARSE("--memory=lots"), -1);
	assert_has(err.text, "takes a size");
	assert_int_equal(PARSE("--platform=systrap"), -1);
	assert_has(err.text, "must be one of auto|kvm");
	assert_int_equal(PARSE("--platform=kv"), -1);
	assert_int_equal(PARSE("--platform="), -1);
	assert_int_equal(PARSE("-x"), -1);
	assert_int_equal(PARSE("--=1"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
