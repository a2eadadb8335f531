/* sys_test.c - dispatch and the decoder: guestkernel/sys with user memory that is the test's own */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "abi/linux/fcntl.h"
#include "abi/linux/mman.h"
#include "abi/linux/time.h"
#include "abi/linux/uio.h"
#include "cpu.h"
#include "log.h"
#include "slab.h"
#include "string.h"
#include "sys/strace.h"
#include "syscall.h"
#include "syscalls_proto.h"
#include "task.h"
#include "uaccess.h"

/* ---- what sys/ asks of the kernel ---- */
static struct cpu cpu0;
static struct proc proc = {.pid = 7};
static struct task task = {.proc = &proc, .tid = 8, .comm = "prog"};
struct cpu *vcpu_current = &cpu0, *cpus[ABI_CPU_MAX] = {&cpu0};
u32 cpu_count = 1;
char *machine_ram;
enum log_level log_threshold = LOG_INFO;
static char logged[2048];
static u32 lines;
static bool no_memory;
static long read_result;

void *host_malloc(size_t n);
void host_free(void *p);
int host_vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);

void log_write(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	host_vsnprintf(logged, sizeof(logged), fmt, ap);
	va_end(ap);
	lines++;
}
int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	return host_vsnprintf(buf, size, fmt, ap);
}
int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = host_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
void *kmalloc(size_t size)
{
	return no_memory ? NULL : host_malloc(size);
}
void kfree(void *p)
{
	host_free(p);
}
int copy_in(void *dst, uaddr_t src, size_t n)
{
	if (src.va < 4096)
		return -EFAULT;
	memcpy(dst, (void *)src.va, n);
	return 0;
}
ssize_t copy_in_str(char *dst, uaddr_t src, size_t size)
{
	size_t n;

	if (src.va < 4096)
		return -EFAULT;
	n = strnlen((char *)src.va, size);
	memcpy(dst, (char *)src.va, n < size ? n + 1 : n);
	return n < size ? (ssize_t)n : -ENAMETOOLONG;
}

/* ---- calls with code ---- */
static int seen_fd;
static u32 seen_mode;
static s64 seen_offset;

long sys_read(int fd, uaddr_t buf, size_t count)
{
	seen_fd = fd;
	if (read_result > 0)
		memcpy((void *)buf.va, "ab\n\x01 and more", (size_t)read_result);
	return read_result;
}
long sys_openat(int dirfd, uaddr_t name, int flags, u32 mode)
{
	seen_mode = mode;
	return -ENOENT;
}
long sys_lseek(int fd, loff_t offset, int whence)
{
	seen_offset = offset;
	return offset;
}
long sys_nanosleep(uaddr_t req, uaddr_t rem)
{
	return -ERESTART_RESTARTBLOCK;
}
long sys_writev(int fd, uaddr_t iov, int n)
{
	return 5;
}
long sys_exit_group(int status)
{
	return 0; /* what a real one never does */
}

static long call(u64 nr, u64 a, u64 b, u64 c, u64 d)
{
	task.user.nr = nr;
	memcpy(task.user.arg, (u64[6]){a, b, c, d}, sizeof(task.user.arg));
	return syscall_dispatch(&task);
}

static int setup(void **state)
{
	cpu0.curr = &task;
	logged[0] = 0;
	lines = 0;
	no_memory = false;
	syscall_trace(false);
	return 0;
}

static int setup_strace(void **state)
{
	setup(state);
	syscall_trace(true);
	return 0;
}

static void arguments_are_truncated_and_extended(void **state)
{
	read_result = 0;
	assert_int_equal(call(NR_read, 0xdeadbeef00000003, 0, 0, 0), 0);
	assert_int_equal(seen_fd, 3);
	call(NR_read, 0xffffffff, 0, 0, 0);
	assert_int_equal(seen_fd, -1);
	call(NR_openat, 0, 0, 0, 0x1234567800000644);
	assert_int_equal(seen_mode, 0x644);
	assert_int_equal(call(NR_lseek, 1, (u64)-5, 0, 0), -5);
	assert_int_equal(seen_offset, -5);
}

static void absent_calls_answer_enosys_and_are_logged_once(void **state)
{
	assert_int_equal(call(NR_ptrace, 0, 0, 0, 0), -ENOSYS);
	assert_int_equal(lines, 1);
	assert_non_null(strchr(logged, '('));
	assert_string_equal(logged, "prog[8]: system call 101 (ptrace) is not implemented");
	assert_int_equal(call(NR_ptrace, 0, 0, 0, 0), -ENOSYS);
	assert_int_equal(lines, 1);
	assert_int_equal(call(NR_io_uring_setup, 0, 0, 0, 0), -ENOSYS);
	assert_int_equal(lines, 2);
}

static void numbers_beyond_the_table_are_refused(void **state)
{
	static const u64 bad[] = {SYSCALL_LIMIT, 511, 512, 1u << 31, ~0ull, 1ull << 63};

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(call(bad[i], 0, 0, 0, 0), -ENOSYS);
	assert_true(lines <= 1);
	assert_null(syscall_name(SYSCALL_LIMIT));
	for (u64 nr = 335; nr < 424; nr++) /* the hole in the numbers */
		assert_int_equal(call(nr, 0, 0, 0, 0), -ENOSYS);
}

