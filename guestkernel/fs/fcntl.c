/* fcntl.c - fcntl(2) and the ioctls that every file has */
#include "abi/linux/fcntl.h"
#include "abi/linux/signal.h"
#include "abi/linux/termios.h"
#include "flock.h"
#include "fs_internal.h"
#include "ipc/pipe.h"
#include "syscalls_proto.h"
#include "tmpfs/tmpfs.h"

#define SETTABLE     (ABI_O_APPEND | ABI_O_NONBLOCK | ABI_O_ASYNC | ABI_O_DIRECT | ABI_O_NOATIME)
#define F_OWNER_TID  0
#define F_OWNER_PID  1
#define F_OWNER_PGRP 2

static void flags_change(struct file *f, u32 clear, u32 set)
{
	u32 old = f->flags;

	while (!__atomic_compare_exchange_n(&f->flags, &old, (old & ~clear) | set, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
}

static long set_flags(struct file *f, u32 flags)
{
	if ((flags ^ f->flags) & ABI_O_NOATIME && flags & ABI_O_NOATIME &&
	    !inode_owner_or_capable(file_node(f)))
		return -EPERM;
	flags_change(f, SETTABLE, flags & SETTABLE);
	return 0;
}

static long dup_from(struct file *f, unsigned long min, bool cloexec)
{
	int fd;

	if (min >= READ_ONCE(current->proc->rlim[ABI_RLIMIT_NOFILE].rlim_cur) || min > INT32_MAX)
		return -EINVAL;
	fd = fd_reserve((u32)min, cloexec);
	if (fd < 0)
		return fd;
	file_get(f);
	fd_install(fd, f);
	return fd;
}

/* owner_pid: a process, or, with the top bit, a process group. */
#define OWNER_PGRP 0x80000000u

static long set_owner(struct file *f, int who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	f->owner_pid = who < 0 ? (u32)-who | OWNER_PGRP : (u32)who;
	return 0;
}

static long get_owner(const struct file *f)
{
	return f->owner_pid & OWNER_PGRP ? -(long)(f->owner_pid & ~OWNER_PGRP) : (long)f->owner_pid;
}

static long set_owner_ex(struct file *f, uaddr_t arg)
{
	struct abi_f_owner_ex o;

	if (copy_in_obj(&o, arg))
		return -EFAULT;
	if (o.type < F_OWNER_TID || o.type > F_OWNER_PGRP || o.pid < 0)
		return -EINVAL;
	return set_owner(f, o.type == F_OWNER_PGRP ? -o.pid : o.pid);
}

static long get_owner_ex(const struct file *f, uaddr_t arg)
{
	struct abi_f_owner_ex o = {
		.type = f->owner_pid & OWNER_PGRP ? F_OWNER_PGRP : F_OWNER_PID,
		.pid = (s32)(f->owner_pid & ~OWNER_PGRP),
	};

	return copy_out_obj(arg, &o);
}

static long set_signal(struct file *f, unsigned long sig)
{
	if (sig > ABI_NSIG)
		return -EINVAL;
	f->owner_sig = (int)sig;
	return 0;
}

static bool allowed_on_path(int cmd)
{
	return cmd == ABI_F_DUPFD || cmd == ABI_F_DUPFD_CLOEXEC || cmd == ABI_F_GETFD ||
	       cmd == ABI_F_SETFD || cmd == ABI_F_GETFL;
}

static long fcntl_file(struct file *f, int fd, int cmd, unsigned long arg)
{
	switch (cmd) {
	case ABI_F_DUPFD:
	case ABI_F_DUPFD_CLOEXEC:
		return dup_from(f, arg, cmd == ABI_F_DUPFD_CLOEXEC);
	case ABI_F_GETFD:
		return fd_cloexec(fd, -1);
	case ABI_F_SETFD:
		return fd_cloexec(fd, arg & ABI_FD_CLOEXEC) < 0 ? -EBADF : 0;
	case ABI_F_GETFL:
		return (long)f->flags;
	case ABI_F_SETFL:
		return set_flags(f, (u32)arg);
	case ABI_F_GETLK:
	case ABI_F_SETLK:
	case ABI_F_SETLKW:
	case ABI_F_OFD_GETLK:
	case ABI_F_OFD_SETLK:
	case ABI_F_OFD_SETLKW:
		return flock_fcntl(f, cmd, UADDR(arg));
	case ABI_F_SETOWN:
		return set_owner(f, (int)arg);
	case ABI_F_GETOWN:
		return get_owner(f);
	case ABI_F_SETOWN_EX:
		return set_owner_ex(f, UADDR(arg));
	case ABI_F_GETOWN_EX:
		return get_owner_ex(f, UADDR(arg));
	case ABI_F_SETSIG:
		return set_signal(f, arg);
	case ABI_F_GETSIG:
		return f->owner_sig;
	case ABI_F_GETLEASE:
		return ABI_F_UNLCK; /* none can be taken */
	case ABI_F_GETPIPE_SZ:
		return pipe_get_size(f);
	case ABI_F_SETPIPE_SZ:
		return pipe_set_size(f, arg);
	case ABI_F_ADD_SEALS:
		return tmpfs_add_seals(f, (u32)arg);
	case ABI_F_GET_SEALS:
		return tmpfs_get_seals(f);
	default:
		return -EINVAL;
	}
}

long sys_fcntl(int fd, int cmd, unsigned long arg)
{
	struct fdref r = fd_get_raw(fd);
	long ret;

	if (!r.file)
		return -EBADF;
	if (r.file->flags & ABI_O_PATH && !allowed_on_path(cmd))
		ret = -EBADF;
	else
		ret = fcntl_file(r.file, fd, cmd, arg);
	fd_put(r);
	return ret;
}

static long flag_from_user(struct file *f, u32 flag, uaddr_t arg)
{
	s32 on;

	if (copy_in_obj(&on, arg))
		return -EFAULT;
	flags_change(f, flag, on ? flag : 0);
	return 0;
}

static long file_left(struct file *f, uaddr_t arg)
{
	loff_t left = (loff_t)f->inode->size - f->pos;

	return put_user32(arg, (u32)left);
}

long sys_ioctl(int fd, unsigned int cmd, unsigned long arg)
{
	struct fdref r = fd_get(fd);
	struct file *f = r.file;
	long ret;

	if (!f)
		return -EBADF;
	if (f->flags & ABI_O_PATH)
		ret = -EBADF;
	else if (cmd == ABI_FIOCLEX || cmd == ABI_FIONCLEX)
		ret = fd_cloexec(fd, cmd == ABI_FIOCLEX) < 0 ? -EBADF : 0;
	else if (cmd == ABI_FIONBIO)
		ret = flag_from_user(f, ABI_O_NONBLOCK, UADDR(arg));
	else if (cmd == ABI_FIOASYNC)
		ret = flag_from_user(f, ABI_O_ASYNC, UADDR(arg));
	else if (cmd == ABI_FIONREAD && S_ISREG(f->inode->mode) && f->ops->llseek)
		ret = file_left(f, UADDR(arg));
	else
		ret = f->ops->ioctl ? f->ops->ioctl(f, cmd, UADDR(arg)) : -ENOTTY;
	fd_put(r);
	return ret;
}
