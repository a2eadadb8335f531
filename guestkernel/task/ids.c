/* ids.c - user, group and process numbers, capabilities
 *
 * A change copies the credentials, edits the copy and installs it (task/cred.c). The rules for
 * capabilities when user numbers change are capabilities(7)'s, "Effect of user ID changes".
 * Differs from Linux: no user namespaces; capabilities of other processes are read, never set. */
#include "abi/linux/caps.h"
#include "abi/linux/prctl.h"
#include "ksignal.h"
#include "log.h"
#include "quiesce.h"
#include "slab.h"
#include "string.h"
#include "syscalls_proto.h"
#include "task/cred_internal.h"
#include "task/task_internal.h"
#include "uaccess.h"

#define KEEP ((u32)-1)
#define FS_CAPS                                                               \
	(ABI_CAP_BIT(ABI_CAP_CHOWN) | ABI_CAP_BIT(ABI_CAP_DAC_OVERRIDE) |     \
	 ABI_CAP_BIT(ABI_CAP_DAC_READ_SEARCH) | ABI_CAP_BIT(ABI_CAP_FOWNER) | \
	 ABI_CAP_BIT(ABI_CAP_FSETID) | ABI_CAP_BIT(ABI_CAP_LINUX_IMMUTABLE) | \
	 ABI_CAP_BIT(ABI_CAP_MKNOD) | ABI_CAP_BIT(ABI_CAP_MAC_OVERRIDE))

long sys_getpid(void)
{
	return current->proc->pid;
}

long sys_gettid(void)
{
	return current->tid;
}

long sys_getppid(void)
{
	const struct proc *parent = READ_ONCE(current->proc->parent);

	return parent ? parent->pid : 0;
}

long sys_getuid(void)
{
	return current->cred->uid;
}

long sys_geteuid(void)
{
	return current->cred->euid;
}

long sys_getgid(void)
{
	return current->cred->gid;
}

long sys_getegid(void)
{
	return current->cred->egid;
}

static long put_three(uaddr_t a, u32 x, uaddr_t b, u32 y, uaddr_t c, u32 z)
{
	return put_user32(a, x) || put_user32(b, y) || put_user32(c, z) ? -EFAULT : 0;
}

long sys_getresuid(uaddr_t ruid, uaddr_t euid, uaddr_t suid)
{
	const struct cred *c = current->cred;

	return put_three(ruid, c->uid, euid, c->euid, suid, c->suid);
}

long sys_getresgid(uaddr_t rgid, uaddr_t egid, uaddr_t sgid)
{
	const struct cred *c = current->cred;

	return put_three(rgid, c->gid, egid, c->egid, sgid, c->sgid);
}

/* Capabilities after user numbers changed from old to new. */
static void fix_caps(struct cred *new, const struct cred *old)
{
	bool keep = current->proc->keep_caps;
	bool was_root = old->uid == 0 || old->euid == 0 || old->suid == 0;
	bool is_root = new->uid == 0 || new->euid == 0 || new->suid == 0;

	if (was_root && !is_root) {
		if (!keep) {
			new->cap_perm = 0;
			new->cap_eff = 0;
		}
		new->cap_amb = 0;
	}
	if (old->euid == 0 && new->euid != 0)
		new->cap_eff = 0;
	if (old->euid != 0 && new->euid == 0)
		new->cap_eff = new->cap_perm;
}

static void install_uids(struct cred *c, const struct cred *old)
{
	c->fsuid = c->euid;
	fix_caps(c, old);
	if (c->euid != old->euid || c->fsuid != old->fsuid)
		current->proc->dumpable = false;
	cred_install(c);
}

long sys_setuid(u32 uid)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (uid == KEEP)
		return -EINVAL;
	if (!capable(ABI_CAP_SETUID) && uid != old->uid && uid != old->suid)
		return -EPERM;
	c = cred_new_copy(old);
	if (!c)
		return -ENOMEM;
	c->euid = uid;
	if (capable(ABI_CAP_SETUID))
		c->uid = c->suid = uid;
	install_uids(c, old);
	return 0;
}

long sys_setresuid(u32 ruid, u32 euid, u32 suid)
{
	const struct cred *old = current->cred;
	u32 want[3] = {ruid, euid, suid};
	struct cred *c;

	for (u32 i = 0; i < 3 && !capable(ABI_CAP_SETUID); i++)
		if (want[i] != KEEP && want[i] != old->uid && want[i] != old->euid &&
		    want[i] != old->suid)
			return -EPERM;
	c = cred_new_copy(old);
	if (!c)
		return -ENOMEM;
	c->uid = ruid == KEEP ? c->uid : ruid;
	c->euid = euid == KEEP ? c->euid : euid;
	c->suid = suid == KEEP ? c->suid : suid;
	install_uids(c, old);
	return 0;
}

long sys_setreuid(u32 ruid, u32 euid)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (!capable(ABI_CAP_SETUID)) {
		if (ruid != KEEP && ruid != old->uid && ruid != old->euid)
			return -EPERM;
		if (euid != KEEP && euid != old->uid && euid != old->euid && euid != old->suid)
			return -EPERM;
	}
	c = cred_new_copy(old);
	if (!c)
		return -ENOMEM;
	c->uid = ruid == KEEP ? c->uid : ruid;
	c->euid = euid == KEEP ? c->euid : euid;
	if (ruid != KEEP || (euid != KEEP && euid != old->uid))
		c->suid = c->euid;
	install_uids(c, old);
	return 0;
}

