/* mountcalls.c - mount(2), umount2(2), pivot_root(2)
 * Differs from Linux: mounts never propagate (all are private: asking for that is granted, asking
 * to share is EINVAL); file systems from here are those that say FS_USER_MOUNT. */
#include "abi/linux/caps.h"
#include "abi/linux/mount.h"
#include "fs_internal.h"
#include "log.h"
#include "slab.h"
#include "syscalls_proto.h"

#define PROPAGATION (ABI_MS_UNBINDABLE | ABI_MS_PRIVATE | ABI_MS_SLAVE | ABI_MS_SHARED)
#define TYPE_MAX    64u

struct mount_call {
	char *source, *data; /* or null */
	char type[TYPE_MAX];
	u64 flags; /* ABI_MS_* */
};

static u32 mnt_flags(u64 ms)
{
	return (ms & ABI_MS_RDONLY ? MNT_RDONLY : 0) | (ms & ABI_MS_NOSUID ? MNT_NOSUID : 0) |
	       (ms & ABI_MS_NODEV ? MNT_NODEV : 0) | (ms & ABI_MS_NOEXEC ? MNT_NOEXEC : 0) |
	       (ms & ABI_MS_NOATIME ? MNT_NOATIME : 0);
}

static struct mntns *own_ns(void)
{
	return current->container->mounts;
}

static int attach_at(struct mount *m, const struct path *at)
{
	int err = mount_attach(own_ns(), m, at);

	if (err)
		mount_put(m);
	return err;
}

/* Copies of the mounts below from, in order, below the copy top of its tree. */
static int bind_children(const struct path *from, struct mount *top, const struct path *at)
{
	struct mntns *ns = own_ns();
	struct mount *m, *copy, *held = NULL, *end;
	struct path here, place;
	int err = 0;

	mutex_lock(&ns->lock);
	end = TAILQ_LAST(&ns->mounts, mount_list); /* what we add comes behind */
	mount_get(end);
	for (m = TAILQ_FIRST(&ns->mounts); m && !err; m = m->ns ? TAILQ_NEXT(m, link) : NULL) {
		here = (struct path){m->parent, m->point};
		if (m != top && m->parent == from->mnt && dentry_is_below(m->point, from->dentry)) {
			mount_get(m);
			mutex_unlock(&ns->lock);
			copy = mount_new(m->sb, m->root, m->flags, m->source);
			place = (struct path){top, here.dentry};
			err = copy ? attach_at(copy, &place) : -ENOMEM;
			if (!err) { /* and what is mounted on that one */
				here = (struct path){m, m->root};
				err = bind_children(&here, copy, at);
			}
			if (held)
				mount_put(held);
			held = m;
			mutex_lock(&ns->lock);
		}
		if (m == end)
			break;
	}
	mutex_unlock(&ns->lock);
	mount_put(end);
	if (held)
		mount_put(held);
	return err;
}

static int do_bind(const struct mount_call *c, const struct path *at)
{
	struct mount *m;
	struct path from;
	int err;

	if (!c->source || !*c->source)
		return -EINVAL;
	err = path_walk(ABI_AT_FDCWD, c->source, WALK_FOLLOW, &from);
	if (err)
		return err;
	m = mount_new(from.mnt->sb, from.dentry, from.mnt->flags, from.mnt->source);
	err = m ? attach_at(m, at) : -ENOMEM;
	if (!err && c->flags & ABI_MS_REC)
		err = bind_children(&from, m, at);
	path_put(&from);
	return err;
}

static int do_remount(const struct mount_call *c, const struct path *at)
{
	if (at->dentry != at->mnt->root)
		return -EINVAL;
	at->mnt->flags = mnt_flags(c->flags);
	return 0;
}

static int do_move(const struct mount_call *c, const struct path *at)
{
	struct path from;
	int err = path_walk(ABI_AT_FDCWD, c->source ? c->source : "", WALK_FOLLOW, &from);

	if (err)
		return err;
	if (from.dentry != from.mnt->root || !from.mnt->parent)
		err = -EINVAL;
	else
		err = mount_move(own_ns(), from.mnt, at);
	path_put(&from);
	return err;
}

static int do_new(const struct mount_call *c, const struct path *at)
{
	struct mount_args a = {.source = c->source ? c->source : "none",
			       .data = c->data ? c->data : "",
			       .flags = mnt_flags(c->flags),
			       .container = current->container};
	struct fs_type *t = fs_find(c->type);
	struct superblock *sb;
	struct mount *m;
	int err;

	if (!t || !(t->flags & FS_USER_MOUNT))
		return -ENODEV;
	err = t->mount(t, &a, &sb);
	if (err)
		return err;
	m = mount_new(sb, sb->root, a.flags, a.source);
	super_put(sb);
	return m ? attach_at(m, at) : -ENOMEM;
}

