/* launch.c - running a container in a sandbox of its own, in the foreground
 *
 * Provides: launch(): starts gofer and boot, passes signals and window sizes on, waits, and clears
 *   up. It is the only part that touches the state directory, the terminal and the report.
 * Owns: the two processes (they die with this one, and this one ends only after them), the state
 *   directory, the terminal's settings.
 * Order: everything that can be wrong with the host is looked at before a process is started, so
 *   that most errors cost nothing to undo.
 * Tests: test/oci/
 */
#include "vmm/cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/gofer.h"
#include "abi/layout.h"
#include "vmm/cli/console.h"
#include "vmm/cli/host.h"
#include "vmm/cli/report.h"
#include "vmm/jail/jail.h"
#include "vmm/kvm/vm.h"
#include "vmm/oci/state.h"
#include "vmm/sandbox/setup.h"
#include "vmm/util/log.h"
#include "vmm/util/util.h"

/* How long boot may still speak when the file server has died. */
#define GOFER_GRACE_MS 2000

struct launch {
	const struct globals *globals;
	struct container *c;
	const char *stats_file;
	char root[PATH_MAX];
	struct state state;
	struct jail_process boot, gofer;
	int kvm_fd;
	bool systrap;	  /* without KVM, */
	struct error kvm; /* and why: empty if that was asked for */
	int control[2];	  /* ours, boot's */
	int gofer_end[2]; /* ours, the gofer's: its hang-up ends the gofer */
	int channel_fd, kick_fd, call_fd;
	int config_fd, listen_fd, log_fd;
	int signal_fd;
	sigset_t old_mask;
	struct report report;
};

static const int forwarded[] = {SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM, SIGUSR1,
				SIGUSR2, SIGALRM, SIGCONT, SIGWINCH};

static int launch_signals(struct launch *l, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, &l->old_mask);
	/* Its text goes to the log; a reader of ours that left must not kill the container. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is an error that is told */
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return l->signal_fd < 0 ? error_sys(err, "signalfd") : 0;
}

