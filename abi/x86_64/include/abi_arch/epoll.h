/* epoll.h - struct epoll_event of x86_64: packed, so that 32-bit programs had the same layout */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

struct abi_epoll_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));
ABI_CHECK_SIZE(struct abi_epoll_event, 12);
ABI_CHECK_AT(struct abi_epoll_event, data, 4);
