/* boot.c - the boot process: one virtual machine, from its set-up to its end
 *
 * Provides: sandbox_boot(), the body of "runsc boot". It is started by a command (vmm/cli/launch.c)
 *   with the descriptors of setup.h, in an empty root, without rights; after set-up it also locks
 *   itself into a list of system calls (vmm/jail).
 * Owns: the VM; the control channels' host ends; the host descriptors of the container's stdio.
 * Threads: one per vCPU, which run the guest and act on hypercalls; the main thread, which serves
 *   everything else from one epoll loop and never waits anywhere else. A vCPU thread that ends the
 *   sandbox leaves its verdict and sleeps; only the main thread ends the process.
 * States: set-up, running, exiting (the container's init has ended; statistics are fetched), end.
 * Trust: everything in guest memory is hostile (abi/ring.h for the rings).
 * Tests: test/unit/vmm/, test/vm/, test/oci/
 */
#include "vmm/sandbox/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/jail/jail.h"
#include "vmm/kvm/arch.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/systrap/systrap.h"
#include "vmm/util/log.h"
#include "vmm/util/util.h"

#define IMAGE_ROOM (512ull << 20)
#define EVENTS_MAX 16

void sandbox_log(struct sandbox *sb, unsigned level, const char *fmt, ...)
{
	cleanup_free char *line = NULL;
	va_list ap;
	int n;

	if (!(sb->conf.flags & BOOT_LOG))
		return;
	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		line = NULL;
	else
		log_line(BOOT_FD_LOG, sb->conf.flags & BOOT_LOG_JSON, level, line);
}

void sandbox_watch(struct sandbox *sb, struct source *src, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = src};
	int op = !events ? EPOLL_CTL_DEL : src->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (events == src->events)
		return;
	if (epoll_ctl(sb->epoll_fd, op, src->fd, &ev))
		sandbox_log(sb, 1, "descriptor %d cannot be watched: %s", src->fd, strerror(errno));
	src->events = events;
}

void sandbox_claim(struct sandbox *sb, struct vcpu *cpu)
{
	if (atomic_flag_test_and_set(&sb->claimed))
		vcpu_park(cpu);
	sb->dead_cpu = cpu->index;
}

void sandbox_verdict(struct sandbox *sb, struct vcpu *cpu, enum verdict verdict)
{
	uint64_t one = 1;

	atomic_store(&sb->verdict, verdict);
	(void)!write(sb->wake_fd, &one, sizeof(one));
	vcpu_park(cpu);
}

/* Tells the command how it ended, and ends. */
void sandbox_finish(struct sandbox *sb)
{
	if (sb->conf.flags & BOOT_STATS) {
		static char text[BOOT_MSG_TEXT_MAX];

		boot_send(BOOT_FD_CONTROL, BOOT_MSG_STATS, 0, text,
			  stats_print(sb, text, sizeof(text)));
	}
	boot_send(BOOT_FD_CONTROL, BOOT_MSG_EXIT, sb->exit_status, NULL, 0);
	_exit(0);
}

static void sandbox_on_verdict(struct sandbox *sb, struct source *src, uint32_t events)
{
	switch (atomic_load(&sb->verdict)) {
	case VERDICT_SHUTDOWN:
		if (!sb->exiting)
			sb->exit_status = sb->status;
		sandbox_finish(sb);
	case VERDICT_DIED:
		report_send(sb, true);
	}
}

static void on_container_end(struct sandbox *sb, void *arg, const struct abi_ctl *reply,
			     const char *text, uint32_t len);

static void on_kernel_stats(struct sandbox *sb, void *arg, const struct abi_ctl *reply,
			    const char *text, uint32_t len)
{
	boot_send(BOOT_FD_CONTROL, BOOT_MSG_STATS, 0, text, len);
	sandbox_finish(sb);
}

static void on_container_end(struct sandbox *sb, void *arg, const struct abi_ctl *reply,
			     const char *text, uint32_t len)
{
	struct abi_ctl cmd = {.op = ABI_CTL_STATS};

	sb->exiting = true;
	sb->exit_status = (int32_t)reply->ret;
	/* The kernel's own counters come first; without them, end at once. */
	if (!(sb->conf.flags & BOOT_STATS) ||
	    tell_send(sb, &cmd, NULL, 0, BOOT_MSG_TEXT_MAX, on_kernel_stats, NULL))
		sandbox_finish(sb);
}

/* The line and the status for a container that the kernel refused. text: what it was about. */
static int start_error(const struct abi_ctl *reply, const char *text, uint32_t len, char *line,
		       size_t size)
{
	int error = -(int)reply->ret, n = len < 400 ? (int)len : 400;
	bool missing = error == ENOENT || error == ENOTDIR;

	if (!(reply->flags & ABI_CTL_START_EXEC)) {
		snprintf(line, size, "cannot set up the container: %.*s%s%s", n, text,
			 n ? ": " : "", strerror(error));
		return EXIT_BAD_INPUT;
	}
	if (missing)
		snprintf(line, size,
			 "%.*s: program (or its interpreter) not found in the container", n, text);
	else
		snprintf(line, size, "%.*s: cannot be executed: %s", n, text, strerror(error));
	return missing ? EXIT_NOT_FOUND : EXIT_NOT_EXEC;
}

