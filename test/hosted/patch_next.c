/* patch_next.c - call sites where `syscall` and the instruction behind it are changed: see patch.c
 *
 * What must hold anywhere: the instruction behind the call is done once, whatever comes between;
 * signals and steps see the program's own instructions only; rcx is where the call returned. r11,
 * which holds the flags on Linux, is not looked at: with the flags changed by the next instruction
 * no program can use it. Where the machine says that it changes code, each site must be changed.
 */
#include "sites.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

void next_registers(void)
{
	unsigned char *at = one_next(SYS_getppid), *bad = one_next(SYS_close);

	for (uint64_t i = 0; i < OFTEN; i++) {
		uint64_t r[NREGS], e[NREGS];

		for (int n = 0; n < KEPT; n++)
			e[n] = r[n] = i << 32 | 0x101u * (n + 1);
		e[RDI] = ~0ull;
		regs_call(at, r);
		regs_call(bad, e);
		for (int n = 0; n < KEPT; n++) {
			CHECK_EQ(r[n], i << 32 | 0x101u * (n + 1));
			CHECK_EQ(e[n], n == RDI ? ~0ull : r[n]);
		}
		CHECK_EQ(r[RAX], getppid());
		CHECK_EQ(e[RAX], -EBADF);
		CHECK_EQ(r[RCX], (uint64_t)(uintptr_t)at + BEHIND);
		/* below -4095, and not; the direction flag stays */
		CHECK_EQ(r[FLAGS] & (CF | 0x400), CF | 0x400);
		CHECK_EQ(e[FLAGS] & (CF | 0x400), 0x400);
	}
	check_patched(at);
	check_patched(bad);
}

/* Each instruction that may stand behind the call has its effect, and no other has been moved. */
void next_instructions(void)
{
	static const struct {
		unsigned char code[8];
		size_t size;
		bool changed;
	} all[] = {
		{{0x3d, 1, 0xf0, 0xff, 0xff}, 5, true},	    /* cmp $-4095, %eax */
		{{0x48, 0x83, 0xf8, 0xff}, 4, true},	    /* cmp $-1, %rax */
		{{0x48, 0x85, 0xc0}, 3, true},		    /* test %rax, %rax */
		{{0x48, 0x89, 0xc2}, 3, true},		    /* mov %rax, %rdx */
		{{0x49, 0x89, 0xc1}, 3, true},		    /* mov %rax, %r9 */
		{{0x89, 0xc2, 0x90}, 3, false},		    /* mov %eax, %edx; nop */
		{{0x48, 0x89, 0x44, 0x24, 0xf8}, 5, false}, /* mov %rax, -8(%rsp) */
		{{0x48, 0x8d, 0x05, 0, 0, 0, 0}, 7, false}, /* lea 0(%rip), %rax */
	};

	for (size_t k = 0; k < ARRAY_SIZE(all); k++) {
		struct next n = {SYS_getppid, all[k].code, all[k].size};
		unsigned char *at = text_page(fill_next, &n) + 64;

		for (int i = 0; i < OFTEN; i++) {
			uint64_t r[NREGS] = {0};

			regs_call(at, r);
			if (k < 7)
				CHECK_EQ(r[RAX], getppid());
			else
				CHECK_EQ(r[RAX], (uint64_t)(uintptr_t)at + BEHIND + all[k].size);
			if (k < 3)
				CHECK_EQ(r[FLAGS] & CF, k != 2);
			else
				CHECK_EQ(r[FLAGS] & CF, CF);
			CHECK_EQ(r[RDX], k == 3 || k == 5 ? getppid() : 0);
			CHECK_EQ(r[R9], k == 4 ? getppid() : 0);
		}
		if (all[k].changed)
			check_patched(at);
		else
			CHECK_EQ(at[CALL], 0x0f);
	}
}

