/* files.c - scripts: names, contents and descriptors on a tmpfs root */
#include <string.h>
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/mount.h"
#include "abi/linux/stat.h"
#include "script.h"
#include "scripts.h"
#include "syscalls_proto.h"

#define CWD	  ((uint64_t)ABI_AT_FDCWD)
#define PAGE	  4096u
#define NAMES_MAX 60

static uint64_t mem; /* a page of names, then pages of data */
static uint64_t data;

static void setup(void)
{
	mem = u_mmap(64 * PAGE);
	data = mem + PAGE;
}

/* A name in user memory; two at once. */
static uint64_t name(const char *s)
{
	u_write(mem, s, strlen(s) + 1);
	return mem;
}

static uint64_t name2(const char *s)
{
	u_write(mem + PAGE / 2, s, strlen(s) + 1);
	return mem + PAGE / 2;
}

static long open_at(const char *s, int flags, int mode)
{
	return u_syscall(NR_openat, CWD, name(s), flags, mode);
}

static long mkdir_at(const char *s)
{
	return u_syscall(NR_mkdirat, CWD, name(s), 0755);
}

static long unlink_at(const char *s, int flags)
{
	return u_syscall(NR_unlinkat, CWD, name(s), flags);
}

static long rename_at(const char *a, const char *b, int flags)
{
	return u_syscall(NR_renameat2, CWD, name(a), CWD, name2(b), flags);
}

static struct abi_stat last_stat;
static long stat_at(const char *s, int flags)
{
	long r = u_syscall(NR_newfstatat, CWD, name(s), data, flags);

	if (!r)
		u_read(&last_stat, data, sizeof(last_stat));
	return r;
}

static void make_file(const char *s, const char *text)
{
	long fd = open_at(s, ABI_O_CREAT | ABI_O_WRONLY | ABI_O_TRUNC, 0644);

	u_check(fd >= 0);
	u_write(data, text, strlen(text));
	u_check_eq(u_syscall(NR_write, fd, data, strlen(text)), strlen(text));
	u_check_eq(u_syscall(NR_close, fd), 0);
}

static void check_file(const char *s, const char *text)
{
	char got[256] = "";
	long fd = open_at(s, ABI_O_RDONLY, 0), n;

	u_check(fd >= 0);
	n = u_syscall(NR_read, fd, data, sizeof(got) - 1);
	u_check_eq(n, strlen(text));
	u_read(got, data, (size_t)n);
	u_check(!strcmp(got, text));
	u_check_eq(u_syscall(NR_close, fd), 0);
}

void script_names(void *arg)
{
	setup();
	u_check_eq(mkdir_at("/a"), 0);
	u_check_eq(mkdir_at("/a"), -EEXIST);
	u_check_eq(mkdir_at("/a/b/"), 0);
	u_check_eq(mkdir_at("/x/y"), -ENOENT);
	make_file("/a/b/f", "hello");
	check_file("/a/b/f", "hello");
	check_file("a/./b/../b//f", "hello");
	check_file("/../../a/b/f", "hello");
	u_check_eq(stat_at("/a/b/f", 0), 0);
	u_check_eq(last_stat.st_size, 5);
	u_check_eq(last_stat.st_nlink, 1);
	u_check_eq(stat_at("/a/b/f/", 0), -ENOTDIR);
	u_check_eq(stat_at("/a/b/f/g", 0), -ENOTDIR);
	u_check_eq(stat_at("/a/b/none", 0), -ENOENT);
	u_check_eq(stat_at("/a/b/none", 0), -ENOENT);
	u_check_eq(stat_at("", 0), -ENOENT);
	u_check_eq(stat_at("/a/b/", 0), 0);
	u_check_eq(last_stat.st_mode, ABI_S_IFDIR | 0755);
	u_check_eq(unlink_at("/a/b", 0), -EISDIR);
	u_check_eq(unlink_at("/a/b/f", ABI_AT_REMOVEDIR), -ENOTDIR);
	u_check_eq(unlink_at("/a/b", ABI_AT_REMOVEDIR), -ENOTEMPTY);
	u_check_eq(open_at("/a/b", ABI_O_WRONLY, 0), -EISDIR);
	u_check_eq(open_at("/a/b/f", ABI_O_RDONLY | ABI_O_DIRECTORY, 0), -ENOTDIR);
	u_check_eq(open_at("/a/b/f", ABI_O_CREAT | ABI_O_EXCL | ABI_O_RDWR, 0644), -EEXIST);
	u_check_eq(unlink_at("/a/b/f", 0), 0);
	u_check_eq(unlink_at("/a/b/f", 0), -ENOENT);
	u_check_eq(unlink_at("/a/b/.", ABI_AT_REMOVEDIR), -EINVAL);
	u_check_eq(unlink_at("/a/b/..", ABI_AT_REMOVEDIR), -ENOTEMPTY);
	u_check_eq(unlink_at("/a/b/", ABI_AT_REMOVEDIR), 0);
	u_check_eq(stat_at("/a/b", 0), -ENOENT);
	u_check_eq(stat_at("/a", 0), 0);
	u_check_eq(last_stat.st_nlink, 2);
}

