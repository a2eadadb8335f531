/* slab.h - kernel objects (mm/slab.c)
 *
 * Objects of one size from caches with per-CPU free lists; kmalloc for the rest, by size class up
 * to 2 MiB (whole frames above 2 KiB). Debug builds put red zones around objects, fill freed ones
 * and check both. None of these sleeps; all may return null (out of memory), so every caller
 * answers -ENOMEM. Memory comes uncleared except from *_zalloc. */
#pragma once
#include "types.h"

struct slab_cache;
struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align);
void *slab_alloc(struct slab_cache *c) must_check;
void *slab_zalloc(struct slab_cache *c) must_check;
void slab_free(struct slab_cache *c, void *p);

void *kmalloc(size_t size) must_check;
void *kzalloc(size_t size) must_check;
void *krealloc(void *p, size_t size) must_check; /* p keeps valid on failure */
void kfree(void *p);				 /* null is fine */
char *kstrdup(const char *s) must_check;
void slab_init(void);

/* Sums over all caches, each taken under its lock but for what CPUs keep: exact when all is quiet.
 */
struct slab_stats {
	u64 live;   /* bytes in objects that are in use */
	u64 frames; /* frames that slabs take */
};
void slab_get_stats(struct slab_stats *st);

/* For reports: says of which cache's object the byte is, as text; how many bytes of it, 0 if of
 * none. The address is of memory whose frames have records. No lock is taken. */
size_t slab_describe(const void *p, char *text, size_t size);
