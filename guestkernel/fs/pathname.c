/* pathname.c - path strings: taking them from the application, and making them from entries */
#include "fs_internal.h"
#include "log.h"
#include "slab.h"

static struct slab_cache *text_cache; /* PATH_MAX and NAME_SLACK */

void pathname_cache_init(void)
{
	text_cache = slab_cache_create("path", ABI_PATH_MAX + NAME_SLACK, 8);
	if (!text_cache)
		panic("no memory for paths");
}

int pathbuf_get(uaddr_t name, bool empty_ok, char **out)
{
	char *p = slab_alloc(text_cache);
	ssize_t n;

	if (!p)
		return -ENOMEM;
	n = copy_in_str(p, name, ABI_PATH_MAX);
	if (n < 0 || (!n && !empty_ok)) {
		slab_free(text_cache, p);
		return n ? (int)n : -ENOENT;
	}
	*out = p;
	return 0;
}

char *pathbuf_new(void)
{
	return slab_alloc(text_cache);
}

void pathbuf_put(char *p)
{
	slab_free(text_cache, p);
}

int pathname_get(struct pathname *p, uaddr_t name)
{
	ssize_t n = copy_in_str(p->small, name, PATHNAME_SMALL);

	p->text = p->small;
	if (likely(n >= 0))
		return 0;
	return n == -ENAMETOOLONG ? pathbuf_get(name, true, &p->text) : (int)n;
}

int pathname_set(struct pathname *p, const char *name)
{
	size_t n = strnlen(name, ABI_PATH_MAX);

	if (n == ABI_PATH_MAX)
		return -ENAMETOOLONG;
	p->text = n < PATHNAME_SMALL ? p->small : slab_alloc(text_cache);
	if (!p->text)
		return -ENOMEM;
	memcpy(p->text, name, n + 1);
	return 0;
}

void pathname_put(struct pathname *p)
{
	if (p->text != p->small)
		slab_free(text_cache, p->text);
}

int path_walk(int dirfd, const char *name, u32 flags, struct path *out)
{
	struct pathname p;
	int err = pathname_set(&p, name);

	if (err)
		return err;
	err = walk_from(NULL, dirfd, p.text, flags, out, NULL);
	pathname_put(&p);
	return err;
}

int path_walk_parent(int dirfd, const char *name, u32 flags, struct path *dir,
		     struct last_name *last)
{
	struct pathname p;
	int err = pathname_set(&p, name);

	if (err)
		return err;
	err = walk_from(NULL, dirfd, p.text, flags | WALK_PARENT, dir, last);
	if (!err)
		last->name = name + (last->name - p.text);
	pathname_put(&p);
	return err;
}

int path_walk_user(int dirfd, uaddr_t name, u32 flags, struct path *out)
{
	struct pathname p;
	int err = pathname_get(&p, name);

	if (err)
		return err;
	err = walk_from(NULL, dirfd, p.text, flags, out, NULL);
	pathname_put(&p);
	return err;
}

/* Puts "/name" in front of what is at *p; false: no room. */
static bool text_prepend(char *start, char **p, const struct dentry *d)
{
	size_t n = __atomic_load_n(&d->len, __ATOMIC_ACQUIRE); /* then the name: dentry_rehash */

	if ((size_t)(*p - start) < n + 1)
		return false;
	*p -= n;
	memcpy(*p, d->name, n);
	*--*p = '/';
	return true;
}

/* Not moved while it is read: the caller checks names_seq. */
static char *text_once(struct path p, const struct path *root, char *buf, size_t size)
{
	char *at = buf + size - 1;
	struct mount *up;

	*at = 0;
	for (;;) {
		if (root && path_equal(&p, root))
			break;
		if (p.dentry == p.mnt->root || p.dentry == p.dentry->parent) {
			up = READ_ONCE(p.mnt->parent);
			if (!up)
				break;
			p.dentry = READ_ONCE(p.mnt->point);
			p.mnt = up;
			if (!p.dentry)
				break;
			continue;
		}
		if (!text_prepend(buf, &at, p.dentry))
			return NULL;
		p.dentry = READ_ONCE(p.dentry->parent);
	}
	if (!*at && at > buf)
		*--at = '/';
	return at;
}

char *path_text(const struct path *p, const struct path *root, char *buf, size_t size)
{
	char *text;
	u32 seq;

	if (!p->mnt || size < 2) {
		if (size < 2 || p->dentry->len + 1u > size)
			return NULL;
		memcpy(buf, p->dentry->name, p->dentry->len);
		buf[p->dentry->len] = 0;
		return buf;
	}
	do {
		seq = names_read();
		text = text_once(*p, root, buf, size);
	} while (seq & 1 || names_changed(seq));
	return text;
}

bool path_is_below(const struct path *p, const struct path *root)
{
	struct path at = *p;
	struct mount *up;
	struct dentry *point;

	for (;;) {
		if (path_equal(&at, root))
			return true;
		if (at.dentry != at.mnt->root && at.dentry != at.dentry->parent) {
			at.dentry = READ_ONCE(at.dentry->parent);
			continue;
		}
		up = READ_ONCE(at.mnt->parent);
		point = READ_ONCE(at.mnt->point);
		if (!up || !point)
			return false;
		at = (struct path){up, point};
	}
}
