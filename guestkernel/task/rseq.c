/* rseq.c - restartable sequences (rseq(2))
 *
 * Before a task that was switched out returns to user mode, the CPU number in its area is brought
 * up to date, and if it was inside a critical section its program counter goes to the abort
 * handler. Everything read from the area is the application's word: each value is copied once and
 * checked; a bad one kills it with SIGSEGV, as Linux does. Sleeps: copies may fault. */
#include "abi/linux/sched.h"
#include "ksignal.h"
#include "sched.h"
#include "syscalls_proto.h"
#include "uaccess.h"

#define RSEQ_LEN	32u
#define RSEQ_ALIGN	32u
#define RSEQ_UNREGISTER 1

static int update_cpu(struct task *t)
{
	u32 ids[2] = {cpu_self()->id, cpu_self()->id}; /* cpu_id_start, cpu_id */

	return copy_out(t->rseq, ids, sizeof(ids));
}

/* The critical section that pc is in has ended by being interrupted. */
static int abort_section(struct task *t, u64 area)
{
	struct abi_rseq_cs cs;
	u64 pc = mach_user_pc(&t->user);
	u32 sig;

	if (copy_in_obj(&cs, UADDR(area)))
		return -EFAULT;
	if (cs.version != 0 || cs.start_ip + cs.post_commit_offset < cs.start_ip ||
	    cs.start_ip + cs.post_commit_offset > mach_user_top || cs.abort_ip >= mach_user_top)
		return -EINVAL;
	if (cs.abort_ip - cs.start_ip < cs.post_commit_offset)
		return -EINVAL;
	if (pc - cs.start_ip < cs.post_commit_offset) {
		if (copy_in_obj(&sig, UADDR(cs.abort_ip - 4)))
			return -EFAULT;
		if (sig != t->rseq_sig)
			return -EINVAL;
		mach_user_set_pc(&t->user, cs.abort_ip);
	}
	return zero_out(uaddr_add(t->rseq, offsetof(struct abi_rseq, rseq_cs)), 8);
}

int rseq_fixup(struct task *t)
{
	u64 cs;

	if (uaddr_is_null(t->rseq))
		return 0;
	if (copy_in_obj(&cs, uaddr_add(t->rseq, offsetof(struct abi_rseq, rseq_cs))))
		return -EFAULT;
	if (cs && (cs >= mach_user_top || abort_section(t, cs)))
		return -EFAULT;
	return update_cpu(t);
}

long sys_rseq(uaddr_t area, unsigned int len, int flags, unsigned int sig)
{
	struct task *t = current;

	if (flags & RSEQ_UNREGISTER) {
		u32 ids[2] = {0, 0xffffffffu};

		if (flags != RSEQ_UNREGISTER || t->rseq.va != area.va || uaddr_is_null(t->rseq) ||
		    len != t->rseq_len)
			return -EINVAL;
		if (sig != t->rseq_sig)
			return -EPERM;
		if (copy_out(area, ids, sizeof(ids)))
			return -EFAULT;
		t->rseq = UADDR_NULL;
		return 0;
	}
	if (flags)
		return -EINVAL;
	if (!uaddr_is_null(t->rseq)) {
		if (t->rseq.va != area.va || len != t->rseq_len)
			return -EINVAL;
		return sig == t->rseq_sig ? -EBUSY : -EPERM;
	}
	if (len != RSEQ_LEN || area.va % RSEQ_ALIGN)
		return -EINVAL;
	if (area.va >= mach_user_top)
		return -EFAULT;
	t->rseq = area;
	t->rseq_len = len;
	t->rseq_sig = sig;
	a_or(&t->sig_flags, TASK_WORK_RSEQ); /* the numbers are written before user mode */
	return 0;
}
