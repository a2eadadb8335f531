/* create.c - tasks and processes as objects
 *
 * Provides: allocation and freeing of struct task and struct proc, kernel tasks.
 * Owns: a task's kernel stack (given back when it has been switched away from for ever), its user
 *   state. A struct task lives as long as its references: the scheduler's one ends in
 *   sched_switch_done, proc->leader's when the process is reaped. The memory goes at quiescence.
 * Sleeps: nothing here. Tests: test/machine */
#include "abi/linux/caps.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "task/pid.h"
#include "task/task_internal.h"

static struct slab_cache *task_cache, *proc_cache;
a64_t task_total, task_limit;

void task_init(void)
{
	task_cache = slab_cache_create("task", sizeof(struct task), 64);
	proc_cache = slab_cache_create("proc", sizeof(struct proc), 64);
	if (!task_cache || !proc_cache)
		panic("no memory for the task caches");
}

struct task *task_alloc(const char *comm)
{
	struct task *t = slab_zalloc(task_cache);

	if (!t)
		return NULL;
	t->kstack = mach_kstack_alloc();
	if (!t->kstack)
		goto out_free;
	if (mach_user_init(&t->user))
		goto out_free_stack;
	t->refs.v = 1;
	t->state.v = TASK_NEW;
	memset(t->affinity, 0xff, sizeof(t->affinity));
	sigpending_init(&t->pending);
	str_copy(t->comm, comm, sizeof(t->comm));
	t->altstack.ss_flags = ABI_SS_DISABLE;
	t->timer_slack = TIMER_SLACK_DEFAULT;
	t->timer_slack_default = TIMER_SLACK_DEFAULT;
	return t;

out_free_stack:
	mach_kstack_free(t->kstack);
out_free:
	slab_free(task_cache, t);
	return NULL;
}

static void task_free(struct quiesce_head *h)
{
	struct task *t = container_of(h, struct task, qhead);

	mach_user_free(&t->user);
	slab_free(task_cache, t);
}

void task_put(struct task *t)
{
	if (!ref_put(&t->refs))
		return;
	kassert(!t->kstack && !t->mm && !t->files);
	cred_put(t->cred);
	t->cred = NULL;
	quiesce_defer(&t->qhead, task_free);
}

void task_free_unused(struct task *t)
{
	mach_kstack_free(t->kstack);
	mach_user_free(&t->user);
	slab_free(task_cache, t);
}

static void proc_free(struct quiesce_head *h)
{
	struct proc *p = container_of(h, struct proc, qhead);

	sighand_put(p->sighand);
	slab_free(proc_cache, p);
}

struct proc *proc_alloc(struct container *c)
{
	struct proc *p = slab_zalloc(proc_cache);

	if (!p)
		return NULL;
	p->refs.v = 1;
	p->container = c;
	TAILQ_INIT(&p->threads);
	TAILQ_INIT(&p->children);
	mutex_init(&p->exec_lock, RANK_EXEC);
	spin_init(&p->sig_lock, RANK_SIGHAND);
	sigpending_init(&p->pending);
	waitq_init(&p->child_wait);
	waitq_init(&p->pidfd_wait);
	p->dumpable = true;
	return p;
}

void proc_free_unused(struct proc *p)
{
	slab_free(proc_cache, p);
}

void proc_get(struct proc *p)
{
	ref_get(&p->refs);
}

void proc_put(struct proc *p)
{
	if (!ref_put(&p->refs))
		return;
	quiesce_defer(&p->qhead, proc_free);
}

struct kthread_start {
	void (*fn)(void *);
	void *arg;
};

static void kthread_main(void *arg)
{
	struct kthread_start s = *(struct kthread_start *)arg;

	sched_switch_done();
	kfree(arg);
	s.fn(s.arg);
	panic("kernel task %s returned", current->comm);
}

struct task *kthread_create(void (*fn)(void *), void *arg, const char *name)
{
	struct kthread_start *s = kmalloc(sizeof(*s));
	struct task *t;

	if (!s)
		return NULL;
	t = task_alloc(name);
	if (!t) {
		kfree(s);
		return NULL;
	}
	t->is_kernel = true;
	t->cred = cred_new_copy(NULL);
	if (!t->cred) {
		task_free_unused(t);
		kfree(s);
		return NULL;
	}
	t->cred->cap_eff = t->cred->cap_perm = t->cred->cap_bset = ABI_CAP_FULL;
	*s = (struct kthread_start){fn, arg};
	t->kthread_arg = s;
	mach_ctx_init(t, kthread_main, s);
	return t;
}

void kthread_drop(struct task *t)
{
	kfree(t->kthread_arg);
	cred_put(t->cred);
	task_free_unused(t);
}
