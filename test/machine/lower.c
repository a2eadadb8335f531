/* lower.c - what lies below the scripts' overlay: a tmpfs with some content
 *
 * It takes tmpfs's place in the list of file systems, and adds the content where the container's
 * specification asks for an overlay above it.
 */
#include "abi/spec.h"
#include "boot.h"
#include "frame.h"
#include "log.h"
#include "machine.h"
#include "string.h"
#include "vfs.h"

static const struct fs_type *tmpfs;

static struct dentry *add(struct dentry *dir, const char *name, u32 mode, const char *text)
{
	struct inode *d = dir->inode, *made = NULL;
	size_t len = strlen(name), n = strlen(text);
	struct dentry *entry;
	struct frame *f;
	int err;

	if (ABI_S_ISTYPE(mode, ABI_S_IFDIR))
		err = d->ops->mkdir(d, name, len, mode & 07777, &made);
	else if (ABI_S_ISTYPE(mode, ABI_S_IFLNK))
		err = d->ops->symlink(d, name, len, text, &made);
	else
		err = d->ops->create(d, name, len, mode, 0, &made);
	if (!err && ABI_S_ISTYPE(mode, ABI_S_IFREG)) {
		err = mapping_get_new(&made->mapping, 0, &f);
		if (!err) {
			memcpy(frame_va(f), text, n);
			frame_put(f);
			made->size = n;
		}
	}
	entry = err ? NULL : dentry_add(dir, name, len, made);
	if (!entry)
		host_fail("the lower layer: %s: %d", name, err);
	dentry_put(entry); /* the tree keeps it */
	return entry;
}

static void fill(struct dentry *root)
{
	struct dentry *d = add(root, "d1", ABI_S_IFDIR | 0755, "");

	add(d, "one", ABI_S_IFREG | 0644, "one");
	add(d, "two", ABI_S_IFREG | 0600, "two");
	add(d, "link", ABI_S_IFLNK | 0777, "one");
	d = add(d, "sub", ABI_S_IFDIR | 0755, "");
	add(d, "deep", ABI_S_IFREG | 0644, "deep");
	d = add(root, "d2", ABI_S_IFDIR | 0755, "");
	add(d, "x", ABI_S_IFREG | 0644, "x");
	add(root, "empty", ABI_S_IFDIR | 0700, "");
	add(root, "file", ABI_S_IFREG | 0644, "below");
}

static int lower_mount(const struct fs_type *t, const struct mount_args *a, struct superblock **out)
{
	int err = tmpfs->mount(tmpfs, a, out);

	if (!err && a->spec && a->spec->flags & ABI_MOUNT_OVERLAY) {
		super_make_layer(*out);
		fill((*out)->root);
	}
	return err;
}

static struct fs_type lower_type = {
	.name = "tmpfs",
	.mount = lower_mount,
	.flags = FS_USER_MOUNT | FS_NODEV,
};

void lower_register(void)
{
	tmpfs = fs_find("tmpfs");
	fs_register(&lower_type);
}
