/* cpu.c - what the processor can do; descriptor tables and control registers of one CPU */
#include "kernel.h"
#include "abi/boot.h"
#include "string.h"

struct x86_features x86;
u64 ap_cr4; /* for entry.S: what a CPU needs before it can use the kernel's tables */

#define BIT(n) (1u << (n))

static void cpu_detect_kvm(void)
{
	struct x86_cpuid r = x86_cpuid(0x40000000, 0);

	if (r.b != 0x4b4d564b || r.c != 0x564b4d56 || r.d != 0x4d) /* "KVMKVMKVM" */
		return;
	r = x86_cpuid(0x40000001, 0);
	x86.pv_steal = r.a & BIT(5);
	x86.pv_eoi = r.a & BIT(6);
	x86.pv_yield = r.a & BIT(13);
}

void cpu_detect(void)
{
	struct x86_cpuid r = x86_cpuid(0, 0);
	u32 max = r.a;

	x86.amd = r.c == 0x444d4163 || r.c == 0x656e6975; /* ..."cAMD", Hygon's "uine" */
	r = x86_cpuid(1, 0);
	x86.pge = r.d & BIT(13);
	x86.mce = r.d & BIT(7);
	x86.deadline = r.c & BIT(24);
	x86.rdrand = r.c & BIT(30);
	if (max >= 7) {
		r = x86_cpuid(7, 0);
		x86.fsgsbase = r.b & BIT(0);
		x86.smep = r.b & BIT(7);
		x86.smap = r.b & BIT(20);
		x86.umip = r.c & BIT(2);
	}
	r = x86_cpuid(0x80000001, 0);
	x86.gbpages = r.d & BIT(26);
	x86.rdtscp = r.d & BIT(27);
	ap_cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
	ap_cr4 |= x86.pge ? CR4_PGE : 0;
	ap_cr4 |= x86.mce ? CR4_MCE : 0;
	ap_cr4 |= x86.umip ? CR4_UMIP : 0;
	ap_cr4 |= x86.fsgsbase ? CR4_FSGSBASE : 0;
	ap_cr4 |= x86.smep ? CR4_SMEP : 0;
	ap_cr4 |= x86.smap ? CR4_SMAP : 0;
	cpu_detect_kvm();
}

/* Writes stac and clac over with a nop of their length where the CPU has neither. The text is
 * still writable: before map_init()'s tables are loaded. */
static void smap_patch(void)
{
	static const u8 nop3[3] = {0x0f, 0x1f, 0x00};

	if (x86.smap)
		return;
	for (const s32 *p = smap_sites_start; p < smap_sites_end; p++)
		memcpy((char *)p + *p, nop3, sizeof(nop3));
}

struct idt_gate {
	u16 low, sel;
	u8 ist, type;
	u16 mid;
	u32 high, zero;
};
static struct idt_gate idt[256] __attribute__((section(".roinit"), aligned(4096)));

void idt_init(void)
{
	smap_patch();
	for (u32 i = 0; i < 256; i++) {
		u64 to = trap_stubs[i];

		idt[i] = (struct idt_gate){
			.low = (u16)to,
			.sel = SEL_KERNEL_CS,
			.type = 0x8e, /* interrupt gate, ring 0 */
			.mid = (u16)(to >> 16),
			.high = (u32)(to >> 32),
		};
	}
	idt[VEC_BP].type = idt[VEC_OF].type = 0xee; /* int3, into: allowed in ring 3 */
	idt[VEC_DF].ist = IST_DF;
	idt[VEC_NMI].ist = IST_NMI;
	idt[VEC_MC].ist = IST_MC;
	idt[VEC_DB].ist = IST_DB;
}

static void gdt_fill(struct cpu *c, struct mach_desc *d)
{
	u64 tss = (u64)&d->tss;

	memset(d->gdt, 0, sizeof(d->gdt));
	d->gdt[SEL_KERNEL_CS / 8] = 0x00af9b000000ffffull;
	d->gdt[SEL_KERNEL_DS / 8] = 0x00cf93000000ffffull;
	d->gdt[SEL_USER_DS / 8] = 0x00cff3000000ffffull;
	d->gdt[SEL_USER_CS / 8] = 0x00affb000000ffffull;
	/* A byte-granular data segment of ring 3 with the CPU's number as its limit. */
	d->gdt[SEL_CPU / 8] =
		0x0040f50000000000ull | (c->id & 0xffff) | (u64)(c->id >> 16 & 0xf) << 48;
	d->gdt[SEL_TSS / 8] = (sizeof(d->tss) - 1) | (tss & 0xffffff) << 16 |
			      0x0000890000000000ull | (tss >> 24 & 0xff) << 56;
	d->gdt[SEL_TSS / 8 + 1] = tss >> 32;
}

