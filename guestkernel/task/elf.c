/* elf.c - an ELF program and its interpreter become mappings of a new address space
 *
 * The space is not loaded anywhere yet, so a failure leaves the caller as it was. Position-
 * independent programs go to two thirds of user space, those without interpreter (static) and
 * interpreters where mmap would put them. */
#include "abi/linux/elf.h"
#include "abi/linux/mman.h"
#include "elf_parse.h"
#include "exec_internal.h"
#include "slab.h"
#include "string.h"

static int read_exactly(struct file *f, void *buf, size_t n, u64 off)
{
	ssize_t got = file_read_kernel(f, buf, n, (loff_t)off);

	if (got < 0)
		return (int)got;
	return (size_t)got == n ? 0 : -ENOEXEC;
}

static int read_image(struct file *f, const u8 *head, size_t n, struct elf_image *e)
{
	int err = elf_parse_header(head, n, e);
	size_t size;
	void *phdrs;

	if (err)
		return err;
	size = e->phnum * sizeof(struct abi_elf64_phdr);
	phdrs = kmalloc(size);
	if (!phdrs)
		return -ENOMEM;
	err = read_exactly(f, phdrs, size, e->phoff);
	if (!err)
		err = elf_parse_segments(phdrs, size, mach_user_top, e);
	kfree(phdrs);
	return err;
}

/* The bytes between the file's part of a segment and its page's end, also those behind the bss: the
 * dynamic linker takes them for zero. A read-only segment keeps what the file has there. As Linux.
 */
static int clear_tail(struct mm *mm, u64 from, u64 to)
{
	static const u8 zeros[256];

	while (from < to) {
		size_t n = MIN(to - from, (u64)sizeof(zeros));
		ssize_t done = mm_access(mm, from, (void *)(uintptr_t)zeros, n, true);

		if (done != (ssize_t)n)
			return -ENOMEM;
		from += n;
	}
	return 0;
}

static int map_segment(struct exec *x, struct file *f, const struct elf_segment *s, u64 base)
{
	const u32 fixed = ABI_MAP_PRIVATE | ABI_MAP_FIXED;
	u64 start = base + s->vaddr, file_end = start + s->filesz, end = start + s->memsz;
	u64 page = PAGE_ALIGN_DOWN(start), zero_page = PAGE_ALIGN_UP(file_end);
	long r;

	if (s->filesz) {
		r = do_mmap(x->mm, page, file_end - page, s->prot, fixed, f,
			    s->offset >> PAGE_SHIFT);
		if (r < 0)
			return (int)r;
	} else {
		zero_page = page;
	}
	if (s->memsz == s->filesz)
		return 0;
	if (s->filesz && s->prot & ABI_PROT_WRITE) {
		int err = clear_tail(x->mm, file_end, zero_page);

		if (err)
			return err;
	}
	if (PAGE_ALIGN_UP(end) <= zero_page)
		return 0;
	r = do_mmap(x->mm, zero_page, PAGE_ALIGN_UP(end) - zero_page, s->prot,
		    fixed | ABI_MAP_ANONYMOUS, NULL, 0);
	return r < 0 ? (int)r : 0;
}

static int map_segments(struct exec *x, struct file *f, const struct elf_image *e, u64 base)
{
	int err = 0;

	for (u32 i = 0; i < e->nseg && !err; i++)
		err = map_segment(x, f, &e->seg[i], base);
	return err;
}

/* A free range where mmap would put it, aligned: the base, or a negative error. */
static long find_base(struct exec *x, const struct elf_image *e)
{
	u64 size = e->high - e->low, extra = e->align > PAGE_SIZE ? e->align : 0;
	long at = do_mmap(x->mm, 0, size + extra, ABI_PROT_NONE,
			  ABI_MAP_PRIVATE | ABI_MAP_ANONYMOUS | ABI_MAP_NORESERVE, NULL, 0);
	int err;

	if (at < 0)
		return at;
	err = do_munmap(x->mm, (u64)at, size + extra);
	if (err)
		return err;
	return (long)(ROUND_UP((u64)at, e->align) - e->low);
}

static long program_base(struct exec *x, const struct elf_image *e)
{
	u64 base;

	if (!e->dyn)
		return 0;
	if (!e->interp_len)
		return find_base(x, e);
	base = (mach_user_top / 3 * 2 + exec_random(x, 28)) & ~(e->align - 1);
	if (base > mach_user_top - e->high)
		return -ENOMEM;
	return (long)(base - (e->low & ~(e->align - 1)));
}

static int load_interp(struct exec *x, const struct elf_image *prog, struct elf_image *e)
{
	char *name = kmalloc(prog->interp_len);
	u8 head[sizeof(struct abi_elf64_ehdr)];
	struct file *f;
	long base;
	int err;

	if (!name)
		return -ENOMEM;
	err = read_exactly(x->file, name, prog->interp_len, prog->interp_off);
	if (!err && name[prog->interp_len - 1])
		err = -ENOEXEC;
	if (!err)
		err = exec_open(ABI_AT_FDCWD, name, 0, &f);
	kfree(name);
	if (err)
		return err;
	err = read_exactly(f, head, sizeof(head), 0);
	if (!err)
		err = read_image(f, head, sizeof(head), e);
	if (err == -ENOEXEC)
		err = -ELIBBAD;
	if (err)
		goto out_put;
	base = e->dyn ? find_base(x, e) : 0;
	err = base < 0 ? (int)base : map_segments(x, f, e, (u64)base);
	x->base = (u64)base;
	x->entry = (u64)base + e->entry;
out_put:
	file_put(f);
	return err;
}

static void set_brk(struct exec *x, const struct elf_image *e, u64 base)
{
	u64 end = base + e->high;

	/* A static position-independent program lies among the mappings, where no heap can grow. */
	if (e->dyn && !e->interp_len)
		end = mach_user_top / 3 * 2;
	x->mm->brk_start = x->mm->brk = end + exec_random(x, 13);
}

static int load_program(struct exec *x, struct elf_image *e, struct elf_image *interp)
{
	long base;
	int err = read_image(x->file, x->head, EXEC_HEAD, e);

	if (err)
		return err;
	x->exec_stack = e->exec_stack;
	base = program_base(x, e);
	if (base < 0)
		return (int)base;
	err = map_segments(x, x->file, e, (u64)base);
	if (err)
		return err;
	x->phdr = e->phdr_vaddr ? (u64)base + e->phdr_vaddr : 0;
	x->phnum = e->phnum;
	x->prog_entry = x->entry = (u64)base + e->entry;
	set_brk(x, e, (u64)base);
	if (e->interp_len)
		err = load_interp(x, e, interp);
	if (!err && x->entry >= mach_user_top)
		err = -EINVAL;
	return err;
}

int elf_load(struct exec *x)
{
	struct elf_image *e = kmalloc(2 * sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	err = load_program(x, &e[0], &e[1]);
	kfree(e);
	return err;
}
