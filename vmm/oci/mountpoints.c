/* mountpoints.c - the places in a bundle's root that mounts cover
 *
 * The root belongs to the container and may hold any links: every step is resolved inside it
 * (openat2 with RESOLVE_IN_ROOT). A place below an earlier mount lies in that mount, not here.
 * Tests: test/unit/vmm/mountpoints_test.c
 */
#include "vmm/oci/mountpoints.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/util/util.h"

static int open_inside(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return syscall(SYS_openat2, root, *path ? path : "/", &how, sizeof(how));
}

/* Is `path` the same as `above` or below it? */
static bool lies_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	while (n > 1 && above[n - 1] == '/')
		n--;
	return !strncmp(path, above, n) && (!path[n] || path[n] == '/');
}

static bool covered(const struct container *c, size_t index)
{
	for (size_t i = 1; i < index; i++)
		if (lies_below(c->mounts[index].dest, c->mounts[i].dest))
			return true;
	return false;
}

/* Makes one component of path (cut after `end`) in its parent (cut before `start`). */
static int make_component(int root, char *path, char *start, char *end, bool file)
{
	char after = *end, before = *start;
	cleanup_close int parent = -1;
	cleanup_close int there = -1;

	*end = 0;
	there = open_inside(root, path);
	if (there < 0) {
		*start = 0;
		parent = open_inside(root, path);
		*start = before;
		if (parent >= 0 && file)
			there = openat(parent, start + 1, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
				       0644);
		else if (parent >= 0 && !mkdirat(parent, start + 1, 0755))
			there = open_inside(root, path);
	}
	*end = after;
	return there < 0 ? -1 : 0;
}

static void make_point(int root, const struct container_mount *m)
{
	char path[PATH_MAX];
	char *start = path;

	if (strlen(m->dest) >= sizeof(path) || strstr(m->dest, "/../"))
		return;
	strcpy(path, m->dest);
	while (*start == '/') {
		char *end = start + 1 + strcspn(start + 1, "/");
		bool last = !end[strspn(end, "/")];

		if (end > start + 1 &&
		    make_component(root, path, start, end, last && m->flags & ABI_MOUNT_FILE))
			return;
		start = end;
	}
}

void mountpoints_make(const struct container *c)
{
	cleanup_close int root = open(c->mounts[0].source, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return;
	for (size_t i = 1; i < c->nr_mounts; i++)
		if (!covered(c, i))
			make_point(root, &c->mounts[i]);
}
