/* links.c - magic links of /proc/PID: exe, cwd, root, fd/N; and fdinfo/N
 *
 * A magic link leads to the very object, not to whatever has its name now. Files without a path
 * (pipes, sockets) have only a text; what cannot be opened again answers ENXIO. */
#include "abi/linux/stat.h"
#include "fs/proc/proc.h"
#include "log.h"
#include "mm.h"
#include "slab.h"
#include "string.h"

void proc_own_root(struct path *root)
{
	struct fs_ctx *fs = current->fs;

	spin_lock(&fs->lock);
	*root = fs->root;
	path_get(root);
	spin_unlock(&fs->lock);
}

static ssize_t path_to_text(const struct path *p, char *buf, size_t size)
{
	struct path root;
	char *text;
	ssize_t n = -ENAMETOOLONG;

	proc_own_root(&root);
	text = path_text(p, &root, buf, size);
	path_put(&root);
	if (text) {
		n = (ssize_t)strlen(text);
		memmove(buf, text, (size_t)n + 1);
	}
	return n;
}

static ssize_t link_text(const struct pinode *i, char *buf, size_t size,
			 int (*follow)(const struct pinode *i, struct path *out))
{
	struct path p;
	ssize_t n = follow(i, &p);

	if (n)
		return n;
	n = path_to_text(&p, buf, size);
	path_put(&p);
	return n;
}

int follow_exe(const struct pinode *i, struct path *out)
{
	int err = pinode_may_look(i);
	struct mm *mm = err ? NULL : pinode_mm(i);

	if (err)
		return err;
	if (!mm)
		return -ENOENT;
	rwlock_read(&mm->lock);
	err = mm->exe && mm->exe->path.dentry ? 0 : -ENOENT;
	if (!err) {
		*out = mm->exe->path;
		path_get(out);
	}
	rwlock_read_done(&mm->lock);
	mm_put(mm);
	return err;
}

static int follow_fs(const struct pinode *i, struct path *out, bool root)
{
	struct fs_ctx *fs = NULL;
	struct task *t;
	int err = pinode_may_look(i);

	if (err)
		return err;
	spin_lock(&tasklist_lock);
	TAILQ_FOREACH (t, &i->p->threads, thread_link)
		if (t->fs && (!i->thread || t->tid == i->tid)) {
			fs = t->fs;
			ref_get(&fs->refs);
			break;
		}
	spin_unlock(&tasklist_lock);
	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	spin_unlock(&fs->lock);
	fs_ctx_put(fs);
	return 0;
}

int follow_cwd(const struct pinode *i, struct path *out)
{
	return follow_fs(i, out, false);
}

int follow_root(const struct pinode *i, struct path *out)
{
	return follow_fs(i, out, true);
}

ssize_t readlink_exe(const struct pinode *i, char *buf, size_t size)
{
	return link_text(i, buf, size, follow_exe);
}

ssize_t readlink_cwd(const struct pinode *i, char *buf, size_t size)
{
	return link_text(i, buf, size, follow_cwd);
}

ssize_t readlink_root(const struct pinode *i, char *buf, size_t size)
{
	return link_text(i, buf, size, follow_root);
}

/* ---- descriptors ---- */

static struct file *fd_file(const struct pinode *i, int *err)
{
	struct files *fs;
	struct file *f = NULL;

	*err = pinode_may_look(i);
	if (*err)
		return NULL;
	fs = pinode_files(i);
	if (fs) {
		f = files_get_file(fs, (int)i->fd);
		files_put(fs);
	}
	if (!f)
		*err = -ENOENT;
	return f;
}

static ssize_t readlink_fd(const struct pinode *i, char *buf, size_t size)
{
	struct path root;
	int err;
	struct file *f = fd_file(i, &err);

	if (!f)
		return err;
	proc_own_root(&root);
	file_describe(f, &root, buf, size);
	path_put(&root);
	file_put(f);
	return (ssize_t)strlen(buf);
}

static int follow_fd(const struct pinode *i, struct path *out)
{
	int err;
	struct file *f = fd_file(i, &err);

	if (!f)
		return err;
	err = file_path(f, out);
	file_put(f);
	return err;
}

const struct pnode fd_link = {
	.name = "fd",
	.mode = ABI_S_IFLNK | 0700,
	.readlink = readlink_fd,
	.follow = follow_fd,
};

static int show_fdinfo(struct text *t, const struct pinode *i)
{
	int err, cloexec;
	struct file *f = fd_file(i, &err);

	if (!f)
		return err;
	cloexec = i->p == current->proc ? fd_cloexec((int)i->fd, -1) : 0;
	text_printf(t, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%llu\n", (long long)f->pos,
		    f->flags | (cloexec > 0 ? ABI_O_CLOEXEC : 0), f->path.mnt ? f->path.mnt->id : 0,
		    f->inode ? (unsigned long long)f->inode->ino : 0ull);
	file_put(f);
	return 0;
}

const struct pnode fdinfo_file = {
	.name = "fdinfo", .mode = ABI_S_IFREG | 0400, .show = show_fdinfo};

static int find_open(const struct pinode *i, u32 nr, struct pinode *out, const struct pnode *node)
{
	struct files *fs = pinode_files(i);
	int found;

	if (!fs)
		return -ENOENT;
	found = files_next_fd(fs, (int)nr);
	files_put(fs);
	if (found != (int)nr)
		return -ENOENT;
	*out = *i;
	out->node = node;
	out->fd = nr;
	return 0;
}

int find_fd(const struct pinode *i, u32 nr, struct pinode *out)
{
	return find_open(i, nr, out, &fd_link);
}

int find_fdinfo(const struct pinode *i, u32 nr, struct pinode *out)
{
	return find_open(i, nr, out, &fdinfo_file);
}

u32 next_fd(const struct pinode *i, u32 from)
{
	struct files *fs = pinode_files(i);
	int fd;

	if (!fs)
		return ~0u;
	fd = files_next_fd(fs, (int)from);
	files_put(fs);
	return fd < 0 ? ~0u : (u32)fd;
}
