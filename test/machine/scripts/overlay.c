/* overlay.c - scripts: a memory overlay over what lower.c has put below, at /ovl */
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/stat.h"
#include "script.h"
#include "scripts.h"
#include "string.h"
#include "syscalls_proto.h"

#define CWD  ((uint64_t)ABI_AT_FDCWD)
#define PAGE 4096u

static uint64_t mem, data;
static struct abi_stat st;

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

static void setup(void)
{
	mem = u_mmap(16 * PAGE);
	data = mem + PAGE;
	u_check_eq(u_syscall(NR_chdir, name("/ovl")), 0);
}

static long open_at(const char *s, int flags)
{
	return u_syscall(NR_openat, CWD, name(s), flags, 0644);
}

static long stat_of(const char *s)
{
	long r = u_syscall(NR_newfstatat, CWD, name(s), data, 0);

	if (!r)
		u_read(&st, data, sizeof(st));
	return r;
}

static void put(const char *s, int flags, const char *text)
{
	long fd = open_at(s, ABI_O_WRONLY | flags);

	u_check(fd >= 0);
	u_write(data, text, strlen(text));
	u_check_eq(u_syscall(NR_write, fd, data, strlen(text)), strlen(text));
	u_check_eq(u_syscall(NR_close, fd), 0);
}

static void check_fd(long fd, const char *text)
{
	char got[64] = "";
	long n = u_syscall(NR_pread64, fd, data, sizeof(got) - 1, 0);

	u_check_eq(n, strlen(text));
	u_read(got, data, (size_t)n);
	u_check(!strcmp(got, text));
}

static void check(const char *s, const char *text)
{
	long fd = open_at(s, ABI_O_RDONLY);

	u_check(fd >= 0);
	check_fd(fd, text);
	u_check_eq(u_syscall(NR_close, fd), 0);
}

/* The names of a directory but the dots, as one sorted string. */
static void check_names(const char *dir, const char *want)
{
	char buf[2048], names[16][32], all[256] = "";
	long fd = open_at(dir, ABI_O_RDONLY | ABI_O_DIRECTORY), n, at;
	int count = 0, k;

	u_check(fd >= 0);
	n = u_syscall(NR_getdents64, fd, data, sizeof(buf));
	u_check(n > 0);
	u_read(buf, data, (size_t)n);
	for (at = 0; at < n; at += (uint8_t)buf[at + 16]) {
		const char *e = buf + at + 19;

		if (!strcmp(e, ".") || !strcmp(e, ".."))
			continue;
		for (k = count++; k > 0 && strcmp(names[k - 1], e) > 0; k--)
			memcpy(names[k], names[k - 1], 32);
		str_copy(names[k], e, sizeof(names[k]));
	}
	for (k = 0; k < count; k++) {
		str_copy(all + strlen(all), names[k], sizeof(all) - strlen(all));
		str_copy(all + strlen(all), " ", sizeof(all) - strlen(all));
	}
	u_check(!strcmp(all, want));
	u_check_eq(u_syscall(NR_close, fd), 0);
}

static long rm(const char *s, int flags)
{
	return u_syscall(NR_unlinkat, CWD, name(s), flags);
}

static long mv(const char *a, const char *b, int flags)
{
	return u_syscall(NR_renameat2, CWD, name(a), CWD, name2(b), flags);
}

void script_overlay_files(void *arg)
{
	uint64_t ino;
	long fd;

	setup();
	check("d1/one", "one");
	check("d1/link", "one");
	check_names("d1", "link one sub two ");
	fd = open_at("d1/one", ABI_O_RDONLY);
	u_check_eq(stat_of("d1/one"), 0);
	ino = st.st_ino;
	put("d1/one", ABI_O_APPEND, " more");
	check("d1/one", "one more");
	check_fd(fd, "one"); /* opened before the copy: what is below */
	u_check_eq(u_syscall(NR_close, fd), 0);
	u_check_eq(stat_of("d1/one"), 0);
	u_check_eq(st.st_ino, ino);
	u_check_eq(st.st_size, 8);
	check_names("d1", "link one sub two ");
	u_check_eq(rm("d1/two", 0), 0);
	u_check_eq(stat_of("d1/two"), -ENOENT);
	check_names("d1", "link one sub ");
	put("d1/two", ABI_O_CREAT | ABI_O_EXCL, "again");
	check("d1/two", "again");
	u_check_eq(u_syscall(NR_fchmodat, CWD, name("d1/sub/deep"), 0600), 0);
	u_check_eq(stat_of("d1/sub/deep"), 0);
	u_check_eq(st.st_mode, ABI_S_IFREG | 0600);
	check("d1/sub/deep", "deep");
	put("file", ABI_O_TRUNC, "new");
	check("file", "new");
	u_check_eq(u_syscall(NR_truncate, name("d2/x"), 5000), 0);
	u_check_eq(stat_of("d2/x"), 0);
	u_check_eq(st.st_size, 5000);
	fd = open_at("d1/link", ABI_O_RDONLY | ABI_O_NOFOLLOW);
	u_check_eq(fd, -ELOOP);
	u_check_eq(u_syscall(NR_linkat, CWD, name("d2/x"), CWD, name2("hard"), 0), 0);
	put("hard", 0, "Y");
	u_check_eq(stat_of("d2/x"), 0);
	u_check_eq(st.st_nlink, 2);
}

void script_overlay_names(void *arg)
{
	setup();
	u_check_eq(rm("d1", ABI_AT_REMOVEDIR), -ENOTEMPTY);
	u_check_eq(rm("empty", ABI_AT_REMOVEDIR), 0);
	check_names(".", "d1 d2 file ");
	u_check_eq(u_syscall(NR_mkdirat, CWD, name("empty"), 0755), 0);
	check_names("empty", "");
	u_check_eq(mv("d2", "d3", 0), -EXDEV);
	u_check_eq(mv("d1/one", "d2/one", 0), 0);
	check("d2/one", "one");
	check_names("d1", "link sub two ");
	check_names("d2", "one x ");
	u_check_eq(mv("d1/two", "d2/x", 0), 0);
	check("d2/x", "two");
	u_check_eq(mv("d2/x", "file", ABI_RENAME_EXCHANGE), 0);
	check("file", "two");
	check("d2/x", "below");
	u_check_eq(rm("d1/link", 0), 0);
	u_check_eq(rm("d1/sub/deep", 0), 0);
	u_check_eq(rm("d1/sub", ABI_AT_REMOVEDIR), 0);
	check_names("d1", "");
	u_check_eq(rm("d1", ABI_AT_REMOVEDIR), 0);
	u_check_eq(stat_of("d1"), -ENOENT);
	u_check_eq(u_syscall(NR_mkdirat, CWD, name("d1"), 0755), 0);
	check_names("d1", ""); /* what is below stays hidden */
	put("d1/one", ABI_O_CREAT, "other");
	check_names("d1", "one ");
	u_check_eq(u_syscall(NR_mkdirat, CWD, name("new"), 0755), 0);
	put("new/f", ABI_O_CREAT, "f");
	u_check_eq(mv("new", "moved", 0), 0);
	check("moved/f", "f");
	check_names(".", "d1 d2 empty file moved ");
	u_check_eq(u_syscall(NR_mknodat, CWD, name("moved/w"), ABI_S_IFCHR, 0), -EPERM);
	u_check_eq(mv("moved", "empty", 0), 0);
	check("empty/f", "f");
}
