/* devfs.c - what a container finds in /dev
 *
 * A tmpfs of its own, filled when it is mounted: the device nodes every container has, the links
 * into /proc/self/fd, and the places where devpts and a shared memory tmpfs are mounted. Programs
 * may add to it as to any tmpfs.
 * Sleeps: at mount. Tests: test/abi/dev.c */
#include "abi/linux/stat.h"
#include "dev.h"
#include "init.h"
#include "log.h"
#include "string.h"
#include "vfs.h"

struct dev_node {
	const char *name;
	u32 mode;
	u32 major, minor;
	const char *target;
};

static const struct dev_node nodes[] = {
	{"null", ABI_S_IFCHR | 0666, DEV_MEM_MAJOR, DEV_NULL, NULL},
	{"zero", ABI_S_IFCHR | 0666, DEV_MEM_MAJOR, DEV_ZERO, NULL},
	{"full", ABI_S_IFCHR | 0666, DEV_MEM_MAJOR, DEV_FULL, NULL},
	{"random", ABI_S_IFCHR | 0666, DEV_MEM_MAJOR, DEV_RANDOM, NULL},
	{"urandom", ABI_S_IFCHR | 0666, DEV_MEM_MAJOR, DEV_URANDOM, NULL},
	{"tty", ABI_S_IFCHR | 0666, DEV_TTY_MAJOR, DEV_TTY, NULL},
	{"fd", ABI_S_IFLNK | 0777, 0, 0, "/proc/self/fd"},
	{"stdin", ABI_S_IFLNK | 0777, 0, 0, "/proc/self/fd/0"},
	{"stdout", ABI_S_IFLNK | 0777, 0, 0, "/proc/self/fd/1"},
	{"stderr", ABI_S_IFLNK | 0777, 0, 0, "/proc/self/fd/2"},
	{"ptmx", ABI_S_IFLNK | 0777, 0, 0, "pts/ptmx"},
	{"pts", ABI_S_IFDIR | 0755, 0, 0, NULL},
	{"shm", ABI_S_IFDIR | 01777, 0, 0, NULL},
	{"mqueue", ABI_S_IFDIR | 01777, 0, 0, NULL},
};

static int node_make(struct dentry *root, const struct dev_node *n)
{
	struct inode *dir = root->inode, *inode;
	size_t len = strlen(n->name);
	struct dentry *d;
	int err;

	rwlock_write(&dir->lock);
	if (n->target)
		err = dir->ops->symlink(dir, n->name, len, n->target, &inode);
	else if ((n->mode & ABI_S_IFMT) == ABI_S_IFDIR)
		err = dir->ops->mkdir(dir, n->name, len, n->mode, &inode);
	else
		err = dir->ops->create(dir, n->name, len, n->mode, ABI_MKDEV(n->major, n->minor),
				       &inode);
	if (!err) {
		/* devices are root's and their modes the table's, whoever starts the container */
		inode->uid = inode->gid = 0;
		inode->mode = n->mode;
		d = dentry_add(root, n->name, len, inode);
		if (d)
			dentry_put(d);
		else
			err = -ENOMEM;
	}
	rwlock_write_done(&dir->lock);
	return err;
}

static int devfs_mount(const struct fs_type *t, const struct mount_args *a, struct superblock **out)
{
	struct fs_type *tmpfs = fs_find("tmpfs");
	struct mount_args own = *a;
	int err;

	own.data = "mode=755";
	own.spec = NULL;
	err = tmpfs->mount(tmpfs, &own, out);
	if (err)
		return err;
	for (u32 i = 0; i < ARRAY_SIZE(nodes); i++) {
		err = node_make((*out)->root, &nodes[i]);
		if (err) {
			super_put(*out);
			return err;
		}
	}
	return 0;
}

static struct fs_type devfs_type = {
	.name = "devtmpfs",
	.mount = devfs_mount,
	.flags = FS_USER_MOUNT | FS_NODEV,
};

void dev_init(void)
{
	dev_mem_register();
	fs_register(&devfs_type);
}
