/* tasks.c - what /proc/PID tells of a process and its threads (proc(5)) */
#include "abi/linux/resource.h"
#include "abi/linux/stat.h"
#include "fs/proc/proc.h"
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "sched.h"
#include "string.h"

/* Everything of a task that the texts need, taken at once under tasklist_lock. */
struct task_info {
	char comm[16], state;
	u32 pid, tid, ppid, pgrp, sid, tty, tpgid, threads, cpu, policy, rt_prio;
	int nice, exit_signal;
	u64 minflt, majflt, utime, stime, cutime, cstime, start;
	u64 pending, shpending, blocked, ignored, caught, nvcsw, nivcsw;
	u64 rsslim;
	u64 vsize, rss, rss_file, start_stack, data, stack, text, locked, hiwater;
	bool no_new_privs;
	struct cred *cred; /* a reference */
};

static char state_char(const struct task *t)
{
	if (t->proc->zombie)
		return 'Z';
	if (t->proc->stopped)
		return 'T';
	switch (a_load(&t->state)) {
	case TASK_RUNNING:
		return 'R';
	case TASK_INTERRUPTIBLE:
		return 'S';
	case TASK_DEAD:
		return 'X';
	default:
		return 'D';
	}
}

static void info_signals(struct task_info *o, struct task *t)
{
	struct proc *p = t->proc;

	spin_lock(&p->sig_lock);
	o->pending = t->pending.set;
	o->shpending = p->pending.set;
	o->blocked = t->sigmask;
	for (u32 k = 0; k < ABI_NSIG; k++) {
		u64 h = p->sighand->action[k].handler;

		if (h == ABI_SIG_IGN)
			o->ignored |= 1ull << k;
		else if (h != ABI_SIG_DFL)
			o->caught |= 1ull << k;
	}
	o->rsslim = p->rlim[ABI_RLIMIT_RSS].rlim_cur;
	spin_unlock(&p->sig_lock);
}

static void info_kin(struct task_info *o, struct proc *p)
{
	o->pid = p->pid;
	o->ppid = p->parent ? p->parent->pid : 0;
	o->pgrp = p->pgrp ? p->pgrp->id : 0;
	o->sid = p->pgrp ? p->pgrp->session->id : 0;
	o->tpgid = (u32)-1;
	if (p->pgrp && p->pgrp->session->tty) {
		o->tty = tty_number(p->pgrp->session->tty);
		if (p->pgrp->session->foreground)
			o->tpgid = p->pgrp->session->foreground->id;
	}
	o->threads = p->nthreads;
	o->exit_signal = p->exit_signal;
}

static int task_info(struct task_info *o, const struct pinode *i)
{
	struct task *t = pinode_task(i);
	struct proc *p = i->p;

	memset(o, 0, sizeof(*o));
	if (!t)
		return -ESRCH;
	spin_lock(&tasklist_lock);
	memcpy(o->comm, t->comm, sizeof(o->comm));
	o->comm[15] = '\0';
	o->state = state_char(t);
	o->tid = i->thread ? t->tid : p->pid;
	info_kin(o, p);
	info_signals(o, t);
	o->cpu = t->cpu;
	o->policy = t->policy;
	o->rt_prio = t->rt_prio;
	o->nice = t->nice;
	o->start = t->start_ns;
	o->no_new_privs = p->no_new_privs;
	if (i->thread) {
		o->utime = sched_task_utime(t);
		o->stime = sched_task_stime(t);
	} else {
		proc_times(p, &o->utime, &o->stime);
	}
	o->cutime = p->child_utime;
	o->cstime = p->child_stime;
	o->minflt = t->min_flt;
	o->majflt = t->maj_flt;
	o->nvcsw = t->nvcsw;
	o->nivcsw = t->nivcsw;
	o->cred = cred_get_task(t);
	spin_unlock(&tasklist_lock);
	task_put(t);
	return 0;
}

static void mm_info(struct task_info *o, const struct pinode *i)
{
	struct mm *mm = pinode_mm(i);
	struct vma *v;

	if (!mm)
		return;
	o->vsize = mm->total_pages * PAGE_SIZE;
	o->rss_file = a_load(&mm->rss_file);
	o->rss = a_load(&mm->rss_anon) + o->rss_file;
	o->hiwater = MAX(mm->hiwater_rss, o->rss);
	o->start_stack = mm->stack_top;
	o->locked = mm->locked_pages;
	rwlock_read(&mm->lock);
	RB_FOREACH (v, vma_tree, &mm->vmas) {
		u64 n = (v->end - v->start) / PAGE_SIZE;

		if (v->flags & VMA_EXEC)
			o->text += n;
		else if (v->flags & VMA_GROWSDOWN)
			o->stack += n;
		else if (!v->file && (v->flags & VMA_WRITE))
			o->data += n;
	}
	rwlock_read_done(&mm->lock);
	mm_put(mm);
}