long sys_setgid(u32 gid)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (gid == KEEP)
		return -EINVAL;
	if (!capable(ABI_CAP_SETGID) && gid != old->gid && gid != old->sgid)
		return -EPERM;
	c = cred_new_copy(old);
	if (!c)
		return -ENOMEM;
	c->egid = c->fsgid = gid;
	if (capable(ABI_CAP_SETGID))
		c->gid = c->sgid = gid;
	cred_install(c);
	return 0;
}

long sys_setresgid(u32 rgid, u32 egid, u32 sgid)
{
	const struct cred *old = current->cred;
	u32 want[3] = {rgid, egid, sgid};
	struct cred *c;

	for (u32 i = 0; i < 3 && !capable(ABI_CAP_SETGID); i++)
		if (want[i] != KEEP && want[i] != old->gid && want[i] != old->egid &&
		    want[i] != old->sgid)
			return -EPERM;
	c = cred_new_copy(old);
	if (!c)
		return -ENOMEM;
	c->gid = rgid == KEEP ? c->gid : rgid;
	c->egid = egid == KEEP ? c->egid : egid;
	c->sgid = sgid == KEEP ? c->sgid : sgid;
	c->fsgid = c->egid;
	cred_install(c);
	return 0;
}

long sys_setregid(u32 rgid, u32 egid)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (!capable(ABI_CAP_SETGID)) {
		if (rgid != KEEP && rgid != old->gid && rgid != old->egid)
			return -EPERM;
		if (egid != KEEP && egid != old->gid && egid != old->egid && egid != old->sgid)
			return -EPERM;
	}
	c = cred_new_copy(old);
	if (!c)
		return -ENOMEM;
	c->gid = rgid == KEEP ? c->gid : rgid;
	c->egid = egid == KEEP ? c->egid : egid;
	if (rgid != KEEP || (egid != KEEP && egid != old->gid))
		c->sgid = c->egid;
	c->fsgid = c->egid;
	cred_install(c);
	return 0;
}

long sys_setfsuid(u32 uid)
{
	const struct cred *old = current->cred;
	u32 was = old->fsuid;
	struct cred *c;

	if (uid == KEEP || (uid != old->uid && uid != old->euid && uid != old->suid &&
			    uid != old->fsuid && !capable(ABI_CAP_SETUID)))
		return was;
	c = cred_new_copy(old);
	if (!c)
		return was;
	c->fsuid = uid;
	if (was == 0 && uid != 0)
		c->cap_eff &= ~FS_CAPS;
	if (was != 0 && uid == 0)
		c->cap_eff |= c->cap_perm & FS_CAPS;
	cred_install(c);
	return was;
}

long sys_setfsgid(u32 gid)
{
	const struct cred *old = current->cred;
	u32 was = old->fsgid;
	struct cred *c;

	if (gid == KEEP || (gid != old->gid && gid != old->egid && gid != old->sgid &&
			    gid != old->fsgid && !capable(ABI_CAP_SETGID)))
		return was;
	c = cred_new_copy(old);
	if (!c)
		return was;
	c->fsgid = gid;
	cred_install(c);
	return was;
}

long sys_getgroups(int size, uaddr_t list)
{
	const struct cred *c = current->cred;

	if (size < 0)
		return -EINVAL;
	if (size == 0)
		return c->ngroups;
	if ((u32)size < c->ngroups)
		return -EINVAL;
	if (c->ngroups && copy_out(list, c->groups, c->ngroups * sizeof(u32)))
		return -EFAULT;
	return c->ngroups;
}

static void sort_groups(u32 *g, u32 n)
{
	for (u32 gap = n / 2; gap; gap /= 2)
		for (u32 i = gap; i < n; i++)
			for (u32 j = i; j >= gap && g[j - gap] > g[j]; j -= gap) {
				u32 x = g[j];

				g[j] = g[j - gap];
				g[j - gap] = x;
			}
}

int cred_set_groups(struct cred *c, const u32 *groups, u32 n)
{
	u32 *copy = NULL;

	if (n) {
		copy = kmalloc(n * sizeof(u32));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, groups, n * sizeof(u32));
		sort_groups(copy, n);
	}
	kfree(c->groups);
	c->groups = copy;
	c->ngroups = n;
	return 0;
}

#define NGROUPS_MAX 65536

long sys_setgroups(int size, uaddr_t list)
{
	struct cred *c;
	u32 *groups = NULL;
	long err = -ENOMEM;

	if (!capable(ABI_CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > NGROUPS_MAX)
		return -EINVAL;
	c = cred_new_copy(current->cred);
	if (!c)
		return -ENOMEM;
	if (size) {
		groups = kmalloc((size_t)size * sizeof(u32));
		if (!groups)
			goto out_put_cred;
		err = -EFAULT;
		if (copy_in(groups, list, (size_t)size * sizeof(u32)))
			goto out_free_groups;
	}
	err = cred_set_groups(c, groups, (u32)size);
	if (err)
		goto out_free_groups;
	cred_install(c);
	kfree(groups);
	return 0;

out_free_groups:
	kfree(groups);
out_put_cred:
	cred_put(c);
	return err;
}
