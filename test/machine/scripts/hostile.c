/* hostile.c - scripts: what a program may do to exhaust or confuse the kernel, and threads that
 * race for an object's end */
#include "abi/linux/epoll.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mman.h"
#include "abi/linux/mount.h"
#include "abi/linux/socket.h"
#include "abi/linux/time.h"
#include "abi/linux/uio.h"
#include "frame.h"
#include "script.h"
#include "scripts.h"
#include "string.h"
#include "syscalls_proto.h"

#define THREAD 0x50f00 /* what a thread's clone has, without addresses */

static uint64_t mem, stacks, done;

static void start(u_fn fn, void *arg)
{
	static uint64_t next;

	if (!stacks)
		stacks = u_mmap(65536);
	u_check(u_clone(THREAD, stacks + 8192 * (1 + next++ % 7), 0, 0, 0, fn, arg) > 0);
}

static void finish(void)
{
	u_add32(done, 1);
	u_exit_thread(0);
}

static void join(uint32_t n)
{
	while (u_load(done, 4) < n)
		u_pause();
	u_store(done, 0, 4);
}

static void setup(void)
{
	mem = u_mmap(16384);
	done = u_mmap(4096);
	stacks = 0;
}

static uint64_t kernel_frames(void)
{
	struct frame_stats st;

	u_store(mem + 8, 1000000, 8);
	u_store(mem, 0, 8);
	for (int i = 0; i < 10; i++) /* grace periods end */
		u_syscall(NR_nanosleep, mem, 0);
	frame_get_stats(&st);
	return st.kernel;
}

static void pair(int type, int fd[2])
{
	u_check_eq(u_syscall(NR_socketpair, ABI_AF_UNIX, type, 0, mem + 64), 0);
	fd[0] = (int)u_load(mem + 64, 4);
	fd[1] = (int)u_load(mem + 68, 4);
}

static void close_fd(int fd)
{
	u_check_eq(u_syscall(NR_close, fd), 0);
}

/* ---- sockets ---- */

/* One byte with a descriptor beside it. */
static long send_fd(int sock, int fd, int flags)
{
	struct abi_iovec iov = {mem + 512, 1};
	struct abi_cmsghdr c = {sizeof(c) + sizeof(int), ABI_SOL_SOCKET, ABI_SCM_RIGHTS};
	struct abi_msghdr h = {.msg_iov = mem + 128,
			       .msg_iovlen = 1,
			       .msg_control = mem + 192,
			       .msg_controllen = sizeof(c) + 8};

	u_write(mem + 128, &iov, sizeof(iov));
	u_write(mem + 192, &c, sizeof(c));
	u_store(mem + 192 + sizeof(c), (uint32_t)fd, 8);
	u_write(mem + 256, &h, sizeof(h));
	return u_syscall(NR_sendmsg, sock, mem + 256, flags);
}

/* Each socket's queue holds the descriptor of the one before: a chain that ends at once. */
static void chain(int length)
{
	int before = -1, fd[2];

	for (int i = 0; i < length; i++) {
		pair(ABI_SOCK_STREAM, fd);
		if (before >= 0) {
			u_check_eq(send_fd(fd[0], before, 0), 1);
			close_fd(before);
		}
		close_fd(fd[0]);
		before = fd[1];
	}
	close_fd(before);
}

static void refused_sends(int rounds)
{
	int fd[2];

	for (int i = 0; i < rounds; i++) {
		pair(ABI_SOCK_STREAM, fd);
		u_check_eq(send_fd(fd[0], fd[1], ABI_MSG_OOB), -EOPNOTSUPP);
		close_fd(fd[0]);
		close_fd(fd[1]);
	}
}

/* Messages without bytes take room as well. */
static void empty_messages(int type)
{
	int fd[2], n = 0;

	pair(type | ABI_SOCK_NONBLOCK, fd);
	while (u_syscall(NR_sendto, fd[0], mem, 0, 0, 0, 0) == 0)
		u_check(++n < 10000);
	u_check(n > 100);
	close_fd(fd[0]);
	close_fd(fd[1]);
}

