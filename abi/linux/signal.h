/* signal.h - signals: numbers, sets, actions, siginfo (signal(7), sigaction(2), sigaltstack(2))
 *
 * The frame that a handler finds on its stack is the architecture's: <abi_arch/sigframe.h>.
 */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

#define ABI_SIGHUP    1
#define ABI_SIGINT    2
#define ABI_SIGQUIT   3
#define ABI_SIGILL    4
#define ABI_SIGTRAP   5
#define ABI_SIGABRT   6
#define ABI_SIGBUS    7
#define ABI_SIGFPE    8
#define ABI_SIGKILL   9
#define ABI_SIGUSR1   10
#define ABI_SIGSEGV   11
#define ABI_SIGUSR2   12
#define ABI_SIGPIPE   13
#define ABI_SIGALRM   14
#define ABI_SIGTERM   15
#define ABI_SIGSTKFLT 16
#define ABI_SIGCHLD   17
#define ABI_SIGCONT   18
#define ABI_SIGSTOP   19
#define ABI_SIGTSTP   20
#define ABI_SIGTTIN   21
#define ABI_SIGTTOU   22
#define ABI_SIGURG    23
#define ABI_SIGXCPU   24
#define ABI_SIGXFSZ   25
#define ABI_SIGVTALRM 26
#define ABI_SIGPROF   27
#define ABI_SIGWINCH  28
#define ABI_SIGIO     29
#define ABI_SIGPWR    30
#define ABI_SIGSYS    31
#define ABI_SIGRTMIN  32 /* the kernel's: libc keeps the first two or three for itself */
#define ABI_SIGRTMAX  64
#define ABI_NSIG      64

/* A set of signals: bit n-1 stands for signal n. */
typedef uint64_t abi_sigset;
#define ABI_SIGSET_SIZE 8
#define ABI_SIGBIT(sig) (UINT64_C(1) << ((sig)-1))

#define ABI_SIG_BLOCK	0
#define ABI_SIG_UNBLOCK 1
#define ABI_SIG_SETMASK 2

#define ABI_MINSIGSTKSZ 2048 /* the least that sigaltstack takes */

#define ABI_SIG_DFL 0
#define ABI_SIG_IGN 1

struct abi_sigaction {
	uint64_t handler;
	uint64_t flags;
	uint64_t restorer;
	abi_sigset mask;
};
ABI_CHECK_SIZE(struct abi_sigaction, 32);
ABI_CHECK_AT(struct abi_sigaction, mask, 24);

#define ABI_SA_NOCLDSTOP      0x00000001u
#define ABI_SA_NOCLDWAIT      0x00000002u
#define ABI_SA_SIGINFO	      0x00000004u
#define ABI_SA_UNSUPPORTED    0x00000400u
#define ABI_SA_EXPOSE_TAGBITS 0x00000800u
#define ABI_SA_RESTORER	      0x04000000u
#define ABI_SA_ONSTACK	      0x08000000u
#define ABI_SA_RESTART	      0x10000000u
#define ABI_SA_NODEFER	      0x40000000u
#define ABI_SA_RESETHAND      0x80000000u

struct abi_stack {
	uint64_t ss_sp;
	int32_t ss_flags;
	int32_t pad;
	uint64_t ss_size;
};
ABI_CHECK_SIZE(struct abi_stack, 24);
ABI_CHECK_AT(struct abi_stack, ss_flags, 8);
ABI_CHECK_AT(struct abi_stack, ss_size, 16);

#define ABI_SS_ONSTACK	  1
#define ABI_SS_DISABLE	  2
#define ABI_SS_AUTODISARM (1u << 31)

/* The union's members, without the prefix si_ (libc has macros of those names).
 * Only those that the kernel fills; the rest of the 128 bytes is zero. */
struct abi_siginfo {
	int32_t si_signo;
	int32_t si_errno;
	int32_t si_code;
	int32_t pad0;
	union {
		struct { /* kill, tgkill, sigqueue */
			int32_t pid;
			uint32_t uid;
			uint64_t value;
		} rt;
		struct { /* timers */
			int32_t tid;
			int32_t overrun;
			uint64_t value;
			int32_t sys_private;
		} timer;
		struct { /* SIGCHLD */
			int32_t pid;
			uint32_t uid;
			int32_t status;
			int32_t pad;
			int64_t utime;
			int64_t stime;
		} chld;
		struct { /* faults */
			uint64_t addr;
			int16_t addr_lsb;
			int16_t pad[3];
			uint64_t lower;
			uint64_t upper;
		} fault;
		struct { /* SIGIO */
			int64_t band;
			int32_t fd;
		} poll;
		struct { /* SIGSYS */
			uint64_t call_addr;
			int32_t syscall;
			uint32_t arch;
		} sys;
		uint64_t raw[14];
	} u;
};
ABI_CHECK_SIZE(struct abi_siginfo, 128);
ABI_CHECK_AT(struct abi_siginfo, si_code, 8);
ABI_CHECK_AT(struct abi_siginfo, u.rt.pid, 16);
ABI_CHECK_AT(struct abi_siginfo, u.rt.value, 24);
ABI_CHECK_AT(struct abi_siginfo, u.timer.overrun, 20);
ABI_CHECK_AT(struct abi_siginfo, u.chld.status, 24);
ABI_CHECK_AT(struct abi_siginfo, u.chld.utime, 32);
ABI_CHECK_AT(struct abi_siginfo, u.fault.addr_lsb, 24);
ABI_CHECK_AT(struct abi_siginfo, u.fault.lower, 32);
ABI_CHECK_AT(struct abi_siginfo, u.poll.fd, 24);
ABI_CHECK_AT(struct abi_siginfo, u.sys.syscall, 24);

