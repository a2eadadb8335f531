/* stats.c - counters as text: one "name value" a line (ABI_CTL_STATS)
 *
 * Provides: stats_text, stat_list. What every CPU counts for itself is added up here; counters of
 * rare events are named ones (stats.h), listed at their first use.
 * Locks: none; values are read while they change. Sleeps: never.
 * Tests: test/vm (the zero-exit contract reads them)
 */
#include "stats.h"
#include "cpu.h"
#include "frame.h"
#include "init.h"
#include "log.h"
#include "syscall.h"

static struct stat_counter *stat_first; /* [a] latest first */

void stat_list(struct stat_counter *s)
{
	if (a_xchg(&s->listed, 1))
		return;
	s->next = __atomic_load_n(&stat_first, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&stat_first, &s->next, s, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

struct text {
	char *buf;
	size_t size, n;
};

static void line(struct text *t, const char *group, const char *name, u64 value)
{
	size_t room = t->size - t->n;
	int n = ksnprintf(t->buf + t->n, room, "%s%s %lu\n", group, name, value);

	/* A line that does not fit is left out as a whole. */
	if ((size_t)n < room)
		t->n += (size_t)n;
	else
		t->buf[t->n] = '\0';
}

static void cpu_lines(struct text *t)
{
	u64 switches = 0, syscalls = 0, faults = 0, irqs = 0;

	for (u32 i = 0; i < cpu_count; i++) {
		const struct cpu *c = cpus[i];

		switches += READ_ONCE(c->nr_switches);
		syscalls += READ_ONCE(c->call_pos);
		faults += READ_ONCE(c->nr_faults);
		irqs += READ_ONCE(c->nr_irqs);
	}
	line(t, "", "cpus", cpu_count);
	line(t, "kernel.", "switches", switches);
	line(t, "kernel.", "syscalls", syscalls);
	line(t, "kernel.", "faults", faults);
	line(t, "kernel.", "interrupts", irqs);
}

static void memory_lines(struct text *t)
{
	struct frame_stats s;

	frame_get_stats(&s);
	line(t, "memory.", "limit", s.limit);
	line(t, "memory.", "total", s.total);
	line(t, "memory.", "free", s.free);
	line(t, "memory.", "anon", s.anon);
	line(t, "memory.", "cache", s.cache);
	line(t, "memory.", "kernel", s.kernel);
	line(t, "memory.", "dirty", s.dirty);
}

size_t stats_text(char *buf, size_t size)
{
	struct text t = {buf, size, 0};
	const struct stat_counter *s;

	if (!size)
		return 0;
	cpu_lines(&t);
	memory_lines(&t);
	for (s = __atomic_load_n(&stat_first, __ATOMIC_ACQUIRE); s; s = s->next)
		line(&t, "", s->name, s->read ? s->read(s) : (u64)a_load(&s->value));
	for (u32 nr = 0; nr < syscall_numbers(); nr++) {
		const char *name = syscall_name(nr);
		u64 n = syscall_count(nr);

		if (name && n)
			line(&t, "syscall.", name, n);
	}
	return t.n;
}
