/* spec.c - "runsc spec": a config.json to start from */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cli/cli.h"
#include "vmm/util/util.h"

struct spec_opts {
	const char *bundle;
	const char *cwd;
};

static const struct opt spec_opts[] = {
	{"bundle", OPT_STRING, offsetof(struct spec_opts, bundle), "DIR",
	 .help = "where config.json is written (.)", .letter = 'b'},
	{"cwd", OPT_STRING, offsetof(struct spec_opts, cwd), "DIR",
	 .help = "the program's working directory (/)"},
	{0},
};

static const char spec_capabilities[] =
	"[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FOWNER\",\"CAP_FSETID\",\"CAP_KILL\","
	"\"CAP_SETGID\",\"CAP_SETUID\",\"CAP_SETPCAP\",\"CAP_NET_BIND_SERVICE\","
	"\"CAP_SYS_CHROOT\",\"CAP_MKNOD\",\"CAP_AUDIT_WRITE\",\"CAP_SETFCAP\"]";

static const char spec_mounts[] =
	"[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
	"\"options\":[\"nosuid\",\"noexec\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}]";

static json_t *spec_args(char **args, int count)
{
	json_t *list = json_array();

	if (!count)
		json_array_append_new(list, json_string("sh"));
	for (int i = 0; i < count; i++)
		json_array_append_new(list, json_string(args[i]));
	return list;
}

static json_t *spec_build(const struct spec_opts *o, char **args, int count)
{
	json_t *caps = json_loads(spec_capabilities, 0, NULL);
	json_t *mounts = json_loads(spec_mounts, 0, NULL);

	return json_pack(
		"{s:s, s:{s:b, s:{s:i, s:i}, s:o, s:[s, s], s:s, s:{s:O, s:O, s:O}, s:b,"
		" s:[{s:s, s:i, s:i}]}, s:{s:s, s:b}, s:s, s:o, s:{s:{}, s:[{s:s}, {s:s}, {s:s},"
		" {s:s}, {s:s}]}}",
		"ociVersion", "1.0.2", "process", "terminal", 0, "user", "uid", 0, "gid", 0, "args",
		spec_args(args, count), "env",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
		"cwd", o->cwd, "capabilities", "bounding", caps, "effective", caps, "permitted",
		caps, "noNewPrivileges", 1, "rlimits", "type", "RLIMIT_NOFILE", "soft", 1024,
		"hard", 1024, "root", "path", "rootfs", "readonly", 1, "hostname", "runsc",
		"mounts", mounts, "linux", "resources", "namespaces", "type", "pid", "type",
		"network", "type", "ipc", "type", "uts", "type", "mount");
}

static int spec_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	struct spec_opts o = {.bundle = ".", .cwd = "/"};
	int at = cli_parse(spec_opts, &o, globals, argc, argv, err);
	cleanup_free char *text = NULL;
	cleanup_close int fd = -1;
	char path[PATH_MAX + 16];
	json_t *doc;

	if (at < 0)
		return -1;
	doc = spec_build(&o, argv + at, argc - at);
	text = doc ? json_dumps(doc, JSON_INDENT(4)) : NULL;
	json_decref(doc);
	if (!text)
		return error_set(err, "spec: the arguments are not text that JSON can hold");
	snprintf(path, sizeof(path), "%s/config.json", o.bundle);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return error_set(err, "spec: %s exists; remove it first", path);
	if (fd < 0 || write_all(fd, text, strlen(text)) || write_all(fd, "\n", 1))
		return error_sys(err, "spec: cannot write %s", path);
	return 0;
}

const struct verb verb_spec = {
	.name = "spec",
	.usage = "[--bundle DIR] [--] [COMMAND...]",
	.summary = "write a config.json to start from",
	.opts = spec_opts,
	.run = spec_run,
};
