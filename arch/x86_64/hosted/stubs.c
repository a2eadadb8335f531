/* stubs.c - the life of stub processes
 *
 * A stub is forked from a clean process that the boot process left behind before anything of the
 * guest existed. An address space gets one when it runs for the first time; from the second on one
 * more is asked for ahead, so that it is made beside other work. It is killed when the space is
 * retired or freed, never used again: threads of its application may be anywhere in it. Its number
 * names its page of orders and its areas, which are emptied before the number is used again: one
 * program's registers are not the next one's to read. Locks: `making` is held across the talk with
 * the parent of stubs, and around the numbers; it is the host's kind: other threads give their time
 * away meanwhile. It is taken last. Trust: a stub is reaped here alone, so its pid is its own until
 * stub_has_ended() says so.
 */
#include "count.h"
#include "hosted.h"
#include "log.h"
#include "slab.h"
#include "string.h"
#include "syscall.h"

#define KEPT	    4u /* numbers */
#define KEPT_SIZE   (4u * STUB_AREA_SIZE)
#define AHEAD_AFTER 1u	  /* a sandbox of one program needs no second process */
#define ANSWER_MS   10000 /* a birth takes longer only if the host is at its end */

static u32 making;
static struct stub *ahead; /* making: asked for, not needed yet; its answer is to be read */
static u32 made;	   /* making */
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

static void number_give(const struct stub *s)
{
	numbers[s->index / 64] &= ~(1ull << s->index % 64);
}

static struct stub *stub_alloc(void)
{
	return kzalloc(sizeof(struct stub) + plan->cpus * sizeof(((struct stub *)0)->thread[0]));
}

/* making: has the parent make s; the answer is to be read. */
static bool ask_parent(struct stub *s)
{
	struct stub_ask ask = {number_take()};

	s->index = ask.index;
	if (ask.index == HOSTED_STUBS)
		return false;
	s->orders = (void *)(plan->orders + (u64)s->index * PAGE_SIZE);
	s->orders->seq = 0;
	if (host_call(HOST_write, (u64)plan->ask_fd, (u64)&ask, sizeof(ask), 0, 0, 0) ==
	    sizeof(ask))
		return true;
	number_give(s);
	return false;
}

static void reap(s32 pid)
{
	while (host_call(HOST_wait4, (u64)pid, 0, HOST_WALL, 0, 0, 0) == -HOST_EINTR)
		;
}

/* making: the next answer, if one comes in time. */
static bool next_answer(struct stub_answer *answer)
{
	struct {
		s32 fd;
		int16_t events, revents;
	} p = {.fd = plan->answer_fd, .events = HOST_POLLIN};
	s64 n;

	do {
		n = host_call(HOST_poll, (u64)&p, 1, ANSWER_MS, 0, 0, 0);
	} while (n == -HOST_EINTR);
	if (n != 1)
		return false;
	do {
		n = host_call(HOST_read, (u64)p.fd, (u64)answer, sizeof(*answer), 0, 0, 0);
	} while (n == -HOST_EINTR);
	return n == sizeof(*answer);
}

/* Without any stub there is nothing that the first program could say. */
static void tell_failure(u64 nr, s32 err)
{
	const char *call = syscall_name(nr); /* the host's numbers are the guest's */

	if (!made)
		panic("the host refuses a process to run programs in: %s, error %d",
		      call ? call : "no answer", err);
	klog_once(LOG_WARN, "the host refuses a process to run a program in: %s, error %d",
		  call ? call : "no answer", err);
}

/* making: waits for what was asked. Who was killed while it was born does not answer: its number is
 * not used again, so that it can be told from others if it was only late. */
static bool read_answer(struct stub *s, struct stub_answer *answer)
{
	for (;;) {
		if (!next_answer(answer)) {
			tell_failure(~0ull, 0);
			return false;
		}
		if (answer->index == s->index)
			break;
		if (answer->mapper > 0) {
			host_call(HOST_kill, (u64)answer->pid, HOST_SIGKILL, 0, 0, 0, 0);
			reap(answer->pid);
		}
	}
	if (answer->mapper <= 0) {
		tell_failure((u64)answer->tid[0], -answer->mapper);
		if (answer->pid > 0)
			reap(answer->pid);
		number_give(s);
		return false;
	}
	count_one(cpu_self(), COUNT_MADE);
	s->pid = answer->pid;
	s->mapper = answer->mapper;
	s->mapper_cpu = ~0u;
	for (u32 i = 0; i < plan->cpus; i++) {
		s->thread[i].area = area_of(s->index, i);
		s->thread[i].tid = answer->tid[i];
		s->thread[i].cpu = ~0u;
		s->thread[i].fs_base = s->thread[i].gs_base = ~0ull; /* of the boot process */
	}
	return true;
}

static struct stub *stub_new(void)
{
	struct stub_answer *answer = kmalloc(sizeof(*answer));
	struct stub *s = stub_alloc(), *next = stub_alloc();
	bool ok;

	if (!s || !answer)
		goto out_free;
	making_lock();
	if (ahead) {
		struct stub *unused = s;

		s = ahead;
		ahead = NULL;
		ok = read_answer(s, answer);
		if (!next)
			next = unused;
		else
			kfree(unused);
	} else {
		ok = ask_parent(s) && read_answer(s, answer);
	}
	made += ok;
	if (ok && next && made > AHEAD_AFTER && ask_parent(next)) {
		ahead = next;
		next = NULL;
	}
	making_unlock();
	if (!ok)
		goto out_free;
	kfree(next);
	kfree(answer);
	return s;
out_free:
	kfree(next);
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
	if (!s)
		return NULL;
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
	reap(s->pid);
	__atomic_store_n(&s->dead, 1, __ATOMIC_RELEASE);
}

/* Low numbers are used again soon: their memory is kept, and taken from nobody's page tables. */
static void areas_empty(const struct stub *s)
{
	u64 size = (u64)plan->cpus * STUB_AREA_SIZE;

	if (s->index < KEPT && size <= KEPT_SIZE)
		memset(area_of(s->index, 0), 0, size);
	else
		host_call(HOST_madvise, (u64)area_of(s->index, 0), size, HOST_MADV_REMOVE, 0, 0, 0);
}

void stub_free(struct stub *s)
{
	kassert(__atomic_load_n(&s->dead, __ATOMIC_ACQUIRE));
	areas_empty(s);
	making_lock();
	number_give(s);
	making_unlock();
	kfree(s);
}
