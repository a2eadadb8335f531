/* machine.h - what a machine gives the portable kernel (DESIGN 2)
 *
 * The portable kernel never sees a page-table bit, a segment or a register of the CPU. A machine
 * implements these functions and supplies, found by include path, <machine_types.h>:
 *
 *	struct mach_space   page tables, embedded in struct mm
 *	struct mach_user    a task's user state (trap frame, TLS base, extended-state area),
 *embedded in struct task as its first member struct mach_ctx     a suspended kernel context (saved
 *stack pointer), embedded in struct task struct mach_cpu     the machine's part of struct cpu
 *
 * and <machine_inline.h>, included by cpu.h once struct cpu is complete:
 *
 *	static inline struct cpu *cpu_self(void);
 *	static inline struct task *cpu_current(void);
 *	static inline void mach_relax(void);      pause in a spin loop
 *	static inline u64 mach_syscall_nr(const struct mach_user *u);
 *	static inline u64 mach_syscall_arg(const struct mach_user *u, unsigned i);   0..5
 *	static inline void mach_syscall_set_result(struct mach_user *u, long r);
 *	static inline void *mach_pa_to_va(paddr_t pa);   direct map, RAM only
 *	void mach_run_user(struct mach_user *u, struct mach_exit *why);   inline or not, see below
 *
 * Unless said otherwise: called with interrupts off, never sleeps, any CPU. Times in monotonic ns.
 */
#pragma once
#include <machine_types.h>
#include "types.h"

struct cpu;
struct task;
struct abi_siginfo;
struct abi_sigaction;
struct abi_stack;
struct abi_time_page;

/* ---- space: page tables. [P]: the caller holds mm->pt_lock of the space(s). ---- */

#define MACH_READ  1u
#define MACH_WRITE 2u
#define MACH_EXEC  4u
#define MACH_DIRTY 8u /* dirty from the start: a write is about to follow */

struct mach_pte { /* what is mapped at an address */
	paddr_t pa;
	u32 prot; /* MACH_*, 0 if nothing is present */
	bool accessed, dirty;
};

int mach_space_init(struct mach_space *s) must_check; /* 0, -ENOMEM */
/* Frees all tables: no CPU has the space active. Tables are freed only here, never by an unmap, so
 * that a CPU that is away can keep a space loaded. */
void mach_space_free(struct mach_space *s);
/* No task will run in s any more; CPUs may still have it loaded. What the machine keeps to run it
 * may go now, so that taking its pages away costs less. May be called once only, or never. */
void mach_space_retire(struct mach_space *s);
void mach_space_activate(struct mach_space *s); /* on this CPU; null: the kernel's own */
/* Makes missing tables for a range; 0, -ENOMEM. Not under [P]; safe against itself. */
int mach_space_prepare(struct mach_space *s, u64 va, size_t npages) must_check;
/* Maps one frame: 0, -ENOENT (no table there), -EEXIST (something is present). An absent entry is
 * never cached, so no flush follows. [P] */
int mach_map(struct mach_space *s, u64 va, paddr_t pa, u32 prot) must_check;
/* Maps n <= 64 frames at consecutive pages, skipping present entries; bit i of the result: frame i
 * was mapped. [P] */
u64 mach_map_batch(struct mach_space *s, u64 va, const paddr_t *pa, size_t n, u32 prot);
/* Replaces what is (or is not) mapped by another frame or protection; returns the old entry. The
 * caller flushes before the old frame is reused. [P] */
struct mach_pte mach_replace(struct mach_space *s, u64 va, paddr_t pa, u32 prot);
struct mach_pte mach_lookup(struct mach_space *s, u64 va); /* [P] for a stable answer */
/* Unmaps; fn sees every entry that was present, with its last state. Long ranges are the caller's
 * to split. Returns how many. [P] */
typedef void (*mach_pte_fn)(void *arg, u64 va, struct mach_pte old);
size_t mach_unmap(struct mach_space *s, u64 va, size_t npages, mach_pte_fn fn, void *arg);
/* The lowest address in [va, end) below which a leaf table exists, or end: to skip what was never
 * touched of a large range. [P] */
u64 mach_next_table(struct mach_space *s, u64 va, u64 end);
/* Sets the protection of present entries literally (what must stay copy-on-write is the caller's
 * knowledge); 0 makes them inaccessible but keeps the frame. Returns how many changed. [P] */
