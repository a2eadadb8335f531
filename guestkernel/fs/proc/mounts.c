/* mounts.c - /proc/PID/mounts and mountinfo (proc(5)) */
#include "fs/proc/proc.h"
#include "log.h"
#include "slab.h"
#include "string.h"

#define ESCAPED " \t\n"

static void mount_options(struct text *t, const struct mount *m)
{
	u32 f = m->flags;

	text_printf(t, "%s%s%s%s%s", f & MNT_RDONLY ? "ro" : "rw", f & MNT_NOSUID ? ",nosuid" : "",
		    f & MNT_NODEV ? ",nodev" : "", f & MNT_NOEXEC ? ",noexec" : "",
		    f & MNT_NOATIME ? ",noatime" : ",relatime");
}

static void super_options(struct text *t, const struct mount *m, char *buf, size_t size)
{
	text_printf(t, "%s", m->sb->flags & SB_RDONLY ? "ro" : "rw");
	if (m->sb->ops->show_options) {
		buf[0] = '\0';
		m->sb->ops->show_options(m->sb, buf, size);
		text_append(t, buf, strnlen(buf, size));
	}
}

/* Where m is mounted, seen from root; null: not below it. */
static const char *mount_place(const struct mount *m, const struct path *root, char *buf,
			       size_t size)
{
	struct path p = {.mnt = m->parent, .dentry = m->point};

	if (m == root->mnt)
		return "/";
	if (!m->parent)
		return NULL;
	return path_text(&p, root, buf, size);
}

static void mounts_line(struct text *t, const struct mount *m, const char *place, char *buf,
			size_t size)
{
	text_add_escaped(t, m->source && *m->source ? m->source : "none", ESCAPED);
	text_append(t, " ", 1);
	text_add_escaped(t, place, ESCAPED);
	text_printf(t, " %s ", m->sb->type->name);
	mount_options(t, m);
	super_options(t, m, buf, size);
	text_printf(t, " 0 0\n");
}

/* A name's path from its file system's root, at the end of buf; null if it does not fit. */
static const char *dentry_text(struct dentry *d, char *buf, size_t size)
{
	char *at = buf + size - 1;

	*at = '\0';
	while (d != d->parent) {
		struct dentry *up = d->parent;

		spin_lock(&d->lock);
		if ((size_t)(at - buf) < d->len + 1u)
			at = NULL;
		else {
			at -= d->len;
			memcpy(at, d->name, d->len);
			*--at = '/';
		}
		spin_unlock(&d->lock);
		if (!at)
			return NULL;
		d = up;
	}
	return at;
}

static void mountinfo_line(struct text *t, const struct mount *m, const char *place, char *buf,
			   size_t size)
{
	const char *inside = m->root == m->sb->root ? "/" : dentry_text(m->root, buf, size);

	text_printf(t, "%u %u %u:%u ", m->id, m->parent ? m->parent->id : 0, ABI_MAJOR(m->sb->dev),
		    ABI_MINOR(m->sb->dev));
	text_add_escaped(t, inside ? inside : "/", ESCAPED);
	text_append(t, " ", 1);
	text_add_escaped(t, place, ESCAPED);
	text_append(t, " ", 1);
	mount_options(t, m);
	text_printf(t, " - %s ", m->sb->type->name);
	text_add_escaped(t, m->source && *m->source ? m->source : "none", ESCAPED);
	text_append(t, " ", 1);
	super_options(t, m, buf, size);
	text_append(t, "\n", 1);
}

static int show_all(struct text *t, const struct pinode *i, bool info)
{
	struct mntns *ns = i->ct->mounts;
	char *place_buf = kmalloc(4096), *buf = kmalloc(4096);
	struct path root;
	struct mount *m;
	int err = place_buf && buf ? 0 : -ENOMEM;

	if (err || !ns)
		goto out_free;
	proc_own_root(&root);
	mutex_lock(&ns->lock);
	TAILQ_FOREACH (m, &ns->mounts, link) {
		const char *place = mount_place(m, &root, place_buf, 4096);

		if (!place)
			continue;
		if (info)
			mountinfo_line(t, m, place, buf, 4096);
		else
			mounts_line(t, m, place, buf, 4096);
	}
	mutex_unlock(&ns->lock);
	path_put(&root);
out_free:
	kfree(place_buf);
	kfree(buf);
	return err;
}

int show_mounts(struct text *t, const struct pinode *i)
{
	return show_all(t, i, false);
}

int show_mountinfo(struct text *t, const struct pinode *i)
{
	return show_all(t, i, true);
}
