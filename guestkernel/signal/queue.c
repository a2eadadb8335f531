/* queue.c - pending signals
 *
 * Owns: struct sigpending of tasks and processes: a bit per signal, and a queue with the
 *   information of each instance. A bit without an entry is a signal whose information found no
 *   memory: it is delivered all the same, as from the kernel.
 * Locks: proc->sig_lock [s]. Sleeps: no. Limits: RLIMIT_SIGPENDING per process.
 * Tests: test/machine, test/abi */
#include "log.h"
#include "signal/internal.h"
#include "slab.h"

void sigpending_init(struct sigpending *p)
{
	p->set = 0;
	p->count = 0;
	TAILQ_INIT(&p->list);
}

#define SIGPENDING_HARD 4096u /* of one set, whatever the rlimit says */

int sigpending_add(struct sigpending *p, int sig, const struct abi_siginfo *info, u64 limit)
{
	bool legacy = sig < ABI_SIGRTMIN;
	struct sigqueue_entry *e = NULL;

	if (legacy && (p->set & SIGBIT(sig)))
		return 0;
	if (sig != ABI_SIGKILL) {
		if (p->count < MIN(limit, (u64)SIGPENDING_HARD))
			e = kmalloc(sizeof(*e));
		if (!e && !legacy && info && info->si_code < 0)
			return -EAGAIN;
	}
	if (e) {
		if (info)
			e->info = *info;
		else
			e->info = (struct abi_siginfo){.si_code = ABI_SI_KERNEL};
		e->info.si_signo = sig;
		TAILQ_INSERT_TAIL(&p->list, e, link);
		p->count++;
	}
	p->set |= SIGBIT(sig);
	return 0;
}

static void entry_free(struct sigpending *p, struct sigqueue_entry *e)
{
	TAILQ_REMOVE(&p->list, e, link);
	p->count--;
	kfree(e);
}

void sigpending_take(struct sigpending *p, int sig, struct abi_siginfo *info)
{
	struct sigqueue_entry *e, *found = NULL;
	bool more = false;

	TAILQ_FOREACH (e, &p->list, link) {
		if (e->info.si_signo != sig)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = e;
	}
	*info = (struct abi_siginfo){.si_signo = sig};
	if (found) {
		*info = found->info;
		entry_free(p, found);
	}
	if (!more)
		p->set &= ~SIGBIT(sig);
}

void sigpending_remove(struct sigpending *p, u64 set)
{
	struct sigqueue_entry *e, *next;

	if (!(p->set & set))
		return;
	p->set &= ~set;
	TAILQ_FOREACH_SAFE (e, &p->list, link, next)
		if (SIGBIT(e->info.si_signo) & set)
			entry_free(p, e);
}

void sigpending_flush(struct sigpending *p)
{
	sigpending_remove(p, ~0ull);
}

/* Faults first, then by number: what Linux does. */
static int next_signal(u64 set)
{
	if (set & SIGSET_SYNC)
		set &= SIGSET_SYNC;
	return set ? __builtin_ctzll(set) + 1 : 0;
}

int signal_dequeue_locked(struct task *t, u64 mask, struct abi_siginfo *info)
{
	struct proc *p = t->proc;
	int sig = next_signal(t->pending.set & ~mask);

	assert_held(&p->sig_lock);
	if (sig) {
		sigpending_take(&t->pending, sig, info);
		return sig;
	}
	sig = next_signal(p->pending.set & ~mask);
	if (sig) {
		sigpending_take(&p->pending, sig, info);
		time_signal_taken_locked(p, info);
	}
	return sig;
}

void signal_recalc_locked(struct task *t)
{
	u64 set = t->pending.set | t->proc->pending.set;

	assert_held(&t->proc->sig_lock);
	if (set & ~t->sigmask)
		a_or(&t->sig_flags, TASK_SIG_PENDING);
	else
		a_and(&t->sig_flags, ~TASK_SIG_PENDING);
}

/* ---- handlers ---- */

struct sighand *sighand_copy(struct sighand *s)
{
	struct sighand *n = s ? kmalloc(sizeof(*n)) : kzalloc(sizeof(*n));

	if (!n)
		return NULL;
	if (s)
		*n = *s;
	n->refs.v = 1;
	return n;
}

void sighand_put(struct sighand *s)
{
	if (s && ref_put(&s->refs))
		kfree(s);
}

int sighand_unshare(void)
{
	struct proc *p = current->proc;
	struct sighand *old = p->sighand, *own;

	if (a_load(&old->refs) == 1)
		return 0;
	own = sighand_copy(old);
	if (!own)
		return -ENOMEM;
	spin_lock(&tasklist_lock);
	spin_lock(&p->sig_lock);
	p->sighand = own;
	spin_unlock(&p->sig_lock);
	spin_unlock(&tasklist_lock);
	sighand_put(old);
	return 0;
}

void sighand_exec(struct proc *p)
{
	struct abi_sigaction *a = p->sighand->action;

	for (u32 i = 0; i < ABI_NSIG; i++) {
		if (a[i].handler != ABI_SIG_IGN)
			a[i].handler = ABI_SIG_DFL;
		a[i].flags = 0;
		a[i].mask = 0;
		a[i].restorer = 0;
	}
}
