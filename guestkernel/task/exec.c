/* exec.c - a new program in the current process: execve(2), execveat(2), do_execve
 *
 * Provides: do_execve (a container's first program), the two calls.
 * Order: the program is found and opened, through interpreters (script.c); its arguments are copied
 *   into frames (exec_args.c); a new address space is made and filled (elf.c, exec_stack.c). Until
 *   here everything can fail and nothing has changed. Then all other threads end, and the process
 *   gets its new space; past that point nothing fails.
 * Locks: proc->exec_lock throughout; tasklist_lock for the change of task->mm.
 * Sleeps: yes.
 * Differs from Linux: no binfmt_misc, no a.out, no 32-bit programs, no file capabilities.
 * Tests: test/unit/task/elf_test.c, test/fuzz/elf.c, test/abi/exec.c */
#include "abi/linux/fcntl.h"
#include "exec_internal.h"
#include "ksignal.h"
#include "log.h"
#include "slab.h"
#include "string.h"
#include "syscalls_proto.h"
#include "task/cred_internal.h"
#include "task/task_internal.h"

static int check_program(const struct path *p)
{
	struct inode *i = p->dentry->inode;

	if ((i->mode & ABI_S_IFMT) != ABI_S_IFREG)
		return (i->mode & ABI_S_IFMT) == ABI_S_IFLNK ? -ELOOP : -EACCES;
	if (p->mnt->flags & MNT_NOEXEC)
		return -EACCES;
	return inode_permission(i, ABI_X_OK);
}

