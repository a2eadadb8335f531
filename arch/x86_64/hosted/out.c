/* out.c - log, panic, doorbells, hypercalls; kernel stacks; the switch of contexts
 *
 * A hypercall is a function of the boot process, called on the thread's own stack: kernel stacks
 * are not made for the C library. Kernel stacks are memory of the process, not of the guest, with
 * an inaccessible page (and more) below; freed ones are kept.
 * Locks: stack_lock for the list of free stacks; the CPUs' caches are [c].
 */
#include "abi/boot.h"
#include "hosted.h"
#include "init.h"
#include "log.h"
#include "poison.h"
#include "string.h"
#include "task.h"

#define BACKTRACE_MAX 24
#define CACHE_MAX     16u

static s64 call_out(void *vcpu, u32 nr)
{
	return plan->hypercall(vcpu, nr);
}

long hypercall(u32 nr)
{
	struct mach_cpu *m = &cpu_self()->mach;

	return host_stack_call(m->host_sp, call_out, m->vcpu, nr);
}

void hypercall_last(u32 nr)
{
	for (;;)
		hypercall(nr);
}

static void send_text(u32 nr, u64 arg, const char *text, size_t n)
{
	struct abi_cpu_block *b = cpu_self()->mach.block;

	while (n) {
		size_t part = MIN(n, sizeof(b->log));

		memcpy(b->log, text, part);
		b->arg[0] = arg;
		b->arg[1] = part;
		hypercall(nr);
		text += part;
		n -= part;
	}
}

void mach_log(int level, const char *text, size_t n)
{
	send_text(ABI_HC_LOG, (u64)level, text, n);
}

void mach_emit_stacks(const char *text, size_t n)
{
	send_text(ABI_HC_STACKS, 0, text, n);
}

void mach_heartbeat(u32 state)
{
	struct abi_cpu_block *b = cpu_self()->mach.block;

	WRITE_ONCE(b->state, state);
	WRITE_ONCE(b->heartbeat, b->heartbeat + 1);
}

void mach_doorbell(u32 index)
{
	u64 one = 1;
	int fd = -1;

	if (index == ABI_DOORBELL_CTL_ASK)
		fd = plan->doorbell_ask;
	else if (index == ABI_DOORBELL_CTL_TELL)
		fd = plan->doorbell_tell;
	else if (index >= ABI_DOORBELL_CHANNEL && index < ABI_DOORBELL_CHANNEL + HOSTED_CHANNELS)
		fd = plan->doorbell[index - ABI_DOORBELL_CHANNEL];
	host_call(HOST_write, (u64)fd, (u64)&one, sizeof(one), 0, 0, 0);
}

void mach_shutdown(int wait_status)
{
	cpu_self()->mach.block->arg[0] = (u64)(s64)wait_status;
	hypercall_last(ABI_HC_SHUTDOWN);
}

void mach_panic(const char *text)
{
	struct cpu *c = cpu_self();
	struct abi_cpu_block *b = c->mach.block;
	const struct task *task = c->curr;
	u64 pc[BACKTRACE_MAX];
	size_t depth = mach_backtrace(NULL, pc, BACKTRACE_MAX), n;

	for (u32 i = 0; i < 4; i++)
		b->arg[2 + i] = i < depth ? pc[i] : 0;
	n = (size_t)ksnprintf(b->log, sizeof(b->log), "%s\ncpu %u task %u (%s)\nbacktrace:\n", text,
			      c->id, task ? task->tid : 0, task ? task->comm : "none");
	for (size_t i = 0; i < depth && n < sizeof(b->log) - 64; i++)
		n += (size_t)ksnprintf(b->log + n, sizeof(b->log) - n, "  [<%016lx>]\n", pc[i]);
	b->arg[1] = MIN(n, sizeof(b->log) - 1);
	hypercall_last(ABI_HC_PANIC);
}

/* ---- stacks ---- */

static struct spinlock stack_lock = SPINLOCK_INIT(RANK_FRAMES);
static void *stack_list; /* stack_lock: linked by their first words */

static void *stack_new(void)
{
	s64 base = host_call(HOST_mmap, 0, 3ul * KSTACK_SIZE, HOST_PROT_READ | HOST_PROT_WRITE,
			     HOST_MAP_PRIVATE | HOST_MAP_ANON, ~0ull, 0);
	u64 at;

	if (base < 0)
		return NULL;
	/* Aligned to its size: a backtrace stays on it. */
	at = ROUND_UP((u64)base, (u64)KSTACK_SIZE) + KSTACK_SIZE;
	if (host_call(HOST_mprotect, at - KSTACK_SIZE, KSTACK_SIZE, HOST_PROT_NONE, 0, 0, 0))
		return NULL;
	return (void *)at;
}

/* A free stack cannot be touched but in its first word. */
static void *stack_take(void **list)
{
	void **s = *list;

	*list = *s;
	unpoison(s, KSTACK_SIZE);
	return s;
}

static void stack_put(void *stack, void **list)
{
	unpoison(stack, KSTACK_SIZE);
	*(void **)stack = *list;
	*list = stack;
	poison((char *)stack + sizeof(void *), KSTACK_SIZE - sizeof(void *));
}

void *mach_kstack_alloc(void)
{
	struct mach_cpu *m = &cpu_self()->mach;
	void *s = NULL;

	if (likely(m->stacks)) {
		m->nr_stacks--;
		return stack_take(&m->stacks);
	}
	spin_lock(&stack_lock);
	if (stack_list)
		s = stack_take(&stack_list);
	spin_unlock(&stack_lock);
	return s ? s : stack_new();
}

void mach_kstack_free(void *stack)
{
	struct mach_cpu *m = &cpu_self()->mach;

	if (m->nr_stacks < CACHE_MAX) {
		m->nr_stacks++;
		stack_put(stack, &m->stacks);
		return;
	}
	spin_lock(&stack_lock);
	stack_put(stack, &stack_list);
	spin_unlock(&stack_lock);
}

void mach_ctx_switch(struct task *prev, struct task *next)
{
	/* Another task of the space may run in the same thread of the stub. */
	if (prev->user.xstate)
		fpu_sync(&prev->user);
	cpu_self()->curr = next;
	ctx_swap(&prev->ctx.sp, next->ctx.sp);
}
