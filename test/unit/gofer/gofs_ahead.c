/* gofs_ahead.c - names that a listing brought, content that came along, and what may spoil both */
#include "test/unit/gofer/gofs_kernel.h"
#include "machine.h"
#include "slab.h"

#define FILES 60u
#define LONG  3000000000ull /* a listing is not believed so long */

static bool pass_over(struct dir_ctx *c, const char *name, size_t len, u64 ino, u32 dtype, u64 next)
{
	return true;
}

static void list(const char *name)
{
	struct dir_ctx c = {.emit = pass_over};
	struct file *f = opened(name, ABI_O_RDONLY | ABI_O_DIRECTORY);

	rwlock_read(&f->inode->lock);
	check_eq(f->ops->readdir(f, &c), 0);
	rwlock_read_done(&f->inode->lock);
	file_put(f);
}

static const char *file_name(u32 i)
{
	static char name[16];

	ksnprintf(name, sizeof(name), "/d/f%u", i);
	return name;
}

/* Sizes from nothing to five pages, which is not small. */
static size_t file_size(u32 i)
{
	return i * 350 % 20480;
}

static void make_files(void)
{
	host_mkdir("d");
	for (u32 i = 0; i < FILES; i++)
		host_fill(file_name(i) + 1, file_size(i));
}

static void read_file(u32 i)
{
	struct file *f = opened(file_name(i), ABI_O_RDONLY);

	read_whole(f, file_size(i), 1500);
	file_put(f);
}

void test_ahead_list(void)
{
	struct kstat st;
	u64 before;

	make_files();
	list("/d");
	before = gofs_host_requests(0);
	for (u32 i = 0; i < FILES; i++) {
		check_eq(stat_name(file_name(i), &st), 0);
		check_eq(st.size, file_size(i));
		check_eq(st.mode, ABI_S_IFREG | 0644);
	}
	check_eq(stat_name("/d/none", &st), -ENOENT);
	check_eq(open_error("/d/nor_this", ABI_O_RDONLY), -ENOENT);
	/* A directory that is known whole is not asked, nor is a listed name. */
	check_eq(gofs_host_requests(0), before);
	file_put(opened("/d/made", ABI_O_RDWR | ABI_O_CREAT));
	check_eq(stat_name("/d/made", &st), 0);
}

void test_ahead_read(void)
{
	u64 before;

	make_files();
	list("/d");
	before = gofs_host_requests(0);
	for (u32 i = 0; i < FILES; i++)
		read_file(i);
	/* Most came along with others; the large ones needed a handle and a read each. */
	check(gofs_host_requests(ABI_GOFER_FETCH) <= 12);
	check_eq(gofs_host_requests(0) - before,
		 gofs_host_requests(ABI_GOFER_FETCH) + 2 * gofs_host_requests(ABI_GOFER_READ));
	before = gofs_host_requests(0);
	for (u32 i = 0; i < FILES; i++)
		read_file(i);
	check_eq(gofs_host_requests(0), before);
}

/* A name that was only listed goes away: its file stays for who has it open. */
void test_ahead_names(void)
{
	struct file *f, *g, *h;
	struct path p;
	char buf[4];

	make_files();
	list("/d");
	f = opened(file_name(1), ABI_O_RDONLY);
	g = opened(file_name(2), ABI_O_RDONLY);
	h = opened(file_name(3), ABI_O_RDONLY);
	check_eq(path_walk(ABI_AT_FDCWD, "/d", 0, &p), 0);
	rwlock_write(&p.dentry->inode->lock);
	check_eq(gofs_unlink(p.dentry->inode, "f1", 2, f->inode), 0);
	rwlock_write_done(&p.dentry->inode->lock);
	dentry_unhash(f->path.dentry);
	host_put("d/f1", "new", 3);
	rwlock_write(&p.dentry->inode->lock);
	check_eq(gofs_rename(p.dentry->inode, g->path.dentry, p.dentry->inode, h->path.dentry, 0),
		 0);
	rwlock_write_done(&p.dentry->inode->lock);
	path_put(&p);
	read_whole(f, file_size(1), 100);
	read_whole(g, file_size(2), 100);
	read_whole(h, file_size(3), 100);
	file_put(f);
	file_put(g);
	file_put(h);
	f = opened(file_name(1), ABI_O_RDONLY);
	check_eq(file_read_kernel(f, buf, sizeof(buf), 0), 3);
	check(!memcmp(buf, "new", 3));
	file_put(f);
}