static void tss_fill(struct cpu *c, struct mach_desc *d, char *ist_stacks)
{
	memset(&d->tss, 0, sizeof(d->tss));
	for (u32 i = 0; i < 4; i++) {
		/* trap_ist finds its CPU here. */
		u64 *top = (u64 *)(void *)(ist_stacks + (i + 1) * IST_SIZE - 16);

		*top = (u64)c;
		memcpy(&d->tss.ist[i * 2], &top, sizeof(top));
	}
	d->tss.iomap = sizeof(d->tss); /* behind the limit: no port is allowed in ring 3 */
}

static void load_tables(struct mach_desc *d)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) gdtr = {sizeof(d->gdt) - 1, (u64)d->gdt},
				  idtr = {sizeof(idt) - 1, (u64)idt};

	__asm__ volatile("lgdt %0\n\t"
			 "lidt %1\n\t"
			 "pushq %2\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tmovl %3, %%eax\n\t"
			 "movl %%eax, %%ss\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "movl %%eax, %%fs\n\t"
			 "movl %%eax, %%gs\n\t"
			 "lldt %%ax\n\t"
			 "movl %4, %%eax\n\t"
			 "ltr %%ax\n\t" ::"m"(gdtr),
			 "m"(idtr), "i"(SEL_KERNEL_CS), "i"(SEL_KERNEL_DS), "i"(SEL_TSS)
			 : "rax", "memory");
}

void cpu_load(struct cpu *c, struct mach_desc *d, void *ist_stacks)
{
	c->mach.desc = d;
	c->mach.tss_rsp0 = (u64 *)(void *)((char *)&d->tss + offsetof(struct x86_tss, rsp));
	c->mach.timer_armed = ~0ull;
	c->heartbeat =
		&((struct abi_cpu_block *)DIRECT(ABI_GPA_SHARED + ABI_SHARED_CPU))[c->id].heartbeat;
	c->mach.block =
		DIRECT(ABI_GPA_SHARED + ABI_SHARED_CPU + (u64)c->id * sizeof(struct abi_cpu_block));
	gdt_fill(c, d);
	tss_fill(c, d, ist_stacks);
	x86_set_cr4(ap_cr4);
	x86_wrmsr(MSR_EFER, EFER_SCE | EFER_LME | EFER_LMA | EFER_NX);
	x86_set_cr0(CR0_ENTRY);
	x86_set_cr3(kernel_root);
	load_tables(d);
	x86_wrmsr(MSR_GS_BASE, (u64)c);
	x86_wrmsr(MSR_KERNEL_GS_BASE, 0);
	x86_wrmsr(MSR_FS_BASE, 0);
	x86_wrmsr(MSR_STAR, (u64)SEL_KERNEL_CS << 32 | (u64)(SEL_USER_DS - 8) << 48);
	x86_wrmsr(MSR_LSTAR, (u64)syscall_entry);
	/* DF and AC above all: ring 0 relies on them. The rest so that nothing leaks in. */
	x86_wrmsr(MSR_SFMASK, FLAG_USER_MASK | FLAG_IF | FLAG_NT | FLAG_IOPL);
	if (x86.rdtscp)
		x86_wrmsr(MSR_TSC_AUX, c->id);
	__asm__ volatile("xsetbv" ::"c"(0), "a"((u32)x86.xcr0), "d"((u32)(x86.xcr0 >> 32)));
	if (x86.pv_steal)
		x86_wrmsr(MSR_KVM_STEAL_TIME, mach_va_to_pa(&d->steal).pa | 1);
	if (x86.pv_eoi)
		x86_wrmsr(MSR_KVM_PV_EOI, mach_va_to_pa(&d->pv_eoi).pa | 1);
}

long hypercall(u32 nr)
{
	struct abi_cpu_block *b = cpu_self()->mach.block;

	x86_outl(ABI_PORT_HYPERCALL, nr);
	return READ_ONCE(b->ret);
}

void hypercall_last(u32 nr)
{
	for (;;)
		hypercall(nr);
}
