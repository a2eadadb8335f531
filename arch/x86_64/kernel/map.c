/* map.c - the kernel's own mappings
 *
 *   0xffff800000000000  direct map, gpa + base: RAM, shared region, channels; never executable
 *   0xffff808000000000  kernel stacks, each with an unmapped page below it (kstack.c)
 *   0xffffffff80000000  the image: text executable, .rodata and .roinit read-only, data no-execute
 *
 * The image's read-only pages are read-only in the direct map too. All tables above the leaves are
 * made at boot: the PML4's upper half never changes, so that address spaces copy it once.
 */
#include "kernel.h"
#include "abi/boot.h"
#include "init.h"
#include "log.h"
#include "string.h"

#define GIB  (1ull << 30)
#define MIB2 (1ull << 21)

u64 kernel_root;
static u64 bump;    /* next free gpa while booting */
static u64 slot_pd; /* without 1 GiB pages: tables for the slots to come, one page per GiB */
static u64 *direct_pdpt;

static u64 global(void)
{
	return x86.pge ? PTE_G : 0;
}

static u64 *table_new(u64 *entry)
{
	u64 *t = DIRECT(bump);

	memset(t, 0, PAGE_SIZE);
	*entry = bump | PTE_P | PTE_W | PTE_A;
	bump += PAGE_SIZE;
	return t;
}

static u64 *table_at(u64 *entry)
{
	return *entry & PTE_P ? DIRECT(*entry & PTE_ADDR) : table_new(entry);
}

static u64 image_flags(u64 va)
{
	if (va < (u64)text_end)
		return PTE_P | PTE_A | global();
	if (va < (u64)roinit_end)
		return PTE_P | PTE_A | PTE_NX | global();
	return PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX | global();
}

static void map_image(u64 *pml4, u64 gpa)
{
	u64 *pdpt = table_new(&pml4[511]), *pd = table_new(&pdpt[510]);

	for (u64 va = (u64)image_start; va < (u64)image_end; va += PAGE_SIZE) {
		u64 *pt = table_at(&pd[va >> 21 & 511]);

		if (va != (u64)boot_stack) /* the guard */
			pt[va >> 12 & 511] = (gpa + va - (u64)image_start) | image_flags(va);
	}
}

/* 1 GiB of the direct map in 2 MiB pages. */
static void map_gib(u64 *pd, u64 gpa)
{
	for (u64 i = 0; i < 512; i++)
		pd[i] = (gpa + i * MIB2) | PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS | PTE_NX |
			global();
}

/* Splits the blocks of the direct map that hold the image's read-only pages. */
static void protect_alias(u64 *pd, u64 gpa)
{
	u64 end = gpa + (u64)(roinit_end - image_start);

	for (u64 block = gpa & ~(MIB2 - 1); block < end; block += MIB2) {
		u64 *pt = table_new(&pd[block >> 21 & 511]);

		for (u64 i = 0; i < 512; i++) {
			u64 pa = block + i * PAGE_SIZE;
			u64 w = pa >= gpa && pa < end ? 0 : PTE_W | PTE_D;

			pt[i] = pa | PTE_P | w | PTE_A | PTE_NX | global();
		}
	}
}

static void map_slot(u64 gpa, u64 size)
{
	for (u64 end = gpa + size; gpa < end; gpa += GIB) {
		u64 *e = &direct_pdpt[gpa >> 30 & 511];

		if (*e & PTE_P)
			continue;
		if (x86.gbpages) {
			*e = gpa | PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS | PTE_NX | global();
		} else {
			u64 pd = slot_pd + ((gpa - ABI_GPA_RAM) >> 30) * PAGE_SIZE;

			map_gib(DIRECT(pd), gpa);
			*e = pd | PTE_P | PTE_W | PTE_A;
		}
	}
}

void map_init(struct abi_boot *b)
{
	u64 root, *pml4, *pd;

	bump = PAGE_ALIGN_UP(b->kernel_end);
	pml4 = table_new(&root);
	kernel_root = root & PTE_ADDR;
	direct_pdpt = table_new(&pml4[256]);
	table_new(&pml4[KVA_STACKS >> 39 & 511]);
	map_image(pml4, b->kernel_gpa);
	pd = table_new(&direct_pdpt[b->kernel_gpa >> 30 & 511]);
	map_gib(pd, b->kernel_gpa & ~(GIB - 1));
	protect_alias(pd, b->kernel_gpa);
	pd = table_new(&direct_pdpt[ABI_GPA_SHARED >> 30]);
	map_gib(pd, ABI_GPA_SHARED);
	memset(&pd[ABI_SHARED_SIZE / MIB2], 0, PAGE_SIZE - ABI_SHARED_SIZE / MIB2 * 8);
	map_gib(table_new(&direct_pdpt[ABI_GPA_CHANNEL >> 30]), ABI_GPA_CHANNEL);
	if (!x86.gbpages) {
		slot_pd = bump;
		bump += (b->ram_slots_max * b->ram_slot_size >> 30) * PAGE_SIZE;
	}
	for (u32 s = 0; s < b->ram_slots; s++)
		map_slot(ABI_GPA_RAM + s * b->ram_slot_size, b->ram_slot_size);
	b->kernel_end = bump;
}

int mach_ram_add(u32 slot)
{
	struct abi_cpu_block *block = cpu_self()->mach.block;

	if (slot != boot_info.ram_slots || slot >= boot_info.ram_slots_max)
		return -ENOMEM;
	block->arg[0] = slot;
	if (hypercall(ABI_HC_RAM_ADD))
		return -ENOMEM;
	map_slot(ABI_GPA_RAM + slot * boot_info.ram_slot_size, boot_info.ram_slot_size);
	boot_info.ram_slots++;
	return 0;
}

void mach_ram_release(u64 first_block, u64 count)
{
	struct abi_cpu_block *block = cpu_self()->mach.block;

	block->arg[0] = first_block;
	block->arg[1] = count;
	if (hypercall(ABI_HC_RAM_FREE))
		klog(LOG_WARN, "the host does not take memory back");
}

paddr_t mach_va_to_pa(const void *va)
{
	u64 v = (u64)va, *pte;

	if (v >= (u64)image_start)
		return PADDR(v - (u64)image_start + boot_info.kernel_gpa);
	if (v < KVA_STACKS)
		return PADDR(v - ABI_KVA_DIRECT);
	pte = space_leaf(kernel_root, v);
	kassert(pte && *pte & PTE_P);
	return PADDR((*pte & PTE_ADDR) | (v & (PAGE_SIZE - 1)));
}

int map_kernel_page(u64 va, u64 pa, u64 flags)
{
	int err = space_make(kernel_root, va, 0);

	if (err)
		return err;
	*space_leaf(kernel_root, va) = pa | PTE_P | PTE_A | PTE_NX | global() | flags;
	return 0;
}
