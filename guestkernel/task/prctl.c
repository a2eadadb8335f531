/* prctl.c - prctl(2), arch_prctl(2), personality(2), set_tid_address(2)
 *
 * Differs from Linux: operations on seccomp, memory layout (PR_SET_MM) and speculation answer
 * -EINVAL; transparent huge pages are not ours to turn off, so that setting is refused too. */
#include "abi/linux/caps.h"
#include "abi/linux/prctl.h"
#include "ksignal.h"
#include "mm.h"
#include "string.h"
#include "syscalls_proto.h"
#include "task/cred_internal.h"
#include "task/task_internal.h"
#include "uaccess.h"

static long set_name(uaddr_t uname)
{
	char name[16] = {0};
	ssize_t n = copy_in_str(name, uname, sizeof(name));

	if (n == -EFAULT)
		return -EFAULT;
	name[sizeof(name) - 1] = '\0';
	memcpy(current->comm, name, sizeof(name));
	return 0;
}

static long drop_bounding(unsigned long cap)
{
	struct cred *c;

	if (cap > ABI_CAP_LAST_CAP)
		return -EINVAL;
	if (!capable(ABI_CAP_SETPCAP))
		return -EPERM;
	c = cred_new_copy(current->cred);
	if (!c)
		return -ENOMEM;
	c->cap_bset &= ~ABI_CAP_BIT(cap);
	cred_install(c);
	return 0;
}

static long ambient(unsigned long op, unsigned long cap)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (op == ABI_PR_CAP_AMBIENT_CLEAR_ALL ? cap != 0 : cap > ABI_CAP_LAST_CAP)
		return -EINVAL;
	if (op == ABI_PR_CAP_AMBIENT_IS_SET)
		return (old->cap_amb >> cap) & 1;
	if (op == ABI_PR_CAP_AMBIENT_RAISE && !((old->cap_perm & old->cap_inh) >> cap & 1))
		return -EPERM;
	if (op < ABI_PR_CAP_AMBIENT_IS_SET || op > ABI_PR_CAP_AMBIENT_CLEAR_ALL)
		return -EINVAL;
	c = cred_new_copy(old);
	if (!c)
		return -ENOMEM;
	if (op == ABI_PR_CAP_AMBIENT_RAISE)
		c->cap_amb |= ABI_CAP_BIT(cap);
	else if (op == ABI_PR_CAP_AMBIENT_LOWER)
		c->cap_amb &= ~ABI_CAP_BIT(cap);
	else
		c->cap_amb = 0;
	cred_install(c);
	return 0;
}

/* Operations that set something of the process. */
static long prctl_set(struct proc *p, int op, unsigned long a2, bool rest_zero)
{
	switch (op) {
	case ABI_PR_SET_PDEATHSIG:
		if (a2 > ABI_NSIG)
			return -EINVAL;
		current->pdeath_sig = (int)a2;
		return 0;
	case ABI_PR_SET_DUMPABLE:
		if (a2 > 1)
			return -EINVAL;
		p->dumpable = a2;
		return 0;
	case ABI_PR_SET_KEEPCAPS:
		if (a2 > 1)
			return -EINVAL;
		p->keep_caps = a2;
		return 0;
	case ABI_PR_SET_TIMERSLACK:
		/* An upper bound on lateness that timers here keep whatever it is. */
		current->timer_slack = a2 ? a2 : current->timer_slack_default;
		return 0;
	case ABI_PR_SET_CHILD_SUBREAPER:
		p->subreaper = a2 != 0;
		return 0;
	case ABI_PR_SET_NO_NEW_PRIVS:
		if (a2 != 1 || !rest_zero)
			return -EINVAL;
		p->no_new_privs = true;
		return 0;
	case ABI_PR_SET_PTRACER:
		return 0; /* nothing traces */
	default:
		return -EINVAL;
	}
}

static long prctl_get(struct proc *p, int op, unsigned long a2)
{
	switch (op) {
	case ABI_PR_GET_PDEATHSIG:
		return put_user32(UADDR(a2), (u32)current->pdeath_sig);
	case ABI_PR_GET_DUMPABLE:
		return p->dumpable;
	case ABI_PR_GET_KEEPCAPS:
		return p->keep_caps;
	case ABI_PR_GET_TIMERSLACK:
		return (long)current->timer_slack;
	case ABI_PR_GET_CHILD_SUBREAPER:
		return put_user32(UADDR(a2), p->subreaper);
	case ABI_PR_GET_NO_NEW_PRIVS:
		return p->no_new_privs;
	case ABI_PR_GET_SECUREBITS:
		return current->cred->securebits;
	case ABI_PR_GET_SECCOMP:
	case ABI_PR_GET_THP_DISABLE:
		return 0;
	case ABI_PR_GET_TID_ADDRESS:
		return put_user64(UADDR(a2), current->clear_tid.va);
	case ABI_PR_CAPBSET_READ:
		return a2 > ABI_CAP_LAST_CAP ? -EINVAL : (current->cred->cap_bset >> a2) & 1;
	default:
		return -EINVAL;
	}
}

long sys_prctl(int op, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct proc *p = current->proc;

	switch (op) {
	case ABI_PR_SET_NAME:
		return set_name(UADDR(a2));
	case ABI_PR_GET_NAME:
		return copy_out(UADDR(a2), current->comm, sizeof(current->comm));
	case ABI_PR_CAPBSET_DROP:
		return drop_bounding(a2);
	case ABI_PR_CAP_AMBIENT:
		return a4 || a5 ? -EINVAL : ambient(a2, a3);
	case ABI_PR_SET_PDEATHSIG:
	case ABI_PR_SET_DUMPABLE:
	case ABI_PR_SET_KEEPCAPS:
	case ABI_PR_SET_TIMERSLACK:
	case ABI_PR_SET_CHILD_SUBREAPER:
	case ABI_PR_SET_NO_NEW_PRIVS:
	case ABI_PR_SET_PTRACER:
		return prctl_set(p, op, a2, !a3 && !a4 && !a5);
	default:
		return prctl_get(p, op, a2);
	}
}

long sys_arch_prctl(int op, unsigned long addr)
{
	return mach_arch_prctl(op, UADDR(addr));
}

long sys_set_tid_address(uaddr_t tid)
{
	current->clear_tid = tid;
	return current->tid;
}

long sys_personality(unsigned int persona)
{
	struct proc *p = current->proc;
	u32 old = p->personality;

	if (persona != 0xffffffffu)
		p->personality = persona;
	return old;
}
