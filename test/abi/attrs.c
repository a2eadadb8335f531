/* attrs.c - stat, statx, chmod, chown, utimensat, access, umask, statfs */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "abitest.h"

static struct stat st;
static struct statx stx;

static long stat_(const char *path)
{
	return syscall(SYS_newfstatat, AT_FDCWD, path, &st, 0);
}

static long statx_(int dir, const char *path, int flags, unsigned mask)
{
	return syscall(SYS_statx, dir, path, flags, mask, &stx);
}

static void test_faults(void)
{
	struct statfs sfs;

	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_stat, p, &st));
	CHECK_FAULTS(p, sizeof(st), BAD_OUT, syscall(SYS_stat, "/", p));
	CHECK_FAULTS(p, sizeof(st), BAD_OUT, syscall(SYS_lstat, "/", p));
	CHECK_FAULTS(p, sizeof(st), BAD_OUT, syscall(SYS_fstat, 0, p));
	CHECK_FAULTS(p, sizeof(st), BAD_OUT, syscall(SYS_newfstatat, AT_FDCWD, "/", p, 0));
	CHECK_FAULTS(p, sizeof(stx), BAD_OUT, syscall(SYS_statx, AT_FDCWD, "/", 0, 0x7ff, p));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_statx, AT_FDCWD, p, 0, 0x7ff, &stx));
	CHECK_FAULTS(p, sizeof(sfs), BAD_OUT, syscall(SYS_statfs, "/", p));
	CHECK_FAULTS(p, sizeof(sfs), BAD_OUT, syscall(SYS_fstatfs, 0, p));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_statfs, p, &sfs));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_chmod, p, 0));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_chown, p, -1, -1));
	CHECK_FAULTS(p, 1, BAD_IN, syscall(SYS_access, p, 0));
	CHECK_FAULTS(p, 1, BAD_NONNULL, syscall(SYS_utimensat, AT_FDCWD, p, NULL, 0));
	CHECK_FAULTS(p, 2 * sizeof(struct timespec), BAD_NONNULL,
		     syscall(SYS_utimensat, AT_FDCWD, abi_tmp_file("f", ""), p, 0));
}

static void test_stat(void)
{
	int fd = (int)REQUIRE_OK(open(abi_tmp_file("f", "0123456789"), O_RDONLY));
	unsigned long ino;

	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(st.st_mode, 0100644);
	CHECK_EQ(st.st_size, 10);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(st.st_uid, geteuid());
	CHECK_EQ(st.st_rdev, 0);
	CHECK(st.st_blksize >= 512);
	CHECK(st.st_blocks >= 0);
	CHECK(st.st_mtime > 1600000000);
	ino = st.st_ino;
	CHECK_OK(syscall(SYS_fstat, fd, &st));
	CHECK_EQ(st.st_ino, ino);
	CHECK_OK(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH));
	CHECK_EQ(st.st_ino, ino);
	CHECK_ERR(syscall(SYS_newfstatat, fd, "", &st, 0), ENOENT);
	CHECK_ERR(syscall(SYS_newfstatat, fd, "", &st, 0x8000), EINVAL);
	CHECK_ERR(syscall(SYS_fstat, 9999, &st), EBADF);
	CHECK_ERR(stat_(abi_tmp("none")), ENOENT);
	CHECK_ERR(stat_(abi_tmp("f/x")), ENOTDIR);
	CHECK_ERR(stat_(""), ENOENT);
	REQUIRE_OK(symlink("f", abi_tmp("l")));
	CHECK_OK(stat_(abi_tmp("l")));
	CHECK_EQ(st.st_ino, ino);
	CHECK_OK(syscall(SYS_newfstatat, AT_FDCWD, abi_tmp("l"), &st, AT_SYMLINK_NOFOLLOW));
	CHECK_EQ(st.st_mode & 0170000, 0120000);
	CHECK_OK(stat_("/dev/null"));
	CHECK_EQ(st.st_mode & 0170000, 0020000);
	CHECK_EQ(st.st_rdev, 0x103);
}

