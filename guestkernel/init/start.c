/* start.c - a container's first program
 *
 * The VMM's description (abi/spec.h) arrives as one blob, copied already. container_start() checks
 * it and makes the container and its first task; that task, in its own context, mounts, opens the
 * stdio descriptors, takes its rights and limits, and executes the program. Only then, or when a
 * step failed, is the command answered: with the pid, or the error and a line that says what it
 * was about.
 * Locks: none held across steps. Sleeps: yes. Tests: test/machine (specs), test/vm */
#include "abi/linux/caps.h"
#include "abi/linux/wait.h"
#include "abi/spec.h"
#include "init.h"
#include "init/control.h"
#include "ksignal.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "syscall.h"
#include "task/cred_internal.h"
#include "task/pid.h"
#include "task/task_internal.h"
#include "vfs.h"

#define SPEC_FDS_MAX 1024u
#define SPEC_STR_MAX 65536u

struct start {
	struct control_req req; /* data: the blob; ours */
	struct abi_spec spec;	/* copy of its header */
	struct container *ct;
	char what[160]; /* for the answer's text */
	u16 flags;
};

static const char *spec_str(const struct start *s, u32 off)
{
	return off ? (const char *)s->req.data + off : "";
}

/* A string at off ends inside the blob. */
static bool str_ok(const struct start *s, u32 off)
{
	return off == 0 || (off >= sizeof(struct abi_spec) && off < s->req.data_len &&
			    memchr(s->req.data + off, 0, s->req.data_len - off));
}

static bool table_ok(const struct start *s, u32 off, u32 count, size_t size)
{
	return count == 0 || (off >= sizeof(struct abi_spec) && off <= s->req.data_len &&
			      off % 4 == 0 && count <= (s->req.data_len - off) / size);
}

/* count strings, one after the other, from off: their total length, or 0 if they do not fit. */
static size_t strings_len(const struct start *s, u32 off, u32 count)
{
	u32 at = off;

	if (off < sizeof(struct abi_spec))
		return 0;
	for (u32 i = 0; i < count; i++) {
		const char *end;

		if (at >= s->req.data_len)
			return 0;
		end = memchr(s->req.data + at, 0, s->req.data_len - at);
		if (!end)
			return 0;
		at = (u32)(end - (const char *)s->req.data) + 1;
	}
	return at - off;
}

static int spec_check(struct start *s)
{
	const struct abi_spec *a = &s->spec;

	if (s->req.data_len < sizeof(*a))
		return -EINVAL;
	memcpy(&s->spec, s->req.data, sizeof(s->spec));
	if (a->version != ABI_SPEC_VERSION || a->size != s->req.data_len)
		return -EINVAL;
	if (!a->argc || !strings_len(s, a->argv, a->argc) ||
	    (a->envc && !strings_len(s, a->envp, a->envc)))
		return -EINVAL;
	if (!str_ok(s, a->cwd) || !str_ok(s, a->hostname) || !str_ok(s, a->domainname))
		return -EINVAL;
	if (!a->nr_mounts || !table_ok(s, a->mounts, a->nr_mounts, sizeof(struct abi_spec_mount)) ||
	    !table_ok(s, a->rlimits, a->nr_rlimits, sizeof(struct abi_spec_rlimit)) ||
	    !table_ok(s, a->groups, a->nr_groups, sizeof(u32)) || a->nr_fds > SPEC_FDS_MAX)
		return -EINVAL;
	return 0;
}

static struct container *container_new(const struct start *s)
{
	struct container *ct = kzalloc(sizeof(*ct));

	if (!ct)
		return NULL;
	ct->pidmap = pidmap_new();
	if (!ct->pidmap) {
		kfree(ct);
		return NULL;
	}
	ct->id = s->spec.container;
	ct->channel = s->spec.channel;
	ct->pids_limit = s->spec.pids_limit;
	spin_init(&ct->lock, RANK_LOG);
	waitq_init(&ct->exit_wait);
	str_copy(ct->hostname, spec_str(s, s->spec.hostname), sizeof(ct->hostname));
	str_copy(ct->domainname, spec_str(s, s->spec.domainname), sizeof(ct->domainname));
	return ct;
}

