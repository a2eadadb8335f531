/* patch_answers.c - getpid and gettid at changed call sites, which the hosted machine answers
 * itself
 *
 * They must be those of the task that asks, whatever has just happened to it: see patch.c.
 */
#include "sites.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define THREADS 6

/* As put_site(), and at offset 32 syscall; cmp; ret for any number. */
static void fill_answers(unsigned char *page, void *arg)
{
	static const unsigned char any[] = {0x90, 0x0f, 0x05, 0x48, 0x3d,
					    0x01, 0xf0, 0xff, 0xff, 0xc3};

	put_site(page + 64, SYS_getpid);
	put_site(page + 128, SYS_gettid);
	memcpy(page + 192, any, sizeof(any));
	put_next(page + 256, SYS_getpid, cmp, CMP_SIZE);
	put_next(page + 320, SYS_gettid, cmp, CMP_SIZE);
}

static const unsigned char *text;

static long any_call(uint64_t nr)
{
	__asm__ volatile("subq $256, %%rsp\n\tcall *%1\n\taddq $256, %%rsp"
			 : "+a"(nr)
			 : "r"(text + 192)
			 : "rcx", "r11", "memory");
	return (long)nr;
}

static void prepare(void)
{
	text = text_page(fill_answers, NULL);
	for (int i = 64; i <= 320; i += 64)
		for (int n = 0; n < OFTEN && i != 192; n++)
			as_fn(text + i)(0, 0, 0);
	for (int n = 0; n < OFTEN; n++)
		any_call(SYS_getppid);
	check_patched(text + 256);
	check_patched(text + 192 + 1 - CALL);
}

/* How many of the answers are wrong. */
static int wrong_ids(pid_t pid, pid_t tid)
{
	return (as_fn(text + 64)(0, 0, 0) != pid) + (as_fn(text + 128)(0, 0, 0) != tid) +
	       (any_call(SYS_getpid) != pid) + (any_call(SYS_gettid) != tid) +
	       (as_fn(text + 256)(0, 0, 0) != pid) + (as_fn(text + 320)(0, 0, 0) != tid);
}

/* The number at a link's end: as the kernel has it elsewhere, by a call that no stub answers. */
static pid_t number_of(const char *link)
{
	char to[64] = {0};
	const char *last;

	if (readlink(link, to, sizeof(to) - 1) < 0)
		return -1;
	last = strrchr(to, '/');
	return (pid_t)strtol(last ? last + 1 : to, NULL, 10);
}

static pid_t pid_of_proc(void)
{
	return number_of("/proc/self");
}

void answer_registers(void)
{
	prepare();
	for (uint64_t i = 0; i < OFTEN; i++) {
		uint64_t r[2][NREGS];

		for (int k = 0; k < 2; k++) {
			const unsigned char *at = text + (k ? 256 : 128);

			for (int n = 0; n < KEPT; n++)
				r[k][n] = i << 32 | 0x101u * (n + 1);
			regs_call(at, r[k]);
			for (int n = 0; n < KEPT; n++)
				CHECK_EQ(r[k][n], i << 32 | 0x101u * (n + 1));
			CHECK_EQ(r[k][RAX], pid_of_proc());
			CHECK_EQ(r[k][RCX], (uint64_t)(uintptr_t)at + (k ? BEHIND : 7));
			CHECK_EQ(r[k][FLAGS] & (CF | 0x400), CF | 0x400);
		}
	}
	/* the upper half of the number does not count */
	CHECK_EQ(any_call(0xabcdef0100000000ull | SYS_getpid), pid_of_proc());
	CHECK_EQ(any_call(0x8000000000000000ull | SYS_gettid), pid_of_proc());
	CHECK_EQ(any_call(0x100000ull | SYS_gettid), -ENOSYS);
}

static void *ids_thread(void *arg)
{
	pid_t tid = number_of("/proc/thread-self");
	long wrong = 0;

	for (int i = 0; i < 3000; i++) {
		wrong += wrong_ids(*(pid_t *)arg, tid);
		if (i % 64 == 0)
			sched_yield();
	}
	return (void *)wrong;
}

static int vm_child(void *arg)
{
	return wrong_ids(pid_of_proc(), pid_of_proc()) || pid_of_proc() == *(volatile pid_t *)arg;
}

/* Right after each way to become another task. */
void answer_children(void)
{
	char *stack = abi_pages(4, PROT_READ | PROT_WRITE);
	pid_t pid, me = getpid();
	int status;

	prepare();
	for (int i = 0; i < 20; i++) {
		pid = fork();
		REQUIRE(pid >= 0);
		if (!pid)
			_exit(wrong_ids(pid_of_proc(), pid_of_proc()) || pid_of_proc() == me);
		CHECK_EQ(wrong_ids(me, me), 0);
		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK_EQ(status, 0);
		pid = clone(vm_child, stack + 4 * PAGE,
			    CLONE_VM | (i & 1 ? CLONE_VFORK : 0) | SIGCHLD, &me);
		REQUIRE(pid >= 0);
		CHECK_EQ(wrong_ids(me, me), 0);
		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK_EQ(status, 0);
	}
	CHECK_EQ(wrong_ids(me, me), 0);
}

/* More threads than CPUs, which take turns by themselves and by the clock. */
void answer_threads(void)
{
	static pid_t me;
	pthread_t t[THREADS];

	prepare();
	me = pid_of_proc();
	for (int i = 0; i < THREADS; i++)
		REQUIRE(!pthread_create(&t[i], NULL, ids_thread, &me));
	for (int i = 0; i < 3000; i++)
		CHECK_EQ(wrong_ids(me, me), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(t[i], &wrong);
		CHECK_EQ((long)wrong, 0);
	}
}

static void *exec_thread(void *arg)
{
	char *args[] = {(char *)abi_self_path(), (char *)"--child", (char *)"ids", NULL};

	execv(args[0], args);
	_exit(1);
}

int answer_child(void)
{
	prepare();
	return wrong_ids(pid_of_proc(), pid_of_proc()) || gettid() != pid_of_proc();
}

/* A thread that executes a program has its process's number afterwards. */
void answer_exec(void)
{
	int status;
	pid_t pid;

	prepare();
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid) {
		pthread_t t;

		wrong_ids(0, 0);
		pthread_create(&t, NULL, exec_thread, NULL);
		for (;;)
			pause();
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}

static volatile long hits, strays;

static void on_alarm(int sig, siginfo_t *info, void *context)
{
	uint64_t rip = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	uint64_t offset = rip - (uint64_t)(uintptr_t)text;

	hits++;
	if (offset >= PAGE && !in_program(rip))
		strays++;
	strays += wrong_ids(pid_of_proc(), pid_of_proc());
}

/* Interrupted at any instruction of an answer. */
void answer_signals(void)
{
	struct itimerval often = {{0, 300}, {0, 300}}, never = {0};
	struct sigaction act = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO};
	pid_t me = pid_of_proc();
	long wrong = 0;

	prepare();
	hits = strays = 0;
	REQUIRE_OK(sigaction(SIGALRM, &act, NULL));
	REQUIRE_OK(setitimer(ITIMER_REAL, &often, NULL));
	for (long i = 0; hits < 1000 && i < 300000000; i++)
		wrong += wrong_ids(me, me);
	REQUIRE_OK(setitimer(ITIMER_REAL, &never, NULL));
	CHECK(hits > 100);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(strays, 0);
}