/* What is written before its content comes along is not overwritten by it. */
void test_ahead_change(void)
{
	struct file *f;
	char buf[4];

	make_files();
	list("/d");
	for (u32 i = 10; i < FILES; i += 2) {
		f = opened(file_name(i), ABI_O_RDWR);
		check_eq(put(f, "NEW", 3, 1), 3);
		file_put(f);
		read_file(i - 1); /* may bring others */
		f = opened(file_name(i), ABI_O_RDONLY);
		check_eq(file_read_kernel(f, buf, 3, 1), 3);
		check(!memcmp(buf, "NEW", 3));
		file_put(f);
		check_eq(host_size(file_name(i) + 1), MAX(file_size(i), 4ul));
	}
}

/* The host changes a directory after it was listed, and somebody looks later. */
void test_ahead_host(void)
{
	struct kstat st;
	struct file *f;
	char buf[8];

	make_files();
	list("/d");
	host_put("d/more", "m", 1);
	host_remove("d/f5");
	host_put("d/f5", "another", 7);
	host_put("d/f6", "shorter", 7);
	host_remove("d/f7");
	vcpu_clock += LONG;
	check_eq(stat_name("/d/more", &st), 0);
	for (u32 i = 5; i < 7; i++) {
		f = opened(file_name(i), ABI_O_RDONLY);
		check_eq(f->inode->size, 7);
		check_eq(file_read_kernel(f, buf, sizeof(buf), 0), 7);
		check(!memcmp(buf, i == 5 ? "another" : "shorter", 7));
		file_put(f);
	}
	check_eq(open_error(file_name(7), ABI_O_RDONLY), -ENOENT);
	/* The same number by another name, and with other content. */
	list("/d");
	host_rename("d/f20", "d/f99");
	host_rename("d/f21", "d/f98");
	host_put("d/f98", "another", 7);
	vcpu_clock += LONG;
	list("/d");
	f = opened("/d/f99", ABI_O_RDONLY);
	read_whole(f, file_size(20), 1000);
	file_put(f);
	f = opened("/d/f98", ABI_O_RDONLY);
	check_eq(file_read_kernel(f, buf, sizeof(buf), 0), 7);
	check(!memcmp(buf, "another", 7));
	file_put(f);
	/* At once: an error, or what was there. Never a mixture. */
	list("/d");
	f = opened(file_name(8), ABI_O_RDONLY);
	host_remove("d/f8");
	host_put("d/f8", "quick", 5);
	if (file_read_kernel(f, buf, sizeof(buf), 0) >= 0) /* it had come along before */
		read_whole(f, file_size(8), 100);
	file_put(f);
	read_file(9);
}

/* Look-ups in a row list what is beside them; single ones do not. */
void test_ahead_miss(void)
{
	struct kstat st;
	u64 before;

	make_files();
	check_eq(stat_name(file_name(1), &st), 0);
	check_eq(gofs_host_requests(ABI_GOFER_READDIR), 0);
	vcpu_clock += LONG;
	before = gofs_host_requests(0);
	for (u32 i = 2; i < FILES; i++) {
		check_eq(stat_name(file_name(i), &st), 0);
		check_eq(st.size, file_size(i));
	}
	check_eq(stat_name("/d/none", &st), -ENOENT);
	check(gofs_host_requests(0) - before <= 4);
	check_eq(gofs_host_requests(ABI_GOFER_READDIR), 1);
}

static void read_all(void *arg)
{
	u32 from = (u32)(uintptr_t)arg;
	struct kstat st;
	char name[16];

	for (u32 k = 0; k < FILES; k++) {
		u32 i = (k + from) % FILES;
		struct file *f;

		ksnprintf(name, sizeof(name), "/d/f%u", i);
		check_eq(stat_name(name, &st), 0);
		f = opened(name, ABI_O_RDONLY);
		read_whole(f, file_size(i), 900);
		file_put(f);
	}
}

static void write_some(void *arg)
{
	char name[16];

	for (u32 k = 0; k < 10; k++) {
		struct file *f;

		ksnprintf(name, sizeof(name), "/d/w%u", k);
		f = opened(name, ABI_O_RDWR | ABI_O_CREAT);
		check_eq(put(f, name, sizeof(name), 0), sizeof(name));
		file_put(f);
		dentry_reclaim(5);
	}
}

void test_ahead_tasks(void)
{
	make_files();
	list("/d");
	for (u32 k = 0; k < 4; k++)
		gofs_spawn(read_all, (void *)(uintptr_t)(k * 7));
	gofs_spawn(write_some, NULL);
	gofs_join();
}