static int launch_log(struct launch *l, struct error *err)
{
	const struct globals *g = l->globals;

	if (g->debug_log) {
		l->log_fd = open(g->debug_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (l->log_fd < 0)
			return error_sys(err, "cannot open the debug log %s", g->debug_log);
	} else if (g->debug || g->strace) {
		l->log_fd = fcntl(2, F_DUPFD_CLOEXEC, 3);
	}
	return 0;
}

static int sealed_memfd(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int launch_channel(struct launch *l, struct error *err)
{
	void *base;
	int rc;

	l->channel_fd = sealed_memfd("gofer-channel", ABI_CHANNEL_STRIDE);
	if (l->channel_fd < 0)
		return error_sys(err, "cannot create the file server's channel (memfd_create)");
	l->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->kick_fd < 0 || l->call_fd < 0)
		return error_sys(err, "cannot create the file server's doorbells (eventfd2)");
	base = mmap(NULL, ABI_CHANNEL_STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED, l->channel_fd, 0);
	if (base == MAP_FAILED)
		return error_sys(err, "cannot map the file server's channel");
	rc = abi_channel_format(base, ABI_CHANNEL_STRIDE, ABI_CHANNEL_GOFER, ABI_GOFER_RING_ENTRIES,
				ABI_GOFER_SLOTS, ABI_GOFER_SLOT_SIZE);
	munmap(base, ABI_CHANNEL_STRIDE);
	return rc ? error_set(err, "cannot lay out the file server's channel") : 0;
}

static uint32_t launch_flags(const struct launch *l)
{
	const struct globals *g = l->globals;
	bool json = !strcmp(g->log_format, "json");

	return (l->log_fd >= 0 ? BOOT_LOG : 0) | (g->debug ? BOOT_DEBUG : 0) |
	       (g->strace ? BOOT_STRACE : 0) | (l->stats_file ? BOOT_STATS : 0) |
	       (host_tsc_is_stable() ? BOOT_STABLE_TSC : 0) |
	       (!strcmp(g->platform, "auto") && !l->systrap ? BOOT_PROBE : 0) |
	       (l->systrap ? BOOT_SYSTRAP : 0) | (g->count_host ? BOOT_COUNT_HOST : 0) |
	       (json ? BOOT_LOG_JSON : 0) | (g->no_patching ? BOOT_NO_PATCH : 0) |
	       (!strcmp(g->watchdog_action, "panic") ? BOOT_WATCHDOG_PANIC : 0);
}

static int launch_config(struct launch *l, struct error *err)
{
	struct boot_config conf = {
		.magic = BOOT_CONFIG_MAGIC,
		.flags = launch_flags(l),
		.pids_limit = l->c->pids_limit,
	};
	cleanup_free void *blob = NULL;

	conf.cpus = host_cpus(l->globals->cpus);
	conf.ram_limit = l->c->memory_limit   ? l->c->memory_limit
			 : l->globals->memory ? l->globals->memory
					      : host_memory();
	if (conf.ram_limit < HOST_MEMORY_MIN)
		return error_set(err, "a memory limit below %u MiB is too small for a sandbox",
				 HOST_MEMORY_MIN >> 20);
	if (container_blob(l->c, l->globals->strace ? ABI_SPEC_STRACE : 0, console_size(0), &blob,
			   &conf.spec_size, err))
		return -1;
	l->config_fd = memfd_create("boot-config", MFD_CLOEXEC);
	if (l->config_fd < 0 || write_all(l->config_fd, &conf, sizeof(conf)) ||
	    write_all(l->config_fd, blob, conf.spec_size))
		return error_sys(err, "cannot pass the configuration on");
	return 0;
}

static int launch_gofer(struct launch *l, struct error *err)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[] = {null, null, 2, l->gofer_end[1], l->channel_fd, l->kick_fd, l->call_fd};
	cleanup_free const char **mounts = calloc(l->c->nr_mounts, sizeof(*mounts));
	cleanup_free char *flags = calloc(1, l->c->nr_mounts + 1);
	const char *args[] = {flags, NULL};
	struct jail_program prog = {
		.verb = "gofer",
		.args = args,
		.fds = fds,
		.nr_fds = ARRAY_SIZE(fds),
		.file_rights = true,
		.mounts = mounts,
	};

	if (!mounts || !flags)
		return error_set(err, "out of memory");
	for (size_t i = 0; i < l->c->nr_mounts; i++) {
		const struct container_mount *m = &l->c->mounts[i];
		bool ro = m->flags & (ABI_MOUNT_RDONLY | ABI_MOUNT_OVERLAY);

		if (m->type != ABI_MOUNT_GOFER)
			continue;
		/* The gofer's own view of each mount: bit 0 read-only, bit 1 exclusive. */
		flags[prog.nr_mounts] = '0' + (ro ? 1 : 0) + (m->flags & ABI_MOUNT_SHARED ? 0 : 2);
		mounts[prog.nr_mounts++] = m->source;
	}
	return jail_start(&prog, &l->gofer, err);
}

static int launch_boot(struct launch *l, struct error *err)
{
	const int fds[BOOT_FD_END] = {
		[0] = 0,
		[1] = 1,
		[2] = 2,
		[BOOT_FD_CONTROL] = l->control[1],
		[BOOT_FD_CONFIG] = l->config_fd,
		[BOOT_FD_KVM] = l->kvm_fd,
		[BOOT_FD_LISTEN] = l->listen_fd,
		[BOOT_FD_CHANNEL] = l->channel_fd,
		[BOOT_FD_KICK] = l->kick_fd,
		[BOOT_FD_CALL] = l->call_fd,
		[BOOT_FD_LOG] = l->log_fd,
	};
	struct jail_program prog = {
		.verb = "boot",
		.fds = fds,
		.nr_fds = BOOT_FD_END,
	};

	return jail_start(&prog, &l->boot, err);
}

static int launch_sockets(struct launch *l, struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, l->control) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, l->gofer_end))
		return error_sys(err, "socketpair");
	return state_listen(&l->state, &l->listen_fd, err);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What only the children need. With the stdio closed here too, the other end of a pipe sees when
 * the container closes its own; 2 stays for our own last words. */
static void launch_let_go(struct launch *l)
{
	int *const fds[] = {&l->kvm_fd,	   &l->control[1], &l->gofer_end[1], &l->config_fd,
			    &l->listen_fd, &l->log_fd,	   &l->channel_fd};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close_fd(fds[i]);
	if (!l->c->terminal) {
		close(0);
		close(1);
	}
}

