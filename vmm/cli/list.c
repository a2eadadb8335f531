/* list.c - "runsc list": the running containers */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cli/cli.h"
#include "vmm/oci/state.h"
#include "vmm/util/util.h"

/* What the command that runs it wrote down: launch.c. */
static void list_platform(const char *root, const char *id, char *buf, size_t size)
{
	char path[PATH_MAX + 264];

	snprintf(path, sizeof(path), "%s/%s/lock", root, id);
	if (read_text_file(path, buf, size) < 0)
		snprintf(buf, size, "unknown");
	buf[strcspn(buf, "\n")] = 0;
}

static int list_run(struct globals *globals, int argc, char **argv, struct error *err)
{
	static const struct opt none[] = {{0}};
	int at = cli_parse(none, NULL, globals, argc, argv, err);
	const struct dirent *entry;
	char root[PATH_MAX];
	struct error quiet;
	DIR *dir;

	if (at < 0)
		return -1;
	dir = opendir(cli_root(globals, root, sizeof(root)));
	printf("%-32s %-8s %s\n", "ID", "STATUS", "PLATFORM");
	while (dir && (entry = readdir(dir))) {
		char platform[32];
		int fd = -1;

		if (state_check_id(entry->d_name, &quiet) ||
		    state_connect(root, entry->d_name, &fd, &quiet))
			continue;
		close(fd);
		list_platform(root, entry->d_name, platform, sizeof(platform));
		printf("%-32s %-8s %s\n", entry->d_name, "running", platform);
	}
	if (dir)
		closedir(dir);
	return 0;
}

const struct verb verb_list = {
	.name = "list",
	.usage = "",
	.summary = "list the running containers",
	.run = list_run,
};