#define TICKS(ns) ((unsigned long long)((ns) / 10000000))

int show_pid_stat(struct text *t, const struct pinode *i)
{
	struct task_info o;
	int err = task_info(&o, i);

	if (err)
		return err;
	mm_info(&o, i);
	text_printf(t, "%u (%s) %c %u %u %u %d %d %u %llu 0 %llu 0 ", o.tid, o.comm, o.state,
		    o.ppid, o.pgrp, o.sid, (int)o.tty, (int)o.tpgid, 0u,
		    (unsigned long long)o.minflt, (unsigned long long)o.majflt);
	text_printf(t, "%llu %llu %llu %llu %d %d %u 0 %llu %llu %llu %llu ", TICKS(o.utime),
		    TICKS(o.stime), TICKS(o.cutime), TICKS(o.cstime), 20 + o.nice, o.nice,
		    o.threads, TICKS(o.start), (unsigned long long)o.vsize,
		    (unsigned long long)o.rss, (unsigned long long)o.rsslim);
	text_printf(t, "0 0 %llu 0 0 %llu %llu %llu %llu 0 0 0 %d %u %u %u 0 0 0 ",
		    (unsigned long long)o.start_stack, (unsigned long long)(o.pending & 0x7fffffff),
		    (unsigned long long)(o.blocked & 0x7fffffff),
		    (unsigned long long)(o.ignored & 0x7fffffff),
		    (unsigned long long)(o.caught & 0x7fffffff), o.exit_signal, o.cpu, o.rt_prio,
		    o.policy);
	text_printf(t, "0 0 0 0 0 0 0 0\n");
	cred_put(o.cred);
	return 0;
}

static const char *state_name(char c)
{
	switch (c) {
	case 'R':
		return "R (running)";
	case 'S':
		return "S (sleeping)";
	case 'T':
		return "T (stopped)";
	case 'Z':
		return "Z (zombie)";
	case 'X':
		return "X (dead)";
	default:
		return "D (disk sleep)";
	}
}

