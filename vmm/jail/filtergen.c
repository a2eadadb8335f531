/* filtergen.c - writes the boot process's system-call filter as C, at build time
 *
 * Provides: the list of system calls that boot may make once its set-up is done, each with its
 *   reason and, where they matter, conditions on its arguments. libseccomp turns the list into a
 *   BPF program here, on the machine that builds; the program itself only loads it.
 * Everything else kills the process. The list names only calls that the code makes: threads,
 *   descriptors and guest memory exist before it is loaded.
 * Tests: test/vm (a whole run under the filter), test/unit/vmm/filter_test.c
 */
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <linux/filter.h>
#include <unistd.h>

#include "arch_ioctls.h"

#define EQ(n, v)       SCMP_CMP32(n, SCMP_CMP_EQ, (uint32_t)(v))
#define NO_BITS(n, m)  SCMP_CMP32(n, SCMP_CMP_MASKED_EQ, (uint32_t)(m), 0)
#define ALL_BITS(n, m) SCMP_CMP32(n, SCMP_CMP_MASKED_EQ, (uint32_t)(m), (uint32_t)(m))
#define IOCTL(nr, why) {SCMP_SYS(ioctl), why, 1, {EQ(1, nr)}},

struct rule {
	int call;
	const char *why;
	unsigned count;
	struct scmp_arg_cmp arg[3];
};

/* With KVM only. */
static const struct rule kvm_rules[] = {
	IOCTL(KVM_RUN, "running a processor") IOCTL(KVM_SET_USER_MEMORY_REGION,
						    "ABI_HC_RAM_ADD: adding guest memory")
		ARCH_IOCTLS(IOCTL){
			SCMP_SYS(madvise), "huge pages for a slot", 1, {EQ(2, MADV_HUGEPAGE)}},
	{SCMP_SYS(madvise), "ABI_HC_RAM_FREE: giving memory back", 1, {EQ(2, MADV_DONTNEED)}},
	{SCMP_SYS(tgkill), "taking a processor out of KVM_RUN", 2, {EQ(0, 1), EQ(2, SIGUSR1)}},
};

/* Without it: the kernel's own, in arch/x86_64/hosted. */
static const struct rule systrap_rules[] = {
	{SCMP_SYS(tgkill), "calling a program's thread back", 1, {EQ(2, SIGURG)}},
	{SCMP_SYS(kill), "ending the process of an address space", 1, {EQ(1, SIGKILL)}},
	{SCMP_SYS(wait4), "knowing that its memory is gone", 0, {}},
	{SCMP_SYS(sigaltstack), "a new processor's thread: the stack for its faults", 0, {}},
	{SCMP_SYS(sched_yield), "waiting for a lock", 0, {}},
	{SCMP_SYS(sched_setaffinity), "a processor's thread and a program's, side by side", 0, {}},
	{SCMP_SYS(arch_prctl),
	 "a new processor's thread: where its data is",
	 1,
	 {EQ(0, ARCH_SET_GS)}},
	{SCMP_SYS(madvise), "guest memory and areas of stubs given back", 1, {EQ(2, MADV_REMOVE)}},
};

