/* calls.c - sched_yield(2), affinity, policies, priorities, getcpu(2)
 *
 * Policies and real-time priorities are stored and told back; only nice has an effect (CAVEATS). */
#include "abi/linux/caps.h"
#include "abi/linux/resource.h"
#include "abi/linux/sched.h"
#include "log.h"
#include "quiesce.h"
#include "runq.h"
#include "syscalls_proto.h"
#include "string.h"
#include "uaccess.h"

long sys_sched_yield(void)
{
	sched_yield_now();
	return 0;
}

long sys_getcpu(uaddr_t cpu, uaddr_t node, uaddr_t unused)
{
	u32 id = cpu_self()->id;

	if (!uaddr_is_null(cpu) && put_user32(cpu, id))
		return -EFAULT;
	if (!uaddr_is_null(node) && put_user32(node, 0))
		return -EFAULT;
	return 0;
}

/* The task of a pid argument (0: the caller), valid until the caller blocks. */
static int sched_target(int pid, struct task **out)
{
	if (pid < 0)
		return -EINVAL;
	*out = pid ? task_find(current->container, (u32)pid) : current;
	return *out ? 0 : -ESRCH;
}

static bool may_change(const struct task *t)
{
	const struct cred *mine = current->cred, *its = t->cred;

	return mine->euid == its->euid || mine->euid == its->uid || capable(ABI_CAP_SYS_NICE);
}

void sched_set_affinity(struct task *t, const u64 *mask)
{
	memcpy(t->affinity, mask, sizeof(t->affinity));
	if (t == current) {
		if (!task_may_run_on(t, cpu_self()->id))
			schedule();
	} else if (a_load(&t->on_cpu)) {
		runq_kick(cpus[t->cpu]);
	}
}

long sys_sched_setaffinity(int pid, unsigned int len, uaddr_t umask)
{
	u64 mask[ABI_CPU_MAX / 64] = {0};
	bool any = false;
	struct task *t;
	int err;

	if (copy_in(mask, umask, MIN(len, sizeof(mask))))
		return -EFAULT;
	for (u32 i = 0; i < ABI_CPU_MAX; i++) {
		if (i >= cpu_count)
			mask[i / 64] &= ~(1ull << (i % 64));
		any |= (mask[i / 64] >> (i % 64)) & 1;
	}
	err = sched_target(pid, &t);
	if (err)
		return err;
	if (!may_change(t))
		return -EPERM;
	if (!any)
		return -EINVAL;
	sched_set_affinity(t, mask);
	return 0;
}

long sys_sched_getaffinity(int pid, unsigned int len, uaddr_t umask)
{
	u64 mask[ABI_CPU_MAX / 64];
	u32 size = ROUND_UP(cpu_count, 64) / 8;
	struct task *t;
	int err;

	if (len < size || len % 8)
		return -EINVAL;
	err = sched_target(pid, &t);
	if (err)
		return err;
	memcpy(mask, t->affinity, sizeof(mask));
	if (cpu_count % 64) /* only CPUs that exist: programs count the bits */
		mask[cpu_count / 64] &= (1ull << cpu_count % 64) - 1;
	if (copy_out(umask, mask, size))
		return -EFAULT;
	return size;
}

static bool policy_ok(int policy, int prio)
{
	switch (policy) {
	case ABI_SCHED_OTHER:
	case ABI_SCHED_BATCH:
	case ABI_SCHED_IDLE:
		return prio == 0;
	case ABI_SCHED_FIFO:
	case ABI_SCHED_RR:
		return prio >= 1 && prio <= 99;
	default:
		return false;
	}
}

static int change_policy(struct task *t, int policy, int prio)
{
	if (!policy_ok(policy, prio))
		return -EINVAL;
	if (!may_change(t))
		return -EPERM;
	if ((policy == ABI_SCHED_FIFO || policy == ABI_SCHED_RR) && !capable(ABI_CAP_SYS_NICE) &&
	    t->proc->rlim[ABI_RLIMIT_RTPRIO].rlim_cur < (u64)prio)
		return -EPERM;
	t->policy = (u8)policy;
	t->rt_prio = (u8)prio;
	return 0;
}

