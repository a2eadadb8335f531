/* container.c - a container's tree of mounts, from its spec
 * Provides: the root (with a memory overlay where asked), the mounts in order with their mount
 *   points made as runc makes them, and init's root and working directory.
 * Runs in init's task, which gets its root and working directory here: for the walks it takes the
 *   container's root as its own, and all rights.
 * Differs from runc: a mount whose file system is not built is left out, with a line in the log. */
#include "abi/linux/caps.h"
#include "abi/spec.h"
#include "fs_internal.h"
#include "log.h"

struct setup {
	struct container *c;
	const struct abi_spec *spec;
	const char *blob;
	struct mntns *ns;
};

static const struct abi_spec_mount *mount_at(const struct setup *s, u32 k)
{
	return (const struct abi_spec_mount *)(const void *)(s->blob + s->spec->mounts) + k;
}

static const char *type_name(u32 type)
{
	static const char *const names[] = {
		[ABI_MOUNT_GOFER] = "gofer",   [ABI_MOUNT_TMPFS] = "tmpfs",
		[ABI_MOUNT_PROC] = "proc",     [ABI_MOUNT_SYSFS] = "sysfs",
		[ABI_MOUNT_DEV] = "devtmpfs",  [ABI_MOUNT_DEVPTS] = "devpts",
		[ABI_MOUNT_MQUEUE] = "mqueue", [ABI_MOUNT_CGROUP2] = "cgroup2",
	};

	return type < ARRAY_SIZE(names) ? names[type] : NULL;
}

static u32 mount_flags(u32 f)
{
	return (f & ABI_MOUNT_RDONLY ? MNT_RDONLY : 0) | (f & ABI_MOUNT_NOSUID ? MNT_NOSUID : 0) |
	       (f & ABI_MOUNT_NODEV ? MNT_NODEV : 0) | (f & ABI_MOUNT_NOEXEC ? MNT_NOEXEC : 0);
}

/* A layer: a file system mounted nowhere. */
static int layer_make(struct superblock *sb, struct path *out)
{
	struct mount *m;

	super_make_layer(sb);
	m = mount_new(sb, sb->root, 0, "layer");
	if (!m)
		return -ENOMEM;
	dentry_get(sb->root);
	*out = (struct path){m, sb->root};
	return 0;
}

/* Puts a memory layer over *sb, whose reference is exchanged for the overlay's. */
static int overlay_over(const struct setup *s, struct superblock **sb)
{
	struct mount_args args = {.container = s->c}, upper_args = {.container = s->c};
	const struct fs_type *tmpfs = fs_find("tmpfs"), *overlay = fs_find("overlay");
	struct superblock *up, *made;
	char options[64];
	int err;

	if (s->spec->overlay_limit)
		ksnprintf(options, sizeof(options), "mode=755,size=%llu",
			  (unsigned long long)s->spec->overlay_limit);
	else
		ksnprintf(options, sizeof(options), "mode=755,size=100%%");
	upper_args.data = options;
	err = tmpfs->mount(tmpfs, &upper_args, &up);
	if (err)
		return err;
	err = layer_make(up, &args.upper);
	super_put(up);
	if (err)
		return err;
	err = layer_make(*sb, &args.lower);
	if (err)
		goto out_put_upper;
	err = overlay->mount(overlay, &args, &made);
	path_put(&args.lower);
	if (err)
		goto out_put_upper;
	super_put(*sb);
	*sb = made;
out_put_upper:
	path_put(&args.upper);
	return err;
}

/* The file system of mount k; -ENODEV if it is not built. */
static int super_make(const struct setup *s, u32 k, struct superblock **out)
{
	const struct abi_spec_mount *sm = mount_at(s, k);
	struct mount_args args = {
		.source = s->blob + sm->source, .data = "", .spec = sm, .container = s->c};
	const char *name = type_name(sm->type);
	struct fs_type *t = name ? fs_find(name) : NULL;
	bool overlay =
		sm->flags & ABI_MOUNT_OVERLAY || (!k && s->spec->flags & ABI_SPEC_ROOT_OVERLAY);
	int err;

	if (!t)
		return -ENODEV;
	args.flags = mount_flags(sm->flags);
	err = t->mount(t, &args, out);
	if (err || !overlay || !S_ISDIR((*out)->root->inode->mode))
		return err;
	err = overlay_over(s, out);
	if (err)
		super_put(*out);
	return err;
}

