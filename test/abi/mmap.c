/* mmap.c - anonymous mappings: mmap(2), munmap(2), mprotect(2) */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"
#include "fault.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static long map(void *addr, size_t len, int prot, int flags)
{
	return syscall(SYS_mmap, addr, len, prot, flags, -1, 0);
}

static void test_zeroed(void)
{
	char *p = (char *)REQUIRE_OK(map(NULL, 3 * PAGE, RW, ANON));

	CHECK_EQ((long)p % PAGE, 0);
	for (size_t i = 0; i < 3 * PAGE; i += 61)
		CHECK_EQ(p[i], 0);
	memset(p, 0xa5, 3 * PAGE);
	CHECK_EQ(p[3 * PAGE - 1], (char)0xa5);
	CHECK_OK(munmap(p, 3 * PAGE));
	/* The same frames may come back: they must be clean. */
	p = (char *)REQUIRE_OK(map(NULL, 3 * PAGE, RW, ANON));
	for (size_t i = 0; i < 3 * PAGE; i += 61)
		CHECK_EQ(p[i], 0);
}

static bool is_filled(const char *page, char with)
{
	for (size_t i = 0; i < PAGE; i++)
		if (page[i] != with)
			return false;
	return true;
}

/* A kernel may make many pages at one touch, and more while they are touched in order: whatever
 * the order, each is zero before its first use and keeps what was written. */
static void test_touch_orders(void)
{
	static const size_t steps[] = {1, 3, 17, 63, 255};
	const size_t pages = 1024;

	for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
		char *p = (char *)REQUIRE_OK(map(NULL, pages * PAGE, RW, ANON));
		size_t dirty = 0, lost = 0;

		/* odd steps: each page once */
		for (size_t i = 0, n = 0; n < pages; n++, i = (i + steps[k]) % pages) {
			dirty += !is_filled(p + i * PAGE, 0);
			memset(p + i * PAGE, (int)(i % 251) + 1, PAGE);
		}
		CHECK_OK(madvise(p + 100 * PAGE, 50 * PAGE, MADV_DONTNEED));
		for (size_t i = 0; i < pages; i++)
			lost += !is_filled(p + i * PAGE, i - 100 < 50 ? 0 : (char)(i % 251 + 1));
		CHECK_EQ(dirty, 0);
		CHECK_EQ(lost, 0);
		CHECK_OK(munmap(p, pages * PAGE));
	}
}

static void test_bad_arguments(void)
{
	CHECK_ERR(map(NULL, 0, RW, ANON), EINVAL);
	CHECK_ERR(map(NULL, PAGE, RW, MAP_ANONYMOUS), EINVAL);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 1), EINVAL);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE, 9999, 0), EBADF);
	CHECK_ERR(map((void *)0x1001, PAGE, RW, ANON | MAP_FIXED), EINVAL);
	CHECK_ERR(syscall(SYS_mmap, NULL, PAGE, RW, MAP_PRIVATE, 0, 0x123), EINVAL);
}

static void test_huge_lengths(void)
{
	CHECK_ERR(map(NULL, ~0ul, RW, ANON), ENOMEM);
	CHECK_ERR(map(NULL, ~0ul - PAGE, RW, ANON), ENOMEM);
	CHECK_ERR(map(NULL, 1ul << 47, PROT_NONE, ANON | MAP_NORESERVE), ENOMEM);
	CHECK_ERR(map(NULL, 1ul << 63, RW, ANON), ENOMEM);
	CHECK_ERR(map((void *)0x7ffffffff000, PAGE, RW, ANON | MAP_FIXED), ENOMEM);
	CHECK_ERR(map((void *)0x800000000000, PAGE, RW, ANON | MAP_FIXED), ENOMEM);
	CHECK_ERR(map((void *)0xffff800000000000, PAGE, RW, ANON | MAP_FIXED), ENOMEM);
	CHECK_ERR(map((void *)0x7fffffffe000, 2 * PAGE, RW, ANON | MAP_FIXED), ENOMEM);
	CHECK_ERR(munmap((void *)0x1000, ~0ul), EINVAL);
	CHECK_ERR(munmap((void *)0x1000, 1ul << 47), EINVAL);
	CHECK_ERR(munmap((void *)0xffff800000000000, PAGE), EINVAL);
	CHECK_ERR(munmap((void *)0x1000, 0), EINVAL);
	CHECK_ERR(munmap((void *)0x1001, PAGE), EINVAL);
}