size_t mach_protect(struct mach_space *s, u64 va, size_t npages, u32 prot);
/* Fork: copies parent's present entries into child, making tables on the way; with cow both sides
 * lose write. Calls frame_share() (mm/frame.h) for each. Pages of one count that will be written
 * soon it may copy instead. 0, -ENOMEM (partly done). [P of both] */
int mach_fork_range(struct mach_space *child, struct mach_space *parent, u64 va, size_t npages,
		    bool cow) must_check;
/* Clears accessed bits (and dirty ones, if asked); fn sees the entries that had one. [P] */
void mach_harvest(struct mach_space *s, u64 va, size_t npages, bool clear_dirty, mach_pte_fn fn,
		  void *arg);
/* What was taken away or restricted before can be used by no CPU's user mode once this returns, if
 * MACH_SETTLES (<machine_types.h>); elsewhere CPUs flush their TLBs. By mm_shootdown() only. [P] */
void mach_space_settle(struct mach_space *s);
/* This CPU's TLB, user entries of the active space; npages 0: all. */
void mach_flush_local(u64 va, size_t npages);
/* <machine_types.h>: MACH_FAULT_PAGES, how many pages a fault on private memory makes at best, a
 * power of two: more than one where taking a fault costs more than filling a page.
 * MACH_FAULT_PAGES_MAX, at most 512: what that grows to while a program goes through its memory in
 * order. MACH_FRESH_ZERO: RAM that was never used reads as zeroes. */
extern u64 mach_user_top; /* [I] first address above user space, page aligned */

/* ---- user state ---- */

enum mach_cause {
	MACH_SYSCALL,	/* number and arguments by mach_syscall_* */
	MACH_FAULT,	/* memory: .addr .access .present */
	MACH_TRAP,	/* another exception: .sig .code .addr as siginfo wants them */
	MACH_INTERRUPT, /* handlers have run; look at cpu->pending */
};
struct mach_exit {
	enum mach_cause cause;
	u32 access; /* MACH_READ, MACH_WRITE or MACH_EXEC */
	u64 addr;
	bool present; /* the page was there: a matter of protection */
	int sig, code;
	u32 vector, error; /* raw, for the signal frame */
};
/* mach_run_user() runs the current task's user state until something needs the kernel; u and why
 * are that task's own. The caller has published CPU_USER and settled shoot-downs
 * (sched/userloop.c). Declared by <machine_inline.h>: where it is inline the compiler knows which
 * registers user mode leaves alone. */

/* The call is to be issued again, as it was or as restart_syscall(2). */
void mach_syscall_restart(struct mach_user *u);
void mach_syscall_restart_block(struct mach_user *u);
long mach_syscall_result(const struct mach_user *u);
bool mach_in_syscall(const struct mach_user *u); /* the last exit was MACH_SYSCALL */

int mach_user_init(struct mach_user *u) must_check; /* extended-state area; 0, -ENOMEM */
void mach_user_free(struct mach_user *u);
/* A fresh image of the current task: registers zero, extended state initial. */
void mach_user_exec(struct mach_user *u, u64 pc, u64 sp);
/* Fork or clone by the current task: copies its state; the child sees 0 from its call; sp unless
 * 0; tls if set_tls. child has been through mach_user_init. */
void mach_user_fork(struct mach_user *child, struct mach_user *parent, u64 sp, bool set_tls,
		    u64 tls);
u64 mach_user_pc(const struct mach_user *u);
u64 mach_user_sp(const struct mach_user *u);
void mach_user_set_pc(struct mach_user *u, u64 pc); /* rseq aborts */
/* arch_prctl(2) and the like of the current task; -EINVAL if unknown. May sleep (user memory). */
long mach_arch_prctl(int code, uaddr_t addr);
void mach_user_step(struct mach_user *u, bool on);

/* Signal frames in the architecture's Linux format. build: 0 or -EFAULT (the caller forces
 * SIGSEGV); the current task then enters the handler. Both may sleep (user memory). */
struct mach_sigframe {
	const struct abi_siginfo *info;
	const struct abi_sigaction *act;
	const struct abi_stack *stack; /* to be saved in the frame */
	const struct mach_exit *why;   /* last exit, for trapno, err and cr2; may be null */
	u64 old_mask;
	u64 sp;		  /* build below: interrupted sp, or top of alternate stack */
	bool on_altstack; /* sp is an alternate stack's top: no red zone to skip */
	int sig;
};
int mach_signal_build(struct mach_user *u, const struct mach_sigframe *f) must_check;
/* rt_sigreturn(2): restores the state from the frame; 0, -EFAULT or -EINVAL. */
int mach_signal_return(struct mach_user *u, u64 *mask, struct abi_stack *stack) must_check;
size_t mach_signal_frame_max(void); /* AT_MINSIGSTKSZ */
u64 mach_hwcap(void);
u64 mach_hwcap2(void);
const char *mach_platform(void);		    /* AT_PLATFORM and uname -m: "x86_64" */
void mach_cpuinfo(char *buf, size_t size, u32 cpu); /* one stanza of /proc/cpuinfo */

