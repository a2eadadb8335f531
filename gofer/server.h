/* gofer/server.h - what the files of the server share
 *
 * Lock key: [I] written before the workers start; [r] srv->rx; [x] srv->tx; [t] srv->table;
 * [d] the handle's stripe of srv->dir; [a] atomic; [w] the worker's own. Order: none nests in
 * another. */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "abi/gofer.h"
#include "abi/ring.h"
#include "gofer/gofer.h"

#define GOFER_WORKERS_MAX 8
#define GOFER_DIR_LOCKS	  16
/* The longest `in` that is copied: a name and the value of an extended attribute. */
#define GOFER_IN_MAX (ABI_GOFER_NAME_MAX + 1 + ABI_GOFER_XATTR_MAX)

struct gofer_server;

/* A handle's life: free -> referenced by the guest (refs counts it once) and by requests that use
 * it -> closed by the guest (no longer found) -> free when the last request lets go. */
struct gofer_handle {
	uint64_t dir_pos; /* [d] cookie that the descriptor stands at */
	uint32_t gen;	  /* [t] 1..65535 */
	uint32_t refs;	  /* [t] 0: free */
	uint32_t next;	  /* [t] free list */
	int fd;		  /* [I] while referenced: O_PATH, or the open file */
	int io;		  /* [t] path handle: read-only descriptor opened at first use, or -1 */
	uint16_t mount;	  /* [I] while referenced */
	uint16_t type;	  /* [I] S_IFMT bits */
	uint8_t open;	  /* [I] ABI_GOFER_O_READ | WRITE | APPEND, 0: a path handle */
	bool dead_end;	  /* [I] shown as empty: the host's procfs */
	bool live;	  /* [t] the guest has it */
};

struct gofer_worker {
	struct gofer_server *srv; /* [I] */
	pthread_t thread;	  /* [I] */
	int epfd;		  /* [I] */
	unsigned empty;		  /* [w] doorbells in a row that brought nothing */
	struct abi_gofer_request q;
	struct abi_gofer_reply r;
	uint8_t in[GOFER_IN_MAX];	       /* [w] private copy of the request's `in` */
	_Alignas(16) uint8_t dents[32768];     /* [w] of getdents64 */
	char name[2][ABI_GOFER_NAME_MAX + 1];  /* [w] */
	char target[ABI_GOFER_TARGET_MAX + 1]; /* [w] */
};

struct gofer_server {
	struct abi_channel chan;    /* [I] */
	struct gofer_mount *mounts; /* [I] */
	unsigned mount_count;	    /* [I] */
	unsigned worker_count;	    /* [I] */
	int kick_fd;		    /* [I] */
	int call_fd;		    /* [I] */
	int control_fd;		    /* [I] */
	int stop_fd;		    /* [I] eventfd, readable for good once stopping */
	int proc_fd;		    /* [I] the directory of our own descriptors */
	bool allow_mknod;	    /* [I] */
	bool confined;		    /* [I] */
	uint64_t spin_ns;	    /* [I] how long a worker polls before it sleeps */
	uint32_t handle_cap;	    /* [I] */
	int stopping;		    /* [a] 0, 1, or a negative errno */
	pthread_mutex_t rx;	    /* the request ring's consumer end */
	pthread_mutex_t tx;	    /* the completion ring's producer end */
	pthread_mutex_t table;	    /* handles */
	pthread_mutex_t dir[GOFER_DIR_LOCKS];
	struct abi_ring_end req;		  /* [r] */
	struct abi_ring_end cpl;		  /* [x] */
	uint64_t busy[ABI_RING_ENTRIES_MAX / 64]; /* [a] slots in flight */
	uint32_t handle_top;			  /* [t] indices never used start here */
	uint32_t handle_free;			  /* [t] head of the free list, 0: empty */
	uint32_t handle_count;			  /* [t] */
	struct gofer_handle *handles; /* [I] the array; handle_cap + 1 of them, index 0 unused */
	struct gofer_worker *workers; /* [I] */
};

/* serve.c, also used by the tests and the fuzzer */
int gofer_server_open(struct gofer_server *srv, const struct gofer_config *cfg);
void gofer_server_close(struct gofer_server *srv);
int gofer_server_run(struct gofer_server *srv);

/* dispatch.c: serves one request, w->q, into w->r. */
void gofer_dispatch(struct gofer_worker *w);

/* handle.c */
int gofer_handle_new(struct gofer_server *srv, int fd, unsigned mount, unsigned type, unsigned open,
		     bool dead_end, uint32_t *out);
struct gofer_handle *gofer_handle_get(struct gofer_server *srv, uint32_t handle);
void gofer_handle_put(struct gofer_server *srv, struct gofer_handle *h);
int gofer_handle_close(struct gofer_server *srv, uint32_t handle);
int gofer_handle_io(struct gofer_server *srv, struct gofer_handle *h);
pthread_mutex_t *gofer_handle_dir_lock(struct gofer_server *srv, struct gofer_handle *h);

/* path.c: the only places where a name or a descriptor becomes another descriptor. */
int gofer_open_child(int dirfd, const char *name, uint64_t flags, uint64_t mode);
int gofer_reopen(struct gofer_server *srv, int fd, int flags);
char *gofer_fd_name(int fd, char buf[12]);
int gofer_stat(int fd, const char *name, struct abi_gofer_attr *attr);
int gofer_host_flags(unsigned open_flags);
bool gofer_is_procfs(int fd); /* op_path.c */
int gofer_in_name(struct gofer_worker *w, uint32_t *pos, unsigned which);
void *gofer_out(struct gofer_worker *w);

/* jail.c, filter.c */
int gofer_jail_mounts(struct gofer_server *srv);
int gofer_jail_enter(struct gofer_server *srv, const struct gofer_config *cfg);
int gofer_filter_load(const struct gofer_server *srv);

typedef int gofer_op_fn(struct gofer_worker *w, struct gofer_handle *h);
gofer_op_fn gofer_op_attach, gofer_op_walk, gofer_op_getattr, gofer_op_open, gofer_op_readlink,
	gofer_op_statfs, gofer_op_close, gofer_op_close_batch;
gofer_op_fn gofer_op_create, gofer_op_mkdir, gofer_op_mknod, gofer_op_symlink, gofer_op_link,
	gofer_op_rename, gofer_op_unlink, gofer_op_rmdir, gofer_op_setattr;
gofer_op_fn gofer_op_read, gofer_op_write, gofer_op_readdir, gofer_op_fsync, gofer_op_fallocate,
	gofer_op_lseek, gofer_op_syncfs;
gofer_op_fn gofer_op_fetch, gofer_op_getxattr, gofer_op_setxattr, gofer_op_listxattr,
	gofer_op_removexattr;
