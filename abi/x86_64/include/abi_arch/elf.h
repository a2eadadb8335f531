/* elf.h - the programs that x86_64 runs */
#pragma once

#define ABI_ELF_MACHINE	 62 /* EM_X86_64 */
#define ABI_ELF_PLATFORM "x86_64"
#define ABI_UTS_MACHINE	 "x86_64"
