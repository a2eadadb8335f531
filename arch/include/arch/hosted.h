/* hosted.h - between the boot process and the kernel that is linked into it (docs/HOSTED.md)
 *
 * Both run on the same threads: the boot process calls hosted_enter() on each virtual CPU's thread,
 * and the kernel calls back for a hypercall. Everything else that the kernel wants of the host it
 * asks by system calls of its own, from the descriptors given here.
 */
#pragma once
#include <stdint.h>

/* Guest-physical memory appears at this address of the process; so frames have fixed addresses. */
#define HOSTED_DIRECT 0x200000000000ull

#define HOSTED_CHANNELS 4u
#define HOSTED_STUBS	4096u /* address spaces that can run at the same time */

struct hosted_plan {
	unsigned cpus;
	int ask_fd, answer_fd;		 /* of the process that stubs are forked from */
	int *done_fd;			 /* [cpu]: an eventfd that mappers raise, non-blocking */
	uint8_t *areas;			 /* HOSTED_STUBS x cpus areas, shared with stubs */
	uint8_t *orders;		 /* HOSTED_STUBS pages, read-only in stubs */
	int doorbell_ask, doorbell_tell; /* eventfds of the boot process */
	int doorbell[HOSTED_CHANNELS];	 /* and of the file servers */
	uint32_t fsgsbase;		 /* 1: user mode may use the instructions */
	/* how sides wait for the turn: arch/x86_64/hosted/turn.c */
	const void *cpu_set; /* as sched_setaffinity(2) takes it: what the process may use */
	uint32_t cpu_set_size, host_cpus;
	uint32_t look_ticks;  /* of the time-stamp counter: looks so long before it sleeps */
	uint32_t look_rounds; /* about the same, in rounds */
	uint32_t patch;	      /* 1: call sites may be patched */
	uint32_t yields;      /* 1: giving the CPU away may be quicker than sleeping */
	int64_t (*hypercall)(void *vcpu, uint32_t nr); /* on the thread's own stack */
};

/* Before the first hosted_enter(); the plan must stay. */
void hosted_set_up(const struct hosted_plan *plan);
/* The calling thread becomes virtual CPU cpu. All signals are blocked in it. */
void hosted_enter(void *vcpu, unsigned cpu) __attribute__((__noreturn__));
/* An interrupt for virtual CPU 0, from any thread. */
void hosted_irq(uint32_t vector);
