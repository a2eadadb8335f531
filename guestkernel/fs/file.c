/* file.c - open file descriptions
 * Provides: opening by path, files without a name, the last close, reading for the kernel itself.
 * Owns: struct file; the descriptor tables and who works with a file hold references.
 * States: being opened (one reference, no descriptor); open; gone at the last file_put.
 * Locks: pos_lock, taken only if the description is shared. Sleeps: file_put, opening.
 * Invariants: a file open for writing counts among its node's writers.
 * Differs from Linux: no leases, no directory notification, no asynchronous input (O_ASYNC is kept
 *   and told, no SIGIO is sent). Tests: test/abi */
#include "abi/linux/poll.h"
#include "abi/linux/uio.h"
#include "fs_internal.h"
#include "log.h"
#include "slab.h"

#define DEVICES_MAX 32u

struct device_range {
	u32 type, major, minor, count;
	const struct file_ops *fops;
};

void (*epoll_file_gone)(struct file *f);
static struct slab_cache *file_cache;
static struct superblock *anon_sb;
static struct inode *anon_inode;
static struct mount *anon_mount; /* [I] where nameless files get an entry when it is needed */
static struct device_range devices[DEVICES_MAX]; /* [I] after start */
static u32 nr_devices;

static const struct super_ops anon_super_ops;
static const struct inode_ops anon_inode_ops;
static struct fs_type anon_type = {.name = "anon_inodefs", .flags = FS_NODEV};

void file_cache_init(void)
{
	file_cache = slab_cache_create("file", sizeof(struct file), 64);
	anon_sb = super_new(&anon_type, &anon_super_ops);
	if (!file_cache || !anon_sb)
		panic("no memory for files");
	anon_sb->magic = ABI_ANON_INODE_FS_MAGIC;
	anon_inode = inode_new_anon(0600);
	anon_sb->root =
		anon_inode ? dentry_new_root(anon_sb, inode_new_anon(ABI_S_IFDIR | 0500)) : NULL;
	anon_mount = anon_sb->root ? mount_new(anon_sb, anon_sb->root, 0, "none") : NULL;
	if (!anon_mount)
		panic("no memory for files");
}

int file_path(struct file *f, struct path *out)
{
	char name[64];

	if (f->path.dentry) {
		*out = f->path;
		path_get(out);
		return 0;
	}
	if (!ABI_S_ISTYPE(f->inode->mode, ABI_S_IFIFO))
		return -ENXIO; /* as Linux: sockets and the like cannot be opened again */
	file_describe(f, NULL, name, sizeof(name));
	inode_get(f->inode);
	out->dentry = dentry_new_unhashed(anon_sb->root, name, f->inode);
	if (!out->dentry)
		return -ENOMEM;
	out->mnt = anon_mount;
	mount_get(anon_mount);
	return 0;
}

struct inode *inode_new_anon(u32 mode)
{
	struct inode *i = inode_new(anon_sb, mode, &anon_inode_ops, NULL);

	if (i && current && current->cred) {
		i->uid = current->cred->fsuid;
		i->gid = current->cred->fsgid;
	}
	return i;
}

void device_register(u32 type, u32 major, u32 first_minor, u32 count, const struct file_ops *fops)
{
	kassert(nr_devices < DEVICES_MAX);
	devices[nr_devices++] = (struct device_range){type, major, first_minor, count, fops};
}

static const struct file_ops *device_ops(const struct inode *i)
{
	u32 k, major = ABI_MAJOR(i->rdev), minor = ABI_MINOR(i->rdev);

	for (k = 0; k < nr_devices; k++)
		if (devices[k].type == (i->mode & ABI_S_IFMT) && devices[k].major == major &&
		    minor - devices[k].minor < devices[k].count)
			return devices[k].fops;
	return NULL;
}

struct file *file_alloc(u32 flags)
{
	struct file *f = slab_zalloc(file_cache);

	if (!f)
		return NULL;
	f->refs.v = 1;
	f->flags = flags;
	mutex_init(&f->pos_lock, RANK_FILE_POS);
	spin_init(&f->ep_lock, RANK_FILES);
	TAILQ_INIT(&f->epitems);
	f->cred = current->cred;
	cred_get(f->cred);
	return f;
}

static void file_free_later(struct quiesce_head *h)
{
	slab_free(file_cache, container_of(h, struct file, qhead));
}

static void file_discard(struct file *f)
{
	cred_put(f->cred);
	quiesce_defer(&f->qhead, file_free_later);
}

struct file *file_new_inode(const struct file_ops *ops, u32 flags, void *priv, struct inode *inode)
{
	struct file *f = file_alloc(flags);

	if (!f)
		return NULL;
	f->ops = ops;
	f->priv = priv;
	f->inode = inode;
	return f;
}

struct file *file_new(const struct file_ops *ops, u32 flags, void *priv)
{
	struct file *f = file_new_inode(ops, flags, priv, anon_inode);

