/* config.c - a bundle's config.json (OCI runtime specification 1.0)
 *
 * Tests: test/unit/vmm/config_test.c, test/fuzz/config.c, test/oci/bad_config.sh
 */
#include "vmm/oci/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/oci/config_mounts.h"
#include "vmm/oci/json.h"
#include "vmm/util/util.h"

#define CONFIG_MAX (16u << 20)

static int out_of_memory(struct error *err)
{
	return error_set(err, "out of memory");
}

static int set_string(char **to, const char *from, struct error *err)
{
	if (!from)
		return 0;
	free(*to);
	*to = strdup(from);
	return *to ? 0 : out_of_memory(err);
}

/* Calls add for each string of an array. */
static int parse_strings(struct container *c, const struct json_at *list,
			 int (*add)(struct container *, const char *), struct error *err)
{
	if (json_check(list, JSON_ARRAY, false, err))
		return -1;
	for (size_t i = 0; i < json_array_size(list->value); i++) {
		struct json_at at = json_element(list, i);
		const char *text = NULL;

		if (json_get_string(&at, true, &text, err))
			return -1;
		if (add(c, text))
			return out_of_memory(err);
	}
	return 0;
}

static int parse_user(struct container *c, const struct json_at *process, struct error *err)
{
	struct json_at user = json_member(process, "user");
	struct json_at uid = json_member(&user, "uid"), gid = json_member(&user, "gid");
	struct json_at mask = json_member(&user, "umask");
	struct json_at groups = json_member(&user, "additionalGids");
	uint64_t u = 0, g = 0, m = 022;
	size_t count;

	if (json_check(&user, JSON_OBJECT, false, err) ||
	    json_get_uint(&uid, UINT32_MAX, &u, err) || json_get_uint(&gid, UINT32_MAX, &g, err) ||
	    json_get_uint(&mask, 0777, &m, err) || json_check(&groups, JSON_ARRAY, false, err))
		return -1;
	c->uid = u;
	c->gid = g;
	c->umask = m;
	count = json_array_size(groups.value);
	if (!count)
		return 0;
	if (count > 65536)
		return json_fault(&groups, err, "has more than 65536 entries");
	c->groups = calloc(count, sizeof(*c->groups));
	if (!c->groups)
		return out_of_memory(err);
	for (; c->nr_groups < count; c->nr_groups++) {
		struct json_at at = json_element(&groups, c->nr_groups);

		if (json_check(&at, JSON_INTEGER, true, err) ||
		    json_get_uint(&at, UINT32_MAX, &g, err))
			return -1;
		c->groups[c->nr_groups] = g;
	}
	return 0;
}

static int parse_rlimit(struct container *c, const struct json_at *at, struct error *err)
{
	struct json_at type = json_member(at, "type");
	struct json_at soft = json_member(at, "soft"), hard = json_member(at, "hard");
	struct abi_spec_rlimit *r = &c->rlimits[c->nr_rlimits];
	const char *name = NULL;
	int number;

	if (json_check(at, JSON_OBJECT, true, err) || json_get_string(&type, true, &name, err))
		return -1;
	number = name_rlimit(name);
	if (number < 0)
		return json_fault(&type, err, "is no resource limit: \"%.40s\"", name);
	r->resource = number;
	if (json_check(&soft, JSON_INTEGER, true, err) ||
	    json_check(&hard, JSON_INTEGER, true, err))
		return -1;
	/* RLIM_INFINITY is written as the number that it is, which JSON's reader sees as -1. */
	r->soft = json_integer_value(soft.value);
	r->hard = json_integer_value(hard.value);
	if (r->soft > r->hard)
		return json_fault(&soft, err, "is above the hard limit");
	c->nr_rlimits++;
	return 0;
}

