/* internal.h - between the files of signal/ */
#pragma once
#include "ksignal.h"

struct sigqueue_entry {
	TAILQ_ENTRY(sigqueue_entry) link; /* [s] */
	struct abi_siginfo info;
};

#define SIGSET_SYNC                                                                            \
	(SIGBIT(ABI_SIGSEGV) | SIGBIT(ABI_SIGBUS) | SIGBIT(ABI_SIGILL) | SIGBIT(ABI_SIGTRAP) | \
	 SIGBIT(ABI_SIGFPE) | SIGBIT(ABI_SIGSYS))
#define SIGSET_STOP \
	(SIGBIT(ABI_SIGSTOP) | SIGBIT(ABI_SIGTSTP) | SIGBIT(ABI_SIGTTIN) | SIGBIT(ABI_SIGTTOU))
#define SIGSET_IGNORED \
	(SIGBIT(ABI_SIGCHLD) | SIGBIT(ABI_SIGCONT) | SIGBIT(ABI_SIGURG) | SIGBIT(ABI_SIGWINCH))
#define SIGSET_CORE                                                                             \
	(SIGBIT(ABI_SIGQUIT) | SIGBIT(ABI_SIGILL) | SIGBIT(ABI_SIGTRAP) | SIGBIT(ABI_SIGABRT) | \
	 SIGBIT(ABI_SIGFPE) | SIGBIT(ABI_SIGSEGV) | SIGBIT(ABI_SIGBUS) | SIGBIT(ABI_SIGSYS) |   \
	 SIGBIT(ABI_SIGXCPU) | SIGBIT(ABI_SIGXFSZ))
#define SIGSET_UNBLOCKABLE (SIGBIT(ABI_SIGKILL) | SIGBIT(ABI_SIGSTOP))

/* Adds to a pending set. Legacy signals are kept once; a real-time signal without memory for its
 * information is -EAGAIN if it came by sigqueue. At most `limit` keep their information. [s] */
int sigpending_add(struct sigpending *p, int sig, const struct abi_siginfo *info, u64 limit);
/* Takes one instance of sig: fills info, clears the bit if it was the last. [s] */
void sigpending_take(struct sigpending *p, int sig, struct abi_siginfo *info);
void sigpending_remove(struct sigpending *p, u64 set);
/* The next signal that mask lets through, from the task's then the process's set; 0: none. [s] */
int signal_dequeue_locked(struct task *t, u64 mask, struct abi_siginfo *info);
bool signal_is_ignored(const struct proc *p, int sig); /* [s] */
/* Stops the current thread until SIGCONT or a kill; called with [s] held, returns without. */
void signal_stop_self(void);
/* A stop signal was taken by the current thread: the process stops. [s] held. */
void signal_group_stop_locked(struct proc *p, int sig);
/* SIGCONT: the process goes on. [s] held. */
void signal_continue_locked(struct proc *p);
/* Settles an interrupted call: handler says whether a handler will run, and with which flags. */
void signal_restart_call(struct task *t, long result, bool handler, u64 sa_flags);
/* Signals of set are pending at the process and this thread blocks them now: wake others. [s] */
void signal_retarget_locked(struct proc *p, u64 set);
