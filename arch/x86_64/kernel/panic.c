/* panic.c - what leaves by the hypercall port: log, panic, shutdown, doorbells */
#include "abi/boot.h"
#include "init.h"
#include "kernel.h"
#include "log.h"
#include "string.h"
#include "task.h"

#define BACKTRACE_MAX 24

void mach_log(int level, const char *text, size_t n)
{
	struct abi_cpu_block *b = cpu_self()->mach.block;

	while (n) {
		size_t part = MIN(n, sizeof(b->log));

		memcpy(b->log, text, part);
		b->arg[0] = (u64)level;
		b->arg[1] = part;
		hypercall(ABI_HC_LOG);
		text += part;
		n -= part;
	}
}

void mach_emit_stacks(const char *text, size_t n)
{
	struct abi_cpu_block *b = cpu_self()->mach.block;

	while (n) {
		size_t part = MIN(n, sizeof(b->log));

		memcpy(b->log, text, part);
		b->arg[1] = part;
		hypercall(ABI_HC_STACKS);
		text += part;
		n -= part;
	}
}

void mach_heartbeat(u32 state)
{
	struct abi_cpu_block *b = cpu_self()->mach.block;

	WRITE_ONCE(b->state, state);
	WRITE_ONCE(b->heartbeat, b->heartbeat + 1);
}

void mach_doorbell(u32 index)
{
	x86_outl(ABI_PORT_DOORBELL, index);
}

void mach_shutdown(int wait_status)
{
	cpu_self()->mach.block->arg[0] = (u64)(s64)wait_status;
	hypercall_last(ABI_HC_SHUTDOWN);
}

struct panic_text {
	struct abi_cpu_block *block;
	size_t n;
};

static void printf_like(2, 3) add(struct panic_text *t, const char *fmt, ...)
{
	size_t room = sizeof(t->block->log) - t->n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(t->block->log + t->n, room, fmt, ap);
	va_end(ap);
	t->n += MIN((size_t)n, room - 1);
}

static void add_backtrace(struct panic_text *t, const u64 *fp)
{
	u64 low = (u64)fp & ~(KSTACK_SIZE - 1ul);
	u64 high = low + KSTACK_SIZE;

	for (u32 i = 0; i < BACKTRACE_MAX; i++) {
		/* Another stack's frames may follow (an interrupt stack's): do not guess. */
		if ((u64)fp < KVA_STACKS || (u64)fp & 7 || (u64)fp < low || (u64)fp >= high - 8)
			return;
		if (!fp[1])
			return;
		add(t, "  [<%016lx>]\n", fp[1]);
		if (i < 4)
			t->block->arg[2 + i] = fp[1];
		if (fp[0] <= (u64)fp)
			return;
		fp = (const u64 *)fp[0];
	}
}

static void add_registers(struct panic_text *t, const struct mach_user *f)
{
	add(t, "vector %lu error %lx cr2 %016lx cr3 %lx\n", f->vector, f->error, x86_cr2(),
	    x86_cr3());
	add(t, "rip %016lx cs %lx flags %lx rsp %016lx\n", f->rip, f->cs, f->rflags, f->rsp);
	add(t, "rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	add(t, "rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
	add(t, "r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
	add(t, "r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
}

static noreturn void panic_out(const struct mach_user *f, const char *text, const u64 *fp)
{
	struct cpu *c = cpu_self();
	struct panic_text t = {.block = c->mach.block};
	const struct task *task = c->curr;

	for (u32 i = 2; i < 6; i++)
		t.block->arg[i] = 0;
	add(&t, "%s\n", text);
	add(&t, "cpu %u task %u (%s)\n", c->id, task ? task->tid : 0, task ? task->comm : "none");
	if (f)
		add_registers(&t, f);
	add(&t, "backtrace:\n");
	if (f && !(f->cs & 3))
		add(&t, "  [<%016lx>]\n", f->rip);
	add_backtrace(&t, fp);
	t.block->arg[1] = t.n;
	hypercall_last(ABI_HC_PANIC);
}

void trap_panic(const struct mach_user *f, const char *what)
{
	panic_out(f, what, (const u64 *)(f->cs & 3 ? 0 : f->rbp));
}

void mach_panic(const char *text)
{
	panic_out(NULL, text, __builtin_frame_address(0));
}
