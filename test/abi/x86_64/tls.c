/* tls.c - x86-64's own: arch_prctl(2), restartable sequences (rseq(2)), unknown system-call numbers
 */
#include <asm/prctl.h>
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../abitest.h"

#define SIGNATURE 0x53053053

extern const unsigned int __rseq_size;
extern const ptrdiff_t __rseq_offset;

static long raw(long nr)
{
	long ret = nr;

	__asm__ volatile("syscall"
			 : "+a"(ret)
			 : "D"(0l), "S"(0l), "d"(0l)
			 : "rcx", "r11", "memory");
	return ret;
}

static void test_unknown_numbers(void)
{
	static const long numbers[] = {
		1000, 4096, 99999, 0x7fffffff, -1, -2, 0x80000000, 0x7fffffffffffffff, 600, -1000};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		CHECK_EQ(raw(numbers[i]), -ENOSYS);
	/* The number is an int: what lies above is ignored. */
	CHECK_EQ(raw(0x100000000 | SYS_getpid), getpid());
}

static void test_x32_numbers(void)
{
	/* A kernel may have x32; Debian's and ours do not. */
	long r = raw(0x40000000 | SYS_getpid);

	CHECK(r == -ENOSYS || r == getpid());
	CHECK_EQ(raw(0x40000000 | 1000), -ENOSYS);
}

static void test_all_registers_kept(void)
{
	long rdi = 1, rsi = 2, rdx = 3, r8_to_r10[3] = {0}, rax = 1000;

	__asm__ volatile("movl $4, %%r10d\n\tmovl $5, %%r8d\n\tmovl $6, %%r9d\n\tsyscall\n\t"
			 "movq %%r10, (%[got])\n\tmovq %%r8, 8(%[got])\n\tmovq %%r9, 16(%[got])"
			 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx)
			 : [got] "r"(r8_to_r10)
			 : "rcx", "r8", "r9", "r10", "r11", "memory");
	CHECK_EQ(rax, -ENOSYS);
	CHECK_EQ(rdi, 1);
	CHECK_EQ(rsi, 2);
	CHECK_EQ(rdx, 3);
	CHECK_EQ(r8_to_r10[0], 4);
	CHECK_EQ(r8_to_r10[1], 5);
	CHECK_EQ(r8_to_r10[2], 6);
}

static void test_syscall_clobbers(void)
{
	uintptr_t rcx = 0, r11 = 0, after = 0, rax = SYS_getpid;

	__asm__ volatile("syscall\n1:\tleaq 1b(%%rip), %[after]\n\tmovq %%rcx, %[c]\n\t"
			 "movq %%r11, %[f]"
			 : "+a"(rax), [c] "=&r"(rcx), [f] "=&r"(r11), [after] "=&r"(after)
			 :
			 : "rcx", "r11", "memory");
	/* What the instruction itself leaves, and programs see: the return address and the flags.
	 */
	CHECK_EQ(rcx, after);
	CHECK_EQ(r11 & 0x200, 0x200);
}

static void test_fs_base(void)
{
	unsigned long base = 0, again = 0;

	CHECK_OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
	CHECK(base != 0);
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_SET_FS, base));
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &again));
	CHECK_EQ(again, base);
	CHECK_ERR(syscall(SYS_arch_prctl, ARCH_SET_FS, 0x7ffffffff000), EPERM);
	CHECK_ERR(syscall(SYS_arch_prctl, ARCH_SET_FS, 0xffff800000000000), EPERM);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
	CHECK_FAULTS(p, 8, BAD_OUT, syscall(SYS_arch_prctl, ARCH_GET_FS, p));
}

/* A thread's first base is checked as arch_prctl's: loading it must not fault in the kernel. */
static void test_clone_bad_tls(void)
{
	static const unsigned long bad[] = {0x7ffffffff000, 0x800000000000, 0x8000000000000000,
					    0xffff800000000000, ~0ul};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		long r = syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, NULL, NULL, bad[i]);

		if (r == 0)
			_exit(0);
		CHECK_EQ(r, -1);
		CHECK_EQ(errno, EPERM);
	}
}

