/* oom.c - out of memory: one process must go
 *
 * Called by the page allocator (its caller holds no spinlock) when reclaim found nothing. The
 * process of the sandbox with the most memory is killed, oom_score_adj (proc_pid_oom_score_adj(5))
 * taken into account; while one is dying, no other is chosen. Init and processes at OOM_ADJ_MIN go
 * only when nobody else is left: the kernel itself never stops for want of memory.
 * The kill frees memory when the victim leaves the kernel, so the caller waits a moment; a caller
 * that is the victim itself gives up its allocation and dies on its way to user mode. */
#include "abi/linux/caps.h"
#include "frame.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "sched.h"
#include "task/task_internal.h"

a64_t oom_kills;

/* Frames, moved by the adjustment in thousandths of all; 0: it has none to give. */
static u64 oom_points(struct proc *p, u64 total)
{
	struct task *t;

	TAILQ_FOREACH (t, &p->threads, thread_link)
		if (t->mm && !t->dying) {
			s64 n = (s64)(a_load(&t->mm->rss_anon) + a_load(&t->mm->rss_file));

			n += READ_ONCE(p->oom_adj) * ((s64)total / 1000);
			return n > 0 ? (u64)n : 1;
		}
	return 0;
}

static u64 total_frames(void)
{
	struct frame_stats st;

	frame_get_stats(&st);
	return MAX(st.limit ? MIN(st.limit, st.total) : st.total, 1);
}

u64 proc_oom_score(struct proc *p)
{
	u64 total = total_frames(), points;
	s64 adj = READ_ONCE(p->oom_adj);

	if (adj == OOM_ADJ_MIN)
		return 0;
	spin_lock(&tasklist_lock);
	points = oom_points(p, total);
	spin_unlock(&tasklist_lock);
	if (points == 1 && adj < 0)
		return (u64)((1000 + adj) * 2 / 3);
	return MIN((1000 + points * 1000 / total) * 2 / 3, 2000);
}

int proc_set_oom_adj(struct proc *p, int adj)
{
	bool privileged = capable(ABI_CAP_SYS_RESOURCE);

	if (adj < OOM_ADJ_MIN || adj > OOM_ADJ_MAX)
		return -EINVAL;
	if (adj < READ_ONCE(p->oom_adj_min) && !privileged)
		return -EACCES;
	WRITE_ONCE(p->oom_adj, adj);
	if (privileged)
		WRITE_ONCE(p->oom_adj_min, adj);
	return 0;
}

/* It goes only if there is nobody else: with init the container ends. */
static bool oom_spared(const struct container *ct, const struct proc *p)
{
	return p == ct->init || READ_ONCE(p->oom_adj) == OOM_ADJ_MIN;
}

static bool being_killed(struct proc *p)
{
	struct task *t;

	TAILQ_FOREACH (t, &p->threads, thread_link)
		if (t->mm && signal_kill_pending(t))
			return true;
	return false;
}

/* The victim with a reference, null if one is dying already or nobody is left. */
static struct proc *oom_choose(struct container *ct, bool *dying)
{
	u64 most = 0, total = total_frames();
	struct proc *best = NULL;

	*dying = false;
	for (struct proc *p = proc_next(ct, 1); p; p = proc_next(ct, p->pid + 1)) {
		u64 points = oom_points(p, total);
		bool spared = oom_spared(ct, p);

		if (points && being_killed(p)) {
			*dying = true;
			return NULL;
		}
		if (points && (!best || (points > most && spared == oom_spared(ct, best)) ||
			       (!spared && oom_spared(ct, best)))) {
			best = p;
			most = points;
		}
	}
	return best;
}

void oom_kill(void)
{
	struct container *ct = current->container;
	struct proc *victim;
	bool dying;

	if (!ct) {
		klog_once(LOG_WARN, "out of memory in a kernel task");
		return;
	}
	spin_lock(&tasklist_lock);
	victim = oom_choose(ct, &dying);
	if (victim) {
		klog(LOG_WARN, "out of memory: killing process %u (%s)", victim->pid,
		     victim->leader ? victim->leader->comm : "?");
		a_add(&oom_kills, 1);
		(void)signal_send_proc(victim, ABI_SIGKILL, NULL);
	}
	spin_unlock(&tasklist_lock);
	if (signal_kill_pending(current))
		return;
	/* Let the victim run. */
	sched_set_state(TASK_KILLABLE);
	(void)sched_block_until(time_mono_ns() + 2000000);
}