static const struct rule rules[] = {
	{SCMP_SYS(mprotect),
	 "opening a slot of guest memory; the heap. Never code",
	 1,
	 {NO_BITS(2, PROT_EXEC)}},
	/* the container's stdio */
	{SCMP_SYS(read), "stdio; counts of doorbells and timers", 0, {}},
	{SCMP_SYS(write), "stdio; interrupts to the guest; the log", 0, {}},
	{SCMP_SYS(preadv2), "stdio without waiting", 0, {}},
	{SCMP_SYS(pwritev2), "stdio without waiting", 0, {}},
	{SCMP_SYS(pread64), "stdio at an offset; KVM's statistics", 0, {}},
	{SCMP_SYS(pwrite64), "stdio at an offset", 0, {}},
	{SCMP_SYS(poll), "is stdio ready", 0, {}},
	{SCMP_SYS(ppoll), "is stdio ready", 0, {}},
	{SCMP_SYS(lseek), "ABI_CTL_FD_SEEK", 0, {}},
	{SCMP_SYS(ftruncate), "ABI_CTL_FD_TRUNC", 0, {}},
	{SCMP_SYS(fsync), "ABI_CTL_FD_SYNC", 0, {}},
	{SCMP_SYS(fstat), "ABI_CTL_FD_INFO", 0, {}},
	{SCMP_SYS(newfstatat),
	 "ABI_CTL_FD_INFO: fstat of the C library",
	 1,
	 {EQ(3, AT_EMPTY_PATH)}},
	IOCTL(TIOCGWINSZ,
	      "ABI_CTL_FD_WINSZ"){SCMP_SYS(close), "ABI_CTL_FD_CLOSE; connections", 0, {}},
	/* the main loop */
	{SCMP_SYS(epoll_wait), "the main loop", 0, {}},
	{SCMP_SYS(epoll_pwait), "the main loop", 0, {}},
	{SCMP_SYS(epoll_ctl), "descriptors that wait", 0, {}},
	{SCMP_SYS(sendmsg), "words to the command and to runsc debug", 0, {}},
	{SCMP_SYS(recvfrom), "words from them", 0, {}},
	{SCMP_SYS(accept4), "runsc debug connects", 0, {}},
	{SCMP_SYS(timerfd_settime), "the time page", 0, {}},
	{SCMP_SYS(clock_gettime), "the time page, where the vDSO cannot tell it", 0, {}},
	/* threads and memory */
	{SCMP_SYS(futex), "locks; processors that wait to be started", 0, {}},
	{SCMP_SYS(getpid), "taking a processor out of KVM_RUN", 0, {}},
	{SCMP_SYS(gettid), "a thread's number", 0, {}},
	{SCMP_SYS(rt_sigreturn), "the end of that signal's handler", 0, {}},
	{SCMP_SYS(restart_syscall), "going on after being stopped", 0, {}},
	{SCMP_SYS(pause), "a processor that has given its verdict", 0, {}},
	{SCMP_SYS(mmap),
	 "the heap: private memory of its own, never code",
	 2,
	 {NO_BITS(2, PROT_EXEC), ALL_BITS(3, MAP_PRIVATE | MAP_ANONYMOUS)}},
	{SCMP_SYS(mremap), "the heap", 0, {}},
	{SCMP_SYS(munmap), "the heap", 0, {}},
	{SCMP_SYS(brk), "the heap", 0, {}},
	{SCMP_SYS(rseq), "a new thread of the C library registers itself", 0, {}},
	{SCMP_SYS(set_robust_list), "likewise", 0, {}},
	{SCMP_SYS(rt_sigprocmask), "likewise", 0, {}},
	{SCMP_SYS(exit_group), "the end", 0, {}},
};

static int fail(const char *what, int rc)
{
	fprintf(stderr, "filtergen: %s: %s\n", what, strerror(-rc));
	return 1;
}

static int print_program(FILE *bpf, const char *name)
{
	struct sock_filter f;

	printf("const struct sock_filter %s[] = {\n", name);
	rewind(bpf);
	while (fread(&f, sizeof(f), 1, bpf) == 1)
		printf("\t{0x%x, %u, %u, 0x%x},\n", f.code, f.jt, f.jf, f.k);
	printf("};\nconst unsigned short %s_len = sizeof(%s) / sizeof(%s[0]);\n", name, name, name);
	return ferror(bpf) ? 1 : 0;
}

static int add_rules(scmp_filter_ctx ctx, const struct rule *rule, size_t n)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rule[i].call, rule[i].count,
					    rule[i].arg);
	return rc;
}

/* first: what is called most comes first in the program. */
static int make(const char *name, int first, const struct rule *own, size_t n)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	FILE *bpf = tmpfile();
	int rc;

	if (!ctx || !bpf)
		return fail("start", -ENOMEM);
	rc = seccomp_syscall_priority(ctx, first, 255);
	if (!rc)
		rc = add_rules(ctx, own, n);
	if (!rc)
		rc = add_rules(ctx, rules, sizeof(rules) / sizeof(rules[0]));
	if (rc)
		return fail("rule", rc);
	rc = seccomp_export_bpf(ctx, fileno(bpf));
	if (rc)
		return fail("export", rc);
	return print_program(bpf, name);
}

int main(void)
{
	printf("#include \"vmm/jail/filter.h\"\n\n");
	return make("boot_filter", SCMP_SYS(ioctl), kvm_rules,
		    sizeof(kvm_rules) / sizeof(kvm_rules[0])) ||
	       make("systrap_filter", SCMP_SYS(futex), systrap_rules,
		    sizeof(systrap_rules) / sizeof(systrap_rules[0]));
}
