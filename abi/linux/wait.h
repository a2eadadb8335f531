/* wait.h - wait4(2), waitid(2) */
#pragma once

#define ABI_WNOHANG    0x00000001
#define ABI_WUNTRACED  0x00000002
#define ABI_WSTOPPED   0x00000002
#define ABI_WEXITED    0x00000004
#define ABI_WCONTINUED 0x00000008
#define ABI_WNOWAIT    0x01000000
#define ABI_WNOTHREAD  0x20000000
#define ABI_WALL       0x40000000
#define ABI_WCLONE     0x80000000u

#define ABI_P_ALL   0
#define ABI_P_PID   1
#define ABI_P_PGID  2
#define ABI_P_PIDFD 3

/* The status word of wait4. */
#define ABI_W_EXITCODE(status)	  (((status)&0xff) << 8)
#define ABI_W_SIGNALED(sig, core) ((sig) | ((core) ? 0x80 : 0))
#define ABI_W_STOPPED(sig)	  (((sig) << 8) | 0x7f)
#define ABI_W_CONTINUED		  0xffff