/* ---- user memory: never sleep, never fault in; addresses at or above mach_user_top are absent.
 * The caller (mm/uaccess.c) has published CPU_COPY. Return the bytes NOT copied. ---- */

size_t mach_copy_in(void *dst, u64 src_va, size_t n);
size_t mach_copy_out(u64 dst_va, const void *src, size_t n);
size_t mach_zero_out(u64 dst_va, size_t n);
/* Up to and including NUL: *len is the length without NUL when found is set, else the number of
 * bytes copied before n ran out or an absent page was met. */
void mach_copy_str(char *dst, u64 src_va, size_t n, size_t *len, bool *found);
/* Of an aligned 32-bit word; 0 or -EFAULT (absent, or not writable). */
int mach_cmpxchg_user(u64 va, u32 *expected, u32 desired);
int mach_load_user32(u64 va, u32 *value);

/* ---- cpu ---- */

void mach_cpu_start(struct cpu *c); /* it enters cpu_main(c), init/main.c, on its idle task */
/* Suspends prev's kernel context and resumes next's; extended user state follows lazily. */
void mach_ctx_switch(struct task *prev, struct task *next);
/* The task's context will start at fn(arg) on its kernel stack. */
void mach_ctx_init(struct task *t, void (*fn)(void *arg), void *arg);
void mach_poll(void); /* takes pending interrupts: no spinlock is held */
/* Sleeps until an interrupt unless *word != seen (checked with interrupts off); handlers run
 * before it returns. */
void mach_idle(const volatile u32 *word, u32 seen);
/* Makes the CPU look at cpu->pending; sent only if it is idle or in user mode. */
void mach_ipi(struct cpu *c);
void mach_yield_to(struct cpu *c);	      /* it holds what we spin for */
bool mach_cpu_preempted(const struct cpu *c); /* the host has descheduled it (steal time) */
void mach_timer_arm(u64 mono_ns); /* ktimer_interrupt() on this CPU at or after that time */
u64 mach_clock(void);		  /* CLOCK_MONOTONIC from the time page */
const volatile struct abi_time_page *mach_time_page(void);
u64 mach_cycles(void);
void mach_entropy(void *buf, size_t n); /* raw, for seeding lib/random.c only */

/* ---- rest ---- */

paddr_t mach_va_to_pa(const void *va);
void mach_frame_zero(void *page);
void mach_frame_copy(void *restrict dst, const void *restrict src);
int mach_ram_add(u32 slot); /* asks for a further slot of RAM and maps it; 0, -ENOMEM */
void mach_ram_release(u64 first_block, u64 count); /* 2 MiB blocks go back to the host */
#ifndef KSTACK_SIZE				   /* a sanitizer build's frames are larger */
#define KSTACK_SIZE 16384u			   /* with an unmapped guard page below it */
#endif
void *mach_kstack_alloc(void) must_check; /* lowest address, or null */
void mach_kstack_free(void *stack);

void *mach_channel(u32 c); /* a gofer channel's memory */
void *mach_ctl_ask(void);  /* the control channels' memory */
void *mach_ctl_tell(void);
void mach_doorbell(u32 index); /* ABI_DOORBELL_* */
/* fn runs with interrupts off in no task's context: it records and wakes. At start only. */
void mach_irq_register(u32 vector, void (*fn)(u32 vector));
const struct abi_boot *mach_boot(void); /* the kernel's checked copy of the boot page */

noreturn void mach_shutdown(int wait_status);
void mach_log(int level, const char *text, size_t n);
noreturn void mach_panic(const char *text); /* adds registers and backtrace; stops everything */
/* Return addresses of a suspended task, or of the caller if t is null; returns how many. */
size_t mach_backtrace(const struct task *t, u64 *pc, size_t max);
void mach_heartbeat(u32 state);			   /* ABI_CPU_* */
void mach_emit_stacks(const char *text, size_t n); /* ABI_HC_STACKS */

/* The vDSO: an ELF image of whole pages, and the page of data mapped in front of it. */
const void *mach_vdso_image(size_t *size);
paddr_t mach_vvar_pa(void);
