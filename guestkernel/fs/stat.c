/* stat.c - attributes of files and file systems (stat(2), statx(2), statfs(2), access(2))
 * A cached name is answered without lock, reference or sleep until the result is copied out. */
#include "abi/linux/caps.h"
#include "abi/linux/stat.h"
#include "fs_internal.h"
#include "syscalls_proto.h"

int vfs_getattr(const struct path *p, struct kstat *st)
{
	struct inode *i = p->dentry->inode;

	if (i->ops->getattr)
		return i->ops->getattr(i, st);
	inode_stat(i, st);
	return 0;
}

static int file_getattr(struct file *f, struct kstat *st)
{
	if (f->path.dentry)
		return vfs_getattr(&f->path, st);
	if (f->inode->ops->getattr)
		return f->inode->ops->getattr(f->inode, st);
	inode_stat(f->inode, st);
	return 0;
}

static void stat_convert(const struct kstat *st, struct abi_stat *out)
{
	*out = (struct abi_stat){
		.st_dev = st->dev,
		.st_ino = st->ino,
		.st_nlink = st->nlink,
		.st_mode = st->mode,
		.st_uid = st->uid,
		.st_gid = st->gid,
		.st_rdev = st->rdev,
		.st_size = (int64_t)st->size,
		.st_blksize = st->blksize,
		.st_blocks = (int64_t)st->blocks,
		.st_atime_sec = (u64)st->atime.tv_sec,
		.st_atime_nsec = (u64)st->atime.tv_nsec,
		.st_mtime_sec = (u64)st->mtime.tv_sec,
		.st_mtime_nsec = (u64)st->mtime.tv_nsec,
		.st_ctime_sec = (u64)st->ctime.tv_sec,
		.st_ctime_nsec = (u64)st->ctime.tv_nsec,
	};
}

static int stat_out(const struct kstat *st, uaddr_t ust)
{
	struct abi_stat out;

	stat_convert(st, &out);
	return copy_out_obj(ust, &out);
}

static int stat_path(const struct path *p, struct kstat *st)
{
	int err = vfs_getattr(p, st);

	path_put(p);
	return err;
}

/* The attributes of a name; mnt: number of its mount, for statx. */
static int stat_name(int dirfd, const char *name, u32 flags, struct kstat *st, u32 *mnt)
{
	struct walk w;
	struct path p;
	struct inode *i;
	int err;

	w.base = NULL;
	err = walk_fast(&w, dirfd, name, flags);
	if (likely(!err)) {
		i = w.cur.dentry->inode;
		*mnt = w.cur.mnt ? w.cur.mnt->id : 0;
		if (likely(!i->ops->getattr)) {
			inode_stat(i, st);
			return 0;
		}
		if (i->flags & INODE_STAT_NOSLEEP)
			return i->ops->getattr(i, st);
	} else if (err < 0) {
		return err;
	}
	err = walk_from(NULL, dirfd, name, flags, &p, NULL);
	if (err)
		return err;
	*mnt = p.mnt ? p.mnt->id : 0;
	return stat_path(&p, st);
}

static int stat_fd(int fd, struct kstat *st, u32 *mnt)
{
	struct fdref r = fd_get_raw(fd);
	int err;

	if (!r.file)
		return -EBADF;
	*mnt = r.file->path.mnt ? r.file->path.mnt->id : 0;
	err = file_getattr(r.file, st);
	fd_put(r);
	return err;
}

static int stat_at(int dirfd, uaddr_t uname, int flags, struct kstat *st, u32 *mnt)
{
	u32 walk = flags & ABI_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;
	struct pathname name;
	int err = pathname_get(&name, uname);

	if (err)
		return err;
	if (flags & ABI_AT_EMPTY_PATH) {
		if (!*name.text && dirfd >= 0) {
			pathname_put(&name);
			return stat_fd(dirfd, st, mnt);
		}
		walk |= WALK_EMPTY;
	}
	err = stat_name(dirfd, name.text, walk, st, mnt);
	pathname_put(&name);
	return err;
}

static long do_stat(int dirfd, uaddr_t name, uaddr_t ust, int flags)
{
	struct kstat st;
	u32 mnt;
	int err = stat_at(dirfd, name, flags, &st, &mnt);

	return err ? err : stat_out(&st, ust);
}

long sys_stat(uaddr_t name, uaddr_t st)
{
	return do_stat(ABI_AT_FDCWD, name, st, 0);
}

long sys_lstat(uaddr_t name, uaddr_t st)
{
	return do_stat(ABI_AT_FDCWD, name, st, ABI_AT_SYMLINK_NOFOLLOW);
}

long sys_newfstatat(int dirfd, uaddr_t name, uaddr_t st, int flags)
{
	if (flags & ~(ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_NO_AUTOMOUNT | ABI_AT_EMPTY_PATH))
		return -EINVAL;
	return do_stat(dirfd, name, st, flags);
}

long sys_fstat(int fd, uaddr_t ust)
{
	struct kstat st;
	u32 mnt;
	int err = stat_fd(fd, &st, &mnt);

	return err ? err : stat_out(&st, ust);
}

static struct abi_statx_timestamp statx_time(struct abi_timespec t)
{
	return (struct abi_statx_timestamp){t.tv_sec, (u32)t.tv_nsec, 0};
}