void script_links(void *arg)
{
	char text[16] = "";
	long fd;

	setup();
	u_check_eq(mkdir_at("/d"), 0);
	make_file("/d/f", "content");
	u_check_eq(u_syscall(NR_symlinkat, name("d"), CWD, name2("/l")), 0);
	u_check_eq(u_syscall(NR_symlinkat, name("/d/"), CWD, name2("/s")), 0);
	u_check_eq(u_syscall(NR_symlinkat, name("loop"), CWD, name2("/loop")), 0);
	u_check_eq(u_syscall(NR_symlinkat, name("d/new"), CWD, name2("/dangling")), 0);
	check_file("/l/f", "content");
	check_file("/s/f", "content");
	check_file("/s/../l/f", "content");
	u_check_eq(stat_at("/loop", 0), -ELOOP);
	u_check_eq(stat_at("/l", ABI_AT_SYMLINK_NOFOLLOW), 0);
	u_check_eq(last_stat.st_mode, ABI_S_IFLNK | 0777);
	u_check_eq(stat_at("/l/", ABI_AT_SYMLINK_NOFOLLOW), 0);
	u_check_eq(last_stat.st_mode & ABI_S_IFMT, ABI_S_IFDIR);
	u_check_eq(open_at("/l", ABI_O_RDONLY | ABI_O_NOFOLLOW, 0), -ELOOP);
	u_check_eq(u_syscall(NR_readlinkat, CWD, name("/dangling"), data, 16), 5);
	u_read(text, data, 5);
	u_check(!strcmp(text, "d/new"));
	u_check_eq(stat_at("/dangling", 0), -ENOENT);
	make_file("/dangling", "through");
	check_file("/d/new", "through");
	u_check_eq(u_syscall(NR_linkat, CWD, name("/d/f"), CWD, name2("/hard"), 0), 0);
	u_check_eq(stat_at("/hard", 0), 0);
	u_check_eq(last_stat.st_nlink, 2);
	u_check_eq(unlink_at("/d/f", 0), 0);
	check_file("/hard", "content");
	u_check_eq(u_syscall(NR_linkat, CWD, name("/d"), CWD, name2("/dd"), 0), -EPERM);
	fd = open_at("/hard", ABI_O_RDONLY, 0);
	u_check_eq(unlink_at("/hard", 0), 0);
	u_check_eq(u_syscall(NR_read, fd, data, 100), 7);
	u_check_eq(u_syscall(NR_fstat, fd, data), 0);
	u_read(&last_stat, data, sizeof(last_stat));
	u_check_eq(last_stat.st_nlink, 0);
	u_check_eq(u_syscall(NR_close, fd), 0);
}

