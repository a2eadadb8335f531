/* fdtable.c - descriptors: close, dup and their relatives
 * Provides: fd_get without a lock, and without a count while the table is one task's alone.
 * Owns: struct files, shared under CLONE_FILES; its fdtab is replaced when it grows.
 * Locks: files->lock for all changes; readers are quiescent. A borrowed file (fd_get of an unshared
 *   table) stays: only this task could close it. Sleeps: closing. */
#include "abi/linux/fcntl.h"
#include "fs_internal.h"
#include "slab.h"
#include "syscalls_proto.h"

#define FIRST_SIZE   64u
#define SIZE_MAX_FDS (1u << 20)

static struct fdtab *fdtab_new(u32 size)
{
	size_t words = size / 64;
	struct fdtab *t = kzalloc(sizeof(*t) + size * sizeof(void *) + 2 * words * sizeof(u64));

	if (!t)
		return NULL;
	t->size = size;
	t->file = (struct file **)(t + 1);
	t->open = (u64 *)(t->file + size);
	t->cloexec = t->open + words;
	return t;
}

static void fdtab_free_later(struct quiesce_head *h)
{
	kfree(container_of(h, struct fdtab, qhead));
}

static struct files *files_alloc(u32 size)
{
	struct files *f = kzalloc(sizeof(*f));

	if (!f)
		return NULL;
	f->refs.v = 1;
	spin_init(&f->lock, RANK_FILES);
	f->tab = fdtab_new(size);
	if (!f->tab) {
		kfree(f);
		return NULL;
	}
	return f;
}

struct files *files_new(void)
{
	return files_alloc(FIRST_SIZE);
}

/* files->lock held: a size that holds all open descriptors. */
static u32 size_needed(const struct fdtab *t)
{
	u32 w = t->size / 64;

	while (w > 1 && !t->open[w - 1])
		w--;
	return w * 64;
}

struct files *files_copy(struct files *old)
{
	struct files *n;
	struct fdtab *t;
	u32 size, fd;

	for (;;) {
		spin_lock(&old->lock);
		size = size_needed(old->tab);
		spin_unlock(&old->lock);
		n = files_alloc(size);
		if (!n)
			return NULL;
		spin_lock(&old->lock);
		if (size_needed(old->tab) <= size)
			break;
		spin_unlock(&old->lock);
		kfree(n->tab);
		kfree(n);
	}
	t = old->tab;
	for (fd = 0; fd < size; fd++) {
		if (!(fd % 64) && !t->open[fd / 64]) {
			fd += 63;
			continue;
		}
		if (!t->file[fd]) /* reserved by another thread: not ours */
			continue;
		file_get(t->file[fd]);
		n->tab->file[fd] = t->file[fd];
		n->tab->open[fd / 64] |= 1ull << (fd % 64);
	}
	memcpy(n->tab->cloexec, t->cloexec, size / 8);
	spin_unlock(&old->lock);
	return n;
}

static void close_one(struct files *fs, struct file *f)
{
	if (f->ops->flush)
		(void)f->ops->flush(f);
	if (file_node(f)->locks)
		flock_posix_closed(file_node(f), fs);
	file_put(f);
}

void files_put(struct files *fs)
{
	struct fdtab *t = fs->tab;
	u32 fd;

	if (!ref_put(&fs->refs))
		return;
	for (fd = 0; fd < t->size; fd++)
		if (t->file[fd])
			close_one(fs, t->file[fd]);
	quiesce_defer(&t->qhead, fdtab_free_later);
	kfree(fs);
}

void files_close_on_exec(struct files *fs)
{
	struct fdtab *t = fs->tab; /* the caller is alone: exec has a table of its own */
	u32 w, fd;

	for (w = 0; w < t->size / 64; w++)
		while (t->cloexec[w] & t->open[w]) {
			fd = w * 64 + (u32)__builtin_ctzll(t->cloexec[w] & t->open[w]);
			if (fd_close((int)fd))
				t->cloexec[w] &= ~(1ull << (fd % 64));
		}
}

struct fdref fd_get(int fd)
{
	struct fdref r = fd_get_raw(fd);

	if (unlikely(r.file && r.file->flags & ABI_O_PATH)) {
		fd_put(r);
		r = (struct fdref){NULL, false};
	}
	return r;
}

struct fdref fd_get_raw(int fd)
{
	struct files *fs = current->files;
	struct fdtab *t = __atomic_load_n(&fs->tab, __ATOMIC_ACQUIRE);
	struct file *f;

