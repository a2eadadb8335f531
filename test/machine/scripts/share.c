/* share.c - scripts: tmpfs, shared mappings, descriptors shared by processes, events */
#include "abi/linux/epoll.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mman.h"
#include "abi/linux/poll.h"
#include "abi/linux/sched.h"
#include "abi/linux/stat.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

static uint64_t mem;

static uint64_t str(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	u_write(mem, s, n + 1);
	return mem;
}

static int make(const char *name)
{
	long fd = u_syscall(NR_openat, ABI_AT_FDCWD, str(name), ABI_O_CREAT | ABI_O_RDWR, 0644);

	u_check(fd >= 0);
	return (int)fd;
}

static int stat_of(const char *name)
{
	return (int)u_syscall(NR_newfstatat, ABI_AT_FDCWD, str(name), mem + 2048, 0);
}

/* Processes make, rename and remove the same names while others look them up. */
static void name_worker(void *arg)
{
	long who = (long)arg;

	for (int i = 0; i < 12; i++) {
		long fd = u_syscall(NR_openat, ABI_AT_FDCWD, str("/d/x"), ABI_O_CREAT | ABI_O_RDWR,
				    0600);
		int r;

		u_check(fd >= 0 || fd == -ENOENT);
		if (fd >= 0)
			u_check_eq(u_syscall(NR_close, fd), 0);
		u_write(mem + 64, "/d/y", 5);
		r = (int)u_syscall(NR_rename, str(who & 1 ? "/d/x" : "/d/../d/x"), mem + 64);
		u_check(r == 0 || r == -ENOENT);
		r = stat_of("/d/y");
		u_check(r == 0 || r == -ENOENT);
		r = (int)u_syscall(NR_unlinkat, ABI_AT_FDCWD, str("/d/y"), 0);
		u_check(r == 0 || r == -ENOENT);
		r = stat_of("/d/x");
		u_check(r == 0 || r == -ENOENT);
	}
	u_exit(0);
}

void script_name_race(void *arg)
{
	mem = u_mmap(8192);
	u_check_eq(u_syscall(NR_mkdir, str("/d"), 0755), 0);
	for (long i = 0; i < 4; i++)
		u_check(u_fork(name_worker, (void *)i) > 0);
	for (int i = 0; i < 4; i++) {
		u_check(u_syscall(NR_wait4, -1, mem + 1024, 0, 0) > 0);
		u_check_eq(u_load(mem + 1024, 4), 0);
	}
	u_syscall(NR_unlinkat, ABI_AT_FDCWD, str("/d/x"), 0);
	u_check_eq(u_syscall(NR_rmdir, str("/d")), 0);
	u_check_eq(stat_of("/d"), -ENOENT);
}

/* A shared mapping and the file are the same bytes, in all processes. */
static void map_child(void *arg)
{
	uint64_t map = (uint64_t)arg;

	u_check_eq(u_load(map, 8), 111);
	u_store(map + 4096, 222, 8);
	u_exit(0);
}

void script_map_shared(void *arg)
{
	int fd;
	uint64_t map;

	mem = u_mmap(8192);
	fd = make("/f");
	u_check_eq(u_syscall(NR_ftruncate, fd, 8192), 0);
	map = (uint64_t)u_syscall(NR_mmap, 0, 12288, ABI_PROT_READ | ABI_PROT_WRITE, ABI_MAP_SHARED,
				  fd, 0);
	u_store(map, 111, 8);
	u_check(u_fork(map_child, (void *)map) > 0);
	u_check(u_syscall(NR_wait4, -1, mem + 1024, 0, 0) > 0);
	u_check_eq(u_load(mem + 1024, 4), 0);
	u_check_eq(u_load(map + 4096, 8), 222);
	u_check_eq(u_syscall(NR_pread64, fd, mem + 1024, 8, 4096), 8);
	u_check_eq(u_load(mem + 1024, 8), 222);
	u_store(mem + 1024, 333, 8);
	u_check_eq(u_syscall(NR_pwrite64, fd, mem + 1024, 8, 0), 8);
	u_check_eq(u_load(map, 8), 333);
	/* what was cut off is gone from the mapping too: SIGBUS, so ask through the kernel */
	u_check_eq(u_syscall(NR_ftruncate, fd, 4096), 0);
	u_check_eq(u_syscall(NR_write, fd, map + 4096, 8), -EFAULT);
	u_check_eq(u_syscall(NR_ftruncate, fd, 8192), 0);
	u_check_eq(u_load(map + 4096, 8), 0);
	u_check_eq(u_syscall(NR_munmap, map, 12288), 0);
}

