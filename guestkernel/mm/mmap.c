/* mmap.c - mmap(2): new mappings */
#include "abi/linux/fcntl.h"
#include "mm_internal.h"
#include "slab.h"
#include "syscalls_proto.h"
#include "task.h"
#include "vfs.h"

#define VDSO_PAGES_MAX 8u

struct request {
	struct mm *mm;
	u64 addr, len;
	u32 flags;     /* ABI_MAP_* */
	u32 vma_flags; /* VMA_* */
	struct file *file;
	u64 pgoff;
	bool anonymous;
};

static u32 prot_to_vma(u32 prot)
{
	return (prot & ABI_PROT_READ ? VMA_READ : 0) | (prot & ABI_PROT_WRITE ? VMA_WRITE : 0) |
	       (prot & ABI_PROT_EXEC ? VMA_EXEC : 0);
}

static int check_shared_file(const struct file *f, u32 prot, u32 *vma_flags)
{
	if (prot & ABI_PROT_WRITE && !FILE_WRITE(f))
		return -EACCES;
	if (!FILE_WRITE(f))
		*vma_flags &= ~VMA_MAYWRITE;
	*vma_flags |= VMA_SHARED;
	return 0;
}

static int check_file(struct request *r, u32 prot)
{
	struct file *f = r->file;
	u32 type = r->flags & ABI_MAP_TYPE;
	int err;

	if (f->flags & ABI_O_PATH)
		return -EBADF;
	if (!FILE_READ(f))
		return -EACCES;
	if (f->path.mnt && f->path.mnt->flags & MNT_NOEXEC) {
		if (prot & ABI_PROT_EXEC)
			return -EPERM;
		r->vma_flags &= ~VMA_MAYEXEC;
	}
	if (type != ABI_MAP_PRIVATE) {
		err = check_shared_file(f, prot, &r->vma_flags);
		if (err)
			return err;
	}
	if (r->pgoff + (r->len >> PAGE_SHIFT) < r->pgoff)
		return -EOVERFLOW;
	if (f->ops && f->ops->mmap) {
		err = f->ops->mmap(f, r->pgoff, r->len >> PAGE_SHIFT, &r->vma_flags);
		if (err)
			return err;
		r->anonymous = r->vma_flags & VMA_ZEROMAP;
		r->vma_flags &= ~VMA_ZEROMAP;
	} else if (!f->inode || !f->inode->mapping.ops) {
		return -ENODEV;
	}
	return 0;
}

static int check_type(struct request *r, u32 prot)
{
	u32 type = r->flags & ABI_MAP_TYPE;
	const u32 known = ABI_MAP_TYPE | ABI_MAP_FIXED | ABI_MAP_ANONYMOUS | ABI_MAP_32BIT |
			  ABI_MAP_GROWSDOWN | ABI_MAP_DENYWRITE | ABI_MAP_EXECUTABLE |
			  ABI_MAP_LOCKED | ABI_MAP_NORESERVE | ABI_MAP_POPULATE | ABI_MAP_NONBLOCK |
			  ABI_MAP_STACK | ABI_MAP_FIXED_NOREPLACE;

	if (type == ABI_MAP_SHARED_VALIDATE && r->file && r->flags & ~known)
		return -EOPNOTSUPP;
	if (type != ABI_MAP_PRIVATE && type != ABI_MAP_SHARED &&
	    !(type == ABI_MAP_SHARED_VALIDATE && r->file))
		return -EINVAL;
	if (r->flags & ABI_MAP_HUGETLB)
		return r->file ? -EINVAL : -ENOMEM; /* no pages are set aside for it */
	if (r->file)
		return check_file(r, prot);
	r->anonymous = true;
	if (type != ABI_MAP_PRIVATE)
		r->vma_flags |= VMA_SHARED;
	return 0;
}

/* Linux's heuristic overcommit: only what can never fit is refused. */
static int check_limits(struct mm *mm, u64 len, u32 vma_flags, bool fixed_over)
{
	u64 pages = len >> PAGE_SHIFT;

	if (mm->map_count >= MAP_COUNT_MAX)
		return -ENOMEM;
	if ((mm->total_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_AS) && !fixed_over)
		return -ENOMEM;
	if ((vma_flags & (VMA_WRITE | VMA_SHARED | VMA_GROWSDOWN)) == VMA_WRITE) {
		if ((mm->data_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_DATA))
			return -ENOMEM;
		if (!(vma_flags & VMA_NORESERVE) && pages > READ_ONCE(frames.limit))
			return -ENOMEM;
	}
	if (vma_flags & VMA_LOCKED &&
	    (mm->locked_pages + pages) << PAGE_SHIFT > mm_rlimit(ABI_RLIMIT_MEMLOCK))
		return -EAGAIN;
	return 0;
}

