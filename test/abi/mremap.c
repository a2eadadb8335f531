/* mremap.c - mremap(2), madvise(2), mincore(2), brk(2) */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"
#include "fault.h"

#define RW (PROT_READ | PROT_WRITE)

static long remap(void *old, size_t old_len, size_t new_len, int flags, void *to)
{
	return syscall(SYS_mremap, old, old_len, new_len, flags, to);
}

static void test_shrink(void)
{
	char *p = abi_pages(4, RW);

	memset(p, 5, 4 * PAGE);
	CHECK_EQ(remap(p, 4 * PAGE, 2 * PAGE, 0, NULL), (long)p);
	CHECK_EQ(p[2 * PAGE - 1], 5);
	CHECK_FAULT(p + 2 * PAGE, false, SIGSEGV, SEGV_MAPERR);
}

static void test_grow_in_place(void)
{
	char *p = abi_pages(4, RW);

	memset(p, 5, PAGE);
	REQUIRE_OK(munmap(p + PAGE, 3 * PAGE));
	CHECK_EQ(remap(p, PAGE, 4 * PAGE, 0, NULL), (long)p);
	CHECK_EQ(p[0], 5);
	CHECK_EQ(p[3 * PAGE], 0);
	CHECK_WRITABLE(p + 3 * PAGE);
}

static void test_grow_moves(void)
{
	char *p = abi_pages(3, RW), *q;

	memset(p, 5, 3 * PAGE);
	/* The page after it is taken, so it cannot grow where it is. */
	CHECK_ERR(remap(p, PAGE, 2 * PAGE, 0, NULL), ENOMEM);
	q = (char *)REQUIRE_OK(remap(p, PAGE, 8 * PAGE, MREMAP_MAYMOVE, NULL));
	CHECK(q != p);
	CHECK_EQ(q[PAGE - 1], 5);
	CHECK_EQ(q[PAGE], 0);
	CHECK_FAULT(p, false, SIGSEGV, SEGV_MAPERR);
	CHECK_READABLE(p + PAGE);
}

static void test_fixed(void)
{
	char *p = abi_pages(2, RW), *to = abi_pages(4, RW);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	memset(p, 5, 2 * PAGE);
	memset(to, 6, 4 * PAGE);
	CHECK_EQ(remap(p, 2 * PAGE, 2 * PAGE, flags, to + PAGE), (long)(to + PAGE));
	CHECK_EQ(to[0], 6);
	CHECK_EQ(to[PAGE], 5);
	CHECK_EQ(to[3 * PAGE - 1], 5);
	CHECK_EQ(to[3 * PAGE], 6);
	CHECK_FAULT(p, false, SIGSEGV, SEGV_MAPERR);
}

static void test_dontunmap(void)
{
	char *p = abi_pages(2, RW), *q;

	memset(p, 5, 2 * PAGE);
	q = (char *)REQUIRE_OK(
		remap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
	CHECK(q != p);
	CHECK_EQ(q[PAGE], 5);
	CHECK_EQ(p[PAGE], 0);
	CHECK_WRITABLE(p);
	CHECK_ERR(remap(p, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL), EINVAL);
}

static void test_file_keeps_offset(void)
{
	int fd = (int)REQUIRE_OK(open(abi_tmp("f"), O_RDWR | O_CREAT, 0600));
	char *p, *q;

	REQUIRE_OK(ftruncate(fd, 4 * PAGE));
	CHECK_EQ(pwrite(fd, "x", 1, 3 * PAGE), 1);
	p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 2 * PAGE);
	REQUIRE(p != MAP_FAILED);
	p[0] = 'w';
	q = (char *)REQUIRE_OK(remap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL));
	CHECK_EQ(q[0], 'w');
	CHECK_EQ(q[PAGE], 'x');
}

