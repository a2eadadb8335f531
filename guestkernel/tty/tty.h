/* tty.h - terminals: line discipline, job control (tty/)
 *
 * A struct tty is what programs open; a driver is behind it: the host's terminal (hosttty.c) or the
 * master side of a pseudo-terminal (pty.c). Lock key: [l] tty->lock (mutex), [t] tasklist_lock. */
#pragma once
#include "abi/linux/termios.h"
#include "task.h"
#include "vfs.h"

#define TTY_BUF 4096u

struct tty;
struct tty_driver {
	/* Takes output bytes; returns how many, 0 if it is full (the writer waits on
	 * tty->out_wait). tty->lock held; must not sleep for long. */
	size_t (*write)(struct tty *t, const u8 *buf, size_t n);
	void (*resized)(struct tty *t);
	void (*settings)(struct tty *t);
	void (*free)(struct tty *t); /* last reference went */
};
struct tty {
	a32_t refs;
	const struct tty_driver *driver; /* [I] */
	void *priv;			 /* [I] driver's */
	u64 rdev;			 /* [I] */
	char name[16];			 /* [I] "pts/3", "console" */
	struct mutex lock;
	struct abi_termios2 tio;    /* [l] */
	struct abi_winsize win;	    /* [l] */
	u8 buf[TTY_BUF];	    /* [l] input: complete lines, then the line being edited */
	u64 eof_mark[TTY_BUF / 64]; /* [l] bit per byte of buf: an end of file, not a character */
	u32 head, tail;		    /* [l] free-running: read at tail, written at head */
	u32 lines_end;		    /* [l] canonical: [tail, lines_end) is complete lines */
	u32 column;		    /* [l] of the cursor, for tabs and erasing */
	bool stopped;		    /* [l] by ^S */
	bool hung_up;		    /* [l] */
	bool lnext;		    /* [l] ^V was typed */
	struct waitq in_wait, out_wait;
	struct session *session;   /* [t] whose controlling terminal it is */
	struct pgrp *foreground;   /* [t] holds a reference */
	u32 drops;		   /* [t] references of ended sessions, to be dropped by qhead */
	struct quiesce_head qhead; /* queued if drops is not 0 */
};

void tty_setup(struct tty *t, const struct tty_driver *d, void *priv);
static inline void tty_get(struct tty *t)
{
	ref_get(&t->refs);
}
void tty_put(struct tty *t);
/* Input from the driver; tty->lock not held. Returns how many were taken (all, but for a full
 * buffer in canonical mode, where more are dropped as Linux does). */
void tty_receive(struct tty *t, const u8 *buf, size_t n);
/* The line is gone: readers get the end of file, writers EIO, the session SIGHUP. */
void tty_hangup(struct tty *t);
void tty_set_winsize(struct tty *t, const struct abi_winsize *w); /* SIGWINCH if it changed */
/* Makes it the controlling terminal of the current session, if that may be. */
int tty_make_controlling(struct tty *t, bool force);

/* file_ops of the program's side; f->priv is a struct tty with a reference. */
ssize_t tty_read(struct file *f, struct iter *to, loff_t *pos);
ssize_t tty_write(struct file *f, struct iter *from, loff_t *pos);
u32 tty_poll(struct file *f, struct poll_table *pt);
long tty_ioctl(struct file *f, u32 cmd, uaddr_t arg);
void tty_release(struct file *f);
long tty_common_ioctl(struct tty *t, u32 cmd, uaddr_t arg, bool master);
/* ldisc.c */
void ldisc_receive_locked(struct tty *t, const u8 *buf, size_t n, u32 *signals);
size_t ldisc_output_locked(struct tty *t, const u8 *buf, size_t n);
u32 ldisc_readable_locked(const struct tty *t);
size_t ldisc_read_locked(struct tty *t, u8 *buf, size_t n);
void ldisc_flush_input_locked(struct tty *t);
void ldisc_mode_changed_locked(struct tty *t, u32 old_lflag);
