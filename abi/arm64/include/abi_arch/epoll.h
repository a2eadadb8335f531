/* epoll.h - struct epoll_event of arm64 */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

struct abi_epoll_event {
	uint32_t events;
	uint64_t data;
};
ABI_CHECK_SIZE(struct abi_epoll_event, 16);
ABI_CHECK_AT(struct abi_epoll_event, data, 8);
