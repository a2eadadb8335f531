/* ids.c - process and user identities, groups, capabilities: getpid(2), setresuid(2), capget(2) ...
 */
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abitest.h"

static void check_parent(void *arg)
{
	CHECK_EQ(syscall(SYS_getppid), *(pid_t *)arg);
	CHECK(syscall(SYS_getpid) != *(pid_t *)arg);
	CHECK_EQ(syscall(SYS_gettid), syscall(SYS_getpid));
}

static void test_pids(void)
{
	pid_t self = (pid_t)syscall(SYS_getpid);

	CHECK(self > 0);
	CHECK_EQ(syscall(SYS_gettid), self);
	CHECK_EQ(syscall(SYS_getpid), self);
	CHECK(syscall(SYS_getppid) >= 0);
	abi_join(abi_spawn(check_parent, &self));
}

static void test_uids_agree(void)
{
	uid_t r = 77, e = 77, s = 77;

	CHECK_OK(syscall(SYS_getresuid, &r, &e, &s));
	CHECK_EQ(syscall(SYS_getuid), r);
	CHECK_EQ(syscall(SYS_geteuid), e);
	CHECK_OK(syscall(SYS_getresgid, &r, &e, &s));
	CHECK_EQ(syscall(SYS_getgid), r);
	CHECK_EQ(syscall(SYS_getegid), e);
}

static void test_getresuid_faults(void)
{
	uid_t a, b;

	CHECK_FAULTS(p, sizeof(uid_t), BAD_OUT, syscall(SYS_getresuid, p, &a, &b));
	CHECK_FAULTS(p, sizeof(uid_t), BAD_OUT, syscall(SYS_getresuid, &a, p, &b));
	CHECK_FAULTS(p, sizeof(uid_t), BAD_OUT, syscall(SYS_getresuid, &a, &b, p));
	CHECK_FAULTS(p, sizeof(uid_t), BAD_OUT, syscall(SYS_getresgid, p, &a, &b));
	CHECK_FAULTS(p, sizeof(uid_t), BAD_OUT, syscall(SYS_getresgid, &a, p, &b));
	CHECK_FAULTS(p, sizeof(uid_t), BAD_OUT, syscall(SYS_getresgid, &a, &b, p));
}

static void check_uids(uid_t r, uid_t e, uid_t s)
{
	uid_t gr, ge, gs;

	CHECK_OK(syscall(SYS_getresuid, &gr, &ge, &gs));
	CHECK_EQ(gr, r);
	CHECK_EQ(ge, e);
	CHECK_EQ(gs, s);
}

static void check_gids(gid_t r, gid_t e, gid_t s)
{
	gid_t gr, ge, gs;

	CHECK_OK(syscall(SYS_getresgid, &gr, &ge, &gs));
	CHECK_EQ(gr, r);
	CHECK_EQ(ge, e);
	CHECK_EQ(gs, s);
}

static void resuid_child(void *arg)
{
	CHECK_OK(syscall(SYS_setresuid, 1001, 1002, 1003));
	check_uids(1001, 1002, 1003);
	CHECK_ERR(syscall(SYS_setresuid, -1, 1004, -1), EPERM);
	CHECK_ERR(syscall(SYS_setresuid, 0, -1, -1), EPERM);
	CHECK_OK(syscall(SYS_setresuid, -1, 1003, -1));
	check_uids(1001, 1003, 1003);
	CHECK_OK(syscall(SYS_setuid, 1001));
	check_uids(1001, 1001, 1003);
	CHECK_ERR(syscall(SYS_setuid, 0), EPERM);
	CHECK_ERR(syscall(SYS_setreuid, -1, 1005), EPERM);
	CHECK_OK(syscall(SYS_setreuid, -1, 1003));
	check_uids(1001, 1003, 1003);
	/* Real and effective exchanged: the saved one follows the effective. */
	CHECK_OK(syscall(SYS_setreuid, 1003, 1001));
	check_uids(1003, 1001, 1001);
}

static void test_setresuid(void)
{
	if (syscall(SYS_geteuid) != 0)
		SKIP("needs root");
	abi_join(abi_spawn(resuid_child, NULL));
}

static void resgid_child(void *arg)
{
	CHECK_OK(syscall(SYS_setresgid, 11, 12, 13));
	check_gids(11, 12, 13);
	CHECK_OK(syscall(SYS_setgid, 14));
	check_gids(14, 14, 14);
	CHECK_OK(syscall(SYS_setresgid, -1, 15, -1));
	check_gids(14, 15, 14);
	CHECK_OK(syscall(SYS_setresuid, 1001, 1001, 1001));
	CHECK_ERR(syscall(SYS_setresgid, 99, -1, -1), EPERM);
	CHECK_ERR(syscall(SYS_setgid, 99), EPERM);
	CHECK_OK(syscall(SYS_setgid, 14));
	check_gids(14, 14, 14);
	CHECK_ERR(syscall(SYS_setregid, 15, -1), EPERM);
}