/* No descriptor in flight in a cycle comes back: there is a last one. */
static void cycles(void)
{
	int fd[2];
	long r;

	do {
		pair(ABI_SOCK_STREAM, fd);
		r = send_fd(fd[0], fd[0], 0);
		if (r == 1)
			r = send_fd(fd[1], fd[1], 0);
		close_fd(fd[0]);
		close_fd(fd[1]);
	} while (r == 1);
	u_check_eq(r, -ETOOMANYREFS);
}

void script_hostile_sockets(void *arg)
{
	uint64_t before;

	setup();
	chain(20);
	refused_sends(20);
	before = kernel_frames();
	chain(400);
	refused_sends(400);
	u_check(kernel_frames() <= before + 40);
	empty_messages(ABI_SOCK_SEQPACKET);
	empty_messages(ABI_SOCK_DGRAM);
}

void script_hostile_cycles(void *arg)
{
	setup();
	cycles();
}

static int shared_sock;

static long bind_name(const char *name, size_t n)
{
	struct abi_sockaddr_un a = {.sun_family = ABI_AF_UNIX};
	uint64_t at = mem + 4096 + (name[0] ? 256 : 0) + (name[1] == 'b' ? 512 : 0);

	memcpy(a.sun_path, name, n);
	u_write(at, &a, sizeof(a));
	return u_syscall(NR_bind, shared_sock, at, 2 + n);
}

/* A name by this thread; counts if it was the first. */
static void binder(void *arg)
{
	const char *name = arg;

	if (bind_name(name, name[0] ? 2 : 3) == 0)
		u_add32(done + 8, 1);
	finish();
}

static long connect_nowhere(void)
{
	struct abi_sockaddr_un a = {.sun_family = ABI_AF_UNIX, .sun_path = "\0zz"};
	long fd = u_syscall(NR_socket, ABI_AF_UNIX, ABI_SOCK_STREAM, 0), r;

	u_write(mem, &a, sizeof(a));
	r = u_syscall(NR_connect, fd, mem, 5);
	close_fd((int)fd);
	return r;
}

/* Threads give one socket several names at once: it takes one, and is found under no other. */
void script_hostile_names(void *arg)
{
	static const char names[4][4] = {"\0aa", "\0ba", "a", "b"};

	setup();
	for (int round = 0; round < 8; round++) {
		shared_sock = (int)u_syscall(NR_socket, ABI_AF_UNIX, ABI_SOCK_STREAM, 0);
		u_store(done + 8, 0, 4);
		for (int i = 0; i < 4; i++)
			start(binder, (void *)(uintptr_t)names[i]);
		join(4);
		u_check_eq(u_load(done + 8, 4), 1);
		u_check_eq(connect_nowhere(), -ECONNREFUSED);
		close_fd(shared_sock);
		u_check_eq(connect_nowhere(), -ECONNREFUSED);
		for (int i = 2; i < 4; i++) {
			u_write(mem, names[i], 2);
			u_syscall(NR_unlink, mem);
		}
	}
}

/* ---- epoll ---- */

static int ep[4];

static long ctl(int in, int op, int what)
{
	struct abi_epoll_event ev = {.events = ABI_EPOLLIN};

	u_write(mem + 1024 + (uint64_t)in * 64, &ev, sizeof(ev));
	return u_syscall(NR_epoll_ctl, in, op, what, mem + 1024 + (uint64_t)in * 64);
}

static void watcher(void *arg)
{
	int in = ep[(long)arg], what = ep[(long)arg + 1];

	for (int i = 0; i < 25; i++) {
		long r = ctl(in, ABI_EPOLL_CTL_ADD, what);

		u_check(r == 0 || r == -EEXIST);
		r = ctl(in, ABI_EPOLL_CTL_DEL, what);
		u_check(r == 0 || r == -ENOENT);
	}
	finish();
}

