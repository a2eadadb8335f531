/* gofs_tests.c - the gofer file system against a real gofer's dispatch: in kernel tasks */
#include "test/unit/gofer/gofs_kernel.h"
#include "abi/linux/uio.h"
#include "slab.h"

struct file *opened(const char *name, u32 flags)
{
	struct file *f = NULL;

	check_eq(file_open(ABI_AT_FDCWD, name, flags, 0644, &f), 0);
	return f;
}

int open_error(const char *name, u32 flags)
{
	struct file *f;
	int err = file_open(ABI_AT_FDCWD, name, flags, 0644, &f);

	if (!err)
		file_put(f);
	return err;
}

ssize_t put(struct file *f, const void *bytes, size_t n, loff_t at)
{
	struct abi_iovec seg;
	struct iter it;

	iter_init_kernel(&it, &seg, (void *)(uintptr_t)bytes, n);
	return file_write(f, &it, &at);
}

/* Reads a file that host_fill() made, in steps, and compares. */
void read_whole(struct file *f, size_t size, size_t step)
{
	u8 *buf = kmalloc(step);
	size_t at = 0;

	check(buf);
	while (at < size) {
		ssize_t n = file_read_kernel(f, buf, step, (loff_t)at);

		check_eq(n, MIN(step, size - at));
		for (ssize_t i = 0; i < n; i++)
			check(buf[i] == host_byte(at + (size_t)i));
		at += (size_t)n;
	}
	check_eq(file_read_kernel(f, buf, step, (loff_t)at), 0);
	kfree(buf);
}

static void test_read(void)
{
	struct file *f;
	u64 before;

	host_fill("big", 700001);
	host_fill("small", 10);
	f = opened("/big", ABI_O_RDONLY);
	before = gofs_host_requests(0);
	read_whole(f, 700001, 10000);
	/* 171 pages: asked in pieces of up to 32, never page by page, and only once. */
	check(gofs_host_requests(ABI_GOFER_READ) < 30);
	check(gofs_host_requests(0) == before + gofs_host_requests(ABI_GOFER_READ));
	before = gofs_host_requests(0);
	read_whole(f, 700001, 4096);
	file_put(f);
	f = opened("/big", ABI_O_RDONLY);
	read_whole(f, 700001, 65536);
	file_put(f);
	check_eq(gofs_host_requests(0), before);
	f = opened("/small", ABI_O_RDONLY);
	read_whole(f, 10, 3);
	file_put(f);
}

int stat_name(const char *name, struct kstat *st)
{
	struct path p;
	int err = path_walk(ABI_AT_FDCWD, name, 0, &p);

	if (!err) {
		err = vfs_getattr(&p, st);
		path_put(&p);
	}
	return err;
}

static void test_walk(void)
{
	struct kstat st;
	u64 before;

	host_mkdir("a");
	host_mkdir("a/b");
	host_mkdir("a/b/c");
	host_fill("a/b/c/file", 77);
	before = gofs_host_requests(0);
	check_eq(stat_name("/a/b/c/file", &st), 0);
	check_eq(st.size, 77);
	check_eq(st.mode, ABI_S_IFREG | 0644);
	check_eq(gofs_host_requests(0), before + 1);
	check_eq(stat_name("/a/b/c/none", &st), -ENOENT);
	check_eq(stat_name("/a/x/y/z", &st), -ENOENT);
	before = gofs_host_requests(0);
	/* All known by now, what is missing too. */
	check_eq(stat_name("/a/b/c/file", &st), 0);
	check_eq(stat_name("/a/b", &st), 0);
	check_eq(stat_name("/a/b/c/none", &st), -ENOENT);
	check_eq(stat_name("/a/x/y/z", &st), -ENOENT);
	check_eq(gofs_host_requests(0), before);
	check_eq(stat_name("/a/b/c/file/x", &st), -ENOTDIR);
	check_eq(stat_name("/a/../a/b/../b/c/./file", &st), 0);
}

