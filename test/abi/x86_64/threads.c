/* threads.c - what NPTL needs: thread clone, tids, TLS, robust lists, rseq, cancellation, exit and
 * exec */
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../abitest.h"

#define THREAD_FLAGS \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static __thread int tls_word = 5;
static volatile int shared, seen_pid, seen_tid;
static volatile uint32_t child_word;

static long futex(volatile void *addr, int op, uint32_t val, const struct timespec *ts)
{
	return syscall(SYS_futex, addr, op, val, ts, NULL, 0);
}

/* A thread without libc's help: it must not touch TLS, so it makes its calls by hand. */
static long raw(long nr, long a, long b)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return ret;
}

static int bare_thread(void *arg)
{
	seen_pid = (int)raw(SYS_getpid, 0, 0);
	seen_tid = (int)raw(SYS_gettid, 0, 0);
	shared = 7;
	raw(SYS_exit, 0, 0);
	return 0;
}

static pid_t start_bare(int (*fn)(void *), unsigned long flags, pid_t *ptid)
{
	char *stack = abi_pages(4, PROT_READ | PROT_WRITE);

	return (pid_t)REQUIRE_OK(
		clone(fn, stack + 4 * PAGE, (int)flags, NULL, ptid, NULL, (void *)&child_word));
}

static void test_cleartid_wakes(void)
{
	pid_t tid, ptid = 0;

	child_word = 1;
	tid = start_bare(bare_thread, THREAD_FLAGS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
			 &ptid);
	while (__atomic_load_n(&child_word, __ATOMIC_SEQ_CST) == 1)
		futex(&child_word, FUTEX_WAIT, 1, NULL);
	CHECK_EQ(child_word, 0);
	CHECK_EQ(ptid, tid);
	CHECK_EQ(seen_pid, getpid());
	CHECK_EQ(seen_tid, tid);
	CHECK_EQ(shared, 7);
	/* A thread is nobody's child. */
	CHECK_ERR(waitpid(-1, NULL, __WALL), ECHILD);
}

static int bare_settid(void *arg)
{
	raw(SYS_set_tid_address, (long)&child_word, 0);
	raw(SYS_exit, 0, 0);
	return 0;
}

static void test_set_tid_address(void)
{
	pid_t *old = NULL;

	CHECK_EQ(syscall(SYS_set_tid_address, &old), syscall(SYS_gettid));
	child_word = 2;
	start_bare(bare_settid, THREAD_FLAGS, NULL);
	while (__atomic_load_n(&child_word, __ATOMIC_SEQ_CST) == 2)
		futex(&child_word, FUTEX_WAIT, 2, NULL);
	CHECK_EQ(child_word, 0);
}

static int bare_bad_settid(void *arg)
{
	raw(SYS_set_tid_address, (long)0xffff800000000000, 0);
	__atomic_store_n(&child_word, 4, __ATOMIC_SEQ_CST);
	raw(SYS_exit, 0, 0);
	return 0;
}

static void test_bad_cleartid(void)
{
	child_word = 3;
	start_bare(bare_bad_settid, THREAD_FLAGS, NULL);
	while (__atomic_load_n(&child_word, __ATOMIC_SEQ_CST) == 3)
		sched_yield();
	CHECK_EQ(child_word, 4);
}

static void *adds(void *arg)
{
	tls_word += (int)(long)arg;
	__atomic_add_fetch(&shared, 1, __ATOMIC_SEQ_CST);
	return (void *)(long)tls_word;
}

static void test_create_join(void)
{
	pthread_t t[32];
	void *ret = NULL;

	shared = 0;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		REQUIRE(pthread_create(&t[i], NULL, adds, (void *)i) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		CHECK_EQ(pthread_join(t[i], &ret), 0);
		CHECK_EQ((long)ret, 5 + (long)i);
	}
	CHECK_EQ(shared, 32);
	CHECK_EQ(tls_word, 5);
}