static int root_mount(struct setup *s)
{
	const struct abi_spec_mount *sm = mount_at(s, 0);
	bool overlay = sm->flags & ABI_MOUNT_OVERLAY || s->spec->flags & ABI_SPEC_ROOT_OVERLAY;
	u32 flags = mount_flags(sm->flags) | (s->spec->flags & ABI_SPEC_ROOT_RO ? MNT_RDONLY : 0);
	struct superblock *sb;
	struct mount *m;
	int err = super_make(s, 0, &sb);

	if (err)
		return err;
	if (overlay && !(s->spec->flags & ABI_SPEC_ROOT_RO))
		flags &= ~MNT_RDONLY; /* what is read-only is below */
	err = -ENOTDIR;
	if (!S_ISDIR(sb->root->inode->mode))
		goto out_put_super;
	err = -ENOMEM;
	m = mount_new(sb, sb->root, flags, overlay ? "overlay" : s->blob + sm->source);
	if (!m)
		goto out_put_super;
	err = mount_attach(s->ns, m, NULL);
	if (err)
		mount_put(m);
out_put_super:
	super_put(sb);
	return err;
}

/* ---- mount points ---- */

static int make_last(const struct path *dir, const struct last_name *last, u32 mode)
{
	struct inode *i = dir->dentry->inode;
	struct dentry *d;
	int err;

	rwlock_write(&i->lock);
	err = dentry_lookup(dir->dentry, last->name, last->len, true, &d);
	if (!err && !d->inode)
		err = dir->mnt->flags & MNT_RDONLY ? -EROFS : vfs_create(dir, d, mode, 0);
	rwlock_write_done(&i->lock);
	if (!err)
		dentry_put(d);
	return err;
}

/* One component, if it is not there. text is the path up to it. */
static int make_missing(const char *text, u32 mode)
{
	struct last_name last;
	struct path p;
	int err = walk_from(NULL, ABI_AT_FDCWD, text, WALK_FOLLOW, &p, NULL);

	if (!err) {
		path_put(&p);
		return 0;
	}
	if (err != -ENOENT)
		return err;
	err = walk_from(NULL, ABI_AT_FDCWD, text, WALK_PARENT, &p, &last);
	if (err)
		return err;
	err = last.kind == LAST_NORM ? make_last(&p, &last, mode) : 0;
	path_put(&p);
	return err;
}

/* The directory or file at an absolute path, made with its parents if need be. */
static int point_get(const char *dest, bool file, struct path *out)
{
	struct pathname name;
	int err = *dest == '/' ? pathname_set(&name, dest) : -EINVAL;
	char *at, keep;

	if (err)
		return err;
	for (at = name.text; !err && *at;) {
		while (*at == '/')
			at++;
		while (*at && *at != '/')
			at++;
		keep = *at;
		*at = 0;
		err = make_missing(name.text,
				   file && !keep ? ABI_S_IFREG | 0644 : ABI_S_IFDIR | 0755);
		*at = keep;
	}
	if (!err)
		err = walk_from(NULL, ABI_AT_FDCWD, name.text, WALK_FOLLOW, out, NULL);
	pathname_put(&name);
	return err;
}

static int bind_source(const struct setup *s, const struct abi_spec_mount *sm, struct mount **out)
{
	const char *source = s->blob + sm->source;
	struct path p;
	int err = path_walk(ABI_AT_FDCWD, source, WALK_FOLLOW, &p);

	if (err)
		return err;
	*out = mount_new(p.mnt->sb, p.dentry, mount_flags(sm->flags), p.mnt->source);
	path_put(&p);
	return *out ? 0 : -ENOMEM;
}

