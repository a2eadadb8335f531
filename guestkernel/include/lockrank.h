/* lockrank.h - the one global lock order (docs/LOCKING.md explains it)
 *
 * A lock may be taken only while all locks held by this task (mutexes) and this CPU (spinlocks)
 * have a lower rank. Spinlocks come after every mutex. Equal ranks: only by the *_nested calls,
 * whose order rule stands beside the call. Debug builds check every acquisition. */
#pragma once

enum lock_rank {
	/* mutexes: the holder may sleep */
	RANK_EXEC = 10,	     /* proc->exec_lock: exec, and who must not race it */
	RANK_RENAME = 15,    /* sb->rename_lock: directory renames of a file system */
	RANK_FILE_POS = 18,  /* file->pos_lock */
	RANK_PROC_TEXT = 19, /* a generated text of an open file */
	RANK_INODE_DIR = 20, /* inode->lock of directories; parent before child (nested) */
	RANK_INODE = 22,     /* inode->lock of files */
	RANK_OVL_COPY = 24,  /* an overlay's copy-up: below its inodes, above the layers' */
	RANK_LAYER_DIR = 26, /* inode->lock in an overlay's layer: taken under the overlay's */
	RANK_LAYER = 27,
	RANK_EPOLL = 28, /* the files that it watches are asked with it held */
	RANK_PIPE = 30,	 /* pipe->lock */
	RANK_SOCK_NAMES = 31,
	RANK_SOCK = 32, /* AF_UNIX; lower address first (nested) */
	RANK_TTY = 36,
	RANK_PATCH = 38,   /* a machine changes program text */
	RANK_MM = 40,	   /* mm->lock; parent before child at fork (nested) */
	RANK_MAPPING = 45, /* mapping->lock: page-cache index, sleeping part */
	RANK_GOFER = 50,
	RANK_MOUNTNS = 52,
	/* spinlocks */
	RANK_MM_PT = 100, /* mm->pt_lock: page-table leaves */
	RANK_MAPPING_TREE = 105,
	RANK_FILES = 110, /* files->lock: descriptor table */
	RANK_NAMES = 112, /* names_seq: who moves entries or mounts */
	RANK_FLOCK = 113,
	RANK_DENTRY_HASH = 115,
	RANK_DENTRY = 120, /* dentry->lock; parent before child (nested) */
	RANK_INODE_HASH = 122,
	RANK_LRU = 125,
	RANK_TASKLIST = 130, /* pid tables, parent/child links, groups, sessions */
	RANK_SIGHAND = 135,  /* proc->sig_lock */
	RANK_FUTEX = 140,    /* hash bucket; lower address first (nested) */
	RANK_WAITQ = 150,
	RANK_EPOLL_READY = 152, /* ready lists; small counters of event/ */
	RANK_TIMER = 155,
	RANK_RUNQ = 160, /* lower CPU number first (nested) */
	RANK_QUIESCE = 165,
	RANK_SLAB = 170,
	RANK_FRAMES = 175,
	RANK_CHANNEL = 180,
	RANK_LOG = 190,
};
