/* futex.c - scripts: futexes between threads */
#include "abi/linux/errno.h"
#include "abi/linux/futex.h"
#include "abi/linux/sched.h"
#include "abi/linux/time.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

#define THREAD                                                                                  \
	(ABI_CLONE_VM | ABI_CLONE_FS | ABI_CLONE_FILES | ABI_CLONE_SIGHAND | ABI_CLONE_THREAD | \
	 ABI_CLONE_SYSVSEM)

static uint64_t mem; /* +0 lock, +8 counter, +16 running threads, +32 words */

/* The lock of "Futexes are tricky": 0 free, 1 taken, 2 taken and waited for. */
static void lock(void)
{
	uint32_t c = u_cmpxchg32(mem, 0, 1);

	while (c) {
		if (c == 2 || u_cmpxchg32(mem, 1, 2) != 0)
			u_syscall(NR_futex, mem, ABI_FUTEX_WAIT | ABI_FUTEX_PRIVATE_FLAG, 2, 0);
		c = u_cmpxchg32(mem, 0, 2);
	}
}

static void unlock(void)
{
	if (u_add32(mem, (uint32_t)-1) != 0) {
		u_store(mem, 0, 4);
		u_syscall(NR_futex, mem, ABI_FUTEX_WAKE | ABI_FUTEX_PRIVATE_FLAG, 1);
	}
}

static void worker(void *arg)
{
	for (int i = 0; i < 30; i++) {
		uint64_t v;

		lock();
		v = u_load(mem + 8, 8);
		if (i % 4 == 0)
			u_pause();
		u_store(mem + 8, v + 1, 8);
		unlock();
	}
	u_exit_thread(0);
}

/* As pthread_join does: the kernel clears the word at the thread's end and wakes. */
static void join(uint64_t word)
{
	uint32_t tid;

	while ((tid = (uint32_t)u_load(word, 4)))
		u_syscall(NR_futex, word, ABI_FUTEX_WAIT, tid, 0);
}

static void start(u_fn fn, int n)
{
	uint64_t stacks = u_mmap((size_t)(n + 1) * 8192);

	mem = u_mmap(4096);
	for (int i = 0; i < n; i++) {
		uint64_t word = mem + 1024 + (uint64_t)i * 8;

		u_store(word, 1, 4);
		u_check(u_clone(THREAD | ABI_CLONE_PARENT_SETTID | ABI_CLONE_CHILD_CLEARTID,
				stacks + (uint64_t)(i + 1) * 8192, word, word, 0, fn,
				(void *)(long)i) > 0);
	}
}

void script_futex_lock(void *arg)
{
	int n = 5;

	start(worker, n);
	for (int i = 0; i < n; i++)
		join(mem + 1024 + (uint64_t)i * 8);
	u_check_eq(u_load(mem + 8, 8), n * 30);
}

static void waiter(void *arg)
{
	u_add32(mem + 16, 1);
	while (!u_load(mem + 32, 4)) {
		long r = u_syscall(NR_futex, mem + 32, ABI_FUTEX_WAIT, 0, 0);

		u_check(r == 0 || r == -EAGAIN);
	}
	u_add32(mem + 24, 1);
	u_exit_thread(0);
}

void script_futex_requeue(void *arg)
{
	int n = 4;
	long moved = 0;

	start(waiter, n);
	while (u_load(mem + 16, 4) < (uint32_t)n)
		u_pause();
	for (int i = 0; i < 200 && moved < n; i++) {
		moved += u_syscall(NR_futex, mem + 32, ABI_FUTEX_CMP_REQUEUE, 0, n, mem + 40, 0);
		u_pause();
	}
	u_check_eq(moved, n);
	u_check_eq(u_syscall(NR_futex, mem + 32, ABI_FUTEX_CMP_REQUEUE, 0, n, mem + 40, 5),
		   -EAGAIN);
	u_check_eq(u_syscall(NR_futex, mem + 32, ABI_FUTEX_WAKE, 10), 0);
	u_store(mem + 32, 1, 4);
	u_check_eq(u_syscall(NR_futex, mem + 40, ABI_FUTEX_WAKE, 1), 1);
	u_check_eq(u_syscall(NR_futex, mem + 40, ABI_FUTEX_WAKE, 100), n - 1);
	for (int i = 0; i < n; i++)
		join(mem + 1024 + (uint64_t)i * 8);
	u_check_eq(u_load(mem + 24, 4), n);
}

void script_futex_timeout(void *arg)
{
	mem = u_mmap(4096);
	u_store(mem + 64, 0, 8);
	u_store(mem + 72, 3000000, 8);
	u_check_eq(u_syscall(NR_futex, mem, ABI_FUTEX_WAIT, 0, mem + 64), -ETIMEDOUT);
	u_check_eq(u_syscall(NR_futex, mem, ABI_FUTEX_WAIT, 1, mem + 64), -EAGAIN);
	u_check_eq(u_syscall(NR_futex, mem + 1, ABI_FUTEX_WAIT, 0, 0), -EINVAL);
	u_check_eq(u_syscall(NR_futex, 0x1000, ABI_FUTEX_WAIT, 0, 0), -EFAULT);
	u_check_eq(u_syscall(NR_futex, mem, ABI_FUTEX_WAIT_BITSET, 0, 0, 0, 0), -EINVAL);
	u_store(mem + 72, 2000000000, 8);
	u_check_eq(u_syscall(NR_futex, mem, ABI_FUTEX_WAIT, 0, mem + 64), -EINVAL);
}

/* A thread dies with a robust lock held: its waiter gets the word with the mark. */
static void dies_locked(void *arg)
{
	uint64_t head = mem + 512;
	long tid = u_syscall(NR_gettid);

	u_store(head, mem + 560, 8);	     /* the list: one entry */
	u_store(head + 8, (uint64_t)-16, 8); /* the futex word is 16 bytes before the entry */
	u_store(head + 16, 0, 8);
	u_store(mem + 560, head, 8);
	u_store(mem + 544, (uint64_t)tid, 4);
	u_check_eq(u_syscall(NR_set_robust_list, head, 24), 0);
	u_store(mem + 16, 1, 4);
	while (!u_load(mem + 20, 4))
		u_pause();
	u_exit_thread(0);
}

void script_futex_robust(void *arg)
{
	uint32_t word;

	start(dies_locked, 1);
	while (!u_load(mem + 16, 4))
		u_pause();
	word = (uint32_t)u_load(mem + 544, 4);
	u_check(u_cmpxchg32(mem + 544, word, word | ABI_FUTEX_WAITERS) == word);
	u_store(mem + 20, 1, 4);
	u_syscall(NR_futex, mem + 544, ABI_FUTEX_WAIT, word | ABI_FUTEX_WAITERS, 0);
	u_check(u_load(mem + 544, 4) & ABI_FUTEX_OWNER_DIED);
	u_check_eq(u_load(mem + 544, 4) & ABI_FUTEX_TID_MASK, 0);
	join(mem + 1024);
}
