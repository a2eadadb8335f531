/* inode.c - files as the file systems give them: life, numbers, rights, attributes
 * Locks: hash_lock for the table of numbers; an inode's lock for its times and changes.
 * Sleeps: inode_put (ops->evict). Lock-free walkers look at an inode until they block, so its
 * memory waits for quiescence; its private part goes at once unless INODE_STAT_NOSLEEP. */
#include "abi/linux/caps.h"
#include "fs_internal.h"
#include "log.h"
#include "slab.h"

#define HASH_SIZE 1024u

static struct slab_cache *inode_cache;
static struct inode *table[HASH_SIZE];
static s64 last_now; /* [a] seconds when last asked: for what needs no clock of its own */
static struct spinlock hash_lock = SPINLOCK_INIT(RANK_INODE_HASH);

static struct inode **slot_of(const struct superblock *sb, u64 ino)
{
	u64 h = (ino ^ ((u64)(uintptr_t)sb >> 6)) * NAME_K;

	return &table[h >> 54];
}
_Static_assert(HASH_SIZE == 1u << (64 - 54), "slot_of takes ten bits");

struct abi_timespec inode_now(void)
{
	s64 ns = time_real_ns();
	struct abi_timespec t = {ns / (s64)NSEC_PER_SEC, ns % (s64)NSEC_PER_SEC};

	WRITE_ONCE(last_now, t.tv_sec);
	return t;
}

s64 inode_last_now(void)
{
	return READ_ONCE(last_now);
}

struct inode *inode_new(struct superblock *sb, u32 mode, const struct inode_ops *ops,
			const struct file_ops *fops)
{
	struct inode *i = slab_zalloc(inode_cache);

	if (!i)
		return NULL;
	i->refs.v = 1;
	i->mode = mode;
	i->nlink = 1;
	i->sb = sb;
	i->ops = ops;
	i->fops = fops;
	i->ino = a_add(&sb->next_ino, 1);
	i->atime = inode_now();
	i->mtime = i->ctime = i->btime = i->atime;
	rwlock_init(&i->lock, S_ISDIR(mode) ? LOCK_RANK_DIR(sb) : LOCK_RANK_FILE(sb));
	mapping_init(&i->mapping, i, NULL);
	return i;
}

void inode_get(struct inode *i)
{
	ref_get(&i->refs);
}

static void inode_free_later(struct quiesce_head *h)
{
	struct inode *i = container_of(h, struct inode, qhead);

	kfree((void *)(uintptr_t)i->link);
	slab_free(inode_cache, i);
}

static void table_remove(struct inode *i)
{
	struct inode **p;

	spin_lock(&hash_lock);
	for (p = slot_of(i->sb, i->ino); *p; p = &(*p)->hash_next)
		if (*p == i) {
			*p = i->hash_next;
			break;
		}
	spin_unlock(&hash_lock);
}

void inode_put(struct inode *i)
{
	if (!ref_put(&i->refs))
		return;
	if (i->flags & INODE_HASHED)
		table_remove(i);
	flock_inode_gone(i);
	if (i->ops->evict)
		i->ops->evict(i);
	mapping_destroy(&i->mapping);
	quiesce_defer(&i->qhead, inode_free_later);
}

/* hash_lock held. */
static struct inode *table_find(struct superblock *sb, u64 ino)
{
	struct inode *i;

	for (i = *slot_of(sb, ino); i; i = i->hash_next)
		if (i->ino == ino && i->sb == sb && ref_get_live(&i->refs))
			return i;
	return NULL;
}

struct inode *inode_find(struct superblock *sb, u64 ino)
{
	struct inode *i;

	spin_lock(&hash_lock);
	i = table_find(sb, ino);
	spin_unlock(&hash_lock);
	return i;
}

struct inode *inode_hash(struct inode *i)
{
	struct inode *other, **slot = slot_of(i->sb, i->ino);

	spin_lock(&hash_lock);
	other = table_find(i->sb, i->ino);
	if (!other) {
		i->flags |= INODE_HASHED;
		i->hash_next = *slot;
		*slot = i;
	}
	spin_unlock(&hash_lock);
	if (!other)
		return i;
	inode_put(i);
	return other;
}

void inode_init_owner(const struct inode *dir, u32 *mode, u32 *uid, u32 *gid)
{
	const struct cred *c = current->cred;

	*uid = c->fsuid;
	*gid = c->fsgid;
	if (!(dir->mode & ABI_S_ISGID))
		return;
	*gid = dir->gid;
	if (S_ISDIR(*mode))
		*mode |= ABI_S_ISGID;
	else if ((*mode & (ABI_S_ISGID | ABI_S_IXGRP)) == (ABI_S_ISGID | ABI_S_IXGRP) &&
		 !cred_in_group(c, *gid) && !capable(ABI_CAP_FSETID))
		*mode &= ~(u32)ABI_S_ISGID;
}

