/* pid.h - process numbers, for task/ and signal/ only
 *
 * A number is taken as long as a task, a process group or a session bears it. Lock key: [t]
 * tasklist_lock, [I], [q] read under quiescence. */
#pragma once
#include "task.h"

#define PID_MAX	 32768u /* numbers are below it */
#define PID_HASH 1024u

struct pid {
	a32_t refs;
	u32 nr;			     /* [I] */
	struct pid *next;	     /* [q][t] hash chain */
	struct task *task;	     /* [q][t] the thread with this number */
	struct pgrp *pgrp;	     /* [t] */
	struct session *session;     /* [t] */
	struct container *container; /* [I] */
	struct quiesce_head qhead;
};

struct pidmap {
	u64 used[PID_MAX / 64];	    /* [t] */
	u32 last;		    /* [t] */
	struct pid *hash[PID_HASH]; /* [q][t] */
};

struct pidmap *pidmap_new(void) must_check;
void pidmap_free(struct pidmap *m);
struct pid *pid_alloc(struct container *c) must_check; /* a reference, or null: none left */
void pid_get(struct pid *p);
void pid_put(struct pid *p); /* tasklist_lock not held */
void pid_put_locked(struct pid *p);
struct pid *pid_find(struct container *c, u32 nr); /* [t], or a quiescent read */
