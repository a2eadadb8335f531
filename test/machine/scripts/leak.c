/* leak.c - script: what processes, mounts, files and threads took is given back when they end */
#include "frame.h"
#include "host.h"
#include "log.h"
#include "script.h"
#include "scripts.h"
#include "slab.h"
#include "syscalls_proto.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mount.h"

#define ROUNDS 40
#define SLACK  4 /* frames that caches may still fill after the first rounds */

static uint64_t mem; /* +0 "/t", +16 "tmpfs", +32 "/f", +64 timespec of 1 ms, +128 pipe */

static void child_exit(void *arg)
{
	u_exit(0);
}

static void child_memory(void *arg)
{
	uint64_t p = u_mmap(16 * 4096);

	for (uint64_t i = 0; i < 16; i++)
		u_store(p + i * 4096, i, 8);
	u_check(u_fork(child_exit, NULL) > 0);
	u_exit(0);
}

static void child_files(void *arg)
{
	u_check_eq(u_syscall(NR_pipe2, mem + 128, 0), 0);
	u_check(u_syscall(NR_eventfd2, 0, 0) >= 0);
	u_check(u_syscall(NR_epoll_create1, 0) >= 0);
	u_check(u_syscall(NR_openat, ABI_AT_FDCWD, mem + 32, ABI_O_CREAT | ABI_O_RDWR, 0600) >= 0);
	u_exit(0);
}

static void thread(void *arg)
{
	u_exit_thread(0);
}

static void child_threads(void *arg)
{
	for (int i = 0; i < 3; i++)
		u_check(u_clone(0x50f00, mem + 4096, 0, 0, 0, thread, NULL) > 0);
	u_exit(0);
}

static void reap(void)
{
	while (u_syscall(NR_wait4, -1, 0, 0, 0) > 0)
		;
}

static void one_round(void)
{
	u_check(u_fork(child_exit, NULL) > 0);
	reap();
	u_check(u_fork(child_memory, NULL) > 0);
	reap();
	u_check(u_fork(child_files, NULL) > 0);
	reap();
	u_check(u_fork(child_threads, NULL) > 0);
	reap();
	u_check_eq(u_syscall(NR_mount, mem + 16, mem, mem + 16, 0, 0), 0);
	u_check_eq(u_syscall(NR_umount2, mem, ABI_MNT_DETACH), 0);
}

struct usage {
	struct frame_stats frames; /* .kernel without what slabs take: CPUs keep free objects */
	uint64_t live;		   /* bytes in the kernel's objects */
};

static struct usage settle(void)
{
	struct slab_stats slabs;
	struct usage u;

	for (int i = 0; i < 10; i++) /* grace periods end */
		u_syscall(NR_nanosleep, mem + 64, 0);
	frame_get_stats(&u.frames);
	slab_get_stats(&slabs);
	u.frames.kernel -= slabs.frames;
	u.live = slabs.live;
	return u;
}

void script_leak(void *arg)
{
	struct usage before, after;

	mem = u_mmap(8192);
	u_write(mem, "/t", 3);
	u_write(mem + 16, "tmpfs", 6);
	u_write(mem + 32, "/f", 3);
	u_store(mem + 72, 1000000, 8);
	u_check_eq(u_syscall(NR_mkdir, mem, 0755), 0);
	for (int i = 0; i < 4; i++)
		one_round();
	before = settle();
	for (int i = 0; i < ROUNDS; i++)
		one_round();
	after = settle();
	klog(LOG_INFO, "live bytes: %lu, then %lu", (unsigned long)before.live,
	     (unsigned long)after.live);
	u_check(after.frames.kernel <= before.frames.kernel + SLACK);
	u_check(after.frames.anon <= before.frames.anon + SLACK);
	u_check(after.frames.cache <= before.frames.cache + SLACK);
	u_check(after.live < before.live + ROUNDS * 32);
}