static int do_mount(const struct mount_call *c, const struct path *at)
{
	if (c->flags & ABI_MS_REMOUNT)
		return do_remount(c, at);
	if (c->flags & ABI_MS_BIND)
		return do_bind(c, at);
	if (c->flags & PROPAGATION) {
		if (at->dentry != at->mnt->root)
			return -EINVAL;
		return c->flags & (ABI_MS_SHARED | ABI_MS_UNBINDABLE) ? -EINVAL : 0;
	}
	if (c->flags & ABI_MS_MOVE)
		return do_move(c, at);
	return do_new(c, at);
}

/* An optional string; null stays null. */
static int string_get(uaddr_t u, char **out)
{
	*out = NULL;
	return uaddr_is_null(u) ? 0 : pathbuf_get(u, true, out);
}

static int call_copy_in(struct mount_call *c, uaddr_t source, uaddr_t type, u64 flags, uaddr_t data)
{
	ssize_t n;
	int err;

	*c = (struct mount_call){.flags = flags};
	if ((flags & ABI_MS_MGC_MSK) == ABI_MS_MGC_VAL)
		c->flags &= ~(u64)ABI_MS_MGC_MSK;
	if (!uaddr_is_null(type)) {
		n = copy_in_str(c->type, type, sizeof(c->type));
		if (n < 0)
			return n == -ENAMETOOLONG ? -ENODEV : (int)n;
	}
	err = string_get(source, &c->source);
	if (err)
		return err;
	err = string_get(data, &c->data);
	if (err && c->source)
		pathbuf_put(c->source);
	return err;
}

long sys_mount(uaddr_t source, uaddr_t target, uaddr_t type, unsigned long flags, uaddr_t data)
{
	struct mount_call c;
	struct path at;
	long err;

	err = call_copy_in(&c, source, type, flags, data);
	if (err)
		return err;
	err = path_walk_user(ABI_AT_FDCWD, target, WALK_FOLLOW, &at);
	if (err)
		goto out_put_strings;
	err = capable(ABI_CAP_SYS_ADMIN) ? do_mount(&c, &at) : -EPERM;
	path_put(&at);
out_put_strings:
	if (c.source)
		pathbuf_put(c.source);
	if (c.data)
		pathbuf_put(c.data);
	return err;
}

long sys_umount2(uaddr_t target, int flags)
{
	struct path at;
	long err;

	if (flags & ~(ABI_MNT_FORCE | ABI_MNT_DETACH | ABI_MNT_EXPIRE | ABI_UMOUNT_NOFOLLOW) ||
	    (flags & ABI_MNT_EXPIRE && flags & (ABI_MNT_FORCE | ABI_MNT_DETACH)))
		return -EINVAL;
	err = path_walk_user(ABI_AT_FDCWD, target, flags & ABI_UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW,
			     &at);
	if (err)
		return err;
	dentry_put(at.dentry); /* the mount's own reference keeps its root */
	if (!capable(ABI_CAP_SYS_ADMIN))
		err = -EPERM;
	else if (at.dentry != at.mnt->root || !at.mnt->parent)
		err = -EINVAL;
	else if (flags & ABI_MNT_EXPIRE)
		err = -EAGAIN; /* nothing expires: a second call would be the first again */
	else
		err = mount_unmount(own_ns(), at.mnt, flags & ABI_MNT_DETACH);
	mount_put(at.mnt);
	return err;
}

/* ---- pivot_root ---- */

static int pivot(const struct path *new_root, const struct path *put_old)
{
	struct path root, cwd;
	struct mntns *ns = own_ns();
	int err;

	fs_ctx_read(current->fs, &root, &cwd);
	path_get(&root);
	path_get(&cwd);
	err = -EINVAL;
	if (new_root->dentry != new_root->mnt->root || root.dentry != root.mnt->root ||
	    !path_is_below(put_old, new_root))
		goto out_put;
	err = -EBUSY;
	if (new_root->mnt == root.mnt || put_old->mnt == root.mnt)
		goto out_put;
	err = mount_pivot(ns, &root, new_root, put_old);
	if (err)
		goto out_put;
	if (path_equal(&cwd, &root)) {
		path_get(new_root);
		fs_ctx_set(current->fs, &current->fs->cwd, new_root);
	}
	path_get(new_root);
	fs_ctx_set(current->fs, &current->fs->root, new_root);
out_put:
	path_put(&root);
	path_put(&cwd);
	return err;
}

long sys_pivot_root(uaddr_t unew, uaddr_t uold)
{
	struct path new_root, put_old;
	long err;

	if (!capable(ABI_CAP_SYS_ADMIN))
		return -EPERM;
	err = path_walk_user(ABI_AT_FDCWD, unew, WALK_FOLLOW | WALK_DIRECTORY, &new_root);
	if (err)
		return err;
	err = path_walk_user(ABI_AT_FDCWD, uold, WALK_FOLLOW | WALK_DIRECTORY, &put_old);
	if (!err) {
		err = pivot(&new_root, &put_old);
		path_put(&put_old);
	}
	path_put(&new_root);
	return err;
}
