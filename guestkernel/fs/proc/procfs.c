/* procfs.c - inodes and files of generated texts
 *
 * Provides: the file systems "proc" and "sysfs". Owns: struct pinode (an inode's private part).
 * A file's text is made when it is read at position 0 and kept with the open file, so that a
 * reader in small pieces sees one state. Entries about a process are revalidated at each walk:
 * when it is reaped they are gone.
 * Locks: text->lock around making and copying a text; tasklist_lock to reach a process's parts,
 *   which are then held by references.
 * Sleeps: yes. Differs from Linux: fewer files (CAVEATS). Tests: test/abi/proc.c */
#include "fs/proc/proc.h"
#include "abi/linux/caps.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mount.h"
#include "abi/spec.h"
#include "init.h"
#include "log.h"
#include "mm.h"
#include "slab.h"
#include "string.h"

bool pinode_alive(const struct pinode *i)
{
	return !i->p || READ_ONCE(i->p->leader);
}

struct task *pinode_task(const struct pinode *i)
{
	struct task *t;

	spin_lock(&tasklist_lock);
	t = i->p && i->p->leader ? task_find(i->ct, i->tid) : NULL;
	if (t && t->proc != i->p)
		t = NULL;
	if (t)
		task_get(t);
	spin_unlock(&tasklist_lock);
	return t;
}

struct mm *pinode_mm(const struct pinode *i)
{
	struct mm *mm = NULL;
	struct task *t;

	spin_lock(&tasklist_lock);
	TAILQ_FOREACH (t, &i->p->threads, thread_link)
		if (t->mm) {
			mm = t->mm;
			mm_get(mm);
			break;
		}
	spin_unlock(&tasklist_lock);
	return mm;
}

struct files *pinode_files(const struct pinode *i)
{
	struct files *fs = NULL;
	struct task *t;

	spin_lock(&tasklist_lock);
	TAILQ_FOREACH (t, &i->p->threads, thread_link)
		if (t->files && (!i->thread || t->tid == i->tid)) {
			fs = t->files;
			ref_get(&fs->refs);
			break;
		}
	spin_unlock(&tasklist_lock);
	return fs;
}

int pinode_may_look(const struct pinode *i)
{
	const struct cred *mine = current->cred, *its;
	int err = -EACCES;

	if (i->p == current->proc)
		return 0;
	spin_lock(&tasklist_lock);
	if (i->p->leader) {
		its = i->p->leader->cred;
		if (mine->fsuid == its->uid && mine->fsuid == its->euid &&
		    mine->fsuid == its->suid && mine->fsgid == its->gid && i->p->dumpable)
			err = 0;
	}
	spin_unlock(&tasklist_lock);
	return capable(ABI_CAP_SYS_PTRACE) ? 0 : err;
}

/* ---- texts ---- */

static int text_open(struct inode *inode, struct file *f)
{
	const struct pinode *i = inode->priv;
	struct text *t;

	if (FILE_WRITE(f) && !i->node->store)
		return -EACCES;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	mutex_init(&t->lock, RANK_PROC_TEXT);
	f->priv = t;
	return 0;
}

static void text_release(struct file *f)
{
	struct text *t = f->priv;

	if (t)
		kfree(t->buf);
	kfree(t);
}

static ssize_t text_read_locked(struct text *t, const struct pinode *i, struct iter *to,
				loff_t *pos)
{
	size_t n;
	int err;

	if (*pos == 0 || !t->buf) {
		t->len = 0;
		t->err = 0;
		err = pinode_alive(i) ? i->node->show(t, i) : -ESRCH;
		if (err || t->err)
			return err ? err : t->err;
	}
	if ((u64)*pos >= t->len)
		return 0;
	n = iter_put(to, t->buf + *pos, MIN(to->left, t->len - (size_t)*pos));
	*pos += (loff_t)n;
	return n ? (ssize_t)n : -EFAULT;
}

