/* signal.c - scripts: handlers, masks, restart, alternate stacks, faults */
#include "abi/linux/errno.h"
#include "abi/linux/mman.h"
#include "abi/linux/signal.h"
#include "abi/linux/time.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

static uint64_t mem;
static int runs, last_sig, depth, max_depth;

static void count(int sig, uint64_t info, uint64_t context)
{
	runs++;
	last_sig = sig;
	if (++depth > max_depth)
		max_depth = depth;
	u_pause();
	depth--;
}

static void action(int sig, u_handler fn, uint64_t flags, uint64_t mask)
{
	struct abi_sigaction act = {
		.handler = (uint64_t)fn,
		.flags = flags | ABI_SA_RESTORER,
		.mask = mask,
	};

	u_write(mem, &act, sizeof(act));
	u_check_eq(u_syscall(NR_rt_sigaction, sig, mem, 0, 8), 0);
}

static uint64_t mask_now(void)
{
	u_check_eq(u_syscall(NR_rt_sigprocmask, ABI_SIG_BLOCK, 0, mem, 8), 0);
	return u_load(mem, 8);
}

static void mask_set(uint64_t mask)
{
	u_store(mem, mask, 8);
	u_check_eq(u_syscall(NR_rt_sigprocmask, ABI_SIG_SETMASK, mem, 0, 8), 0);
}

static void mask_in_handler(int sig, uint64_t info, uint64_t context)
{
	runs++;
	u_check_eq(mask_now(), ABI_SIGBIT(ABI_SIGUSR1) | ABI_SIGBIT(ABI_SIGTERM));
}

void script_signal_handler(void *arg)
{
	long pid = u_syscall(NR_getpid);

	mem = u_mmap(4096);
	runs = 0;
	action(ABI_SIGUSR1, mask_in_handler, 0, ABI_SIGBIT(ABI_SIGTERM));
	u_check_eq(u_syscall(NR_kill, pid, ABI_SIGUSR1), 0);
	u_check_eq(runs, 1);
	u_check_eq(mask_now(), 0);

	/* blocked: kept; standard signals once, real-time ones queued */
	action(ABI_SIGUSR2, count, 0, 0);
	action(40, count, 0, 0);
	runs = 0;
	mask_set(ABI_SIGBIT(ABI_SIGUSR2) | ABI_SIGBIT(40));
	for (int i = 0; i < 3; i++) {
		u_check_eq(u_syscall(NR_kill, pid, ABI_SIGUSR2), 0);
		u_check_eq(u_syscall(NR_kill, pid, 40), 0);
	}
	u_check_eq(runs, 0);
	u_check_eq(u_syscall(NR_rt_sigpending, mem + 64, 8), 0);
	u_check_eq(u_load(mem + 64, 8), ABI_SIGBIT(ABI_SIGUSR2) | ABI_SIGBIT(40));
	mask_set(0);
	u_check_eq(runs, 4);
	u_check_eq(u_syscall(NR_kill, pid, 65), -EINVAL);
	u_check_eq(u_syscall(NR_rt_sigprocmask, ABI_SIG_SETMASK, 8, 0, 8), -EFAULT);
	u_check_eq(u_syscall(NR_rt_sigaction, ABI_SIGKILL, mem, 0, 8), -EINVAL);
}

/* A sender that signals its parent until it is told to stop by death. */
static int target_sig;

static void pester(void *arg)
{
	long parent = u_syscall(NR_getppid);
	uint64_t ts = u_mmap(4096);

	u_store(ts + 8, 1000000, 8);
	for (int i = 0; i < (int)(long)arg; i++) {
		u_check_eq(u_syscall(NR_nanosleep, ts, 0), 0);
		u_check_eq(u_syscall(NR_kill, parent, target_sig), 0);
	}
	u_check_eq(u_syscall(NR_nanosleep, ts, 0), 0);
	u_exit(0);
}

static int fds[2];

static void pester_then_write(void *arg)
{
	long parent = u_syscall(NR_getppid);
	uint64_t ts = u_mmap(4096);

	u_store(ts + 8, 1000000, 8);
	for (int i = 0; i < 3; i++) {
		u_check_eq(u_syscall(NR_nanosleep, ts, 0), 0);
		u_check_eq(u_syscall(NR_kill, parent, target_sig), 0);
	}
	u_check_eq(u_syscall(NR_nanosleep, ts, 0), 0);
	u_check_eq(u_syscall(NR_write, fds[1], ts, 1), 1);
	u_exit(0);
}