static int new_epoll(void)
{
	long fd = u_syscall(NR_epoll_create1, 0);

	u_check(fd >= 0);
	return (int)fd;
}

/* Many ways from one instance to another are refused before they take for ever. */
static void many_ways(void)
{
	enum { WIDE = 34 };
	int layer[3][WIDE], top = new_epoll(), k, i;
	long r = 0;

	for (k = 0; k < 3; k++)
		for (i = 0; i < WIDE; i++)
			layer[k][i] = new_epoll();
	for (k = 0; k < 2; k++)
		for (i = 0; i < WIDE * WIDE && !r; i++)
			r = ctl(layer[k][i % WIDE], ABI_EPOLL_CTL_ADD, layer[k + 1][i / WIDE]);
	u_check(r == 0 || r == -ELOOP);
	for (i = 0; i < WIDE && !r; i++)
		r = ctl(top, ABI_EPOLL_CTL_ADD, layer[0][i]);
	u_check_eq(r, -ELOOP);
	close_fd(top);
	for (k = 0; k < 3; k++)
		for (i = 0; i < WIDE; i++)
			close_fd(layer[k][i]);
}

void script_hostile_epoll(void *arg)
{
	setup();
	many_ways();
	for (int i = 0; i < 4; i++)
		ep[i] = new_epoll();
	for (long i = 0; i < 3; i++)
		start(watcher, (void *)i);
	start(watcher, (void *)1l);
	join(4);
}

/* ---- timers ---- */

static void deleter(void *arg)
{
	for (int i = 0; i < 200; i++)
		u_syscall(NR_timer_delete, i);
	finish();
}

/* Numbers are easy to guess: a timer may go before its maker has been told of it. */
static void timer_race(void)
{
	start(deleter, NULL);
	start(deleter, NULL);
	for (int i = 0; i < 100; i++)
		u_check_eq(u_syscall(NR_timer_create, ABI_CLOCK_MONOTONIC, 0, mem + 2048), 0);
	join(2);
}

/* A timer that is always due leaves the CPU to others. */
static void timerfd_storm(void)
{
	struct abi_itimerspec t = {{0, 1}, {0, 1}};
	long fd = u_syscall(NR_timerfd_create, ABI_CLOCK_MONOTONIC, 0);

	u_write(mem + 2048, &t, sizeof(t));
	u_check_eq(u_syscall(NR_timerfd_settime, fd, 0, mem + 2048, 0), 0);
	for (int i = 0; i < 50; i++) {
		u_check_eq(u_syscall(NR_read, fd, mem + 2048, 8), 8);
		u_check(u_load(mem + 2048, 8) > 0);
	}
	close_fd((int)fd);
}

void script_hostile_timers(void *arg)
{
	long r, n = 0;

	setup();
	timer_race();
	timerfd_storm();
	while ((r = u_syscall(NR_timer_create, ABI_CLOCK_MONOTONIC, 0, mem + 2048)) == 0)
		u_check(++n < 100000);
	u_check_eq(r, -EAGAIN);
}

/* ---- memory ---- */

void script_hostile_memory(void *arg)
{
	const uint64_t huge = 1ull << 45;
	long at;

	/* Nothing can be made present here, and finding that out must not take a look at each page.
	 */
	at = u_syscall(NR_mmap, 0, huge, ABI_PROT_NONE,
		       ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS | ABI_MAP_NORESERVE | ABI_MAP_POPULATE,
		       -1, 0);
	u_check(at > 0);
	u_check_eq(u_syscall(NR_madvise, at, huge, ABI_MADV_POPULATE_READ), -EFAULT);
	u_check_eq(u_syscall(NR_mlock2, at, huge, 0), 0);
	u_check_eq(u_syscall(NR_munmap, at, huge), 0);
}

/* ---- files ---- */

static int text_fd;

