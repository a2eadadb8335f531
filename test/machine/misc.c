/* misc.c - the rest of arch/machine.h: contexts, stacks, RAM, log, channels that lead nowhere */
#include "machine.h"
#include "abi/boot.h"
#include "init.h"
#include "string.h"
#include "task.h"

char *machine_ram;
u64 machine_ram_size;
static struct abi_time_page time_page = {.flags = 0};

/* ---- contexts ---- */

void *mach_kstack_alloc(void)
{
	return fibre_stack(fibre_new());
}

void mach_kstack_free(void *stack)
{
	fibre_free(fibre_of_stack(stack));
}

void mach_ctx_init(struct task *t, void (*fn)(void *arg), void *arg)
{
	t->ctx.fibre = fibre_of_stack(t->kstack);
	fibre_start(t->ctx.fibre, fn, arg);
}

void mach_ctx_switch(struct task *prev, struct task *next)
{
	prev->ctx.fibre = fibre_self();
	cpu_self()->curr = next;
	fibre_switch(next->ctx.fibre);
}

static void ap_main(void *arg)
{
	cpu_main(arg);
}

void mach_cpu_start(struct cpu *c)
{
	struct fibre *f = fibre_new();

	fibre_start(f, ap_main, c);
	vcpu_add(c, f);
}

/* ---- memory ---- */

paddr_t mach_va_to_pa(const void *va)
{
	u64 off = (u64)((const char *)va - machine_ram);

	if (off >= machine_ram_size)
		host_fail("not an address of RAM: %p", va);
	return PADDR(ABI_GPA_RAM + off);
}

void mach_frame_zero(void *page)
{
	memset(page, 0, PAGE_SIZE);
}

void mach_frame_copy(void *restrict dst, const void *restrict src)
{
	memcpy(dst, src, PAGE_SIZE);
}

int mach_ram_add(u32 slot)
{
	return -ENOMEM;
}

void mach_ram_release(u64 first_block, u64 count)
{
}

/* ---- told to the outside ---- */

void mach_log(int level, const char *text, size_t n)
{
	host_log(text, n);
	host_log("\n", 1);
}

void mach_panic(const char *text)
{
	host_fail("panic: %s", text);
}

size_t mach_backtrace(const struct task *t, u64 *pc, size_t max)
{
	return 0;
}

void mach_heartbeat(u32 state)
{
}

void mach_emit_stacks(const char *text, size_t n)
{
	host_log(text, n);
}

void mach_doorbell(u32 index)
{
}

void *mach_channel(u32 c)
{
	return NULL;
}

void *mach_ctl_ask(void)
{
	return NULL;
}

void *mach_ctl_tell(void)
{
	return NULL;
}

const volatile struct abi_time_page *mach_time_page(void)
{
	return &time_page;
}

void mach_entropy(void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((u8 *)buf)[i] = (u8)(host_rand() >> 32);
}

/* ---- told to programs ---- */

u64 mach_hwcap(void)
{
	return 0;
}

u64 mach_hwcap2(void)
{
	return 0;
}

const char *mach_platform(void)
{
	return "scripted";
}

void mach_cpuinfo(char *buf, size_t size, u32 cpu)
{
	if (size)
		buf[0] = 0;
}
