/* pipe.h - what fcntl, splice and tests ask of pipes (ipc/pipe.c) */
#pragma once
#include "vfs.h"

bool file_is_pipe(const struct file *f);
long pipe_get_size(struct file *f);	      /* F_GETPIPE_SZ */
long pipe_set_size(struct file *f, u64 size); /* F_SETPIPE_SZ */
/* Copies up to n bytes without taking them; 0 if empty. f reads from a pipe. */
int pipe_wait_data(struct file *f, bool nonblock) must_check; /* 0: some, or the end */
size_t pipe_room(struct file *f);			      /* bytes a write would not wait for */
size_t pipe_peek(struct file *f, void *buf, size_t n);
