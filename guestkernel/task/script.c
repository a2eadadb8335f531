/* script.c - programs that name their interpreter: #! PATH [ARGUMENT] (execve(2))
 *
 * argv[0] gives way to: PATH, ARGUMENT if there is one, the script's own name. ARGUMENT is all that
 * follows, blanks included, up to the line's end. */
#include "exec_internal.h"
#include "slab.h"
#include "string.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Splits the first line of head: 0, or -ENOEXEC. */
static int parse_line(char *line, char **interp, char **arg)
{
	char *end = memchr(line, '\n', EXEC_HEAD), *p = line + 2;

	if (!end) {
		/* A cut line is good only if the interpreter's path surely ended. */
		end = line + EXEC_HEAD;
		while (p < end && is_blank(*p))
			p++;
		while (p < end && *p && !is_blank(*p))
			p++;
		if (p == end)
			return -ENOEXEC;
		end--;
	}
	*end = 0;
	while (end > line + 2 && is_blank(end[-1]))
		*--end = 0;
	for (p = line + 2; is_blank(*p); p++)
		;
	if (!*p)
		return -ENOEXEC;
	*interp = p;
	while (*p && !is_blank(*p))
		p++;
	if (*p)
		*p++ = 0;
	while (is_blank(*p))
		p++;
	*arg = *p ? p : NULL;
	return 0;
}

static int prefix_insert(struct exec *x, const char *text)
{
	char *copy = kstrdup(text);

	if (!copy)
		return -ENOMEM;
	for (u32 i = x->nprefix++; i > 0; i--)
		x->prefix[i] = x->prefix[i - 1];
	x->prefix[0] = copy;
	return 0;
}

/* Puts PATH [ARGUMENT] NAME in front. At a deeper level NAME is there already: the interpreter's
 * path, which is a script itself. */
static int prefix_add(struct exec *x, const char *interp, const char *arg, const char *name)
{
	int err = 0;

	if (!x->nprefix)
		err = prefix_insert(x, name);
	if (!err && arg)
		err = prefix_insert(x, arg);
	return err ? err : prefix_insert(x, interp);
}

int script_follow(struct exec *x)
{
	for (u32 depth = 0; x->head[0] == '#' && x->head[1] == '!'; depth++) {
		char line[EXEC_HEAD + 1], *interp, *arg;
		struct file *f;
		int err;

		if (depth == EXEC_NESTING)
			return -ELOOP;
		memcpy(line, x->head, EXEC_HEAD);
		line[EXEC_HEAD] = 0;
		err = parse_line(line, &interp, &arg);
		if (err)
			return err;
		if (x->fd_closes)
			return -ENOENT; /* the interpreter could not open the script */
		err = prefix_add(x, interp, arg, x->fd_path ? x->fd_path : x->path);
		if (!err)
			err = exec_open(ABI_AT_FDCWD, interp, 0, &f);
		if (err)
			return err;
		file_put(x->file);
		x->file = f;
		err = exec_read_head(x);
		if (err)
			return err;
	}
	return 0;
}
