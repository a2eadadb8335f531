/* state.c - the directory in which a running container is found by its ID
 *
 * Locks: flock on ROOT/ID/lock. A name is taken by creating the file and locking it, then checking
 *   that the path still names the locked file (a command that removes a stale directory may have
 *   come in between).
 * Tests: test/unit/vmm/state_test.c, test/oci/id.sh
 */
#include "vmm/oci/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/util/util.h"

/* Root of a user namespace alone may not. */
static bool may_use_run(void)
{
	return geteuid() == 0 &&
	       (!access("/run/runsc", W_OK) || (errno == ENOENT && !access("/run", W_OK)));
}

const char *state_default_root(char *buf, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (may_use_run())
		snprintf(buf, size, "/run/runsc");
	else if (runtime && *runtime == '/')
		snprintf(buf, size, "%s/runsc", runtime);
	else
		snprintf(buf, size, "/tmp/runsc-%u", geteuid());
	return buf;
}

int state_check_id(const char *id, struct error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-.";
	size_t len = strlen(id);

	if (!len)
		return error_set(err, "the container ID is empty");
	if (len > STATE_ID_MAX)
		return error_set(err, "the container ID is longer than %d characters",
				 STATE_ID_MAX);
	if (strspn(id, allowed) != len || strspn(id, ".") == len)
		return error_set(err,
				 "\"%.128s\" is no container ID: use letters, digits and _+-. only",
				 id);
	return 0;
}

/* mkdir -p with 0700; the parents of a --root may be missing. */
static int make_dirs(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(part, path, len + 1);
	for (size_t i = 1; i < len; i++) {
		if (part[i] != '/')
			continue;
		part[i] = 0;
		if (mkdir(part, 0711) && errno != EEXIST)
			return -1;
		part[i] = '/';
	}
	return mkdir(part, 0711) && errno != EEXIST ? -1 : 0;
}

static bool same_file(int fd, int dir_fd, const char *name)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* 1: taken; 0: try again; -1 with errno (EWOULDBLOCK: somebody has it). */
static int state_try(struct state *st)
{
	if (mkdir(st->dir, 0700) && errno != EEXIST)
		return -1;
	st->dir_fd = open(st->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (st->dir_fd < 0)
		return errno == ENOENT ? 0 : -1;
	st->lock_fd = openat(st->dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (st->lock_fd < 0 && errno != ENOENT)
		return -1;
	if (st->lock_fd >= 0 && flock(st->lock_fd, LOCK_EX | LOCK_NB))
		return -1;
	if (st->lock_fd >= 0 && same_file(st->lock_fd, st->dir_fd, "lock") &&
	    same_file(st->dir_fd, AT_FDCWD, st->dir)) {
		unlinkat(st->dir_fd, "ctl", 0);
		return 1;
	}
	close(st->dir_fd);
	if (st->lock_fd >= 0)
		close(st->lock_fd);
	st->dir_fd = st->lock_fd = -1;
	return 0;
}

int state_create(struct state *st, const char *root, const char *id, struct error *err)
{
	int rc, saved;

	st->dir_fd = st->lock_fd = -1;
	if (state_check_id(id, err))
		return -1;
	if (snprintf(st->dir, sizeof(st->dir), "%s/%s", root, id) >= (int)sizeof(st->dir))
		return error_set(err, "the path of --root is too long");
	if (make_dirs(root))
		return error_sys(err,
				 "cannot create the state directory %s; choose another with "
				 "--root",
				 root);
	do {
		rc = state_try(st);
	} while (rc == 0);
	if (rc > 0)
		return 0;
	saved = errno;
	if (st->lock_fd >= 0)
		close(st->lock_fd);
	if (st->dir_fd >= 0)
		close(st->dir_fd);
	st->dir_fd = st->lock_fd = -1;
	errno = saved;
	if (saved == EWOULDBLOCK)
		return error_set(err, "container %s is already running: choose another ID", id);
	return error_sys(err, "cannot use %s", st->dir);
}

void state_remove(struct state *st)
{
	if (st->lock_fd < 0)
		return;
	unlinkat(st->dir_fd, "ctl", 0);
	unlinkat(st->dir_fd, "lock", 0);
	rmdir(st->dir);
	close(st->dir_fd);
	close(st->lock_fd);
	st->dir_fd = st->lock_fd = -1;
}

/* The path through the open directory fits a sun_path however long --root is. */
static void socket_address(struct sockaddr_un *addr, int dir_fd)
{
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/ctl", dir_fd);
}

int state_listen(struct state *st, int *fd, struct error *err)
{
	struct sockaddr_un addr;

	socket_address(&addr, st->dir_fd);
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0 || bind(*fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(*fd, 8))
		return error_sys(err, "cannot create the socket %s/ctl", st->dir);
	return 0;
}

int state_connect(const char *root, const char *id, int *fd, struct error *err)
{
	cleanup_close int dir_fd = -1;
	struct sockaddr_un addr;
	char dir[PATH_MAX];

	if (state_check_id(id, err))
		return -1;
	if (snprintf(dir, sizeof(dir), "%s/%s", root, id) >= (int)sizeof(dir))
		return error_set(err, "the path of --root is too long");
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 && errno == ENOENT)
		return error_set(err, "no container %s below %s", id, root);
	if (dir_fd < 0)
		return error_sys(err, "cannot open %s", dir);
	socket_address(&addr, dir_fd);
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd < 0 || connect(*fd, (struct sockaddr *)&addr, sizeof(addr)))
		return error_sys(err, "container %s does not answer", id);
	return 0;
}
