/* kernel.h - what the files of this machine share: see boot.c for the whole */
#pragma once
#include "cpu.h"
#include "x86.h"

#define DIRECT(gpa) mach_pa_to_va(PADDR(gpa))

struct x86_tss {
	u32 reserved0;
	u32 rsp[6]; /* rsp0..rsp2: not aligned in the hardware's layout */
	u32 reserved1[2];
	u32 ist[14]; /* ist1..ist7 */
	u32 reserved2[2];
	u16 reserved3, iomap;
} __attribute__((packed));
_Static_assert(sizeof(struct x86_tss) == 104, "the CPU's layout");

/* Interrupt stacks: what may arrive while the stack or GS cannot be trusted. */
enum x86_ist { IST_DF = 1, IST_NMI = 2, IST_MC = 3, IST_DB = 4 };
#define IST_SIZE 4096u

/* Descriptors of one CPU. [c] */
struct mach_desc {
	u64 gdt[16];
	struct x86_tss tss;
	u8 pad[24];
	/* KVM's steal-time record: the host writes it */
	struct {
		u64 steal;
		u32 version, flags;
		u8 preempted;
		u8 reserved[47];
	} steal aligned_to(64);
	u32 pv_eoi; /* bit 0, set by the host: the end of this interrupt needs no exit */
} aligned_to(64);

/* trap.S, entry.S, switch.S */
extern char syscall_entry[], ap_entry[], idle_halt_hlt[];
void idle_halt(void);
extern const u64 trap_stubs[256];
void ctx_swap(u64 *save_sp, u64 next_sp);
noreturn void stack_call(void *top, void (*fn)(void *arg), void *arg);
void ctx_start(void);
/* kernel.lds */
extern char image_start[], text_end[], rodata_end[], roinit_end[], image_end[];
extern char boot_stack[];

extern struct cpu boot_cpu;
extern u64 kernel_root; /* gpa of the kernel's own PML4. [I] */

/* boot.c */
extern struct abi_boot boot_info;

/* cpu.c */
void cpu_detect(void);
void cpu_load(struct cpu *c, struct mach_desc *d, void *ist_stacks); /* registers and tables */
void idt_init(void);
long hypercall(u32 nr);
noreturn void hypercall_last(u32 nr);

/* map.c */
void map_init(struct abi_boot *b); /* builds kernel_root; moves b->kernel_end up */
int map_kernel_page(u64 va, u64 pa, u64 flags) must_check;

/* space.c */
u64 *space_leaf(u64 root, u64 va);	  /* the entry of a page, null if there is no table */
int space_make(u64 root, u64 va, u64 up); /* makes the tables above it */

/* ctx.c */
void bases_save(struct mach_user *u); /* current task: .fs_base and .gs_base hold the latest */
void bases_load(const struct mach_user *u);

/* fpu.c */
void fpu_detect(void);
void fpu_load(struct mach_user *u);
void fpu_sync(struct mach_user *u);    /* current task: xstate holds the latest */
void fpu_suspend(struct mach_user *u); /* at a switch, if MACH_USER_FPU */
void fpu_reset(struct mach_user *u);
void fpu_copy(struct mach_user *child, struct mach_user *parent);

/* apic.c */
void apic_init_cpu(struct cpu *c);
void irq_dispatch(u32 vector);

/* trap.c */
u32 user_trap(void); /* returns enum mach_cause; the rest is in the task's struct mach_exit */
void kernel_trap(struct mach_user *f);
void ist_trap(struct mach_user *f);
u32 user_bad_pc(void); /* likewise */

/* ucopy.S: bytes left; a fault at the user's side ends the copy */
size_t ucopy(void *dst, const void *src, size_t n);
size_t uzero(void *dst, size_t n);
size_t ustr(char *dst, const char *src, size_t n, u64 *found);
int ucmpxchg(u32 *p, u32 *expected, u32 desired);
int uload32(const u32 *p, u32 *value);
struct extable_entry {
	s32 at, fix; /* relative to the field itself */
};
extern const struct extable_entry extable_start[], extable_end[];
extern const s32 smap_sites_start[], smap_sites_end[];

/* panic.c */
noreturn void trap_panic(const struct mach_user *f, const char *what);
