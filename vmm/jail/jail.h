/* jail.h - the rights of the processes that face the guest; see spawn.c */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include <stdint.h>
#include "vmm/util/error.h"

struct jail_program {
	const char *verb;	 /* "boot" or "gofer": argv[1] */
	int exe_fd;		 /* the program; 0: this one again */
	const char *const *args; /* further arguments, NULL-terminated, or NULL */
	const int *fds;		 /* fds[i] becomes descriptor i; -1: closed */
	unsigned nr_fds;
	bool file_rights; /* the file server: keeps the caller's ids and file capabilities */
	const char *const *mounts; /* paths, opened without access at nr_fds... */
	unsigned nr_mounts;
};

struct jail_process {
	pid_t pid;
	int pidfd;
	int report_fd; /* end of file once it runs; before that, an error */
};

/* Starts this program again under the first set of restrictions. jail_started() must follow; the
 * time between is the caller's to use. */
int jail_start(const struct jail_program *prog, struct jail_process *proc, struct error *err);
int jail_started(struct jail_process *proc, struct error *err);

/* Ends the process if it still runs, and reaps it. Its wait status, or -1 if there is none. */
int jail_end(struct jail_process *proc, bool kill_it);

/* The second set: from here on the calling process and all its threads may make the system calls
 * of the list in filtergen.c only. */
int jail_lock_boot(bool systrap, struct error *err);
