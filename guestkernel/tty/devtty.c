/* devtty.c - /dev/tty: the controlling terminal under a name of its own (tty(4)) */
#include "fs/dev/dev.h"
#include "init.h"
#include "tty/jobs.h"

static int devtty_open(struct inode *inode, struct file *f)
{
	struct tty *t = tty_of_session();

	if (!t)
		return -ENXIO;
	f->priv = t; /* the reference goes with it */
	return 0;
}

static const struct file_ops devtty_ops = {
	.open = devtty_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};

void tty_init(void)
{
	devpts_init();
	device_register(ABI_S_IFCHR, DEV_TTY_MAJOR, DEV_TTY, 1, &devtty_ops);
}
