/* clock.c - the time page: the host's clocks, readable in the guest without an exit
 *
 * Provides: the writer of abi_time_page. The guest's TSC is the host's (vcpu_x86.c), so a pair of
 *   (TSC, CLOCK_MONOTONIC) taken here holds there.
 * When: at start, each second while a vCPU runs (NTP bends the host's clock), seldom while all are
 *   idle, and at once when the host's clock is set (timerfd with TFD_TIMER_CANCEL_ON_SET).
 * Invariant: CLOCK_MONOTONIC never goes back for a reader, across updates too.
 * Tests: test/unit/vmm/clock_test.c
 */
#include "vmm/sandbox/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "vmm/kvm/arch.h"
#include "vmm/sandbox/sandbox.h"

#define SEC	    1000000000ull
#define STEP_NS	    5000000ull
#define IDLE_PERIOD 16u /* seconds between updates when nothing runs */

static struct clock_state clock_state;
static struct source clock_tick, clock_set;
static uint64_t clock_beats; /* sum of the vCPUs' heartbeats at the last tick */
static unsigned clock_period;

void clock_scale(uint64_t khz, uint32_t *mult, uint32_t *shift)
{
	uint32_t s = 32;

	/* The largest shift with which mult fits in 32 bits. */
	while (s && (1000000ull << s) / khz > UINT32_MAX)
		s--;
	*shift = s;
	*mult = (1000000ull << s) / khz;
}

uint64_t clock_read(const struct clock_state *c, uint64_t tsc)
{
	return c->mono_ns +
	       (uint64_t)(((unsigned __int128)(tsc - c->tsc_base) * c->mult) >> c->shift);
}

void clock_steer(struct clock_state *c, uint64_t tsc, uint64_t mono_ns)
{
	uint64_t shown = clock_read(c, tsc);
	int64_t behind = mono_ns - shown;
	int64_t bend;

	if (behind > (int64_t)STEP_NS) {
		shown = mono_ns;
		behind = 0;
	}
	/* At most 2 ms of the next second, so that a clock far ahead slows but never stops. */
	bend = behind > 2000000 ? 2000000 : behind < -2000000 ? -2000000 : behind;
	c->tsc_base = tsc;
	c->mono_ns = shown;
	c->mult = c->nominal + (int64_t)c->nominal * bend / (int64_t)SEC;
}

static uint64_t now_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

/* A sample of the TSC that belongs to a reading of CLOCK_MONOTONIC: of a few tries the one whose
 * bracket is smallest. */
static void clock_sample(uint64_t *tsc, uint64_t *mono)
{
	uint64_t best = UINT64_MAX;

	*tsc = *mono = 0;

	for (int i = 0; i < 3; i++) {
		uint64_t before = arch_clock_ticks(), ns = now_ns(CLOCK_MONOTONIC);
		uint64_t after = arch_clock_ticks();

		if (after - before < best) {
			best = after - before;
			*tsc = before + (after - before) / 2;
			*mono = ns;
		}
	}
}

static void clock_write(struct sandbox *sb)
{
	struct abi_time_page *page = (void *)(sb->vm.shared + ABI_SHARED_TIME);
	bool stable = sb->conf.flags & BOOT_STABLE_TSC && sb->vm.tsc_shared;
	uint32_t seq = page->seq & ~1u;
	uint64_t tsc, mono;

	clock_sample(&tsc, &mono);
	if (!clock_state.tsc_base) {
		clock_state.tsc_base = tsc;
		clock_state.mono_ns = mono;
	}
	clock_steer(&clock_state, tsc, mono);
	__atomic_store_n(&page->seq, seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	page->flags = stable ? ABI_TIME_TSC : 0;
	page->tsc_base = clock_state.tsc_base;
	page->mult = clock_state.mult;
	page->shift = clock_state.shift;
	page->mono_ns = clock_state.mono_ns;
	page->real_off = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
	page->boot_off = now_ns(CLOCK_BOOTTIME) - now_ns(CLOCK_MONOTONIC);
	__atomic_store_n(&page->seq, seq + 2, __ATOMIC_RELEASE);
}

static void clock_arm_tick(unsigned seconds)
{
	struct itimerspec it = {.it_value.tv_sec = seconds};

	timerfd_settime(clock_tick.fd, 0, &it, NULL);
}

static void clock_arm_set(void)
{
	/* Far in the future: it only ever ends by being cancelled. */
	struct itimerspec it = {.it_value.tv_sec = INT32_MAX};

	timerfd_settime(clock_set.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL);
}

static void clock_ticked(struct sandbox *sb, struct source *src, uint32_t events)
{
	uint64_t count, beats = 0;

	(void)!read(src->fd, &count, sizeof(count));
	for (unsigned i = 0; i < sb->vm.cpu_count; i++) {
		const struct abi_cpu_block *b = vm_cpu_block(&sb->vm, i);

		beats += __atomic_load_n(&b->heartbeat, __ATOMIC_RELAXED);
	}
	/* A guest that does not move needs no exact clock; it is exact again within the period. */
	if (beats != clock_beats)
		clock_period = 1;
	else if (clock_period < IDLE_PERIOD)
		clock_period *= 2;
	clock_beats = beats;
	clock_write(sb);
	clock_arm_tick(clock_period);
}

static void clock_was_set(struct sandbox *sb, struct source *src, uint32_t events)
{
	uint64_t count;

	(void)!read(src->fd, &count, sizeof(count));
	clock_write(sb);
	clock_arm_set();
}

int clock_open(struct sandbox *sb, struct error *err)
{
	clock_tick.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	clock_set.fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (clock_tick.fd < 0 || clock_set.fd < 0)
		return error_sys(err, "cannot watch the clock");
	clock_tick.ready = clock_ticked;
	clock_set.ready = clock_was_set;
	sandbox_watch(sb, &clock_tick, EPOLLIN);
	sandbox_watch(sb, &clock_set, EPOLLIN);
	clock_scale(sb->vm.tsc_khz, &clock_state.nominal, &clock_state.shift);
	clock_state.mult = clock_state.nominal;
	clock_period = 1;
	clock_write(sb);
	clock_arm_tick(1);
	clock_arm_set();
	return 0;
}