static void test_reservation(void)
{
	size_t size = 1ul << 40;
	char *p = (char *)REQUIRE_OK(map(NULL, size, PROT_NONE, ANON | MAP_NORESERVE));

	CHECK_FAULT(p + size / 2, false, SIGSEGV, SEGV_ACCERR);
	CHECK_OK(mprotect(p + size / 2, PAGE, RW));
	CHECK_WRITABLE(p + size / 2);
	CHECK_FAULT(p + size / 2 + PAGE, true, SIGSEGV, SEGV_ACCERR);
	CHECK_OK(munmap(p, size));
	CHECK_FAULT(p + size / 2, false, SIGSEGV, SEGV_MAPERR);
}

static void test_hint(void)
{
	char *p = abi_pages(4, RW), *q;

	memset(p, 1, 4 * PAGE);
	/* A hint in use is not obeyed; a free one is. */
	q = (char *)REQUIRE_OK(map(p, PAGE, RW, ANON));
	CHECK(q != p);
	CHECK_EQ(p[0], 1);
	CHECK_OK(munmap(p, 4 * PAGE));
	q = (char *)REQUIRE_OK(map(p + PAGE, PAGE, RW, ANON));
	CHECK_EQ((long)q, (long)(p + PAGE));
	q = (char *)REQUIRE_OK(map(p + 2 * PAGE + 5, PAGE, RW, ANON));
	CHECK_EQ((long)q, (long)(p + 2 * PAGE));
}

static void test_fixed_replaces(void)
{
	char *p = abi_pages(3, RW), *q;

	memset(p, 7, 3 * PAGE);
	q = (char *)REQUIRE_OK(map(p + PAGE, PAGE, RW, ANON | MAP_FIXED));
	CHECK_EQ((long)q, (long)(p + PAGE));
	CHECK_EQ(p[PAGE - 1], 7);
	CHECK_EQ(p[PAGE], 0);
	CHECK_EQ(p[2 * PAGE - 1], 0);
	CHECK_EQ(p[2 * PAGE], 7);
}

static void test_fixed_noreplace(void)
{
	char *p = abi_pages(3, RW);
	int flags = ANON | MAP_FIXED_NOREPLACE;

	p[PAGE] = 5;
	CHECK_ERR(map(p + PAGE, PAGE, RW, flags), EEXIST);
	CHECK_ERR(map(p, 3 * PAGE, RW, flags), EEXIST);
	CHECK_EQ(p[PAGE], 5);
	CHECK_OK(munmap(p + PAGE, PAGE));
	CHECK_ERR(map(p, 2 * PAGE, RW, flags), EEXIST);
	CHECK_EQ(map(p + PAGE, PAGE, RW, flags), (long)(p + PAGE));
	CHECK_EQ(p[PAGE], 0);
}

static void test_munmap_middle(void)
{
	char *p = abi_pages(5, RW);

	memset(p, 9, 5 * PAGE);
	CHECK_OK(munmap(p + 2 * PAGE, PAGE));
	CHECK_EQ(p[2 * PAGE - 1], 9);
	CHECK_EQ(p[3 * PAGE], 9);
	CHECK_FAULT(p + 2 * PAGE, false, SIGSEGV, SEGV_MAPERR);
	CHECK_FAULT(p + 3 * PAGE - 1, true, SIGSEGV, SEGV_MAPERR);
	/* Holes do not disturb it, and a length is rounded up. */
	CHECK_OK(munmap(p + PAGE, 2 * PAGE + 1));
	CHECK_FAULT(p + 3 * PAGE, false, SIGSEGV, SEGV_MAPERR);
	CHECK_READABLE(p + 4 * PAGE);
	CHECK_OK(munmap(p + PAGE, PAGE));
}

