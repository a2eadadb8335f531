/* state.h - the directory in which a running container is found by its ID
 *
 *   ROOT/ID/lock   held (flock) by the command that runs the container, for its whole life
 *   ROOT/ID/ctl    the boot process's socket
 *
 * A directory whose lock nobody holds is left over from a command that was killed; it is removed
 * by the next command that comes across it.
 */
#pragma once
#include <limits.h>
#include <sys/types.h>
#include "vmm/util/error.h"

#define STATE_ID_MAX 128

struct state {
	char dir[PATH_MAX];
	int dir_fd;  /* -1: none */
	int lock_fd; /* held while the container lives */
};

/* --root's default: $XDG_RUNTIME_DIR/runsc for ordinary users, else /run/runsc. */
const char *state_default_root(char *buf, size_t size);

/* Letters, digits and "_+-." (not only dots), at most STATE_ID_MAX. */
int state_check_id(const char *id, struct error *err);

/* Takes the ID: creates its directory and holds its lock. */
int state_create(struct state *st, const char *root, const char *id, struct error *err);

/* Removes the directory and lets the ID go. Harmless on a state that holds nothing. */
void state_remove(struct state *st);

/* A listening socket ROOT/ID/ctl. */
int state_listen(struct state *st, int *fd, struct error *err);

/* Connects to the boot process of a running container. */
int state_connect(const char *root, const char *id, int *fd, struct error *err);
