/* hostile.c - a program that attacks the stub it runs in (docs/HOSTED.md, Trust)
 *
 * It finds the stub's code and its area above its own memory, jumps to every system-call
 * instruction there with calls that would reach the host, and writes whatever it likes into the
 * area while it runs. What it may do is harm itself: each attacker is a child, and this program
 * must go on, see it end, and find nothing of others. Elsewhere than in the hosted machine there is
 * no stub: skipped.
 */
#include "abitest.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/layout.h"
#include "arch/x86_64/hosted/stub/stub.h"
#include "fault.h"

#define SPOTS_MAX 16

static struct stub_area *area(void)
{
	return (struct stub_area *)STUB_AREA;
}

static void need_stub(void)
{
	if (fault_touch((void *)STUB_TEXT, false).signo)
		SKIP("not the hosted machine");
}

/* Addresses of the stub's system-call instructions. */
static size_t find_calls(uintptr_t *spot)
{
	const unsigned char *text = (const unsigned char *)STUB_TEXT;
	size_t n = 0;

	for (size_t i = 0; i + 2 < STUB_TEXT_MAX && n < SPOTS_MAX; i++)
		if (text[i] == 0x0f && text[i + 1] == 0x05)
			spot[n++] = (uintptr_t)text + i;
	return n;
}

/* Only what has a `ret` behind it comes back here. */
static bool returns(uintptr_t spot)
{
	return ((const unsigned char *)spot)[2] == 0xc3;
}

static long call_at(uintptr_t spot, long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	/* The red zone is in use: the return address must not land there. */
	__asm__ volatile("subq $256, %%rsp\n\tcall *%8\n\taddq $256, %%rsp"
			 : "=a"(r)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), "r"(spot)
			 : "rcx", "r11", "memory");
	return r;
}

/* The guest's kernel answers, whatever instruction asks. */
static void calls_are_trapped(void)
{
	uintptr_t spot[SPOTS_MAX];
	size_t n, tried = 0;

	need_stub();
	n = find_calls(spot);
	REQUIRE(n >= 2);
	for (size_t i = 0; i < n; i++) {
		struct utsname u = {0};

		if (!returns(spot[i]))
			continue;
		tried++;
		CHECK_EQ(call_at(spot[i], SYS_getppid, 0, 0, 0, 0, 0, 0), getppid());
		CHECK_EQ(call_at(spot[i], SYS_uname, (long)&u, 0, 0, 0, 0, 0), 0);
		CHECK(strstr(u.release, "casemate"));
		CHECK_EQ(call_at(spot[i], SYS_close, 1000, 0, 0, 0, 0, 0), -EBADF);
	}
	CHECK(tried >= 2);
}

/* The host's descriptors, memory and processes cannot be named. */
static void host_is_out_of_reach(void)
{
	uintptr_t spot[SPOTS_MAX];
	size_t n;

	need_stub();
	n = find_calls(spot);
	for (int fd = 0; fd < 300; fd++)
		close(fd > 2 ? fd : -1);
	for (size_t i = 0; i < n; i++) {
		long r;

		if (!returns(spot[i]))
			continue;
		for (int fd = 3; fd < 300; fd++) {
			r = call_at(spot[i], SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, fd,
				    (long)ABI_GPA_RAM);
			CHECK_EQ(r, -EBADF);
		}
		r = call_at(spot[i], SYS_mprotect, (long)STUB_ORDERS, 4096, PROT_READ | PROT_WRITE,
			    0, 0, 0);
		CHECK(r < 0);
		r = call_at(spot[i], SYS_munmap, (long)STUB_TEXT, STUB_TEXT_MAX, 0, 0, 0, 0);
		CHECK(r < 0);
		r = call_at(spot[i], SYS_process_vm_readv, 1, 0, 0, 0, 0, 0);
		CHECK(r < 0);
		r = call_at(spot[i], SYS_kill, 2, 0, 0, 0, 0, 0);
		CHECK(r == 0 || r == -ESRCH);
	}
	CHECK_READABLE((void *)STUB_TEXT);
}

/* Code and orders are not writable. */
static void stub_is_read_only(void)
{
	need_stub();
	CHECK_EQ(fault_touch((void *)STUB_TEXT, true).signo, SIGSEGV);
	CHECK_EQ(fault_touch((void *)STUB_ORDERS, true).signo, SIGSEGV);
	CHECK_READABLE((void *)STUB_ORDERS);
}

static void exit_seven(void *arg)
{
	volatile char page[1024];

	memset((char *)page, 7, sizeof(page));
	_exit(page[100]);
}

/* Others live on, with memory and processes of their own. */
static void still_sane(void)
{
	char text[8] = "";
	int fds[2], status;

	REQUIRE_OK(pipe(fds));
	status = abi_wait_status(abi_spawn(exit_seven, NULL));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK_EQ(write(fds[1], "still", 5), 5);
	CHECK_EQ(read(fds[0], text, sizeof(text)), 5);
	CHECK(!strcmp(text, "still"));
	close(fds[0]);
	close(fds[1]);
}

static void wait_for_end(pid_t pid)
{
	int status = abi_wait_status(pid);

	CHECK(WIFSIGNALED(status) || WIFEXITED(status));
	still_sane();
}