/* KVM's device, unless the CPU makes the guest kernel's memory readable: it stays mapped while
 * programs run. */
static int launch_kvm(struct launch *l, struct error *err)
{
	if (kvm_open(l->globals->platform_device, &l->kvm_fd, err))
		return -1;
	if (!host_has_meltdown() || l->globals->allow_meltdown)
		return 0;
	close_fd(&l->kvm_fd);
	return error_set(err, "this CPU has the Meltdown bug: a program in the sandbox could read "
			      "the guest kernel's memory; use another machine or "
			      "--platform=systrap, or --allow-meltdown if that is no harm");
}

static int launch_platform(struct launch *l, struct error *err)
{
	const char *name = l->globals->platform;

	if (!strcmp(name, "kvm"))
		return launch_kvm(l, err);
	if (!strcmp(name, "auto"))
		l->systrap = launch_kvm(l, &l->kvm) != 0;
	else
		l->systrap = true;
	if (!strcmp(name, "ptrace"))
		return error_set(&l->kvm, "\"ptrace\" is another name of it"), 0;
	return 0;
}

/* For "runsc list": the lock's file is there as long as the container is. */
static void launch_note_platform(struct launch *l)
{
	const char *name = l->systrap ? "systrap\n" : "kvm\n";

	(void)!ftruncate(l->state.lock_fd, 0);
	(void)!pwrite(l->state.lock_fd, name, strlen(name), 0);
	if (l->systrap && l->kvm.text[0] && l->log_fd >= 0) {
		cleanup_free char *line = NULL;

		if (asprintf(&line, "platform systrap: %s", l->kvm.text) < 0)
			line = NULL;
		else
			log_line(l->log_fd, !strcmp(l->globals->log_format, "json"), 1, line);
	}
}

static int launch_start(struct launch *l, struct error *err)
{
	if (host_check(err) || launch_platform(l, err))
		return -1;
	/* Signals first: from here on one that ends us has to wait until all is cleared up. */
	if (launch_signals(l, err) || state_create(&l->state, l->root, l->c->id, err))
		return -1;
	if (launch_log(l, err) || launch_sockets(l, err) || launch_channel(l, err) ||
	    launch_config(l, err))
		return -1;
	launch_note_platform(l);
	if (launch_gofer(l, err) || launch_boot(l, err))
		return -1;
	if (jail_started(&l->gofer, err) || jail_started(&l->boot, err))
		return -1;
	if (l->c->terminal)
		console_raw(0);
	launch_let_go(l);
	return 0;
}

/* The report goes behind the debug log, or beside the state directories. */
static int launch_panic(struct launch *l, const char *why, struct error *err)
{
	const char *log = l->globals->debug_log;
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s%s", log ? log : l->state.dir, log ? "" : ".report");
	err->status = EXIT_GUEST_PANIC;
	if (report_write(&l->report, path, log != NULL))
		return error_set(err,
				 "the guest kernel died: %.400s; no report could be written "
				 "to %.480s",
				 why, path);
	return error_set(err, "the guest kernel died: %.400s; report in %.480s", why, path);
}

static void launch_stats(struct launch *l, const struct boot_msg *msg)
{
	cleanup_close int fd = -1;

	if (!l->stats_file)
		return;
	fd = open(l->stats_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd >= 0)
		(void)write_all(fd, msg->text, msg->head.len);
}

/* Text of the boot process for a terminal: one line, no control characters. */
static void clean_line(const struct boot_msg *msg, char *buf, size_t size)
{
	size_t n = msg->head.len < size - 1 ? msg->head.len : size - 1;

	for (size_t i = 0; i < n; i++)
		buf[i] = (unsigned char)msg->text[i] < 0x20 ? ' ' : msg->text[i];
	buf[n] = 0;
}

/* 0: go on; 1: *status is the answer; -1: err. */
static int launch_message(struct launch *l, const struct boot_msg *msg, int *status,
			  struct error *err)
{
	char line[900];