static void calls_without_code_answer_enosys(void **state)
{
	assert_int_equal(call(NR_getppid, 0, 0, 0, 0), -ENOSYS);
	assert_int_equal(lines, 1);
}

static void counters_and_ring(void **state)
{
	u64 before = syscall_count(NR_lseek);
	static char text[2048];

	for (int i = 0; i < 40; i++)
		call(NR_lseek, (u64)i, 0, 0, 0);
	assert_int_equal(syscall_count(NR_lseek), before + 40);
	assert_true(syscall_ring_text(text, sizeof(text)) > 0);
	assert_int_equal(strncmp(text, "cpu 0 task 8: lseek(0x27, ...)\n", 31), 0);
	assert_true(syscall_ring_text(text, 20) == 19);
	assert_int_equal(strlen(text), 19);
}

static void strace_shows_strings_and_flags(void **state)
{
	call(NR_openat, (u64)ABI_AT_FDCWD, (u64) "/etc/\"x\"", ABI_O_WRONLY | ABI_O_CREAT, 0644);
	assert_string_equal(logged, "strace: [7:8] openat(AT_FDCWD, \"/etc/\\\"x\\\"\", "
				    "O_WRONLY|O_CREAT, 0644) = -1 ENOENT");
	call(NR_openat, 5, 16, 0, 0);
	assert_string_equal(logged, "strace: [7:8] openat(5, 0x10, O_RDONLY, 00) = -1 ENOENT");
	call(NR_openat, 5, 0, 1u << 30, 0);
	assert_string_equal(logged,
			    "strace: [7:8] openat(5, NULL, O_RDONLY|0x40000000, 00) = -1 ENOENT");
}

static void strace_shows_what_was_read(void **state)
{
	char buf[64];

	read_result = 4;
	call(NR_read, 3, (u64)buf, 64, 0);
	assert_string_equal(logged, "strace: [7:8] read(3, \"ab\\n\\x01\", 64) = 4");
	read_result = -EBADF;
	call(NR_read, 3, 4096, 64, 0);
	assert_string_equal(logged, "strace: [7:8] read(3, 0x1000, 64) = -1 EBADF");
}

static void strace_bounds_strings_and_lines(void **state)
{
	static char name[4096];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	call(NR_openat, 1, (u64)name, 0, 0);
	assert_true(strlen(logged) < 200);
	assert_non_null(strchr(logged, '.'));
	/* every argument at its longest still ends in a bounded, terminated line */
	memset(name, 1, sizeof(name));
	call(NR_rename, (u64)name, (u64)name, 0, 0);
	call(NR_mount, (u64)name, (u64)name, (u64)name, ~0ull);
	assert_true(strlen(logged) < 1100);
}

static void strace_shows_structures_and_restarts(void **state)
{
	struct abi_timespec ts = {1, 500};
	struct abi_iovec iov[2] = {{0x1000, 3}, {0x2000, 2}};

	call(NR_nanosleep, (u64)&ts, 0, 0, 0);
	assert_string_equal(logged, "strace: [7:8] nanosleep({1, 500}, NULL) = -1 "
				    "ERESTART_RESTARTBLOCK");
	call(NR_writev, 1, (u64)iov, 2, 0);
	assert_string_equal(logged, "strace: [7:8] writev(1, [{0x1000, 3}, {0x2000, 2}], 2) = 5");
	call(NR_writev, 1, 8, (u64)-1, 0);
	assert_string_equal(logged, "strace: [7:8] writev(1, [0x8], -1) = 5");
	call(NR_exit_group, 3, 0, 0, 0);
	assert_string_equal(logged, "strace: [7:8] exit_group(3) = ?");
	call(NR_ptrace, 1, 2, 3, 4);
	call(NR_lseek, 1, 7, ABI_SEEK_END, 0);
	assert_string_equal(logged, "strace: [7:8] lseek(1, 7, SEEK_END) = 7");
	call(NR_lseek, 1, 7, 99, 0);
	assert_string_equal(logged, "strace: [7:8] lseek(1, 7, 0x63) = 7");
}

static void strace_without_memory_still_calls(void **state)
{
	no_memory = true;
	assert_int_equal(call(NR_lseek, 1, 9, 0, 0), 9);
	assert_int_equal(lines, 0);
}

static void names(void **state)
{
	assert_string_equal(syscall_errno_name(ENOENT), "ENOENT");
	assert_string_equal(syscall_errno_name(ERESTARTSYS), "ERESTARTSYS");
	assert_null(syscall_errno_name(0));
	assert_null(syscall_errno_name(-1));
	assert_null(syscall_errno_name(4095));
	assert_string_equal(syscall_name(0), "read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(arguments_are_truncated_and_extended, setup),
		cmocka_unit_test_setup(absent_calls_answer_enosys_and_are_logged_once, setup),
		cmocka_unit_test_setup(numbers_beyond_the_table_are_refused, setup),
		cmocka_unit_test_setup(calls_without_code_answer_enosys, setup),
		cmocka_unit_test_setup(counters_and_ring, setup),
		cmocka_unit_test_setup(strace_shows_strings_and_flags, setup_strace),
		cmocka_unit_test_setup(strace_shows_what_was_read, setup_strace),
		cmocka_unit_test_setup(strace_bounds_strings_and_lines, setup_strace),
		cmocka_unit_test_setup(strace_shows_structures_and_restarts, setup_strace),
		cmocka_unit_test_setup(strace_without_memory_still_calls, setup_strace),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
