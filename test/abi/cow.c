/* cow.c - memory across fork(2): copies, sharing, rights, several generations */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abitest.h"
#include "fault.h"

#define RW (PROT_READ | PROT_WRITE)

static volatile int in_data = 3, in_bss;

/* Two pages: words to hand turns back and forth with. */
static volatile unsigned *turn_page(void)
{
	void *p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	return p;
}

static void wait_for(volatile unsigned *turn, unsigned n)
{
	while (__atomic_load_n(turn, __ATOMIC_ACQUIRE) != n)
		sched_yield();
}

static void give(volatile unsigned *turn, unsigned n)
{
	__atomic_store_n(turn, n, __ATOMIC_RELEASE);
}

static void child_writes(void *arg)
{
	char *p = arg;

	CHECK_EQ(p[0], 1);
	p[0] = 2;
	in_data = 4;
	in_bss = 5;
	CHECK_EQ(p[0], 2);
	CHECK_EQ(in_data, 4);
}

static void test_child_writes(void)
{
	char *p = abi_pages(1, RW);

	p[0] = 1;
	in_data = 3;
	in_bss = 0;
	abi_join(abi_spawn(child_writes, p));
	CHECK_EQ(p[0], 1);
	CHECK_EQ(in_data, 3);
	CHECK_EQ(in_bss, 0);
}

struct turns {
	volatile unsigned *turn;
	char *p;
};

static void sees_old(void *arg)
{
	struct turns *t = arg;

	wait_for(t->turn, 1);
	CHECK_EQ(t->p[0], 1);
	CHECK_EQ(t->p[PAGE], 1);
	t->p[PAGE] = 3;
	give(t->turn, 2);
	wait_for(t->turn, 3);
	CHECK_EQ(t->p[PAGE], 3);
}

static void test_parent_writes(void)
{
	struct turns t = {turn_page(), abi_pages(2, RW)};
	pid_t pid;

	memset(t.p, 1, 2 * PAGE);
	pid = abi_spawn(sees_old, &t);
	memset(t.p, 2, 2 * PAGE);
	give(t.turn, 1);
	wait_for(t.turn, 2);
	CHECK_EQ(t.p[PAGE], 2);
	t.p[PAGE] = 9;
	give(t.turn, 3);
	abi_join(pid);
	CHECK_EQ(t.p[PAGE], 9);
}

/* The kernel's own writes must break the sharing as the program's do. */
static void kernel_writes(void *arg)
{
	char *p = arg;
	int fds[2];

	REQUIRE_OK(pipe(fds));
	CHECK_EQ(write(fds[1], "xyz", 3), 3);
	CHECK_EQ(read(fds[0], p + PAGE - 1, 3), 3);
	CHECK_EQ(p[PAGE - 1], 'x');
	CHECK_EQ(p[PAGE + 1], 'z');
}

static void test_kernel_writes(void)
{
	char *p = abi_pages(2, RW);

	memset(p, 1, 2 * PAGE);
	abi_join(abi_spawn(kernel_writes, p));
	CHECK_EQ(p[PAGE - 1], 1);
	CHECK_EQ(p[PAGE], 1);
	CHECK_EQ(p[PAGE + 1], 1);
}

static void generation(void *arg)
{
	char *p = arg;

	CHECK_EQ(p[0], p[1]);
	p[0]++;
	p[1]++;
	p[PAGE * (size_t)p[0]] = p[0];
	if (p[0] < 6)
		abi_join(abi_spawn(generation, p));
	for (int i = 1; i <= p[0]; i++)
		CHECK_EQ(p[PAGE * (size_t)i], i);
	CHECK_EQ(p[PAGE * (size_t)(p[0] + 1)], 0);
}

static void test_generations(void)
{
	char *p = abi_pages(8, RW);

	abi_join(abi_spawn(generation, p));
	CHECK_EQ(p[0], 0);
	CHECK_EQ(p[PAGE], 0);
}

static void untouched(void *arg)
{
	char *p = arg;

	CHECK_EQ(p[0], 0);
	p[PAGE] = 1;
}

static void test_zero_pages(void)
{
	char *p = abi_pages(2, RW);

	/* Read only, then forked: the zero page is nobody's to write. */
	CHECK_EQ(p[0], 0);
	CHECK_EQ(p[PAGE], 0);
	abi_join(abi_spawn(untouched, p));
	CHECK_EQ(p[PAGE], 0);
	p[0] = 1;
	CHECK_EQ(p[PAGE], 0);
}

