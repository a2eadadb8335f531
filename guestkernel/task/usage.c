/* usage.c - what processes have used: getrusage(2), and the sums behind wait4 and times(2) */
#include "abi/linux/resource.h"
#include "ksignal.h"
#include "mm.h"
#include "sched.h"
#include "syscalls_proto.h"
#include "task/task_internal.h"
#include "uaccess.h"

void rusage_add(struct abi_rusage *to, const struct abi_rusage *from)
{
	to->ru_maxrss = MAX(to->ru_maxrss, from->ru_maxrss);
	to->ru_minflt += from->ru_minflt;
	to->ru_majflt += from->ru_majflt;
	to->ru_nvcsw += from->ru_nvcsw;
	to->ru_nivcsw += from->ru_nivcsw;
	to->ru_inblock += from->ru_inblock;
	to->ru_oublock += from->ru_oublock;
}

void rusage_add_task(struct abi_rusage *to, const struct task *t)
{
	to->ru_minflt += (s64)t->min_flt;
	to->ru_majflt += (s64)t->maj_flt;
	to->ru_nvcsw += (s64)t->nvcsw;
	to->ru_nivcsw += (s64)t->nivcsw;
}

static s64 mm_peak_kib(const struct mm *mm)
{
	u64 now = a_load(&mm->rss_anon) + a_load(&mm->rss_file);

	return (s64)(MAX(mm->hiwater_rss, now) * (PAGE_SIZE / 1024));
}

void task_note_rss(struct task *t)
{
	struct proc *p = t->proc;

	if (!t->mm)
		return;
	spin_lock(&p->sig_lock);
	p->dead_ru.ru_maxrss = MAX(p->dead_ru.ru_maxrss, mm_peak_kib(t->mm));
	spin_unlock(&p->sig_lock);
}

void proc_times(struct proc *p, u64 *user, u64 *sys)
{
	struct task *t;

	assert_held(&tasklist_lock);
	*user = p->dead_utime;
	*sys = p->dead_stime;
	TAILQ_FOREACH (t, &p->threads, thread_link) {
		*user += sched_task_utime(t);
		*sys += sched_task_stime(t);
	}
}

static void set_times(struct abi_rusage *ru, u64 user, u64 sys)
{
	ru->ru_utime =
		(struct abi_timeval){(s64)(user / NSEC_PER_SEC), (s64)(user % NSEC_PER_SEC / 1000)};
	ru->ru_stime =
		(struct abi_timeval){(s64)(sys / NSEC_PER_SEC), (s64)(sys % NSEC_PER_SEC / 1000)};
}

long sys_getrusage(int who, uaddr_t uru)
{
	struct proc *p = current->proc;
	struct abi_rusage ru = {0};
	struct task *t;
	u64 user, sys;

	spin_lock(&tasklist_lock);
	switch (who) {
	case ABI_RUSAGE_SELF:
		proc_times(p, &user, &sys);
		ru = p->dead_ru;
		TAILQ_FOREACH (t, &p->threads, thread_link)
			rusage_add_task(&ru, t);
		ru.ru_maxrss = MAX(ru.ru_maxrss, mm_peak_kib(current->mm));
		break;
	case ABI_RUSAGE_CHILDREN:
		ru = p->child_ru;
		user = p->child_utime;
		sys = p->child_stime;
		break;
	case ABI_RUSAGE_THREAD:
		user = sched_task_utime(current);
		sys = sched_task_stime(current);
		rusage_add_task(&ru, current);
		ru.ru_maxrss = mm_peak_kib(current->mm);
		break;
	default:
		spin_unlock(&tasklist_lock);
		return -EINVAL;
	}
	spin_unlock(&tasklist_lock);
	set_times(&ru, user, sys);
	return copy_out_obj(uru, &ru);
}