static void test_shared_duplicate(void)
{
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;

	REQUIRE(p != MAP_FAILED);
	/* An old length of 0 makes a second mapping of the same pages. */
	q = (char *)REQUIRE_OK(remap(p, 0, PAGE, MREMAP_MAYMOVE, NULL));
	CHECK(q != p);
	p[7] = 7;
	CHECK_EQ(q[7], 7);
	p = abi_pages(1, RW);
	CHECK_ERR(remap(p, 0, PAGE, MREMAP_MAYMOVE, NULL), EINVAL);
}

static void test_errors(void)
{
	char *p = abi_pages(4, RW);

	CHECK_ERR(remap(p + 1, PAGE, PAGE, 0, NULL), EINVAL);
	CHECK_ERR(remap(p, PAGE, 0, 0, NULL), EINVAL);
	CHECK_ERR(remap(p, PAGE, PAGE, 0x80, NULL), EINVAL);
	CHECK_ERR(remap(p, PAGE, PAGE, MREMAP_FIXED, p + PAGE), EINVAL);
	CHECK_ERR(remap(p, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, p + 1), EINVAL);
	/* Overlapping ranges. */
	CHECK_ERR(remap(p, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, p + PAGE), EINVAL);
	/* ENOMEM before Linux 6.17. */
	CHECK_ERR_OF(remap(p, PAGE, 1ul << 47, MREMAP_MAYMOVE, NULL), ENOMEM, EINVAL);
	CHECK_ERR(remap(p, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, (void *)0x7ffffffff000),
		  EINVAL);
	CHECK_ERR(remap((void *)0xffff800000000000, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), EFAULT);
	REQUIRE_OK(munmap(p, PAGE));
	CHECK_ERR(remap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), EFAULT);
	CHECK_ERR(remap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE, NULL), EFAULT);
}

static void test_dontneed(void)
{
	int fd = (int)REQUIRE_OK(open(abi_tmp_file("f", "file text"), O_RDWR));
	char *p = abi_pages(3, RW), *q;

	memset(p, 5, 3 * PAGE);
	CHECK_OK(madvise(p + PAGE, PAGE, MADV_DONTNEED));
	CHECK_EQ(p[PAGE - 1], 5);
	CHECK_EQ(p[PAGE], 0);
	CHECK_EQ(p[2 * PAGE], 5);
	/* A private file page falls back to the file, a shared one keeps what was written. */
	q = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	REQUIRE(q != MAP_FAILED);
	q[0] = 'X';
	CHECK_OK(madvise(q, PAGE, MADV_DONTNEED));
	CHECK_EQ(q[0], 'f');
	q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	REQUIRE(q != MAP_FAILED);
	q[0] = 'X';
	CHECK_OK(madvise(q, PAGE, MADV_DONTNEED));
	CHECK_EQ(q[0], 'X');
}