/* Decides the address; for MAP_FIXED, what is there is unmapped. */
static int place(struct request *r)
{
	struct mm *mm = r->mm;
	bool fixed = r->flags & (ABI_MAP_FIXED | ABI_MAP_FIXED_NOREPLACE);
	u64 limit = r->flags & ABI_MAP_32BIT ? 0x80000000ull : 0;

	if (fixed) {
		if (r->addr & ~PAGE_MASK || r->len > mach_user_top - r->addr ||
		    r->addr > mach_user_top)
			return r->addr & ~PAGE_MASK ? -EINVAL : -ENOMEM;
		if (r->addr < MMAP_MIN_ADDR)
			return -EPERM;
		if (vma_range_free(mm, r->addr, r->addr + r->len))
			return 0;
		if (r->flags & ABI_MAP_FIXED_NOREPLACE)
			return -EEXIST;
		return munmap_locked(mm, r->addr, r->addr + r->len);
	}
	r->addr = PAGE_ALIGN_DOWN(r->addr);
	if (r->addr >= MMAP_MIN_ADDR && r->addr < mach_user_top &&
	    r->len <= mach_user_top - r->addr && !limit &&
	    vma_range_free(mm, r->addr, r->addr + r->len))
		return 0;
	r->addr = vma_find_hole(mm, r->len, limit);
	return r->addr ? 0 : -ENOMEM;
}

static struct vma *make_vma(struct request *r)
{
	struct vma *v = vma_new(r->mm, r->addr, r->addr + r->len, r->vma_flags);

	if (!v)
		return NULL;
	if (r->file && !r->anonymous) {
		v->file = r->file;
		file_get(r->file);
		v->mapping = &r->file->inode->mapping;
		v->pgoff = r->pgoff;
	} else if (r->vma_flags & VMA_SHARED) {
		v->shared = mm_shared_new();
		if (!v->shared) {
			vma_free(v);
			return NULL;
		}
		v->mapping = &v->shared->map;
		v->name = "/dev/zero (deleted)";
	}
	return v;
}

static long map_locked(struct request *r)
{
	struct vma *v;
	int err;

	r->vma_flags |= r->mm->def_flags;
	err = check_limits(r->mm, r->len, r->vma_flags, r->flags & ABI_MAP_FIXED);
	if (err)
		return err;
	err = place(r);
	if (err)
		return err;
	v = make_vma(r);
	if (!v)
		return -ENOMEM;
	vma_insert(r->mm, v);
	vma_merge(r->mm, v);
	return (long)r->addr;
}

long do_mmap(struct mm *mm, u64 addr, u64 len, u32 prot, u32 flags, struct file *file, u64 pgoff)
{
	struct request r = {.mm = mm,
			    .addr = addr,
			    .len = PAGE_ALIGN_UP(len),
			    .flags = flags,
			    .file = file,
			    .pgoff = pgoff,
			    .vma_flags = prot_to_vma(prot) | VMA_MAY};
	long ret;
	int err;

	if (!len)
		return -EINVAL;
	if (r.len < len || r.len > mach_user_top)
		return -ENOMEM;
	if (prot & ~(ABI_PROT_READ | ABI_PROT_WRITE | ABI_PROT_EXEC | ABI_PROT_SEM))
		return -EINVAL;
	if (flags & ABI_MAP_GROWSDOWN)
		r.vma_flags |= VMA_GROWSDOWN;
	if (flags & ABI_MAP_LOCKED)
		r.vma_flags |= VMA_LOCKED;
	if (flags & ABI_MAP_NORESERVE)
		r.vma_flags |= VMA_NORESERVE;
	err = check_type(&r, prot);
	if (err)
		return err;
	rwlock_write(&mm->lock);
	ret = map_locked(&r);
	rwlock_write_done(&mm->lock);
	if (ret < 0 && ret >= -ABI_ERRNO_MAX)
		return ret;
	if ((flags & ABI_MAP_POPULATE && !(flags & ABI_MAP_NONBLOCK)) || r.vma_flags & VMA_LOCKED)
		(void)mm_populate(mm, (u64)ret, (u64)ret + r.len, 0);
	return ret;
}

