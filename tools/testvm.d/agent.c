/* agent.c - the first process of the test VM: takes one job and runs its commands
 * Provides: everything in the VM that is not Debian's kernel: loads modules, waits for the job,
 *   mounts the host's files (9p below, tmpfs above), runs the commands, reports each one.
 * The job arrives in a fw_cfg item, not on a line or port: an item belongs to the QEMU that was
 *   started, so a VM restored from a snapshot finds the new job at a fixed instant of its own
 *   clock, and no host timing enters a run that counts instructions.
 * Job: NUL-terminated strings, the first character says what follows:
 *   d MS since the epoch    w PATH=VALUE (written to that file)    p working directory
 *   e K=V                   t MS (limit for each command)          c NAME of a new command
 *   a ARGUMENT of it        . end
 * Reports: frames on the virtio port: type, 3 zero bytes, length (both ends little-endian):
 *   R ready for a job   S started (name)   O E output and errors   L words of the agent
 *   X command over: exit status, 1 if it ran out of time, milliseconds (u32 each)   Z all over
 * Sleeps: in poll only. A command's descendants are killed when it ends, so that its pipes close
 *   and the next command finds a quiet machine.
 * Tests: tools/check runs every VM suite through it; test/vm/testvm.sh. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FW_SELECT   0x510 /* QEMU docs/specs/fw_cfg: selector, then data, both I/O ports */
#define FW_DATA	    0x511
#define FW_FILE_DIR 0x19
#define JOB_NAME    "opt/org.casemate/job"
#define MAX_ARGS    4096
#define CHUNK	    65536

struct frame_head {
	char type;
	char zero[3];
	uint32_t len;
};

struct fw_file {
	uint32_t size; /* big-endian, as the two below */
	uint16_t select;
	uint16_t reserved;
	char name[56];
};

static int port = -1;
static char *args[MAX_ARGS + 1], *envs[MAX_ARGS + 1];
static int nargs, nenvs;
static const char *work_dir = "/", *command_name;
static long limit_ms;
static int children; /* signalfd */

static void write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
}

static void report(char type, const void *data, size_t len)
{
	static char buf[sizeof(struct frame_head) + CHUNK];
	struct frame_head h = {.type = type, .len = len};

	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), data, len);
	write_all(port, buf, sizeof(h) + len);
}

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (port >= 0)
		report('L', text, strlen(text));
	else
		dprintf(2, "agent: %s\n", text);
}

/* The host sees the end of the port's stream and shows what was said. */
static _Noreturn void give_up(const char *what)
{
	say("%s: %s", what, strerror(errno));
	report('Z', "", 0);
	for (;;)
		pause();
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static void load_modules(void)
{
	FILE *list = fopen("/modules/list", "r");
	char line[256], path[300];

	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		snprintf(path, sizeof(path), "/modules/%s", line);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0)
			say("module %s: %s", line, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	if (list)
		fclose(list);
}

static void open_port(void)
{
	for (int tries = 0; tries < 500 && port < 0; tries++) {
		DIR *d = opendir("/sys/class/virtio-ports");
		struct dirent *e;
		while (d && port < 0 && (e = readdir(d))) {
			char path[300];
			snprintf(path, sizeof(path), "/dev/%s", e->d_name);
			if (e->d_name[0] != '.')
				port = open(path, O_WRONLY | O_CLOEXEC);
		}
		if (d)
			closedir(d);
		if (port < 0)
			sleep_ms(10);
	}
}

static void fw_read(void *to, size_t len)
{
	insb(FW_DATA, to, len);
}

/* The job's text, or NULL while there is none (the item then holds one byte). */
static char *fw_job(uint32_t *len)
{
	uint32_t count;
	struct fw_file f;

	outw(FW_FILE_DIR, FW_SELECT);
	fw_read(&count, sizeof(count));
	for (count = __builtin_bswap32(count); count; count--) {
		fw_read(&f, sizeof(f));
		if (!strncmp(f.name, JOB_NAME, sizeof(f.name)))
			break;
	}
	*len = __builtin_bswap32(f.size);
	if (!count || *len < 2)
		return NULL;
	char *text = malloc(*len + 1);
	if (!text)
		give_up("job");
	outw(__builtin_bswap16(f.select), FW_SELECT);
	fw_read(text, *len);
	text[*len] = 0;
	return text;
}

static void write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_TRUNC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		say("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void mount_or_die(const char *src, const char *dir, const char *type, unsigned long flags,
			 const char *opts)
{
	mkdir(dir, 0755);
	if (mount(src, dir, type, flags, opts) < 0)
		give_up(dir);
}

static void mount_basics(void)
{
	mount_or_die("proc", "/proc", "proc", 0, NULL);
	mount_or_die("sysfs", "/sys", "sysfs", 0, NULL);
	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL); /* EBUSY if the kernel did it */
	mount_or_die("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666");
	mount_or_die("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
	mount_or_die("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

static void interface_up(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &r) < 0)
		say("loopback: %s", strerror(errno));
	if (s >= 0)
		close(s);
}

/* The new root is moved over the old one, not merely chroot()ed to: the kernel refuses user
 * namespaces to a process whose root is not its mount namespace's. */
static void enter_host_root(void)
{
	static const char *const keep[] = {"/proc", "/sys", "/dev"};
	char to[32];

	mount_or_die("hostroot", "/lower", "9p", MS_RDONLY,
		     "trans=virtio,version=9p2000.L,msize=512000,cache=loose");
	mount_or_die("tmpfs", "/upper", "tmpfs", 0, "size=75%,mode=755");
	mkdir("/upper/data", 0755);
	mkdir("/upper/work", 0755);
	mount_or_die("overlay", "/root", "overlay", 0,
		     "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work");
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
		snprintf(to, sizeof(to), "/root%s", keep[i]);
		mkdir(to, 0755);
		if (mount(keep[i], to, NULL, MS_MOVE, NULL) < 0)
			give_up(to);
	}
	mount_or_die("tmpfs", "/root/run", "tmpfs", 0, "mode=755");
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		give_up("root");
}