static void default_limits(struct proc *p)
{
	for (u32 i = 0; i < ABI_RLIM_NLIMITS; i++)
		p->rlim[i] = (struct abi_rlimit){ABI_RLIM_INFINITY, ABI_RLIM_INFINITY};
	p->rlim[ABI_RLIMIT_STACK].rlim_cur = 8u << 20;
	p->rlim[ABI_RLIMIT_CORE].rlim_cur = 0;
	p->rlim[ABI_RLIMIT_NOFILE] = (struct abi_rlimit){1024, 1048576};
	p->rlim[ABI_RLIMIT_MEMLOCK] = (struct abi_rlimit){8u << 20, 8u << 20};
	p->rlim[ABI_RLIMIT_MSGQUEUE] = (struct abi_rlimit){819200, 819200};
	p->rlim[ABI_RLIMIT_NICE] = (struct abi_rlimit){0, 0};
	p->rlim[ABI_RLIMIT_RTPRIO] = (struct abi_rlimit){0, 0};
	p->rlim[ABI_RLIMIT_SIGPENDING] = (struct abi_rlimit){4096, 4096};
}

/* The first process and its thread, in a session of its own; not yet running. */
static int init_create(struct container *ct, struct task **out)
{
	struct session *s = kzalloc(sizeof(*s));
	struct pgrp *g = kzalloc(sizeof(*g));
	struct proc *p = proc_alloc(ct);
	struct task *t = task_alloc("init");

	if (!s || !g || !p || !t)
		goto out_free;
	p->sighand = sighand_copy(NULL);
	t->files = files_new();
	t->cred = cred_new_copy(NULL);
	t->pid = pid_alloc(ct);
	if (!p->sighand || !t->files || !t->cred || !t->pid)
		goto out_put;
	t->tid = p->pid = t->pid->nr;
	p->pid_obj = t->pid;
	pid_get(t->pid);
	t->container = ct;
	t->proc = p;
	p->leader = t;
	task_get(t);
	p->unkillable = true;
	p->exit_signal = ABI_SIGCHLD;
	default_limits(p);
	time_proc_init(p);
	spin_lock(&tasklist_lock);
	p->nthreads = 1;
	TAILQ_INSERT_TAIL(&p->threads, t, thread_link);
	t->pid->task = t;
	session_start_locked(p, s, g);
	ct->init = p;
	task_count(ct, 1);
	spin_unlock(&tasklist_lock);
	*out = t;
	return 0;

out_put:
	sighand_put(p->sighand);
	if (t->files)
		files_put(t->files);
	cred_put(t->cred);
	if (t->pid)
		pid_put(t->pid);
out_free:
	if (t)
		task_free_unused(t);
	if (p)
		proc_free_unused(p);
	kfree(s);
	kfree(g);
	return -ENOMEM;
}

static int step_limits(struct start *s)
{
	const struct abi_spec_rlimit *r = (const void *)(s->req.data + s->spec.rlimits);

	for (u32 i = 0; i < s->spec.nr_rlimits; i++) {
		if (r[i].resource >= ABI_RLIM_NLIMITS || r[i].soft > r[i].hard)
			return -EINVAL;
		current->proc->rlim[r[i].resource] = (struct abi_rlimit){r[i].soft, r[i].hard};
	}
	spin_lock(&current->proc->sig_lock);
	time_cpu_limit_locked(current->proc);
	spin_unlock(&current->proc->sig_lock);
	return 0;
}

static int step_cred(struct start *s)
{
	const struct abi_spec *a = &s->spec;
	struct cred *c = cred_new_copy(NULL);
	int err;

	if (!c)
		return -ENOMEM;
	c->uid = c->euid = c->suid = c->fsuid = a->uid;
	c->gid = c->egid = c->sgid = c->fsgid = a->gid;
	c->cap_eff = a->caps[0] & ABI_CAP_FULL;
	c->cap_perm = a->caps[1] & ABI_CAP_FULL;
	c->cap_inh = a->caps[2] & ABI_CAP_FULL;
	c->cap_bset = a->caps[3] & ABI_CAP_FULL;
	c->cap_amb = a->caps[4] & ABI_CAP_FULL;
	err = cred_set_groups(c, (const void *)(s->req.data + a->groups), a->nr_groups);
	if (err) {
		cred_put(c);
		return err;
	}
	cred_install(c);
	current->proc->no_new_privs = a->flags & ABI_SPEC_NO_NEW_PRIVS;
	return 0;
}

/* Descriptor i. Those that are one open file on the host are one here too. */
static int open_stdio(u32 i)
{
	struct file *f;
	u32 same;
	int err = hostfile_open(i, &same, &f), fd;

	if (err == -EBADF) /* closed by the caller: stays closed here */
		return 0;
	if (err)
		return err;
	if (same < i) {
		struct fdref r = fd_get((int)same);

		if (r.file) {
			file_put(f);
			f = r.file;
			file_get(f);
			fd_put(r);
		}
	}
	fd = fd_reserve(i, false);
	if (fd != (int)i) {
		file_put(f);
		return fd < 0 ? fd : -EBUSY;
	}
	fd_install(fd, f);
	return 0;
}

