/* file.c - contents of tmpfs files: pages, size, holes; unnamed files of memory */
#include "tmpfs.h"
#include "abi/linux/mman.h"
#include "mm.h"
#include "log.h"
#include "slab.h"

static struct mount *anon_mount; /* [I] where memfds and shared anonymous memory live */

static int tmpfs_charge(struct mapping *m, s64 n)
{
	struct inode *i = m->inode;
	struct tmpfs *t = i->sb->priv;
	u64 old = a_load(&t->nr_frames);

	if (n > 0) {
		do {
			if (old + (u64)n > t->max_frames)
				return -ENOSPC;
		} while (!a_cas(&t->nr_frames, &old, old + (u64)n));
	} else {
		a_sub(&t->nr_frames, (u64)-n);
	}
	__atomic_add_fetch(&i->blocks, (u64)(n * (s64)(PAGE_SIZE / 512)), __ATOMIC_RELAXED);
	return 0;
}

/* Frames that are missing are holes. */
static int tmpfs_read_frames(struct mapping *m, struct frame **f, u64 index, size_t n)
{
	size_t k;

	for (k = 0; k < n; k++) {
		mach_frame_zero(frame_va(f[k]));
		frame_unlock(f[k], FRAME_UPTODATE);
	}
	return 0;
}

const struct mapping_ops tmpfs_mapping_ops = {
	.read_frames = tmpfs_read_frames,
	.charge = tmpfs_charge,
	.anonymous = true,
};

int tmpfs_set_size(struct inode *i, u64 size)
{
	u32 seals = tmpfs_i(i)->seals;

	if ((size < i->size && seals & ABI_F_SEAL_SHRINK) ||
	    (size > i->size && seals & ABI_F_SEAL_GROW))
		return -EPERM;
	if (size < i->size) {
		WRITE_ONCE(i->size, size);
		mapping_truncate(&i->mapping, size);
	} else {
		/* what was written behind the end through a mapping must not appear */
		mapping_truncate(&i->mapping, i->size);
		WRITE_ONCE(i->size, size);
	}
	i->mtime = inode_now();
	return 0;
}

