/* slab.c - kernel objects
 *
 * Provides: caches of equal objects; kmalloc by size class, whole frames above 2 KiB.
 * Owns: slabs, blocks of 2^order frames cut into objects. A slab's state lies in its first frame's
 * record (struct slab_view): a slab has no header, so power-of-two objects waste nothing.
 * States of a slab: full, partial (on its cache's list), empty (one is kept per cache, others go).
 * A CPU keeps a list of free objects for each cache, linked through the objects: the usual
 * allocation is a pop without lock. A CPU's list that has grown too long is half emptied.
 * Locks: cache->lock [RANK_SLAB]; the CPU's lists need none, as the kernel is not preempted.
 * Sleeps: never. Out of memory: null.
 * Debug builds (kdebug): red zones around each object, poison in free ones; both checked. Under an
 *   address sanitizer (poison.h) these, and the end of an object of kmalloc that is larger than
 *   what was asked for, cannot even be touched; and freed objects wait behind the free ones, so
 *   that what is used after its end is still free then.
 * Invariants: slab.in_use is the number of objects outside the slab's own list.
 * Tests: test/unit/mm/slab_test.c */
#include "slab.h"
#include "cpu.h"
#include "frame.h"
#include "log.h"
#include "poison.h"
#include "string.h"

#define CACHES_MAX    96u
#define KMALLOC_SMALL 2048u
#define KMALLOC_MAX   (PAGE_SIZE << 9)

#ifndef KDEBUG
#define KDEBUG 0
#endif
#if KDEBUG
#define RED_ZONE 16u
#else
#define RED_ZONE 0u
#endif
#define RED_BYTE    0xa5
#define POISON_BYTE 0x6b

struct slab_cache {
	struct spinlock lock;
	const char *name;	     /* [I] */
	u32 id;			     /* [I] index of the CPUs' lists */
	u32 size, stride, lead;	     /* [I] object; distance; red zone in front */
	u32 order, per_slab;	     /* [I] */
	u32 cpu_max;		     /* [I] objects a CPU keeps */
	u32 nr_empty;		     /* [l] */
	u64 nr_slabs;		     /* [l] */
	TAILQ_HEAD(, frame) partial; /* [l] slabs with free objects, by frame.lru */
};

/* A slab's state in the record of its first frame. [l] of the cache, but .slab [I]. */
#define slab_free_list(f) (*(void **)&(f)->index)
#define slab_in_use(f)	  ((f)->pad)

struct cpu_list {
	void *head, *tail; /* tail: with POISON only */
	u32 n;
};
struct slab_cpu { /* [c] */
	struct cpu_list list[CACHES_MAX];
};

static struct slab_cache caches[CACHES_MAX];
static u32 nr_caches; /* [l] caches_lock */
static struct spinlock caches_lock = SPINLOCK_INIT(RANK_SLAB);
static struct slab_cpu boot_lists;
static struct slab_cache *classes[16];
static u8 class_of[KMALLOC_SMALL / 16 + 1];
static const u16 class_sizes[] = {16,  32,  48,	 64,  96,   128,  192,
				  256, 384, 512, 768, 1024, 1536, 2048};

static struct frame *slab_of(const struct slab_cache *c, const void *p)
{
	u64 pa = mach_va_to_pa(p).pa;

	return frame_of(PADDR(pa & ~((PAGE_SIZE << c->order) - 1)));
}

/* Free objects are linked through their first words, which only these two may touch. */
static POISON_BLIND void *link_get(const void *p)
{
	return *(void *const *)p;
}

static POISON_BLIND void link_set(void *p, void *next)
{
	*(void **)p = next;
}

/* An object with its red zones. */
static inline void whole_poison(const struct slab_cache *c, u8 *p)
{
	poison(p - RED_ZONE, c->size + 2 * RED_ZONE);
}

static inline void whole_unpoison(const struct slab_cache *c, u8 *p)
{
	unpoison(p - RED_ZONE, c->size + 2 * RED_ZONE);
}

#if KDEBUG
static inline void zones_poison(const struct slab_cache *c, u8 *p)
{
	poison(p - RED_ZONE, RED_ZONE);
	poison(p + c->size, RED_ZONE);
}

