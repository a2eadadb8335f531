/* exec_internal.h - between the files of the loader: exec.c exec_args.c exec_cred.c exec_stack.c
 * elf.c script.c
 */
#pragma once
#include "mm.h"
#include "task.h"
#include "vfs.h"

#define EXEC_STRING_MAX 131072u /* one argument, with NUL (execve(2)) */
#define EXEC_HEAD	256u	/* of a file, to tell what it is */
#define EXEC_NESTING	5u	/* interpreters of interpreters */

/* argv and envp strings, then the loader's own, in frames that become the top of the stack. */
struct exec_strings {
	struct frame **frame; /* kmalloc'd */
	u32 nframes, cap;
	u32 given;    /* the first so many frames are the new space's, still to be read */
	size_t len;   /* bytes in them */
	size_t limit; /* of strings and pointers together */
	u32 argc, envc;
	size_t env_at, end; /* where envp's strings begin, and end */
};
int exec_strings_init(struct exec_strings *s) must_check;
void exec_strings_free(struct exec_strings *s); /* frames not given away */
/* Appends; -E2BIG, -ENOMEM, -EFAULT. */
int exec_add(struct exec_strings *s, const void *text, size_t n) must_check;
/* A user array of strings, without its first `skip`: how many were added. */
int exec_add_user(struct exec_strings *s, uaddr_t array, u32 skip) must_check;
/* Bytes of the strings at `at`, up to and including the NUL. */
size_t exec_string_size(const struct exec_strings *s, size_t at);

/* What is being loaded. */
struct exec {
	struct file *file;		/* the program, at last */
	u8 head[EXEC_HEAD];		/* of it; zeros beyond its end */
	const char *path;		/* as given */
	char *fd_path;			/* /dev/fd/N..., or null: kmalloc'd */
	bool fd_closes;			/* that name is gone after exec */
	char *prefix[3 * EXEC_NESTING]; /* argv in front of the caller's: kmalloc'd */
	u32 nprefix;
	struct exec_strings strings;
	struct mm *mm;	   /* the new space */
	struct cred *cred; /* the new program's rights */
	bool secure;	   /* they are not its caller's: AT_SECURE */
	u64 entry, sp;	   /* where user mode starts */
	/* for the auxiliary vector */
	u64 phdr, phnum, base, prog_entry;
	u64 stack_top;
	bool exec_stack;
};
/* script.c: follows #! lines until a program is found, with the prefix. */
int script_follow(struct exec *x) must_check;
/* exec.c */
int exec_open(int dirfd, const char *name, u32 flags, struct file **out) must_check;
int exec_read_head(struct exec *x) must_check;
/* elf.c: maps program and interpreter into x->mm. */
int elf_load(struct exec *x) must_check;
/* exec_cred.c: sets x->cred and x->secure. */
int exec_cred(struct exec *x) must_check;
/* exec_stack.c */
void exec_layout(struct exec *x); /* where stack and mappings begin */
int exec_build_stack(struct exec *x) must_check;
u64 exec_random(struct exec *x, u32 bits); /* pages, as a byte offset; 0 without randomisation */
