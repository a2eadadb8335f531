/* exec_stack.c - the first stack of a program, and where its space is laid out
 *
 *	stack_top    strings: argv, envp, path, platform, 16 random bytes (whole pages)
 *	             auxiliary vector
 *	             envp pointers, null
 *	             argv pointers, null
 *	sp           argc
 *
 * The strings are in frames already (exec_args.c): they are mapped where they belong. */
#include "abi/linux/auxv.h"
#include "abi/linux/elf.h"
#include "abi/linux/mman.h"
#include "abi/linux/resource.h"
#include "exec_internal.h"
#include "init.h"
#include "string.h"

#define ADDR_NO_RANDOMIZE 0x0040000u /* personality(2) */
#define STACK_GAP_MIN	  (128ull << 20)

u64 exec_random(struct exec *x, u32 bits)
{
	u64 r;

	if (current->proc->personality & ADDR_NO_RANDOMIZE)
		return 0;
	random_bytes(&r, sizeof(r));
	return (r & ((1ull << bits) - 1)) << PAGE_SHIFT;
}

void exec_layout(struct exec *x)
{
	struct mm *mm = x->mm;
	u64 limit = current->proc->rlim[ABI_RLIMIT_STACK].rlim_cur;
	u64 gap = MAX(limit, STACK_GAP_MIN);

	gap = MIN(gap, mach_user_top / 6 * 5);
	x->stack_top = mach_user_top - PAGE_SIZE - exec_random(x, 22);
	gap += 256 * PAGE_SIZE + (mach_user_top - x->stack_top);
	mm->mmap_base = PAGE_ALIGN_DOWN(mach_user_top - gap - exec_random(x, 28));
	mm->hole_top = mm->mmap_base;
}

/* Words written to the new stack from low to high, a few at a time. */
struct words {
	struct mm *mm;
	u64 at;
	u32 n;
	int err;
	u64 buf[64];
};

static void flush_words(struct words *w)
{
	size_t size = w->n * sizeof(u64);

	if (size && !w->err && mm_access(w->mm, w->at, w->buf, size, true) != (ssize_t)size)
		w->err = -ENOMEM;
	w->at += size;
	w->n = 0;
}

static void put_word(struct words *w, u64 v)
{
	w->buf[w->n++] = v;
	if (w->n == ARRAY_SIZE(w->buf))
		flush_words(w);
}

static size_t put_pointers(struct words *w, const struct exec_strings *s, size_t at, u32 n,
			   u64 base)
{
	for (u32 i = 0; i < n; i++) {
		put_word(w, base + at);
		at += exec_string_size(s, at);
	}
	put_word(w, 0);
	return at;
}

struct extras { /* offsets of the loader's own strings */
	size_t path, platform, random;
};

static int add_extras(struct exec *x, struct extras *e)
{
	struct exec_strings *s = &x->strings;
	const char *path = x->fd_path ? x->fd_path : x->path;
	u8 bytes[16];
	int err;

	s->limit += 4 * PAGE_SIZE; /* these are not the caller's */
	e->path = s->len;
	err = exec_add(s, path, strlen(path) + 1);
	if (err)
		return err;
	e->platform = s->len;
	err = exec_add(s, mach_platform(), strlen(mach_platform()) + 1);
	if (err)
		return err;
	random_bytes(bytes, sizeof(bytes));
	e->random = s->len;
	return exec_add(s, bytes, sizeof(bytes));
}

static void fill_auxv(struct exec *x, const struct extras *e, u64 strings)
{
	const struct cred *c = x->cred;
	const u64 v[][2] = {
		{ABI_AT_SYSINFO_EHDR, x->mm->vdso},
		{ABI_AT_HWCAP, mach_hwcap()},
		{ABI_AT_PAGESZ, PAGE_SIZE},
		{ABI_AT_CLKTCK, 100},
		{ABI_AT_PHDR, x->phdr},
		{ABI_AT_PHENT, sizeof(struct abi_elf64_phdr)},
		{ABI_AT_PHNUM, x->phnum},
		{ABI_AT_BASE, x->base},
		{ABI_AT_FLAGS, 0},
		{ABI_AT_ENTRY, x->prog_entry},
		{ABI_AT_UID, c->uid},
		{ABI_AT_EUID, c->euid},
		{ABI_AT_GID, c->gid},
		{ABI_AT_EGID, c->egid},
		{ABI_AT_SECURE, x->secure},
		{ABI_AT_RANDOM, strings + e->random},
		{ABI_AT_HWCAP2, mach_hwcap2()},
		{ABI_AT_MINSIGSTKSZ, mach_signal_frame_max()},
		{ABI_AT_EXECFN, strings + e->path},
		{ABI_AT_PLATFORM, strings + e->platform},
		{ABI_AT_NULL, 0},
	};

	_Static_assert(sizeof(v) <= sizeof(x->mm->auxv), "auxv fits");
	memcpy(x->mm->auxv, v, sizeof(v));
	x->mm->auxv_len = sizeof(v) / sizeof(u64);
}

static int write_table(struct exec *x, u64 strings)
{
	const struct exec_strings *s = &x->strings;
	u64 count = 1 + s->argc + 1 + s->envc + 1 + x->mm->auxv_len;
	struct words w = {.mm = x->mm};

	x->sp = w.at = (strings - count * sizeof(u64)) & ~15ull;
	put_word(&w, s->argc);
	put_pointers(&w, s, 0, s->argc, strings);
	put_pointers(&w, s, s->env_at, s->envc, strings);
	for (u32 i = 0; i < x->mm->auxv_len; i++)
		put_word(&w, x->mm->auxv[i]);
	flush_words(&w);
	return w.err;
}

int exec_build_stack(struct exec *x)
{
	struct exec_strings *s = &x->strings;
	struct mm *mm = x->mm;
	struct extras e;
	u64 strings;
	int err = add_extras(x, &e);

	if (err)
		return err;
	err = mm_setup_stack(mm, x->stack_top, x->exec_stack);
	if (err)
		return err;
	strings = x->stack_top - (u64)s->nframes * PAGE_SIZE;
	err = mm_stack_reserve(mm, strings - (s->argc + s->envc + 64ull) * sizeof(u64));
	for (u32 i = 0; i < s->nframes && !err; i++) {
		err = mm_map_frame(mm, strings + (u64)i * PAGE_SIZE, s->frame[i]);
		s->given = i + 1;
	}
	if (err)
		return err;
	fill_auxv(x, &e, strings);
	mm->arg_start = strings;
	mm->arg_end = mm->env_start = strings + s->env_at;
	mm->env_end = strings + s->end;
	return write_table(x, strings);
}