static void text_reader(void *arg)
{
	uint64_t at = mem + 4096 * (1 + (uint64_t)arg);

	for (int i = 0; i < 40; i++) {
		long r = u_syscall(NR_pread64, text_fd, at, 2000, i & 1 ? 64 : 0);

		u_check(r >= 0 && r <= 2000);
	}
	finish();
}

/* sendfile by the file's own position, which others move. */
static void text_sender(void *arg)
{
	long sink = u_syscall(NR_openat, ABI_AT_FDCWD, mem + 32, ABI_O_CREAT | ABI_O_WRONLY, 0600);

	u_check(sink >= 0);
	for (int i = 0; i < 40; i++)
		u_check(u_syscall(NR_sendfile, sink, text_fd, 0, 4000) >= 0);
	u_check_eq(u_syscall(NR_close, sink), 0);
	finish();
}

static void text_mover(void *arg)
{
	for (int i = 0; i < 80; i++) {
		long at = (long)u_mmap(4096);

		u_syscall(NR_mprotect, at, 4096, i & 1 ? ABI_PROT_READ : ABI_PROT_NONE);
		u_syscall(NR_lseek, text_fd, i & 1 ? 0 : 1l << 40, ABI_SEEK_SET);
	}
	finish();
}

/* Threads read one generated text while it becomes longer, and move its position meanwhile. */
void script_hostile_texts(void *arg)
{
	setup();
	u_write(mem, "/p", 3);
	u_write(mem + 8, "proc", 5);
	u_write(mem + 16, "/p/self/maps", 13);
	u_write(mem + 32, "/sink", 6);
	u_check_eq(u_syscall(NR_mkdir, mem, 0755), 0);
	u_check_eq(u_syscall(NR_mount, mem + 8, mem, mem + 8, 0, 0), 0);
	text_fd = (int)u_syscall(NR_openat, ABI_AT_FDCWD, mem + 16, ABI_O_RDONLY, 0);
	u_check(text_fd >= 0);
	start(text_reader, (void *)0l);
	start(text_reader, (void *)1l);
	start(text_sender, NULL);
	start(text_mover, NULL);
	join(4);
}

static void mount_mover(void *arg)
{
	uint64_t from = mem + 64 * (uint64_t)arg, to = mem + 64 * (1 - (uint64_t)arg);

	for (int i = 0; i < 15; i++)
		u_syscall(NR_mount, from, to, 0, ABI_MS_MOVE, 0);
	finish();
}

/* Threads move one mount to and fro, and another takes it away and makes it anew. */
void script_hostile_mounts(void *arg)
{
	long r = 0;
	int n = 0;

	setup();
	u_write(mem, "/a", 3);
	u_write(mem + 64, "/b", 3);
	u_write(mem + 128, "tmpfs", 6);
	u_check_eq(u_syscall(NR_mkdir, mem, 0755), 0);
	u_check_eq(u_syscall(NR_mkdir, mem + 64, 0755), 0);
	for (int round = 0; round < 3; round++) {
		u_check_eq(u_syscall(NR_mount, mem + 128, mem, mem + 128, 0, 0), 0);
		start(mount_mover, (void *)0l);
		start(mount_mover, (void *)0l);
		start(mount_mover, (void *)1l);
		for (int i = 0; i < 5; i++) {
			u_syscall(NR_umount2, mem, ABI_MNT_DETACH);
			u_syscall(NR_mount, mem + 128, mem + 64, mem + 128, 0, 0);
		}
		join(3);
		while (u_syscall(NR_umount2, mem, ABI_MNT_DETACH) == 0 ||
		       u_syscall(NR_umount2, mem + 64, ABI_MNT_DETACH) == 0)
			;
		u_check_eq(u_syscall(NR_rmdir, mem), 0);
		u_check_eq(u_syscall(NR_mkdir, mem, 0755), 0);
	}
	/* One on the other: there is a last one. */
	while (r == 0 && ++n < 100)
		r = u_syscall(NR_mount, mem + 128, mem, mem + 128, 0, 0);
	u_check_eq(r, -ENOSPC);
}
