/* ioctl.c - a terminal's ioctls (ioctl_tty(2)) but job control (jobs.c) */
#include "abi/linux/poll.h"
#include "ksignal.h"
#include "log.h"
#include "string.h"
#include "tty/jobs.h"
#include "tty/tty.h"

/* The old structure is the new one without its speeds. */
static long get_settings(struct tty *t, uaddr_t arg, size_t size)
{
	struct abi_termios2 tio;

	mutex_lock(&t->lock);
	tio = t->tio;
	mutex_unlock(&t->lock);
	return copy_out(arg, &tio, size);
}

static long set_settings(struct tty *t, uaddr_t arg, size_t size, bool flush)
{
	struct abi_termios2 tio;
	int err = tty_check_background(t, ABI_SIGTTOU);
	u32 old;

	if (err)
		return err;
	mutex_lock(&t->lock);
	tio = t->tio;
	mutex_unlock(&t->lock);
	if (copy_in(&tio, arg, size))
		return -EFAULT;
	mutex_lock(&t->lock);
	old = t->tio.c_lflag;
	t->tio = tio;
	if (flush)
		ldisc_flush_input_locked(t);
	ldisc_mode_changed_locked(t, old);
	if (!(tio.c_iflag & ABI_IXON))
		t->stopped = false;
	mutex_unlock(&t->lock);
	waitq_wake_all(&t->in_wait);
	waitq_wake_all(&t->out_wait);
	return 0;
}

static long get_winsize(struct tty *t, uaddr_t arg)
{
	struct abi_winsize w;

	mutex_lock(&t->lock);
	w = t->win;
	mutex_unlock(&t->lock);
	return copy_out_obj(arg, &w);
}

static long set_winsize(struct tty *t, uaddr_t arg)
{
	struct abi_winsize w;

	if (copy_in_obj(&w, arg))
		return -EFAULT;
	tty_set_winsize(t, &w);
	if (t->driver->resized)
		t->driver->resized(t);
	return 0;
}

static long flush(struct tty *t, u64 which)
{
	if (which > ABI_TCIOFLUSH)
		return -EINVAL;
	if (which == ABI_TCOFLUSH)
		return 0; /* output is handed on at once: nothing waits here */
	mutex_lock(&t->lock);
	ldisc_flush_input_locked(t);
	mutex_unlock(&t->lock);
	return 0;
}

static long flow(struct tty *t, u64 action)
{
	if (action != ABI_TCOOFF && action != ABI_TCOON)
		return action == ABI_TCIOFF || action == ABI_TCION ? 0 : -EINVAL;
	mutex_lock(&t->lock);
	t->stopped = action == ABI_TCOOFF;
	mutex_unlock(&t->lock);
	waitq_wake_all(&t->out_wait);
	return 0;
}

static long readable(struct tty *t, uaddr_t arg)
{
	u32 n;

	mutex_lock(&t->lock);
	n = ldisc_readable_locked(t);
	mutex_unlock(&t->lock);
	return put_user32(arg, n);
}

static long settings_ioctl(struct tty *t, u32 cmd, uaddr_t arg)
{
	size_t old = sizeof(struct abi_termios), new = sizeof(struct abi_termios2);

	switch (cmd) {
	case ABI_TCGETS:
		return get_settings(t, arg, old);
	case ABI_TCGETS2:
		return get_settings(t, arg, new);
	case ABI_TCSETS:
	case ABI_TCSETSW:
		return set_settings(t, arg, old, false);
	case ABI_TCSETSF:
		return set_settings(t, arg, old, true);
	case ABI_TCSETS2:
	case ABI_TCSETSW2:
		return set_settings(t, arg, new, false);
	case ABI_TCSETSF2:
		return set_settings(t, arg, new, true);
	default:
		return -ENOTTY;
	}
}

long tty_common_ioctl(struct tty *t, u32 cmd, uaddr_t arg, bool master)
{
	long r = settings_ioctl(t, cmd, arg);

	if (r != -ENOTTY)
		return r;
	switch (cmd) {
	case ABI_TIOCGWINSZ:
		return get_winsize(t, arg);
	case ABI_TIOCSWINSZ:
		return set_winsize(t, arg);
	case ABI_TCFLSH:
		return flush(t, arg.va);
	case ABI_TCXONC:
		return flow(t, arg.va);
	case ABI_TCSBRK:
	case ABI_TCSBRKP:
		return 0; /* output is drained when written, and there is no line to break */
	case ABI_TIOCOUTQ:
		return put_user32(arg, 0);
	case ABI_TIOCEXCL:
	case ABI_TIOCNXCL:
		return -EINVAL;
	default:
		return tty_job_ioctl(t, cmd, arg, master);
	}
}

long tty_ioctl(struct file *f, u32 cmd, uaddr_t arg)
{
	struct tty *t = f->priv;

	if (t->hung_up)
		return -EIO;
	if (cmd == ABI_FIONREAD)
		return readable(t, arg);
	return tty_common_ioctl(t, cmd, arg, false);
}