static uint32_t random32(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8 ^ *state << 13;
}

static void *spoil(void *arg)
{
	uint32_t state = 12345;
	uint32_t *word = (uint32_t *)area(), n = sizeof(struct stub_area) / 4;

	/* All of the control page but the registers to go on with (they are checked by nobody, and
	 * could make any call of the guest): turns, events, offsets, futex words. */
	for (;;) {
		uint32_t at = STUB_NREGS * 2 + random32(&state) % (n - STUB_NREGS * 2);

		word[at] = random32(&state) % 7 ? random32(&state) % 3 : random32(&state);
	}
	return arg;
}

static void spoiler(void *arg)
{
	pthread_t t;

	alarm(2);
	pthread_create(&t, NULL, spoil, NULL);
	for (;;)
		getppid();
}

static void area_is_spoilt(void)
{
	need_stub();
	for (int i = 0; i < 3; i++) {
		pid_t pid = abi_spawn(spoiler, NULL);

		usleep(100000);
		kill(pid, SIGKILL);
		wait_for_end(pid);
	}
}

/* Claims to wait and goes on computing: it must still end when it is killed. */
static void turn_forger(void *arg)
{
	for (;;) {
		area()->turn = STUB_TURN_KERNEL;
		area()->kernel_word = 1;
	}
}

static void turn_is_forged(void)
{
	pid_t pid;

	need_stub();
	pid = abi_spawn(turn_forger, NULL);
	usleep(100000);
	for (int i = 0; i < 100; i++)
		sched_yield();
	kill(pid, SIGKILL);
	wait_for_end(pid);
}

/* Gives itself the turn at any time, also while the mapper is at work, and goes on with pages that
 * it has given back. What it finds there may be its own or nothing, never another program's. */
#define SECRET	  0x5ec2e7a1
#define SPOILT	  0xa5a5a5a5u
#define PAGES	  16
#define SAW_OTHER 77

static void *take_turns(void *arg)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t state = 99;

	for (;;) {
		uint32_t r = random32(&state);
		uintptr_t at = STUB_AREA + r / 3 % (uint32_t)cpus * STUB_AREA_SIZE;

		((struct stub_area *)at)->turn = r % 3;
	}
	return arg;
}

static void page_keeper(void *arg)
{
	pthread_t t;

	alarm(2);
	pthread_create(&t, NULL, take_turns, NULL);
	for (;;) {
		volatile uint32_t *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (int i = 0; i < PAGES; i++)
			p[i * 1024] = SPOILT;
		munmap((void *)p, PAGES * 4096);
		for (int i = 0; i < PAGES; i++) {
			void *page = (void *)&p[i * 1024];

			if (fault_touch(page, false).signo)
				continue;
			if (p[i * 1024] == SECRET)
				_exit(SAW_OTHER);
			(void)fault_touch(page, true);
		}
	}
}

static void keep_secrets(void)
{
	volatile uint32_t *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < PAGES; i++) {
		CHECK_EQ(p[i * 1024], 0);
		p[i * 1024] = SECRET;
	}
	sched_yield();
	for (int i = 0; i < PAGES; i++)
		CHECK_EQ(p[i * 1024], SECRET);
	munmap((void *)p, PAGES * 4096);
}

static void pages_are_kept(void)
{
	need_stub();
	for (int i = 0; i < 4 && !abi_failures; i++) {
		pid_t pid = abi_spawn(page_keeper, NULL);
		int status;

		for (int n = 0; n < 300; n++)
			keep_secrets();
		kill(pid, SIGKILL);
		status = abi_wait_status(pid);
		CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != SAW_OTHER);
		still_sane();
	}
}

/* Runs on the stub's own signal stack: there is no room for the next frame. */
static void stack_breaker(void *arg)
{
	__asm__ volatile("movq %0, %%rsp\n1:\tjmp 1b" ::"r"(STUB_AREA + STUB_AREA_STACK + 64));
}

static void stack_is_broken(void)
{
	pid_t pid;

	need_stub();
	pid = abi_spawn(stack_breaker, NULL);
	usleep(50000);
	kill(pid, SIGKILL);
	wait_for_end(pid);
}

/* Into every byte of the stub's code. */
static void jumper(void *arg)
{
	((void (*)(void))(STUB_TEXT + (uintptr_t)arg))();
}

static void code_is_jumped_into(void)
{
	need_stub();
	for (uintptr_t at = 0; at < 0xe00; at += 37) {
		pid_t pid = abi_spawn(jumper, (void *)at);

		usleep(3000);
		kill(pid, SIGKILL);
		wait_for_end(pid);
	}
}

static const struct abi_test tests[] = {
	{"calls_are_trapped", calls_are_trapped}, {"host_is_out_of_reach", host_is_out_of_reach},
	{"stub_is_read_only", stub_is_read_only}, {"area_is_spoilt", area_is_spoilt},
	{"turn_is_forged", turn_is_forged},	  {"pages_are_kept", pages_are_kept},
	{"stack_is_broken", stack_is_broken},	  {"code_is_jumped_into", code_is_jumped_into},
};
ABI_SUITE(tests, NULL);
