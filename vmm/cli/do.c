/* do.c - "runsc do": a command of this machine, in a sandbox */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/cli/cli.h"
#include "vmm/cli/launch.h"
#include "vmm/util/util.h"

struct do_opts {
	const char *root;
	const char *cwd;
	const char *stats_file;
	struct opt_list env;
	uint64_t memory;
	uint64_t pids;
};

#define O(field) offsetof(struct do_opts, field)

static const struct opt do_opts[] = {
	{"root", OPT_STRING, O(root), "DIR", .help = "root of the container (/)"},
	{"cwd", OPT_STRING, O(cwd), "DIR", .help = "working directory (the current one)"},
	{"env", OPT_LIST, O(env), "K=V", .help = "set a variable; may be repeated", .letter = 'e'},
	{"memory", OPT_SIZE, O(memory), "SIZE", .help = "memory limit, as 512M"},
	{"pids", OPT_COUNT, O(pids), "N", .help = "at most so many processes and threads"},
	{"stats-file", OPT_STRING, O(stats_file), "FILE",
	 .help = "append the sandbox's counters there at the end"},
	{0},
};

static const struct {
	uint32_t type;
	const char *dest;
	uint32_t flags;
	uint32_t mode;
} do_mounts[] = {
	{ABI_MOUNT_PROC, "/proc", ABI_MOUNT_NOSUID | ABI_MOUNT_NODEV | ABI_MOUNT_NOEXEC, 0},
	{ABI_MOUNT_SYSFS, "/sys", ABI_MOUNT_NOSUID | ABI_MOUNT_NODEV | ABI_MOUNT_NOEXEC, 0},
	{ABI_MOUNT_DEV, "/dev", ABI_MOUNT_NOSUID, 0},
	{ABI_MOUNT_DEVPTS, "/dev/pts", ABI_MOUNT_NOSUID | ABI_MOUNT_NOEXEC, 0},
	{ABI_MOUNT_TMPFS, "/dev/shm", ABI_MOUNT_NOSUID | ABI_MOUNT_NODEV, 01777},
	{ABI_MOUNT_TMPFS, "/tmp", ABI_MOUNT_NOSUID | ABI_MOUNT_NODEV, 01777},
};

static int do_fill_mounts(struct container *c, const char *root, struct error *err)
{
	if (!container_add_mount(c, ABI_MOUNT_GOFER, "/", root, ABI_MOUNT_OVERLAY))
		return error_set(err, "out of memory");
	for (size_t i = 0; i < ARRAY_SIZE(do_mounts); i++) {
		struct container_mount *m = container_add_mount(
			c, do_mounts[i].type, do_mounts[i].dest, NULL, do_mounts[i].flags);

		if (!m)
			return error_set(err, "out of memory");
		m->mode = do_mounts[i].mode;
	}
	return 0;
}

/* The current directory, where the container will have it too. */
static char *do_cwd(const struct do_opts *o)
{
	char here[PATH_MAX], there[2 * PATH_MAX];
	struct stat st;

	if (o->cwd)
		return strdup(o->cwd);
	if (!getcwd(here, sizeof(here)) || *here != '/')
		return strdup("/");
	snprintf(there, sizeof(there), "%s%s", o->root ? o->root : "", here);
	return strdup(!stat(there, &st) && S_ISDIR(st.st_mode) ? here : "/");
}

static int do_fill(struct container *c, const struct do_opts *o, char **args, struct error *err)
{
	const char *root = o->root ? o->root : "/";
	char id[40];
	struct stat st;
	int bad = 0;

	if (stat(root, &st))
		return error_sys(err, "do: cannot use --root %s", root);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, "do: --root %s is not a directory", root);
	snprintf(id, sizeof(id), "do-%d", getpid());
	c->id = strdup(id);
	c->cwd = do_cwd(o);
	c->hostname = strdup("runsc");
	if (!c->id || !c->cwd || !c->hostname)
		return error_set(err, "out of memory");
	for (; *args; args++)
		bad |= container_add_arg(c, *args);
	for (char **e = environ; *e; e++)
		bad |= container_add_env(c, *e);
	for (size_t i = 0; i < o->env.count; i++)
		bad |= container_add_env(c, o->env.item[i]);
	if (bad)
		return error_set(err, "out of memory");
	c->uid = geteuid();
	c->gid = getegid();
	c->umask = 022;
	c->root_overlay = true;
	c->cwd_exists = o->cwd; /* the current one may be hidden by a mount: made anew */
	c->memory_limit = o->memory;
	c->pids_limit = o->pids;
	c->terminal = isatty(0) && isatty(1);
	/* Root in the container has what root has; the sandbox is the boundary, not these. */
	for (int i = 0; i < 4 && !c->uid; i++)
		c->caps[i] = i == CAPS_INHERITABLE ? 0 : (1ull << 41) - 1;
	return do_fill_mounts(c, root, err);
}

static int do_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	struct do_opts o = {0};
	struct container c = {0};
	int at = cli_parse(do_opts, &o, globals, argc, argv, err);
	int status;

	if (at < 0)
		return -1;
	if (at >= argc)
		return error_set(err,
				 "do: no command given; usage: runsc do [flags] -- COMMAND...");
	status = do_fill(&c, &o, argv + at, err) ? -1 : launch(&c, globals, o.stats_file, err);
	container_free(&c);
	free(o.env.item);
	return status;
}

const struct verb verb_do = {
	.name = "do",
	.usage = "[flags] [--] COMMAND [ARGUMENT...]",
	.summary = "run a command of this machine in a sandbox",
	.detail = "The machine's files are seen read-only; what the command writes is kept in the\n"
		  "sandbox's memory and gone at its end. The environment is passed on.\n"
		  "The exit status is the command's, 128+N if signal N ended it, 127 if it is not\n"
		  "found, 126 if it cannot be executed.",
	.opts = do_opts,
	.run = do_run,
};
