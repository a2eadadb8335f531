/* hosted.h - what the files of this machine share: see boot.c for the whole */
#pragma once
#include "../kernel/kernel.h"
#include "hostcall.h"
#include "stub/stub.h"

struct mm;

/* One host process that runs one address space. [P]: the space's pt_lock. */
struct stub {
	u32 index;	/* [I] */
	s32 pid;	/* [I] */
	u32 dead;	/* [a] it has ended, or cannot be used any more */
	u32 seq;	/* [P] of its last order */
	u32 n;		/* [P] orders collected */
	u32 passed;	/* [P] 1 + the CPU whose turn the mapper passes on: no answer yet */
	s32 mapper;	/* [I] its thread */
	u32 mapper_cpu; /* [P] the host's, that it is bound to; ~0: to none */
	bool begun;	/* [P] it has had a turn, or is about to */
	u32 vmas;	/* [P] mappings made since the last time all were dropped */
	struct stub_orders *orders; /* [P] */
	struct stub_thread {
		struct stub_area *area;		/* [I] */
		s32 tid;			/* [I] */
		u64 fs_base, gs_base;		/* [c] what it has loaded */
		const struct mach_user *caller; /* [c] whose call by a slot came last, or null */
		u64 sent[STUB_NREGS];		/* [c] its registers then */
		u32 cpu; /* [c] the host's, that it is bound to; ~0: to none */
	} thread[];	 /* [cpu] */
};

/* A stretch of the mirror that one order serves. */
struct mirror_run {
	struct stub *stub;
	u64 nr; /* the host's system call, 0: nothing yet */
	u64 va, end, pa;
	u32 prot;
	bool gaps; /* what lies between two dropped pages is not mirrored: it may go too */
};

extern const struct hosted_plan *plan;

/* boot.c */
extern struct cpu *boot_cpu_of_machine;

/* switch.S */
s64 host_stack_call(u64 sp, s64 (*fn)(void *a, u32 b), void *a, u32 b);

/* space.c */
#define PTE_HOST  (1ull << 9)  /* the stub has this page mapped */
#define PTE_HOSTW (1ull << 10) /* and can write it */
#define PTE_WANT  (1ull << 11) /* the parent's stub had it: the new one gets it at once */
u32 pte_host_prot(u64 e);      /* PROT_* that the stub may have of it */
void space_fill_wanted(struct mach_space *s, struct mirror_run *r); /* [P] */
void space_forget_mirror(struct mach_space *s); /* clears PTE_HOST everywhere. [P] */

/* mirror.c */
void run_map(struct mirror_run *r, u64 va, u64 pa, u32 prot);
void run_protect(struct mirror_run *r, u64 va, u32 prot);
void run_drop(struct mirror_run *r, u64 va);
void run_finish(struct mirror_run *r);			 /* all is collected */
void mirror_settle(struct stub *s);			 /* returns when all collected is done */
void run_fill(struct mirror_run *r, u64 va, u64 *entry); /* as the entry allows, if missing */
/* Before a new stub's first turn: what is known to be needed. */
void mirror_begin(struct mm *mm);
enum fill { FILL_DONE, FILL_FAULT, FILL_FAIL };
/* Makes the stub's page at va, and its neighbours, as the tables say; FILL_FAULT: they do not
 * allow the access. */
enum fill mirror_fill(struct mm *mm, u64 va, u32 access);
/* Before a turn of this CPU's thread t in mm's stub s: what is collected is to be done first. True:
 * the mapper does it, then gives the turn to t; mirror_passed() follows when that is over. */
bool mirror_pass(struct mm *mm, struct stub *s, struct stub_thread *t);
void mirror_passed(struct mm *mm, struct stub *s);

/* stubs.c */
struct stub *stub_of(struct mach_space *s); /* made if there is none; null: none to be had */
void stub_end(struct stub *s);		    /* kills it, waits until its memory is gone */
bool stub_has_ended(struct stub *s);	    /* reaps it if so */
void stub_kill(struct stub *s);		    /* it will be found dead */
void stub_free(struct stub *s);		    /* of one that has ended: its number is used again */

/* turn.c */
/* Gives t the turn and takes it back. False: the stub is lost. */
bool turn_take(struct cpu *c, struct stub *s, struct stub_thread *t);
void turn_rest(struct cpu *c);	/* it is about to sleep without a task */
void turn_awake(struct cpu *c); /* and has slept */
/* Binds a thread that this one is about to wait for to the host's CPU it is on. */
void turn_bring(s32 tid, u32 *bound_to);

/* patch.c */
void patch_init(void); /* at start */
/* The site of the call that has just trapped is to be patched, if it can be. */
bool patch_wanted(struct cpu *c, const struct mach_user *u);
/* The call that u is in. Sleeps. */
void patch_site(struct mm *mm, struct mach_user *u);
void patch_off(struct mm *mm); /* for good. Sleeps */
void patch_fork(struct mach_space *child, const struct mach_space *parent);
/* Interrupted on the way to a call or from it: as the program's own text would have it. */
enum patch_pc {
	PATCH_ELSEWHERE, /* unchanged */
	PATCH_AT_CALL,	 /* about to make it by an instruction */
	PATCH_BEFORE,	 /* likewise, but what is executed there is a jump to a slot */
	PATCH_BEHIND,
};
enum patch_pc patch_fix_pc(const struct mach_space *s, struct mach_user *u,
			   const struct stub_area *a);
bool patch_in_entry(u64 rip); /* it is on the stub's first steps of such a call */
/* The exception came because the program went on between a call and the next instruction where both
 * are a jump: goes on behind the call. */
bool patch_resume(const struct mach_space *s, struct mach_user *u, u32 vector);

/* irq.c */
bool irq_waiting(struct cpu *c);
void irq_take(struct cpu *c);

/* fpu_stub.c */
void fpu_to_stub(struct mach_user *u, struct stub_area *a);

/* out.c */
s64 hypercall_of(u32 nr);
