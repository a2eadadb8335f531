/* unix.h - AF_UNIX sockets (unix(7)), for socket/ only
 *
 * Lock key: [l] sock->lock (mutex, RANK_SOCK), [I], [a]. Two sockets are locked in the order of
 * their addresses (unix_lock_two). A message waits in the receiver's queue. */
#pragma once
#include "abi/linux/socket.h"
#include "vfs.h"

#define UNIX_BUF_DEFAULT 212992u
#define UNIX_BUF_MAX	 (4u << 20)
#define UNIX_CHUNK	 32768u /* a stream's write is cut in messages of this size */
#define UNIX_DGRAM_QUEUE 512u	/* messages of a datagram socket */

/* What travels beside the bytes. */
struct scm {
	struct abi_ucred cred;
	bool has_cred;		 /* the sender's are known (always here) */
	struct scm_files *files; /* null: none */
};

/* Descriptors that travel: references, which scm_drop ends. */
struct scm_files {
	struct scm_files *next; /* of those that are being let go of */
	u32 n, room;
	struct file *file[];
};

struct umsg {
	TAILQ_ENTRY(umsg) link; /* [l] of the receiver */
	size_t len, off;	/* off: read so far */
	struct scm scm;
	u16 from_len; /* sender's address */
	struct abi_sockaddr_un from;
	u8 data[];
};
TAILQ_HEAD(umsg_list, umsg);

enum sock_state { SOCK_UNBOUND, SOCK_LISTENING, SOCK_CONNECTED, SOCK_CLOSED };

struct sock {
	a32_t refs;
	u8 type;	       /* [I] ABI_SOCK_* */
	u8 state;	       /* [l] enum sock_state */
	bool rd_shut, wr_shut; /* [l] */
	bool hung_up;	       /* [l] the peer has gone */
	bool passcred;	       /* [l] */
	bool binding;	       /* names.c's lock: a path's name is being made */
	int error;	       /* [l] SO_ERROR: told once */
	struct mutex lock;
	struct sock *peer;	      /* [l] holds a reference */
	struct umsg_list rx;	      /* [l] */
	size_t rx_bytes;	      /* [l] */
	u32 rx_count;		      /* [l] */
	size_t rx_limit;	      /* [l] */
	size_t tx_limit;	      /* [l] SO_SNDBUF, told back; the receiver's limit counts */
	u64 rcv_timeout, snd_timeout; /* [l] ns, 0: none */
	struct waitq wait;	      /* readers and pollers of this socket */
	struct waitq room;	      /* senders that wait for room in rx */
	struct abi_ucred cred; /* [I] of who made (or connected) it: SO_PEERCRED of the peer */
	/* listening */
	TAILQ_HEAD(sock_list, sock) backlog; /* [l] connections not accepted yet */
	TAILQ_ENTRY(sock) backlog_link;	     /* [l] of the listener */
	u32 backlog_len, backlog_max;	     /* [l] */
	/* name */
	u16 addr_len;		     /* [l] and names.c's lock; with the family; 2: none */
	struct abi_sockaddr_un addr; /* likewise */
	struct path bound;	     /* names.c's lock; of a bound path: holds references */
	struct sock *name_next;	     /* table of abstract names */
};

struct sock *sock_new(int type);
static inline void sock_get(struct sock *s)
{
	ref_get(&s->refs);
}
void sock_put(struct sock *s);
void sock_close(struct sock *s);
void sock_lock_two(struct sock *a, struct sock *b);
void sock_unlock_two(struct sock *a, struct sock *b);
int sock_file(struct sock *s, u32 flags, struct file **out); /* consumes s on success */
struct sock *sock_of(struct file *f);			     /* null: not a socket */
/* A descriptor's socket, fd_put the reference afterwards; null with *err set. */
struct sock *sock_from_fd(int fd, struct fdref *r, long *err);
/* The peer with a reference, or null. */
struct sock *sock_peer(struct sock *s);
void sock_own_cred(struct abi_ucred *c);

struct send_args {
	struct iter *data;
	int flags; /* ABI_MSG_* */
	bool nonblock;
	struct scm *scm; /* consumed when a message was queued, else the caller's */
	struct sock *to; /* datagram destination, or null: the peer */
};
ssize_t sock_send(struct sock *s, struct send_args *a);
struct recv_args {
	struct iter *data;
	int flags;
	bool nonblock;
	struct scm scm; /* out: the caller drops it (scm_drop) */
	u32 out_flags;	/* out: ABI_MSG_TRUNC */
	u16 from_len;	/* out */
	struct abi_sockaddr_un from;
};
ssize_t sock_recv(struct sock *s, struct recv_args *a);
void umsg_free(struct umsg *m);
bool sock_takes(const struct sock *s); /* [l] held: a poller may be told of room in its queue */
void sock_wake_writers(struct sock *s);

/* scm.c: control messages */
int scm_parse(struct scm *s, uaddr_t control, u64 len); /* 0 or negative errno */
/* Writes what arrived; *len: room, then used. Sets ABI_MSG_CTRUNC in *flags. */
int scm_deliver(struct sock *s, struct scm *c, uaddr_t control, u64 *len, u32 *flags, bool cloexec);
void scm_drop(struct scm *s);
int scm_copy(struct scm *to, const struct scm *from); /* MSG_PEEK: references of its own */

/* names.c */
int sock_bind(struct sock *s, const struct abi_sockaddr_un *a, u32 len);
/* The socket with that address, with a reference. */
int sock_find(const struct abi_sockaddr_un *a, u32 len, int type, struct sock **out);
void sock_unname(struct sock *s);
int sock_connect(struct sock *s, const struct abi_sockaddr_un *a, u32 len, bool nonblock);
int sock_listen(struct sock *s, int backlog);
int sock_accept(struct sock *s, bool nonblock, struct sock **out);
/* Copies an address in: its length, or negative errno. */
int addr_in(struct abi_sockaddr_un *a, uaddr_t uaddr, int len);
int addr_out(uaddr_t uaddr, uaddr_t ulen, const struct abi_sockaddr_un *a, u32 len);
