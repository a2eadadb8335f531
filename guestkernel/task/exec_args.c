/* exec_args.c - the argument strings of exec, copied once, into the frames of the new stack */
#include "abi/linux/resource.h"
#include "exec_internal.h"
#include "slab.h"
#include "string.h"
#include "uaccess.h"

int exec_strings_init(struct exec_strings *s)
{
	u64 stack = current->proc->rlim[ABI_RLIMIT_STACK].rlim_cur;

	/* execve(2): a quarter of the stack, at least 128 KiB, at most 6 MiB */
	*s = (struct exec_strings){.cap = 16};
	s->limit = MAX(stack / 4, 131072ull);
	s->limit = MIN(s->limit, 6ul << 20);
	s->frame = kmalloc(s->cap * sizeof(s->frame[0]));
	return s->frame ? 0 : -ENOMEM;
}

void exec_strings_free(struct exec_strings *s)
{
	for (u32 i = s->given; i < s->nframes; i++)
		frame_put(s->frame[i]);
	kfree(s->frame);
	s->frame = NULL;
	s->nframes = 0;
}

static int add_frame(struct exec_strings *s)
{
	struct frame *f;

	if (s->nframes == s->cap) {
		struct frame **more = krealloc(s->frame, 2 * s->cap * sizeof(s->frame[0]));

		if (!more)
			return -ENOMEM;
		s->frame = more;
		s->cap *= 2;
	}
	f = frame_alloc(FA_ZERO | FA_USER);
	if (!f)
		return -ENOMEM;
	s->frame[s->nframes++] = f;
	return 0;
}

/* Room behind what is there: up to the end of a frame. */
static int room(struct exec_strings *s, u8 **at, size_t *n)
{
	size_t off = s->len % PAGE_SIZE;
	int err;

	if (s->len == (size_t)s->nframes * PAGE_SIZE) {
		err = add_frame(s);
		if (err)
			return err;
	}
	*at = (u8 *)frame_va(s->frame[s->nframes - 1]) + off;
	*n = PAGE_SIZE - off;
	return 0;
}

static int check_limit(const struct exec_strings *s, u32 pointers)
{
	return s->len + (s->argc + s->envc + (size_t)pointers) * sizeof(u64) > s->limit ? -E2BIG
											: 0;
}

int exec_add(struct exec_strings *s, const void *text, size_t n)
{
	const u8 *from = text;
	size_t m;
	u8 *at;
	int err;

	for (; n; n -= m, from += m) {
		err = room(s, &at, &m);
		if (err)
			return err;
		m = MIN(m, n);
		memcpy(at, from, m);
		s->len += m;
	}
	return check_limit(s, 0);
}

static int add_user_string(struct exec_strings *s, uaddr_t str)
{
	size_t total = 0, m;
	ssize_t got;
	u8 *at;
	int err;

	for (;;) {
		err = room(s, &at, &m);
		if (err)
			return err;
		got = copy_in_str((char *)at, uaddr_add(str, total), m);
		if (got >= 0) {
			s->len += (size_t)got + 1;
			total += (size_t)got + 1;
			break;
		}
		if (got != -ENAMETOOLONG)
			return (int)got;
		s->len += m;
		total += m;
		if (total > EXEC_STRING_MAX || check_limit(s, 0))
			return -E2BIG;
	}
	return total > EXEC_STRING_MAX ? -E2BIG : 0;
}

/* Pointers of the array at `at` up to the end of a page: how many, or -EFAULT. */
static int read_pointers(uaddr_t at, u64 *out, u32 max)
{
	u32 n = (u32)((PAGE_SIZE - at.va % PAGE_SIZE) / sizeof(u64));

	n = n ? MIN(n, max) : 1;
	return copy_in(out, at, n * sizeof(u64)) ? -EFAULT : (int)n;
}

int exec_add_user(struct exec_strings *s, uaddr_t array, u32 skip)
{
	u64 ptr[32];
	u32 count = 0;

	if (uaddr_is_null(array))
		return 0;
	for (;;) {
		int n = read_pointers(array, ptr, ARRAY_SIZE(ptr));

		if (n < 0)
			return n;
		for (int i = 0; i < n; i++) {
			int err;

			if (!ptr[i])
				return (int)count;
			if (skip) {
				skip--;
				continue;
			}
			err = add_user_string(s, UADDR(ptr[i]));
			count++;
			if (!err)
				err = check_limit(s, count);
			if (err)
				return err;
		}
		array = uaddr_add(array, (u64)n * sizeof(u64));
	}
}

size_t exec_string_size(const struct exec_strings *s, size_t at)
{
	size_t n = 0;

	while (at + n < s->len) {
		size_t off = (at + n) % PAGE_SIZE, m = MIN(PAGE_SIZE - off, s->len - at - n);
		const u8 *p = (const u8 *)frame_va(s->frame[(at + n) / PAGE_SIZE]) + off;
		const u8 *end = memchr(p, 0, m);

		if (end)
			return n + (size_t)(end - p) + 1;
		n += m;
	}
	return n;
}