static void on_container_start(struct sandbox *sb, void *arg, const struct abi_ctl *reply,
			       const char *text, uint32_t len)
{
	struct abi_ctl wait = {.op = ABI_CTL_WAIT};
	char line[600];
	int status;

	if (reply->ret >= 0 && !tell_send(sb, &wait, NULL, 0, 0, on_container_end, NULL))
		return;
	status = start_error(reply, text ? text : "", len, line, sizeof(line));
	boot_send(BOOT_FD_CONTROL, BOOT_MSG_ERROR, status, line, strlen(line));
	_exit(0);
}

static int boot_read_config(struct sandbox *sb, struct error *err)
{
	struct stat st;
	void *p;

	if (fstat(BOOT_FD_CONFIG, &st) || (size_t)st.st_size < sizeof(sb->conf))
		return error_set(err, "boot is started by other commands of this program, with its "
				      "descriptors prepared; see \"runsc help\"");
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, BOOT_FD_CONFIG, 0);
	if (p == MAP_FAILED)
		return error_sys(err, "cannot read the configuration");
	memcpy(&sb->conf, p, sizeof(sb->conf));
	if (sb->conf.magic != BOOT_CONFIG_MAGIC ||
	    sb->conf.spec_size > st.st_size - sizeof(sb->conf))
		return error_set(err, "the configuration is malformed");
	sb->spec = (uint8_t *)p + sizeof(sb->conf);
	close(BOOT_FD_CONFIG);
	return 0;
}

static int boot_load_kernel(struct sandbox *sb, struct error *err)
{
	struct vm *vm = &sb->vm;
	struct image *image = &sb->image;
	uint64_t gpa, end;
	uint8_t *to;

	if (image_open(image, kernel_image_start, kernel_image_end - kernel_image_start,
		       ABI_KVA_KERNEL, IMAGE_ROOM, err))
		return -1;
	/* The image keeps its distance from the link base, so that one offset maps it all. */
	gpa = ABI_GPA_RAM + (image->start - ABI_KVA_KERNEL);
	end = ABI_GPA_RAM + (image->end - ABI_KVA_KERNEL);
	to = vm_memory(vm, gpa, image->end - image->start);
	if (!to)
		return error_set(err, "guest memory is too small for the kernel");
	image_load(image, to);
	vm->kernel_entry = image->entry;
	vm->kernel_ap_entry = image->ap_entry;
	return arch_vm_boot_tables(vm, ABI_GPA_RAM, end, err);
}

static int boot_write_page(struct sandbox *sb, struct error *err)
{
	struct abi_boot *boot = vm_boot_page(&sb->vm);
	uint32_t flags = sb->conf.flags;

	*boot = (struct abi_boot){
		.magic = ABI_BOOT_MAGIC,
		.version = ABI_BOOT_VERSION,
		.size = sizeof(*boot),
		.cpu_max = sb->vm.cpu_count,
		.flags = (flags & BOOT_DEBUG ? ABI_BOOT_DEBUG : 0) |
			 (flags & BOOT_STRACE ? ABI_BOOT_STRACE : 0) |
			 (flags & BOOT_COUNT_HOST ? ABI_BOOT_COUNT_HOST : 0) |
			 (flags & BOOT_STABLE_TSC && sb->vm.tsc_shared ? ABI_BOOT_STABLE_TSC : 0),
		.ram_slot_size = sb->vm.ram_slot_size,
		.ram_slots = 1,
		.ram_slots_max = sb->vm.ram_slots_max,
		.ram_limit = sb->conf.ram_limit,
		.kernel_gpa = ABI_GPA_RAM,
		.kernel_end = sb->vm.kernel_end,
		.tsc_khz = sb->vm.tsc_khz,
		.pids_limit = sb->conf.pids_limit,
		.channels = sb->vm.channels,
		.apic_bus_khz = 1000000,
		.log_level = flags & BOOT_DEBUG ? 3 : 1,
	};
	if (getrandom(boot->seed, sizeof(boot->seed), 0) != sizeof(boot->seed))
		return error_sys(err, "no random numbers");
	return 0;
}

static int boot_create_systrap(struct sandbox *sb, struct error *err)
{
	struct vm_params params = {
		.cpu_count = sb->conf.cpus,
		.ram_limit = sb->conf.ram_limit,
		.no_patch = sb->conf.flags & BOOT_NO_PATCH,
	};
	struct vm *vm = &sb->vm;

	if (systrap_create(vm, &params, err) ||
	    systrap_add_channel(vm, 0, BOOT_FD_CHANNEL, BOOT_FD_KICK, BOOT_FD_CALL, err) ||
	    systrap_connect(vm, err))
		return -1;
	vm->hypercall = sandbox_hypercall;
	vm->died = sandbox_died;
	return boot_write_page(sb, err);
}

