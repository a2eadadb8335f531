/* memfd.c - memfd_create(2)
 * Differs from Linux: no huge pages (MFD_HUGETLB: EINVAL); MFD_NOEXEC_SEAL only takes the x bits.
 */
#include "fs_internal.h"
#include "log.h"
#include "syscalls_proto.h"
#include "tmpfs/tmpfs.h"

#define NAME_MAX_MEMFD 250u

long sys_memfd_create(uaddr_t uname, unsigned int flags)
{
	char name[NAME_MAX_MEMFD], full[NAME_MAX_MEMFD + 8];
	ssize_t n;
	struct file *f;
	int fd;

	if (flags & ~(ABI_MFD_CLOEXEC | ABI_MFD_ALLOW_SEALING | ABI_MFD_NOEXEC_SEAL |
		      ABI_MFD_EXEC) ||
	    (flags & ABI_MFD_EXEC && flags & ABI_MFD_NOEXEC_SEAL))
		return -EINVAL;
	n = copy_in_str(name, uname, sizeof(name));
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	ksnprintf(full, sizeof(full), "memfd:%s", name);
	f = tmpfs_file_anon(full, 0, ABI_O_RDWR);
	if (!f)
		return -ENOMEM;
	if (flags & (ABI_MFD_ALLOW_SEALING | ABI_MFD_NOEXEC_SEAL))
		tmpfs_allow_sealing(f);
	if (flags & ABI_MFD_NOEXEC_SEAL)
		f->inode->mode &= ~0111u;
	fd = fd_new(f, flags & ABI_MFD_CLOEXEC ? ABI_O_CLOEXEC : 0);
	if (fd < 0)
		file_put(f);
	return fd;
}
