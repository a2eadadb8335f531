/* group.c - process groups and sessions: setsid(2), setpgid(2) and who asks
 *
 * Owns: struct pgrp (referenced by each member and by whoever holds it in hand, such as a
 *   terminal's foreground) and struct session (referenced by its groups).
 * A group is orphaned when no member has a parent in another group of the same session. A group
 * that becomes orphaned with stopped members is sent SIGHUP and SIGCONT.
 * Locks: tasklist_lock for everything. Sleeps: no. Tests: test/abi */
#include "ksignal.h"
#include "log.h"
#include "slab.h"
#include "syscalls_proto.h"
#include "task/pid.h"
#include "task/task_internal.h"

void session_put_locked(struct session *s)
{
	if (!ref_put(&s->refs))
		return;
	s->pid->session = NULL;
	pid_put_locked(s->pid);
	kfree(s);
}

void pgrp_put_locked(struct pgrp *g)
{
	if (!ref_put(&g->refs))
		return;
	if (g->pid->pgrp == g)
		g->pid->pgrp = NULL;
	pid_put_locked(g->pid);
	session_put_locked(g->session);
	kfree(g);
}

void pgrp_join_locked(struct proc *p, struct pgrp *g)
{
	ref_get(&g->refs);
	p->pgrp = g;
	TAILQ_INSERT_TAIL(&g->members, p, pgrp_link);
}

void pgrp_leave_locked(struct proc *p)
{
	struct pgrp *g = p->pgrp;

	TAILQ_REMOVE(&g->members, p, pgrp_link);
	p->pgrp = NULL;
	/* An empty group is not found any more, though a terminal may hold it. */
	if (TAILQ_EMPTY(&g->members) && g->pid->pgrp == g)
		g->pid->pgrp = NULL;
	pgrp_put_locked(g);
}

static void pgrp_start_locked(struct pgrp *g, struct pid *pid, struct session *s)
{
	g->id = pid->nr;
	g->pid = pid;
	pid_get(pid);
	pid->pgrp = g;
	g->session = s;
	ref_get(&s->refs);
	TAILQ_INIT(&g->members);
}

void session_start_locked(struct proc *p, struct session *s, struct pgrp *g)
{
	s->id = p->pid;
	s->pid = p->pid_obj;
	pid_get(s->pid);
	s->pid->session = s;
	s->leader = p;
	pgrp_start_locked(g, p->pid_obj, s); /* the group's is the session's only reference */
	if (p->pgrp)
		pgrp_leave_locked(p);
	pgrp_join_locked(p, g); /* the member's is the group's only reference */
}

/* Would g be orphaned if ignore were not there? */
static bool orphaned_without(const struct pgrp *g, const struct proc *ignore)
{
	const struct proc *p;

	TAILQ_FOREACH (p, &g->members, pgrp_link) {
		const struct proc *parent = p->parent;

		if (p == ignore || p->zombie || !parent || parent->zombie)
			continue;
		if (parent->pgrp && parent->pgrp != g && parent->pgrp->session == g->session)
			return false;
	}
	return true;
}

static bool has_stopped(const struct pgrp *g)
{
	const struct proc *p;

	TAILQ_FOREACH (p, &g->members, pgrp_link)
		if (p->stopped)
			return true;
	return false;
}

bool pgrp_is_orphaned_locked(const struct pgrp *g)
{
	return orphaned_without(g, NULL);
}

/* p loses leaving as its parent, or p itself ends (leaving is then its parent). */
void pgrp_check_orphans_locked(struct proc *p, struct proc *leaving)
{
	struct pgrp *g = p->pgrp;

	if (!g || !leaving || !leaving->pgrp)
		return;
	/* Did leaving hold the group in its session? */
	if (leaving->pgrp == g || leaving->pgrp->session != g->session)
		return;
	if (!orphaned_without(g, p) || !has_stopped(g))
		return;
	(void)signal_send_pgrp(g, ABI_SIGHUP, NULL);
	(void)signal_send_pgrp(g, ABI_SIGCONT, NULL);
}

long sys_setsid(void)
{
	struct proc *p = current->proc;
	struct session *s = kzalloc(sizeof(*s));
	struct pgrp *g = kzalloc(sizeof(*g));
	long err = -ENOMEM;

	if (!s || !g)
		goto out_free;
	spin_lock(&tasklist_lock);
	err = -EPERM;
	if (p->pid_obj->pgrp || p->pid_obj->session) {
		spin_unlock(&tasklist_lock);
		goto out_free;
	}
	session_start_locked(p, s, g);
	spin_unlock(&tasklist_lock);
	return p->pid;

out_free:
	kfree(s);
	kfree(g);
	return err;
}

/* The process that setpgid may act on, [t] held. */
static int setpgid_target(int pid, struct proc **out)
{
	struct proc *self = current->proc, *p = self;

	if (pid && (u32)pid != self->pid) {
		p = proc_find(current->container, (u32)pid);
		if (!p || p->parent != self || p->zombie)
			return -ESRCH;
		if (p->pgrp->session != self->pgrp->session)
			return -EPERM;
		if (p->did_exec)
			return -EACCES;
	}
	if (p->pgrp->session->leader == p)
		return -EPERM;
	*out = p;
	return 0;
}

long sys_setpgid(int pid, int pgid)
{
	struct pgrp *fresh = kzalloc(sizeof(*fresh)), *g;
	struct proc *p;
	long err;

	if (!fresh)
		return -ENOMEM;
	spin_lock(&tasklist_lock);
	err = (pgid ? pgid : pid) < 0 ? -EINVAL : setpgid_target(pid, &p);
	if (err)
		goto out_unlock;
	g = pgrp_find(current->container, pgid ? (u32)pgid : p->pid);
	if (g == p->pgrp)
		goto out_unlock;
	if (!g && pgid && (u32)pgid != p->pid) {
		err = -EPERM;
		goto out_unlock;
	}
	if (g && g->session != p->pgrp->session) {
		err = -EPERM;
		goto out_unlock;
	}
	if (!g) {
		g = fresh;
		fresh = NULL;
		pgrp_start_locked(g, p->pid_obj, p->pgrp->session);
	}
	ref_get(&g->refs); /* while p is between groups */
	pgrp_leave_locked(p);
	pgrp_join_locked(p, g);
	pgrp_put_locked(g);
out_unlock:
	spin_unlock(&tasklist_lock);
	kfree(fresh);
	return err;
}

static long group_of(int pid, bool session)
{
	struct proc *p = current->proc;
	long r = -ESRCH;

	spin_lock(&tasklist_lock);
	if (pid) {
		struct task *t = pid > 0 ? task_find(current->container, (u32)pid) : NULL;

		p = t ? t->proc : NULL;
	}
	if (p && p->pgrp)
		r = session ? p->pgrp->session->id : p->pgrp->id;
	spin_unlock(&tasklist_lock);
	return r;
}

long sys_getpgid(int pid)
{
	return group_of(pid, false);
}

long sys_getpgrp(void)
{
	return group_of(0, false);
}

long sys_getsid(int pid)
{
	return group_of(pid, true);
}
