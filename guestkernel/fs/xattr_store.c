/* xattr_store.c - extended attributes in memory: a list per inode */
#include "xattr_store.h"
#include "abi/linux/xattr.h"
#include "slab.h"
#include "string.h"

#define STORE_MAX 65536u /* bytes of values per inode */

struct xattr_entry {
	struct xattr_entry *next;
	size_t size;
	char *value; /* behind the name */
	char name[];
};

static struct xattr_entry **find(struct xattr_entry **list, const char *name)
{
	for (; *list; list = &(*list)->next)
		if (!strcmp((*list)->name, name))
			return list;
	return NULL;
}

ssize_t xattr_store_get(const struct xattr_entry *list, const char *name, void *buf, size_t size)
{
	for (; list; list = list->next) {
		if (strcmp(list->name, name))
			continue;
		if (size && list->size > size)
			return -ERANGE;
		if (size)
			memcpy(buf, list->value, list->size);
		return (ssize_t)list->size;
	}
	return -ENODATA;
}

int xattr_store_set(struct xattr_entry **list, const char *name, const void *v, size_t n, int flags)
{
	struct xattr_entry **at = find(list, name), *e, *old;
	size_t len = strlen(name), sum = n;

	if (at && flags & ABI_XATTR_CREATE)
		return -EEXIST;
	if (!at && flags & ABI_XATTR_REPLACE)
		return -ENODATA;
	for (e = *list; e; e = e->next)
		sum += e->size + sizeof(*e);
	if (sum > STORE_MAX)
		return -ENOSPC;
	e = kmalloc(sizeof(*e) + len + 1 + n);
	if (!e)
		return -ENOMEM;
	memcpy(e->name, name, len + 1);
	e->value = e->name + len + 1;
	e->size = n;
	memcpy(e->value, v, n);
	if (at) {
		old = *at;
		e->next = old->next;
		*at = e;
		kfree(old);
	} else {
		e->next = *list;
		*list = e;
	}
	return 0;
}

ssize_t xattr_store_list(const struct xattr_entry *list, char *buf, size_t size)
{
	size_t sum = 0, n;

	for (; list; list = list->next) {
		n = strlen(list->name) + 1;
		if (size && sum + n > size)
			return -ERANGE;
		if (size)
			memcpy(buf + sum, list->name, n);
		sum += n;
	}
	return (ssize_t)sum;
}

int xattr_store_remove(struct xattr_entry **list, const char *name)
{
	struct xattr_entry **at = find(list, name), *e;

	if (!at)
		return -ENODATA;
	e = *at;
	*at = e->next;
	kfree(e);
	return 0;
}

void xattr_store_free(struct xattr_entry *list)
{
	struct xattr_entry *next;

	for (; list; list = next) {
		next = list->next;
		kfree(list);
	}
}
