/* proc.h - the file system of generated texts: /proc, and /sys (fs/proc/)
 *
 * A tree of struct pnode, constant tables; what varies (processes, threads, descriptors) is looked
 * up and listed by functions. An inode binds a node to what it is about: struct pinode. */
#pragma once
#include "task.h"
#include "vfs.h"

/* A text under construction; grows; err is -ENOMEM once it could not. */
struct text { /* all [l] */
	struct mutex lock;
	char *buf;
	size_t len, size;
	int err;
};
void text_printf(struct text *t, const char *fmt, ...) printf_like(2, 3);
void text_append(struct text *t, const char *s, size_t n);
/* As add, with the bytes of set (and backslash) as \ooo: names in maps and mounts. */
void text_add_escaped(struct text *t, const char *s, const char *set);

struct pinode;
struct pnode {
	const char *name;
	u32 mode;
	int (*show)(struct text *t, const struct pinode *i);	    /* a file's text */
	int (*store)(const struct pinode *i, char *text, size_t n); /* NUL-terminated */
	ssize_t (*readlink)(const struct pinode *i, char *buf, size_t size);
	int (*follow)(const struct pinode *i, struct path *out);
	const struct pnode *children; /* of a directory; ends with a null name */
	/* What a directory has besides: a reference in *out, -ENOENT; and the next number >= from
	 * to be listed, ~0 for none. */
	int (*find)(const struct pinode *i, u32 nr, struct pinode *out);
	u32 (*next)(const struct pinode *i, u32 from);
	const struct file_ops *fops; /* instead of the text's */
};
struct pinode {
	const struct pnode *node;
	struct container *ct; /* [I] of the mount */
	struct proc *p;	      /* [I] holds a reference; null outside process directories */
	u32 tid;	      /* [I] thread; the leader's in a process directory */
	u32 fd;		      /* [I] */
	bool thread;	      /* [I] below task/TID: numbers are the thread's, not the process's */
};
/* The process still exists (it may be a zombie). */
bool pinode_alive(const struct pinode *i);
/* Thread of the pinode with a reference, or null: it is gone. */
struct task *pinode_task(const struct pinode *i);
struct mm *pinode_mm(const struct pinode *i);	    /* a user reference, or null */
struct files *pinode_files(const struct pinode *i); /* a reference, or null */
/* May the caller look into the process (its memory, files, links)? 0 or -EACCES. */
int pinode_may_look(const struct pinode *i);

extern const struct pnode proc_root, sys_root;
extern const struct pnode pid_children[], tid_children[], sysctl_children[];
extern const struct pnode fd_link, fdinfo_file;
extern const struct inode_ops proc_inode_ops;
extern const struct file_ops proc_text_fops, proc_dir_fops;
struct inode *proc_inode_new(struct superblock *sb, const struct pinode *from);
int proc_lookup(struct inode *dir, const char *name, size_t len, struct inode **out);
int proc_readdir(struct file *f, struct dir_ctx *c);

/* show functions by file: global.c tasks.c memory.c mounts.c */
int show_pid_stat(struct text *t, const struct pinode *i);
int show_pid_status(struct text *t, const struct pinode *i);
int show_pid_statm(struct text *t, const struct pinode *i);
int show_pid_cmdline(struct text *t, const struct pinode *i);
int show_pid_environ(struct text *t, const struct pinode *i);
int show_pid_auxv(struct text *t, const struct pinode *i);
int show_pid_maps(struct text *t, const struct pinode *i);
int show_pid_smaps(struct text *t, const struct pinode *i);
int show_mounts(struct text *t, const struct pinode *i);
int show_mountinfo(struct text *t, const struct pinode *i);
extern const struct file_ops proc_mem_fops;
ssize_t readlink_exe(const struct pinode *i, char *buf, size_t size);
ssize_t readlink_cwd(const struct pinode *i, char *buf, size_t size);
ssize_t readlink_root(const struct pinode *i, char *buf, size_t size);
int follow_exe(const struct pinode *i, struct path *out);
int follow_cwd(const struct pinode *i, struct path *out);
int follow_root(const struct pinode *i, struct path *out);
void proc_own_root(struct path *root); /* of the caller, with references */
int find_fd(const struct pinode *i, u32 nr, struct pinode *out);
u32 next_fd(const struct pinode *i, u32 from);
int find_fdinfo(const struct pinode *i, u32 nr, struct pinode *out);