static void test_symlinks(void)
{
	struct kstat st;
	struct file *f;
	u64 before;

	host_mkdir("real");
	host_mkdir("real/deep");
	host_fill("real/deep/file", 5);
	host_symlink("real", "to_dir");
	host_symlink("deep/file", "real/to_file");
	host_symlink("/real/deep", "absolute");
	host_symlink("loop", "loop");
	host_symlink("../../../../etc/hostname", "out");
	f = opened("/to_dir/deep/file", ABI_O_RDONLY);
	read_whole(f, 5, 5);
	file_put(f);
	f = opened("/to_dir/to_file", ABI_O_RDONLY);
	file_put(f);
	f = opened("/absolute/file", ABI_O_RDONLY);
	file_put(f);
	check_eq(open_error("/loop", ABI_O_RDONLY), -ELOOP);
	check_eq(open_error("/out", ABI_O_RDONLY), -ENOENT); /* of this root, not the host's */
	check_eq(stat_name("/to_dir", &st), 0);
	check_eq(st.mode & ABI_S_IFMT, ABI_S_IFLNK);
	before = gofs_host_requests(0);
	f = opened("/to_dir/to_file", ABI_O_RDONLY);
	file_put(f);
	check_eq(gofs_host_requests(0), before);
	/* The walks have brought the texts with them. */
	check_eq(gofs_host_requests(ABI_GOFER_READLINK), 0);
}

#define MANY 700

struct seen {
	struct dir_ctx c;
	u8 times[MANY];
	u32 count, stop, dots;
};

static bool see(struct dir_ctx *c, const char *name, size_t len, u64 ino, u32 dtype, u64 next)
{
	struct seen *s = container_of(c, struct seen, c);
	u32 k = 0;

	check_eq(strlen(name), len);
	if (s->count + s->dots == s->stop)
		return false;
	if (name[0] == '.') {
		s->dots++;
		return true;
	}
	check(len == 8 && !strncmp(name, "file", 4));
	for (u32 i = 4; i < 8; i++)
		k = k * 10 + (u32)(name[i] - '0');
	check(k < MANY && ino);
	s->times[k]++;
	s->count++;
	return true;
}

static void test_readdir(void)
{
	struct seen *s = kzalloc(sizeof(*s));
	struct file *f;
	char name[16];
	u64 middle;

	s->c.emit = see;
	for (u32 i = 0; i < MANY; i++) {
		ksnprintf(name, sizeof(name), "file%04u", i);
		host_put(name, "x", 1);
	}
	f = opened("/", ABI_O_RDONLY | ABI_O_DIRECTORY);
	for (s->stop = 1; s->count < MANY; s->stop += 13) {
		check_eq(f->ops->readdir(f, &s->c), 0);
		check(s->count + s->dots <= s->stop);
	}
	check_eq(s->dots, 2);
	check_eq(s->c.pos, MANY + 2);
	for (u32 i = 0; i < MANY; i++)
		check_eq(s->times[i], 1);
	/* A position told before leads to the same place; a rewind sees what is new. */
	middle = 350;
	s->c.pos = middle;
	s->stop = ~0u;
	s->count = 0;
	check_eq(f->ops->readdir(f, &s->c), 0);
	check_eq(s->count, MANY + 2 - middle);
	host_remove("file0000");
	s->c.pos = 0;
	s->count = 0;
	check_eq(f->ops->readdir(f, &s->c), 0);
	check_eq(s->count, MANY - 1);
	file_put(f);
	kfree(s);
}

