/* stacks.c - all tasks with their kernel stacks, as text (ABI_CTL_STACKS)
 *
 * Addresses stand in [<...>]; the VMM puts the names to them. A task that runs on another CPU has
 * no stack to show: its frames change while they are read.
 * Locks: tasklist_lock, so that no task goes away. Sleeps: never.
 */
#include "init.h"
#include "init/control.h"
#include "log.h"
#include "syscall.h"
#include "task.h"

#define DEPTH 16

struct text {
	char *buf;
	size_t size, n;
};

static void printf_like(2, 3) add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(t->buf + t->n, t->size - t->n, fmt, ap);
	va_end(ap);
	t->n += MIN((size_t)n, t->size - t->n - 1);
}

static const char *state_name(const struct task *t)
{
	switch (a_load(&t->state)) {
	case TASK_RUNNING:
		return a_load(&t->on_cpu) ? "running" : "ready";
	case TASK_INTERRUPTIBLE:
		return "sleeping";
	case TASK_UNINTERRUPTIBLE:
	case TASK_KILLABLE:
		return "waiting";
	case TASK_STOPPED:
		return "stopped";
	case TASK_DEAD:
		return "dead";
	default:
		return "new";
	}
}

static void add_task(struct text *x, const struct task *t)
{
	const char *call = syscall_name(t->syscall_nr);
	u64 pc[DEPTH];
	size_t n = 0;

	add(x, "task %u of %u (%s) on cpu %u: %s, last call %s\n", t->tid, task_pid(t), t->comm,
	    t->cpu, state_name(t), call ? call : "none");
	if (t->kstack && !a_load(&t->on_cpu))
		n = mach_backtrace(t, pc, DEPTH);
	for (size_t i = 0; i < n; i++)
		add(x, "  [<%016lx>]\n", pc[i]);
}

static void add_container(struct text *x, struct container *c)
{
	struct proc *p;
	struct task *t;
	u32 from = 1;

	spin_lock(&tasklist_lock);
	while ((p = proc_next(c, from))) {
		TAILQ_FOREACH (t, &p->threads, thread_link)
			add_task(x, t);
		from = p->pid + 1;
	}
	spin_unlock(&tasklist_lock);
}

size_t stacks_text(char *buf, size_t size)
{
	struct text x = {buf, size, 0};

	if (!size)
		return 0;
	buf[0] = '\0';
	for (u32 id = 0; id < ABI_CHANNEL_MAX; id++) {
		struct container *c = container_find(id);

		if (c)
			add_container(&x, c);
	}
	add(&x, "last calls:\n");
	x.n += syscall_ring_text(x.buf + x.n, x.size - x.n);
	return x.n;
}
