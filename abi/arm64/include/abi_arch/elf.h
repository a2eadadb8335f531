/* elf.h - the programs that arm64 runs */
#pragma once

#define ABI_ELF_MACHINE	 183 /* EM_AARCH64 */
#define ABI_ELF_PLATFORM "aarch64"
#define ABI_UTS_MACHINE	 "aarch64"
