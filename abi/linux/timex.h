/* timex.h - the discipline of the realtime clock (adjtimex(2)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"
#include "abi/linux/time.h"

struct abi_timex {
	uint32_t modes; /* ABI_ADJ_*; 0: only asks */
	uint32_t pad0;
	int64_t offset;
	int64_t freq;
	int64_t maxerror;
	int64_t esterror;
	int32_t status; /* ABI_STA_* */
	uint32_t pad1;
	int64_t constant;
	int64_t precision;
	int64_t tolerance;
	struct abi_timeval time;
	int64_t tick;
	int64_t ppsfreq;
	int64_t jitter;
	int32_t shift;
	uint32_t pad2;
	int64_t stabil;
	int64_t jitcnt;
	int64_t calcnt;
	int64_t errcnt;
	int64_t stbcnt;
	int32_t tai;
	uint32_t pad3[11];
};
ABI_CHECK_SIZE(struct abi_timex, 208);
ABI_CHECK_AT(struct abi_timex, status, 40);
ABI_CHECK_AT(struct abi_timex, time, 72);
ABI_CHECK_AT(struct abi_timex, tai, 160);

#define ABI_ADJ_OFFSET_SS_READ 0xa001 /* what adjtime(3) asks with */
#define ABI_STA_UNSYNC	       0x0040
#define ABI_TIME_ERROR	       5