static void status_ids(struct text *t, const struct task_info *o)
{
	const struct cred *c = o->cred;

	text_printf(t, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
	text_printf(t, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
	text_printf(t, "FDSize:\t64\nGroups:\t");
	for (u32 k = 0; k < c->ngroups; k++)
		text_printf(t, "%u ", c->groups[k]);
	text_printf(t, "\nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", o->pid, o->tid,
		    o->pgrp, o->sid);
}

static void status_memory(struct text *t, const struct task_info *o)
{
	text_printf(t, "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\n",
		    (unsigned long long)o->vsize / 1024, (unsigned long long)o->vsize / 1024);
	text_printf(t, "VmLck:\t%8llu kB\nVmPin:\t       0 kB\nVmHWM:\t%8llu kB\n",
		    (unsigned long long)o->locked * 4, (unsigned long long)o->hiwater * 4);
	text_printf(t, "VmRSS:\t%8llu kB\nRssAnon:\t%8llu kB\nRssFile:\t%8llu kB\n",
		    (unsigned long long)o->rss * 4, (unsigned long long)(o->rss - o->rss_file) * 4,
		    (unsigned long long)o->rss_file * 4);
	text_printf(t, "RssShmem:\t       0 kB\nVmData:\t%8llu kB\nVmStk:\t%8llu kB\n",
		    (unsigned long long)o->data * 4, (unsigned long long)o->stack * 4);
	text_printf(t, "VmExe:\t%8llu kB\nVmLib:\t       0 kB\nVmSwap:\t       0 kB\n",
		    (unsigned long long)o->text * 4);
}

int show_pid_status(struct text *t, const struct pinode *i)
{
	struct task_info o;
	int err = task_info(&o, i);

	if (err)
		return err;
	mm_info(&o, i);
	text_printf(t, "Name:\t");
	text_add_escaped(t, o.comm, "\n");
	text_printf(t, "\nUmask:\t0022\nState:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\n",
		    state_name(o.state), o.pid, o.tid, o.ppid);
	text_printf(t, "TracerPid:\t0\n");
	status_ids(t, &o);
	if (o.vsize)
		status_memory(t, &o);
	text_printf(t, "Threads:\t%u\nSigQ:\t0/4096\n", o.threads);
	text_printf(t, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n",
		    (unsigned long long)o.pending, (unsigned long long)o.shpending,
		    (unsigned long long)o.blocked);
	text_printf(t, "SigIgn:\t%016llx\nSigCgt:\t%016llx\n", (unsigned long long)o.ignored,
		    (unsigned long long)o.caught);
	text_printf(t, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n",
		    (unsigned long long)o.cred->cap_inh, (unsigned long long)o.cred->cap_perm,
		    (unsigned long long)o.cred->cap_eff);
	text_printf(t, "CapBnd:\t%016llx\nCapAmb:\t%016llx\nNoNewPrivs:\t%u\n",
		    (unsigned long long)o.cred->cap_bset, (unsigned long long)o.cred->cap_amb,
		    o.no_new_privs);
	text_printf(t,
		    "Seccomp:\t0\nCpus_allowed:\t%llx\nCpus_allowed_list:\t0-%u\n"
		    "Mems_allowed_list:\t0\n",
		    cpu_count < 64 ? (1ull << cpu_count) - 1 : ~0ull, cpu_count - 1);
	text_printf(t, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		    (unsigned long long)o.nvcsw, (unsigned long long)o.nivcsw);
	cred_put(o.cred);
	return 0;
}

int show_pid_statm(struct text *t, const struct pinode *i)
{
	struct task_info o = {0};

	mm_info(&o, i);
	text_printf(t, "%llu %llu %llu %llu 0 %llu 0\n", (unsigned long long)o.vsize / PAGE_SIZE,
		    (unsigned long long)o.rss, (unsigned long long)o.rss_file,
		    (unsigned long long)o.text, (unsigned long long)(o.data + o.stack));
	return 0;
}

static int show_comm(struct text *t, const struct pinode *i)
{
	struct task *k = pinode_task(i);
	char comm[16];

	if (!k)
		return -ESRCH;
	memcpy(comm, k->comm, sizeof(comm));
	comm[15] = '\0';
	task_put(k);
	text_printf(t, "%s\n", comm);
	return 0;
}

static int store_comm(const struct pinode *i, char *text, size_t n)
{
	struct task *k;

	if (i->p != current->proc)
		return -EINVAL;
	k = pinode_task(i);
	if (!k)
		return -ESRCH;
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	str_copy(k->comm, text, sizeof(k->comm));
	task_put(k);
	return 0;
}

static const char *const limit_names[ABI_RLIM_NLIMITS][2] = {
	{"Max cpu time", "seconds"},	 {"Max file size", "bytes"},
	{"Max data size", "bytes"},	 {"Max stack size", "bytes"},
	{"Max core file size", "bytes"}, {"Max resident set", "bytes"},
	{"Max processes", "processes"},	 {"Max open files", "files"},
	{"Max locked memory", "bytes"},	 {"Max address space", "bytes"},
	{"Max file locks", "locks"},	 {"Max pending signals", "signals"},
	{"Max msgqueue size", "bytes"},	 {"Max nice priority", ""},
	{"Max realtime priority", ""},	 {"Max realtime timeout", "us"},
};

static void limit_value(struct text *t, u64 v)
{
	if (v == ABI_RLIM_INFINITY)
		text_printf(t, "%-20s ", "unlimited");
	else
		text_printf(t, "%-20llu ", (unsigned long long)v);
}

static int show_limits(struct text *t, const struct pinode *i)
{
	struct abi_rlimit lim[ABI_RLIM_NLIMITS];

	spin_lock(&i->p->sig_lock);
	memcpy(lim, i->p->rlim, sizeof(lim));
	spin_unlock(&i->p->sig_lock);
	text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (u32 k = 0; k < ABI_RLIM_NLIMITS; k++) {
		text_printf(t, "%-25s ", limit_names[k][0]);
		limit_value(t, lim[k].rlim_cur);
		limit_value(t, lim[k].rlim_max);
		text_printf(t, "%-10s\n", limit_names[k][1]);
	}
	return 0;
}

static int show_oom_score(struct text *t, const struct pinode *i)
{
	text_printf(t, "%llu\n", (unsigned long long)proc_oom_score(i->p));
	return 0;
}

static int show_oom_adj(struct text *t, const struct pinode *i)
{
	text_printf(t, "%d\n", READ_ONCE(i->p->oom_adj));
	return 0;
}

/* A decimal number, blanks and a newline around it allowed. */
static int parse_adj(const char *s, int *out)
{
	bool minus = false;
	int v = 0, digits = 0;

	while (*s == ' ' || *s == '\t' || *s == '\n')
		s++;
	if (*s == '-' || *s == '+')
		minus = *s++ == '-';
	for (; *s >= '0' && *s <= '9' && digits < 6; s++, digits++)
		v = v * 10 + (*s - '0');
	while (*s == ' ' || *s == '\t' || *s == '\n')
		s++;
	*out = minus ? -v : v;
	return digits && !*s ? 0 : -EINVAL;
}

static int store_oom_adj(const struct pinode *i, char *text, size_t n)
{
	int adj, err = parse_adj(text, &adj);

	return err ? err : proc_set_oom_adj(i->p, adj);
}

static int show_cgroup(struct text *t, const struct pinode *i)
{
	text_printf(t, "0::/\n");
	return 0;
}

static int show_id_map(struct text *t, const struct pinode *i)
{
	text_printf(t, "%10u %10u %10u\n", 0u, 0u, ~0u);
	return 0;
}

static int find_thread(const struct pinode *i, u32 nr, struct pinode *out);
static u32 next_thread(const struct pinode *i, u32 from);

#define FILE_RO(n, fn)                                            \
	{                                                         \
		.name = n, .mode = ABI_S_IFREG | 0444, .show = fn \
	}
#define FILE_PRIV(n, fn)                                          \
	{                                                         \
		.name = n, .mode = ABI_S_IFREG | 0400, .show = fn \
	}
#define MAGIC(n, w)                                                              \
	{                                                                        \
		.name = n, .mode = ABI_S_IFLNK | 0777, .readlink = readlink_##w, \
		.follow = follow_##w                                             \
	}
#define COMMON                                                                                \
	FILE_RO("stat", show_pid_stat), FILE_RO("status", show_pid_status),                   \
		FILE_RO("statm", show_pid_statm), FILE_RO("cmdline", show_pid_cmdline),       \
		FILE_PRIV("environ", show_pid_environ), FILE_PRIV("auxv", show_pid_auxv),     \
		FILE_RO("maps", show_pid_maps), FILE_RO("smaps", show_pid_smaps),             \
		FILE_RO("limits", show_limits), FILE_RO("mounts", show_mounts),               \
		FILE_RO("mountinfo", show_mountinfo), FILE_RO("cgroup", show_cgroup),         \
		FILE_RO("oom_score", show_oom_score),                                         \
		{.name = "oom_score_adj",                                                     \
		 .mode = ABI_S_IFREG | 0644,                                                  \
		 .show = show_oom_adj,                                                        \
		 .store = store_oom_adj},                                                     \
		FILE_RO("uid_map", show_id_map), FILE_RO("gid_map", show_id_map),             \
		{.name = "comm",                                                              \
		 .mode = ABI_S_IFREG | 0644,                                                  \
		 .show = show_comm,                                                           \
		 .store = store_comm},                                                        \
		{.name = "mem", .mode = ABI_S_IFREG | 0600, .fops = &proc_mem_fops},          \
		{.name = "fd", .mode = ABI_S_IFDIR | 0500, .find = find_fd, .next = next_fd}, \
		{.name = "fdinfo",                                                            \
		 .mode = ABI_S_IFDIR | 0500,                                                  \
		 .find = find_fdinfo,                                                         \
		 .next = next_fd},                                                            \
		MAGIC("exe", exe), MAGIC("cwd", cwd), MAGIC("root", root)

const struct pnode pid_children[] = {
	COMMON,
	{.name = "task", .mode = ABI_S_IFDIR | 0555, .find = find_thread, .next = next_thread},
	{0},
};
const struct pnode tid_children[] = {COMMON, {0}};

static const struct pnode tid_dir = {
	.name = "tid", .mode = ABI_S_IFDIR | 0555, .children = tid_children};

static int find_thread(const struct pinode *i, u32 nr, struct pinode *out)
{
	struct task *t;
	int err = -ENOENT;

	spin_lock(&tasklist_lock);
	t = task_find(i->ct, nr);
	if (t && t->proc == i->p) {
		*out = *i;
		out->node = &tid_dir;
		out->tid = nr;
		out->thread = true;
		err = 0;
	}
	spin_unlock(&tasklist_lock);
	return err;
}

static u32 next_thread(const struct pinode *i, u32 from)
{
	u32 best = ~0u;
	struct task *t;

	spin_lock(&tasklist_lock);
	TAILQ_FOREACH (t, &i->p->threads, thread_link)
		if (t->tid >= from && t->tid < best)
			best = t->tid;
	spin_unlock(&tasklist_lock);
	return best;
}