/* One thread closes and opens what others use. */
static uint64_t stop;

static void closer(void *arg)
{
	while (!u_load(stop, 4)) {
		u_syscall(NR_close, 5);
		u_syscall(NR_dup2, 3, 5);
		u_syscall(NR_dup2, 4, 5);
	}
	u_add32(stop, 1);
	u_exit_thread(0);
}

static void user(void *arg)
{
	for (int i = 0; i < 60; i++) {
		long r = u_syscall(NR_write, 5, mem, 8);

		u_check(r == 8 || r == -EBADF);
		r = u_syscall(NR_fstat, 5, mem + 2048);
		u_check(r == 0 || r == -EBADF);
	}
	u_add32(stop, 1);
	u_exit_thread(0);
}

void script_close_race(void *arg)
{
	const uint64_t thread = ABI_CLONE_VM | ABI_CLONE_FS | ABI_CLONE_FILES | ABI_CLONE_SIGHAND |
				ABI_CLONE_THREAD | ABI_CLONE_SYSVSEM;
	uint64_t stacks = u_mmap(32768);

	mem = u_mmap(8192);
	stop = u_mmap(4096);
	while (make("/a") < 3)
		;
	make("/b");
	u_check(u_clone(thread, stacks + 8192, 0, 0, 0, closer, NULL) > 0);
	u_check(u_clone(thread, stacks + 16384, 0, 0, 0, user, NULL) > 0);
	for (int i = 0; i < 60; i++)
		u_syscall(NR_write, 5, mem, 8);
	while (!u_load(stop, 4))
		u_pause();
	while (u_load(stop, 4) < 2)
		u_pause();
}

/* epoll and poll see an eventfd that another process signals. */
static void signaller(void *arg)
{
	uint64_t one = u_mmap(4096);

	u_store(one, 1, 8);
	for (int i = 0; i < 10; i++) {
		u_check_eq(u_syscall(NR_write, (long)arg, one, 8), 8);
		for (int k = 0; k < i; k++)
			u_pause();
	}
	u_exit(0);
}

void script_epoll(void *arg)
{
	struct abi_epoll_event ev = {.events = ABI_EPOLLIN, .data = 77};
	uint64_t sum = 0;
	long efd, ep;

	mem = u_mmap(8192);
	efd = u_syscall(NR_eventfd2, 0, ABI_EFD_NONBLOCK);
	ep = u_syscall(NR_epoll_create1, 0);
	u_check(efd >= 0 && ep >= 0);
	u_write(mem, &ev, sizeof(ev));
	u_check_eq(u_syscall(NR_epoll_ctl, ep, ABI_EPOLL_CTL_ADD, efd, mem), 0);
	u_check_eq(u_syscall(NR_epoll_ctl, ep, ABI_EPOLL_CTL_ADD, efd, mem), -EEXIST);
	u_check_eq(u_syscall(NR_epoll_ctl, ep, ABI_EPOLL_CTL_ADD, ep, mem), -EINVAL);
	u_check_eq(u_syscall(NR_epoll_wait, ep, mem, 4, 0), 0);
	u_check(u_fork(signaller, (void *)efd) > 0);
	while (sum < 10) {
		u_check_eq(u_syscall(NR_epoll_wait, ep, mem, 4, -1), 1);
		u_check_eq(u_load(mem + 4, 8), 77);
		if (u_syscall(NR_read, efd, mem + 64, 8) == 8)
			sum += u_load(mem + 64, 8);
	}
	u_check_eq(sum, 10);
	u_check_eq(u_syscall(NR_epoll_wait, ep, mem, 4, 5), 0);
	u_check(u_syscall(NR_wait4, -1, mem, 0, 0) > 0);
	u_store(mem, (uint64_t)efd | (uint64_t)ABI_POLLIN << 32, 8);
	u_check_eq(u_syscall(NR_poll, mem, 1, 3), 0);
	u_check_eq(u_syscall(NR_close, efd), 0);
	u_check_eq(u_syscall(NR_poll, mem, 1, 3), 1);
	u_check_eq(u_load(mem + 4, 4) >> 16, ABI_POLLNVAL);
}
