/* oom.c - out of memory: one process must go
 *
 * Called by the page allocator (its caller holds no spinlock) when reclaim found nothing. The
 * process of the sandbox with the most memory is killed; while one is dying, no other is chosen.
 * The kill frees memory when the victim leaves the kernel, so the caller waits a moment; a caller
 * that is the victim itself gives up its allocation and dies on its way to user mode. */
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "sched.h"
#include "task/task_internal.h"

a64_t oom_kills;

static u64 oom_points(struct proc *p)
{
	struct task *t;

	TAILQ_FOREACH (t, &p->threads, thread_link)
		if (t->mm && !t->dying)
			return 1 + a_load(&t->mm->rss_anon) + a_load(&t->mm->rss_file);
	return 0;
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
	struct proc *best = NULL;
	u64 most = 0;

	*dying = false;
	for (struct proc *p = proc_next(ct, 1); p; p = proc_next(ct, p->pid + 1)) {
		u64 points = oom_points(p);

		if (points && being_killed(p)) {
			*dying = true;
			return NULL;
		}
		/* init only if there is nobody else: with it the container ends */
		if (points > most && (p != ct->init || !best)) {
			best = p;
			most = points;
		} else if (points && best == ct->init && p != ct->init) {
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
