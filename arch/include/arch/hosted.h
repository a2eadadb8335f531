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
	uint32_t spins;			 /* rounds a side looks for the turn before it sleeps */
	int64_t (*hypercall)(void *vcpu, uint32_t nr); /* on the thread's own stack */
};

/* Before the first hosted_enter(); the plan must stay. */
void hosted_set_up(const struct hosted_plan *plan);
/* The calling thread becomes virtual CPU cpu. All signals are blocked in it. */
void hosted_enter(void *vcpu, unsigned cpu) __attribute__((__noreturn__));
/* An interrupt for virtual CPU 0, from any thread. */
void hosted_irq(uint32_t vector);