	if (unlikely((u32)fd >= t->size))
		return (struct fdref){NULL, false};
	f = __atomic_load_n(&t->file[fd], __ATOMIC_ACQUIRE);
	if (likely(a_load(&fs->refs) == 1) || !f)
		return (struct fdref){f, false};
	while (f) {
		if (ref_get_live(&f->refs)) {
			/* it may have been closed, and used for another file, in between */
			t = __atomic_load_n(&fs->tab, __ATOMIC_ACQUIRE);
			if (__atomic_load_n(&t->file[fd], __ATOMIC_ACQUIRE) == f)
				break;
			file_put(f);
		}
		t = __atomic_load_n(&fs->tab, __ATOMIC_ACQUIRE);
		f = __atomic_load_n(&t->file[fd], __ATOMIC_ACQUIRE);
	}
	return (struct fdref){f, f != NULL};
}

struct file *fd_peek(int fd)
{
	struct fdtab *t = __atomic_load_n(&current->files->tab, __ATOMIC_ACQUIRE);

	return (u32)fd < t->size ? __atomic_load_n(&t->file[fd], __ATOMIC_ACQUIRE) : NULL;
}

struct file *files_get_file(struct files *fs, int fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if ((u32)fd < fs->tab->size)
		f = fs->tab->file[fd];
	if (f)
		file_get(f);
	spin_unlock(&fs->lock);
	return f;
}

int files_next_fd(struct files *fs, int fd)
{
	spin_lock(&fs->lock);
	while ((u32)fd < fs->tab->size && !fs->tab->file[fd])
		fd++;
	if ((u32)fd >= fs->tab->size)
		fd = -1;
	spin_unlock(&fs->lock);
	return fd;
}

static u32 fd_limit(void)
{
	u64 n = READ_ONCE(current->proc->rlim[ABI_RLIMIT_NOFILE].rlim_cur);

	return n < SIZE_MAX_FDS ? (u32)n : SIZE_MAX_FDS;
}

/* files->lock is held before and after, not between: the table holds fd on success. */
static int table_grow(struct files *fs, u32 fd)
{
	struct fdtab *t, *old;
	u32 size = fs->tab->size;

	while (size <= fd)
		size *= 2;
	spin_unlock(&fs->lock);
	t = fdtab_new(size);
	spin_lock(&fs->lock);
	if (!t)
		return -ENOMEM;
	old = fs->tab;
	if (old->size >= size) {
		kfree(t);
		return 0;
	}
	memcpy(t->file, old->file, old->size * sizeof(void *));
	memcpy(t->open, old->open, old->size / 8);
	memcpy(t->cloexec, old->cloexec, old->size / 8);
	__atomic_store_n(&fs->tab, t, __ATOMIC_RELEASE);
	quiesce_defer(&old->qhead, fdtab_free_later);
	return 0;
}

/* files->lock held: the lowest free one >= min, perhaps beyond the table. */
static u32 lowest_free(const struct fdtab *t, u32 min)
{
	u32 w = min / 64;
	u64 free;

	if (min >= t->size)
		return min;
	free = ~t->open[w] & (~0ull << (min % 64));
	while (!free) {
		if (++w == t->size / 64)
			return t->size;
		free = ~t->open[w];
	}
	return w * 64 + (u32)__builtin_ctzll(free);
}

static void mark_open(struct fdtab *t, u32 fd, bool cloexec)
{
	u64 bit = 1ull << (fd % 64);

	t->open[fd / 64] |= bit;
	if (cloexec)
		t->cloexec[fd / 64] |= bit;
	else
		t->cloexec[fd / 64] &= ~bit;
}

int fd_reserve(u32 min, bool cloexec)
{
	struct files *fs = current->files;
	u32 fd, limit = fd_limit();
	int err = -EMFILE;

	spin_lock(&fs->lock);
	for (;;) {
		fd = lowest_free(fs->tab, MAX(min, fs->next_fd));
		if (fd >= limit)
			goto out_unlock;
		if (fd < fs->tab->size)
			break;
		err = table_grow(fs, fd);
		if (err)
			goto out_unlock;
		err = -EMFILE;
	}
	mark_open(fs->tab, fd, cloexec);
	if (min <= fs->next_fd)
		fs->next_fd = fd + 1;
	err = (int)fd;
out_unlock:
	spin_unlock(&fs->lock);
	return err;
}

void fd_install(int fd, struct file *f)
{
	struct files *fs = current->files;

	spin_lock(&fs->lock);
	__atomic_store_n(&fs->tab->file[fd], f, __ATOMIC_RELEASE);
	spin_unlock(&fs->lock);
}