static long set_policy(int pid, int policy, uaddr_t uparam)
{
	struct abi_sched_param param;
	struct task *t;
	int err, base = policy & ~ABI_SCHED_RESET_ON_FORK;

	if (uaddr_is_null(uparam) || pid < 0)
		return -EINVAL;
	if (copy_in_obj(&param, uparam))
		return -EFAULT;
	err = sched_target(pid, &t);
	if (err)
		return err;
	if (policy == -1)
		base = t->policy;
	return change_policy(t, base, param.sched_priority);
}

long sys_sched_setscheduler(int pid, int policy, uaddr_t param)
{
	return policy < 0 ? -EINVAL : set_policy(pid, policy, param);
}

long sys_sched_setparam(int pid, uaddr_t param)
{
	return set_policy(pid, -1, param);
}

/* The caller's structure may be older (shorter) or newer: what we do not know must be zero. */
static int attr_copy_in(struct abi_sched_attr *a, uaddr_t uattr)
{
	char rest[64];
	u32 size;
	int err = copy_in_obj(&size, uattr);

	if (err)
		return err;
	if (!size)
		size = ABI_SCHED_ATTR_SIZE_VER0;
	if (size < ABI_SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE) {
		size = sizeof(*a);
		err = copy_out_obj(uattr, &size);
		return err ? err : -E2BIG;
	}
	memset(a, 0, sizeof(*a));
	err = copy_in(a, uattr, MIN((size_t)size, sizeof(*a)));
	for (size_t at = sizeof(*a); !err && at < size; at += sizeof(rest)) {
		size_t n = MIN(size - at, sizeof(rest));

		err = copy_in(rest, uaddr_add(uattr, at), n);
		for (size_t i = 0; !err && i < n; i++)
			err = rest[i] ? -E2BIG : 0;
	}
	return err;
}

long sys_sched_setattr(int pid, uaddr_t uattr, unsigned int flags)
{
	struct abi_sched_attr a;
	struct task *t;
	bool fair;
	int err;

	if (uaddr_is_null(uattr) || pid < 0 || flags)
		return -EINVAL;
	err = attr_copy_in(&a, uattr);
	if (err)
		return err;
	if (a.sched_policy > INT32_MAX || (a.sched_flags & ~1ull)) /* 1: reset on fork */
		return -EINVAL;
	fair = a.sched_policy == ABI_SCHED_OTHER || a.sched_policy == ABI_SCHED_BATCH;
	a.sched_nice = MAX(MIN(a.sched_nice, 19), -20);
	err = sched_target(pid, &t);
	if (err)
		return err;
	if (fair && a.sched_nice < t->nice && !capable(ABI_CAP_SYS_NICE) &&
	    20 - a.sched_nice > (s64)t->proc->rlim[ABI_RLIMIT_NICE].rlim_cur)
		return -EPERM;
	err = change_policy(t, (int)a.sched_policy, (int)MIN(a.sched_priority, 100u));
	if (!err && fair)
		t->nice = (int8_t)a.sched_nice;
	return err;
}

long sys_sched_getattr(int pid, uaddr_t uattr, unsigned int size, unsigned int flags)
{
	struct abi_sched_attr a = {0};
	struct task *t;
	int err;

	if (uaddr_is_null(uattr) || pid < 0 || flags || size < ABI_SCHED_ATTR_SIZE_VER0 ||
	    size > PAGE_SIZE)
		return -EINVAL;
	err = sched_target(pid, &t);
	if (err)
		return err;
	a.size = MIN(size, (unsigned)sizeof(a));
	a.sched_policy = t->policy;
	a.sched_nice = t->nice;
	a.sched_priority = t->rt_prio;
	return copy_out(uattr, &a, a.size);
}