static int step_files(struct start *s)
{
	for (u32 i = 0; i < s->spec.nr_fds; i++) {
		int err = open_stdio(i);

		if (err)
			return err;
	}
	if (s->spec.flags & ABI_SPEC_TTY)
		hosttty_make_controlling();
	return 0;
}

static int try_exec(struct start *s, const char *path)
{
	const struct abi_spec *a = &s->spec;
	size_t argl = strings_len(s, a->argv, a->argc);
	size_t envl = a->envc ? strings_len(s, a->envp, a->envc) : 0;
	struct exec_args x = {
		.path = path,
		.dirfd = ABI_AT_FDCWD,
		.strings = kmalloc(argl + envl),
		.strings_len = argl + envl,
		.argc = a->argc,
		.envc = a->envc,
	};
	int err;

	if (!x.strings)
		return -ENOMEM;
	memcpy(x.strings, s->req.data + a->argv, argl);
	memcpy(x.strings + argl, s->req.data + a->envp, envl);
	err = do_execve(&x);
	kfree(x.strings);
	return err;
}

static const char *search_path(const struct start *s)
{
	const char *e = spec_str(s, s->spec.envp);

	for (u32 i = 0; i < s->spec.envc; i++, e += strlen(e) + 1)
		if (!strncmp(e, "PATH=", 5))
			return e + 5;
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* As execvp(3): a name without a slash is looked for along PATH of the container. */
static int step_exec(struct start *s)
{
	const char *name = spec_str(s, s->spec.argv), *dir = search_path(s), *end;
	char path[512];
	int err = -ENOENT;

	s->flags = ABI_CTL_START_EXEC;
	ksnprintf(s->what, sizeof(s->what), "%s", name);
	if (strchr(name, '/'))
		return try_exec(s, name);
	if (!*name)
		return -ENOENT;
	for (;; dir = end + 1) {
		int one;

		end = strchr(dir, ':');
		if (!end)
			end = dir + strlen(dir);
		ksnprintf(path, sizeof(path), "%.*s/%s", end == dir ? 1 : (int)(end - dir),
			  end == dir ? "." : dir, name);
		one = try_exec(s, path);
		if (one != -ENOENT && one != -ENOTDIR && one != -EACCES)
			return one;
		if (one == -EACCES)
			err = one;
		if (!*end)
			return err;
	}
}

static int run_steps(struct start *s)
{
	const struct abi_spec *a = &s->spec;
	int err;

	ksnprintf(s->what, sizeof(s->what), "mounts");
	err = container_mounts(s->ct, a, (const char *)s->req.data);
	if (err)
		return err;
	ksnprintf(s->what, sizeof(s->what), "working directory %s", spec_str(s, a->cwd));
	err = container_fs(s->ct, a, (const char *)s->req.data, &current->fs);
	if (err)
		return err;
	ksnprintf(s->what, sizeof(s->what), "stdio");
	err = step_files(s);
	if (err)
		return err;
	ksnprintf(s->what, sizeof(s->what), "limits and rights");
	err = step_limits(s);
	if (!err)
		err = step_cred(s);
	return err ? err : step_exec(s);
}

static void init_main(void *arg)
{
	struct start *s = arg;
	int err;

	sched_switch_done();
	err = run_steps(s);
	if (err) {
		/* The container was never there: nobody is told of its end. */
		container_unregister(s->ct);
		control_reply(&s->req, err, s->flags, s->what, strlen(s->what));
	} else {
		control_reply(&s->req, current->proc->pid, 0, NULL, 0);
	}
	kfree(s->req.data);
	kfree(s);
	if (err)
		task_exit_group(ABI_W_EXITCODE(127));
	task_user_loop(NULL);
}

void container_start(struct control_req *r)
{
	struct start *s = kzalloc(sizeof(*s));
	struct task *t;
	int err = -ENOMEM;

	if (!s)
		goto out_reply;
	s->req = *r;
	err = spec_check(s);
	if (err)
		goto out_free;
	err = -ENOMEM;
	s->ct = container_new(s);
	if (!s->ct)
		goto out_free;
	err = container_register(s->ct);
	if (err)
		goto out_free_container;
	err = init_create(s->ct, &t);
	if (err)
		goto out_unregister;
	if (s->spec.flags & ABI_SPEC_STRACE)
		syscall_trace(true);
	mach_ctx_init(t, init_main, s);
	sched_start(t);
	return;

out_unregister:
	container_unregister(s->ct);
out_free_container:
	pidmap_free(s->ct->pidmap);
	kfree(s->ct);
out_free:
	kfree(s);
out_reply:
	control_reply(r, err, 0, "container", 9);
	kfree(r->data);
}