/* Wherever the slots are: in many sites, so that all kinds of traps are met. */
void next_is_jumped_to(void)
{
	bool seen[256] = {false};
	int kinds = 0;

	for (int k = 0; k < 6; k++) {
		unsigned char *page = text_page(fill_all_next, NULL);

		for (int i = 0; i < SITES; i++) {
			warm(page + i * 64);
			jump_behind(page + i * 64, 1);
			jump_behind(page + i * 64, -1ull);
			CHECK_EQ(as_fn(page + i * 64)(0, 0, 0), i & 1 ? gettid() : getppid());
			kinds += !seen[page[i * 64 + BEHIND]];
			seen[page[i * 64 + BEHIND]] = true;
		}
		check_patched(page);
		check_patched(page + (SITES - 1) * 64);
	}
	if (machine_patches())
		CHECK(kinds > 1);
}

struct blocked {
	unsigned char *at;
	int fd;
	long result;
	char c;
	int tid;
};

static void *blocked_thread(void *arg)
{
	struct blocked *b = arg;

	__atomic_store_n(&b->tid, gettid(), __ATOMIC_SEQ_CST);
	b->result = as_fn(b->at)(b->fd, (long)&b->c, 1);
	return NULL;
}

/* A thread that sleeps in read(2), called by a site of its own. */
static pthread_t block(struct blocked *b, unsigned char *at, int *fds)
{
	pthread_t t;

	REQUIRE_OK(pipe(fds));
	*b = (struct blocked){.at = at, .fd = fds[0]};
	REQUIRE(!pthread_create(&t, NULL, blocked_thread, b));
	while (!__atomic_load_n(&b->tid, __ATOMIC_SEQ_CST))
		sched_yield();
	usleep(50000);
	return t;
}

/* The site is changed while a thread is in the call, which then goes on. */
void next_while_blocked(void)
{
	unsigned char *at = one_next(SYS_read);
	struct blocked b;
	pthread_t t;
	int fds[2];

	t = block(&b, at, fds);
	for (int i = 0; i < OFTEN; i++)
		CHECK_EQ(as_fn(at)(-1, 0, 0), -EBADF);
	check_patched(at);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	pthread_join(t, NULL);
	CHECK(b.result == 1 && b.c == 'x');
}

static volatile long hits;
static volatile uint64_t seen_rip, seen_rax, seen_rcx;

static void on_usr1(int sig, siginfo_t *info, void *context)
{
	const greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	seen_rip = (uint64_t)r[REG_RIP];
	seen_rax = (uint64_t)r[REG_RAX];
	seen_rcx = (uint64_t)r[REG_RCX];
	hits++;
}

static void interrupt_one(int flags, bool changed_before)
{
	struct sigaction act = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO | flags};
	unsigned char *at = one_next(SYS_read);
	struct blocked b;
	pthread_t t;
	int fds[2];

	for (int i = 0; changed_before && i < OFTEN; i++)
		CHECK_EQ(as_fn(at)(-1, 0, 0), -EBADF);
	t = block(&b, at, fds);
	for (int i = 0; !changed_before && i < OFTEN; i++)
		CHECK_EQ(as_fn(at)(-1, 0, 0), -EBADF);
	check_patched(at);
	hits = 0;
	REQUIRE_OK(sigaction(SIGUSR1, &act, NULL));
	REQUIRE_OK(tgkill(getpid(), b.tid, SIGUSR1));
	usleep(50000);
	CHECK_EQ(hits, 1);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	pthread_join(t, NULL);
	CHECK_EQ(seen_rcx, (uint64_t)(uintptr_t)at + BEHIND);
	if (flags & SA_RESTART) {
		CHECK_EQ(seen_rip, (uint64_t)(uintptr_t)at + CALL);
		CHECK_EQ(seen_rax, SYS_read);
		CHECK_EQ(b.result, 1);
	} else {
		CHECK_EQ(seen_rip, (uint64_t)(uintptr_t)at + BEHIND);
		CHECK_EQ(seen_rax, -EINTR);
		CHECK_EQ(b.result, -EINTR);
	}
}

/* What a handler sees of a call that it interrupts, and where it goes back to. */
void next_interrupted(void)
{
	interrupt_one(0, false);
	interrupt_one(0, true);
	interrupt_one(SA_RESTART, false);
	interrupt_one(SA_RESTART, true);
}

static long child_runs(void)
{
	_exit(getpid() == gettid() ? 5 : 6);
}

