/* shootdown.c - scripts: a right taken away on one CPU is gone on all when the call returns
 *
 * The other threads keep translations in their CPUs' TLBs; nothing but a shoot-down removes them.
 */
#include "abi/linux/errno.h"
#include "abi/linux/mman.h"
#include "abi/linux/sched.h"
#include "abi/linux/signal.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

#define THREAD                                                                                  \
	(ABI_CLONE_VM | ABI_CLONE_FS | ABI_CLONE_FILES | ABI_CLONE_SIGHAND | ABI_CLONE_THREAD | \
	 ABI_CLONE_SYSVSEM)

static uint64_t page, control; /* control: +0 writers that were stopped, +4 round, +8 started */

/* A writer's SIGSEGV: counted, then it waits until the page is writable again. */
static void on_segv(int sig, uint64_t info, uint64_t context)
{
	uint64_t round = u_load(control + 4, 4);

	u_add32(control, 1);
	while (u_load(control + 4, 4) == round)
		u_pause();
}

/* The page is writable again: all writers go on, and have written when this returns. */
static void next_round(int n)
{
	uint64_t seen[4];

	for (int i = 1; i <= n; i++)
		seen[i] = u_load(page + 8 * (uint64_t)i, 8);
	u_store(control, 0, 4);
	u_add32(control + 4, 1);
	for (int i = 1; i <= n; i++)
		while (u_load(page + 8 * (uint64_t)i, 8) == seen[i])
			u_pause();
}

static void writer(void *arg)
{
	uint64_t slot = page + 8 * (uint64_t)arg;

	u_add32(control + 8, 1);
	for (uint64_t i = 1;; i++)
		u_store(slot, i, 8);
}

static void start_writers(int n)
{
	struct abi_sigaction act = {
		.handler = (uint64_t)(u_handler)on_segv,
		.flags = ABI_SA_SIGINFO | ABI_SA_RESTORER,
	};
	uint64_t stacks = u_mmap((size_t)(n + 1) * 8192);

	control = u_mmap(4096);
	page = u_mmap(4096);
	u_mmap(4096); /* below it, so that an unmapped page leaves a hole of one page */
	u_write(control + 64, &act, sizeof(act));
	u_check_eq(u_syscall(NR_rt_sigaction, ABI_SIGSEGV, control + 64, 0, 8), 0);
	u_store(page, 0, 8);
	for (int i = 0; i < n; i++)
		u_check(u_clone(THREAD, stacks + (uint64_t)(i + 1) * 8192, 0, 0, 0, writer,
				(void *)(long)(i + 1)) > 0);
	while (u_load(control + 8, 4) < (uint32_t)n)
		u_pause();
	for (int i = 0; i < 20; i++)
		u_pause();
}

/* No store may land once mprotect has returned. */
void script_shootdown_mprotect(void *arg)
{
	int n = 3;

	start_writers(n);
	for (int round = 0; round < 6; round++) {
		uint64_t seen[4];

		u_check_eq(u_syscall(NR_mprotect, page, 4096, ABI_PROT_READ), 0);
		for (int i = 1; i <= n; i++)
			seen[i] = u_load(page + 8 * (uint64_t)i, 8);
		while (u_load(control, 4) < (uint32_t)n)
			u_pause();
		for (int i = 1; i <= n; i++)
			u_check_eq(u_load(page + 8 * (uint64_t)i, 8), seen[i]);
		u_check_eq(u_syscall(NR_mprotect, page, 4096, ABI_PROT_READ | ABI_PROT_WRITE), 0);
		next_round(n);
	}
	u_exit(0);
}

/* A page unmapped and mapped anew is zero and stays so: no stale store reaches the new frame, or
 * whoever has the old one. */
void script_shootdown_munmap(void *arg)
{
	int n = 3;
	uint64_t other;

	start_writers(n);
	for (int round = 0; round < 6; round++) {
		u_check_eq(u_syscall(NR_munmap, page, 4096), 0);
		other = u_mmap(4 * 4096); /* likely to get the frame that was freed */
		u_check(other > page || other + 4 * 4096 <= page);
		for (uint64_t i = 0; i < 4; i++)
			u_store(other + i * 4096, 0, 8);
		while (u_load(control, 4) < (uint32_t)n)
			u_pause();
		for (uint64_t i = 0; i < 4; i++)
			for (int k = 1; k <= n; k++)
				u_check_eq(u_load(other + i * 4096 + 8 * (uint64_t)k, 8), 0);
		u_check_eq(u_syscall(NR_mmap, page, 4096, ABI_PROT_READ | ABI_PROT_WRITE,
				     ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS | ABI_MAP_FIXED, -1, 0),
			   page);
		next_round(n);
	}
	u_exit(0);
}

/* A fork's copy is of one moment: the threads' stores after it do not reach the child. */
static void fork_child(void *arg)
{
	uint64_t seen[4];

	for (int i = 1; i <= 3; i++)
		seen[i] = u_load(page + 8 * (uint64_t)i, 8);
	for (int k = 0; k < 10; k++) {
		u_pause();
		for (int i = 1; i <= 3; i++)
			u_check_eq(u_load(page + 8 * (uint64_t)i, 8), seen[i]);
	}
	u_exit(0);
}

void script_shootdown_fork(void *arg)
{
	uint64_t status;

	start_writers(3);
	status = u_mmap(4096);
	for (int round = 0; round < 5; round++) {
		u_check(u_fork(fork_child, NULL) > 0);
		u_check(u_syscall(NR_wait4, -1, status, 0, 0) > 0);
		u_check_eq(u_load(status, 4), 0);
	}
	u_exit(0);
}