	if (f)
		inode_get(anon_inode);
	return f;
}

static void file_release(struct file *f)
{
	struct inode *node = file_node(f);

	if (unlikely(!TAILQ_EMPTY(&f->epitems)) && epoll_file_gone)
		epoll_file_gone(f);
	if (node->locks)
		flock_file_closed(f);
	if (f->ops->release)
		f->ops->release(f);
	if (FILE_WRITE(f) && f->path.dentry)
		inode_writers_put(node);
	if (f->inode != node || !f->path.dentry)
		inode_put(f->inode);
	if (f->path.dentry) {
		dentry_put(f->path.dentry);
		if (f->path.mnt)
			mount_put(f->path.mnt);
	}
	file_discard(f);
}

void file_put(struct file *f)
{
	if (ref_put(&f->refs))
		file_release(f);
}

static const struct file_ops path_file_ops = {.name = "path"};

static int open_fops(struct inode *i, const struct file_ops **out)
{
	const struct file_ops *ops = i->fops;

	switch (i->mode & ABI_S_IFMT) {
	case ABI_S_IFSOCK:
		return -ENXIO;
	case ABI_S_IFLNK:
		return -ELOOP;
	case ABI_S_IFIFO:
		ops = ops ? ops : &fifo_file_ops;
		break;
	case ABI_S_IFCHR:
	case ABI_S_IFBLK:
		ops = ops ? ops : device_ops(i);
		break;
	}
	*out = ops;
	return ops ? 0 : -ENXIO;
}

int file_open_held(const struct path *p, u32 flags, struct file **out)
{
	struct inode *i = p->dentry->inode;
	struct file *f = file_alloc((flags & ~(u32)ABI_O_CLOEXEC) | ABI_O_LARGEFILE);
	int err = -ENOMEM;

	if (!f)
		goto out_put_path;
	f->path = *p;
	f->inode = i;
	if (flags & ABI_O_PATH) {
		f->flags = flags & (ABI_O_PATH | ABI_O_DIRECTORY | ABI_O_NOFOLLOW);
		f->ops = &path_file_ops;
		*out = f;
		return 0;
	}
	err = open_fops(i, &f->ops);
	if (err)
		goto out_discard;
	if (FILE_WRITE(f)) {
		err = inode_writers_get(i);
		if (err)
			goto out_discard;
	}
	if (f->ops->open) {
		err = f->ops->open(i, f);
		if (err)
			goto out_put_writer;
	}
	f->flags &= ~(u32)(ABI_O_CREAT | ABI_O_EXCL | ABI_O_NOCTTY | ABI_O_TRUNC);
	*out = f;
	return 0;
out_put_writer:
	if (FILE_WRITE(f))
		inode_writers_put(i);
	if (f->inode != i)
		inode_put(f->inode);
out_discard:
	file_discard(f);
out_put_path:
	path_put(p);
	return err;
}

int file_open_path(const struct path *p, u32 flags, struct file **out)
{
	path_get(p);
	return file_open_held(p, flags, out);
}

/* ---- data ---- */

ssize_t file_read(struct file *f, struct iter *to, loff_t *pos)
{
	if (!FILE_READ(f))
		return -EBADF;
	if (!f->ops->read)
		return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
	return f->ops->read(f, to, pos);
}

ssize_t file_write(struct file *f, struct iter *from, loff_t *pos)
{
	if (!FILE_WRITE(f))
		return -EBADF;
	return f->ops->write ? f->ops->write(f, from, pos) : -EINVAL;
}

ssize_t file_read_kernel(struct file *f, void *buf, size_t n, loff_t pos)
{
	struct abi_iovec seg;
	struct iter it;
	size_t done = 0;
	ssize_t r;

	iter_init_kernel(&it, &seg, buf, n);
	while (done < n) {
		r = file_read(f, &it, &pos);
		if (r <= 0)
			return done ? (ssize_t)done : r;
		done += (size_t)r;
	}
	return (ssize_t)done;
}

void file_describe(const struct file *f, const struct path *root, char *buf, size_t size)
{
	static const char gone[] = " (deleted)";
	const struct dentry *d = f->path.dentry;
	char *text;
	size_t n;

	if (!d || f->path.mnt == anon_mount) {
		if (f->ops->describe)
			f->ops->describe((struct file *)(uintptr_t)f, buf, size);
		else
			ksnprintf(buf, size, "anon_inode:[%s]",
				  f->ops->name ? f->ops->name : "file");
		return;
	}
	text = size > sizeof(gone) ? path_text(&f->path, root, buf, size - sizeof(gone)) : NULL;
	if (!text)
		text = (char *)(uintptr_t) "";
	n = strlen(text);
	memmove(buf, text, n + 1);
	if (!(d->flags & DENTRY_HASHED) && d != d->parent)
		memcpy(buf + n, gone, sizeof(gone));
}
