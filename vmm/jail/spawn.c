/* spawn.c - starting boot and gofer with few rights
 *
 * Provides: jail_start(): this program, executed again, in own user, mount, pid, ipc, uts and
 *   network namespaces, with exactly the descriptors it was given, dying with its parent.
 * Two steps: what is shed here is shed before a byte of the new program runs. Boot comes out of it
 *   with an empty read-only root, no capability, no id of its own (nobody, where the caller is
 *   root) and no_new_privs. The file server keeps the ids and capabilities that it exists for and
 *   those it needs to shed the rest itself. The second step, when set-up is done, is a list of
 *   system calls: filters.c for boot, gofer/jail.c and gofer/filter.c for the file server.
 * Ordinary users, and a root who has no other ids (the only one of a user namespace): the namespace
 * maps only the caller's own.
 */
#include "vmm/jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/util/util.h"

#define NOBODY	   65534u
#define PARK_FD	   400 /* descriptors are gathered here before they get their numbers */
#define ARGS_MAX   40
#define ID_MAP_MAX 4096
#define BOOT_SPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET)
/* The file server makes the others itself, behind its last use of the host's mounts. */
#define GOFER_SPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID)

/* What the file server keeps across its start; it drops the last two itself when it has made its
 * own jail (gofer/jail.c). */
static const uint32_t file_caps[] = {
	CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
	CAP_FSETID, CAP_MKNOD,	      CAP_SETPCAP,	   CAP_SYS_ADMIN,
};

static int write_file(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : write_all(fd, text, strlen(text));
}

/* The ids that this process's namespace has, each mapped to itself. *nobody: that one is there.
 * False: they cannot be read, or are too many. */
static bool own_ids(const char *path, char *map, size_t size, bool *nobody)
{
	FILE *f = fopen(path, "re");
	unsigned long long first, outside, count;
	size_t n = 0;

	*nobody = false;
	map[0] = 0;
	if (!f)
		return false;
	while (fscanf(f, "%llu %llu %llu", &first, &outside, &count) == 3 && n < size) {
		n += snprintf(map + n, size - n, "%llu %llu %llu\n", first, first, count);
		*nobody |= first <= NOBODY && NOBODY - first < count;
	}
	fclose(f);
	return n > 0 && n < size;
}

static bool has_nobody(void)
{
	char map[ID_MAP_MAX];
	bool user, group;

	return own_ids("/proc/self/uid_map", map, sizeof(map), &user) && user &&
	       own_ids("/proc/self/gid_map", map, sizeof(map), &group) && group;
}

/* By the parent, when it is root: it may map more than itself. */
static int map_ids_of(pid_t pid, bool file_rights, struct error *err)
{
	static const char *const kinds[] = {"uid_map", "gid_map"};
	char path[64], map[ID_MAP_MAX] = "65534 65534 1\n";

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool nobody;

		snprintf(path, sizeof(path), "/proc/self/%s", kinds[i]);
		if (file_rights && !own_ids(path, map, sizeof(map), &nobody))
			return error_set(err, "cannot tell the ids of this user namespace");
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, kinds[i]);
		if (write_file(path, map))
			return error_sys(err, "cannot map %s ids for the sandbox",
					 i ? "group" : "user");
	}
	return 0;
}

/* By the child of an ordinary user: itself, to itself. */
static int map_own_ids(uid_t uid, gid_t gid, struct error *err)
{
	char map[64];

	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	if (write_file("/proc/self/uid_map", map) || write_file("/proc/self/setgroups", "deny"))
		return error_sys(err, "cannot map user ids for the sandbox");
	snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	if (write_file("/proc/self/gid_map", map))
		return error_sys(err, "cannot map group ids for the sandbox");
	return 0;
}

