/* gofer/gofer.h - starting the file server; see serve.c for what it is */
#pragma once
#include <stdbool.h>

struct gofer_mount {
	int fd;		/* an open (O_PATH will do) directory or file: the mount's root */
	bool readonly;	/* every operation that writes answers EROFS */
	bool exclusive; /* told to the guest: nobody else changes it */
};

struct gofer_config {
	int channel_fd; /* memfd, sealed with F_SEAL_SHRINK | F_SEAL_GROW, abi_gofer_format()ed */
	int kick_fd;	/* eventfd: the guest's doorbell (ioeventfd) */
	int call_fd;	/* eventfd: ours to the guest (irqfd) */
	int control_fd; /* the end of file (or a hang-up) there ends the server */
	const struct gofer_mount *mounts;
	unsigned mount_count;
	unsigned workers; /* threads that serve; 0: as many as is usual */
	bool allow_mknod; /* the container may create device nodes */
	bool confine;	  /* shed rights first (jail.c); false only in tests */
};

/* Runs the server on the calling thread and its workers until control_fd ends or the guest breaks
 * the protocol. Takes the descriptors over. What is wrong is said on stderr in one line.
 * Confined it does not return once it serves: the process ends with status 0, or 1 for a broken
 * guest. Otherwise: 0, or a negative errno (-EPROTO: the guest broke the protocol). */
int gofer_serve(const struct gofer_config *cfg);
