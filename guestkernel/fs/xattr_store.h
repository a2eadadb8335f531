/* xattr_store.h - extended attributes kept in memory, for file systems that have no place for them
 * The owner of the list locks it: the inode's lock, for reading or writing as fits. */
#pragma once
#include "types.h"

struct xattr_entry;
ssize_t xattr_store_get(const struct xattr_entry *list, const char *name, void *buf, size_t size);
int xattr_store_set(struct xattr_entry **list, const char *name, const void *v, size_t n,
		    int flags) must_check;
ssize_t xattr_store_list(const struct xattr_entry *list, char *buf, size_t size);
int xattr_store_remove(struct xattr_entry **list, const char *name) must_check;
void xattr_store_free(struct xattr_entry *list);
