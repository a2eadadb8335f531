/* sandbox.h - what the files of the boot process share; see boot.c for what it is
 *
 * Keys: [I] set before the vCPU threads run; [m] main thread only; [a] atomic; [d] written once by
 * the thread that has .claimed it, read by the main thread once .verdict is set.
 */
#pragma once
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include "abi/control.h"
#include "abi/ring.h"
#include "vmm/kvm/vm.h"
#include "vmm/sandbox/image.h"
#include "vmm/sandbox/setup.h"

#define ASK_FDS_MAX 16u

struct sandbox;

/* A descriptor in the main loop. */
struct source {
	int fd;
	uint32_t events; /* EPOLL* now registered, 0: not registered */
	void (*ready)(struct sandbox *sb, struct source *src, uint32_t events);
};

/* Host descriptors served to the guest. */
struct ask_fd {
	struct source src; /* .fd is -1 once closed */
	uint32_t mode;	   /* S_IFMT of the file */
	uint32_t flags;	   /* ABI_CTL_FD_* */
};

struct ask_slot {
	struct abi_ctl msg; /* private copy of the request */
	bool busy;
	bool waits;   /* for the descriptor to become ready */
	short wanted; /* POLL* it waits for */
};

struct ask {
	struct abi_channel chan;
	struct abi_ring_end req, cpl;
	struct source bell;
	struct ask_fd fd[ASK_FDS_MAX];
	unsigned fd_count;
	struct ask_slot slot[ABI_CTL_SLOTS];
	bool broken;
};

/* Called with the checked reply; text points at its data. */
typedef void (*tell_done)(struct sandbox *sb, void *arg, const struct abi_ctl *reply,
			  const char *text, uint32_t len);

struct tell {
	struct abi_channel chan;
	struct abi_ring_end req, cpl;
	struct source bell;
	struct {
		tell_done done; /* NULL: the slot is free */
		void *arg;
		bool bulk;
	} slot[ABI_CTL_SLOTS];
	bool bulk_busy; /* the data area is in use by one command */
};

enum verdict {
	VERDICT_NONE,
	VERDICT_SHUTDOWN, /* the kernel has ended: .status */
	VERDICT_DIED,	  /* a vCPU cannot go on: .dead_cpu, .why */
};

struct clock_state;

struct sandbox {
	struct vm vm;		 /* [I] */
	struct image image;	 /* [I] */
	struct boot_config conf; /* [I] */
	const uint8_t *spec;	 /* [I] */
	int epoll_fd;		 /* [I] */
	int wake_fd;		 /* [I] eventfd: a verdict fell */
	atomic_flag claimed;	 /* [a] some thread is about to give the verdict */
	atomic_int verdict;	 /* [a] enum verdict */
	int32_t status;		 /* [d] wait status */
	unsigned dead_cpu;	 /* [d] */
	char why[1024];		 /* [d] */
	char *panic_text;	 /* [d] what the kernel wrote in its last hypercall, or NULL */
	uint32_t panic_len;	 /* [d] */
	uint64_t panic_trace[4]; /* [d] */
	struct source wake, control, listen; /* [m] */
	struct ask ask;			     /* [m] */
	struct tell tell;		     /* [m] */
	bool exiting;			     /* [m] the container's init has ended */
	int32_t exit_status;		     /* [m] */
};

/* boot.c */
void sandbox_watch(struct sandbox *sb, struct source *src, uint32_t events);
/* The first vCPU to end the sandbox gets past sandbox_claim(); any other sleeps there for good. */
void sandbox_claim(struct sandbox *sb, struct vcpu *cpu);
void sandbox_verdict(struct sandbox *sb, struct vcpu *cpu, enum verdict verdict)
	__attribute__((noreturn));
void sandbox_finish(struct sandbox *sb) __attribute__((noreturn));
void sandbox_log(struct sandbox *sb, unsigned level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* hypercall.c: run on vCPU threads */
int64_t sandbox_hypercall(struct vcpu *cpu, uint32_t number);
void sandbox_died(struct vcpu *cpu, const char *why) __attribute__((noreturn));
/* Exposed to tests: checks and acts on a copied block. */
int64_t hypercall_dispatch(struct vcpu *cpu, uint32_t number, const struct abi_cpu_block *block);

/* ask.c */
int ask_open(struct sandbox *sb, struct error *err);

/* tell.c */
int tell_open(struct sandbox *sb, struct error *err);
/* Sends a command; data (bulk) is copied to the channel. want: bytes of data the reply may have.
 * 0, or -EBUSY, -E2BIG, -EPIPE. */
int tell_send(struct sandbox *sb, const struct abi_ctl *cmd, const void *data, uint32_t len,
	      uint32_t want, tell_done done, void *arg);

/* serve.c: the control socket and the connections of "runsc debug" */
int serve_open(struct sandbox *sb, struct error *err);

/* clock.c */
int clock_open(struct sandbox *sb, struct error *err);

/* watchdog.c */
int watchdog_open(struct sandbox *sb, struct error *err);

/* report.c */
/* readable: the registers of the dead processor are those of this thread, or it is paused. */
void report_send(struct sandbox *sb, bool readable) __attribute__((noreturn));
void report_cpu(struct sandbox *sb, FILE *out, struct vcpu *cpu);
/* The kernel's text, with a name behind each address that it wrote as "[<0123456789abcdef>]". */
void report_text(struct sandbox *sb, FILE *out, const char *text, uint32_t len);

/* stats.c: "name value" lines; the length. */
unsigned stats_print(struct sandbox *sb, char *buf, unsigned size);
