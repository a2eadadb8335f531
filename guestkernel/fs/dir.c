/* dir.c - reading directories, and where a task is (getdents(2), getcwd(2), chdir(2), chroot(2))
 * Records are packed into kernel memory and copied out when the file system is done, so that it may
 * hold locks while it tells its entries. */
#include "abi/linux/caps.h"
#include "abi/linux/dirent.h"
#include "fs_internal.h"
#include "slab.h"
#include "syscalls_proto.h"

#define BUF_MAX 32768u

struct dents {
	struct dir_ctx ctx;
	char *buf;
	size_t size, used;
	size_t last; /* offset of the last record, whose d_off is the next one's */
	bool old;    /* getdents(2)'s records */
	bool too_small;
};

/* getdents64: d_ino, d_off, d_reclen, d_type, name. getdents: d_ino, d_off, d_reclen, name, type at
 * the end. The first 18 bytes are the same. */
static bool dents_emit(struct dir_ctx *c, const char *name, size_t len, u64 ino, u32 dtype,
		       u64 next)
{
	struct dents *d = container_of(c, struct dents, ctx);
	size_t at = d->old ? offsetof(struct abi_dirent, d_name)
			   : offsetof(struct abi_dirent64, d_name);
	size_t rec = ROUND_UP(at + len + (d->old ? 2 : 1), 8);
	struct abi_dirent64 *e = (struct abi_dirent64 *)(void *)(d->buf + d->used);

	if (rec > d->size - d->used) {
		d->too_small = !d->used;
		return false;
	}
	memset(e, 0, rec);
	e->d_ino = ino;
	e->d_off = (int64_t)next;
	e->d_reclen = (u16)rec;
	memcpy((char *)e + at, name, len);
	if (d->old)
		((char *)e)[rec - 1] = (char)dtype;
	else
		e->d_type = (u8)dtype;
	d->last = d->used;
	d->used += rec;
	return true;
}

static int dents_fill(struct file *f, struct dents *d)
{
	struct inode *i = file_node(f);
	int err = -ENOENT;

	rwlock_read(&i->lock);
	if (!(i->flags & INODE_DEAD)) {
		d->ctx.pos = (u64)f->pos;
		err = f->ops->readdir(f, &d->ctx);
	}
	rwlock_read_done(&i->lock);
	if (!err && d->too_small)
		err = -EINVAL;
	return d->used ? 0 : err;
}

static long do_getdents(int fd, uaddr_t ubuf, size_t size, bool old)
{
	struct dents d = {.ctx.emit = dents_emit, .size = MIN(size, (size_t)BUF_MAX), .old = old};
	struct fdref r = fd_get(fd);
	struct file *f = r.file;
	long n;

	if (!f)
		return -EBADF;
	n = f->flags & ABI_O_PATH ? -EBADF : f->ops->readdir ? 0 : -ENOTDIR;
	if (n)
		goto out_put;
	d.buf = kmalloc(d.size + 8);
	n = -ENOMEM;
	if (!d.buf)
		goto out_put;
	mutex_lock(&f->pos_lock);
	n = dents_fill(f, &d);
	if (!n && d.used)
		n = copy_out(ubuf, d.buf, d.used);
	if (!n) {
		f->pos = (loff_t)d.ctx.pos;
		n = (long)d.used;
		file_accessed(f);
	}
	mutex_unlock(&f->pos_lock);
	kfree(d.buf);
out_put:
	fd_put(r);
	return n;
}

long sys_getdents64(int fd, uaddr_t buf, unsigned int count)
{
	return do_getdents(fd, buf, count, false);
}

long sys_getdents(int fd, uaddr_t buf, unsigned int count)
{
	return do_getdents(fd, buf, count, true);
}

/* ---- for file systems ---- */

bool readdir_dots(struct file *f, struct dir_ctx *c)
{
	struct dentry *d = f->path.dentry, *up = d->parent;

	if (c->pos == 0) {
		if (!c->emit(c, ".", 1, d->inode->ino, ABI_DT_DIR, 1))
			return false;
		c->pos = 1;
	}
	if (c->pos == 1) {
		if (!c->emit(c, "..", 2, up->inode->ino, ABI_DT_DIR, 2))
			return false;
		c->pos = 2;
	}
	return true;
}

int dcache_readdir(struct file *f, struct dir_ctx *c)
{
	struct dentry *dir = f->path.dentry, *d;

	if (!readdir_dots(f, c))
		return 0;
	spin_lock(&dir->lock);
	TAILQ_FOREACH (d, &dir->children, sibling) {
		if (d->order < c->pos || !d->inode)
			continue;
		if (!c->emit(c, d->name, d->len, d->inode->ino, (d->inode->mode & ABI_S_IFMT) >> 12,
			     d->order + 1))
			break;
		c->pos = d->order + 1;
	}
	spin_unlock(&dir->lock);
	return 0;
}

/* ---- where we are ---- */

long sys_getcwd(uaddr_t buf, size_t size)
{
	static const char outside[] = "(unreachable)";
	struct path root, cwd;
	char *text, *at;
	size_t n;
	long ret;

	text = pathbuf_new();
	if (!text)
		return -ENOMEM;
	fs_ctx_read(current->fs, &root, &cwd);
	ret = -ENOENT;
	if (cwd.dentry != cwd.mnt->root && !(cwd.dentry->flags & DENTRY_HASHED))
		goto out_put_text;
	at = path_text(&cwd, &root, text + sizeof(outside) - 1,
		       ABI_PATH_MAX - (sizeof(outside) - 1));
	ret = -ENAMETOOLONG;
	if (!at)
		goto out_put_text;
	if (!path_is_below(&cwd, &root)) {
		at -= sizeof(outside) - 1;
		memcpy(at, outside, sizeof(outside) - 1);
	}
	n = strlen(at) + 1;
	ret = n > size ? -ERANGE : copy_out(buf, at, n);
	if (!ret)
		ret = (long)n;
out_put_text:
	pathbuf_put(text);
	return ret;
}

/* Consumes the path. */
static long change_dir(const struct path *p)
{
	int err = S_ISDIR(p->dentry->inode->mode) ? inode_permission(p->dentry->inode, ABI_X_OK)
						  : -ENOTDIR;

	if (err)
		path_put(p);
	else
		fs_ctx_set(current->fs, &current->fs->cwd, p);
	return err;
}

long sys_chdir(uaddr_t name)
{
	struct path p;
	long err = path_walk_user(ABI_AT_FDCWD, name, WALK_FOLLOW | WALK_DIRECTORY, &p);

	return err ? err : change_dir(&p);
}

long sys_fchdir(int fd)
{
	struct fdref r = fd_get_raw(fd);
	struct path p;
	long err;

	if (!r.file)
		return -EBADF;
	p = r.file->path;
	err = p.dentry && p.mnt ? 0 : -ENOTDIR;
	if (!err) {
		path_get(&p);
		err = change_dir(&p);
	}
	fd_put(r);
	return err;
}

long sys_chroot(uaddr_t name)
{
	struct path p;
	long err = path_walk_user(ABI_AT_FDCWD, name, WALK_FOLLOW | WALK_DIRECTORY, &p);

	if (err)
		return err;
	err = inode_permission(p.dentry->inode, ABI_X_OK);
	if (!err && !capable(ABI_CAP_SYS_CHROOT))
		err = -EPERM;
	if (err)
		path_put(&p);
	else
		fs_ctx_set(current->fs, &current->fs->root, &p);
	return err;
}