static void test_write(void)
{
	const size_t size = 300000;
	u8 *p = kmalloc(size), *q = kmalloc(size);
	struct file *f = opened("/new", ABI_O_RDWR | ABI_O_CREAT | ABI_O_EXCL);
	struct kstat st;

	check(p && q);
	for (size_t i = 0; i < size; i++)
		p[i] = (u8)(i * 13 + (i >> 9));
	check_eq(put(f, p, size, 0), size);
	check(host_is("new", p, size));
	check_eq(file_read_kernel(f, q, size, 0), size);
	check(!memcmp(p, q, size));
	/* Over pages that are cached, not at their edges. */
	memset(p + 4000, 0xee, 9000);
	check_eq(put(f, p + 4000, 9000, 4000), 9000);
	check(host_is("new", p, size));
	check_eq(file_read_kernel(f, q, size, 0), size);
	check(!memcmp(p, q, size));
	file_put(f);
	f = opened("/new", ABI_O_WRONLY | ABI_O_APPEND);
	check_eq(put(f, "tail", 4, 0), 4);
	file_put(f);
	check_eq(host_size("new"), size + 4);
	check_eq(stat_name("/new", &st), 0);
	check_eq(st.size, size + 4);
	f = opened("/new", ABI_O_RDWR | ABI_O_TRUNC);
	check_eq(host_size("new"), 0);
	check_eq(file_read_kernel(f, q, 10, 0), 0);
	/* A hole between what is there and what is written reads as zeroes. */
	check_eq(put(f, "a", 1, 0), 1);
	check_eq(put(f, "b", 1, 5000), 1);
	check_eq(file_read_kernel(f, q, 6000, 0), 5001);
	check(q[0] == 'a' && q[5000] == 'b');
	for (u32 i = 1; i < 5000; i++)
		check(!q[i]);
	check_eq(f->ops->fsync(f, false), 0);
	file_put(f);
	check_eq(open_error("/new", ABI_O_RDWR | ABI_O_CREAT | ABI_O_EXCL), -EEXIST);
	kfree(p);
	kfree(q);
}

static void test_size(void)
{
	struct iattr a = {.valid = ATTR_SIZE, .size = 5000};
	struct path p;
	struct file *f;
	u8 buf[16];

	host_fill("f", 9000);
	f = opened("/f", ABI_O_RDWR);
	read_whole(f, 9000, 9000);
	check_eq(path_walk(ABI_AT_FDCWD, "/f", 0, &p), 0);
	check_eq(vfs_setattr(&p, &a), 0);
	check_eq(host_size("f"), 5000);
	check_eq(file_read_kernel(f, buf, 16, 4992), 8);
	/* Grown again: what was cut off does not come back. */
	a = (struct iattr){.valid = ATTR_SIZE, .size = 9000};
	check_eq(vfs_setattr(&p, &a), 0);
	check_eq(file_read_kernel(f, buf, 16, 4992), 16);
	for (u32 i = 0; i < 16; i++)
		check(buf[i] == (i < 8 ? host_byte(4992 + i) : 0));
	a = (struct iattr){.valid = ATTR_MODE, .mode = 0600};
	check_eq(vfs_setattr(&p, &a), 0);
	check_eq(p.dentry->inode->mode, ABI_S_IFREG | 0600);
	check_eq(f->ops->fallocate(f, 0, 0, 20000), 0);
	check_eq(host_size("f"), 20000);
	check_eq(f->ops->fallocate(f, ABI_FALLOC_FL_PUNCH_HOLE | ABI_FALLOC_FL_KEEP_SIZE, 0, 4096),
		 0);
	check_eq(file_read_kernel(f, buf, 16, 0), 16);
	for (u32 i = 0; i < 16; i++)
		check(!buf[i]);
	path_put(&p);
	file_put(f);
}

static void test_names(void)
{
	struct inode *dir = current->fs->root.dentry->inode, *i, *sub;
	const struct inode_ops *ops = dir->ops;
	char buf[32];

	rwlock_write(&dir->lock);
	check_eq(ops->mkdir(dir, "sub", 3, 0750, &sub), 0);
	check_eq(ops->mkdir(dir, "sub", 3, 0750, &i), -EEXIST);
	check_eq(ops->symlink(dir, "link", 4, "some/where", &i), 0);
	check_eq(i->ops->readlink(i, buf, sizeof(buf)), 10);
	check(!strcmp(buf, "some/where"));
	inode_put(i);
	check_eq(ops->create(dir, "fifo", 4, ABI_S_IFIFO | 0600, 0, &i), 0);
	check_eq(i->mode, ABI_S_IFIFO | 0600);
	inode_put(i);
	check_eq(ops->create(dir, "f", 1, ABI_S_IFREG | 0600, 0, &i), 0);
	check_eq(ops->link(dir, "g", 1, i), 0);
	check_eq(i->nlink, 2);
	check_eq(host_size("g"), 0);
	check_eq(ops->unlink(dir, "f", 1, i), 0);
	check_eq(i->nlink, 1);
	check_eq(host_size("f"), -1);
	inode_put(i);
	check_eq(ops->rmdir(dir, "sub", 3, sub), 0);
	check_eq(host_size("sub"), -1);
	inode_put(sub);
	check_eq(ops->lookup(dir, "sub", 3, &i), -ENOENT);
	rwlock_write_done(&dir->lock);
}