static void test_many_in_turn(void)
{
	pthread_t t;

	shared = 0;
	for (int i = 0; i < 300; i++) {
		REQUIRE(pthread_create(&t, NULL, adds, NULL) == 0);
		pthread_join(t, NULL);
	}
	CHECK_EQ(shared, 300);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int counter, turn;

static void *locks(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *takes_turns(void *arg)
{
	int me = (int)(long)arg;

	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % 3 != me)
			pthread_cond_wait(&cond, &mutex);
		turn++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void test_mutex_and_cond(void)
{
	pthread_t t[3];

	counter = turn = 0;
	for (int i = 0; i < 3; i++)
		REQUIRE(pthread_create(&t[i], NULL, locks, NULL) == 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(counter, 6000);
	for (long i = 0; i < 3; i++)
		REQUIRE(pthread_create(&t[i], NULL, takes_turns, (void *)i) == 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(turn, 300);
}

static sem_t started;

static void *blocks(void *arg)
{
	sem_post(&started);
	for (;;)
		pause();
	return NULL;
}

static void test_cancel(void)
{
	pthread_t t;
	void *ret = NULL;

	sem_init(&started, 0, 0);
	REQUIRE(pthread_create(&t, NULL, blocks, NULL) == 0);
	sem_wait(&started);
	CHECK_EQ(pthread_cancel(t), 0);
	CHECK_EQ(pthread_join(t, &ret), 0);
	CHECK(ret == PTHREAD_CANCELED);
}

static void test_timed_waits(void)
{
	struct timespec ts;

	CHECK_OK(clock_gettime(CLOCK_REALTIME, &ts));
	ts.tv_nsec += 3000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	sem_init(&started, 0, 0);
	CHECK_ERR(sem_timedwait(&started, &ts), ETIMEDOUT);
	pthread_mutex_lock(&mutex);
	CHECK_EQ(pthread_cond_timedwait(&cond, &mutex, &ts), ETIMEDOUT);
	pthread_mutex_unlock(&mutex);
}

static void *exits_group(void *arg)
{
	syscall(SYS_exit_group, 9);
	return NULL;
}

static void thread_exits_group(void *arg)
{
	pthread_t t, other;

	pthread_create(&other, NULL, blocks, NULL);
	pthread_create(&t, NULL, exits_group, NULL);
	for (;;)
		pause();
}

static void test_exit_group(void)
{
	sem_init(&started, 0, 0);
	CHECK_EQ(abi_wait_status(abi_spawn(thread_exits_group, NULL)), 9 << 8);
}

static void *exits_late(void *arg)
{
	struct timespec ts = {.tv_nsec = 20000000};

	nanosleep(&ts, NULL);
	syscall(SYS_exit, 4);
	return NULL;
}

static void leader_exits_first(void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, exits_late, NULL);
	syscall(SYS_exit, 3);
}

static void test_leader_exits_first(void)
{
	pid_t pid = abi_spawn(leader_exits_first, NULL);

	/* The process lives on until its last thread, whose status it takes. */
	CHECK_EQ(abi_wait_status(pid), 4 << 8);
}

static void *execs(void *arg)
{
	execl(abi_self_path(), "threads", "--child", "pid", NULL);
	return NULL;
}

static void thread_execs(void *arg)
{
	pthread_t t, other;

	pthread_create(&other, NULL, blocks, NULL);
	pthread_create(&t, NULL, execs, NULL);
	for (;;)
		pause();
}

static int child(int argc, char **argv)
{
	/* Whoever called execve has become the leader. */
	return syscall(SYS_getpid) == syscall(SYS_gettid) ? 21 : 22;
}

static void test_exec_from_thread(void)
{
	sem_init(&started, 0, 0);
	CHECK_EQ(abi_wait_status(abi_spawn(thread_execs, NULL)), 21 << 8);
}

static volatile pid_t handled_by;

static void notes_tid(int signo)
{
	handled_by = (pid_t)syscall(SYS_gettid);
}

static volatile pid_t waiter_tid;

static void *unblocks(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	waiter_tid = (pid_t)syscall(SYS_gettid);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	sem_post(&started);
	while (!handled_by)
		sched_yield();
	return NULL;
}

static void test_signal_finds_a_thread(void)
{
	sigset_t set;
	pthread_t t;

	sem_init(&started, 0, 0);
	signal(SIGUSR1, notes_tid);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	handled_by = 0;
	REQUIRE(pthread_create(&t, NULL, unblocks, NULL) == 0);
	sem_wait(&started);
	CHECK_OK(kill(getpid(), SIGUSR1));
	pthread_join(t, NULL);
	CHECK_EQ(handled_by, waiter_tid);
	handled_by = 0;
	REQUIRE(pthread_create(&t, NULL, unblocks, NULL) == 0);
	sem_wait(&started);
	CHECK_OK(pthread_kill(t, SIGUSR1));
	pthread_join(t, NULL);
	CHECK_EQ(handled_by, waiter_tid);
}

static void *dies_holding(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

static void test_robust_mutex(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t robust;
	pthread_t t;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	REQUIRE(pthread_create(&t, NULL, dies_holding, &robust) == 0);
	pthread_join(t, NULL);
	CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_consistent(&robust), 0);
	CHECK_EQ(pthread_mutex_unlock(&robust), 0);
}

static void process_dies_holding(void *arg)
{
	pthread_mutex_lock(arg);
	kill(getpid(), SIGKILL);
}

static void test_robust_between_processes(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t *m;

	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(m != MAP_FAILED);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &attr);
	CHECK_EQ(abi_wait_status(abi_spawn(process_dies_holding, m)), SIGKILL);
	CHECK_EQ(pthread_mutex_lock(m), EOWNERDEAD);
}

static void loops_in_robust_list(void *arg)
{
	struct robust_list_head *head = arg;

	/* Hostile: a ring that never meets its head, and one that leads into the kernel. */
	syscall(SYS_set_robust_list, head, sizeof(*head));
	syscall(SYS_exit_group, 0);
}

static void test_robust_list_hostile(void)
{
	static struct robust_list a, b;
	static struct robust_list_head head;
	struct robust_list_head *got = NULL;
	size_t len = 0;

	CHECK_ERR(syscall(SYS_set_robust_list, &head, sizeof(head) - 1), EINVAL);
	a.next = &b;
	b.next = &a;
	head.list.next = &a;
	abi_join(abi_spawn(loops_in_robust_list, &head));
	head.list.next = (void *)0xffff800000000000;
	abi_join(abi_spawn(loops_in_robust_list, &head));
	abi_join(abi_spawn(loops_in_robust_list, (void *)0xffff800000000000));
	CHECK_OK(syscall(SYS_set_robust_list, &head, sizeof(head)));
	CHECK_OK(syscall(SYS_get_robust_list, 0, &got, &len));
	CHECK_EQ((long)got, (long)&head);
	CHECK_EQ(len, sizeof(head));
	CHECK_FAULTS(p, 8, BAD_OUT, syscall(SYS_get_robust_list, 0, p, &len));
	CHECK_FAULTS(p, 8, BAD_OUT, syscall(SYS_get_robust_list, 0, &got, p));
	CHECK_ERR(syscall(SYS_get_robust_list, 0x3ffffff, &got, &len), ESRCH);
	CHECK_OK(syscall(SYS_set_robust_list, NULL, sizeof(head)));
}

static const struct abi_test tests[] = {
	{"cleartid_wakes", test_cleartid_wakes},
	{"set_tid_address", test_set_tid_address},
	{"bad_cleartid", test_bad_cleartid},
	{"create_join", test_create_join},
	{"many_in_turn", test_many_in_turn},
	{"mutex_and_cond", test_mutex_and_cond},
	{"cancel", test_cancel},
	{"timed_waits", test_timed_waits},
	{"exit_group", test_exit_group},
	{"leader_exits_first", test_leader_exits_first},
	{"exec_from_thread", test_exec_from_thread},
	{"signal_finds_a_thread", test_signal_finds_a_thread},
	{"robust_mutex", test_robust_mutex},
	{"robust_between_processes", test_robust_between_processes},
	{"robust_list_hostile", test_robust_list_hostile},
};

ABI_SUITE(tests, child);