/* An empty, read-only file system becomes the root, and the host's tree is let go. */
static int empty_root(struct error *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return error_sys(err, "cannot make the mounts private");
	if (mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555") ||
	    chdir("/proc") || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) ||
	    chdir("/"))
		return error_sys(err, "cannot change to an empty root");
	if (mount(NULL, "/", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return error_sys(err, "cannot make the empty root read-only");
	return 0;
}

/* The mounts of the file server, from descriptor PARK_FD + nr_fds on. They are opened in its own
 * mount namespace, where it has the right to make detached clones of them. */
static int open_mounts(const struct jail_program *prog, struct error *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return error_sys(err, "cannot make the mounts private");
	for (unsigned i = 0; i < prog->nr_mounts; i++) {
		int fd = open(prog->mounts[i], O_PATH | O_CLOEXEC);

		if (fd < 0)
			return error_sys(err, "cannot take %s for the container", prog->mounts[i]);
		if (dup3(fd, PARK_FD + prog->nr_fds + i, O_CLOEXEC) < 0)
			return error_sys(err, "too many mounts");
		close(fd);
	}
	return 0;
}

static int drop_capabilities(bool file_rights, struct error *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	uint64_t keep = 0;

	if (file_rights)
		for (size_t i = 0; i < ARRAY_SIZE(file_caps); i++)
			keep |= 1ull << file_caps[i];
	for (unsigned cap = 0; cap < 64; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL)
			return error_sys(err, "cannot drop capability %u", cap);
	data[0].effective = data[0].permitted = data[0].inheritable = keep;
	if (syscall(SYS_capset, &head, data))
		return error_sys(err, "cannot drop capabilities");
	for (size_t i = 0; keep && i < ARRAY_SIZE(file_caps); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, file_caps[i], 0, 0))
			return error_sys(err, "cannot keep capability %u", file_caps[i]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_sys(err, "no_new_privs");
	return 0;
}

/* Gathers first, places then: a number to be filled may hold a descriptor still needed. */
static int place_descriptors(const struct jail_program *prog, int exe_fd, int report_fd,
			     struct error *err)
{
	unsigned total = prog->nr_fds + prog->nr_mounts;

	for (unsigned i = 0; i < prog->nr_fds; i++)
		if (prog->fds[i] >= 0 && dup3(prog->fds[i], PARK_FD + i, O_CLOEXEC) < 0)
			return error_sys(err, "cannot pass descriptor %u", i);
	if (dup3(exe_fd, PARK_FD - 2, O_CLOEXEC) < 0 || dup3(report_fd, PARK_FD - 1, O_CLOEXEC) < 0)
		return error_sys(err, "cannot pass descriptors");
	for (unsigned i = 0; i < total; i++) {
		bool wanted = i >= prog->nr_fds || prog->fds[i] >= 0;

		if (wanted && dup2(PARK_FD + i, i) < 0)
			return error_sys(err, "cannot place descriptor %u", i);
		if (!wanted)
			close(i);
	}
	if (syscall(SYS_close_range, total, PARK_FD - 3, 0) ||
	    syscall(SYS_close_range, PARK_FD, ~0u, 0))
		return error_sys(err, "cannot close descriptors");
	return 0;
}

struct child {
	const struct jail_program *prog;
	int exe_fd;
	int report_fd;
	bool root;
	uid_t uid;
	gid_t gid;
};

static int child_shed(const struct child *c, struct error *err)
{
	const struct jail_program *prog = c->prog;
	char go;

	if (c->root && read(c->report_fd, &go, 1) != 1)
		return error_set(err, "the command ended");
	if (!c->root && map_own_ids(c->uid, c->gid, err))
		return -1;
	if (c->root && !prog->file_rights &&
	    (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	     setresuid(NOBODY, NOBODY, NOBODY)))
		return error_sys(err, "cannot become nobody");
	if (prog->file_rights ? open_mounts(prog, err) : empty_root(err))
		return -1;
	if (place_descriptors(prog, c->exe_fd, c->report_fd, err) ||
	    drop_capabilities(prog->file_rights, err))
		return -1;
	/* Not before: a change of credentials clears it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return error_sys(err, "cannot tie the process to its parent");
	return 0;
}

static void child_main(const struct child *c) __attribute__((noreturn));
static void child_main(const struct child *c)
{
	const char *argv[ARGS_MAX] = {"runsc", c->prog->verb};
	char *envp[] = {NULL};
	struct error err = {0};
	sigset_t none;
	int report = c->report_fd;

	for (int i = 0; c->prog->args && c->prog->args[i] && i < ARGS_MAX - 3; i++)
		argv[i + 2] = c->prog->args[i];
	sigemptyset(&none);
	setsid();
	if (!child_shed(c, &err)) {
		report = PARK_FD - 1;
		sigprocmask(SIG_SETMASK, &none, NULL);
		syscall(SYS_execveat, PARK_FD - 2, "", (char **)(uintptr_t)argv, envp,
			AT_EMPTY_PATH);
		error_sys(&err, "cannot start this program again");
	}
	/* Where the descriptors were already placed, the report lies at its parking place. */
	if (write(report, err.text, strlen(err.text)) < 0)
		(void)!write(PARK_FD - 1, err.text, strlen(err.text));
	_exit(EXIT_BAD_INPUT);
}

static int start_failed(struct error *err)
{
	if (errno == EPERM || errno == ENOSPC || errno == EUSERS)
		return error_sys(err, "this system refuses user namespaces to the sandbox; allow "
				      "them (sysctl user.max_user_namespaces, "
				      "kernel.unprivileged_userns_clone=1, "
				      "kernel.apparmor_restrict_unprivileged_userns=0)");
	return error_sys(err, "cannot create the namespaces of the sandbox");
}

int jail_start(const struct jail_program *prog, struct jail_process *proc, struct error *err)
{
	cleanup_close int exe_fd = prog->exe_fd ? fcntl(prog->exe_fd, F_DUPFD_CLOEXEC, 3)
						: open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	cleanup_close int child_end = -1;
	int pair[2], pidfd = -1;
	struct child c = {.prog = prog, .uid = geteuid(), .gid = getegid()};
	pid_t pid;

	proc->pid = proc->pidfd = proc->report_fd = -1;
	if (exe_fd < 0)
		return error_sys(err, "cannot open /proc/self/exe");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return error_sys(err, "socketpair");
	child_end = pair[1];
	proc->report_fd = pair[0];
	c.exe_fd = exe_fd;
	c.report_fd = pair[1];
	c.root = c.uid == 0 && has_nobody();
	pid = syscall(SYS_clone,
		      (prog->file_rights ? GOFER_SPACES : BOOT_SPACES) | CLONE_PIDFD | SIGCHLD, 0,
		      &pidfd, 0, 0);
	if (pid == 0)
		child_main(&c);
	if (pid < 0)
		return start_failed(err);
	proc->pid = pid;
	proc->pidfd = pidfd;
	if (c.root && map_ids_of(pid, prog->file_rights, err))
		return -1;
	if (c.root && write(proc->report_fd, "g", 1) != 1)
		return error_sys(err, "the sandbox ended");
	return 0;
}

int jail_started(struct jail_process *proc, struct error *err)
{
	ssize_t n = read_full(proc->report_fd, err->text, sizeof(err->text) - 1);

	close(proc->report_fd);
	proc->report_fd = -1;
	if (n <= 0)
		return 0;
	err->text[n] = 0;
	return -1;
}

int jail_end(struct jail_process *proc, bool kill_it)
{
	int status = -1;

	if (proc->report_fd >= 0)
		close(proc->report_fd);
	if (proc->pid > 0) {
		if (kill_it)
			kill(proc->pid, SIGKILL);
		while (waitpid(proc->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (proc->pidfd >= 0)
		close(proc->pidfd);
	proc->pid = proc->pidfd = proc->report_fd = -1;
	return status;
}
