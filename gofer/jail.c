/* jail.c - the server gives its rights away before it looks at the guest
 *
 * In this order, each step needing the rights that a later one takes:
 *   1. mounts   With CAP_SYS_ADMIN every mount becomes a private detached clone of itself: nothing
 *               lies above its root, so no ".." leads out of it; a read-only mount is read-only for
 *               the kernel too; nothing on it is a device or sets ids; reading moves no access
 *               time. The directory of our own descriptors is cloned the same way.
 *   2. fds      Everything but what is served and rung is closed; stdin and stdout are /dev/null.
 *   3. spaces   With CAP_SYS_ADMIN: own mount, IPC, UTS and network name spaces; the root is an
 *               empty read-only tmpfs.
 *   4. caps     Only what file ownership needs stays, in no set that could grow back.
 *   5. no_new_privs, not dumpable, no core file. The filter follows when the threads exist.
 * An ordinary user (rootless) has no rights for 1 and 3 and goes without: the filter, the resolve
 * flags and the host's own checks on that user remain.
 * Tests: test/unit/gofer/serve_test.c */
#include "gofer/server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what)
{
	int r = -errno;

	fprintf(stderr, "gofer: cannot shed rights: %s: %s\n", what, strerror(-r));
	return r;
}

static int caps_get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &head, data) < 0 ? -errno : 0;
}

static bool cap_has(unsigned cap)
{
	struct __user_cap_data_struct data[2];

	return caps_get(data) == 0 && data[cap / 32].effective & 1u << (cap % 32);
}

static int tree_clone(int dirfd, const char *path, const char *what)
{
	int fd = open_tree(dirfd, path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);

	return fd < 0 ? fail(what) : fd;
}

static int mount_restrict(int fd, bool readonly)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME,
		.attr_clr = MOUNT_ATTR__ATIME,
		.propagation = MS_PRIVATE,
	};

	if (readonly)
		attr.attr_set |= MOUNT_ATTR_RDONLY;
	if (!mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)))
		return 0;
	/* In a user namespace the access-time mode of the host's mounts is locked. */
	attr.attr_set &= ~(uint64_t)MOUNT_ATTR_NOATIME;
	attr.attr_clr = 0;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return fail("mount attributes");
	return 0;
}

/* Step 1. */
int gofer_jail_mounts(struct gofer_server *srv)
{
	int fd, r;

	if (!cap_has(CAP_SYS_ADMIN))
		return 0;
	for (unsigned i = 0; i < srv->mount_count; i++) {
		fd = tree_clone(srv->mounts[i].fd, "", "clone of a mount");
		if (fd < 0)
			return fd;
		r = mount_restrict(fd, srv->mounts[i].readonly);
		if (r) {
			close(fd);
			return r;
		}
		close(srv->mounts[i].fd);
		srv->mounts[i].fd = fd;
	}
	/* By name: a clone through proc_fd would need that descriptor to be a mount's root. */
	fd = tree_clone(AT_FDCWD, "/proc/self/fd", "clone of the descriptor directory");
	if (fd < 0)
		return fd;
	close(srv->proc_fd);
	srv->proc_fd = fd;
	return 0;
}

static int fd_order(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

/* Step 2. */
static int fds_close(struct gofer_server *srv)
{
	int keep[ABI_GOFER_MOUNTS_MAX + GOFER_WORKERS_MAX + 8], n = 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned from = 3;

	if (null < 0)
		return fail("/dev/null");
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return fail("stdin and stdout");
	keep[n++] = srv->kick_fd;
	keep[n++] = srv->call_fd;
	keep[n++] = srv->control_fd;
	keep[n++] = srv->stop_fd;
	keep[n++] = srv->proc_fd;
	for (unsigned i = 0; i < srv->worker_count; i++)
		keep[n++] = srv->workers[i].epfd;
	for (unsigned i = 0; i < srv->mount_count; i++)
		keep[n++] = srv->mounts[i].fd;
	qsort(keep, (size_t)n, sizeof(*keep), fd_order);
	for (int i = 0; i < n; i++) {
		if ((unsigned)keep[i] < from)
			continue;
		if ((unsigned)keep[i] > from && close_range(from, (unsigned)keep[i] - 1, 0) < 0)
			return fail("closing descriptors");
		from = (unsigned)keep[i] + 1;
	}
	return close_range(from, ~0u, 0) < 0 ? fail("closing descriptors") : 0;
}

/* Step 3. */
static int spaces_enter(void)
{
	if (!cap_has(CAP_SYS_ADMIN))
		return 0;
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) < 0)
		return fail("name spaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail("private mounts");
	/* Any directory will do to put the new root on; /proc is known to be there. */
	if (mount("none", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=4096,nr_inodes=2,mode=555") < 0)
		return fail("empty root");
	if (chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return fail("pivot_root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return fail("old root");
	return 0;
}

/* Step 4. */
static int caps_drop(bool mknod)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uint32_t keep = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH |
			1u << CAP_FOWNER | 1u << CAP_FSETID;

	if (mknod)
		keep |= 1u << CAP_MKNOD;
	if (caps_get(data))
		return fail("capget");
	if (cap_has(CAP_SETPCAP))
		for (unsigned cap = 0; cap <= 63; cap++)
			if ((cap > 31 || !(keep & 1u << cap)) &&
			    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
				return fail("capability bounds");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail("ambient capabilities");
	data[0].permitted &= keep;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){0};
	return syscall(SYS_capset, &head, data) < 0 ? fail("capset") : 0;
}

/* Steps 2 to 5. */
int gofer_jail_enter(struct gofer_server *srv, const struct gofer_config *cfg)
{
	const struct rlimit none = {0, 0};
	int r = fds_close(srv);

	if (!r)
		r = spaces_enter();
	if (!r)
		r = caps_drop(cfg->allow_mknod);
	if (r)
		return r;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return fail("core limit");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail("dumpable");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail("no_new_privs");
	return 0;
}
