/* fpu.h - the XSAVE area: offsets, and what the signal frames need of fpu.c */
#pragma once
#include "kernel.h"

#define FPU_MXCSR      24u
#define FPU_MXCSR_MASK 28u
#define FPU_LEGACY     512u
#define FPU_HEADER     64u
#define FPU_MXCSR_INIT 0x1f80u

int fpu_alloc(struct mach_user *u) must_check;
void fpu_free(struct mach_user *u);
void fpu_fill_init(struct mach_user *u);
int fpu_accept(struct mach_user *u, bool full) must_check;
u32 fpu_mxcsr_mask(void);
