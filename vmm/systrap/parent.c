/* parent.c - leaves a clean process behind, from which stubs are forked
 *
 * Provides: stub_parent_start(). The process is a fork of this one that keeps nothing of it: it
 * maps the stub's code (arch/<isa>/hosted/stub) and a stack at their addresses, takes the
 * descriptors that stubs and their mappers need to the numbers of stub.h, closes all others, and
 * jumps there; the code's first act is to unmap all else. When: before any memory of the guest
 * holds anything, and while this process has one thread.
 * Its filter of system calls is inherited by stubs and their mappers, which add their own: between
 * a stub's birth and those, a kernel that is broken can put code of its own there (by orders to the
 * mapper), and shall not have more calls than birth takes. What is not in the list is a signal, as
 * in the filter of the application's threads: of two filters the harder answer counts.
 * Tests: test/hosted, test/unit/vmm/filter_test.c
 */
#include "vmm/systrap/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/x86_64/hosted/stub/stub.h"
#include "vmm/util/util.h"

#define PARK_FD 600 /* descriptors are gathered here before they get their numbers */

extern const char stub_image_start[], stub_image_end[];

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(what)   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_##what)
#define UNLESS(n, far) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(n), 0, far)
#define CALL(nr)       UNLESS(nr, 1), RETURN(ALLOW)
#define CALL_WITH(call, arg, value) \
	UNLESS(call, 4), LOAD(args[arg]), UNLESS(value, 1), RETURN(ALLOW), LOAD(nr)

/* The first three are those of application threads: theirs run through both filters. */
static const struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	RETURN(TRAP),
	LOAD(nr),
	CALL(SYS_futex),
	CALL(SYS_sched_yield),
	CALL(SYS_arch_prctl),
	CALL(SYS_mmap), /* these and futex: mappers' */
	CALL(SYS_munmap),
	CALL(SYS_mprotect),
	CALL(SYS_write), /* and answers */
	CALL_WITH(SYS_read, 0, STUB_FD_ASK),
	CALL_WITH(SYS_clone, 0, STUB_CLONE_STUB),
	CALL_WITH(SYS_clone, 0, STUB_CLONE_MAPPER),
	CALL_WITH(SYS_clone, 0, STUB_CLONE_THREAD),
	CALL(SYS_rt_sigaction), /* birth */
	CALL(SYS_rt_sigprocmask),
	CALL(SYS_sigaltstack),
	CALL(SYS_getpid),
	CALL(SYS_gettid),
	CALL(SYS_close_range),
	CALL(SYS_seccomp),
	CALL(SYS_exit_group),
	RETURN(TRAP),
};

int stub_parent_lock(void)
{
	struct sock_fprog prog = {
		.len = ARRAY_SIZE(filter),
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

/* The C library has told the host of memory that is about to go. */
static int forget_thread(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	if (!__rseq_size)
		return 0;
	return syscall(SYS_rseq, area, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static int place(const struct stub_parent *p, int ask_end, int answer_end)
{
	unsigned n = STUB_FD_DONE + p->cpus;

	for (unsigned i = 0; i < n; i++) {
		int fd = i == STUB_FD_RAM      ? p->ram_fd
			 : i == STUB_FD_AREAS  ? p->areas_fd
			 : i == STUB_FD_ORDERS ? p->orders_fd
			 : i == STUB_FD_ASK    ? ask_end
			 : i == STUB_FD_ANSWER ? answer_end
					       : p->done_fd[i - STUB_FD_DONE];

		if (dup3(fd, PARK_FD + i, O_CLOEXEC) < 0)
			return -1;
	}
	for (unsigned i = 0; i < n; i++)
		if (dup2(PARK_FD + i, i) < 0)
			return -1;
	return syscall(SYS_close_range, n, ~0u, 0);
}

static void become_parent(const struct stub_parent *p, int text_fd, int ask_end, int answer_end)
	__attribute__((noreturn));
static void become_parent(const struct stub_parent *p, int text_fd, int ask_end, int answer_end)
{
	uint64_t all = ~0ull;
	void *text, *stack;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	text = mmap((void *)STUB_TEXT, STUB_TEXT_MAX, PROT_READ | PROT_EXEC,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, text_fd, 0);
	stack = mmap((void *)STUB_STACK, STUB_STACK_SZ, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (text != (void *)STUB_TEXT || stack != (void *)STUB_STACK || forget_thread() ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || place(p, ask_end, answer_end) ||
	    stub_parent_lock())
		_exit(1);
	__asm__ volatile("jmp *%0" ::"r"(STUB_TEXT), "D"(p->cpus) : "memory");
	__builtin_unreachable();
}

static int text_memory(struct error *err)
{
	size_t size = stub_image_end - stub_image_start;
	int fd = memfd_create("stub", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || size > STUB_TEXT_MAX || write_all(fd, stub_image_start, size) ||
	    ftruncate(fd, STUB_TEXT_MAX) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return error_sys(err, "cannot lay out the code of stubs");
	return fd;
}

int stub_parent_start(struct stub_parent *p, struct error *err)
{
	cleanup_close int text_fd = text_memory(err);
	int ask[2], answer[2];
	pid_t pid;

	if (text_fd < 0)
		return -1;
	if (pipe2(ask, O_CLOEXEC) || pipe2(answer, O_CLOEXEC))
		return error_sys(err, "pipe");
	/* Ends without a signal, and so do the stubs, which are this process's children too. */
	pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
	if (pid == 0)
		become_parent(p, text_fd, ask[0], answer[1]);
	if (pid < 0)
		return error_sys(err, "cannot start the process that programs are run from");
	close(ask[0]);
	close(answer[1]);
	p->ask_fd = ask[1];
	p->answer_fd = answer[0];
	return 0;
}