static int boot_create(struct sandbox *sb, struct error *err)
{
	struct vm_params params = {
		.kvm_fd = BOOT_FD_KVM,
		.cpu_count = sb->conf.cpus,
		.ram_limit = sb->conf.ram_limit,
		.no_halt_poll = sb->conf.flags & BOOT_COUNT_HOST,
	};
	static const int channel_irq[] = {BOOT_FD_CALL};
	struct vm *vm = &sb->vm;

	if (kvm_check_caps(BOOT_FD_KVM, err) || vm_create(vm, &params, err))
		return -1;
	vm->hypercall = sandbox_hypercall;
	vm->died = sandbox_died;
	if (vm_add_channel(vm, 0, BOOT_FD_CHANNEL, BOOT_FD_KICK, BOOT_FD_CALL, err) ||
	    vm_connect(vm, channel_irq, err) || vm_create_vcpus(vm, err))
		return -1;
	if (boot_load_kernel(sb, err))
		return -1;
	if ((sb->conf.flags & BOOT_PROBE) && arch_probe(vm, err))
		return -1;
	return boot_write_page(sb, err);
}

/* What is left of an attempt with KVM: its memory is never touched again. */
static void boot_leave_kvm(struct vm *vm)
{
	for (unsigned i = 0; vm->cpu && i < vm->cpu_count; i++) {
		if (vm->cpu[i].fd > 0)
			close(vm->cpu[i].fd);
		if (vm->cpu[i].stats_fd > 0)
			close(vm->cpu[i].stats_fd);
	}
	if (vm->stats_fd > 0)
		close(vm->stats_fd);
	if (vm->fd > 0)
		close(vm->fd);
	close(BOOT_FD_KVM);
}

static int boot_create_any(struct sandbox *sb, struct error *err)
{
	if (sb->conf.flags & BOOT_SYSTRAP)
		return boot_create_systrap(sb, err);
	if (!boot_create(sb, err))
		return 0;
	if (!(sb->conf.flags & BOOT_PROBE))
		return -1;
	sandbox_log(sb, 1, "platform systrap: %s", err->text);
	boot_leave_kvm(&sb->vm);
	boot_send(BOOT_FD_CONTROL, BOOT_MSG_SYSTRAP, 0, NULL, 0);
	return boot_create_systrap(sb, err);
}

static int boot_start_container(struct sandbox *sb, struct error *err)
{
	struct abi_ctl start = {.op = ABI_CTL_START};

	if (tell_send(sb, &start, sb->spec, sb->conf.spec_size, 512, on_container_start, NULL))
		return error_set(err, "the program's arguments and environment are too long");
	return 0;
}

static int boot_set_up(struct sandbox *sb, struct error *err)
{
	sb->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sb->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (sb->epoll_fd < 0 || sb->wake_fd < 0)
		return error_sys(err, "cannot set up the main loop");
	if (boot_read_config(sb, err) || boot_create_any(sb, err))
		return -1;
	sb->wake = (struct source){.fd = sb->wake_fd, .ready = sandbox_on_verdict};
	sandbox_watch(sb, &sb->wake, EPOLLIN);
	if (ask_open(sb, err) || tell_open(sb, err) || serve_open(sb, err) || clock_open(sb, err) ||
	    watchdog_open(sb, err) || boot_start_container(sb, err))
		return -1;
	if (sb->vm.systrap && systrap_spawn(&sb->vm, err))
		return -1;
	for (unsigned i = 0; !sb->vm.systrap && i < sb->vm.cpu_count; i++)
		if (vcpu_spawn(&sb->vm.cpu[i], err))
			return -1;
	return jail_lock_boot(sb->vm.systrap, err);
}

static void sandbox_loop(struct sandbox *sb)
{
	struct epoll_event ev[EVENTS_MAX];

	for (;;) {
		int n = epoll_wait(sb->epoll_fd, ev, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			struct source *src = ev[i].data.ptr;

			/* An earlier event of this round may have closed it. */
			if (src->events)
				src->ready(sb, src, ev[i].events);
		}
	}
}

static void on_kick(int signal)
{
}

int sandbox_boot(void)
{
	static struct sandbox sb = {.claimed = ATOMIC_FLAG_INIT};
	struct sigaction kick = {.sa_handler = on_kick};
	struct error err = {0};

	/* One arena and small stacks: an idle sandbox should cost little. */
	mallopt(M_ARENA_MAX, 1);
	sigaction(SIGUSR1, &kick, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (boot_set_up(&sb, &err) || (vm_start_vcpu(&sb.vm, 0) && error_set(&err, "start"))) {
		boot_send(BOOT_FD_CONTROL, BOOT_MSG_ERROR, error_status(&err), err.text,
			  strlen(err.text));
		_exit(EXIT_BAD_INPUT);
	}
	sandbox_loop(&sb);
	return 0;
}