/* syscall; test %rax, %rax; jz 1f; ret; 1: call *%r12 */
static void fill_clone(unsigned char *page, void *arg)
{
	static const unsigned char code[] = {0x0f, 0x05, 0x48, 0x85, 0xc0, 0x74,
					     0x01, 0xc3, 0x41, 0xff, 0xd4};

	memset(page, 0x90, 64);
	memcpy(page + 64, code, sizeof(code));
}

static long clone_call(const unsigned char *at, unsigned long flags, void *stack)
{
	register void *fn __asm__("r12") = (void *)child_runs;
	long rax = SYS_clone;

	__asm__ volatile("subq $256, %%rsp\n\txorl %%r10d, %%r10d\n\txorl %%r8d, %%r8d\n\t"
			 "call *%2\n\taddq $256, %%rsp"
			 : "+a"(rax), "+r"(fn)
			 : "r"(at), "D"(flags), "S"(stack), "d"(0)
			 : "rcx", "r8", "r10", "r11", "memory");
	return rax;
}

/* A child begins behind the call, in its own memory or in the parent's. */
void next_children(void)
{
	unsigned char *fork_at = one_next(SYS_fork), *at = text_page(fill_clone, NULL) + 64;
	char *stack = abi_pages(4, PROT_READ | PROT_WRITE);
	int status;

	for (int i = 0; i < OFTEN / 2; i++) {
		pid_t pid = (pid_t)as_fn(fork_at)(0, 0, 0);

		REQUIRE(pid >= 0);
		if (!pid)
			_exit((int)as_fn(fork_at)(0, 0, 0) < 0);
		REQUIRE(waitpid(pid, &status, 0) == pid);
		CHECK_EQ(status, 0);
	}
	check_patched(fork_at);
	for (int i = 0; i < OFTEN; i++)
		CHECK_EQ(clone_call(at, CLONE_THREAD, NULL), -EINVAL);
	CHECK_EQ(at[0], machine_patches() ? 0xe9 : 0x0f);
	for (int i = 0; i < 6; i++) {
		unsigned long how = i & 1 ? CLONE_VM | CLONE_VFORK : i & 2 ? CLONE_VM : 0;
		long pid = clone_call(at, how | SIGCHLD, stack + 4 * PAGE - 64);

		REQUIRE(pid > 0);
		REQUIRE(waitpid((pid_t)pid, &status, 0) == pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	}
}

/* Calls that do not come back, and those that do. */
void next_exec(void)
{
	char *args[] = {(char *)abi_self_path(), (char *)"--child", NULL}, *none[] = {NULL};
	unsigned char *at = one_next(SYS_execve);
	int status;
	pid_t pid;

	for (int i = 0; i < OFTEN; i++)
		CHECK_EQ(as_fn(at)((long)"/nowhere", (long)none, (long)none), -ENOENT);
	check_patched(at);
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid) {
		as_fn(at)((long)args[0], (long)args, (long)none);
		_exit(1);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* Stopped and continued: nanosleep(2) goes on as restart_syscall(2). */
void next_restarted(void)
{
	struct timespec bad = {0, -1}, wait = {0, 200000000};
	unsigned char *at = one_next(SYS_nanosleep);
	int status;
	pid_t pid;

	for (int i = 0; i < OFTEN; i++)
		CHECK_EQ(as_fn(at)((long)&bad, 0, 0), -EINVAL);
	check_patched(at);
	pid = fork();
	REQUIRE(pid >= 0);
	if (!pid)
		_exit(as_fn(at)((long)&wait, 0, 0) != 0);
	usleep(50000);
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* syscall(2), which all libraries' wrappers without a number of their own resemble. */
void next_of_the_c_library(void)
{
	static const unsigned char call[] = {0x0f, 0x05, 0x48, 0x3d};
	const unsigned char *at = (const unsigned char *)(uintptr_t)syscall;

	while (memcmp(at, call, sizeof(call)))
		at++;
	for (int i = 0; i < OFTEN; i++) {
		CHECK_EQ(syscall(SYS_getppid), getppid());
		CHECK_ERR(syscall(SYS_close, -1), EBADF);
	}
	check_patched(at - CALL);
}