void script_rename(void *arg)
{
	setup();
	u_check_eq(mkdir_at("/a"), 0);
	u_check_eq(mkdir_at("/b"), 0);
	u_check_eq(mkdir_at("/a/sub"), 0);
	make_file("/a/x", "x");
	make_file("/b/y", "y");
	u_check_eq(rename_at("/a/x", "/b/y", ABI_RENAME_NOREPLACE), -EEXIST);
	u_check_eq(rename_at("/a/x", "/b/y", ABI_RENAME_EXCHANGE), 0);
	check_file("/a/x", "y");
	check_file("/b/y", "x");
	u_check_eq(rename_at("/a/x", "/b/y", 0), 0);
	check_file("/b/y", "y");
	u_check_eq(stat_at("/a/x", 0), -ENOENT);
	u_check_eq(rename_at("/a", "/a/sub/z", 0), -EINVAL);
	u_check_eq(rename_at("/a/sub", "/a", 0), -ENOTEMPTY);
	u_check_eq(rename_at("/b/y", "/a/sub", 0), -EISDIR);
	u_check_eq(rename_at("/a/sub", "/b/y", 0), -ENOTDIR);
	u_check_eq(
		rename_at("/a/sub", "/b/a_name_that_is_longer_than_the_inline_one_of_an_entry", 0),
		0);
	u_check_eq(stat_at("/b/a_name_that_is_longer_than_the_inline_one_of_an_entry", 0), 0);
	u_check_eq(rename_at("/b/a_name_that_is_longer_than_the_inline_one_of_an_entry", "/b/s", 0),
		   0);
	u_check_eq(rename_at("/b/s/", "/s/", 0), 0);
	u_check_eq(rename_at("/b/y", "/b/y", 0), 0);
	u_check_eq(rename_at("/b/.", "/c", 0), -EBUSY);
	u_check_eq(stat_at("/b", 0), 0);
	u_check_eq(last_stat.st_nlink, 2);
	u_check_eq(stat_at("/s/..", 0), 0);
}

/* Others rename and make while one walks: every answer is one of the right ones. */
static void renamer(void *arg)
{
	for (int i = 0; i < 30; i++) {
		u_check_eq(rename_at("/r/one", "/r/two", 0), 0);
		u_pause();
		u_check_eq(rename_at("/r/two", "/r/one", 0), 0);
		u_pause();
	}
	u_exit(0);
}

void script_walk_race(void *arg)
{
	long r;

	setup();
	u_check_eq(mkdir_at("/r"), 0);
	u_check_eq(mkdir_at("/r/one"), 0);
	make_file("/r/one/f", "f");
	u_check(u_fork(renamer, NULL) > 0);
	for (int i = 0; i < 60; i++) {
		r = stat_at(i & 1 ? "/r/one/f" : "/r/two/f", 0);
		u_check(!r || r == -ENOENT);
		u_pause();
	}
	u_check(u_syscall(NR_wait4, -1, data, 0, 0) > 0);
	u_check_eq(u_load(data, 4), 0);
	check_file("/r/one/f", "f");
}