long sys_statx(int dirfd, uaddr_t name, int flags, unsigned int mask, uaddr_t ustx)
{
	struct kstat st;
	struct abi_statx x;
	u32 mnt;
	int err;

	if (mask & ABI_STATX__RESERVED)
		return -EINVAL;
	if (flags & ~(ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_NO_AUTOMOUNT | ABI_AT_EMPTY_PATH |
		      ABI_AT_STATX_SYNC_TYPE) ||
	    (flags & ABI_AT_STATX_SYNC_TYPE) == ABI_AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = stat_at(dirfd, name, flags, &st, &mnt);
	if (err)
		return err;
	x = (struct abi_statx){
		.stx_mask = st.mask | ABI_STATX_MNT_ID,
		.stx_blksize = st.blksize,
		.stx_attributes = st.attributes,
		.stx_nlink = st.nlink,
		.stx_uid = st.uid,
		.stx_gid = st.gid,
		.stx_mode = (u16)st.mode,
		.stx_ino = st.ino,
		.stx_size = st.size,
		.stx_blocks = st.blocks,
		.stx_attributes_mask = st.attributes,
		.stx_atime = statx_time(st.atime),
		.stx_btime = statx_time(st.btime),
		.stx_ctime = statx_time(st.ctime),
		.stx_mtime = statx_time(st.mtime),
		.stx_rdev_major = ABI_MAJOR(st.rdev),
		.stx_rdev_minor = ABI_MINOR(st.rdev),
		.stx_dev_major = ABI_MAJOR(st.dev),
		.stx_dev_minor = ABI_MINOR(st.dev),
		.stx_mnt_id = mnt,
	};
	return copy_out_obj(ustx, &x);
}

/* ---- statfs ---- */

static int do_statfs(struct superblock *sb, const struct mount *mnt, uaddr_t out)
{
	struct abi_statfs st = {.f_type = (int64_t)sb->magic,
				.f_bsize = PAGE_SIZE,
				.f_frsize = PAGE_SIZE,
				.f_namelen = sb->namemax};
	u32 flags = mnt ? mnt->flags : 0;
	int err = sb->ops->statfs ? sb->ops->statfs(sb, &st) : 0;

	if (err)
		return err;
	st.f_fsid[0] = (int32_t)sb->dev;
	st.f_flags =
		ABI_ST_VALID | (flags & MNT_RDONLY || sb->flags & SB_RDONLY ? ABI_ST_RDONLY : 0) |
		(flags & MNT_NOSUID ? ABI_ST_NOSUID : 0) | (flags & MNT_NODEV ? ABI_ST_NODEV : 0) |
		(flags & MNT_NOEXEC ? ABI_ST_NOEXEC : 0) |
		(flags & MNT_NOATIME ? ABI_ST_NOATIME : ABI_ST_RELATIME);
	return copy_out_obj(out, &st);
}

long sys_statfs(uaddr_t name, uaddr_t st)
{
	struct path p;
	long err = path_walk_user(ABI_AT_FDCWD, name, WALK_FOLLOW, &p);

	if (err)
		return err;
	err = do_statfs(p.dentry->sb, p.mnt, st);
	path_put(&p);
	return err;
}

long sys_fstatfs(int fd, uaddr_t st)
{
	struct fdref r = fd_get_raw(fd);
	long err;

	if (!r.file)
		return -EBADF;
	err = do_statfs(file_node(r.file)->sb, r.file->path.mnt, st);
	fd_put(r);
	return err;
}

/* ---- access ---- */

/* access(2) asks for the real ids: root's capabilities count only if the real uid is root. */
static int cred_real(struct cred **out)
{
	struct cred *c = cred_new_copy(current->cred);

	if (!c)
		return -ENOMEM;
	c->fsuid = c->uid;
	c->fsgid = c->gid;
	c->cap_eff = c->uid ? 0 : c->cap_perm;
	*out = c;
	return 0;
}

static int access_path(int dirfd, const char *name, u32 want, u32 walk)
{
	struct path p;
	int err = walk_from(NULL, dirfd, name, walk, &p, NULL);

	if (err)
		return err;
	err = want ? path_permission(&p, want) : 0;
	path_put(&p);
	return err;
}

static long do_access(int dirfd, uaddr_t uname, int mode, int flags)
{
	u32 walk = (flags & ABI_AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
		   (flags & ABI_AT_EMPTY_PATH ? WALK_EMPTY : 0);
	struct cred *own = current->cred, *real = NULL;
	struct pathname name;
	long err;

	if (mode & ~7 || flags & ~(ABI_AT_EACCESS | ABI_AT_SYMLINK_NOFOLLOW | ABI_AT_EMPTY_PATH))
		return -EINVAL;
	err = pathname_get(&name, uname);
	if (err)
		return err;
	if (!(flags & ABI_AT_EACCESS) && (own->fsuid != own->uid || own->fsgid != own->gid ||
					  own->cap_eff != (own->uid ? 0 : own->cap_perm))) {
		err = cred_real(&real);
		if (err)
			goto out_put_name;
		current->cred = real;
	}
	err = access_path(dirfd, name.text, (u32)mode, walk);
	if (real) {
		current->cred = own;
		cred_put(real);
	}
out_put_name:
	pathname_put(&name);
	return err;
}

long sys_access(uaddr_t name, int mode)
{
	return do_access(ABI_AT_FDCWD, name, mode, 0);
}

long sys_faccessat(int dirfd, uaddr_t name, int mode)
{
	return do_access(dirfd, name, mode, 0);
}

long sys_faccessat2(int dirfd, uaddr_t name, int mode, int flags)
{
	return do_access(dirfd, name, mode, flags);
}