	switch (msg->head.type) {
	case BOOT_MSG_REPORT:
		report_add(&l->report, msg->text, msg->head.len);
		return 0;
	case BOOT_MSG_STATS:
		launch_stats(l, msg);
		return 0;
	case BOOT_MSG_SYSTRAP:
		l->systrap = true;
		launch_note_platform(l);
		return 0;
	case BOOT_MSG_EXIT:
		*status = WIFSIGNALED(msg->head.value) ? 128 + WTERMSIG(msg->head.value)
						       : WEXITSTATUS(msg->head.value);
		return 1;
	case BOOT_MSG_PANIC:
		clean_line(msg, line, sizeof(line));
		return launch_panic(l, line, err);
	case BOOT_MSG_ERROR:
		clean_line(msg, line, sizeof(line));
		err->status = msg->head.value;
		return error_set(err, "%s", line);
	}
	return 0;
}

static void launch_forward(struct launch *l)
{
	struct signalfd_siginfo info;

	while (read(l->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		bool size = info.ssi_signo == SIGWINCH;

		if (size && !l->c->terminal)
			continue;
		boot_send(l->control[0], size ? BOOT_MSG_WINCH : BOOT_MSG_SIGNAL,
			  size ? (int32_t)console_size(0) : (int32_t)info.ssi_signo, NULL, 0);
	}
}

/* A process ended without a word: its wait status is all there is. */
static int launch_lost(const char *name, int status, struct error *err)
{
	err->status = EXIT_GUEST_PANIC;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return error_set(err,
				 "the %s process made a system call that it must not make, and "
				 "was stopped",
				 name);
	if (WIFSIGNALED(status))
		return error_set(err, "the %s process was killed by signal %d", name,
				 WTERMSIG(status));
	return error_set(err, "the %s process ended (status %d), and with it the container", name,
			 WEXITSTATUS(status));
}

/* The next message of boot. 0: go on; 1: *status is the answer; -1: err. */
static int launch_heard(struct launch *l, struct boot_msg *msg, int *status, struct error *err)
{
	if (boot_recv(l->control[0], msg, 0) <= 0)
		return launch_lost("sandbox", jail_end(&l->boot, false), err);
	return launch_message(l, msg, status, err);
}

static int launch_wait(struct launch *l, struct error *err)
{
	cleanup_free struct boot_msg *msg = malloc(sizeof(*msg));
	struct pollfd p[] = {
		{.fd = l->control[0], .events = POLLIN},
		{.fd = l->signal_fd, .events = POLLIN},
		{.fd = l->gofer.pidfd, .events = POLLIN},
	};
	int status = 0, rc = 0, gofer_status = 0, n;

	if (!msg)
		return error_set(err, "out of memory");
	while (rc == 0) {
		n = poll(p, ARRAY_SIZE(p), gofer_status ? GOFER_GRACE_MS : -1);
		if (n == 0)
			return launch_lost("file server", gofer_status, err);
		if (n < 0)
			continue;
		if (p[1].revents)
			launch_forward(l);
		if (p[0].revents) {
			rc = launch_heard(l, msg, &status, err);
		} else if (p[2].revents) {
			/* At the container's end the kernel closes the channel, and the gofer may
			 * be gone before boot has said so. Another end of it ends the container. */
			p[2].fd = -1;
			gofer_status = jail_end(&l->gofer, false);
		}
	}
	return rc > 0 ? status : -1;
}

static void launch_end(struct launch *l)
{
	console_restore();
	/* Boot has said its last word or is in the way; the gofer ends with its socket. */
	jail_end(&l->boot, true);
	close_fd(&l->gofer_end[0]);
	jail_end(&l->gofer, true);
	state_remove(&l->state);
	free(l->report.text);
}

int launch(struct container *c, const struct globals *globals, const char *stats_file,
	   struct error *err)
{
	struct launch l = {
		.globals = globals,
		.c = c,
		.stats_file = stats_file,
		.state = {.dir_fd = -1, .lock_fd = -1},
		.boot = {-1, -1, -1},
		.gofer = {-1, -1, -1},
		.kvm_fd = -1,
		.control = {-1, -1},
		.gofer_end = {-1, -1},
		.channel_fd = -1,
		.kick_fd = -1,
		.call_fd = -1,
		.config_fd = -1,
		.listen_fd = -1,
		.log_fd = -1,
		.signal_fd = -1,
	};
	int status;

	cli_root(globals, l.root, sizeof(l.root));
	container_number(c);
	status = launch_start(&l, err) ? -1 : launch_wait(&l, err);
	launch_end(&l);
	return status;
}