void script_contents(void *arg)
{
	long fd;

	setup();
	fd = open_at("/f", ABI_O_CREAT | ABI_O_RDWR, 0600);
	u_check(fd >= 0);
	u_store(data, 0x1122334455667788, 8);
	u_check_eq(u_syscall(NR_pwrite64, fd, data, 8, 3 * PAGE - 4), 8);
	u_check_eq(u_syscall(NR_lseek, fd, 0, ABI_SEEK_END), 3 * PAGE + 4);
	u_check_eq(u_syscall(NR_lseek, fd, 0, ABI_SEEK_DATA), 2 * PAGE);
	u_check_eq(u_syscall(NR_lseek, fd, 2 * PAGE, ABI_SEEK_HOLE), 3 * PAGE + 4);
	u_check_eq(u_syscall(NR_lseek, fd, 4 * PAGE, ABI_SEEK_DATA), -ENXIO);
	u_check_eq(u_syscall(NR_pread64, fd, data, PAGE, 2 * PAGE + 1), PAGE);
	u_check_eq(u_load(data + PAGE - 5, 4), 0x55667788);
	u_check_eq(u_syscall(NR_ftruncate, fd, 3 * PAGE - 2), 0);
	u_check_eq(u_syscall(NR_ftruncate, fd, 4 * PAGE), 0);
	u_check_eq(u_syscall(NR_pread64, fd, data, 8, 3 * PAGE - 4), 8);
	u_check_eq(u_load(data, 8), 0x7788);
	u_check_eq(u_syscall(NR_fallocate, fd, ABI_FALLOC_FL_PUNCH_HOLE | ABI_FALLOC_FL_KEEP_SIZE,
			     2 * PAGE, PAGE),
		   0);
	u_check_eq(u_syscall(NR_lseek, fd, 0, ABI_SEEK_DATA), -ENXIO);
	u_check_eq(u_syscall(NR_fallocate, fd, 0, 0, 6 * PAGE), 0);
	u_check_eq(u_syscall(NR_fstat, fd, data), 0);
	u_read(&last_stat, data, sizeof(last_stat));
	u_check_eq(last_stat.st_size, 6 * PAGE);
	u_check_eq(last_stat.st_blocks, 6 * PAGE / 512);
	u_check_eq(u_syscall(NR_pread64, fd, data, 8, 6 * PAGE), 0);
	u_check_eq(u_syscall(NR_pread64, fd, data, 8, -1), -EINVAL);
	u_check_eq(u_syscall(NR_write, fd, 8, 8), -EFAULT);
	u_check_eq(u_syscall(NR_close, fd), 0);
	u_check_eq(u_syscall(NR_read, fd, data, 8), -EBADF);
	fd = open_at("/f", ABI_O_WRONLY | ABI_O_APPEND, 0);
	u_check_eq(u_syscall(NR_write, fd, data, 8), 8);
	u_check_eq(u_syscall(NR_read, fd, data, 8), -EBADF);
	u_check_eq(u_syscall(NR_lseek, fd, 0, ABI_SEEK_CUR), 6 * PAGE + 8);
	u_check_eq(u_syscall(NR_close, fd), 0);
}

void script_directory(void *arg)
{
	char text[16] = "d/file00";
	uint8_t seen[NAMES_MAX] = {0};
	uint32_t at, total = 0;
	char buf[512];
	long fd, n;

	setup();
	u_check_eq(mkdir_at("d"), 0);
	for (int i = 0; i < NAMES_MAX; i++) {
		text[6] = (char)('0' + i / 10);
		text[7] = (char)('0' + i % 10);
		make_file(text, "1");
	}
	fd = open_at("d", ABI_O_RDONLY | ABI_O_DIRECTORY, 0);
	u_check_eq(u_syscall(NR_getdents64, fd, data, 10), -EINVAL);
	while ((n = u_syscall(NR_getdents64, fd, data, sizeof(buf))) > 0) {
		u_read(buf, data, (size_t)n);
		for (at = 0; at < n; at += (uint8_t)buf[at + 16]) {
			const char *e = buf + at + 19;

			total++;
			if (*e == '.')
				continue;
			seen[(e[4] - '0') * 10 + e[5] - '0']++;
			memcpy(text + 2, e, 6);
			u_check_eq(unlink_at(text, 0), 0); /* as rm -r does while it reads */
		}
	}
	u_check_eq(n, 0);
	u_check_eq(total, NAMES_MAX + 2);
	for (int i = 0; i < NAMES_MAX; i++)
		u_check_eq(seen[i], 1);
	u_check_eq(unlink_at("d", ABI_AT_REMOVEDIR), 0);
	u_check_eq(u_syscall(NR_getdents64, fd, data, 512), -ENOENT);
	u_check_eq(u_syscall(NR_close, fd), 0);
}