static void check_zone(const struct slab_cache *c, const u8 *p, const char *what)
{
	for (u32 i = 0; i < RED_ZONE; i++)
		if (p[i] != RED_BYTE)
			panic("slab %s: %s of the object at %p overwritten", c->name, what, p);
}

static void debug_free(const struct slab_cache *c, u8 *p)
{
	whole_unpoison(c, p);
	check_zone(c, p - RED_ZONE, "red zone in front");
	check_zone(c, p + c->size, "red zone behind");
	memset(p, POISON_BYTE, c->size);
	whole_poison(c, p);
}

static void debug_alloc(const struct slab_cache *c, u8 *p)
{
	whole_unpoison(c, p);
	for (u32 i = sizeof(void *); i < c->size; i++)
		if (p[i] != POISON_BYTE)
			panic("slab %s: free object at %p written to (byte %u)", c->name, p, i);
	memset(p - RED_ZONE, RED_BYTE, RED_ZONE);
	memset(p + c->size, RED_BYTE, RED_ZONE);
	zones_poison(c, p);
}
static void debug_new(const struct slab_cache *c, u8 *p)
{
	memset(p - RED_ZONE, RED_BYTE, RED_ZONE);
	memset(p + c->size, RED_BYTE, RED_ZONE);
	memset(p, POISON_BYTE, c->size);
	whole_poison(c, p);
}
#else
static inline void debug_free(const struct slab_cache *c, u8 *p)
{
	whole_poison(c, p);
}
static inline void debug_alloc(const struct slab_cache *c, u8 *p)
{
	whole_unpoison(c, p);
}
static inline void debug_new(const struct slab_cache *c, u8 *p)
{
	whole_poison(c, p);
}
#endif

/* ---- a CPU's list ---- */

static void list_push(struct cpu_list *l, void *p)
{
	link_set(p, l->head);
	if (POISON && !l->head)
		l->tail = p;
	l->head = p;
	l->n++;
}

static void *list_pop(struct cpu_list *l)
{
	void *p = l->head;

	l->head = link_get(p);
	l->n--;
	return p;
}

/* A freed object: the next to be used, while it is in the CPU's cache; or the last. */
static void list_put(struct cpu_list *l, void *p)
{
	if (!POISON || !l->head) {
		list_push(l, p);
		return;
	}
	link_set(p, NULL);
	link_set(l->tail, p);
	l->tail = p;
	l->n++;
}

static void cache_layout(struct slab_cache *c, size_t size, size_t align)
{
	size = MAX(ROUND_UP(size, sizeof(void *)), sizeof(void *));
	align = MAX(align, sizeof(void *));
	c->size = (u32)size;
	c->lead = RED_ZONE ? (u32)ROUND_UP(RED_ZONE, align) : 0;
	c->stride = (u32)ROUND_UP(c->lead + size + RED_ZONE, align);
	c->order = 0;
	/* at least eight objects in a slab, or little waste */
	while (c->order < 3 && (PAGE_SIZE << c->order) / c->stride < 8)
		c->order++;
	c->per_slab = (u32)((PAGE_SIZE << c->order) / c->stride);
	c->cpu_max = size <= 256 ? 64 : size <= 1024 ? 32 : 16;
}

struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align)
{
	struct slab_cache *c;
	u32 id;

	spin_lock(&caches_lock);
	id = nr_caches++;
	spin_unlock(&caches_lock);
	if (id >= CACHES_MAX)
		panic("too many slab caches: %s", name);
	c = &caches[id];
	spin_init(&c->lock, RANK_SLAB);
	c->name = name;
	c->id = id;
	TAILQ_INIT(&c->partial);
	cache_layout(c, size, align);
	kassert(c->per_slab > 0 && c->per_slab <= 0xffff);
	return c;
}

void slab_init(void)
{
	u32 k = 0;

	cpu_self()->slab_cpu = &boot_lists;
	for (u32 i = 0; i < ARRAY_SIZE(class_sizes); i++)
		classes[i] = slab_cache_create("kmalloc", class_sizes[i], 16);
	for (u32 i = 0; i < ARRAY_SIZE(class_of); i++) {
		if (i * 16 > class_sizes[k])
			k++;
		class_of[i] = (u8)k;
	}
}