long sys_sched_getscheduler(int pid)
{
	struct task *t;
	int err = sched_target(pid, &t);

	return err ? err : t->policy;
}

long sys_sched_getparam(int pid, uaddr_t uparam)
{
	struct abi_sched_param param;
	struct task *t;
	int err;

	if (uaddr_is_null(uparam))
		return -EINVAL;
	err = sched_target(pid, &t);
	if (err)
		return err;
	param.sched_priority = t->rt_prio;
	return copy_out_obj(uparam, &param);
}

long sys_sched_get_priority_max(int policy)
{
	if (policy == ABI_SCHED_FIFO || policy == ABI_SCHED_RR)
		return 99;
	return policy_ok(policy, 0) || policy == ABI_SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(int policy)
{
	if (policy == ABI_SCHED_FIFO || policy == ABI_SCHED_RR)
		return 1;
	return policy_ok(policy, 0) || policy == ABI_SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_rr_get_interval(int pid, uaddr_t uts)
{
	struct abi_timespec ts;
	struct task *t;
	int err = sched_target(pid, &t);

	if (err)
		return err;
	ts = ns_to_timespec(t->policy == ABI_SCHED_FIFO ? 0 : SLICE_NS);
	return copy_out_obj(uts, &ts);
}

/* Calls fn for every process that which and who of get/setpriority(2) name. */
static int for_priority(int which, int who, int (*fn)(struct proc *p, void *arg), void *arg)
{
	struct container *ct = current->container;
	int found = -ESRCH;

	spin_lock(&tasklist_lock);
	if (which == ABI_PRIO_PROCESS) {
		struct task *t = who ? task_find(ct, (u32)who) : current;

		if (t)
			found = fn(t->proc, arg);
	} else if (which == ABI_PRIO_PGRP) {
		struct pgrp *g = who ? pgrp_find(ct, (u32)who) : current->proc->pgrp;
		struct proc *p;

		if (g)
			TAILQ_FOREACH (p, &g->members, pgrp_link)
				found = fn(p, arg);
	} else {
		u32 uid = who ? (u32)who : current->cred->uid;

		for (struct proc *p = proc_next(ct, 0); p; p = proc_next(ct, p->pid + 1))
			if (p->leader && p->leader->cred && p->leader->cred->uid == uid)
				found = fn(p, arg);
	}
	spin_unlock(&tasklist_lock);
	return found;
}

static int best_nice(struct proc *p, void *arg)
{
	int *best = arg;

	*best = MIN(*best, (int)p->nice);
	return 0;
}

struct nice_request {
	int nice, err;
};

static int set_nice(struct proc *p, void *arg)
{
	struct nice_request *r = arg;
	struct task *t;

	if (!p->leader || !may_change(p->leader)) {
		r->err = -EPERM;
		return 0;
	}
	if (r->nice < p->nice && !capable(ABI_CAP_SYS_NICE) &&
	    20 - r->nice > (int)p->rlim[ABI_RLIMIT_NICE].rlim_cur) {
		r->err = -EACCES;
		return 0;
	}
	p->nice = (int8_t)r->nice;
	TAILQ_FOREACH (t, &p->threads, thread_link)
		t->nice = (int8_t)r->nice;
	return 0;
}

long sys_getpriority(int which, int who)
{
	int best = 20, err;

	if (which < ABI_PRIO_PROCESS || which > ABI_PRIO_USER)
		return -EINVAL;
	err = for_priority(which, who, best_nice, &best);
	return err ? err : 20 - best; /* 1..40: the library turns it round */
}

long sys_setpriority(int which, int who, int prio)
{
	struct nice_request r = {.nice = prio < -20 ? -20 : MIN(prio, 19)};
	int err;

	if (which < ABI_PRIO_PROCESS || which > ABI_PRIO_USER)
		return -EINVAL;
	err = for_priority(which, who, set_nice, &r);
	return err ? err : r.err;
}
