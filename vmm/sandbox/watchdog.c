/* watchdog.c - finds vCPUs that are stuck in ring 0
 *
 * The kernel bumps a heartbeat at each return to user mode or to idle, and says in .state where it
 * is. A vCPU whose heartbeat stands still in the kernel for several looks is kicked out of
 * KVM_RUN, its registers and backtrace are logged, and it goes on; --watchdog-action=panic ends
 * the sandbox with a report instead.
 * What the words say is the kernel's claim: a hostile kernel fools its own watchdog only.
 */
#include "vmm/sandbox/sandbox.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/util/util.h"

#define LOOK_SECONDS 10
#define LOOKS	     3 /* stuck after 20 to 30 seconds */

struct watched {
	uint64_t beat;
	unsigned looks;
	bool told;
};

static struct source watch_tick;
static struct watched *watched;

static void watchdog_report(struct sandbox *sb, struct vcpu *cpu)
{
	cleanup_free char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	report_cpu(sb, out, cpu);
	if (!fclose(out))
		sandbox_log(sb, 1, "processor %u is stuck in the kernel:\n%s", cpu->index, text);
}

static void watchdog_look(struct sandbox *sb, struct vcpu *cpu, struct watched *w)
{
	const struct abi_cpu_block *b = vm_cpu_block(&sb->vm, cpu->index);
	uint64_t beat = __atomic_load_n(&b->heartbeat, __ATOMIC_RELAXED);
	uint32_t state = __atomic_load_n(&b->state, __ATOMIC_RELAXED);
	bool stopped;

	if (atomic_load(&cpu->state) != VCPU_RUNNING || state != ABI_CPU_KERNEL ||
	    beat != w->beat) {
		*w = (struct watched){.beat = beat};
		return;
	}
	if (++w->looks < LOOKS || w->told)
		return;
	w->told = true;
	/* Registers of a vCPU inside KVM_RUN cannot be had: asking for them would wait for it. */
	stopped = !sb->vm.systrap && vcpu_pause(cpu, 1000);
	if (sb->conf.flags & BOOT_WATCHDOG_PANIC) {
		if (atomic_flag_test_and_set(&sb->claimed))
			return;
		sb->dead_cpu = cpu->index;
		snprintf(sb->why, sizeof(sb->why), "processor %u is stuck in the kernel",
			 cpu->index);
		report_send(sb, stopped);
	}
	if (!stopped) {
		sandbox_log(sb, 1, "processor %u is stuck and cannot be stopped", cpu->index);
		return;
	}
	watchdog_report(sb, cpu);
	vcpu_resume(cpu);
}

static void watchdog_tick(struct sandbox *sb, struct source *src, uint32_t events)
{
	uint64_t count;

	(void)!read(src->fd, &count, sizeof(count));
	for (unsigned i = 0; i < sb->vm.cpu_count; i++)
		watchdog_look(sb, &sb->vm.cpu[i], &watched[i]);
}

int watchdog_open(struct sandbox *sb, struct error *err)
{
	struct itimerspec it = {
		.it_value.tv_sec = LOOK_SECONDS,
		.it_interval.tv_sec = LOOK_SECONDS,
	};

	if (sb->conf.flags & BOOT_COUNT_HOST)
		return 0;
	watched = calloc(sb->vm.cpu_count, sizeof(*watched));
	watch_tick.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!watched || watch_tick.fd < 0 || timerfd_settime(watch_tick.fd, 0, &it, NULL))
		return error_sys(err, "cannot set up the watchdog");
	watch_tick.ready = watchdog_tick;
	sandbox_watch(sb, &watch_tick, EPOLLIN);
	return 0;
}
