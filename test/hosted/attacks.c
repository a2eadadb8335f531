/* attacks.c - more that a program can do to the stub it runs in (docs/HOSTED.md, Trust)
 *
 * As hostile.c: each attacker is a child without rights, which may harm itself. This program must
 * go on, see it end, and find itself and its calls as they were.
 */
#include "abitest.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "arch/x86_64/hosted/stub/stub.h"
#include "fault.h"

#define NOBODY	  65534
#define SPOTS_MAX 32
#define X32	  0x40000000
#define CALLS	  500
#define VSYSCALL  0xffffffffff600000ull
/* Linux has no filter for these two. Without a probe they are an error or SIGILL. */
#define URETPROBE 335
#define UPROBE	  336

static struct stub_area *area(void)
{
	return (struct stub_area *)STUB_AREA;
}

static void need_stub(void)
{
	if (fault_touch((void *)STUB_TEXT, false).signo)
		SKIP("not the hosted machine");
}

static uint32_t random32(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8 ^ *state << 13;
}

static void exit_seven(void *arg)
{
	_exit(7);
}

/* Starts an attacker, and ends it after so many milliseconds if it does not do so itself. */
static int attack(void (*fn)(void *), void *arg, int ms)
{
	int status = 0, sane;
	pid_t pid = abi_spawn(fn, arg);

	for (int i = 0; i < ms; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			goto out_sane;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
out_sane:
	sane = abi_wait_status(abi_spawn(exit_seven, NULL));
	CHECK(WIFEXITED(sane) && WEXITSTATUS(sane) == 7);
	CHECK_EQ(syscall(SYS_getppid), getppid());
	return status;
}

/* No right to harm others: what it is made to call by chance, it calls for itself. And no handlers
 * of the case, which would go back into it. */
static void shed(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_DFL);
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(99);
}

static long call_at(uintptr_t spot, long nr)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register long r9 __asm__("r9") = 0;
	long r;

	__asm__ volatile("subq $256, %%rsp\n\tcall *%8\n\taddq $256, %%rsp"
			 : "=a"(r)
			 : "0"(nr), "D"(0L), "S"(0L), "d"(0L), "r"(r10), "r"(r8), "r"(r9), "r"(spot)
			 : "rcx", "r11", "memory");
	return r;
}

static bool ends_or_waits(long nr)
{
	switch (nr) {
	case SYS_rt_sigreturn:
	case SYS_select:
	case SYS_pselect6:
	case SYS_ppoll:
	case SYS_pause:
	case SYS_rt_sigsuspend:
	case SYS_fork:
	case SYS_vfork:
	case SYS_clone:
	case SYS_clone3:
	case SYS_exit:
	case SYS_exit_group:
	case URETPROBE:
	case UPROBE:
		return true;
	default:
		return false;
	}
}

/* All calls by one instruction of the stub: they are the guest's, x32 numbers are none. */
static void call_all(void *arg)
{
	uintptr_t spot = (uintptr_t)arg;
	pid_t me = getpid();

	shed();
	for (long nr = 0; nr < CALLS; nr++) {
		if (ends_or_waits(nr))
			continue;
		call_at(spot, nr);
		if (call_at(spot, nr | X32) != -ENOSYS)
			_exit(2);
	}
	_exit(call_at(spot, SYS_getpid) == me ? 0 : 3);
}

static void every_call_by_every_instruction(void)
{
	const unsigned char *text = (const unsigned char *)STUB_TEXT;
	size_t tried = 0;

	need_stub();
	for (size_t i = 0; i + 2 < STUB_TEXT_MAX && tried < SPOTS_MAX; i++) {
		if (text[i] != 0x0f || text[i + 1] != 0x05 || text[i + 2] != 0xc3)
			continue;
		tried++;
		CHECK_EQ(attack(call_all, (void *)(STUB_TEXT + i), 20000), 0);
	}
	CHECK(tried >= 2);
}

/* ---- other ways into the host's kernel ---- */