static void test_readonly(void)
{
	struct inode *dir = current->fs->root.dentry->inode, *i;

	host_fill("f", 100);
	check_eq(open_error("/f", ABI_O_RDWR), -EROFS);
	check_eq(open_error("/new", ABI_O_WRONLY | ABI_O_CREAT), -EROFS);
	/* And if the kernel forgot to ask itself, the gofer would refuse. */
	rwlock_write(&dir->lock);
	check_eq(dir->ops->create(dir, "n", 1, ABI_S_IFREG | 0600, 0, &i), -EROFS);
	rwlock_write_done(&dir->lock);
}

static void test_shared(void)
{
	struct kstat st;
	struct file *f;

	host_fill("f", 5000);
	f = opened("/f", ABI_O_RDONLY);
	read_whole(f, 5000, 5000);
	file_put(f);
	host_put("f", "other", 5);
	check_eq(stat_name("/f", &st), 0);
	check_eq(st.size, 5);
	f = opened("/f", ABI_O_RDONLY);
	{
		char buf[16];

		check_eq(file_read_kernel(f, buf, 16, 0), 5);
		check(!memcmp(buf, "other", 5));
	}
	file_put(f);
	host_remove("f");
	check_eq(stat_name("/f", &st), -ENOENT);
	host_mkdir("f");
	check_eq(stat_name("/f", &st), 0);
	check_eq(st.mode & ABI_S_IFMT, ABI_S_IFDIR);
}

/* With few handles: names leave the cache to make room. */
static void test_few_handles(void)
{
	char name[16];
	struct kstat st;

	for (u32 i = 0; i < 200; i++) {
		ksnprintf(name, sizeof(name), "/n%u", i);
		host_put(name + 1, "x", 1);
	}
	for (u32 round = 0; round < 2; round++)
		for (u32 i = 0; i < 200; i++) {
			ksnprintf(name, sizeof(name), "/n%u", i);
			check_eq(stat_name(name, &st), 0);
			/* What is only listed needs none; what is written does. */
			file_put(opened(name, ABI_O_RDWR));
		}
	check(gofs_host_requests(ABI_GOFER_CLOSE_BATCH) > 2);
}

/* As ls -l does it: list, then ask for each name and its attributes. */
static void test_listing(void)
{
	struct seen *s = kzalloc(sizeof(*s));
	struct file *f;
	struct path p;
	char name[16], value[8];

	host_mkdir("d");
	for (u32 i = 0; i < MANY; i++) {
		ksnprintf(name, sizeof(name), "d/file%04u", i);
		host_put(name, "xyz", 3);
	}
	f = opened("/d", ABI_O_RDONLY | ABI_O_DIRECTORY);
	s->c.emit = see;
	s->stop = ~0u;
	check_eq(f->ops->readdir(f, &s->c), 0);
	check_eq(s->count, MANY);
	for (u32 i = 0; i < MANY; i++) {
		ksnprintf(name, sizeof(name), "/d/file%04u", i);
		check_eq(path_walk(ABI_AT_FDCWD, name, 0, &p), 0);
		check_eq(p.dentry->inode->size, 3);
		check(p.dentry->inode->ops->getxattr(p.dentry->inode, "user.none", value,
						     sizeof(value)) < 0);
		path_put(&p);
	}
	file_put(f);
	kfree(s);
}