/* The position's lock is not enough: pread(2) has a position of its own. */
static ssize_t text_read(struct file *f, struct iter *to, loff_t *pos)
{
	const struct pinode *i = f->inode->priv;
	struct text *t = f->priv;
	ssize_t n;

	if (!i->node->show)
		return -EINVAL;
	mutex_lock(&t->lock);
	n = text_read_locked(t, i, to, pos);
	mutex_unlock(&t->lock);
	return n;
}

#define STORE_MAX 4096u

static ssize_t text_write(struct file *f, struct iter *from, loff_t *pos)
{
	const struct pinode *i = f->inode->priv;
	size_t n = MIN(from->left, (size_t)STORE_MAX - 1);
	char *buf;
	int err;

	if (!i->node->store)
		return -EINVAL;
	buf = kmalloc(n + 1);
	if (!buf)
		return -ENOMEM;
	err = iter_get(from, buf, n) == n ? 0 : -EFAULT;
	buf[n] = '\0';
	if (!err)
		err = pinode_alive(i) ? i->node->store(i, buf, n) : -ESRCH;
	kfree(buf);
	if (err)
		return err;
	*pos += (loff_t)n;
	return (ssize_t)n;
}

static loff_t text_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == ABI_SEEK_CUR)
		off += f->pos;
	else if (whence != ABI_SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

const struct file_ops proc_text_fops = {
	.open = text_open,
	.release = text_release,
	.read = text_read,
	.write = text_write,
	.llseek = text_llseek,
};

/* ---- inodes ---- */

static ssize_t proc_readlink(struct inode *inode, char *buf, size_t size)
{
	const struct pinode *i = inode->priv;

	return pinode_alive(i) ? i->node->readlink(i, buf, size) : -ENOENT;
}

static int proc_follow(struct inode *inode, struct path *out)
{
	const struct pinode *i = inode->priv;

	if (!i->node->follow)
		return -EOPNOTSUPP; /* an ordinary link: its text is followed */
	return pinode_alive(i) ? i->node->follow(i, out) : -ENOENT;
}

static int proc_revalidate(struct dentry *d)
{
	const struct pinode *i = d->inode ? d->inode->priv : NULL;

	if (!i) /* what was not there may be now */
		return 1;
	if (i->p && i->fd != ~0u && (i->node == &fd_link || i->node == &fdinfo_file)) {
		struct files *fs = pinode_files(i);
		bool open = fs && files_next_fd(fs, (int)i->fd) == (int)i->fd;

		if (fs)
			files_put(fs);
		return !open;
	}
	if (i->p && i->thread) {
		struct task *t = pinode_task(i);

		if (!t)
			return 1;
		task_put(t);
	}
	return !pinode_alive(i);
}

static int proc_setattr(struct inode *inode, const struct iattr *a)
{
	/* opening with O_TRUNC is how shells write to a setting */
	return a->valid & ~(ATTR_SIZE | ATTR_MTIME | ATTR_CTIME) ? -EPERM : 0;
}

/* Owners change with the process's credentials. */
static int proc_owner(const struct inode *inode, u32 *uid, u32 *gid)
{
	const struct pinode *i = inode->priv;
	struct task *t;

	*uid = inode->uid;
	*gid = inode->gid;
	if (!i->p)
		return 0;
	t = pinode_task(i);
	if (!t)
		return -ENOENT;
	if (i->p->dumpable || i->node->children) {
		*uid = t->cred->euid;
		*gid = t->cred->egid;
	}
	task_put(t);
	return 0;
}

static int proc_getattr(struct inode *inode, struct kstat *st)
{
	inode_stat(inode, st);
	return proc_owner(inode, &st->uid, &st->gid);
}

static int proc_permission(struct inode *inode, u32 want)
{
	u32 uid, gid;
	int err = proc_owner(inode, &uid, &gid);

	return err ? err : mode_permission(READ_ONCE(inode->mode), uid, gid, want);
}

/* Nothing can be made here; Linux calls that "no such file". */
static int proc_create(struct inode *dir, const char *name, size_t len, u32 mode, u64 rdev,
		       struct inode **out)
{
	return -ENOENT;
}

static void proc_evict(struct inode *inode)
{
	struct pinode *i = inode->priv;

	if (i->p)
		proc_put(i->p);
	kfree(i);
}

static const struct inode_ops proc_link_ops = {
	.readlink = proc_readlink,
	.getattr = proc_getattr,
	.revalidate = proc_revalidate,
	.evict = proc_evict,
};
static const struct inode_ops proc_magic_ops = {
	.readlink = proc_readlink,
	.follow = proc_follow,
	.getattr = proc_getattr,
	.revalidate = proc_revalidate,
	.evict = proc_evict,
};
const struct inode_ops proc_inode_ops = {
	.lookup = proc_lookup,
	.create = proc_create,
	.getattr = proc_getattr,
	.setattr = proc_setattr,
	.revalidate = proc_revalidate,
	.evict = proc_evict,
};
static const struct inode_ops proc_task_ops = {
	.lookup = proc_lookup,
	.create = proc_create,
	.permission = proc_permission,
	.getattr = proc_getattr,
	.setattr = proc_setattr,
	.revalidate = proc_revalidate,
	.evict = proc_evict,
};

static const struct inode_ops *node_inode_ops(const struct pinode *i)
{
	const struct pnode *n = i->node;

	if ((n->mode & ABI_S_IFMT) != ABI_S_IFLNK)
		return i->p ? &proc_task_ops : &proc_inode_ops;
	return n->follow ? &proc_magic_ops : &proc_link_ops;
}

struct inode *proc_inode_new(struct superblock *sb, const struct pinode *from)
{
	const struct pnode *n = from->node;
	bool dir = (n->mode & ABI_S_IFMT) == ABI_S_IFDIR;
	const struct file_ops *fops = n->fops ? n->fops : dir ? &proc_dir_fops : &proc_text_fops;
	struct pinode *i = kmalloc(sizeof(*i));
	struct inode *inode;

	if (!i)
		return NULL;
	*i = *from;
	inode = inode_new(sb, n->mode, node_inode_ops(i), fops);
	if (!inode) {
		kfree(i);
		return NULL;
	}
	if (i->p)
		proc_get(i->p);
	inode->priv = i;
	inode->nlink = dir ? 2 : 1;
	return inode;
}

/* ---- mounting ---- */

static int gen_statfs(struct superblock *sb, struct abi_statfs *st)
{
	st->f_type = (s64)sb->magic;
	st->f_bsize = 4096;
	st->f_namelen = 255;
	return 0;
}

static const struct super_ops gen_super_ops = {.statfs = gen_statfs};

static int gen_mount(const struct fs_type *t, const struct mount_args *a, struct superblock **out,
		     const struct pnode *root, u64 magic)
{
	struct superblock *sb = super_new(t, &gen_super_ops);
	struct pinode i = {.node = root, .fd = ~0u};
	struct inode *inode;

	i.ct = a->container ? a->container : current->container;
	if (!sb)
		return -ENOMEM;
	sb->magic = magic;
	sb->flags |= SB_SHARED;
	inode = proc_inode_new(sb, &i);
	if (!inode)
		goto out_put;
	sb->root = dentry_new_root(sb, inode);
	if (!sb->root)
		goto out_put;
	*out = sb;
	return 0;

out_put:
	super_put(sb);
	return -ENOMEM;
}

static int proc_mount(const struct fs_type *t, const struct mount_args *a, struct superblock **out)
{
	return gen_mount(t, a, out, &proc_root, 0x9fa0);
}

static int sys_mount(const struct fs_type *t, const struct mount_args *a, struct superblock **out)
{
	return gen_mount(t, a, out, &sys_root, 0x62656572);
}

static struct fs_type proc_type = {
	.name = "proc", .mount = proc_mount, .flags = FS_USER_MOUNT | FS_NODEV};
static struct fs_type sys_type = {
	.name = "sysfs", .mount = sys_mount, .flags = FS_USER_MOUNT | FS_NODEV};

void proc_fs_init(void)
{
	fs_register(&proc_type);
	fs_register(&sys_type);
}