static void by_int80(void *arg)
{
	long r = 20; /* getpid there */

	shed();
	__asm__ volatile("int $0x80" : "+a"(r)::"memory");
	_exit(1);
}

static void by_sysenter(void *arg)
{
	long r = 20;

	shed();
	__asm__ volatile("movq %%rsp, %%rbp\n\tsysenter" : "+a"(r)::"memory");
	_exit(1);
}

static void by_vsyscall(void *arg)
{
	shed();
	((long (*)(void *))(VSYSCALL + (uintptr_t)arg))(NULL);
	_exit(1);
}

static void by_probe(void *arg)
{
	shed();
	_exit(syscall((long)(uintptr_t)arg) == -1 ? 0 : 1);
}

static void check_probe(long nr)
{
	int status = attack(by_probe, (void *)nr, 5000);

	CHECK(!status || (WIFSIGNALED(status) && WTERMSIG(status) == SIGILL));
}

static void other_entries_are_closed(void)
{
	need_stub();
	CHECK(WIFSIGNALED(attack(by_int80, NULL, 5000)));
	CHECK(WIFSIGNALED(attack(by_sysenter, NULL, 5000)));
	check_probe(URETPROBE);
	check_probe(UPROBE);
	for (uintptr_t at = 0; at <= 0x800; at += 0x400)
		attack(by_vsyscall, (void *)at, 5000); /* some hosts have that page */
}

/* ---- the area ---- */

static void *spoil_all(void *arg)
{
	uint32_t state = (uint32_t)(uintptr_t)arg;

	for (;;) {
		uint32_t at = random32(&state) % (STUB_AREA_SIZE / 4);

		((uint32_t *)STUB_AREA)[random32(&state) & 1 ? at : at % 512] = random32(&state);
	}
	return arg;
}

/* Registers, extended state, frames and control words change while calls are made and trap. */
static void spoil_everything(void *arg)
{
	pthread_t t;

	shed();
	pthread_create(&t, NULL, spoil_all, arg);
	for (;;) {
		getppid();
		syscall(SYS_sched_yield);
	}
}

static void all_of_the_area_is_spoilt(void)
{
	need_stub();
	for (uintptr_t i = 1; i <= 8; i++)
		attack(spoil_everything, (void *)i, 150);
}

static void forge_events(void *arg)
{
	static const uint32_t offsets[] = {0,	   8,	   0xfff,   0x1000,  0x4fff,	 0x5000,
					   0xf000, 0xffff, 0x10000, 0x20000, 0x7fffffff, ~0u};
	struct stub_area *a = area();
	uint32_t state = (uint32_t)(uintptr_t)arg;

	shed();
	for (;;) {
		a->regs[STUB_RAX] = SYS_getppid;
		a->frame = offsets[random32(&state) % ARRAY_SIZE(offsets)] - random32(&state) % 16;
		a->info = offsets[random32(&state) % ARRAY_SIZE(offsets)];
		a->fpu = offsets[random32(&state) % ARRAY_SIZE(offsets)];
		a->sig = random32(&state) % 70;
		a->event = random32(&state) % 5;
		a->look = a->yield = ~0u;
		a->base = a->top = offsets[random32(&state) % ARRAY_SIZE(offsets)];
		__atomic_store_n(&a->turn, STUB_TURN_KERNEL, __ATOMIC_SEQ_CST);
		syscall(SYS_getppid);
	}
}

static void offsets_are_wrong(void)
{
	need_stub();
	for (uintptr_t i = 1; i <= 8; i++)
		attack(forge_events, (void *)i, 100);
}

/* ---- the stub's pages ---- */

static void pages_cannot_be_changed(void)
{
	const uintptr_t pages[] = {STUB_TEXT, STUB_STACK, STUB_ORDERS, STUB_AREA};

	need_stub();
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		void *p = (void *)pages[i];

		CHECK(munmap(p, 4096) < 0);
		CHECK(mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) < 0);
		CHECK(madvise(p, 4096, MADV_DONTNEED) < 0);
		CHECK(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		      MAP_FAILED);
		CHECK(mremap(p, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
		CHECK_ERR(read(-1, p, 1), EBADF);
		CHECK_READABLE(p);
	}
}

