/* pty.h - pseudo-terminals, for tty/ only */
#pragma once
#include "tty/tty.h"

#define PTY_MAX 1024u
#define PTY_OUT 4096u

/* Lock key: [o] out_lock, [l] the tty's lock, [p] pty_lock, [I], [a]. */
struct pty {
	struct tty tty;	       /* the program's side; its references are the pair's */
	struct superblock *sb; /* [I] the devpts it belongs to; compared only */
	u32 index;	       /* [I] */
	u32 uid, gid;	       /* [I] of who opened the master */
	bool locked;	       /* [a] until unlockpt */
	bool master_gone;      /* [p] */
	u32 slaves;	       /* [p] open files of the program's side */
	bool was_open;	       /* [p] the program's side has been open once */
	struct spinlock out_lock;
	u32 head, tail;		  /* [o] free-running: what the master has to read */
	struct waitq master_wait; /* the master's readers */
	u8 out[PTY_OUT];	  /* [o] */
};

int pty_new(struct superblock *sb, struct pty **out);
/* The pair with that number in sb, with a reference, or null. */
struct pty *pty_find(struct superblock *sb, u32 index);
u32 pty_next(struct superblock *sb, u32 from); /* lowest number >= from, ~0 for none */
int pty_slave_open(struct pty *p, struct file *f);
extern const struct file_ops pty_master_ops, pty_slave_ops;
