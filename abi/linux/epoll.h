/* epoll.h - epoll(7); struct abi_epoll_event is packed on x86_64 alone: <abi_arch/epoll.h> */
#pragma once
#include <stdint.h>
#include <abi_arch/epoll.h>

#define ABI_EPOLL_CTL_ADD 1
#define ABI_EPOLL_CTL_DEL 2
#define ABI_EPOLL_CTL_MOD 3
#define ABI_EPOLL_CLOEXEC 02000000

#define ABI_EPOLLIN	   0x00000001u
#define ABI_EPOLLPRI	   0x00000002u
#define ABI_EPOLLOUT	   0x00000004u
#define ABI_EPOLLERR	   0x00000008u
#define ABI_EPOLLHUP	   0x00000010u
#define ABI_EPOLLNVAL	   0x00000020u
#define ABI_EPOLLRDNORM	   0x00000040u
#define ABI_EPOLLRDBAND	   0x00000080u
#define ABI_EPOLLWRNORM	   0x00000100u
#define ABI_EPOLLWRBAND	   0x00000200u
#define ABI_EPOLLMSG	   0x00000400u
#define ABI_EPOLLRDHUP	   0x00002000u
#define ABI_EPOLLEXCLUSIVE (1u << 28)
#define ABI_EPOLLWAKEUP	   (1u << 29)
#define ABI_EPOLLONESHOT   (1u << 30)
#define ABI_EPOLLET	   (1u << 31)

#define ABI_EP_MAX_EVENTS (0x7fffffff / 16) /* as large as epoll_wait's max may be */
