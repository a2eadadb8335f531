/* abihelp.c - helpers of the cases: hostile addresses, temporary files, pages */
#include "abihelp.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"

static char tmpdir[64];
static pid_t tmpdir_owner;

/* One block of pages: usable, without rights, usable, read-only, and one that was unmapped. */
static char *bad_block;

static void bad_block_make(void)
{
	if (bad_block)
		return;
	bad_block = abi_pages(6, PROT_READ | PROT_WRITE);
	REQUIRE_OK(mprotect(bad_block + PAGE, PAGE, PROT_NONE));
	REQUIRE_OK(mprotect(bad_block + 3 * PAGE, PAGE, PROT_READ));
	REQUIRE_OK(mprotect(bad_block + 5 * PAGE, PAGE, PROT_NONE));
	REQUIRE_OK(munmap(bad_block + 4 * PAGE, PAGE));
}

static const struct {
	const char *name;
	uintptr_t fixed; /* an address, if not in the block */
	uintptr_t page;	 /* of the block, else */
	bool straddles;	 /* ends in the page, begins in the one before */
	bool out_only;
} bad_kinds[] = {
	{"NULL", 0, 0, false, false},
	{"1", 1, 0, false, false},
	{"the end of user space", 0x7ffffffff000, 0, false, false},
	{"the first non-canonical address", 0x800000000000, 0, false, false},
	{"a non-canonical address", 0x8000000000000000, 0, false, false},
	{"the kernel's half", 0xffff800000000000, 0, false, false},
	{"the kernel's text", 0xffffffff81000000, 0, false, false},
	{"the last page", 0xfffffffffffff000, 0, false, false},
	{"PROT_NONE memory", 0, 1, false, false},
	{"an unmapped page", 0, 4, false, false},
	{"memory running into PROT_NONE", 0, 1, true, false},
	{"memory running into a hole", 0, 4, true, true},
	{"read-only memory", 0, 3, false, true},
	{"memory running into read-only", 0, 3, true, true},
};

bool abi_bad_next(unsigned *i, size_t size, unsigned flags, void **p)
{
	bad_block_make();
	for (; *i < ARRAY_SIZE(bad_kinds); (*i)++) {
		if (bad_kinds[*i].out_only && !(flags & BAD_OUT))
			continue;
		if (*i == 0 && (flags & BAD_NONNULL))
			continue;
		if (bad_kinds[*i].straddles && size < 2)
			continue;
		break;
	}
	if (*i == ARRAY_SIZE(bad_kinds)) {
		abi_context(NULL);
		return false;
	}
	*p = bad_kinds[*i].page ? bad_block + bad_kinds[*i].page * PAGE
				: (char *)bad_kinds[*i].fixed;
	/* Aligned as far as that goes, since some calls look at alignment first. */
	if (bad_kinds[*i].straddles)
		*p = (char *)*p - (size >= 16 ? (size / 2 & ~7ul) : size / 2);
	abi_context(bad_kinds[*i].name);
	(*i)++;
	return true;
}

char *abi_pages(size_t n, int prot)
{
	char *p = mmap(NULL, n * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	return p;
}

const char *abi_self_path(void)
{
	static char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0)
		path[n] = '\0';
	else
		snprintf(path, sizeof(path), "%s", (const char *)getauxval(AT_EXECFN));
	return path;
}

static void tmpdir_name(pid_t pid, char *buf, size_t size)
{
	snprintf(buf, size, "/tmp/abitest.%d", (int)pid);
}

const char *abi_tmpdir(void)
{
	if (tmpdir_owner)
		return tmpdir;
	tmpdir_name(getpid(), tmpdir, sizeof(tmpdir));
	REQUIRE_OK(mkdir(tmpdir, 0755));
	REQUIRE_OK(chmod(tmpdir, 0755));
	tmpdir_owner = getpid();
	return tmpdir;
}

const char *abi_tmp(const char *name)
{
	static char bufs[8][PAGE];
	static unsigned next;
	char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

	snprintf(buf, PAGE, "%s/%s", abi_tmpdir(), name);
	return buf;
}

const char *abi_tmp_file(const char *name, const char *text)
{
	const char *path = abi_tmp(name);
	int fd = (int)REQUIRE_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	REQUIRE_OK(fchmod(fd, 0644));
	REQUIRE(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	return path;
}

const char *abi_read_file(const char *path)
{
	static char text[65536];
	size_t len = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY);

	if (fd == -1) {
		abi_fail(__FILE__, __LINE__, "open %s: %s", path, strerrorname_np(errno));
		abi_abort();
	}
	while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fd);
	return text;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	if (type == FTW_DNR)
		chmod(path, 0700);
	remove(path);
	return 0;
}

static void remove_tree(const char *dir)
{
	if (access(dir, F_OK) == 0)
		nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void abi_tmp_remove(void)
{
	if (tmpdir_owner == getpid())
		remove_tree(tmpdir);
	tmpdir_owner = 0;
}

void abi_tmp_remove_of(pid_t pid)
{
	char dir[64];

	tmpdir_name(pid, dir, sizeof(dir));
	remove_tree(dir);
}

void abi_drop_root(void)
{
	if (geteuid() != 0)
		return;
	REQUIRE_OK(syscall(SYS_setgroups, 0, NULL));
	REQUIRE_OK(syscall(SYS_setresgid, 65534, 65534, 65534));
	REQUIRE_OK(syscall(SYS_setresuid, 65534, 65534, 65534));
}