static void read_job(void *arg)
{
	struct file *f = opened((const char *)arg, ABI_O_RDONLY);

	read_whole(f, 200000, 7000);
	file_put(f);
}

static void write_job(void *arg)
{
	const char *name = arg;
	struct file *f = opened(name, ABI_O_RDWR | ABI_O_CREAT);
	u8 buf[512], back[512];

	for (u32 i = 0; i < 60; i++) {
		memset(buf, (int)i, sizeof(buf));
		check_eq(put(f, buf, sizeof(buf), i * 300), sizeof(buf));
		check_eq(file_read_kernel(f, back, sizeof(back), i * 300), sizeof(back));
		check(!memcmp(buf, back, sizeof(buf)));
	}
	file_put(f);
}

static void stat_job(void *arg)
{
	struct kstat st;

	for (u32 i = 0; i < 40; i++) {
		check_eq(stat_name(i % 2 ? "/d/one" : "/d/none", &st), i % 2 ? 0 : -ENOENT);
		check_eq(stat_name("/d", &st), 0);
	}
}

static void test_many_tasks(void)
{
	static const char *const names[] = {"/w0", "/w1", "/w2", "/w3"};

	host_fill("r", 200000);
	host_mkdir("d");
	host_put("d/one", "1", 1);
	for (u32 i = 0; i < 4; i++) {
		gofs_spawn(read_job, (void *)(uintptr_t) "/r");
		gofs_spawn(write_job, (void *)(uintptr_t)names[i]);
		gofs_spawn(stat_job, NULL);
	}
	gofs_join();
	for (u32 i = 0; i < 4; i++)
		check_eq(host_size(names[i] + 1), 59 * 300 + 512);
}

static void test_dead(void)
{
	struct kstat st;
	struct file *f;
	char buf[8];

	host_fill("f", 100);
	host_mkdir("d");
	f = opened("/f", ABI_O_RDWR);
	gofs_host_kill();
	gofs_interrupt();
	check_eq(stat_name("/d", &st), -EIO);
	check_eq(file_read_kernel(f, buf, sizeof(buf), 0), -EIO);
	check_eq(put(f, "x", 1, 0), -EIO);
	check_eq(stat_name("/f", &st), 0); /* what is known is known */
	file_put(f);
}

/* A gofer that lies: the channel is killed, everything answers EIO, nothing else happens. */
static void lied_to(enum gofs_host_lie lie)
{
	struct kstat st;

	host_mkdir("d");
	host_mkdir("e");
	gofs_host_lie(lie);
	for (u32 i = 0; i < 3; i++)
		(void)stat_name("/d", &st);
	gofs_host_lie(LIE_NONE);
	check_eq(stat_name("/e", &st), -EIO);
}

static void test_lie_tag(void)
{
	lied_to(LIE_TAG);
}
static void test_lie_count(void)
{
	lied_to(LIE_COUNT);
}
static void test_lie_attr(void)
{
	lied_to(LIE_ATTR);
}
static void test_lie_slot(void)
{
	lied_to(LIE_SLOT);
}
static void test_lie_twice(void)
{
	lied_to(LIE_TWICE);
}
static void test_lie_index(void)
{
	lied_to(LIE_INDEX);
}

#define T(n, ...)                                       \
	{                                               \
		.name = #n, .fn = test_##n, __VA_ARGS__ \
	}
const struct gofs_test gofs_tests[] = {
	T(read),
	T(walk),
	T(symlinks),
	T(readdir),
	T(write),
	T(size),
	T(names),
	T(readonly, .mount = 1),
	T(shared, .mount = 2),
	T(few_handles, .limit = 60),
	T(listing),
	T(ahead_list),
	T(ahead_read),
	T(ahead_names),
	T(ahead_change),
	T(ahead_host),
	T(ahead_miss),
	T(ahead_tasks),
	T(many_tasks),
	T(dead),
	T(lie_tag),
	T(lie_count),
	T(lie_attr),
	T(lie_slot),
	T(lie_twice),
	T(lie_index),
};
const unsigned gofs_nr_tests = ARRAY_SIZE(gofs_tests);