static struct slab_cpu *lists_of_cpu(struct cpu *c)
{
	if (unlikely(!c->slab_cpu)) {
		struct frame *f = frame_alloc(FA_ZERO);

		_Static_assert(sizeof(struct slab_cpu) <= PAGE_SIZE, "one frame");
		if (!f)
			panic("no memory for a CPU's slab lists");
		c->slab_cpu = frame_va(f);
	}
	return c->slab_cpu;
}

/* A new empty slab, its objects linked. Not on any list yet. */
static struct frame *slab_grow(struct slab_cache *c)
{
	struct frame *f = frame_alloc_order(c->order, 0);
	void *next = NULL;
	u8 *base;

	if (!f)
		return NULL;
	base = frame_va(f);
	for (u32 i = 0; i < 1u << c->order; i++)
		f[i].slab = c;
	for (u32 i = c->per_slab; i-- > 0;) {
		void *p = base + (size_t)i * c->stride + c->lead;

		debug_new(c, p);
		link_set(p, next);
		next = p;
	}
	slab_free_list(f) = next;
	slab_in_use(f) = 0;
	return f;
}

/* Moves up to n objects from partial slabs to the CPU's list; how many. */
static u32 take_locked(struct slab_cache *c, struct cpu_list *l, u32 n)
{
	struct frame *f;
	u32 got = 0;

	while (got < n && (f = TAILQ_FIRST(&c->partial))) {
		if (slab_in_use(f) == 0)
			c->nr_empty--;
		while (got < n && slab_free_list(f)) {
			void *p = slab_free_list(f);

			slab_free_list(f) = link_get(p);
			slab_in_use(f)++;
			list_push(l, p);
			got++;
		}
		if (!slab_free_list(f))
			TAILQ_REMOVE(&c->partial, f, lru);
	}
	return got;
}

static bool cpu_list_refill(struct slab_cache *c, struct cpu_list *l)
{
	struct frame *f;
	u32 got;

	spin_lock(&c->lock);
	got = take_locked(c, l, c->cpu_max / 2);
	spin_unlock(&c->lock);
	if (got)
		return true;
	f = slab_grow(c);
	if (!f)
		return false;
	spin_lock(&c->lock);
	TAILQ_INSERT_TAIL(&c->partial, f, lru);
	c->nr_empty++;
	c->nr_slabs++;
	got = take_locked(c, l, c->cpu_max / 2);
	spin_unlock(&c->lock);
	return got > 0;
}

static void give_locked(struct slab_cache *c, void *p, struct frame **to_free)
{
	struct frame *f = slab_of(c, p);

	if (!slab_free_list(f))
		TAILQ_INSERT_HEAD(&c->partial, f, lru);
	link_set(p, slab_free_list(f));
	slab_free_list(f) = p;
	if (--slab_in_use(f) > 0)
		return;
	if (c->nr_empty >= 1) {
		TAILQ_REMOVE(&c->partial, f, lru);
		c->nr_slabs--;
		TAILQ_NEXT(f, lru) = *to_free;
		*to_free = f;
	} else {
		c->nr_empty++;
	}
}

static void cpu_list_shrink(struct slab_cache *c, struct cpu_list *l, u32 n)
{
	struct frame *empty = NULL;

	spin_lock(&c->lock);
	for (; n; n--)
		give_locked(c, list_pop(l), &empty);
	spin_unlock(&c->lock);
	while (empty) {
		struct frame *f = empty;

		empty = TAILQ_NEXT(f, lru);
		for (u32 i = 0; i < 1u << c->order; i++)
			f[i].slab = NULL;
		frame_free_order(f, c->order);
	}
}

void *slab_alloc(struct slab_cache *c)
{
	struct slab_cpu *s = cpu_self()->slab_cpu;
	struct cpu_list *l;
	void *p;

	if (unlikely(!s))
		s = lists_of_cpu(cpu_self());
	l = &s->list[c->id];
	if (unlikely(!l->head) && !cpu_list_refill(c, l))
		return NULL;
	p = list_pop(l);
	debug_alloc(c, p);
	return p;
}

