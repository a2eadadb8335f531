/* socket.h - sockets: addresses, messages, options (socket(2), unix(7), recvmsg(2)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

#define ABI_AF_UNSPEC  0
#define ABI_AF_UNIX    1
#define ABI_AF_INET    2
#define ABI_AF_INET6   10
#define ABI_AF_NETLINK 16
#define ABI_AF_PACKET  17
#define ABI_AF_VSOCK   40

#define ABI_SOCK_STREAM	   1
#define ABI_SOCK_DGRAM	   2
#define ABI_SOCK_RAW	   3
#define ABI_SOCK_SEQPACKET 5
#define ABI_SOCK_TYPE_MASK 0xf
#define ABI_SOCK_NONBLOCK  04000
#define ABI_SOCK_CLOEXEC   02000000

struct abi_sockaddr {
	uint16_t sa_family;
	char sa_data[14];
};
ABI_CHECK_SIZE(struct abi_sockaddr, 16);

#define ABI_UNIX_PATH_MAX 108

struct abi_sockaddr_un {
	uint16_t sun_family;
	char sun_path[ABI_UNIX_PATH_MAX];
};
ABI_CHECK_SIZE(struct abi_sockaddr_un, 110);
ABI_CHECK_AT(struct abi_sockaddr_un, sun_path, 2);
#define ABI_SOCKADDR_STORAGE_SIZE 128

struct abi_msghdr {
	uint64_t msg_name;
	int32_t msg_namelen;
	int32_t pad;
	uint64_t msg_iov;
	uint64_t msg_iovlen;
	uint64_t msg_control;
	uint64_t msg_controllen;
	uint32_t msg_flags;
	uint32_t pad2;
};
ABI_CHECK_SIZE(struct abi_msghdr, 56);
ABI_CHECK_AT(struct abi_msghdr, msg_iov, 16);
ABI_CHECK_AT(struct abi_msghdr, msg_control, 32);
ABI_CHECK_AT(struct abi_msghdr, msg_flags, 48);

struct abi_mmsghdr {
	struct abi_msghdr msg_hdr;
	uint32_t msg_len;
	uint32_t pad;
};
ABI_CHECK_SIZE(struct abi_mmsghdr, 64);
ABI_CHECK_AT(struct abi_mmsghdr, msg_len, 56);

/* Followed by cmsg_len - 16 bytes of data, and padded to 8. */
struct abi_cmsghdr {
	uint64_t cmsg_len;
	int32_t cmsg_level;
	int32_t cmsg_type;
};
ABI_CHECK_SIZE(struct abi_cmsghdr, 16);
ABI_CHECK_AT(struct abi_cmsghdr, cmsg_type, 12);
#define ABI_CMSG_ALIGN(len) (((len) + 7) & ~(uint64_t)7)

struct abi_ucred {
	int32_t pid;
	uint32_t uid;
	uint32_t gid;
};
ABI_CHECK_SIZE(struct abi_ucred, 12);

struct abi_linger {
	int32_t l_onoff;
	int32_t l_linger;
};
ABI_CHECK_SIZE(struct abi_linger, 8);

#define ABI_SCM_RIGHTS	    1
#define ABI_SCM_CREDENTIALS 2
#define ABI_SCM_MAX_FD	    253

#define ABI_MSG_OOB	     0x0001u
#define ABI_MSG_PEEK	     0x0002u
#define ABI_MSG_DONTROUTE    0x0004u
#define ABI_MSG_CTRUNC	     0x0008u
#define ABI_MSG_TRUNC	     0x0020u
#define ABI_MSG_DONTWAIT     0x0040u
#define ABI_MSG_EOR	     0x0080u
#define ABI_MSG_WAITALL	     0x0100u
#define ABI_MSG_CONFIRM	     0x0800u
#define ABI_MSG_ERRQUEUE     0x2000u
#define ABI_MSG_NOSIGNAL     0x4000u
#define ABI_MSG_MORE	     0x8000u
#define ABI_MSG_WAITFORONE   0x10000u
#define ABI_MSG_CMSG_CLOEXEC 0x40000000u

#define ABI_SHUT_RD   0
#define ABI_SHUT_WR   1
#define ABI_SHUT_RDWR 2
#define ABI_SOMAXCONN 4096

#define ABI_SOL_SOCKET	   1
#define ABI_SO_DEBUG	   1
#define ABI_SO_REUSEADDR   2
#define ABI_SO_TYPE	   3
#define ABI_SO_ERROR	   4
#define ABI_SO_DONTROUTE   5
#define ABI_SO_BROADCAST   6
#define ABI_SO_SNDBUF	   7
#define ABI_SO_RCVBUF	   8
#define ABI_SO_KEEPALIVE   9
#define ABI_SO_OOBINLINE   10
#define ABI_SO_PRIORITY	   12
#define ABI_SO_LINGER	   13
#define ABI_SO_REUSEPORT   15
#define ABI_SO_PASSCRED	   16
#define ABI_SO_PEERCRED	   17
#define ABI_SO_RCVLOWAT	   18
#define ABI_SO_SNDLOWAT	   19
#define ABI_SO_RCVTIMEO	   20
#define ABI_SO_SNDTIMEO	   21
#define ABI_SO_TIMESTAMP   29
#define ABI_SO_ACCEPTCONN  30
#define ABI_SO_PEERSEC	   31
#define ABI_SO_SNDBUFFORCE 32
#define ABI_SO_RCVBUFFORCE 33
#define ABI_SO_PROTOCOL	   38
#define ABI_SO_DOMAIN	   39
#define ABI_SO_PEERGROUPS  59
