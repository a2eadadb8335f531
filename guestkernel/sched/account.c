/* account.c - processor time of tasks, load averages
 *
 * A task's time on a CPU is exact (charged at each switch, and asked in flight); its division into
 * user and system time is an estimate: see SAMPLE in userloop.c. Load averages decay over one, five
 * and fifteen minutes and are brought up to date when somebody asks. */
#include "runq.h"

u64 sched_cpu_time(const struct task *t)
{
	u64 ran = t->run_ns, now;

	if (!a_load(&t->on_cpu) || a_load(&t->state) == TASK_DEAD)
		return ran;
	now = runq_now();
	return now > t->last_in ? ran + now - t->last_in : ran;
}

u64 sched_task_stime(const struct task *t)
{
	return MIN(t->stime_ns, sched_cpu_time(t));
}

u64 sched_task_utime(const struct task *t)
{
	return sched_cpu_time(t) - sched_task_stime(t);
}

#define LOAD_PERIOD_NS 5000000000ull
static struct {
	struct spinlock lock;
	u64 last;     /* [l] */
	u64 value[3]; /* [l] fixed point, 16 bits */
} load = {.lock = SPINLOCK_INIT(RANK_RUNQ)};

void sched_load(u64 out[3])
{
	/* e^(-5/60), e^(-5/300), e^(-5/900) in 16-bit fixed point */
	static const u64 decay[3] = {60296, 64453, 65173};
	u64 active = 0, now = runq_now();

	for (u32 i = 0; i < cpu_count; i++)
		if (cpus[i] && cpus[i]->runq)
			active += a_load(&cpus[i]->runq->nr) +
				  (cpus[i]->runq->running != cpus[i]->idle_task);
	spin_lock(&load.lock);
	for (u32 n = 0; now - load.last >= LOAD_PERIOD_NS && n < 720; n++) {
		for (u32 i = 0; i < 3; i++)
			load.value[i] =
				(load.value[i] * decay[i] + (active << 16) * (65536 - decay[i])) >>
				16;
		load.last += LOAD_PERIOD_NS;
	}
	if (now - load.last >= LOAD_PERIOD_NS)
		load.last = now;
	for (u32 i = 0; i < 3; i++)
		out[i] = load.value[i];
	spin_unlock(&load.lock);
}
