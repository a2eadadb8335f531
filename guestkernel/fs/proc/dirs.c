/* dirs.c - directories of generated files: looking up and listing */
#include "abi/linux/dirent.h"
#include "fs/proc/proc.h"
#include "log.h"
#include "string.h"

/* A number without leading zeros, or ~0. */
static u32 parse_number(const char *name, size_t len)
{
	u32 nr = 0;

	if (!len || len > 9 || (name[0] == '0' && len > 1))
		return ~0u;
	for (size_t k = 0; k < len; k++) {
		if (name[k] < '0' || name[k] > '9')
			return ~0u;
		nr = nr * 10 + (u32)(name[k] - '0');
	}
	return nr;
}

static const struct pnode *find_child(const struct pnode *dir, const char *name, size_t len)
{
	for (const struct pnode *n = dir->children; n && n->name; n++)
		if (strlen(n->name) == len && !memcmp(n->name, name, len))
			return n;
	return NULL;
}

int proc_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	const struct pinode *i = dir->priv;
	const struct pnode *child = find_child(i->node, name, len);
	struct pinode found = *i;
	bool held = false;
	u32 nr;
	int err;

	if (!pinode_alive(i))
		return -ENOENT;
	if (child) {
		found.node = child;
	} else {
		nr = i->node->find ? parse_number(name, len) : ~0u;
		if (nr == ~0u)
			return -ENOENT;
		err = i->node->find(i, nr, &found); /* a process in *out comes with a reference */
		if (err)
			return err;
		held = found.p && found.p != i->p;
	}
	*out = proc_inode_new(dir->sb, &found);
	if (held)
		proc_put(found.p);
	return *out ? 0 : -ENOMEM;
}

#define NUMBERS_FROM 65536u /* positions: constant children below, numbers from here on */

static u64 fake_ino(const struct pinode *i, u64 pos)
{
	return 1 + (i->p ? (u64)i->p->pid << 32 : 0) + pos;
}

static bool list_constant(const struct pinode *i, struct dir_ctx *c)
{
	const struct pnode *n = i->node->children;

	for (u64 k = 0; n && n[k].name; k++) {
		if (k + 2 < c->pos)
			continue;
		if (!c->emit(c, n[k].name, strlen(n[k].name), fake_ino(i, k + 2), n[k].mode >> 12,
			     k + 3))
			return false;
		c->pos = k + 3;
	}
	return true;
}

int proc_readdir(struct file *f, struct dir_ctx *c)
{
	const struct pinode *i = f->inode->priv;
	char name[16];

	if (!pinode_alive(i))
		return -ENOENT;
	if (!readdir_dots(f, c))
		return 0;
	if (c->pos < NUMBERS_FROM) {
		if (!list_constant(i, c))
			return 0;
		c->pos = NUMBERS_FROM;
	}
	if (!i->node->next)
		return 0;
	for (u32 nr = (u32)(c->pos - NUMBERS_FROM); (nr = i->node->next(i, nr)) != ~0u; nr++) {
		int n = ksnprintf(name, sizeof(name), "%u", nr);

		if (!c->emit(c, name, (size_t)n, fake_ino(i, c->pos), ABI_DT_UNKNOWN,
			     NUMBERS_FROM + nr + 1))
			return 0;
		c->pos = NUMBERS_FROM + (u64)nr + 1;
	}
	return 0;
}

static loff_t dir_llseek(struct file *f, loff_t off, int whence)
{
	return generic_llseek(f, off, whence);
}

const struct file_ops proc_dir_fops = {
	.readdir = proc_readdir,
	.llseek = dir_llseek,
};