static void test_madvise_errors(void)
{
	char *p = abi_pages(3, RW);

	CHECK_ERR(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERR(madvise(p, PAGE, 9999), EINVAL);
	CHECK_ERR(madvise(p, ~0ul - PAGE, MADV_DONTNEED), EINVAL);
	CHECK_OK(madvise(p, 0, MADV_DONTNEED));
	CHECK_OK(madvise(p, PAGE, MADV_NORMAL));
	CHECK_OK(madvise(p, PAGE, MADV_RANDOM));
	CHECK_OK(madvise(p, PAGE, MADV_SEQUENTIAL));
	REQUIRE_OK(munmap(p + PAGE, PAGE));
	memset(p + 2 * PAGE, 5, PAGE);
	/* The hole is reported, what lies beyond it is done all the same. */
	CHECK_ERR(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK_EQ(p[2 * PAGE], 0);
}

static void test_dontfork(void)
{
	char *p = abi_pages(2, RW);
	pid_t pid;
	int status;

	CHECK_OK(madvise(p, PAGE, MADV_DONTFORK));
	pid = (pid_t)REQUIRE_OK(fork());
	if (pid == 0) {
		CHECK_READABLE(p + PAGE);
		CHECK_FAULT(p, false, SIGSEGV, SEGV_MAPERR);
		_exit(abi_failures ? 1 : 0);
	}
	status = abi_wait_status(pid);
	CHECK_EQ(status, 0);
	CHECK_READABLE(p);
}

static void wipe_child(void *arg)
{
	char *p = arg;

	CHECK_EQ(p[0], 0);
	CHECK_EQ(p[PAGE], 5);
}

static void test_wipeonfork(void)
{
	char *p = abi_pages(2, RW);

	memset(p, 5, 2 * PAGE);
	CHECK_OK(madvise(p, PAGE, MADV_WIPEONFORK));
	abi_join(abi_spawn(wipe_child, p));
	CHECK_EQ(p[0], 5);
	CHECK_OK(madvise(p, PAGE, MADV_KEEPONFORK));
	CHECK_EQ(p[0], 5);
}

static void test_mincore(void)
{
	unsigned char vec[4] = {0xff, 0xff, 0xff, 0xff};
	char *p = abi_pages(4, RW);

	p[PAGE] = 1;
	CHECK_OK(mincore(p, 4 * PAGE, vec));
	CHECK_EQ(vec[0] & 1, 0);
	CHECK_EQ(vec[1] & 1, 1);
	CHECK_EQ(vec[2] & 1, 0);
	CHECK_ERR(mincore(p + 1, PAGE, vec), EINVAL);
	CHECK_OK(mincore(p, 0, vec));
	CHECK_FAULTS(bad, 4, BAD_OUT, mincore(p, 4 * PAGE, bad));
	REQUIRE_OK(munmap(p + 3 * PAGE, PAGE));
	CHECK_ERR(mincore(p, 4 * PAGE, vec), ENOMEM);
	CHECK_ERR(mincore((void *)0xffff800000000000, PAGE, vec), ENOMEM);
}

static void test_brk(void)
{
	char *start = (char *)syscall(SYS_brk, 0), *end = start + 3 * PAGE + 5;

	CHECK_EQ(syscall(SYS_brk, end), (long)end);
	CHECK_EQ(syscall(SYS_brk, 0), (long)end);
	CHECK_WRITABLE(end);
	CHECK_EQ(start[2 * PAGE], 0);
	/* What cannot be had leaves the break where it was. */
	CHECK_EQ(syscall(SYS_brk, 1), (long)end);
	CHECK_EQ(syscall(SYS_brk, 0xffff800000000000), (long)end);
	CHECK_EQ(syscall(SYS_brk, ~0ul), (long)end);
	CHECK_EQ(syscall(SYS_brk, start), (long)start);
	CHECK_FAULT(start + 2 * PAGE, false, SIGSEGV, SEGV_MAPERR);
	/* Given again, the pages are zero. */
	CHECK_EQ(syscall(SYS_brk, end), (long)end);
	CHECK_EQ(start[3 * PAGE + 4], 0);
	CHECK_EQ(syscall(SYS_brk, start), (long)start);
}

static void test_brk_stops_at_mapping(void)
{
	char *start = (char *)syscall(SYS_brk, 0);
	char *wall = (char *)(((long)start + 16 * (long)PAGE) & -(long)PAGE);

	REQUIRE_OK(syscall(SYS_mmap, wall, PAGE, RW,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	CHECK_EQ(syscall(SYS_brk, wall + 2 * PAGE), (long)start);
	CHECK_EQ(wall[0], 0);
}

static const struct abi_test tests[] = {
	{"shrink", test_shrink},
	{"grow_in_place", test_grow_in_place},
	{"grow_moves", test_grow_moves},
	{"fixed", test_fixed},
	{"dontunmap", test_dontunmap},
	{"file_keeps_offset", test_file_keeps_offset},
	{"shared_duplicate", test_shared_duplicate},
	{"errors", test_errors},
	{"dontneed", test_dontneed},
	{"madvise_errors", test_madvise_errors},
	{"dontfork", test_dontfork},
	{"wipeonfork", test_wipeonfork},
	{"mincore", test_mincore},
	{"brk", test_brk},
	{"brk_stops_at_mapping", test_brk_stops_at_mapping},
};

ABI_SUITE(tests, NULL);