static void test_statx(void)
{
	int fd = (int)REQUIRE_OK(open(abi_tmp_file("f", "0123456789"), O_RDONLY));

	memset(&stx, 0xff, sizeof(stx));
	CHECK_OK(statx_(AT_FDCWD, abi_tmp("f"), 0, STATX_BASIC_STATS));
	CHECK_EQ(stx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	CHECK_EQ(stx.stx_size, 10);
	CHECK_EQ(stx.stx_mode, 0100644);
	CHECK_EQ(stx.stx_nlink, 1);
	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(stx.stx_ino, st.st_ino);
	CHECK_EQ(stx.stx_mtime.tv_sec, st.st_mtime);
	CHECK_EQ(stx.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
	CHECK_EQ((stx.stx_dev_major & 0xfff) << 8 | (stx.stx_dev_minor & 0xff) |
			 (unsigned long)(stx.stx_dev_minor & ~0xffu) << 12,
		 st.st_dev);
	CHECK_OK(statx_(fd, "", AT_EMPTY_PATH, STATX_SIZE));
	CHECK_EQ(stx.stx_size, 10);
	CHECK_OK(statx_(AT_FDCWD, abi_tmp("f"), 0, 0));
	CHECK_ERR(statx_(AT_FDCWD, abi_tmp("f"), 0x8000, 0), EINVAL);
	CHECK_ERR(statx_(AT_FDCWD, abi_tmp("f"), AT_STATX_SYNC_TYPE, 0), EINVAL);
	CHECK_ERR(statx_(AT_FDCWD, abi_tmp("f"), 0, 0x80000000), EINVAL);
	CHECK_ERR(statx_(9999, "f", 0, 0), EBADF);
	CHECK_ERR(statx_(fd, "f", 0, 0), ENOTDIR);
	CHECK_ERR(statx_(AT_FDCWD, "", 0, 0), ENOENT);
}

static long chmod_(const char *path, unsigned mode)
{
	return syscall(SYS_chmod, path, mode);
}

static void test_chmod(void)
{
	int fd = (int)REQUIRE_OK(open(abi_tmp_file("f", ""), O_RDONLY));

	CHECK_OK(chmod_(abi_tmp("f"), 0123));
	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(st.st_mode, 0100123);
	CHECK_OK(syscall(SYS_fchmod, fd, 07755));
	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(st.st_mode, 0107755);
	CHECK_OK(syscall(SYS_fchmodat, AT_FDCWD, abi_tmp("f"), 0177777));
	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(st.st_mode, 0107777);
	CHECK_ERR(chmod_(abi_tmp("none"), 0), ENOENT);
	CHECK_ERR(syscall(SYS_fchmod, 9999, 0), EBADF);
	if (geteuid() != 0)
		return;
	abi_drop_root();
	CHECK_ERR(syscall(SYS_fchmod, fd, 0), EPERM);
}

static void test_chown(void)
{
	int fd = (int)REQUIRE_OK(open(abi_tmp_file("f", ""), O_RDONLY));

	CHECK_OK(syscall(SYS_fchown, fd, -1, -1));
	CHECK_ERR(syscall(SYS_fchown, 9999, -1, -1), EBADF);
	CHECK_ERR(syscall(SYS_fchownat, AT_FDCWD, abi_tmp("f"), -1, -1, 0x8000), EINVAL);
	if (geteuid() != 0) {
		CHECK_ERR(syscall(SYS_fchown, fd, 0, -1), EPERM);
		return;
	}
	CHECK_OK(chmod_(abi_tmp("f"), 06755));
	CHECK_OK(syscall(SYS_chown, abi_tmp("f"), 1000, 2000));
	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(st.st_uid, 1000);
	CHECK_EQ(st.st_gid, 2000);
	/* The owner's change takes the set-id bits of programs away. */
	CHECK_EQ(st.st_mode, 0100755);
	CHECK_OK(syscall(SYS_fchown, fd, -1, 3000));
	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(st.st_uid, 1000);
	CHECK_EQ(st.st_gid, 3000);
	REQUIRE_OK(symlink("f", abi_tmp("l")));
	CHECK_OK(syscall(SYS_lchown, abi_tmp("l"), 7, 8));
	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(st.st_uid, 1000);
	CHECK_OK(syscall(SYS_lstat, abi_tmp("l"), &st));
	CHECK_EQ(st.st_uid, 7);
	CHECK_OK(syscall(SYS_fchownat, fd, "", 9, 9, AT_EMPTY_PATH));
	CHECK_OK(stat_(abi_tmp("f")));
	CHECK_EQ(st.st_uid, 9);
}

static void test_utimensat(void)
{
	struct timespec ts[2] = {{1000, 5}, {2000, 123456789}};
	struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
	const char *f = abi_tmp_file("f", "");
	int fd = (int)REQUIRE_OK(open(f, O_RDONLY));

	CHECK_OK(syscall(SYS_utimensat, AT_FDCWD, f, ts, 0));
	CHECK_OK(stat_(f));
	CHECK_EQ(st.st_atime, 1000);
	CHECK_EQ(st.st_atim.tv_nsec, 5);
	CHECK_EQ(st.st_mtime, 2000);
	CHECK_EQ(st.st_mtim.tv_nsec, 123456789);
	CHECK(st.st_ctime > 1600000000);
	CHECK_OK(syscall(SYS_utimensat, fd, NULL, now, 0));
	CHECK_OK(stat_(f));
	CHECK(st.st_atime > 1600000000);
	CHECK_EQ(st.st_mtime, 2000);
	CHECK_OK(syscall(SYS_utimensat, AT_FDCWD, f, NULL, 0));
	CHECK_OK(stat_(f));
	CHECK(st.st_mtime > 1600000000);
	ts[0].tv_nsec = 1000000000;
	CHECK_ERR(syscall(SYS_utimensat, AT_FDCWD, f, ts, 0), EINVAL);
	ts[0].tv_nsec = 0;
	CHECK_ERR(syscall(SYS_utimensat, AT_FDCWD, f, ts, 0x8000), EINVAL);
	CHECK_ERR(syscall(SYS_utimensat, AT_FDCWD, abi_tmp("none"), ts, 0), ENOENT);
	CHECK_ERR(syscall(SYS_utimensat, 9999, NULL, ts, 0), EBADF);
	CHECK_ERR(syscall(SYS_utimensat, AT_FDCWD, NULL, ts, 0), EFAULT);
	ts[1].tv_nsec = UTIME_OMIT;
	ts[0].tv_nsec = UTIME_OMIT;
	CHECK_OK(syscall(SYS_utimensat, AT_FDCWD, abi_tmp("f"), ts, 0));
}

static void test_times_move(void)
{
	const char *f = abi_tmp_file("f", "");
	struct timespec old[2] = {{1000, 0}, {1000, 0}};
	int fd = (int)REQUIRE_OK(open(f, O_RDWR));

	CHECK_OK(syscall(SYS_utimensat, fd, NULL, old, 0));
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(syscall(SYS_fstat, fd, &st));
	CHECK(st.st_mtime > 1600000000);
	CHECK_OK(syscall(SYS_utimensat, fd, NULL, old, 0));
	CHECK_OK(ftruncate(fd, 0));
	CHECK_OK(syscall(SYS_fstat, fd, &st));
	CHECK(st.st_mtime > 1600000000);
	/* A directory's time moves with its names. */
	CHECK_OK(syscall(SYS_utimensat, AT_FDCWD, abi_tmpdir(), old, 0));
	REQUIRE_OK(unlink(f));
	CHECK_OK(stat_(abi_tmpdir()));
	CHECK(st.st_mtime > 1600000000);
}

static void test_access(void)
{
	const char *f = abi_tmp_file("f", "");

	CHECK_OK(syscall(SYS_access, f, R_OK | W_OK));
	CHECK_OK(syscall(SYS_access, f, F_OK));
	CHECK_ERR(syscall(SYS_access, f, X_OK), EACCES);
	CHECK_ERR(syscall(SYS_access, f, 8), EINVAL);
	CHECK_ERR(syscall(SYS_access, abi_tmp("none"), F_OK), ENOENT);
	CHECK_OK(syscall(SYS_faccessat, AT_FDCWD, f, R_OK));
	CHECK_OK(syscall(SYS_faccessat2, AT_FDCWD, f, R_OK, AT_EACCESS));
	CHECK_ERR(syscall(SYS_faccessat2, AT_FDCWD, f, R_OK, 0x8000), EINVAL);
	CHECK_ERR(syscall(SYS_faccessat, 9999, "f", R_OK), EBADF);
	if (geteuid() != 0)
		return;
	/* The real id counts, unless asked otherwise. */
	CHECK_OK(chmod_(f, 0600));
	CHECK_OK(syscall(SYS_setresuid, 65534, 0, 0));
	CHECK_ERR(syscall(SYS_access, f, R_OK), EACCES);
	CHECK_OK(syscall(SYS_faccessat2, AT_FDCWD, f, R_OK, AT_EACCESS));
	CHECK_OK(syscall(SYS_setresuid, 0, 0, 0));
}

static void test_umask(void)
{
	CHECK_OK(syscall(SYS_umask, 0));
	CHECK_EQ(syscall(SYS_umask, 01777), 0);
	CHECK_EQ(syscall(SYS_umask, 027), 0777);
	CHECK_OK(open(abi_tmp("m"), O_WRONLY | O_CREAT, 0666));
	CHECK_OK(stat_(abi_tmp("m")));
	CHECK_EQ(st.st_mode & 07777, 0640);
}

static void search_only(void *arg)
{
	abi_drop_root();
	/* x without r: names can be reached, not listed. */
	CHECK_OK(stat_(abi_tmp("d/f")));
	CHECK_ERR(open(abi_tmp("d"), O_RDONLY), EACCES);
	CHECK_ERR(stat_(abi_tmp("e/f")), EACCES);
	CHECK_OK(open(abi_tmp("e"), O_RDONLY));
	CHECK_ERR(open(abi_tmp("d/new"), O_WRONLY | O_CREAT, 0600), EACCES);
	CHECK_ERR(unlink(abi_tmp("d/f")), EACCES);
	CHECK_ERR(unlink(abi_tmp("sticky/f")), EPERM);
}

static void test_directory_rights(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK_OK(syscall(SYS_mkdir, abi_tmp("d"), 0755));
	CHECK_OK(syscall(SYS_mkdir, abi_tmp("e"), 0755));
	CHECK_OK(syscall(SYS_mkdir, abi_tmp("sticky"), 0755));
	abi_tmp_file("d/f", "");
	abi_tmp_file("e/f", "");
	abi_tmp_file("sticky/f", "");
	CHECK_OK(chmod_(abi_tmp("d"), 0711));
	CHECK_OK(chmod_(abi_tmp("e"), 0744));
	CHECK_OK(chmod_(abi_tmp("sticky"), 01777));
	abi_join(abi_spawn(search_only, NULL));
}

static void test_statfs(void)
{
	struct statfs a, b;

	memset(&a, 0xff, sizeof(a));
	CHECK_OK(syscall(SYS_statfs, "/tmp", &a));
	CHECK_OK(syscall(SYS_fstatfs, open("/tmp", O_RDONLY), &b));
	CHECK_EQ(a.f_type, b.f_type);
	CHECK(a.f_bsize > 0);
	CHECK(a.f_namelen >= 255);
	CHECK(a.f_bfree <= a.f_blocks);
	CHECK_ERR(syscall(SYS_statfs, "/none", &a), ENOENT);
	CHECK_ERR(syscall(SYS_fstatfs, 9999, &a), EBADF);
	CHECK_OK(syscall(SYS_statfs, "/proc", &a));
	CHECK_EQ(a.f_type, 0x9fa0);
}

static const struct abi_test tests[] = {
	{"faults", test_faults},	 {"stat", test_stat},
	{"statx", test_statx},		 {"chmod", test_chmod},
	{"chown", test_chown},		 {"utimensat", test_utimensat},
	{"times_move", test_times_move}, {"access", test_access},
	{"umask", test_umask},		 {"directory_rights", test_directory_rights},
	{"statfs", test_statfs},
};

ABI_SUITE(tests, NULL);