#define ABI_SI_USER    0
#define ABI_SI_KERNEL  0x80
#define ABI_SI_QUEUE   (-1)
#define ABI_SI_TIMER   (-2)
#define ABI_SI_MESGQ   (-3)
#define ABI_SI_ASYNCIO (-4)
#define ABI_SI_SIGIO   (-5)
#define ABI_SI_TKILL   (-6)

#define ABI_ILL_ILLOPC	  1
#define ABI_ILL_ILLOPN	  2
#define ABI_ILL_PRVOPC	  5
#define ABI_FPE_INTDIV	  1
#define ABI_FPE_INTOVF	  2
#define ABI_FPE_FLTDIV	  3
#define ABI_FPE_FLTOVF	  4
#define ABI_FPE_FLTUND	  5
#define ABI_FPE_FLTRES	  6
#define ABI_FPE_FLTINV	  7
#define ABI_FPE_FLTSUB	  8
#define ABI_SEGV_MAPERR	  1
#define ABI_SEGV_ACCERR	  2
#define ABI_SEGV_BNDERR	  3
#define ABI_SEGV_PKUERR	  4
#define ABI_BUS_ADRALN	  1
#define ABI_BUS_ADRERR	  2
#define ABI_BUS_OBJERR	  3
#define ABI_TRAP_BRKPT	  1
#define ABI_TRAP_TRACE	  2
#define ABI_TRAP_HWBKPT	  4
#define ABI_CLD_EXITED	  1
#define ABI_CLD_KILLED	  2
#define ABI_CLD_DUMPED	  3
#define ABI_CLD_TRAPPED	  4
#define ABI_CLD_STOPPED	  5
#define ABI_CLD_CONTINUED 6
#define ABI_POLL_IN	  1
#define ABI_POLL_OUT	  2
#define ABI_POLL_MSG	  3
#define ABI_POLL_ERR	  4
#define ABI_POLL_PRI	  5
#define ABI_POLL_HUP	  6

/* timer_create(2) */
struct abi_sigevent {
	uint64_t sigev_value;
	int32_t sigev_signo;
	int32_t sigev_notify;
	int32_t sigev_tid;
	int32_t pad[11];
};
ABI_CHECK_SIZE(struct abi_sigevent, 64);
ABI_CHECK_AT(struct abi_sigevent, sigev_notify, 12);
ABI_CHECK_AT(struct abi_sigevent, sigev_tid, 16);

#define ABI_SIGEV_SIGNAL    0
#define ABI_SIGEV_NONE	    1
#define ABI_SIGEV_THREAD    2
#define ABI_SIGEV_THREAD_ID 4

/* signalfd(2): what read returns */
struct abi_signalfd_siginfo {
	uint32_t ssi_signo;
	int32_t ssi_errno;
	int32_t ssi_code;
	uint32_t ssi_pid;
	uint32_t ssi_uid;
	int32_t ssi_fd;
	uint32_t ssi_tid;
	uint32_t ssi_band;
	uint32_t ssi_overrun;
	uint32_t ssi_trapno;
	int32_t ssi_status;
	int32_t ssi_int;
	uint64_t ssi_ptr;
	uint64_t ssi_utime;
	uint64_t ssi_stime;
	uint64_t ssi_addr;
	uint16_t ssi_addr_lsb;
	uint16_t pad2;
	int32_t ssi_syscall;
	uint64_t ssi_call_addr;
	uint32_t ssi_arch;
	uint8_t pad[28];
};
ABI_CHECK_SIZE(struct abi_signalfd_siginfo, 128);
ABI_CHECK_AT(struct abi_signalfd_siginfo, ssi_ptr, 48);
ABI_CHECK_AT(struct abi_signalfd_siginfo, ssi_addr_lsb, 80);
ABI_CHECK_AT(struct abi_signalfd_siginfo, ssi_arch, 96);

#define ABI_SFD_CLOEXEC	 02000000
#define ABI_SFD_NONBLOCK 04000
