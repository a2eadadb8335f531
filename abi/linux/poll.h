/* poll.h - poll(2), select(2) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

struct abi_pollfd {
	int32_t fd;
	int16_t events;
	int16_t revents;
};
ABI_CHECK_SIZE(struct abi_pollfd, 8);
ABI_CHECK_AT(struct abi_pollfd, revents, 6);

#define ABI_POLLIN     0x0001
#define ABI_POLLPRI    0x0002
#define ABI_POLLOUT    0x0004
#define ABI_POLLERR    0x0008
#define ABI_POLLHUP    0x0010
#define ABI_POLLNVAL   0x0020
#define ABI_POLLRDNORM 0x0040
#define ABI_POLLRDBAND 0x0080
#define ABI_POLLWRNORM 0x0100
#define ABI_POLLWRBAND 0x0200
#define ABI_POLLMSG    0x0400
#define ABI_POLLREMOVE 0x1000
#define ABI_POLLRDHUP  0x2000

#define ABI_FD_SETSIZE 1024

/* pselect6's last argument: where the mask is and its size. */
struct abi_sigset_arg {
	uint64_t set;
	uint64_t size;
};
ABI_CHECK_SIZE(struct abi_sigset_arg, 16);
