/* exec_cred.c - whose rights the new program has: set-user-ID, set-group-ID, capabilities
 *
 * Provides: exec_cred, before anything of the old program is given up.
 * Owns: x->cred until exec_commit installs it.
 * Locks: the file's inode, read, so that owner and mode are of one moment.
 * Sleeps: yes.
 * Differs from Linux: files carry no capabilities; bits of an owner that the container does not
 *   know (user_namespaces(7): they have no effect) are known by the overflow ID only.
 * Tests: test/abi/exec.c */
#include "abi/linux/caps.h"
#include "exec_internal.h"
#include "task/cred_internal.h"

#define ID_OVERFLOW 65534u

/* execve(2): a directory or descriptor table of others would let them steer a stronger program. */
static bool shares_fs(void)
{
	return a_load(&current->fs->refs) > READ_ONCE(current->proc->nthreads);
}

static void set_ids(struct exec *x, struct cred *c)
{
	struct inode *i = x->file->path.dentry->inode;
	u32 mode, uid, gid;

	if (x->file->path.mnt->flags & MNT_NOSUID || current->proc->no_new_privs)
		return;
	rwlock_read(&i->lock);
	mode = i->mode;
	uid = i->uid;
	gid = i->gid;
	rwlock_read_done(&i->lock);
	if (!(mode & (ABI_S_ISUID | ABI_S_ISGID)) || uid == ID_OVERFLOW || gid == ID_OVERFLOW)
		return;
	if (shares_fs() && !capable(ABI_CAP_SETUID))
		return;
	if (mode & ABI_S_ISUID)
		c->euid = uid;
	/* Without group execution the bit once meant mandatory locks. */
	if ((mode & (ABI_S_ISGID | ABI_S_IXGRP)) == (ABI_S_ISGID | ABI_S_IXGRP))
		c->egid = gid;
}

/* capabilities(7): what exec makes of them, where files carry none. */
int exec_cred(struct exec *x)
{
	const struct cred *old = current->cred;
	struct cred *c = cred_new_copy(old);
	bool changed, root;

	if (!c)
		return -ENOMEM;
	set_ids(x, c);
	root = c->uid == 0 || c->euid == 0;
	changed = c->euid != old->uid || c->egid != old->gid;
	x->secure = changed;
	if (changed)
		c->cap_amb = 0;
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	c->cap_perm = root ? c->cap_inh | c->cap_bset : c->cap_amb;
	c->cap_eff = c->euid == 0 ? c->cap_perm : c->cap_amb;
	if (root)
		c->cap_amb &= c->cap_perm;
	x->cred = c;
	return 0;
}
