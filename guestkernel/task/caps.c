/* caps.c - capget(2), capset(2) */
#include "abi/linux/caps.h"
#include "syscalls_proto.h"
#include "task.h"
#include "task/cred_internal.h"
#include "uaccess.h"

/* The number of data words of a header's version; an unknown one is answered with ours. */
static int cap_words(uaddr_t uhdr, struct abi_cap_header *hdr)
{
	if (copy_in_obj(hdr, uhdr))
		return -EFAULT;
	switch (hdr->version) {
	case ABI_CAP_VERSION_1:
		return 1;
	case ABI_CAP_VERSION_2:
	case ABI_CAP_VERSION_3:
		return 2;
	default:
		hdr->version = ABI_CAP_VERSION_3;
		return copy_out_obj(uhdr, hdr) ? -EFAULT : -EINVAL;
	}
}

long sys_capget(uaddr_t uhdr, uaddr_t udata)
{
	struct abi_cap_header hdr;
	struct abi_cap_data data[2];
	const struct cred *c;
	struct task *t;
	int words = cap_words(uhdr, &hdr);

	if (words == -EINVAL && uaddr_is_null(udata))
		return 0; /* a probe for the version */
	if (words < 0)
		return words;
	if (hdr.pid < 0)
		return -EINVAL;
	t = hdr.pid ? task_find(current->container, (u32)hdr.pid) : current;
	if (!t)
		return -ESRCH;
	c = t->cred;
	for (int i = 0; i < 2; i++)
		data[i] = (struct abi_cap_data){(u32)(c->cap_eff >> (32 * i)),
						(u32)(c->cap_perm >> (32 * i)),
						(u32)(c->cap_inh >> (32 * i))};
	return copy_out(udata, data, (size_t)words * sizeof(data[0]));
}

long sys_capset(uaddr_t uhdr, uaddr_t udata)
{
	struct abi_cap_header hdr;
	struct abi_cap_data data[2] = {0};
	const struct cred *old = current->cred;
	u64 eff, perm, inh;
	struct cred *c;
	int words = cap_words(uhdr, &hdr);

	if (words < 0)
		return words;
	if (hdr.pid && (u32)hdr.pid != current->tid)
		return -EPERM;
	if (copy_in(data, udata, (size_t)words * sizeof(data[0])))
		return -EFAULT;
	eff = (data[0].effective | (u64)data[1].effective << 32) & ABI_CAP_FULL;
	perm = (data[0].permitted | (u64)data[1].permitted << 32) & ABI_CAP_FULL;
	inh = (data[0].inheritable | (u64)data[1].inheritable << 32) & ABI_CAP_FULL;
	if ((perm & ~old->cap_perm) || (eff & ~perm))
		return -EPERM;
	if (inh & ~(old->cap_inh | (capable(ABI_CAP_SETPCAP) ? old->cap_bset : old->cap_perm)))
		return -EPERM;
	c = cred_new_copy(old);
	if (!c)
		return -ENOMEM;
	c->cap_eff = eff;
	c->cap_perm = perm;
	c->cap_inh = inh;
	c->cap_amb &= perm & inh;
	cred_install(c);
	return 0;
}