static void test_setresgid(void)
{
	if (syscall(SYS_geteuid) != 0)
		SKIP("needs root");
	abi_join(abi_spawn(resgid_child, NULL));
}

static void setuid_child(void *arg)
{
	CHECK_OK(syscall(SYS_setuid, 1000));
	check_uids(1000, 1000, 1000);
	CHECK_ERR(syscall(SYS_setuid, 0), EPERM);
}

static void test_setuid_is_for_good(void)
{
	if (syscall(SYS_geteuid) != 0)
		SKIP("needs root");
	abi_join(abi_spawn(setuid_child, NULL));
}

static void fsuid_child(void *arg)
{
	CHECK_EQ(syscall(SYS_setfsuid, 1000), 0);
	CHECK_EQ(syscall(SYS_setfsuid, -1), 1000);
	CHECK_EQ(syscall(SYS_setfsgid, 1000), syscall(SYS_getegid));
	CHECK_EQ(syscall(SYS_setfsgid, -1), 1000);
	/* It follows the effective id. */
	CHECK_OK(syscall(SYS_setresuid, -1, 1005, -1));
	CHECK_EQ(syscall(SYS_setfsuid, -1), 1005);
}

static void test_setfsuid(void)
{
	if (syscall(SYS_geteuid) != 0)
		SKIP("needs root");
	abi_join(abi_spawn(fsuid_child, NULL));
}

static void groups_child(void *arg)
{
	gid_t in[3] = {30, 10, 20}, out[4] = {0, 0, 0, 99};

	CHECK_OK(syscall(SYS_setgroups, 3, in));
	CHECK_EQ(syscall(SYS_getgroups, 0, NULL), 3);
	CHECK_ERR(syscall(SYS_getgroups, 2, out), EINVAL);
	CHECK_EQ(syscall(SYS_getgroups, 4, out), 3);
	CHECK_EQ(out[0] + out[1] + out[2], 60);
	CHECK_EQ(out[3], 99);
	CHECK_FAULTS(p, 3 * sizeof(gid_t), BAD_OUT, syscall(SYS_getgroups, 3, p));
	CHECK_FAULTS(p, 3 * sizeof(gid_t), BAD_IN, syscall(SYS_setgroups, 3, p));
	CHECK_EQ(syscall(SYS_getgroups, 0, NULL), 3);
	CHECK_ERR(syscall(SYS_setgroups, 65537, in), EINVAL);
	CHECK_ERR(syscall(SYS_setgroups, -1, in), EINVAL);
	CHECK_OK(syscall(SYS_setgroups, 0, NULL));
	CHECK_EQ(syscall(SYS_getgroups, 4, out), 0);
	abi_drop_root();
	CHECK_ERR(syscall(SYS_setgroups, 3, in), EPERM);
}

static void test_groups(void)
{
	CHECK_ERR(syscall(SYS_getgroups, -1, NULL), EINVAL);
	if (syscall(SYS_geteuid) != 0)
		SKIP("needs root");
	abi_join(abi_spawn(groups_child, NULL));
}

static void test_unprivileged(void)
{
	abi_drop_root();
	CHECK_ERR(syscall(SYS_setuid, 0), EPERM);
	CHECK_ERR(syscall(SYS_setgid, 0), EPERM);
	CHECK_ERR(syscall(SYS_setreuid, 0, 0), EPERM);
	CHECK_ERR(syscall(SYS_setresuid, -1, -1, 0), EPERM);
	CHECK_ERR(syscall(SYS_setgroups, 0, NULL), EPERM);
	CHECK_OK(syscall(SYS_setuid, syscall(SYS_getuid)));
	CHECK_OK(syscall(SYS_setresuid, -1, -1, -1));
	CHECK_OK(syscall(SYS_setregid, -1, -1));
}