void script_descriptors(void *arg)
{
	long fd, i;

	setup();
	make_file("/f", "0123456789");
	fd = open_at("/f", ABI_O_RDONLY, 0);
	u_check_eq(u_syscall(NR_dup, fd), fd + 1);
	u_check_eq(u_syscall(NR_read, fd, data, 4), 4);
	u_check_eq(u_syscall(NR_read, fd + 1, data, 1), 1);
	u_check_eq(u_load(data, 1), '4');
	u_check_eq(u_syscall(NR_fcntl, fd, ABI_F_DUPFD_CLOEXEC, 200), 200);
	u_check_eq(u_syscall(NR_fcntl, 200, ABI_F_GETFD), ABI_FD_CLOEXEC);
	u_check_eq(u_syscall(NR_dup3, fd, 300, 0), 300);
	u_check_eq(u_syscall(NR_dup3, fd, fd, 0), -EINVAL);
	u_check_eq(u_syscall(NR_dup3, fd, 2000000, 0), -EBADF);
	u_check_eq(u_syscall(NR_close_range, fd + 1, 250, 0), 0);
	u_check_eq(u_syscall(NR_fcntl, 200, ABI_F_GETFD), -EBADF);
	u_check_eq(u_syscall(NR_fcntl, 300, ABI_F_GETFL), ABI_O_RDONLY | ABI_O_LARGEFILE);
	for (i = 0; i < 100; i++)
		u_check(u_syscall(NR_dup, fd) >= 0);
	u_check_eq(u_syscall(NR_close_range, 0, ~0u, 0), 0);
	u_check_eq(u_syscall(NR_close, fd), -EBADF);
}

void script_mounts(void *arg)
{
	setup();
	u_check_eq(mkdir_at("/m"), 0);
	u_check_eq(mkdir_at("/n"), 0);
	make_file("/m/below", "below");
	u_check_eq(u_syscall(NR_mount, 0, name("/m"), name2("tmpfs"), 0, 0), 0);
	u_check_eq(stat_at("/m/below", 0), -ENOENT);
	make_file("/m/above", "above");
	u_check_eq(stat_at("/m/..", 0), 0);
	u_check_eq(unlink_at("/m", ABI_AT_REMOVEDIR), -EBUSY);
	u_check_eq(u_syscall(NR_mount, name("/m"), name2("/n"), 0, ABI_MS_BIND, 0), 0);
	check_file("/n/above", "above");
	u_check_eq(u_syscall(NR_mount, 0, name("/n"), 0,
			     ABI_MS_REMOUNT | ABI_MS_BIND | ABI_MS_RDONLY, 0),
		   0);
	u_check_eq(open_at("/n/above", ABI_O_WRONLY, 0), -EROFS);
	u_check_eq(open_at("/n/other", ABI_O_WRONLY | ABI_O_CREAT, 0644), -EROFS);
	u_check_eq(unlink_at("/n/above", 0), -EROFS);
	u_check_eq(rename_at("/m/above", "/n/above", 0), -EXDEV);
	u_check_eq(u_syscall(NR_umount2, name("/n"), 0), 0);
	u_check_eq(u_syscall(NR_umount2, name("/n"), 0), -EINVAL);
	u_check_eq(u_syscall(NR_chdir, name("/m")), 0);
	u_check_eq(u_syscall(NR_umount2, name("/m"), 0), -EBUSY);
	u_check_eq(u_syscall(NR_umount2, name("/m"), ABI_MNT_DETACH), 0);
	check_file("above", "above");
	check_file("/m/below", "below");
	u_check_eq(u_syscall(NR_chdir, name("/")), 0);
	u_check_eq(unlink_at("/n", ABI_AT_REMOVEDIR), 0);
}