static int mount_make(const struct setup *s, u32 k, struct mount **out)
{
	const struct abi_spec_mount *sm = mount_at(s, k);
	u32 flags = mount_flags(sm->flags);
	struct superblock *sb;
	int err;

	if (sm->type == ABI_MOUNT_BIND)
		return bind_source(s, sm, out);
	err = super_make(s, k, &sb);
	if (err)
		return err;
	if (sm->flags & ABI_MOUNT_OVERLAY)
		flags &= ~MNT_RDONLY;
	*out = mount_new(sb, sb->root, flags, s->blob + sm->source);
	super_put(sb);
	return *out ? 0 : -ENOMEM;
}

static int mount_one(const struct setup *s, u32 k)
{
	const struct abi_spec_mount *sm = mount_at(s, k);
	const char *dest = s->blob + sm->dest;
	struct mount *m;
	struct path at;
	int err = mount_make(s, k, &m);

	if (err == -ENODEV) {
		klog(LOG_WARN, "mount %s: this kind of file system is not built", dest);
		return 0;
	}
	if (err)
		goto out_tell;
	err = point_get(dest, !S_ISDIR(m->root->inode->mode), &at);
	if (!err) {
		err = mount_attach(s->ns, m, &at);
		path_put(&at);
	}
	if (err)
		mount_put(m);
out_tell:
	if (err)
		klog(LOG_ERROR, "mount %s: error %d", dest, -err);
	return err;
}

/* ---- as whom: the container's root directory, all rights ---- */

struct guise {
	struct fs_ctx *fs;
	struct cred *cred;
};

static int guise_on(struct guise *g, const struct path *root)
{
	struct fs_ctx *fs = fs_ctx_new(root, root, 022);
	struct cred *c = cred_new_copy(NULL);

	if (!fs || !c) {
		if (fs)
			fs_ctx_put(fs);
		if (c)
			cred_put(c);
		return -ENOMEM;
	}
	c->cap_eff = c->cap_perm = c->cap_bset = ABI_CAP_FULL;
	*g = (struct guise){current->fs, current->cred};
	current->fs = fs;
	current->cred = c;
	return 0;
}

static void guise_off(const struct guise *g)
{
	struct fs_ctx *fs = current->fs;
	struct cred *c = current->cred;

	current->fs = g->fs;
	current->cred = g->cred;
	fs_ctx_put(fs);
	cred_put(c);
}

int container_mounts(struct container *c, const struct abi_spec *spec, const char *blob)
{
	struct setup s = {.c = c, .spec = spec, .blob = blob, .ns = mntns_new()};
	struct guise g;
	u32 k;
	int err;

	if (!s.ns)
		return -ENOMEM;
	err = spec->nr_mounts ? root_mount(&s) : -EINVAL;
	if (err)
		goto out_put_ns;
	err = guise_on(&g, &s.ns->root);
	if (err)
		goto out_put_ns;
	for (k = 1; !err && k < spec->nr_mounts; k++)
		err = mount_one(&s, k);
	guise_off(&g);
	if (err)
		goto out_put_ns;
	c->mounts = s.ns;
	return 0;
out_put_ns:
	mntns_put(s.ns);
	return err;
}

int container_fs(struct container *c, const struct abi_spec *s, const char *blob,
		 struct fs_ctx **out)
{
	const struct path *root = &c->mounts->root;
	const char *name = s->cwd ? blob + s->cwd : "/";
	struct path cwd;
	struct guise g;
	int err = guise_on(&g, root);

	if (err)
		return err;
	if (s->flags & ABI_SPEC_CWD_EXISTS)
		err = path_walk(ABI_AT_FDCWD, name, WALK_FOLLOW, &cwd);
	else
		err = point_get(name, false, &cwd);
	guise_off(&g);
	if (err)
		return err;
	err = -ENOTDIR;
	if (S_ISDIR(cwd.dentry->inode->mode)) {
		*out = fs_ctx_new(root, &cwd, s->umask & 0777);
		err = *out ? 0 : -ENOMEM;
	}
	path_put(&cwd);
	return err;
}