void script_signal_restart(void *arg)
{
	mem = u_mmap(8192);
	u_check_eq(u_syscall(NR_pipe2, mem + 4096, 0), 0);
	fds[0] = (int)u_load(mem + 4096, 4);
	fds[1] = (int)u_load(mem + 4100, 4);

	/* SA_RESTART: the read goes on as if nothing had been */
	runs = 0;
	target_sig = ABI_SIGUSR1;
	action(ABI_SIGUSR1, count, ABI_SA_RESTART, 0);
	u_check(u_fork(pester_then_write, NULL) > 0);
	u_check_eq(u_syscall(NR_read, fds[0], mem + 4096, 10), 1);
	u_check(runs >= 1 && runs <= 3);
	u_check(u_syscall(NR_wait4, -1, 0, 0, 0) > 0);

	/* without: EINTR */
	runs = 0;
	action(ABI_SIGUSR1, count, 0, 0);
	u_check(u_fork(pester, (void *)1) > 0);
	u_check_eq(u_syscall(NR_read, fds[0], mem + 4096, 10), -EINTR);
	u_check_eq(runs, 1);
	while (u_syscall(NR_wait4, -1, 0, 0, 0) == -EINTR)
		;

	/* pause ends by any handler, SA_RESTART or not */
	action(ABI_SIGUSR1, count, ABI_SA_RESTART, 0);
	u_check(u_fork(pester, (void *)1) > 0);
	u_check_eq(u_syscall(NR_pause), -EINTR);
	u_check(u_syscall(NR_wait4, -1, 0, 0, 0) > 0);
}

/* nanosleep tells what is left; without a handler it goes on by itself. */
void script_signal_sleep(void *arg)
{
	uint64_t left;

	mem = u_mmap(4096);
	runs = 0;
	target_sig = ABI_SIGUSR1;
	action(ABI_SIGUSR1, count, ABI_SA_RESTART, 0);
	u_check(u_fork(pester, (void *)1) > 0);
	u_store(mem + 64, 5, 8);
	u_store(mem + 72, 0, 8);
	u_check_eq(u_syscall(NR_nanosleep, mem + 64, mem + 80), -EINTR);
	left = u_load(mem + 80, 8) * 1000000000 + u_load(mem + 88, 8);
	u_check(left > 4000000000u && left < 5000000000u);
	while (u_syscall(NR_wait4, -1, 0, 0, 0) == -EINTR)
		;
	u_check_eq(u_syscall(NR_nanosleep, 8, 0), -EFAULT);
	u_store(mem + 72, 1000000000, 8);
	u_check_eq(u_syscall(NR_nanosleep, mem + 64, 0), -EINVAL);
}

static uint64_t fault_addr;

static void fix_fault(int sig, uint64_t info, uint64_t context)
{
	struct abi_siginfo si;

	runs++;
	u_read(&si, info, sizeof(si));
	u_check_eq(si.si_signo, ABI_SIGSEGV);
	u_check_eq(si.u.fault.addr, fault_addr);
	u_check_eq(si.si_code, ABI_SEGV_ACCERR);
	u_check_eq(u_syscall(NR_mprotect, fault_addr & ~0xfffull, 4096, 3), 0);
}

void script_signal_fault(void *arg)
{
	mem = u_mmap(4096);
	fault_addr = u_mmap(8192) + 4096 + 24;
	runs = 0;
	action(ABI_SIGSEGV, fix_fault, ABI_SA_SIGINFO, 0);
	u_check_eq(u_syscall(NR_mprotect, fault_addr & ~0xfffull, 4096, ABI_PROT_NONE), 0);
	u_store(fault_addr, 11, 8);
	u_check_eq(runs, 1);
	u_check_eq(u_load(fault_addr, 8), 11);
}

static void segv_default(void *arg)
{
	u_load(0x1000, 8);
	u_exit(0);
}

static void segv_bad_stack(void *arg)
{
	/* the handler's frame has nowhere to go: death by SIGSEGV, not a loop */
	action(ABI_SIGSEGV, count, ABI_SA_ONSTACK, 0);
	u_store(mem + 128, 0x10000, 8);
	u_store(mem + 136, 0, 8);
	u_store(mem + 144, 8192, 8);
	u_check_eq(u_syscall(NR_sigaltstack, mem + 128, 0), 0);
	u_load(0x1000, 8);
	u_exit(0);
}

void script_signal_death(void *arg)
{
	mem = u_mmap(4096);
	u_check(u_fork(segv_default, NULL) > 0);
	u_check(u_syscall(NR_wait4, -1, mem, 0, 0) > 0);
	u_check_eq(u_load(mem, 4) & 0x7f, ABI_SIGSEGV);
	u_check(u_fork(segv_bad_stack, NULL) > 0);
	u_check(u_syscall(NR_wait4, -1, mem, 0, 0) > 0);
	u_check_eq(u_load(mem, 4) & 0x7f, ABI_SIGSEGV);
}

static void sleeper(void *arg)
{
	for (;;)
		u_syscall(NR_pause);
}

void script_signal_kill(void *arg)
{
	long pid[4];

	mem = u_mmap(4096);
	for (int i = 0; i < 4; i++)
		u_check((pid[i] = u_fork(sleeper, NULL)) > 0);
	for (int i = 3; i >= 0; i--) {
		u_check_eq(u_syscall(NR_kill, pid[i], ABI_SIGKILL), 0);
		u_check_eq(u_syscall(NR_wait4, pid[i], mem, 0, 0), pid[i]);
		u_check_eq(u_load(mem, 4), ABI_SIGKILL);
		u_check_eq(u_syscall(NR_kill, pid[i], 0), -ESRCH);
	}
}