static int parse_rlimits(struct container *c, const struct json_at *process, struct error *err)
{
	struct json_at list = json_member(process, "rlimits");
	size_t count;

	if (json_check(&list, JSON_ARRAY, false, err))
		return -1;
	count = json_array_size(list.value);
	if (!count)
		return 0;
	c->rlimits = calloc(count, sizeof(*c->rlimits));
	if (!c->rlimits)
		return out_of_memory(err);
	for (size_t i = 0; i < count; i++) {
		struct json_at at = json_element(&list, i);

		if (parse_rlimit(c, &at, err))
			return -1;
	}
	return 0;
}

static int parse_capability_set(const struct json_at *list, uint64_t *set, struct error *err)
{
	if (json_check(list, JSON_ARRAY, false, err))
		return -1;
	for (size_t i = 0; i < json_array_size(list->value); i++) {
		struct json_at at = json_element(list, i);
		const char *name = NULL;
		int bit;

		if (json_get_string(&at, true, &name, err))
			return -1;
		bit = name_capability(name);
		if (bit < 0)
			return json_fault(&at, err, "is no capability: \"%.40s\"", name);
		*set |= 1ull << bit;
	}
	return 0;
}

static int parse_capabilities(struct container *c, const struct json_at *process, struct error *err)
{
	static const char *const names[] = {
		[CAPS_EFFECTIVE] = "effective",	    [CAPS_PERMITTED] = "permitted",
		[CAPS_INHERITABLE] = "inheritable", [CAPS_BOUNDING] = "bounding",
		[CAPS_AMBIENT] = "ambient",
	};
	struct json_at caps = json_member(process, "capabilities");

	if (json_check(&caps, JSON_OBJECT, false, err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct json_at list = json_member(&caps, names[i]);

		if (parse_capability_set(&list, &c->caps[i], err))
			return -1;
	}
	return 0;
}

static int parse_process(struct container *c, const struct json_at *top, struct error *err)
{
	struct json_at process = json_member(top, "process");
	struct json_at args = json_member(&process, "args"), env = json_member(&process, "env");
	struct json_at cwd = json_member(&process, "cwd");
	struct json_at terminal = json_member(&process, "terminal");
	struct json_at privs = json_member(&process, "noNewPrivileges");
	const char *dir = NULL;

	if (json_check(&process, JSON_OBJECT, true, err) ||
	    json_check(&args, JSON_ARRAY, true, err))
		return -1;
	if (!json_array_size(args.value))
		return json_fault(&args, err, "is empty: it must name the program to run");
	if (parse_strings(c, &args, container_add_arg, err) ||
	    parse_strings(c, &env, container_add_env, err) ||
	    json_get_string(&cwd, true, &dir, err))
		return -1;
	if (*dir != '/')
		return json_fault(&cwd, err, "must be an absolute path, not \"%.100s\"", dir);
	if (set_string(&c->cwd, dir, err) || json_get_bool(&terminal, &c->terminal, err) ||
	    json_get_bool(&privs, &c->no_new_privs, err))
		return -1;
	return parse_user(c, &process, err) || parse_rlimits(c, &process, err) ||
			       parse_capabilities(c, &process, err)
		       ? -1
		       : 0;
}

static int parse_root(struct container *c, const struct json_at *top, const char *bundle,
		      struct error *err)
{
	struct json_at root = json_member(top, "root");
	struct json_at path = json_member(&root, "path"), ro = json_member(&root, "readonly");
	char joined[PATH_MAX];
	const char *text = NULL;

	if (json_check(&root, JSON_OBJECT, true, err) || json_get_string(&path, true, &text, err) ||
	    json_get_bool(&ro, &c->root_readonly, err))
		return -1;
	if (!*text)
		return json_fault(&path, err, "is empty");
	if (config_join(joined, sizeof(joined), bundle, text))
		return json_fault(&path, err, "is too long");
	if (!container_add_mount(c, ABI_MOUNT_GOFER, "/", joined,
				 c->root_readonly ? ABI_MOUNT_RDONLY : 0))
		return out_of_memory(err);
	return 0;
}

/* -1 stands for no limit in both. */
static int parse_limit(const struct json_at *at, uint64_t *out, struct error *err)
{
	if (json_check(at, JSON_INTEGER, false, err))
		return -1;
	if (at->value && json_integer_value(at->value) == -1)
		return 0;
	return json_get_uint(at, INT64_MAX, out, err);
}

static int parse_linux(struct container *c, const struct json_at *top, struct error *err)
{
	struct json_at lin = json_member(top, "linux");
	struct json_at resources = json_member(&lin, "resources");
	struct json_at memory = json_member(&resources, "memory");
	struct json_at pids = json_member(&resources, "pids");
	struct json_at limit = json_member(&memory, "limit");
	struct json_at plimit = json_member(&pids, "limit");

	if (json_check(&lin, JSON_OBJECT, false, err) ||
	    json_check(&resources, JSON_OBJECT, false, err) ||
	    json_check(&memory, JSON_OBJECT, false, err) ||
	    json_check(&pids, JSON_OBJECT, false, err))
		return -1;
	return parse_limit(&limit, &c->memory_limit, err) ||
			       parse_limit(&plimit, &c->pids_limit, err)
		       ? -1
		       : 0;
}

static int parse_top(struct container *c, json_t *doc, const char *bundle, struct error *err)
{
	struct json_at top = {.value = doc};
	struct json_at version = json_member(&top, "ociVersion");
	struct json_at host = json_member(&top, "hostname");
	struct json_at domain = json_member(&top, "domainname");
	const char *text = NULL, *hostname = NULL, *domainname = NULL;

	if (json_check(&top, JSON_OBJECT, true, err) || json_get_string(&version, true, &text, err))
		return -1;
	if (strncmp(text, "1.", 2))
		return json_fault(&version, err, "is \"%.20s\"; this program knows 1.x", text);
	if (json_get_string(&host, false, &hostname, err) ||
	    json_get_string(&domain, false, &domainname, err) ||
	    set_string(&c->hostname, hostname, err) || set_string(&c->domainname, domainname, err))
		return -1;
	if (parse_process(c, &top, err) || parse_root(c, &top, bundle, err) ||
	    config_mounts(c, &top, bundle, err))
		return -1;
	return parse_linux(c, &top, err);
}

int config_parse(struct container *c, const char *text, size_t len, const char *bundle,
		 struct error *err)
{
	json_error_t fault;
	json_t *doc = json_loadb(text, len, JSON_ALLOW_NUL, &fault);
	int rc;

	if (!doc)
		return error_set(err, "config.json: line %d, column %d: %s", fault.line,
				 fault.column, fault.text);
	rc = parse_top(c, doc, bundle, err);
	json_decref(doc);
	return rc;
}

int config_load(struct container *c, const char *bundle, struct error *err)
{
	char path[PATH_MAX + 16];
	cleanup_close int fd = -1;
	cleanup_free char *text = NULL;
	struct stat st;
	ssize_t len;

	if (stat(bundle, &st) || !S_ISDIR(st.st_mode))
		return error_set(err, "no bundle %s: it must be a directory with config.json",
				 bundle);
	snprintf(path, sizeof(path), "%s/config.json", bundle);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, "no config.json in bundle %s; \"runsc spec\" writes one",
				 bundle);
	if (fd < 0 || fstat(fd, &st))
		return error_sys(err, "cannot read %s", path);
	if (st.st_size > CONFIG_MAX || !S_ISREG(st.st_mode))
		return error_set(err, "%s is no file of at most %u MiB", path, CONFIG_MAX >> 20);
	text = malloc(st.st_size + 1);
	if (!text)
		return out_of_memory(err);
	len = read_full(fd, text, st.st_size);
	if (len < 0)
		return error_sys(err, "cannot read %s", path);
	if (config_parse(c, text, len, bundle, err))
		return -1;
	return config_check_paths(c, err);
}
