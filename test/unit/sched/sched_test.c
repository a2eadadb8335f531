/* sched_test.c - run queues, wait queues, mutexes, rwlocks and grace periods under the scripted
 * machine: kernel tasks on several virtual CPUs, in many seeded interleavings */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "frame.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "machine.h"
#include "mm.h"
#include "mutex.h"
#include "quiesce.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "sys/table.h"
#include "time.h"

#define SEEDS 40

/* ---- what sched/ and sync/ ask of the rest of the kernel ---- */
struct cpu *cpus[ABI_CPU_MAX];
u32 cpu_count;
struct spinlock tasklist_lock;
enum log_level log_threshold = LOG_WARN;

void log_write(enum log_level level, const char *fmt, ...)
{
}
void panic(const char *fmt, ...)
{
	va_list ap;
	static char text[256];

	va_start(ap, fmt);
	host_format(text, sizeof(text), fmt, ap);
	host_fail("panic: %s", text);
}
void *kzalloc(size_t size)
{
	return host_zalloc(size);
}
struct frame *frame_chunks[ARRAY_SIZE(frame_chunks)]; /* there are no frames here */
void frame_free(struct frame *f)
{
}
void mm_switch(struct mm *next)
{
}
void mm_shootdown_ipi(void)
{
}

/* Timers: one list, looked at by the CPU that started them. */
static struct ktimer *timers[64];

void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t))
{
	*t = (struct ktimer){.fn = fn};
}
static void arm(void)
{
	u64 first = ~0ull;

	for (u32 i = 0; i < ARRAY_SIZE(timers); i++)
		if (timers[i] && timers[i]->cpu == cpu_self()->id)
			first = MIN(first, timers[i]->expires);
	mach_timer_arm(first);
}
void ktimer_start(struct ktimer *t, u64 expires)
{
	u32 i = 0;

	ktimer_cancel(t);
	while (timers[i])
		i++;
	assert_true(i < ARRAY_SIZE(timers));
	t->expires = expires;
	t->cpu = cpu_self()->id;
	timers[i] = t;
	arm();
}
bool ktimer_cancel(struct ktimer *t)
{
	while (READ_ONCE(t->state)) /* its function runs on another CPU */
		mach_relax();
	for (u32 i = 0; i < ARRAY_SIZE(timers); i++)
		if (timers[i] == t) {
			timers[i] = NULL;
			return true;
		}
	return false;
}
void ktimer_interrupt(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(timers); i++) {
		struct ktimer *t = timers[i];

		if (t && t->cpu == cpu_self()->id && t->expires <= mach_clock()) {
			timers[i] = NULL;
			t->state = 1;
			t->fn(t);
			t->state = 0;
		}
	}
	arm();
}

/* ---- a kernel of kernel tasks ---- */
struct job {
	struct task task;
	void (*fn)(long arg);
	long arg;
};
static struct job *jobs[32];
static u32 nr_jobs, nr_done;
static struct waitq done_wait;
static u64 beats[8];

static void job_main(void *arg)
{
	struct job *j = arg;

	sched_switch_done();
	j->fn(j->arg);
	nr_done++;
	waitq_wake_all(&done_wait);
	sched_exit();
}

void task_put(struct task *t)
{
}

static struct task *task_make(void)
{
	struct job *j = host_zalloc(sizeof(*j));

	j->task.kstack = mach_kstack_alloc();
	j->task.is_kernel = true;
	a_store(&j->task.state, TASK_NEW);
	memset(j->task.affinity, 0xff, sizeof(j->task.affinity));
	return &j->task;
}

static void spawn(void (*fn)(long arg), long arg)
{
	struct job *j = (struct job *)task_make();

	j->fn = fn;
	j->arg = arg;
	j->task.tid = ++nr_jobs;
	jobs[nr_jobs] = j;
	mach_ctx_init(&j->task, job_main, j);
	sched_start(&j->task);
}

void cpu_main(struct cpu *c)
{
	sched_idle_loop();
}

static void cpu_make(u32 id)
{
	struct cpu *c = host_zalloc(sizeof(*c));
	struct task *idle = task_make();

	c->self = c;
	c->id = id;
	c->heartbeat = &beats[id];
	c->curr = idle;
	cpus[id] = c;
	if (id == 0)
		vcpu_current = c;
	sched_init_cpu(c, idle);
}

