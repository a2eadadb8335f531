/* vm.h - one virtual machine: its memory, its interrupts, its vCPUs
 *
 * Everything here talks to /dev/kvm with raw ioctls. What depends on the architecture is behind
 * vmm/kvm/arch.h. See vm.c for the rules.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "abi/boot.h"
#include "abi/layout.h"
#include "vmm/util/error.h"

#define VM_CHANNEL_MAX 4u /* gofer channels of one sandbox, for now one container */

struct kvm_run;
struct vm;

/* Exits to this program, by cause. */
enum vm_exit {
	VM_EXIT_HYPERCALL,
	VM_EXIT_DOORBELL, /* a doorbell nobody listens to */
	VM_EXIT_PORT,	  /* any other port */
	VM_EXIT_MMIO,
	VM_EXIT_KICK, /* a signal of this program's own */
	VM_EXIT_EOI,
	VM_EXIT_FAULT, /* KVM_RUN failed with EFAULT */
	VM_EXIT_OTHER,
	VM_EXIT_COUNT
};

/* Keys: [I] set before the vCPU threads run; [o] its own thread; [a] atomic. */
struct vcpu {
	struct vm *vm;			   /* [I] */
	unsigned index;			   /* [I] */
	int fd;				   /* [I] */
	struct kvm_run *run;		   /* [I] */
	int stats_fd;			   /* [I] -1: none */
	pthread_t thread;		   /* [I] */
	atomic_int tid;			   /* [a] of the thread, 0 before it runs */
	atomic_int state;		   /* [a] enum vcpu_state; a futex */
	atomic_int kicked;		   /* [a] somebody wants it out of KVM_RUN */
	atomic_ulong exits[VM_EXIT_COUNT]; /* [a] */
	uint64_t entry;			   /* [I] where it enters the kernel */
	struct abi_cpu_block *scratch;	   /* [o] private copy of its block */
};

enum vcpu_state {
	VCPU_WAITING, /* not started by the kernel */
	VCPU_RUNNING,
	VCPU_PAUSED,  /* asleep until resumed; registers may be read by others */
	VCPU_STOPPED, /* likewise, for good */
};

/* Keys: [I] set before the vCPU threads run; [r] ram_lock; [a] atomic. */
struct vm {
	bool systrap; /* [I] no KVM: the kernel runs in this process (vmm/systrap) */
	int kvm_fd;   /* [I] */
	int fd;	      /* [I] */
	unsigned cpu_count;
	struct vcpu *cpu;
	uint8_t *shared; /* [I] ABI_SHARED_SIZE bytes */
	uint8_t *ram;	 /* [I] address space for ram_slots_max slots */
	uint64_t ram_slot_size;
	unsigned ram_slots_max;		  /* [I] */
	pthread_mutex_t ram_lock;	  /* adding slots */
	unsigned ram_slots;		  /* [r] present */
	uint64_t kernel_entry;		  /* [I] virtual addresses */
	uint64_t kernel_ap_entry;	  /* [I] */
	uint64_t root_table;		  /* [I] gpa of the page tables the kernel enters on */
	uint64_t kernel_end;		  /* [I] gpa behind image and page tables */
	uint64_t tsc_khz;		  /* [I] */
	bool tsc_shared;		  /* [I] the guest's TSC is this program's */
	int doorbell_ask;		  /* [I] eventfds the guest rings */
	int doorbell_tell;		  /* [I] */
	int irq_ask;			  /* [I] eventfds that interrupt the guest */
	int irq_tell;			  /* [I] */
	unsigned channels;		  /* [I] gofer channels */
	uint8_t *channel[VM_CHANNEL_MAX]; /* [I] their memory */
	int stats_fd;			  /* [I] -1: none */
	/* Called on the vCPU's thread for a hypercall; returns what the kernel sees in .ret. */
	int64_t (*hypercall)(struct vcpu *cpu, uint32_t number); /* [I] */
	/* Called on the vCPU's thread when it cannot go on; does not return. */
	void (*died)(struct vcpu *cpu, const char *why) __attribute__((noreturn)); /* [I] */
};

struct vm_params {
	int kvm_fd;
	unsigned cpu_count;
	uint64_t ram_limit; /* bytes */
	bool no_halt_poll;  /* measuring */
	bool no_patch;	    /* systrap: programs' call sites stay as they are */
};

/* Creates the VM with its shared region and its first RAM slot; no vCPU yet. */
int vm_create(struct vm *vm, const struct vm_params *params, struct error *err);

/* Shows the memory behind fd (checked: sealed, of the right size) to the guest as channel
 * `number`; kick_fd is rung by the guest, irq_fd interrupts it. */
int vm_add_channel(struct vm *vm, unsigned number, int fd, int kick_fd, int irq_fd,
		   struct error *err);

/* The part of it that checks the memory. */
int vm_check_channel(int fd, struct error *err);

/* Binds the control doorbells and all interrupt routes. After vm_add_channel(). */
int vm_connect(struct vm *vm, const int *channel_irq, struct error *err);

/* Creates vCPUs 0..cpu_count-1 with their threads, all waiting. */
int vm_create_vcpus(struct vm *vm, struct error *err);

/* Lets a waiting vCPU run. 0 or a negative errno. */
int vm_start_vcpu(struct vm *vm, unsigned index);

/* Adds RAM slot `index`, which must be the next one. 0 or a negative errno. Thread-safe. */
int vm_add_ram(struct vm *vm, uint64_t index);

/* Gives the contents of 2 MiB blocks back to the host. 0 or a negative errno. */
int vm_free_ram(struct vm *vm, uint64_t first_block, uint64_t count);

/* This program's address of [gpa, gpa + len) if it lies inside one region, or NULL. */
void *vm_memory(struct vm *vm, uint64_t gpa, uint64_t len);

static inline struct abi_cpu_block *vm_cpu_block(struct vm *vm, unsigned index)
{
	return (struct abi_cpu_block *)(void *)(vm->shared + ABI_SHARED_CPU +
						(uint64_t)index * ABI_PAGE_SIZE);
}

static inline struct abi_boot *vm_boot_page(struct vm *vm)
{
	return (struct abi_boot *)(void *)(vm->shared + ABI_SHARED_BOOT);
}

/* vcpu.c */
int vcpu_create(struct vcpu *cpu, struct error *err);
int vcpu_spawn(struct vcpu *cpu, struct error *err);

/* Takes the vCPU out of KVM_RUN and keeps its thread asleep until vcpu_resume(). True when its
 * registers may be read. Called from another thread. */
bool vcpu_pause(struct vcpu *cpu, unsigned timeout_ms);
void vcpu_resume(struct vcpu *cpu);

/* On the vCPU's own thread: marks it stopped and sleeps for good. */
void vcpu_park(struct vcpu *cpu) __attribute__((noreturn));

/* caps.c: opens the device; checks every capability the program needs. */
int kvm_open(const char *path, int *fd, struct error *err);
int kvm_check_caps(int kvm_fd, struct error *err);

/* stats.c: "kvm.name value" lines of KVM's own counters, summed over VM and vCPUs; the length. */
int vm_print_stats(struct vm *vm, char *buf, unsigned size);
