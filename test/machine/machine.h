/* machine.h - the scripted machine's own parts, among themselves
 *
 * The machine runs the portable kernel inside a host program. Everything happens on one host
 * thread: virtual CPUs take turns at interleaving points, chosen by a seeded sequence, so that a
 * failing run repeats. Points are: every step of a script, every page of a user copy, every lock
 * taken or released (the linker wraps spin_lock and spin_unlock), mach_poll, mach_relax, mach_ipi,
 * and idling.
 *
 *   host.c   fibres and libc           space.c  page tables, and TLBs that keep stale entries
 *   vcpu.c   CPUs, clock, interrupts   user.c   scripts as user mode, signal frames
 *   copy.c   user memory               misc.c   the rest of arch/machine.h
 *   boot.c   starting a kernel and scripts (script.h)
 */
#pragma once
#include "cpu.h"
#include "host.h"

/* ---- vcpu.c ---- */
void vcpu_add(struct cpu *c, struct fibre *running); /* it takes part from now on */
void vcpu_point(void);				     /* maybe another CPU's turn */
void vcpu_yield(void);				     /* another CPU's turn, if one can run */
bool vcpu_interrupted(struct cpu *c);
void vcpu_take_interrupts(void); /* of the current CPU: runs the handlers */
extern u64 vcpu_clock;		 /* ns */
extern u32 vcpu_odds;		 /* one point in so many changes the CPU; 0: never */
extern u64 vcpu_steps_max;	 /* points until the run counts as hung */
void vcpu_restart_count(void);

/* ---- space.c ---- */
#define PAGE_NONE ((u64)-1)
/* The frame behind va for an access (MACH_READ, ...) by the current CPU, through its TLB:
 * physical address of the byte, or PAGE_NONE; *present: a matter of protection. */
u64 tlb_translate(u64 va, u32 access, bool *present);

/* ---- user.c ---- */
void user_trap(struct mach_user *u); /* from the script's fibre into the kernel */
/* Whether a handler's or a program's address is a function here; null: all are. Others fault when
 * they are run. */
extern bool (*user_code_ok)(u64 pc);

/* ---- boot.c ---- */
extern u64 machine_ram_size;
