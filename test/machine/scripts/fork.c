/* fork.c - scripts: processes, copy-on-write, waiting */
#include "abi/linux/errno.h"
#include "abi/linux/sched.h"
#include "abi/linux/wait.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

static void exit_with(void *arg)
{
	u_exit((int)(long)arg);
}

void script_fork_wait(void *arg)
{
	uint64_t status = u_mmap(4096);

	for (long i = 0; i < 12; i++)
		u_check(u_fork(exit_with, (void *)i) > 0);
	for (long i = 0, seen = 0; i < 12; i++) {
		u_check(u_syscall(NR_wait4, -1, status, 0, 0) > 0);
		seen |= 1 << ((u_load(status, 4) >> 8) & 0xff);
		u_check((u_load(status, 4) & 0x7f) == 0);
		if (i == 11)
			u_check_eq(seen, 0xfff);
	}
	u_check_eq(u_syscall(NR_wait4, -1, status, 0, 0), -ECHILD);
}

static uint64_t cow_page;

static void cow_child(void *arg)
{
	u_check_eq(u_load(cow_page, 8), 1);
	u_store(cow_page, 2, 8);
	u_check_eq(u_load(cow_page, 8), 2);
	for (int i = 0; i < 5; i++) {
		u_pause();
		u_check_eq(u_load(cow_page, 8), 2);
	}
	u_exit(9);
}

void script_cow(void *arg)
{
	uint64_t status = u_mmap(4096);

	cow_page = u_mmap(8192);
	for (int round = 0; round < 4; round++) {
		u_store(cow_page, 1, 8);
		u_check(u_fork(cow_child, NULL) > 0);
		u_check_eq(u_load(cow_page, 8), 1);
		u_store(cow_page, 77, 8);
		u_check_eq(u_syscall(NR_wait4, -1, status, 0, 0) > 0, 1);
		u_check_eq(u_load(status, 4), 9 << 8);
		u_check_eq(u_load(cow_page, 8), 77);
	}
}

/* A grandchild whose parent dies goes to init, which reaps it. */
static void orphan(void *arg)
{
	for (int i = 0; i < 20; i++)
		u_pause();
	u_exit(3);
}

static void short_parent(void *arg)
{
	u_check(u_fork(orphan, NULL) > 0);
	u_exit(4);
}

void script_orphan(void *arg)
{
	uint64_t status = u_mmap(4096);
	int sum = 0;

	u_check(u_fork(short_parent, NULL) > 0);
	for (int i = 0; i < 2; i++) {
		u_check(u_syscall(NR_wait4, -1, status, 0, 0) > 0);
		sum += (int)(u_load(status, 4) >> 8);
	}
	u_check_eq(sum, 7);
}

/* Threads: a shared counter, ended by exit_group while they are busy. */
static uint64_t shared;

static void spinner(void *arg)
{
	for (;;)
		u_add32(shared, 1);
}

static void group_leader(void *arg)
{
	uint64_t flags = ABI_CLONE_VM | ABI_CLONE_FS | ABI_CLONE_FILES | ABI_CLONE_SIGHAND |
			 ABI_CLONE_THREAD | ABI_CLONE_SYSVSEM;

	for (int i = 0; i < 3; i++)
		u_check(u_clone(flags, shared + 4096, 0, 0, 0, spinner, NULL) > 0);
	while (u_load(shared, 4) < 50)
		u_pause();
	u_exit(5);
}

void script_exit_group(void *arg)
{
	uint64_t status = u_mmap(4096);

	shared = u_mmap(8192);
	u_check(u_fork(group_leader, NULL) > 0);
	u_check(u_syscall(NR_wait4, -1, status, 0, 0) > 0);
	u_check_eq(u_load(status, 4), 5 << 8);
	u_check_eq(u_load(shared, 4), 0);
}

static void vfork_child(void *arg)
{
	u_store(shared, 42, 4);
	u_exit(0);
}

void script_vfork(void *arg)
{
	shared = u_mmap(4096);
	u_check(u_clone(ABI_CLONE_VM | ABI_CLONE_VFORK | 17, 0, 0, 0, 0, vfork_child, NULL) > 0);
	u_check_eq(u_load(shared, 4), 42); /* the parent waited, and shares memory */
	u_check(u_syscall(NR_wait4, -1, 0, 0, 0) > 0);
}