int exec_open(int dirfd, const char *name, u32 flags, struct file **out)
{
	struct path p;
	int err;

	if (!*name && !(flags & ABI_AT_EMPTY_PATH))
		return -ENOENT;
	err = path_walk(dirfd, name,
			(flags & ABI_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
				(flags & ABI_AT_EMPTY_PATH ? WALK_EMPTY : 0),
			&p);
	if (err)
		return err;
	err = check_program(&p);
	if (!err)
		err = file_open_path(&p, ABI_O_RDONLY, out);
	path_put(&p);
	return err;
}

int exec_read_head(struct exec *x)
{
	ssize_t n;

	memset(x->head, 0, sizeof(x->head));
	n = file_read_kernel(x->file, x->head, sizeof(x->head), 0);
	return n < 0 ? (int)n : 0;
}

/* A program named by a descriptor: the name it has for a script's interpreter. */
static int name_by_fd(struct exec *x, int dirfd)
{
	size_t n = strlen(x->path) + 32;

	if (dirfd == ABI_AT_FDCWD || x->path[0] == '/')
		return 0;
	x->fd_path = kmalloc(n);
	if (!x->fd_path)
		return -ENOMEM;
	ksnprintf(x->fd_path, n, *x->path ? "/dev/fd/%d/%s" : "/dev/fd/%d", dirfd, x->path);
	x->fd_closes = fd_cloexec(dirfd, -1) > 0;
	return 0;
}

static int exec_find(struct exec *x, int dirfd, u32 flags)
{
	int err = exec_open(dirfd, x->path, flags, &x->file);

	if (!err)
		err = name_by_fd(x, dirfd);
	if (!err)
		err = exec_read_head(x);
	return err ? err : script_follow(x);
}

static int add_prefix(struct exec *x)
{
	int err = 0;

	for (u32 i = 0; i < x->nprefix && !err; i++)
		err = exec_add(&x->strings, x->prefix[i], strlen(x->prefix[i]) + 1);
	x->strings.argc = x->nprefix;
	return err;
}

static int add_empty_argv0(struct exec *x)
{
	if (x->strings.argc)
		return 0;
	x->strings.argc = 1; /* no program is prepared to have none */
	return exec_add(&x->strings, "", 1);
}

static int exec_build(struct exec *x)
{
	int err;

	x->mm = mm_new();
	if (!x->mm)
		return -ENOMEM;
	exec_layout(x);
	err = file_deny_write(x->file);
	if (err)
		return err;
	x->mm->exe_denied = true;
	x->mm->exe = x->file;
	file_get(x->file);
	err = elf_load(x);
	if (!err)
		err = mm_map_vdso(x->mm);
	return err ? err : exec_build_stack(x);
}

static int own_files(struct task *t)
{
	struct files *mine, *shared = t->files;

	if (a_load(&shared->refs) == 1)
		return 0;
	mine = files_copy(shared);
	if (!mine)
		return -ENOMEM;
	spin_lock(&tasklist_lock);
	t->files = mine;
	spin_unlock(&tasklist_lock);
	files_put(shared);
	return 0;
}

static void set_comm(struct task *t, const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	str_copy(t->comm, *base ? base : path, sizeof(t->comm));
}

static void swap_space(struct task *t, struct mm *mm)
{
	struct mm *old = t->mm;

	task_note_rss(t);
	spin_lock(&tasklist_lock);
	t->mm = mm;
	spin_unlock(&tasklist_lock);
	mm_switch(mm);
	task_vfork_release();
	if (old)
		mm_put(old);
}

/* The old program is gone. Nothing fails here. */
static void exec_commit(struct exec *x)
{
	struct task *t = current;
	struct proc *p = t->proc;

	if (t->mm)
		futex_task_exit();
	swap_space(t, x->mm);
	x->mm = NULL;
	files_close_on_exec(t->files);
	sighand_exec(p);
	time_proc_exec(p);
	cred_install(x->cred);
	x->cred = NULL;
	t->altstack = (struct abi_stack){.ss_flags = ABI_SS_DISABLE};
	t->robust_list = t->clear_tid = t->rseq = UADDR_NULL;
	t->robust_len = 0;
	t->rseq_len = t->rseq_sig = 0;
	set_comm(t, x->path);
	p->did_exec = true;
	p->dumpable = t->cred->euid == t->cred->uid && t->cred->egid == t->cred->gid;
	if (x->secure)
		t->pdeath_sig = 0;
	p->keep_caps = false;
	p->exit_signal = ABI_SIGCHLD;
	p->membarrier_registered = false;
	mach_user_exec(&t->user, x->entry, x->sp);
}

static int exec_run(struct exec *x)
{
	int err = exec_cred(x);

	if (!err)
		err = exec_build(x);
	if (!err)
		err = own_files(current);
	if (!err)
		err = task_dethread();
	if (!err)
		err = sighand_unshare();
	if (err)
		return err;
	/* no failure past here */
	exec_commit(x);
	return 0;
}

static void exec_free(struct exec *x)
{
	if (x->mm)
		mm_put(x->mm);
	exec_strings_free(&x->strings);
	if (x->file)
		file_put(x->file);
	cred_put(x->cred);
	for (u32 i = 0; i < x->nprefix; i++)
		kfree(x->prefix[i]);
	kfree(x->fd_path);
	kfree(x);
}

/* Where the strings come from: kernel memory, or the caller's. */
struct exec_source {
	const struct exec_args *kernel;
	uaddr_t argv, envp;
};

static int add_strings(struct exec *x, const struct exec_source *src)
{
	struct exec_strings *s = &x->strings;
	int n, err = add_prefix(x);

	if (err)
		return err;
	if (src->kernel) {
		const struct exec_args *a = src->kernel;
		u32 skip = x->nprefix && a->argc ? 1 : 0;
		size_t first = skip ? strlen(a->strings) + 1 : 0, env = 0;

		s->argc += a->argc - skip;
		s->envc = a->envc;
		for (u32 i = 0; i < a->argc; i++)
			env += strlen(a->strings + env) + 1;
		err = exec_add(s, a->strings + first, env - first);
		s->env_at = s->len;
		if (!err)
			err = exec_add(s, a->strings + env, a->strings_len - env);
	} else {
		n = exec_add_user(s, src->argv, x->nprefix ? 1 : 0);
		if (n < 0)
			return n;
		s->argc += (u32)n;
		err = add_empty_argv0(x);
		s->env_at = s->len;
		n = err ? err : exec_add_user(s, src->envp, 0);
		if (n < 0)
			return n;
		s->envc = (u32)n;
	}
	s->end = s->len;
	return err;
}

static int exec_common(int dirfd, const char *path, u32 flags, const struct exec_source *src)
{
	struct exec *x = kzalloc(sizeof(*x));
	int err;

	if (!x)
		return -ENOMEM;
	x->path = path;
	err = mutex_lock_killable(&current->proc->exec_lock);
	if (err) {
		kfree(x);
		return err;
	}
	err = exec_strings_init(&x->strings);
	if (!err)
		err = exec_find(x, dirfd, flags);
	if (!err)
		err = add_strings(x, src);
	if (!err)
		err = exec_run(x);
	mutex_unlock(&current->proc->exec_lock);
	exec_free(x);
	return err;
}

int do_execve(struct exec_args *a)
{
	struct exec_source src = {.kernel = a};

	return exec_common(a->dirfd, a->path, a->flags, &src);
}

static long exec_user(int dirfd, uaddr_t name, uaddr_t argv, uaddr_t envp, u32 flags)
{
	struct exec_source src = {.argv = argv, .envp = envp};
	char *path;
	int err;

	err = pathbuf_get(name, flags & ABI_AT_EMPTY_PATH, &path);
	if (err)
		return err;
	err = exec_common(dirfd, path, flags, &src);
	pathbuf_put(path);
	return err;
}

long sys_execve(uaddr_t name, uaddr_t argv, uaddr_t envp)
{
	return exec_user(ABI_AT_FDCWD, name, argv, envp, 0);
}

long sys_execveat(int dirfd, uaddr_t name, uaddr_t argv, uaddr_t envp, int flags)
{
	if (flags & ~(ABI_AT_EMPTY_PATH | ABI_AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec_user(dirfd, name, argv, envp, (u32)flags);
}