static struct __user_cap_header_struct cap_header(void)
{
	return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

static void test_capget_version(void)
{
	struct __user_cap_header_struct h = {.version = 0x12345678};
	struct __user_cap_data_struct d[2];

	CHECK_ERR(syscall(SYS_capget, &h, d), EINVAL);
	CHECK_EQ(h.version, _LINUX_CAPABILITY_VERSION_3);
	h.version = 0;
	CHECK_OK(syscall(SYS_capget, &h, NULL));
	CHECK_EQ(h.version, _LINUX_CAPABILITY_VERSION_3);
	h.pid = -1;
	CHECK_ERR(syscall(SYS_capget, &h, d), EINVAL);
	h.pid = 0x3fffffff;
	CHECK_ERR(syscall(SYS_capget, &h, d), ESRCH);
	h.pid = (int)syscall(SYS_getpid);
	CHECK_OK(syscall(SYS_capget, &h, d));
}

static void test_capget_faults(void)
{
	struct __user_cap_header_struct h = cap_header();
	struct __user_cap_data_struct d[2];

	/* The version, which comes first, is looked at before the rest is read. */
	CHECK_FAULTS(p, sizeof(h.version), BAD_OUT, syscall(SYS_capget, p, d));
	CHECK_FAULTS(p, sizeof(d), BAD_OUT | BAD_NONNULL, syscall(SYS_capget, &h, p));
	CHECK_FAULTS(p, sizeof(h.version), BAD_IN, syscall(SYS_capset, p, d));
	CHECK_FAULTS(p, sizeof(d), BAD_IN, syscall(SYS_capset, &h, p));
}

static void drop_caps(void *arg)
{
	struct __user_cap_header_struct h = cap_header();
	struct __user_cap_data_struct d[2], got[2];

	CHECK_OK(syscall(SYS_capget, &h, d));
	CHECK(d[0].effective & 1u << CAP_SETUID);
	d[0].effective &= ~(1u << CAP_SETUID);
	CHECK_OK(syscall(SYS_capset, &h, d));
	CHECK_OK(syscall(SYS_capget, &h, got));
	CHECK_EQ(got[0].effective, d[0].effective);
	CHECK_EQ(got[0].permitted, d[0].permitted);
	/* Root without the capability is nobody special. */
	CHECK_ERR(syscall(SYS_setresuid, 1, 2, 3), EPERM);
	d[0].effective |= 1u << CAP_SETUID;
	CHECK_OK(syscall(SYS_capset, &h, d));
	d[0].effective = d[0].permitted &= ~(1u << CAP_SETUID);
	CHECK_OK(syscall(SYS_capset, &h, d));
	d[0].permitted |= 1u << CAP_SETUID;
	CHECK_ERR(syscall(SYS_capset, &h, d), EPERM);
	d[0].permitted &= ~(1u << CAP_SETUID);
	d[0].effective |= 1u << CAP_SETUID;
	CHECK_ERR(syscall(SYS_capset, &h, d), EPERM);
}

static void test_capset(void)
{
	if (syscall(SYS_geteuid) != 0)
		SKIP("needs root");
	abi_join(abi_spawn(drop_caps, NULL));
}

static void caps_and_setuid(void *arg)
{
	struct __user_cap_header_struct h = cap_header();
	struct __user_cap_data_struct before[2], d[2];

	CHECK_OK(syscall(SYS_capget, &h, before));
	CHECK_OK(syscall(SYS_setresuid, -1, 1000, -1));
	CHECK_OK(syscall(SYS_capget, &h, d));
	CHECK_EQ(d[0].effective, 0);
	CHECK_EQ(d[0].permitted, before[0].permitted);
	CHECK_OK(syscall(SYS_setresuid, -1, 0, -1));
	CHECK_OK(syscall(SYS_capget, &h, d));
	CHECK_EQ(d[0].effective, before[0].permitted);
	if (arg)
		CHECK_OK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	CHECK_OK(syscall(SYS_setresuid, 1000, 1000, 1000));
	CHECK_OK(syscall(SYS_capget, &h, d));
	CHECK_EQ(d[0].effective, 0);
	CHECK_EQ(d[0].permitted, arg ? before[0].permitted : 0);
}

static void test_caps_follow_uids(void)
{
	static int keep;

	if (syscall(SYS_geteuid) != 0)
		SKIP("needs root");
	abi_join(abi_spawn(caps_and_setuid, NULL));
	abi_join(abi_spawn(caps_and_setuid, &keep));
}

static void test_cap_bounding_set(void)
{
	long r = CHECK_OK(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0));

	CHECK(r == 0 || r == 1);
	CHECK_ERR(prctl(PR_CAPBSET_READ, 1000, 0, 0, 0), EINVAL);
	abi_drop_root();
	CHECK_ERR(prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0), EPERM);
}

static const struct abi_test tests[] = {
	{"pids", test_pids},
	{"uids_agree", test_uids_agree},
	{"getresuid_faults", test_getresuid_faults},
	{"setresuid", test_setresuid},
	{"setresgid", test_setresgid},
	{"setuid_is_for_good", test_setuid_is_for_good},
	{"setfsuid", test_setfsuid},
	{"groups", test_groups},
	{"unprivileged", test_unprivileged},
	{"capget_version", test_capget_version},
	{"capget_faults", test_capget_faults},
	{"capset", test_capset},
	{"caps_follow_uids", test_caps_follow_uids},
	{"cap_bounding_set", test_cap_bounding_set},
};

ABI_SUITE(tests, NULL);
