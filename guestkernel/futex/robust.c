/* robust.c - locks of a thread that ends: set_robust_list(2), get_robust_list(2), clear_tid
 *
 * The list is the thread's own memory and may be anything: it is walked for a bounded number of
 * steps, and each lock word is changed only if it names the thread as its owner. */
#include "futex.h"
#include "futex_internal.h"
#include "syscalls_proto.h"

/* The lock at word was held by us: marks its owner dead and wakes one waiter. False: bad address.
 */
static bool release_lock(uaddr_t word, bool pending)
{
	u32 old, tid = current->tid;

	if (word.va % 4 || copy_in(&old, word, 4))
		return false;
	for (;;) {
		u32 seen = old;
		int err;

		/* Between unlocking and waking the next owner: the wake-up is ours to make. */
		if (pending && !old) {
			(void)futex_wake_user(word, 1);
			return true;
		}
		if ((old & ABI_FUTEX_TID_MASK) != tid)
			return true;
		err = cmpxchg_user_nofault(word, &old,
					   (old & ABI_FUTEX_WAITERS) | ABI_FUTEX_OWNER_DIED);
		if (err && mm_fault_in(word.va, 4, MACH_WRITE))
			return false;
		if (!err && old == seen)
			break;
	}
	if (old & ABI_FUTEX_WAITERS)
		(void)futex_wake_user(word, 1);
	return true;
}

static void walk_robust_list(void)
{
	struct abi_robust_list_head head;
	uaddr_t at = current->robust_list;
	u64 entry, next, pending;

	if (uaddr_is_null(at) || copy_in_obj(&head, at))
		return;
	pending = head.list_op_pending & ~1ull;
	entry = head.list;
	for (u32 i = 0; i < ABI_ROBUST_LIST_LIMIT && (entry & ~1ull) != at.va; i++) {
		u64 lock = entry & ~1ull;

		/* the next one first: a waiter that wakes may take the lock out of the list */
		if (copy_in_obj(&next, UADDR(lock)))
			return;
		/* bit 0: a lock with priority inheritance, of which there are none */
		if (lock != pending && !(entry & 1) &&
		    !release_lock(UADDR(lock + (u64)head.futex_offset), false))
			return;
		entry = next;
	}
	if (pending && !(head.list_op_pending & 1))
		(void)release_lock(UADDR(pending + (u64)head.futex_offset), true);
}

void futex_task_exit(void)
{
	struct task *t = current;

	if (!t->mm)
		return;
	walk_robust_list();
	t->robust_list = UADDR_NULL;
	/* of interest only to who shares the memory */
	if (!uaddr_is_null(t->clear_tid) && a_load(&t->mm->users) > 1) {
		if (!put_user32(t->clear_tid, 0))
			(void)futex_wake_user(t->clear_tid, 1);
	}
	t->clear_tid = UADDR_NULL;
}

long sys_set_robust_list(uaddr_t head, size_t len)
{
	if (len != sizeof(struct abi_robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

/* Another thread's list tells its memory's layout: asked for with the rights of its owner. */
static int list_of(int pid, uaddr_t *head)
{
	struct task *t = current;
	int err = 0;

	spin_lock(&tasklist_lock);
	if (pid)
		t = task_find(current->container, (u32)pid);
	if (!t)
		err = -ESRCH;
	else if (t->proc != current->proc && current->cred->euid != t->cred->uid &&
		 current->cred->euid != 0)
		err = -EPERM;
	else
		*head = t->robust_list;
	spin_unlock(&tasklist_lock);
	return err;
}

long sys_get_robust_list(int pid, uaddr_t head, uaddr_t len)
{
	uaddr_t list = UADDR_NULL;
	int err = pid < 0 ? -ESRCH : list_of(pid, &list);

	if (!err)
		err = put_user64(len, sizeof(struct abi_robust_list_head));
	return err ? err : put_user64(head, list.va);
}
