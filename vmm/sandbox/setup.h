/* setup.h - between the command that starts a sandbox and the boot process
 *
 * Boot is started with these descriptors and nothing else; it opens nothing by name. The config is
 * a memfd: struct boot_config, then the container's spec blob (abi/spec.h). Messages go both ways
 * over the control socket (SOCK_SEQPACKET, one struct boot_msg each), and over connections to the
 * listening socket in the state directory. Both sides are of this program and trust each other's
 * format, but not lengths; boot's words are checked as those of a process that the guest may
 * have taken over: they can end the sandbox and write to its log and report, nothing else.
 */
#pragma once
#include <stdint.h>

enum {
	BOOT_FD_CONTROL = 3, /* socket to the command */
	BOOT_FD_CONFIG,	     /* memfd */
	BOOT_FD_KVM,
	BOOT_FD_LISTEN,	 /* socket of "runsc debug" */
	BOOT_FD_CHANNEL, /* gofer channel 0: its memfd, */
	BOOT_FD_KICK,	 /* the eventfd that the guest rings, */
	BOOT_FD_CALL,	 /* and the one that interrupts the guest */
	BOOT_FD_LOG,	 /* where the kernel's log goes; may be absent */
	BOOT_FD_END
};

#define BOOT_CONFIG_MAGIC 0x746f6f62u

#define BOOT_LOG	    (1u << 0) /* BOOT_FD_LOG is there */
#define BOOT_DEBUG	    (1u << 1)
#define BOOT_STRACE	    (1u << 2)
#define BOOT_STATS	    (1u << 3) /* send statistics at the end */
#define BOOT_STABLE_TSC	    (1u << 4)
#define BOOT_COUNT_HOST	    (1u << 5) /* measuring: no halt polling, no optional timers */
#define BOOT_TTY	    (1u << 6)
#define BOOT_LOG_JSON	    (1u << 7)
#define BOOT_WATCHDOG_PANIC (1u << 8)  /* a stuck processor ends the sandbox */
#define BOOT_PROBE	    (1u << 9)  /* try the KVM before trusting it (--platform=auto) */
#define BOOT_SYSTRAP	    (1u << 10) /* no KVM: BOOT_FD_KVM is absent */
#define BOOT_NO_PATCH	    (1u << 11) /* systrap: call sites stay as they are */

struct boot_config {
	uint32_t magic;
	uint32_t flags;
	uint32_t cpus;
	uint32_t spec_size; /* bytes of the blob behind this struct */
	uint64_t ram_limit;
	uint64_t pids_limit;
};

enum boot_msg_type {
	/* boot to the command */
	BOOT_MSG_ERROR = 1, /* text: why it cannot run; value: exit status */
	BOOT_MSG_EXIT,	    /* value: wait status of the container's init */
	BOOT_MSG_PANIC,	    /* text: one line; the report came before */
	BOOT_MSG_REPORT,    /* text: a part of the report */
	BOOT_MSG_STATS,	    /* text: a part of the statistics */
	BOOT_MSG_SYSTRAP,   /* KVM failed its probe (the log says how): it goes on without */
	/* the command to boot */
	BOOT_MSG_SIGNAL, /* value: signal for the container's init */
	BOOT_MSG_WINCH,	 /* value: rows | cols << 16 */
	/* "runsc debug" to boot: answered by BOOT_MSG_TEXT parts and BOOT_MSG_DONE */
	BOOT_MSG_GET_STATS,
	BOOT_MSG_GET_STACKS,
	BOOT_MSG_GET_PS,
	BOOT_MSG_SET_STRACE, /* value: 0 or 1 */
	BOOT_MSG_TEXT,
	BOOT_MSG_DONE, /* value: 0 or negative errno */
};

#define BOOT_MSG_TEXT_MAX 16384u

struct boot_head {
	uint32_t type;
	int32_t value;
	uint32_t len; /* of the text that follows */
};

struct boot_msg {
	struct boot_head head;
	char text[BOOT_MSG_TEXT_MAX];
};
_Static_assert(__builtin_offsetof(struct boot_msg, text) == 12, "message layout");

/* Sends a message, its text cut into as many as needed. 0 or -1 with errno. */
int boot_send(int fd, enum boot_msg_type type, int32_t value, const char *text, uint32_t len);

/* Receives one message. 1; 0 at end of file; -1 with errno (EPROTO: malformed). */
int boot_recv(int fd, struct boot_msg *msg, int flags);