static ssize_t tmpfs_write(struct file *f, struct iter *from, loff_t *pos)
{
	struct inode *i = f->inode;
	u32 seals = READ_ONCE(tmpfs_i(i)->seals);
	u64 end;

	if (seals & (ABI_F_SEAL_WRITE | ABI_F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (seals & ABI_F_SEAL_GROW) {
		end = f->flags & ABI_O_APPEND ? i->size : (u64)*pos;
		if (end >= i->size && from->left)
			return -EPERM;
		if (from->left > i->size - end)
			from->left = i->size - end;
	}
	return generic_file_write(f, from, pos);
}

static int tmpfs_mmap(struct file *f, u64 pgoff, u64 npages, u32 *vma_flags)
{
	if (!(*vma_flags & VMA_SHARED) ||
	    !(tmpfs_i(f->inode)->seals & (ABI_F_SEAL_WRITE | ABI_F_SEAL_FUTURE_WRITE)))
		return 0;
	if (*vma_flags & VMA_WRITE)
		return -EPERM;
	*vma_flags &= ~VMA_MAYWRITE;
	return 0;
}

static int tmpfs_fsync(struct file *f, bool data_only)
{
	return 0;
}

/* Zeroes the part of a page that is cached. */
static void zero_part(struct inode *i, u64 from, u64 to)
{
	struct frame *fr;

	if (from >= to)
		return;
	fr = mapping_find(&i->mapping, from >> PAGE_SHIFT);
	if (!fr)
		return;
	memset((char *)frame_va(fr) + (from & (PAGE_SIZE - 1)), 0, to - from);
	frame_put(fr);
}

static int punch(struct inode *i, u64 from, u64 to)
{
	u64 first = PAGE_ALIGN_UP(from), end = PAGE_ALIGN_DOWN(to);

	if (tmpfs_i(i)->seals & (ABI_F_SEAL_WRITE | ABI_F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (first > end) { /* within one page */
		zero_part(i, from, to);
		return 0;
	}
	zero_part(i, from, first);
	zero_part(i, end, to);
	if (first < end)
		mapping_punch(&i->mapping, first >> PAGE_SHIFT, (end >> PAGE_SHIFT) - 1);
	return 0;
}

static int allocate(struct inode *i, u64 from, u64 to, bool keep_size)
{
	u64 index, had = mapping_next(&i->mapping, from >> PAGE_SHIFT, true);
	struct frame *fr;
	int err = 0;

	if (tmpfs_i(i)->seals & ABI_F_SEAL_GROW && to > i->size)
		return -EPERM;
	for (index = from >> PAGE_SHIFT; !err && index < PAGE_ALIGN_UP(to) >> PAGE_SHIFT; index++) {
		err = mapping_get_new(&i->mapping, index, &fr);
		if (err)
			break;
		frame_put(fr);
		if (!(index % 64))
			mach_poll();
	}
	if (err && had > index && index > from >> PAGE_SHIFT)
		mapping_punch(&i->mapping, from >> PAGE_SHIFT, index - 1); /* all or nothing */
	if (err)
		return err;
	if (!keep_size && to > i->size) {
		u64 old = i->size;

		zero_part(i, old, MIN(to, PAGE_ALIGN_UP(old)));
		WRITE_ONCE(i->size, to);
	}
	return 0;
}

static int tmpfs_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *i = f->inode;
	int err;

	if (mode & ~(ABI_FALLOC_FL_KEEP_SIZE | ABI_FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	rwlock_write(&i->lock);
	if (mode & ABI_FALLOC_FL_PUNCH_HOLE)
		err = punch(i, (u64)off, (u64)(off + len));
	else
		err = allocate(i, (u64)off, (u64)(off + len), mode & ABI_FALLOC_FL_KEEP_SIZE);
	if (!err)
		i->ctime = i->mtime = inode_now();
	rwlock_write_done(&i->lock);
	return err;
}

const struct file_ops tmpfs_file_ops = {
	.name = "tmpfs",
	.read = generic_file_read,
	.write = tmpfs_write,
	.llseek = generic_llseek,
	.mmap = tmpfs_mmap,
	.fsync = tmpfs_fsync,
	.fallocate = tmpfs_fallocate,
};

/* ---- unnamed files ---- */

static int anon_mount_get(struct mount **out)
{
	struct mount_args a = {.data = "size=100%,nr_inodes=1000000"};
	struct fs_type *type = fs_find("tmpfs");
	struct mount *m = __atomic_load_n(&anon_mount, __ATOMIC_ACQUIRE), *none = NULL;
	struct superblock *sb;
	int err;

	if (!m) {
		err = type->mount(type, &a, &sb);
		if (err)
			return err;
		m = mount_new(sb, sb->root, 0, "tmpfs");
		super_put(sb);
		if (!m)
			return -ENOMEM;
		if (!__atomic_compare_exchange_n(&anon_mount, &none, m, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			mount_put(m);
			m = none;
		}
	}
	mount_get(m);
	*out = m;
	return 0;
}

struct file *tmpfs_file_anon(const char *name, u64 size, u32 flags)
{
	struct inode *i;
	struct file *f;
	struct path p;

	if (anon_mount_get(&p.mnt))
		return NULL;
	i = tmpfs_inode_new(p.mnt->sb, ABI_S_IFREG | 0777);
	p.dentry = i ? dentry_new_unhashed(p.mnt->root, name, i) : NULL;
	if (!p.dentry) {
		mount_put(p.mnt);
		return NULL;
	}
	i->nlink = 0;
	i->size = size;
	i->uid = current->cred->fsuid;
	i->gid = current->cred->fsgid;
	return file_open_held(&p, (flags & ~(u32)ABI_O_ACCMODE) | ABI_O_RDWR, &f) ? NULL : f;
}

/* ---- seals: fcntl(2) ---- */

static struct tmpfs_inode *sealable(struct file *f)
{
	return f->inode->fops == &tmpfs_file_ops ? tmpfs_i(f->inode) : NULL;
}

int tmpfs_get_seals(struct file *f)
{
	struct tmpfs_inode *ti = sealable(f);

	return ti ? (int)ti->seals : -EINVAL;
}

int tmpfs_add_seals(struct file *f, u32 seals)
{
	struct tmpfs_inode *ti = sealable(f);
	struct inode *i = f->inode;
	int err = 0;

	if (!ti || seals & ~(u32)(ABI_F_SEAL_SEAL | ABI_F_SEAL_SHRINK | ABI_F_SEAL_GROW |
				  ABI_F_SEAL_WRITE | ABI_F_SEAL_FUTURE_WRITE))
		return -EINVAL;
	if (!FILE_WRITE(f))
		return -EPERM;
	rwlock_write(&i->lock);
	if (ti->seals & ABI_F_SEAL_SEAL)
		err = -EPERM;
	else if (seals & ABI_F_SEAL_WRITE && READ_ONCE(i->mapping.nr_writable))
		err = -EBUSY;
	else
		ti->seals |= seals;
	rwlock_write_done(&i->lock);
	return err;
}

void tmpfs_allow_sealing(struct file *f)
{
	tmpfs_i(f->inode)->seals = 0;
}