/* ---- rights: path_resolution(7), capabilities(7) ---- */

int generic_permission(const struct inode *i, u32 want)
{
	return mode_permission(READ_ONCE(i->mode), i->uid, i->gid, want);
}

int mode_permission(u32 mode, u32 uid, u32 gid, u32 want)
{
	const struct cred *c = current->cred;
	u32 bits = mode;

	if (c->fsuid == uid)
		bits >>= 6;
	else if (((bits >> 3) ^ bits) & 7 && cred_in_group(c, gid))
		bits >>= 3;
	if (!(want & ~bits & 7))
		return 0;
	if (S_ISDIR(mode)) {
		if (capable(ABI_CAP_DAC_OVERRIDE))
			return 0;
		if (!(want & ABI_W_OK) && capable(ABI_CAP_DAC_READ_SEARCH))
			return 0;
		return -EACCES;
	}
	if (want == ABI_R_OK && capable(ABI_CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(want & ABI_X_OK) || mode & 0111) && capable(ABI_CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *i, u32 want)
{
	if (want & ABI_W_OK && i->sb->flags & SB_RDONLY &&
	    (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		return -EROFS;
	return i->ops->permission ? i->ops->permission(i, want) : generic_permission(i, want);
}

int path_permission(const struct path *p, u32 want)
{
	struct inode *i = p->dentry->inode;

	if (want & ABI_W_OK && p->mnt && p->mnt->flags & MNT_RDONLY &&
	    (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		return -EROFS;
	if (want & ABI_X_OK && S_ISREG(i->mode) && p->mnt && p->mnt->flags & MNT_NOEXEC)
		return -EACCES;
	return inode_permission(i, want);
}

bool inode_owner_or_capable(const struct inode *i)
{
	return current->cred->fsuid == i->uid || capable(ABI_CAP_FOWNER);
}

/* ---- who writes and who runs it ---- */

#define EXEC_SHIFT 16 /* low half: writers, high half: deniers */

int inode_writers_get(struct inode *i)
{
	u32 old = a_load(&i->writers);

	do {
		if (old >> EXEC_SHIFT)
			return -ETXTBSY;
		if ((old & 0xffff) == 0xffff)
			return -ENFILE;
	} while (!a_cas(&i->writers, &old, old + 1));
	return 0;
}

void inode_writers_put(struct inode *i)
{
	a_sub(&i->writers, 1);
}

int file_deny_write(struct file *f)
{
	struct inode *i = file_node(f);
	u32 old = a_load(&i->writers);

	do {
		if (old & 0xffff)
			return -ETXTBSY;
		if (old >> EXEC_SHIFT == 0xffff)
			return -ENFILE;
	} while (!a_cas(&i->writers, &old, old + (1u << EXEC_SHIFT)));
	return 0;
}

void file_allow_write(struct file *f)
{
	a_sub(&file_node(f)->writers, 1u << EXEC_SHIFT);
}

/* ---- attributes ---- */

void inode_stat(const struct inode *i, struct kstat *st)
{
	st->dev = i->sb->dev;
	st->ino = i->ino;
	st->rdev = i->rdev;
	st->size = READ_ONCE(i->size);
	st->blocks = i->blocks;
	st->mode = i->mode;
	st->nlink = i->nlink;
	st->uid = i->uid;
	st->gid = i->gid;
	st->blksize = PAGE_SIZE;
	st->atime = i->atime;
	st->mtime = i->mtime;
	st->ctime = i->ctime;
	st->btime = i->btime;
	st->attributes = 0;
	st->mask = ABI_STATX_BASIC_STATS | ABI_STATX_BTIME;
}

void inode_setattr(struct inode *i, const struct iattr *a)
{
	if (a->valid & ATTR_UID)
		i->uid = a->uid;
	if (a->valid & ATTR_GID)
		i->gid = a->gid;
	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & ABI_S_IFMT) | (a->mode & 07777);
	if (a->valid & ATTR_ATIME)
		i->atime = a->atime;
	if (a->valid & ATTR_MTIME)
		i->mtime = a->mtime;
	if (a->valid & ATTR_CTIME)
		i->ctime = inode_now();
}

char *link_dup(const char *text, size_t len)
{
	char *p = kzalloc(len + 1 + NAME_SLACK);

	if (p)
		memcpy(p, text, len);
	return p;
}

void inode_cache_init(void)
{
	inode_cache = slab_cache_create("inode", sizeof(struct inode), 64);
	if (!inode_cache)
		panic("no memory for inodes");
}
