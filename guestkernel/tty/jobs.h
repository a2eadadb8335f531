/* jobs.h - terminals and sessions, for tty/ only */
#pragma once
#include "tty/tty.h"

/* To the foreground group, if there is one. tty->lock not held. */
void tty_signal_foreground(struct tty *t, int sig);
/* The session loses its terminal: SIGHUP and SIGCONT to its leader and foreground group. */
void tty_hangup_session(struct tty *t);
/* A background process that reads, or changes what only the foreground may: sends sig to its group
 * and answers -ERESTARTSYS, or -EIO if that would be for nothing. 0: it may go on. */
int tty_check_background(struct tty *t, int sig);
/* -ENOTTY if it is none of these; master: asked through a pseudo-terminal's other side. */
long tty_job_ioctl(struct tty *t, u32 cmd, uaddr_t arg, bool master);
/* The controlling terminal of the caller, with a reference, or null: /dev/tty. */
struct tty *tty_of_session(void);