void *slab_zalloc(struct slab_cache *c)
{
	void *p = slab_alloc(c);

	if (p)
		memset(p, 0, c->size);
	return p;
}

void slab_free(struct slab_cache *c, void *p)
{
	struct cpu_list *l = &lists_of_cpu(cpu_self())->list[c->id];

	debug_free(c, p);
	list_put(l, p);
	if (unlikely(l->n > c->cpu_max))
		cpu_list_shrink(c, l, c->cpu_max / 2);
}

static u64 kept_by_cpus(const struct slab_cache *c)
{
	u64 n = 0;

	for (u32 i = 0; i < cpu_count; i++) {
		const struct slab_cpu *s = cpus[i] ? cpus[i]->slab_cpu : NULL;

		n += s ? READ_ONCE(s->list[c->id].n) : 0;
	}
	return n;
}

void slab_get_stats(struct slab_stats *st)
{
	*st = (struct slab_stats){0};
	for (u32 i = 0; i < nr_caches; i++) {
		struct slab_cache *c = &caches[i];
		u64 objects, kept = kept_by_cpus(c);
		struct frame *f;

		spin_lock(&c->lock);
		objects = c->nr_slabs * c->per_slab;
		TAILQ_FOREACH (f, &c->partial, lru)
			objects -= c->per_slab - slab_in_use(f);
		st->frames += c->nr_slabs << c->order;
		spin_unlock(&c->lock);
		st->live += objects > kept ? (objects - kept) * c->size : 0;
	}
}

size_t slab_describe(const void *p, char *text, size_t size)
{
	struct frame *f = frame_of(mach_va_to_pa(p));
	const struct slab_cache *c = f->slab;
	u64 at;

	/* Of other frames the record's word means something else. */
	if (c < caches || c >= &caches[nr_caches] || f->type != FRAME_KERNEL)
		return (size_t)ksnprintf(text, size, ", in a frame of type %u", f->type);
	at = (u64)p & ((PAGE_SIZE << c->order) - 1);
	return (size_t)ksnprintf(text, size, ", byte %ld of an object of %u bytes of cache %s",
				 (long)(at % c->stride) - (long)c->lead, c->size, c->name);
}

static void *kmalloc_large(size_t size)
{
	u32 order = 0;
	struct frame *f;

	if (size > KMALLOC_MAX)
		return NULL;
	while ((PAGE_SIZE << order) < size)
		order++;
	f = frame_alloc_order(order, 0);
	if (!f)
		return NULL;
	f->slab = NULL;
	return frame_va(f);
}

static size_t kmalloc_room(const struct frame *f)
{
	return f->slab ? ((struct slab_cache *)f->slab)->size : PAGE_SIZE << f->order;
}

void *kmalloc(size_t size)
{
	void *p = unlikely(size > KMALLOC_SMALL) ? kmalloc_large(size)
						 : slab_alloc(classes[class_of[(size + 15) / 16]]);

	if (POISON && p)
		poison((char *)p + size, kmalloc_room(frame_of(mach_va_to_pa(p))) - size);
	return p;
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

void kfree(void *p)
{
	struct frame *f;

	if (!p)
		return;
	f = frame_of(mach_va_to_pa(p));
	kassert(f->type == FRAME_KERNEL);
	if (f->slab)
		slab_free(f->slab, p);
	else
		frame_free_order(f, f->order);
}

void *krealloc(void *p, size_t size)
{
	struct frame *f;
	size_t old;
	void *q;

	if (!p)
		return kmalloc(size);
	f = frame_of(mach_va_to_pa(p));
	old = kmalloc_room(f);
	if (size <= old && size > old / 4) {
		unpoison(p, size);
		poison((char *)p + size, old - size);
		return p;
	}
	q = kmalloc(size);
	if (!q)
		return NULL;
	unpoison(p, old);
	memcpy(q, p, MIN(old, size));
	kfree(p);
	return q;
}

char *kstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = kmalloc(n);

	if (p)
		memcpy(p, s, n);
	return p;
}
