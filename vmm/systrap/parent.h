/* parent.h - the process that stubs are forked from; see parent.c */
#pragma once
#include "vmm/util/error.h"

struct stub_parent {
	int ram_fd, areas_fd, orders_fd; /* borrowed */
	const int *done_fd;		 /* [cpu], borrowed */
	unsigned cpus;
	int ask_fd, answer_fd; /* out: pipes to it and from it */
};

int stub_parent_start(struct stub_parent *p, struct error *err);
/* Its filter of system calls, from here on. It has no_new_privs already. */
int stub_parent_lock(void);
