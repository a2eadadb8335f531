/* stubs.c - the life of stub processes
 *
 * A stub is forked from a clean process that the boot process left behind before anything of the
 * guest existed. It is made when an address space runs for the first time, and killed when the
 * space is retired or freed. Its number names its page of orders and its areas, which are emptied
 * before the number is used again: one program's registers are not the next one's to read.
 * Locks: `making` is held across the talk with the parent of stubs, and around the numbers; it is
 *   the host's kind: other threads give their time away meanwhile. It is taken last.
 * Trust: a stub is reaped here alone, so its pid is its own until stub_has_ended() says so.
 */
#include "hosted.h"
#include "log.h"
#include "slab.h"

static u32 making;
static u64 numbers[HOSTED_STUBS / 64]; /* making: bit set: in use */

static void making_lock(void)
{
	while (__atomic_exchange_n(&making, 1, __ATOMIC_ACQUIRE))
		host_call(HOST_sched_yield, 0, 0, 0, 0, 0, 0);
}

static void making_unlock(void)
{
	__atomic_store_n(&making, 0, __ATOMIC_RELEASE);
}

static struct stub_area *area_of(u32 index, u32 cpu)
{
	u64 n = (u64)index * plan->cpus + cpu;

	return (void *)(plan->areas + n * STUB_AREA_SIZE);
}

static u32 number_take(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (~numbers[i]) {
			u32 bit = (u32)__builtin_ctzll(~numbers[i]);

			numbers[i] |= 1ull << bit;
			return i * 64 + bit;
		}
	}
	return HOSTED_STUBS;
}

static bool ask_parent(u32 index, struct stub_answer *answer)
{
	struct stub_ask ask = {index};
	s64 n;

	if (host_call(HOST_write, (u64)plan->ask_fd, (u64)&ask, sizeof(ask), 0, 0, 0) !=
	    sizeof(ask))
		return false;
	do {
		n = host_call(HOST_read, (u64)plan->answer_fd, (u64)answer, sizeof(*answer), 0, 0,
			      0);
	} while (n == -HOST_EINTR);
	return n == sizeof(*answer) && answer->index == index && answer->pid > 0;
}

static struct stub *stub_new(void)
{
	struct stub *s = kzalloc(sizeof(*s) + plan->cpus * sizeof(s->thread[0]));
	struct stub_answer *answer = kmalloc(sizeof(*answer));

	if (!s || !answer)
		goto out_free;
	making_lock();
	s->index = number_take();
	if (s->index == HOSTED_STUBS)
		goto out_unlock;
	s->orders = (void *)(plan->orders + (u64)s->index * PAGE_SIZE);
	s->orders->seq = 0;
	for (u32 i = 0; i < plan->cpus; i++)
		s->thread[i].area = area_of(s->index, i);
	if (!ask_parent(s->index, answer))
		goto out_number;
	making_unlock();
	s->pid = answer->pid;
	s->mapper = answer->mapper;
	s->mapper_cpu = ~0u;
	for (u32 i = 0; i < plan->cpus; i++) {
		s->thread[i].tid = answer->tid[i];
		s->thread[i].cpu = ~0u;
		s->thread[i].fs_base = s->thread[i].gs_base = ~0ull; /* of the boot process */
	}
	kfree(answer);
	return s;
out_number:
	numbers[s->index / 64] &= ~(1ull << s->index % 64);
out_unlock:
	making_unlock();
out_free:
	kfree(answer);
	kfree(s);
	return NULL;
}

struct stub *stub_of(struct mach_space *space)
{
	struct stub *s = __atomic_load_n(&space->stub, __ATOMIC_ACQUIRE), *none = NULL;

	if (likely(s))
		return s;
	s = stub_new();
	if (!s) {
		klog_once(LOG_WARN, "the host gives no further process to run a program in");
		return NULL;
	}
	/* Another CPU may have been as fast. */
	if (__atomic_compare_exchange_n(&space->stub, &none, s, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return s;
	stub_end(s);
	stub_free(s);
	return none;
}

bool stub_has_ended(struct stub *s)
{
	if (__atomic_load_n(&s->dead, __ATOMIC_ACQUIRE))
		return true;
	if (host_call(HOST_wait4, (u64)s->pid, 0, HOST_WNOHANG | HOST_WALL, 0, 0, 0) != s->pid)
		return false;
	__atomic_store_n(&s->dead, 1, __ATOMIC_RELEASE);
	return true;
}

void stub_kill(struct stub *s)
{
	host_call(HOST_kill, (u64)s->pid, HOST_SIGKILL, 0, 0, 0, 0);
}

void stub_end(struct stub *s)
{
	if (__atomic_load_n(&s->dead, __ATOMIC_ACQUIRE))
		return;
	stub_kill(s);
	while (host_call(HOST_wait4, (u64)s->pid, 0, HOST_WALL, 0, 0, 0) == -HOST_EINTR)
		;
	__atomic_store_n(&s->dead, 1, __ATOMIC_RELEASE);
}

void stub_free(struct stub *s)
{
	kassert(__atomic_load_n(&s->dead, __ATOMIC_ACQUIRE));
	host_call(HOST_madvise, (u64)area_of(s->index, 0), (u64)plan->cpus * STUB_AREA_SIZE,
		  HOST_MADV_REMOVE, 0, 0, 0);
	making_lock();
	numbers[s->index / 64] &= ~(1ull << s->index % 64);
	making_unlock();
	kfree(s);
}
