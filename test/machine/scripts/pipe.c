/* pipe.c - scripts: pipes between processes */
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/signal.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

#define TOTAL 150000u

static uint64_t buf;
static int fd[2];

static void make_pipe(int flags)
{
	u_check_eq(u_syscall(NR_pipe2, buf, flags), 0);
	fd[0] = (int)u_load(buf, 4);
	fd[1] = (int)u_load(buf + 4, 4);
}

static void pipe_writer(void *arg)
{
	uint32_t sent = 0;

	u_check_eq(u_syscall(NR_close, fd[0]), 0);
	while (sent < TOTAL) {
		uint32_t n = 1 + (sent * 7919u) % 9000;
		long r;

		for (uint32_t i = 0; i < n; i += 64)
			u_store(buf + i, (uint8_t)(sent + i), 1);
		r = u_syscall(NR_write, fd[1], buf, n);
		u_check(r > 0 && r <= n);
		sent += (uint32_t)r;
	}
	u_exit(0);
}

void script_pipe(void *arg)
{
	uint32_t got = 0;

	buf = u_mmap(16384);
	make_pipe(0);
	u_check(u_fork(pipe_writer, NULL) > 0);
	u_check_eq(u_syscall(NR_close, fd[1]), 0);
	for (;;) {
		long r = u_syscall(NR_read, fd[0], buf, 1 + got % 12000);

		u_check(r >= 0);
		if (!r)
			break;
		got += (uint32_t)r;
	}
	u_check(got >= TOTAL);
	u_check(u_syscall(NR_wait4, -1, buf, 0, 0) > 0);
	u_check_eq(u_load(buf, 4), 0);
}

static int ping[2], pong[2];

static void ponger(void *arg)
{
	for (;;) {
		long r = u_syscall(NR_read, ping[0], buf, 1);

		if (r <= 0)
			u_exit(r ? 1 : 0);
		u_store(buf, u_load(buf, 1) + 1, 1);
		u_check_eq(u_syscall(NR_write, pong[1], buf, 1), 1);
	}
}

void script_pipe_pingpong(void *arg)
{
	buf = u_mmap(4096);
	make_pipe(0);
	ping[0] = fd[0], ping[1] = fd[1];
	make_pipe(0);
	pong[0] = fd[0], pong[1] = fd[1];
	u_check(u_fork(ponger, NULL) > 0);
	for (uint8_t i = 0; i < 100; i++) {
		u_store(buf, i, 1);
		u_check_eq(u_syscall(NR_write, ping[1], buf, 1), 1);
		u_store(buf, 0xff, 1);
		u_check_eq(u_syscall(NR_read, pong[0], buf, 1), 1);
		u_check_eq(u_load(buf, 1), i + 1);
	}
	u_exit(0);
}

void script_pipe_errors(void *arg)
{
	buf = u_mmap(4096);
	u_check_eq(u_syscall(NR_pipe2, 8, 0), -EFAULT);
	u_check_eq(u_syscall(NR_pipe2, buf, 0x40000000), -EINVAL);
	make_pipe(ABI_O_NONBLOCK);
	u_check_eq(u_syscall(NR_read, fd[0], buf, 1), -EAGAIN);
	u_check_eq(u_syscall(NR_read, fd[1], buf, 1), -EBADF);
	u_check_eq(u_syscall(NR_write, fd[0], buf, 1), -EBADF);
	u_check_eq(u_syscall(NR_write, fd[1], 8, 1), -EFAULT);
	u_check_eq(u_syscall(NR_lseek, fd[0], 0, 0), -ESPIPE);
	while (u_syscall(NR_write, fd[1], buf, 4096) == 4096)
		;
	u_check_eq(u_syscall(NR_write, fd[1], buf, 1), -EAGAIN);
	u_check_eq(u_syscall(NR_read, fd[0], buf, 10), 10);
	/* writing without a reader: EPIPE, and the signal */
	u_store(buf + 64, ABI_SIG_IGN, 8);
	u_store(buf + 72, 0, 8);
	u_store(buf + 80, 0, 8);
	u_store(buf + 88, 0, 8);
	u_check_eq(u_syscall(NR_rt_sigaction, ABI_SIGPIPE, buf + 64, 0, 8), 0);
	u_check_eq(u_syscall(NR_close, fd[0]), 0);
	u_check_eq(u_syscall(NR_write, fd[1], buf, 1), -EPIPE);
	u_check_eq(u_syscall(NR_close, fd[1]), 0);
	u_check_eq(u_syscall(NR_close, fd[1]), -EBADF);
}