/* The stack that the stub and its mapper were born on. */
static void write_stack(void *arg)
{
	memset((void *)STUB_STACK, 0xcc, STUB_STACK_SZ);
	for (int i = 0; i < 20; i++) {
		char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
		int status;

		memset(p, i, 65536);
		status = abi_wait_status(abi_spawn(exit_seven, NULL));
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 7 || munmap(p, 65536))
			_exit(1);
	}
	_exit(0);
}

static void stack_is_nobodys(void)
{
	need_stub();
	CHECK_EQ(attack(write_stack, NULL, 10000), 0);
}

/* ---- slots of patched calls ---- */

static void *trampoline(size_t *size)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[256];
	unsigned long from, to;
	void *found = NULL;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "[trampoline]") && sscanf(line, "%lx-%lx", &from, &to) == 2) {
			found = (void *)from;
			*size = to - from;
			break;
		}
	if (f)
		fclose(f);
	return found;
}

static void call_often(void)
{
	for (int i = 0; i < 100; i++)
		getppid();
}

/* What it does to its slots nobody else sees, not even who has a copy of them by fork. */
static void spoil_slots(void *arg)
{
	size_t size = 0;
	void *p = trampoline(&size);

	shed();
	if (!p)
		_exit(98);
	if ((uintptr_t)arg == 0) {
		munmap(p, size);
	} else if (!mprotect(p, size, PROT_READ | PROT_WRITE | PROT_EXEC)) {
		uint32_t state = (uint32_t)(uintptr_t)arg;

		for (size_t i = 0; i < size; i++)
			((unsigned char *)p)[i] = (unsigned char)random32(&state);
	}
	call_often();
	alarm(1);
	for (;;)
		getppid();
}

static void slots_are_spoilt(void)
{
	size_t size;

	need_stub();
	call_often();
	if (!trampoline(&size))
		SKIP("calls are not patched here");
	for (uintptr_t i = 0; i < 6; i++) {
		int status = attack(spoil_slots, (void *)i, 200);

		CHECK(WIFSIGNALED(status));
		call_often();
		CHECK_EQ(syscall(SYS_getppid), getppid());
	}
}

/* ---- never an answer ---- */

/* In the stub's own code, where a kick leaves a mark only: a call that waits for the turn in an
 * area of the program's own. */
static void wait_for_ever(void *arg)
{
	struct stub_area *fake = mmap(NULL, STUB_AREA_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	shed();
	memset(fake, 0, STUB_AREA_SIZE);
	fake->top = (uintptr_t)fake + STUB_AREA_TOP;
	fake->look = ~0u;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, fake))
		_exit(1);
	__asm__ volatile("xorl %%ecx, %%ecx\n\tjmp *%0" ::"r"(STUB_SITE), "a"(SYS_getppid)
			 : "memory");
	_exit(2);
}

/* Alone on a processor it may run on. Who kills it does not wait for long. */
static void who_never_answers_is_killed(void)
{
	struct timespec from, to;
	int status;

	need_stub();
	clock_gettime(CLOCK_MONOTONIC, &from);
	status = attack(wait_for_ever, NULL, 200);
	clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(to.tv_sec - from.tv_sec < 30);
}

static const struct abi_test tests[] = {
	{"every_call_by_every_instruction", every_call_by_every_instruction},
	{"other_entries_are_closed", other_entries_are_closed},
	{"all_of_the_area_is_spoilt", all_of_the_area_is_spoilt},
	{"offsets_are_wrong", offsets_are_wrong},
	{"pages_cannot_be_changed", pages_cannot_be_changed},
	{"stack_is_nobodys", stack_is_nobodys},
	{"slots_are_spoilt", slots_are_spoilt},
	{"who_never_answers_is_killed", who_never_answers_is_killed},
};
ABI_SUITE(tests, NULL);