static void mark_free(struct files *fs, u32 fd)
{
	fs->tab->open[fd / 64] &= ~(1ull << (fd % 64));
	if (fd < fs->next_fd)
		fs->next_fd = fd;
}

void fd_unreserve(int fd)
{
	struct files *fs = current->files;

	spin_lock(&fs->lock);
	mark_free(fs, (u32)fd);
	spin_unlock(&fs->lock);
}

int fd_new(struct file *f, u32 flags)
{
	int fd = fd_reserve(0, flags & ABI_O_CLOEXEC);

	if (fd >= 0)
		fd_install(fd, f);
	return fd;
}

int fd_close(int fd)
{
	struct files *fs = current->files;
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if ((u32)fd < fs->tab->size)
		f = fs->tab->file[fd];
	if (f) {
		WRITE_ONCE(fs->tab->file[fd], NULL);
		mark_free(fs, (u32)fd);
	}
	spin_unlock(&fs->lock);
	if (!f)
		return -EBADF;
	close_one(fs, f);
	return 0;
}

int fd_cloexec(int fd, int set)
{
	struct files *fs = current->files;
	int old = -EBADF;
	u64 bit = 1ull << (fd & 63);

	spin_lock(&fs->lock);
	if ((u32)fd < fs->tab->size && fs->tab->file[fd]) {
		old = !!(fs->tab->cloexec[fd / 64] & bit);
		if (set >= 0)
			mark_open(fs->tab, (u32)fd, set);
	}
	spin_unlock(&fs->lock);
	return old;
}

long sys_close(int fd)
{
	return fd_close(fd);
}

long sys_dup(int fd)
{
	struct fdref r = fd_get_raw(fd);
	int n;

	if (!r.file)
		return -EBADF;
	file_get(r.file);
	n = fd_new(r.file, 0);
	if (n < 0)
		file_put(r.file);
	fd_put(r);
	return n;
}

/* Puts f (whose reference is consumed on success) at fd, closing what was there. */
static long fd_replace(struct file *f, u32 fd, bool cloexec)
{
	struct files *fs = current->files;
	struct file *old;
	int err = 0;

	if (fd >= fd_limit())
		return -EBADF;
	spin_lock(&fs->lock);
	while (fd >= fs->tab->size && !err)
		err = table_grow(fs, fd);
	old = err ? NULL : fs->tab->file[fd];
	if (!err && !old && fs->tab->open[fd / 64] & 1ull << (fd % 64))
		err = -EBUSY; /* reserved by a thread that is just opening */
	if (!err) {
		mark_open(fs->tab, fd, cloexec);
		__atomic_store_n(&fs->tab->file[fd], f, __ATOMIC_RELEASE);
	}
	spin_unlock(&fs->lock);
	if (old)
		close_one(fs, old);
	return err ? err : (long)fd;
}

static long dup_to(int fd, int newfd, bool cloexec)
{
	struct fdref r = fd_get_raw(fd);
	long n;

	if (!r.file)
		return -EBADF;
	file_get(r.file);
	n = fd_replace(r.file, (u32)newfd, cloexec);
	if (n < 0)
		file_put(r.file);
	fd_put(r);
	return n;
}

long sys_dup2(int fd, int newfd)
{
	if (fd == newfd)
		return fd_peek(fd) ? fd : -EBADF;
	return dup_to(fd, newfd, false);
}

long sys_dup3(int fd, int newfd, int flags)
{
	if (flags & ~ABI_O_CLOEXEC || fd == newfd)
		return -EINVAL;
	return dup_to(fd, newfd, flags & ABI_O_CLOEXEC);
}

static long table_unshare(void)
{
	struct files *old = current->files, *n;

	if (a_load(&old->refs) == 1)
		return 0;
	n = files_copy(old);
	if (!n)
		return -ENOMEM;
	current->files = n;
	files_put(old);
	return 0;
}

long sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	long err = 0;
	u32 fd, size;

	if (first > last || flags & ~(ABI_CLOSE_RANGE_UNSHARE | ABI_CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (flags & ABI_CLOSE_RANGE_UNSHARE)
		err = table_unshare();
	size = current->files->tab->size;
	for (fd = first; !err && fd <= last && fd < size; fd++) {
		if (flags & ABI_CLOSE_RANGE_CLOEXEC)
			(void)fd_cloexec((int)fd, 1);
		else
			(void)fd_close((int)fd);
	}
	return err;
}