static void child_protects(void *arg)
{
	char *p = arg;

	CHECK_FAULT(p, true, SIGSEGV, SEGV_ACCERR);
	CHECK_OK(mprotect(p, PAGE, RW));
	p[0] = 8;
	CHECK_OK(munmap(p + PAGE, PAGE));
	CHECK_FAULT(p + PAGE, false, SIGSEGV, SEGV_MAPERR);
}

static void test_rights_are_copied(void)
{
	char *p = abi_pages(2, RW);

	memset(p, 7, 2 * PAGE);
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	abi_join(abi_spawn(child_protects, p));
	CHECK_EQ(p[0], 7);
	CHECK_EQ(p[PAGE], 7);
	CHECK_FAULT(p, true, SIGSEGV, SEGV_ACCERR);
}

static void protect_then_write(void *arg)
{
	char *p = arg;

	/* Read-only and back must not forget that the page is shared with the parent. */
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	CHECK_OK(mprotect(p, PAGE, RW));
	p[0] = 8;
}

static void test_protect_keeps_sharing(void)
{
	char *p = abi_pages(1, RW);

	p[0] = 7;
	abi_join(abi_spawn(protect_then_write, p));
	CHECK_EQ(p[0], 7);
}

static void remap_then_write(void *arg)
{
	char *p = mremap(arg, PAGE, 2 * PAGE, MREMAP_MAYMOVE);

	REQUIRE(p != MAP_FAILED);
	CHECK_EQ(p[0], 7);
	p[0] = 8;
	CHECK_EQ(p[PAGE], 0);
}

static void test_remap_keeps_sharing(void)
{
	char *p = abi_pages(1, RW);

	p[0] = 7;
	abi_join(abi_spawn(remap_then_write, p));
	CHECK_EQ(p[0], 7);
}

static void test_last_owner_writes(void)
{
	char *p = abi_pages(4, RW);

	memset(p, 1, 4 * PAGE);
	for (int i = 0; i < 50; i++) {
		pid_t pid = (pid_t)REQUIRE_OK(fork());

		if (pid == 0)
			_exit(p[i % 4 * PAGE] == (char)(i ? i : 1) ? 0 : 1);
		CHECK_EQ(abi_wait_status(pid), 0);
		memset(p, i + 1, 4 * PAGE);
		if (abi_failures)
			break;
	}
}

static void test_much_memory(void)
{
	size_t pages = 4096;
	char *p = abi_pages(pages, RW);
	pid_t pid;

	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = (char)(i * 7);
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		for (size_t i = 0; i < pages; i += 2)
			p[i * PAGE] = 1;
		for (size_t i = 1; i < pages; i += 2)
			CHECK_EQ(p[i * PAGE], (char)(i * 7));
		_exit(abi_failures ? 1 : 0);
	}
	for (size_t i = 1; i < pages; i += 2)
		p[i * PAGE] = 2;
	CHECK_EQ(abi_wait_status(pid), 0);
	for (size_t i = 0; i < pages; i++)
		CHECK_EQ(p[i * PAGE], i % 2 ? 2 : (char)(i * 7));
}

static void test_many_children(void)
{
	char *p = abi_pages(16, RW);
	pid_t pids[40];

	memset(p, 1, 16 * PAGE);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = (pid_t)REQUIRE_OK(fork());
		if (pids[i] == 0) {
			memset(p, (int)i, 16 * PAGE);
			sched_yield();
			for (size_t k = 0; k < 16 * PAGE; k += PAGE)
				CHECK_EQ(p[k], (int)i);
			_exit(abi_failures ? 1 : 0);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		CHECK_EQ(abi_wait_status(pids[i]), 0);
	CHECK_EQ(p[15 * PAGE], 1);
}

static void test_stack(void)
{
	volatile int local = 1;
	pid_t pid = (pid_t)REQUIRE_OK(fork());

	if (pid == 0) {
		local = 2;
		_exit(local == 2 ? 0 : 1);
	}
	CHECK_EQ(abi_wait_status(pid), 0);
	CHECK_EQ(local, 1);
}

static const struct abi_test tests[] = {
	{"child_writes", test_child_writes},
	{"parent_writes", test_parent_writes},
	{"kernel_writes", test_kernel_writes},
	{"generations", test_generations},
	{"zero_pages", test_zero_pages},
	{"rights_are_copied", test_rights_are_copied},
	{"protect_keeps_sharing", test_protect_keeps_sharing},
	{"remap_keeps_sharing", test_remap_keeps_sharing},
	{"last_owner_writes", test_last_owner_writes},
	{"much_memory", test_much_memory},
	{"many_children", test_many_children},
	{"stack", test_stack},
};

ABI_SUITE(tests, NULL);