struct plan {
	u64 seed;
	u32 cpus;
	void (*fn)(void);
};

static void main_job(long arg)
{
	((struct plan *)arg)->fn();
	host_exit(0);
}

/* In a child process: boots, and runs fn as the first task. */
static void run_plan(void *arg)
{
	struct plan *p = arg;

	host_seed(p->seed);
	waitq_init(&done_wait);
	cpu_count = p->cpus;
	for (u32 i = 0; i < p->cpus; i++)
		cpu_make(i);
	vcpu_add(cpus[0], fibre_self());
	for (u32 i = 1; i < p->cpus; i++)
		mach_cpu_start(cpus[i]);
	spawn(main_job, (long)p);
	sched_idle_loop();
}

static void run_all(void (*fn)(void))
{
	for (u64 seed = 1; seed <= SEEDS; seed++) {
		struct plan p = {.seed = seed, .cpus = 1 + seed % 4, .fn = fn};
		int status = host_run_forked(run_plan, &p, 60);

		if (status)
			print_error("seed %lu, %u CPUs: status %d\n", (unsigned long)seed, p.cpus,
				    status);
		assert_int_equal(status, 0);
	}
}

static void wait_all(u32 n)
{
	wait_event(&done_wait, nr_done >= n);
}

#define check(x)                                                                \
	do {                                                                    \
		if (!(x))                                                       \
			host_fail("%s:%d: failed: %s", __FILE__, __LINE__, #x); \
	} while (0)

/* ---- mutex ---- */
static struct mutex mutex;
static long counter, inside;

static void mutex_job(long arg)
{
	for (int i = 0; i < 20; i++) {
		long v;

		mutex_lock(&mutex);
		check(mutex_is_held(&mutex));
		check(inside++ == 0);
		v = counter;
		if (i % 3 == arg % 3)
			schedule();
		mach_poll();
		counter = v + 1;
		check(--inside == 0);
		mutex_unlock(&mutex);
	}
}

static void mutex_main(void)
{
	mutex_init(&mutex, RANK_PIPE);
	for (int i = 0; i < 6; i++)
		spawn(mutex_job, i);
	wait_all(6);
	check(counter == 120);
	check(mutex_trylock(&mutex));
	check(mutex_is_held(&mutex));
	mutex_unlock(&mutex);
}

static void a_mutex_has_one_holder(void **state)
{
	run_all(mutex_main);
}

/* ---- wait queue: a bounded buffer, shared by producers and consumers ---- */
static struct waitq not_full, not_empty;
static struct spinlock buffer_lock;
static u32 fill, consumed;

static bool change(bool add)
{
	bool ok;

	spin_lock(&buffer_lock);
	ok = add ? fill < 2 : fill > 0;
	if (ok)
		fill += add ? 1 : -1u;
	spin_unlock(&buffer_lock);
	return ok;
}

static void producer(long arg)
{
	for (int i = 0; i < 30; i++) {
		wait_event(&not_full, change(true));
		if (arg)
			waitq_wake_sync(&not_empty, 0);
		else
			waitq_wake(&not_empty, 1, 0);
	}
}

static void consumer(long arg)
{
	for (int i = 0; i < 30; i++) {
		wait_event(&not_empty, change(false));
		consumed++;
		waitq_wake(&not_full, 1, 0);
	}
}

static void buffer_main(void)
{
	waitq_init(&not_full);
	waitq_init(&not_empty);
	spin_init(&buffer_lock, RANK_FILES);
	for (int i = 0; i < 3; i++) {
		spawn(producer, i & 1);
		spawn(consumer, 0);
	}
	wait_all(6);
	check(consumed == 90 && fill == 0);
}

static void no_wake_up_is_lost(void **state)
{
	run_all(buffer_main);
}

/* ---- rwlock ---- */
static struct rwlock rwlock;
static int readers, writers;

static void reader_job(long arg)
{
	for (int i = 0; i < 20; i++) {
		rwlock_read(&rwlock);
		check(writers == 0);
		readers++;
		mach_poll();
		if (i % 4 == 0)
			schedule();
		check(writers == 0);
		readers--;
		rwlock_read_done(&rwlock);
	}
}

static void writer_job(long arg)
{
	for (int i = 0; i < 15; i++) {
		rwlock_write(&rwlock);
		check(rwlock_is_written(&rwlock));
		check(readers == 0 && writers++ == 0);
		mach_poll();
		if (i % 4 == 1)
			schedule();
		check(readers == 0 && --writers == 0);
		rwlock_write_done(&rwlock);
	}
}

static void rwlock_main(void)
{
	rwlock_init(&rwlock, RANK_MM);
	for (int i = 0; i < 3; i++) {
		spawn(reader_job, i);
		spawn(writer_job, i);
	}
	wait_all(6);
	check(!rwlock_is_held(&rwlock));
}

static void a_writer_is_alone(void **state)
{
	run_all(rwlock_main);
}

/* ---- grace periods ---- */
struct thing {
	struct quiesce_head head;
	a32_t freed;
	u32 number;
};
static struct thing things[40];
static struct thing *published;
static u32 nr_freed;

static void thing_free(struct quiesce_head *h)
{
	struct thing *t = container_of(h, struct thing, head);

	check(a_xchg(&t->freed, 1) == 0);
	nr_freed++;
}

static void quiesce_reader(long arg)
{
	for (int i = 0; i < 120; i++) {
		struct thing *t = __atomic_load_n(&published, __ATOMIC_ACQUIRE);

		/* other CPUs run here, but this one neither sleeps nor reports */
		for (int k = 0; k < 4; k++) {
			vcpu_point();
			check(!a_load(&t->freed));
		}
		schedule();
	}
}

static void quiesce_writer(long arg)
{
	for (u32 i = 1; i < ARRAY_SIZE(things); i++) {
		struct thing *old = published;

		__atomic_store_n(&published, &things[i], __ATOMIC_RELEASE);
		quiesce_defer(&old->head, thing_free);
		schedule();
	}
	quiesce_wait();
	check(nr_freed == ARRAY_SIZE(things) - 1);
}

static void quiesce_main(void)
{
	published = &things[0];
	for (int i = 0; i < 3; i++)
		spawn(quiesce_reader, i);
	spawn(quiesce_writer, 0);
	wait_all(4);
}

static void nothing_is_freed_under_a_reader(void **state)
{
	run_all(quiesce_main);
}

/* ---- deadlines and signals ---- */
static struct waitq never;

static void deadline_job(long ms)
{
	u64 until = mach_clock() + (u64)ms * 1000000;
	struct waiter w;
	int err;

	waiter_init(&w, current);
	do {
		waitq_prepare(&never, &w, TASK_INTERRUPTIBLE);
		err = sched_block_until(until);
	} while (!err);
	waitq_finish(&never, &w);
	check(err == -ETIMEDOUT);
	check(mach_clock() >= until);
	check(mach_clock() < until + 20 * 1000000ull);
}

static void deadline_main(void)
{
	struct waiter w;

	waitq_init(&never);
	for (int i = 0; i < 6; i++)
		spawn(deadline_job, 30 * (1 + i % 3));
	wait_all(6);
	check(!waitq_has_waiters(&never));

	waiter_init(&w, current);
	waitq_prepare(&never, &w, TASK_INTERRUPTIBLE);
	a_store(&current->sig_flags, TASK_SIG_PENDING);
	check(sched_block_until(DEADLINE_NONE) == -ERESTARTSYS);
	waitq_finish(&never, &w);
	a_store(&current->sig_flags, 0);
}

static void deadlines_are_kept(void **state)
{
	run_all(deadline_main);
}

/* ---- affinity ---- */
static void pinned_job(long cpu)
{
	u64 mask[ABI_CPU_MAX / 64] = {1ull << cpu};

	memcpy(current->affinity, mask, sizeof(mask));
	schedule();
	for (int i = 0; i < 30; i++) {
		check(cpu_self()->id == (u32)cpu);
		schedule();
		mach_poll();
	}
}

static void affinity_main(void)
{
	for (u32 i = 0; i < 8; i++)
		spawn(pinned_job, i % cpu_count);
	wait_all(8);
}

static void affinity_is_obeyed(void **state)
{
	run_all(affinity_main);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mutex_has_one_holder),
		cmocka_unit_test(no_wake_up_is_lost),
		cmocka_unit_test(a_writer_is_alone),
		cmocka_unit_test(nothing_is_freed_under_a_reader),
		cmocka_unit_test(deadlines_are_kept),
		cmocka_unit_test(affinity_is_obeyed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
