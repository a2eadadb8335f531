/* termios.h - terminals: settings and ioctls (ioctl_tty(2), termios(3)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

#define ABI_NCCS 19

struct abi_termios {
	uint32_t c_iflag;
	uint32_t c_oflag;
	uint32_t c_cflag;
	uint32_t c_lflag;
	uint8_t c_line;
	uint8_t c_cc[ABI_NCCS];
};
ABI_CHECK_SIZE(struct abi_termios, 36);
ABI_CHECK_AT(struct abi_termios, c_cc, 17);

struct abi_termios2 {
	uint32_t c_iflag;
	uint32_t c_oflag;
	uint32_t c_cflag;
	uint32_t c_lflag;
	uint8_t c_line;
	uint8_t c_cc[ABI_NCCS];
	uint32_t c_ispeed;
	uint32_t c_ospeed;
};
ABI_CHECK_SIZE(struct abi_termios2, 44);
ABI_CHECK_AT(struct abi_termios2, c_ispeed, 36);

struct abi_winsize {
	uint16_t ws_row;
	uint16_t ws_col;
	uint16_t ws_xpixel;
	uint16_t ws_ypixel;
};
ABI_CHECK_SIZE(struct abi_winsize, 8);

#define ABI_TCGETS	    0x5401u
#define ABI_TCSETS	    0x5402u
#define ABI_TCSETSW	    0x5403u
#define ABI_TCSETSF	    0x5404u
#define ABI_TCSBRK	    0x5409u
#define ABI_TCXONC	    0x540au
#define ABI_TCFLSH	    0x540bu
#define ABI_TIOCEXCL	    0x540cu
#define ABI_TIOCNXCL	    0x540du
#define ABI_TIOCSCTTY	    0x540eu
#define ABI_TIOCGPGRP	    0x540fu
#define ABI_TIOCSPGRP	    0x5410u
#define ABI_TIOCOUTQ	    0x5411u
#define ABI_TIOCSTI	    0x5412u
#define ABI_TIOCGWINSZ	    0x5413u
#define ABI_TIOCSWINSZ	    0x5414u
#define ABI_FIONREAD	    0x541bu
#define ABI_TIOCINQ	    0x541bu
#define ABI_FIONBIO	    0x5421u
#define ABI_TIOCNOTTY	    0x5422u
#define ABI_TIOCGSID	    0x5429u
#define ABI_TCSBRKP	    0x5425u
#define ABI_TCGETS2	    0x802c542au
#define ABI_TCSETS2	    0x402c542bu
#define ABI_TCSETSW2	    0x402c542cu
#define ABI_TCSETSF2	    0x402c542du
#define ABI_TIOCGPTN	    0x80045430u
#define ABI_TIOCSPTLCK	    0x40045431u
#define ABI_TIOCGPTLCK	    0x80045439u
#define ABI_TIOCGPTPEER	    0x5441u
#define ABI_FIONCLEX	    0x5450u
#define ABI_FIOCLEX	    0x5451u
#define ABI_FIOASYNC	    0x5452u
#define ABI_FICLONE	    0x40049409u
#define ABI_FICLONERANGE    0x4020940du
#define ABI_FS_IOC_GETFLAGS 0x80086601u
#define ABI_FS_IOC_SETFLAGS 0x40086602u
#define ABI_BLKGETSIZE64    0x80081272u

/* c_iflag */
#define ABI_IGNBRK  0000001
#define ABI_BRKINT  0000002
#define ABI_IGNPAR  0000004
#define ABI_PARMRK  0000010
#define ABI_INPCK   0000020
#define ABI_ISTRIP  0000040
#define ABI_INLCR   0000100
#define ABI_IGNCR   0000200
#define ABI_ICRNL   0000400
#define ABI_IUCLC   0001000
#define ABI_IXON    0002000
#define ABI_IXANY   0004000
#define ABI_IXOFF   0010000
#define ABI_IMAXBEL 0020000
#define ABI_IUTF8   0040000
/* c_oflag */
#define ABI_OPOST  0000001
#define ABI_OLCUC  0000002
#define ABI_ONLCR  0000004
#define ABI_OCRNL  0000010
#define ABI_ONOCR  0000020
#define ABI_ONLRET 0000040
#define ABI_TABDLY 0014000
#define ABI_XTABS  0014000
/* c_cflag */
#define ABI_B38400 0000017
#define ABI_CSIZE  0000060
#define ABI_CS8	   0000060
#define ABI_CREAD  0000200
#define ABI_HUPCL  0002000
#define ABI_CLOCAL 0004000
#define ABI_CBAUD  0010017
/* c_lflag */
#define ABI_ISIG    0000001
#define ABI_ICANON  0000002
#define ABI_ECHO    0000010
#define ABI_ECHOE   0000020
#define ABI_ECHOK   0000040
#define ABI_ECHONL  0000100
#define ABI_NOFLSH  0000200
#define ABI_TOSTOP  0000400
#define ABI_ECHOCTL 0001000
#define ABI_ECHOPRT 0002000
#define ABI_ECHOKE  0004000
#define ABI_FLUSHO  0010000
#define ABI_PENDIN  0040000
#define ABI_IEXTEN  0100000
/* c_cc */
#define ABI_VINTR    0
#define ABI_VQUIT    1
#define ABI_VERASE   2
#define ABI_VKILL    3
#define ABI_VEOF     4
#define ABI_VTIME    5
#define ABI_VMIN     6
#define ABI_VSWTC    7
#define ABI_VSTART   8
#define ABI_VSTOP    9
#define ABI_VSUSP    10
#define ABI_VEOL     11
#define ABI_VREPRINT 12
#define ABI_VDISCARD 13
#define ABI_VWERASE  14
#define ABI_VLNEXT   15
#define ABI_VEOL2    16

/* tcflush(3), tcflow(3) */
#define ABI_TCIFLUSH  0
#define ABI_TCOFLUSH  1
#define ABI_TCIOFLUSH 2

/* TCXONC */
#define ABI_TCOOFF 0
#define ABI_TCOON  1
#define ABI_TCIOFF 2
#define ABI_TCION  3
