/* auxv.h - what a new program finds behind its environment (getauxval(3)) */
#pragma once
#include <stdint.h>

#define ABI_AT_NULL		 0
#define ABI_AT_IGNORE		 1
#define ABI_AT_EXECFD		 2
#define ABI_AT_PHDR		 3
#define ABI_AT_PHENT		 4
#define ABI_AT_PHNUM		 5
#define ABI_AT_PAGESZ		 6
#define ABI_AT_BASE		 7
#define ABI_AT_FLAGS		 8
#define ABI_AT_ENTRY		 9
#define ABI_AT_UID		 11
#define ABI_AT_EUID		 12
#define ABI_AT_GID		 13
#define ABI_AT_EGID		 14
#define ABI_AT_PLATFORM		 15
#define ABI_AT_HWCAP		 16
#define ABI_AT_CLKTCK		 17
#define ABI_AT_SECURE		 23
#define ABI_AT_BASE_PLATFORM	 24
#define ABI_AT_RANDOM		 25
#define ABI_AT_HWCAP2		 26
#define ABI_AT_RSEQ_FEATURE_SIZE 27
#define ABI_AT_RSEQ_ALIGN	 28
#define ABI_AT_EXECFN		 31
#define ABI_AT_SYSINFO_EHDR	 33
#define ABI_AT_MINSIGSTKSZ	 51
