/* utsname.h - what the system calls itself and has left (uname(2), sysinfo(2), personality(2)) */
#pragma once
#include <stdint.h>
#include "abi/linux/check.h"

#define ABI_UTS_LEN 65 /* with the terminating zero */

struct abi_utsname {
	char sysname[ABI_UTS_LEN];
	char nodename[ABI_UTS_LEN];
	char release[ABI_UTS_LEN];
	char version[ABI_UTS_LEN];
	char machine[ABI_UTS_LEN];
	char domainname[ABI_UTS_LEN];
};
ABI_CHECK_SIZE(struct abi_utsname, 390);
ABI_CHECK_AT(struct abi_utsname, domainname, 325);

struct abi_sysinfo {
	int64_t uptime; /* seconds */
	uint64_t loads[3];
	uint64_t totalram;
	uint64_t freeram;
	uint64_t sharedram;
	uint64_t bufferram;
	uint64_t totalswap;
	uint64_t freeswap;
	uint16_t procs;
	uint16_t pad;
	uint32_t pad2;
	uint64_t totalhigh;
	uint64_t freehigh;
	uint32_t mem_unit;
	uint32_t pad3;
};
ABI_CHECK_SIZE(struct abi_sysinfo, 112);
ABI_CHECK_AT(struct abi_sysinfo, procs, 80);
ABI_CHECK_AT(struct abi_sysinfo, mem_unit, 104);
#define ABI_SI_LOAD_SHIFT 16

#define ABI_PER_LINUX	      0
#define ABI_PER_MASK	      0xffu
#define ABI_ADDR_NO_RANDOMIZE 0x0040000u
#define ABI_READ_IMPLIES_EXEC 0x0400000u