long sys_mmap(unsigned long addr, size_t len, int prot, int flags, int fd, loff_t offset)
{
	struct fdref r = {NULL, false};
	long ret;

	if ((u64)offset & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & ABI_MAP_ANONYMOUS)) {
		r = fd_get(fd);
		if (!r.file)
			return -EBADF;
		if (r.file->flags & ABI_O_PATH) {
			fd_put(r);
			return -EBADF;
		}
	}
	ret = do_mmap(current->mm, addr, len, (u32)prot, (u32)flags, r.file,
		      (u64)offset >> PAGE_SHIFT);
	if (r.file)
		fd_put(r);
	return ret;
}

int mm_map_special(struct mm *mm, u64 addr, const paddr_t *pa, size_t n, u32 flags,
		   const char *name)
{
	u64 end = addr + n * PAGE_SIZE;
	struct vma *v;
	int err = -ENOMEM;

	rwlock_write(&mm->lock);
	v = vma_new(mm, addr, end, flags | VMA_SPECIAL | VMA_MAYREAD | VMA_MAYEXEC | VMA_DONTDUMP);
	if (!v || !vma_range_free(mm, addr, end) || mm_prepare(mm, addr, n))
		goto out_unlock;
	v->name = name;
	err = 0;
	spin_lock(&mm->pt_lock);
	for (size_t i = 0; i < n && !err; i++)
		err = mach_map(&mm->space, addr + i * PAGE_SIZE, pa[i], flags & VMA_PROT);
	spin_unlock(&mm->pt_lock);
	kassert(!err); /* tables are there, and nothing was mapped */
	vma_insert(mm, v);
	v = NULL;
out_unlock:
	rwlock_write_done(&mm->lock);
	if (v)
		slab_free(vma_cache, v);
	return err;
}

int mm_map_vdso(struct mm *mm)
{
	paddr_t pa[VDSO_PAGES_MAX], vvar = mach_vvar_pa();
	const u8 *image;
	size_t size, n;
	u64 at;
	int err;

	image = mach_vdso_image(&size);
	n = PAGE_ALIGN_UP(size) >> PAGE_SHIFT;
	if (!n)
		return 0;
	kassert(n <= VDSO_PAGES_MAX);
	for (size_t i = 0; i < n; i++)
		pa[i] = mach_va_to_pa(image + i * PAGE_SIZE);
	rwlock_write(&mm->lock);
	at = vma_find_hole(mm, (n + 1) * PAGE_SIZE, 0);
	rwlock_write_done(&mm->lock);
	if (!at)
		return -ENOMEM;
	err = mm_map_special(mm, at, &vvar, 1, VMA_READ, "[vvar]");
	if (err)
		return err;
	mm->vdso = at + PAGE_SIZE;
	return mm_map_special(mm, mm->vdso, pa, n, VMA_READ | VMA_EXEC, "[vdso]");
}

int mm_stack_reserve(struct mm *mm, u64 low)
{
	struct vma *v;
	int err = -ENOMEM;

	low = PAGE_ALIGN_DOWN(low);
	rwlock_write(&mm->lock);
	v = mm_find_vma(mm, mm->stack_top - 1);
	if (v && (low >= v->start || vma_range_free(mm, low - STACK_GUARD, v->start))) {
		if (low < v->start)
			vma_resize(v, low, v->end);
		err = 0;
	}
	rwlock_write_done(&mm->lock);
	return err;
}

int mm_setup_stack(struct mm *mm, u64 top, bool executable)
{
	const u64 size = 33 * PAGE_SIZE; /* more is grown on faults */
	struct vma *v = vma_new(mm, top - size, top,
				VMA_READ | VMA_WRITE | (executable ? VMA_EXEC : 0) | VMA_MAY |
					VMA_GROWSDOWN | VMA_STACK);

	if (!v)
		return -ENOMEM;
	v->name = "[stack]";
	rwlock_write(&mm->lock);
	mm->stack_top = top;
	vma_insert(mm, v);
	rwlock_write_done(&mm->lock);
	return 0;
}
