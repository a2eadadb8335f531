/* limits.c - resource limits: prlimit64(2), getrlimit(2), setrlimit(2) */
#include "abi/linux/caps.h"
#include "abi/linux/resource.h"
#include "ksignal.h"
#include "syscalls_proto.h"
#include "task/task_internal.h"
#include "uaccess.h"

#define NOFILE_MAX 1048576ull /* what fs.nr_open is on Linux */

static int limit_check(u32 resource, const struct abi_rlimit *new, const struct abi_rlimit *old)
{
	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (resource == ABI_RLIMIT_NOFILE && new->rlim_max > NOFILE_MAX)
		return -EPERM;
	if (new->rlim_max > old->rlim_max && !capable(ABI_CAP_SYS_RESOURCE))
		return -EPERM;
	return 0;
}

/* [t] held: may the caller read and change t's limits? */
static bool may_limit(const struct task *t)
{
	const struct cred *mine = current->cred, *its = t->cred;

	if (t->proc == current->proc || capable(ABI_CAP_SYS_RESOURCE))
		return true;
	return mine->uid == its->euid && mine->uid == its->suid && mine->uid == its->uid &&
	       mine->gid == its->egid && mine->gid == its->sgid && mine->gid == its->gid;
}

static int do_prlimit(int pid, u32 resource, const struct abi_rlimit *new, struct abi_rlimit *old)
{
	struct task *t;
	int err = -ESRCH;

	if (resource >= ABI_RLIM_NLIMITS)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	t = pid ? (pid > 0 ? task_find(current->container, (u32)pid) : NULL) : current;
	if (!t)
		goto out_unlock;
	err = -EPERM;
	if (!may_limit(t))
		goto out_unlock;
	spin_lock(&t->proc->sig_lock);
	*old = t->proc->rlim[resource];
	err = new ? limit_check(resource, new, old) : 0;
	if (new && !err) {
		t->proc->rlim[resource] = *new;
		if (resource == ABI_RLIMIT_CPU)
			time_cpu_limit_locked(t->proc);
	}
	spin_unlock(&t->proc->sig_lock);
out_unlock:
	spin_unlock(&tasklist_lock);
	return err;
}

long sys_prlimit64(int pid, int resource, uaddr_t unew, uaddr_t uold)
{
	struct abi_rlimit new, old;
	bool set = !uaddr_is_null(unew);
	int err;

	if (set && copy_in_obj(&new, unew))
		return -EFAULT;
	err = do_prlimit(pid, (u32)resource, set ? &new : NULL, &old);
	if (err)
		return err;
	return uaddr_is_null(uold) ? 0 : copy_out_obj(uold, &old);
}

long sys_getrlimit(int resource, uaddr_t lim)
{
	struct abi_rlimit old;
	int err = do_prlimit(0, (u32)resource, NULL, &old);

	return err ? err : copy_out_obj(lim, &old);
}

long sys_setrlimit(int resource, uaddr_t lim)
{
	struct abi_rlimit new, old;

	if (copy_in_obj(&new, lim))
		return -EFAULT;
	return do_prlimit(0, (u32)resource, &new, &old);
}