static void test_gs_base(void)
{
	static unsigned long word = 0x1234;
	unsigned long base = 77, got = 0;

	CHECK_OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	CHECK_EQ(base, 0);
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
	__asm__ volatile("movq %%gs:0, %0" : "=r"(got));
	CHECK_EQ(got, 0x1234);
	sched_yield();
	syscall(SYS_getppid);
	__asm__ volatile("movq %%gs:0, %0" : "=r"(got));
	CHECK_EQ(got, 0x1234);
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	CHECK_EQ(base, (unsigned long)&word);
	CHECK_ERR(syscall(SYS_arch_prctl, ARCH_SET_GS, 0xffff800000000000), EPERM);
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
}

static void *own_gs(void *arg)
{
	unsigned long word = (unsigned long)arg, got = 0;

	CHECK_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
	for (int i = 0; i < 200; i++) {
		sched_yield();
		__asm__ volatile("movq %%gs:0, %0" : "=r"(got));
		if (!CHECK_EQ(got, (unsigned long)arg))
			break;
	}
	CHECK_OK(syscall(SYS_arch_prctl, ARCH_SET_GS, 0));
	return NULL;
}

static void test_bases_are_per_thread(void)
{
	pthread_t t[4];

	for (size_t i = 0; i < 4; i++)
		REQUIRE(pthread_create(&t[i], NULL, own_gs, (void *)(100 + i)) == 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void test_user_flags(void)
{
	unsigned long flags = 0;

	/* Direction and alignment-check flags are the program's; the kernel must cope. */
	__asm__ volatile("std\n\tsyscall\n\tpushfq\n\tpopq %0\n\tcld"
			 : "=r"(flags)
			 : "a"((long)SYS_getppid)
			 : "rcx", "r11", "memory", "cc");
	CHECK_EQ(flags & 0x400, 0x400);
	__asm__ volatile("pushfq\n\torl $0x40000, (%%rsp)\n\tpopfq\n\tsyscall\n\tpushfq\n\t"
			 "popq %0\n\tpushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq"
			 : "=r"(flags)
			 : "a"((long)SYS_getppid)
			 : "rcx", "r11", "memory", "cc");
	CHECK_EQ(flags & 0x40000, 0x40000);
}

static volatile int traps;

static void count_trap(int signo)
{
	traps++;
}

static void test_single_step(void)
{
	signal(SIGTRAP, count_trap);
	/* Stepped through a system call and on, one SIGTRAP for each instruction. */
	__asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop\n\t"
			 "pushfq\n\tandl $~0x100, (%%rsp)\n\tpopfq"
			 :
			 :
			 : "memory", "cc");
	CHECK(traps >= 4 && traps <= 6);
}

static struct rseq *own_rseq(void)
{
	char *tp = __builtin_thread_pointer();

	return (struct rseq *)(void *)(tp + __rseq_offset);
}

static void test_rseq_registered(void)
{
	static struct rseq second __attribute__((aligned(32)));

	if (!__rseq_size)
		SKIP("libc registered no rseq area");
	CHECK(own_rseq()->cpu_id < 4096);
	CHECK_EQ(own_rseq()->cpu_id, own_rseq()->cpu_id_start);
	/* One area for a thread. */
	CHECK_ERR(syscall(SYS_rseq, &second, 32, 0, SIGNATURE), EINVAL);
	CHECK_ERR(syscall(SYS_rseq, own_rseq(), 32, 0, SIGNATURE), EBUSY);
	CHECK_ERR(syscall(SYS_rseq, own_rseq(), 32, 0, 1), EPERM);
}

static void *registers(void *arg)
{
	static struct rseq area __attribute__((aligned(32)));

	CHECK_OK(syscall(SYS_rseq, own_rseq(), 32, RSEQ_FLAG_UNREGISTER, SIGNATURE));
	CHECK_EQ(own_rseq()->cpu_id, (uint32_t)RSEQ_CPU_ID_UNINITIALIZED);
	CHECK_ERR(syscall(SYS_rseq, (char *)&area + 8, 32, 0, SIGNATURE), EINVAL);
	CHECK_ERR(syscall(SYS_rseq, &area, 16, 0, SIGNATURE), EINVAL);
	CHECK_ERR(syscall(SYS_rseq, &area, 32, 4, SIGNATURE), EINVAL);
	CHECK_ERR(syscall(SYS_rseq, 0xffff800000000000, 32, 0, SIGNATURE), EFAULT);
	CHECK_ERR(syscall(SYS_rseq, &area, 32, RSEQ_FLAG_UNREGISTER, SIGNATURE), EINVAL);
	area.cpu_id = (uint32_t)RSEQ_CPU_ID_UNINITIALIZED;
	CHECK_OK(syscall(SYS_rseq, &area, 32, 0, SIGNATURE));
	sched_yield();
	CHECK(area.cpu_id < 4096);
	CHECK_OK(syscall(SYS_rseq, &area, 32, RSEQ_FLAG_UNREGISTER, SIGNATURE));
	return NULL;
}

static void test_rseq_register(void)
{
	pthread_t t;

	if (!__rseq_size)
		SKIP("libc registered no rseq area");
	REQUIRE(pthread_create(&t, NULL, registers, NULL) == 0);
	pthread_join(t, NULL);
}

/* A critical section entered when a signal comes is left through its abort handler. */
static volatile struct rseq_cs section __attribute__((aligned(32)));

static void nothing(int signo)
{
}

static void test_rseq_abort(void)
{
	int aborted = 0;

	if (!__rseq_size)
		SKIP("libc registered no rseq area");
	signal(SIGUSR1, nothing);
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\tmovq %%rax, 8(%[cs])\n\t"
			 "movq $(2f - 1f), 16(%[cs])\n\t"
			 "leaq 3f(%%rip), %%rax\n\tmovq %%rax, 24(%[cs])\n\t"
			 "movq %[cs], (%[slot])\n\t"
			 "1:\tcmpl $0, %[tick]\n\tje 1b\n\t"
			 "2:\tjmp 4f\n\t"
			 /* The signature, as the operand of an undefined instruction. */
			 ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n\t"
			 "3:\tmovl $1, %[aborted]\n\t"
			 "4:"
			 : [aborted] "+r"(aborted)
			 : [cs] "r"(&section), [slot] "r"(&own_rseq()->rseq_cs), [tick] "m"(traps)
			 : "rax", "memory", "cc");
	CHECK_EQ(aborted, 1);
}

static void sends_soon(void *arg)
{
	for (int i = 0; i < 50; i++)
		sched_yield();
	kill(getppid(), SIGUSR1);
}

static void test_rseq_abort_by_signal(void)
{
	pid_t pid;

	traps = 0;
	signal(SIGUSR1, nothing);
	pid = abi_spawn(sends_soon, NULL);
	test_rseq_abort();
	abi_join(pid);
}

static const struct abi_test tests[] = {
	{"unknown_numbers", test_unknown_numbers},
	{"x32_numbers", test_x32_numbers},
	{"all_registers_kept", test_all_registers_kept},
	{"syscall_clobbers", test_syscall_clobbers},
	{"fs_base", test_fs_base},
	{"clone_bad_tls", test_clone_bad_tls},
	{"gs_base", test_gs_base},
	{"bases_are_per_thread", test_bases_are_per_thread},
	{"user_flags", test_user_flags},
	{"single_step", test_single_step},
	{"rseq_registered", test_rseq_registered},
	{"rseq_register", test_rseq_register},
	{"rseq_abort_by_signal", test_rseq_abort_by_signal},
};

ABI_SUITE(tests, NULL);