static void test_mprotect(void)
{
	char *p = abi_pages(3, RW);

	memset(p, 3, 3 * PAGE);
	CHECK_OK(mprotect(p + PAGE, PAGE, PROT_READ));
	CHECK_READABLE(p + PAGE);
	CHECK_FAULT(p + PAGE, true, SIGSEGV, SEGV_ACCERR);
	CHECK_FAULT(p + 2 * PAGE - 1, true, SIGSEGV, SEGV_ACCERR);
	CHECK_WRITABLE(p + 2 * PAGE);
	CHECK_OK(mprotect(p + PAGE, PAGE, PROT_NONE));
	CHECK_FAULT(p + PAGE, false, SIGSEGV, SEGV_ACCERR);
	CHECK_OK(mprotect(p, 3 * PAGE, RW));
	CHECK_EQ(p[PAGE], 3);
	CHECK_WRITABLE(p + PAGE);
}

static void test_mprotect_errors(void)
{
	char *p = abi_pages(3, RW);

	CHECK_ERR(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
	CHECK_OK(mprotect(p, 0, PROT_READ));
	CHECK_WRITABLE(p);
	CHECK_ERR(mprotect(p, PAGE, 0x40000000), EINVAL);
	CHECK_ERR(mprotect(p, ~0ul - 10 * PAGE, PROT_READ), ENOMEM);
	CHECK_ERR(mprotect((void *)0xffff800000000000, PAGE, PROT_READ), ENOMEM);
	CHECK_OK(munmap(p + PAGE, PAGE));
	/* What lies before the hole is changed all the same. */
	CHECK_ERR(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	CHECK_FAULT(p, true, SIGSEGV, SEGV_ACCERR);
	CHECK_WRITABLE(p + 2 * PAGE);
	CHECK_ERR(mprotect(p + PAGE, PAGE, PROT_READ), ENOMEM);
}

static void test_exec_right(void)
{
	char *p = abi_pages(1, RW);
	struct fault f;

	p[0] = (char)0xc3; /* ret */
	f = fault_call(p);
	CHECK_EQ(f.signo, SIGSEGV);
	CHECK_EQ(f.code, SEGV_ACCERR);
	CHECK_EQ((long)f.addr, (long)p);
	CHECK_OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	CHECK_EQ(fault_call(p).signo, 0);
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	CHECK_EQ(fault_call(p).signo, SIGSEGV);
}

static void test_fault_addresses(void)
{
	struct fault f;

	CHECK_FAULT(NULL, false, SIGSEGV, SEGV_MAPERR);
	CHECK_FAULT((void *)0x7fffffffeff8, false, SIGSEGV, SEGV_MAPERR);
	CHECK_FAULT((void *)0x123, true, SIGSEGV, SEGV_MAPERR);
	/* The kernel's half: a page fault, always reported as unmapped. */
	CHECK_FAULT((void *)0xffffffff81000000, false, SIGSEGV, SEGV_MAPERR);
	/* Non-canonical: a general protection fault, without an address. */
	f = fault_touch((void *)0x800000000000, false);
	CHECK_EQ(f.signo, SIGSEGV);
	CHECK_EQ(f.code, SI_KERNEL);
	CHECK_EQ((long)f.addr, 0);
	CHECK_EQ(f.trapno, 13);
	f = fault_touch((void *)0x123, true);
	CHECK_EQ(f.trapno, 14);
	CHECK_EQ(f.error & 7, 6);
}

static void test_many_mappings(void)
{
	char *p = abi_pages(2000, RW);

	/* Neighbours with different rights cannot be merged: 2,000 of them, then one again. */
	for (size_t i = 0; i < 2000; i += 2)
		REQUIRE_OK(mprotect(p + i * PAGE, PAGE, PROT_READ));
	for (size_t i = 0; i < 2000; i += 199)
		CHECK_FAULT(p + i * PAGE, true, i % 2 ? 0 : SIGSEGV, i % 2 ? 0 : SEGV_ACCERR);
	REQUIRE_OK(mprotect(p, 2000 * PAGE, RW));
	for (size_t i = 0; i < 2000; i++)
		p[i * PAGE] = (char)i;
	for (size_t i = 0; i < 2000; i++)
		CHECK_EQ(p[i * PAGE], (char)i);
	CHECK_OK(munmap(p, 2000 * PAGE));
	CHECK_FAULT(p + 1000 * PAGE, false, SIGSEGV, SEGV_MAPERR);
}

static void limited(void *arg)
{
	struct rlimit rl = {0};

	CHECK_OK(getrlimit(RLIMIT_AS, &rl));
	rl.rlim_cur = 64 << 20;
	CHECK_OK(setrlimit(RLIMIT_AS, &rl));
	CHECK_ERR(map(NULL, 64 << 20, RW, ANON), ENOMEM);
	CHECK_OK(map(NULL, 1 << 20, RW, ANON));
}

static void test_rlimit_as(void)
{
	abi_join(abi_spawn(limited, NULL));
}

static void test_populate(void)
{
	unsigned char vec[4] = {0};
	char *p = (char *)REQUIRE_OK(map(NULL, 4 * PAGE, RW, ANON | MAP_POPULATE));

	CHECK_OK(mincore(p, 4 * PAGE, vec));
	for (int i = 0; i < 4; i++)
		CHECK_EQ(vec[i] & 1, 1);
	CHECK_EQ(p[3 * PAGE], 0);
}

static void test_mlock(void)
{
	char *p = abi_pages(2, RW);

	CHECK_OK(syscall(SYS_mlock, p, 2 * PAGE));
	CHECK_OK(syscall(SYS_munlock, p, 2 * PAGE));
	CHECK_OK(munmap(p + PAGE, PAGE));
	CHECK_ERR(syscall(SYS_mlock, p, 2 * PAGE), ENOMEM);
	CHECK_ERR(syscall(SYS_mlock, 0xffff800000000000, PAGE), ENOMEM);
	CHECK_ERR(syscall(SYS_mlock2, p, PAGE, 0x100), EINVAL);
	CHECK_ERR(syscall(SYS_mlockall, 0), EINVAL);
	CHECK_ERR(syscall(SYS_mlockall, 0x100), EINVAL);
	CHECK_OK(syscall(SYS_munlockall));
}

/* What may only be written can be read too, before it is written and after, by calls as well. */
static void test_write_only(void)
{
	char *p = (char *)map(NULL, 2 * PAGE, PROT_WRITE, ANON);
	int fd[2];
	char c = 1;

	CHECK_EQ(*(volatile char *)p, 0);
	CHECK_OK(pipe(fd));
	CHECK_EQ(write(fd[1], p + PAGE, 1), 1);
	CHECK_EQ(read(fd[0], &c, 1), 1);
	CHECK_EQ(c, 0);
	p[1] = 7;
	CHECK_EQ(*(volatile char *)(p + 1), 7);
	CHECK_OK(mprotect(p, 2 * PAGE, RW));
	CHECK_OK(mprotect(p, 2 * PAGE, PROT_WRITE));
	CHECK_EQ(*(volatile char *)(p + 1), 7);
	close(fd[0]);
	close(fd[1]);
	CHECK_OK(munmap(p, 2 * PAGE));
}

static const struct abi_test tests[] = {
	{"zeroed", test_zeroed},
	{"touch_orders", test_touch_orders},
	{"bad_arguments", test_bad_arguments},
	{"huge_lengths", test_huge_lengths},
	{"reservation", test_reservation},
	{"hint", test_hint},
	{"fixed_replaces", test_fixed_replaces},
	{"fixed_noreplace", test_fixed_noreplace},
	{"munmap_middle", test_munmap_middle},
	{"mprotect", test_mprotect},
	{"mprotect_errors", test_mprotect_errors},
	{"exec_right", test_exec_right},
	{"fault_addresses", test_fault_addresses},
	{"many_mappings", test_many_mappings},
	{"rlimit_as", test_rlimit_as},
	{"populate", test_populate},
	{"mlock", test_mlock},
	{"write_only", test_write_only},
};

ABI_SUITE(tests, NULL);
