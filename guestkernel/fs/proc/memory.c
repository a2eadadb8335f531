/* memory.c - a process's memory in /proc: maps, smaps, mem, cmdline, environ, auxv */
#include "fs/proc/proc.h"
#include "log.h"
#include "mm.h"
#include "slab.h"
#include "string.h"

/* One VMA as a line needs it, copied under mm->lock: the file is held while the line is made. */
struct vma_line {
	u64 start, end, pgoff, rss;
	u32 flags;
	const char *name;
	struct file *file;
};

static bool next_vma(struct mm *mm, u64 from, struct vma_line *l)
{
	struct vma *v;

	rwlock_read(&mm->lock);
	v = mm_find_vma(mm, from);
	if (v) {
		*l = (struct vma_line){.start = v->start,
				       .end = v->end,
				       .pgoff = v->pgoff,
				       .flags = v->flags,
				       .name = v->name,
				       .file = v->file};
		if (l->file)
			file_get(l->file);
	}
	rwlock_read_done(&mm->lock);
	return v != NULL;
}

static const char *vma_name(const struct mm *mm, const struct vma_line *l)
{
	if (l->name)
		return l->name;
	if (l->start <= mm->brk && l->end > mm->brk_start && mm->brk > mm->brk_start && !l->file)
		return "[heap]";
	return NULL;
}

static void show_line(struct text *t, const struct mm *mm, const struct vma_line *l, char *buf,
		      size_t size)
{
	const char *name = vma_name(mm, l);
	struct kstat st = {0};
	size_t at = t->len;

	if (l->file && l->file->inode)
		inode_stat(l->file->inode, &st);
	text_printf(t, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ",
		    (unsigned long long)l->start, (unsigned long long)l->end,
		    l->flags & VMA_READ ? 'r' : '-', l->flags & VMA_WRITE ? 'w' : '-',
		    l->flags & VMA_EXEC ? 'x' : '-', l->flags & VMA_SHARED ? 's' : 'p',
		    l->file ? (unsigned long long)l->pgoff * PAGE_SIZE : 0ull, ABI_MAJOR(st.dev),
		    ABI_MINOR(st.dev), (unsigned long long)st.ino);
	if (l->file || name) {
		while (t->len - at < 73 && !t->err)
			text_append(t, " ", 1);
		if (l->file) {
			struct path root;

			proc_own_root(&root);
			file_describe(l->file, &root, buf, size);
			path_put(&root);
			text_add_escaped(t, buf, "\n");
		} else {
			text_append(t, name, strlen(name));
		}
	}
	text_append(t, "\n", 1);
}

static int show_vmas(struct text *t, const struct pinode *i, bool sizes)
{
	struct vma_line l;
	struct mm *mm;
	char *buf;
	int err = pinode_may_look(i);

	if (err)
		return err;
	mm = pinode_mm(i);
	if (!mm)
		return 0;
	buf = kmalloc(4096 + 256);
	for (u64 at = 0; buf && next_vma(mm, at, &l); at = l.end) {
		show_line(t, mm, &l, buf, 4096 + 256);
		if (l.file)
			file_put(l.file);
		if (sizes)
			text_printf(t,
				    "Size:           %8llu kB\nKernelPageSize:        4 kB\n"
				    "MMUPageSize:           4 kB\n",
				    (unsigned long long)(l.end - l.start) / 1024);
		mach_poll();
	}
	mm_put(mm);
	kfree(buf);
	return buf ? 0 : -ENOMEM;
}

int show_pid_maps(struct text *t, const struct pinode *i)
{
	return show_vmas(t, i, false);
}

int show_pid_smaps(struct text *t, const struct pinode *i)
{
	return show_vmas(t, i, true);
}

/* Bytes [start, end) of the process's memory, as far as they can be read. */
static int show_range(struct text *t, struct mm *mm, u64 start, u64 end)
{
	char chunk[256];

	while (start < end) {
		ssize_t n = mm_access(mm, start, chunk, MIN(end - start, sizeof(chunk)), false);

		if (n <= 0)
			break;
		text_append(t, chunk, (size_t)n);
		start += (u64)n;
	}
	return 0;
}

int show_pid_cmdline(struct text *t, const struct pinode *i)
{
	struct mm *mm = pinode_mm(i);

	if (!mm)
		return 0;
	show_range(t, mm, mm->arg_start, mm->arg_end);
	mm_put(mm);
	return 0;
}

int show_pid_environ(struct text *t, const struct pinode *i)
{
	int err = pinode_may_look(i);
	struct mm *mm = err ? NULL : pinode_mm(i);

	if (!mm)
		return err;
	show_range(t, mm, mm->env_start, mm->env_end);
	mm_put(mm);
	return 0;
}

int show_pid_auxv(struct text *t, const struct pinode *i)
{
	int err = pinode_may_look(i);
	struct mm *mm = err ? NULL : pinode_mm(i);

	if (!mm)
		return err;
	text_append(t, (const char *)mm->auxv, mm->auxv_len * sizeof(mm->auxv[0]));
	mm_put(mm);
	return 0;
}

/* ---- mem: the address space as a file ---- */

static int mem_open(struct inode *inode, struct file *f)
{
	const struct pinode *i = inode->priv;
	int err = pinode_may_look(i);
	struct mm *mm;

	if (err)
		return err;
	mm = pinode_mm(i);
	if (!mm)
		return -EIO;
	f->priv = mm;
	return 0;
}

static void mem_release(struct file *f)
{
	if (f->priv)
		mm_put(f->priv);
}

static ssize_t mem_move(struct file *f, struct iter *it, loff_t *pos, bool write)
{
	u8 chunk[256];
	ssize_t done = 0;

	while (it->left) {
		size_t want = MIN(it->left, sizeof(chunk));
		ssize_t n;

		if (write && iter_get(it, chunk, want) != want)
			return done ? done : -EFAULT;
		n = mm_access(f->priv, (u64)*pos, chunk, want, write);
		if (n <= 0)
			return done ? done : -EIO;
		if (!write && iter_put(it, chunk, (size_t)n) != (size_t)n)
			return done ? done : -EFAULT;
		*pos += n;
		done += n;
		if ((size_t)n < want)
			break;
	}
	return done;
}

static ssize_t mem_read(struct file *f, struct iter *to, loff_t *pos)
{
	return mem_move(f, to, pos, false);
}

static ssize_t mem_write(struct file *f, struct iter *from, loff_t *pos)
{
	return mem_move(f, from, pos, true);
}

static loff_t mem_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == ABI_SEEK_CUR)
		off += f->pos;
	else if (whence != ABI_SEEK_SET)
		return -EINVAL;
	f->pos = off;
	return off;
}

const struct file_ops proc_mem_fops = {
	.open = mem_open,
	.release = mem_release,
	.read = mem_read,
	.write = mem_write,
	.llseek = mem_llseek,
};
