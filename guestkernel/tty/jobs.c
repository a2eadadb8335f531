/* jobs.c - controlling terminals, foreground groups (tty_ioctl(4), credentials(7))
 *
 * A session has at most one controlling terminal and a terminal at most one session: session->tty
 * and tty->session point at each other, under tasklist_lock; the session's pointer holds a
 * reference. The foreground group of the session lives in both, as one pointer with a reference.
 * Tests: test/abi/pty */
#include "tty/jobs.h"
#include "abi/linux/caps.h"
#include "ksignal.h"
#include "log.h"

void tty_signal_foreground(struct tty *t, int sig)
{
	spin_lock(&tasklist_lock);
	if (t->foreground)
		(void)signal_send_pgrp(t->foreground, sig, NULL);
	spin_unlock(&tasklist_lock);
}

static void set_foreground_locked(struct tty *t, struct pgrp *g)
{
	struct pgrp *old = t->foreground;

	if (g)
		ref_get(&g->refs);
	t->foreground = g;
	if (t->session)
		t->session->foreground = g;
	if (old)
		pgrp_put_locked(old);
}

/* Session and terminal part; the caller drops the reference that the session had. */
static void detach_locked(struct session *s, struct tty *t)
{
	set_foreground_locked(t, NULL);
	s->tty = NULL;
	s->foreground = NULL;
	t->session = NULL;
}

static void tty_drop(struct quiesce_head *h)
{
	struct tty *t = container_of(h, struct tty, qhead);
	u32 n;

	spin_lock(&tasklist_lock);
	n = t->drops;
	t->drops = 0;
	spin_unlock(&tasklist_lock);
	while (n--)
		tty_put(t);
}

void tty_session_ended_locked(struct session *s)
{
	struct tty *t = s->tty;

	detach_locked(s, t);
	/* Not under a spinlock: the last reference may have to ask the host. A second session may
	 * take the terminal and end before the first one's reference has gone. */
	if (!t->drops++)
		quiesce_defer(&t->qhead, tty_drop);
}

void tty_hangup_session(struct tty *t)
{
	struct session *s;

	spin_lock(&tasklist_lock);
	s = t->session;
	if (s) {
		if (s->leader) {
			(void)signal_send_proc(s->leader, ABI_SIGHUP, NULL);
			(void)signal_send_proc(s->leader, ABI_SIGCONT, NULL);
		}
		if (t->foreground)
			(void)signal_send_pgrp(t->foreground, ABI_SIGHUP, NULL);
		detach_locked(s, t);
	}
	spin_unlock(&tasklist_lock);
	if (s)
		tty_put(t);
}

int tty_check_background(struct tty *t, int sig)
{
	struct proc *p = current->proc;
	int err = 0;

	spin_lock(&tasklist_lock);
	if (p->pgrp->session != t->session || !t->foreground || p->pgrp == t->foreground)
		goto out_unlock;
	if ((current->sigmask & SIGBIT(sig)) ||
	    p->sighand->action[sig - 1].handler == ABI_SIG_IGN) {
		err = sig == ABI_SIGTTIN ? -EIO : 0;
		goto out_unlock;
	}
	err = -EIO;
	if (pgrp_is_orphaned_locked(p->pgrp))
		goto out_unlock;
	(void)signal_send_pgrp(p->pgrp, sig, NULL);
	err = -ERESTARTSYS;
out_unlock:
	spin_unlock(&tasklist_lock);
	return err;
}

int tty_make_controlling(struct tty *t, bool force)
{
	struct proc *p = current->proc;
	struct session *s, *robbed = NULL;
	int err = 0;

	spin_lock(&tasklist_lock);
	s = p->pgrp->session;
	if (t->session == s && s->leader == p)
		goto out_unlock;
	err = -EPERM;
	if (s->leader != p || s->tty)
		goto out_unlock;
	if (t->session) {
		if (!force || !capable(ABI_CAP_SYS_ADMIN))
			goto out_unlock;
		robbed = t->session;
		detach_locked(robbed, t);
	}
	err = 0;
	tty_get(t);
	s->tty = t;
	t->session = s;
	set_foreground_locked(t, p->pgrp);
out_unlock:
	spin_unlock(&tasklist_lock);
	if (robbed)
		tty_put(t);
	return err;
}

struct tty *tty_of_session(void)
{
	struct tty *t;

	spin_lock(&tasklist_lock);
	t = current->proc->pgrp->session->tty;
	if (t)
		tty_get(t);
	spin_unlock(&tasklist_lock);
	return t;
}

static long set_foreground(struct tty *t, uaddr_t arg)
{
	struct pgrp *g;
	int id, err;

	err = tty_check_background(t, ABI_SIGTTOU);
	if (err)
		return err;
	if (copy_in_obj(&id, arg))
		return -EFAULT;
	if (id < 0)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	err = -ENOTTY;
	if (!t->session || t->session != current->proc->pgrp->session)
		goto out_unlock;
	g = pgrp_find(current->container, (u32)id);
	err = -ESRCH;
	if (!g)
		goto out_unlock;
	err = -EPERM;
	if (g->session != t->session)
		goto out_unlock;
	set_foreground_locked(t, g);
	err = 0;
out_unlock:
	spin_unlock(&tasklist_lock);
	return err;
}

/* The terminal's group or session as its session's members (or its master) may know it. */
static long get_id(struct tty *t, uaddr_t arg, bool session, bool master)
{
	long id = -ENOTTY;

	spin_lock(&tasklist_lock);
	if (t->session && (master || t->session == current->proc->pgrp->session))
		id = session ? t->session->id : (t->foreground ? t->foreground->id : 0);
	else if (master && !session)
		id = 0;
	spin_unlock(&tasklist_lock);
	return id < 0 ? id : put_user32(arg, (u32)id);
}

static long give_up(struct tty *t)
{
	struct proc *p = current->proc;
	struct session *s;
	bool ended = false;

	spin_lock(&tasklist_lock);
	s = p->pgrp->session;
	if (s->tty != t) {
		spin_unlock(&tasklist_lock);
		return -ENOTTY;
	}
	if (s->leader == p) {
		if (t->foreground) {
			(void)signal_send_pgrp(t->foreground, ABI_SIGHUP, NULL);
			(void)signal_send_pgrp(t->foreground, ABI_SIGCONT, NULL);
		}
		detach_locked(s, t);
		ended = true;
	}
	spin_unlock(&tasklist_lock);
	if (ended)
		tty_put(t);
	return 0;
}

long tty_job_ioctl(struct tty *t, u32 cmd, uaddr_t arg, bool master)
{
	switch (cmd) {
	case ABI_TIOCSCTTY:
		return tty_make_controlling(t, arg.va == 1);
	case ABI_TIOCNOTTY:
		return give_up(t);
	case ABI_TIOCGPGRP:
		return get_id(t, arg, false, master);
	case ABI_TIOCSPGRP:
		return set_foreground(t, arg);
	case ABI_TIOCGSID:
		return get_id(t, arg, true, master);
	default:
		return -ENOTTY;
	}
}