static _Noreturn void become_command(int out, int err)
{
	sigset_t none;
	int in = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	closefrom(3);
	if (chdir(work_dir) < 0) {
		dprintf(2, "testvm: %s: %s\n", work_dir, strerror(errno));
		_exit(126);
	}
	clearenv();
	environ = envs;
	execvp(args[0], args);
	dprintf(2, "testvm: %s: %s\n", args[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Passes on what one pipe holds; false at its end. */
static bool forward(int fd, char type)
{
	static char buf[CHUNK];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		report(type, buf, n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static void reap(pid_t child, int *status, bool *over)
{
	struct signalfd_siginfo si;
	pid_t pid;
	int st;

	while (read(children, &si, sizeof(si)) > 0)
		;
	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		if (pid == child) {
			*status = st;
			*over = true;
		}
	}
}

/* As process 1, kill(-1) reaches all others and never the caller. */
static void kill_everybody(void)
{
	do
		kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

static void watch(pid_t child, int out, int err, uint32_t result[3])
{
	struct pollfd p[3] = {
		{.fd = out, .events = POLLIN},
		{.fd = err, .events = POLLIN},
		{.fd = children, .events = POLLIN},
	};
	long start = now_ms();
	int status = 0;
	bool over = false;

	while (!over) {
		long left = limit_ms ? start + limit_ms - now_ms() : -1;
		if (limit_ms && left <= 0) {
			result[1] = 1;
			break;
		}
		poll(p, 3, left);
		if (p[0].revents && !forward(out, 'O'))
			p[0].fd = -1;
		if (p[1].revents && !forward(err, 'E'))
			p[1].fd = -1;
		if (p[2].revents)
			reap(child, &status, &over);
	}
	result[2] = now_ms() - start;
	kill_everybody();
	while (forward(out, 'O'))
		;
	while (forward(err, 'E'))
		;
	result[0] = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (result[1])
		result[0] = 124;
}

static void run_command(void)
{
	uint32_t result[3] = {0};
	int out[2], err[2];

	if (!command_name || !nargs)
		return;
	args[nargs] = NULL;
	envs[nenvs] = NULL;
	report('S', command_name, strlen(command_name));
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		give_up("pipe");
	fcntl(out[0], F_SETPIPE_SZ, 1 << 20);
	pid_t child = fork();
	if (child < 0)
		give_up("fork");
	if (!child)
		become_command(out[1], err[1]);
	close(out[1]);
	close(err[1]);
	watch(child, out[0], err[0], result);
	close(out[0]);
	close(err[0]);
	report('X', result, sizeof(result));
}

static void set_clock(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	clock_settime(CLOCK_REALTIME, &t);
}

static void take_item(char *s)
{
	char *value = strchr(s, '=');

	switch (s[0]) {
	case 'd':
		set_clock(atol(s + 1));
		break;
	case 'w':
		if (value) {
			*value = 0;
			write_file(s + 1, value + 1);
		}
		break;
	case 'p':
		work_dir = s + 1;
		break;
	case 't':
		limit_ms = atol(s + 1);
		break;
	case 'e':
		if (nenvs < MAX_ARGS)
			envs[nenvs++] = s + 1;
		break;
	case 'a':
		if (nargs < MAX_ARGS)
			args[nargs++] = s + 1;
		break;
	case 'c':
		run_command();
		command_name = s + 1;
		nargs = 0;
		break;
	case '.':
		run_command();
		break;
	}
}

int main(void)
{
	sigset_t chld;
	uint32_t len;
	char *job;

	mount_basics();
	load_modules();
	open_port();
	if (port < 0 || iopl(3) < 0) {
		say("no port to the host, or no I/O rights");
		return 1; /* the kernel panics and QEMU ends */
	}
	sethostname("testvm", 6);
	interface_up();
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	children = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
	sync();
	write_file("/proc/sys/vm/drop_caches", "3");
	report('R', "", 0);
	while (!(job = fw_job(&len)))
		sleep_ms(5);
	iopl(0); /* or each command would inherit it */
	enter_host_root();
	for (char *s = job; s < job + len; s += strlen(s) + 1)
		take_item(s);
	report('Z', "", 0);
	for (;;)
		pause();
}
