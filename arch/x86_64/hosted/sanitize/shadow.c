/* shadow.c - the address sanitizer's runtime for a kernel that is a part of another program
 *
 * Provides: the functions that -fsanitize=kernel-address calls, and those of poison.h.
 * Choice: the compiler's own runtime needs the dynamic loader, takes over the program's malloc, and
 *   reports through calls that the jail forbids. Boot is a static program in an empty root, and the
 *   kernel uses nothing of the C library's: so the kernel alone is instrumented, and this small
 *   runtime is linked into its object. The jail stays as it is in the product.
 * The shadow: a byte for each 8 bytes of the lower half of the address space (0: all 8 may be
 *   touched, 1 to 7: the first so many, negative: none, the value says why), at SHADOW, reserved
 *   whole and filled by use. It ends below HOSTED_DIRECT.
 * Stacks: a context switch needs no announcement, because nothing here depends on which stack
 *   runs: redzones lie in the frames themselves, mach_kstack_alloc() clears those that were left
 *   by a task that ended, and a call that does not return clears what is above it (up to the end of
 *   the kernel stack, or as far on a thread's own).
 * Reports: one line, what the shadow around says, and the kernel's death by panic(), whose report
 *   has the names. The first report is the last: checks end with it.
 * This file is not instrumented. Locks: none; a byte of shadow belongs to who owns the memory.
 * Tests: test/hosted/sanitized.c
 */
#include "../hosted.h"
#include "frame.h"
#include "log.h"
#include "poison.h"
#include "sanitize.h"
#include "slab.h"
#include "string.h"
#include "task.h"

#define SHADOW			 0x7fff8000ull /* what the compiler adds: arch/x86_64/hosted/meson.build */
#define SHADOW_SIZE		 (1ull << 44)
#define GRANULE			 8u
#define UNITS_MAX		 512u
#define HOST_MAP_NORESERVE	 0x4000u
#define HOST_MAP_FIXED_NOREPLACE 0x100000u
#define HOST_MADV_NOHUGEPAGE	 15

_Static_assert(SHADOW + SHADOW_SIZE < HOSTED_DIRECT, "the shadow lies below guest memory");

/* Values of the shadow; those from 0xf0 on, but ours, are the compiler's. */
#define SHADOW_POISON 0xf7u /* poison() */
#define SHADOW_GLOBAL 0xf9u

struct __asan_global {
	u64 start, size, size_with_zone;
	const char *name, *file;
	u64 dynamic;
	const void *location;
	u64 odr;
};

/* Constructors of the program run before there is a shadow. */
static struct unit {
	const struct __asan_global *global;
	size_t n;
} units[UNITS_MAX];
static size_t nr_units;
static u32 silent; /* [a] no shadow yet, or a report is under way */

static u8 *shadow_of(u64 addr)
{
	return (u8 *)(SHADOW + (addr >> 3));
}

static void fill(u64 addr, size_t n, u8 value)
{
	u8 *s = shadow_of(addr), *end = shadow_of(addr + n);

	while (s < end)
		*s++ = value;
	/* What follows in the last granule is nobody's. */
	if ((addr + n) % GRANULE && (value || *s))
		*s = value ? value : (u8)((addr + n) % GRANULE);
}

void __asan_poison_memory_region(const volatile void *p, size_t n)
{
	u64 addr = (u64)p;

	/* Starts inside a granule: its first bytes stay as they are. */
	if (addr % GRANULE) {
		u64 lead = GRANULE - addr % GRANULE;

		*shadow_of(addr) = (u8)(addr % GRANULE);
		if (n <= lead)
			return;
		addr += lead;
		n -= lead;
	}
	n -= (addr + n) % GRANULE; /* what follows there may be in use */
	fill(addr, n, SHADOW_POISON);
}

void __asan_unpoison_memory_region(const volatile void *p, size_t n)
{
	fill((u64)p, n, 0);
}

static void add_globals(const struct unit *u)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct __asan_global *g = &u->global[i];
		u64 end = ROUND_UP(g->start + g->size, GRANULE);

		if (g->size % GRANULE)
			*shadow_of(g->start + g->size) = (u8)(g->size % GRANULE);
		fill(end, g->start + g->size_with_zone - end, SHADOW_GLOBAL);
	}
}

void __asan_register_globals(const struct __asan_global *global, size_t n);
void __asan_register_globals(const struct __asan_global *global, size_t n)
{
	if (nr_units < UNITS_MAX)
		units[nr_units++] = (struct unit){global, n};
}

void __asan_unregister_globals(const void *global, size_t n);
void __asan_unregister_globals(const void *global, size_t n)
{
}

void sanitize_init(void)
{
	s64 r = host_call(HOST_mmap, SHADOW, SHADOW_SIZE, HOST_PROT_READ | HOST_PROT_WRITE,
			  HOST_MAP_PRIVATE | HOST_MAP_ANON | HOST_MAP_NORESERVE |
				  HOST_MAP_FIXED_NOREPLACE,
			  ~0ull, 0);
	static const char text[] = "no address space for the sanitizer's shadow\n";

	if (r != (s64)SHADOW) {
		host_call(HOST_write, 2, (u64)text, sizeof(text) - 1, 0, 0, 0);
		__builtin_trap();
	}
	host_call(HOST_madvise, SHADOW, SHADOW_SIZE, HOST_MADV_NOHUGEPAGE, 0, 0, 0);
	for (size_t i = 0; i < nr_units; i++)
		add_globals(&units[i]);
}

/* ---- checks ---- */

/* The first byte of [addr, addr + n) that must not be touched, or 0. */
static u64 first_bad(u64 addr, size_t n)
{
	for (u64 at = addr; at < addr + n; at = (at | (GRANULE - 1)) + 1) {
		u64 last = MIN(at | (GRANULE - 1), addr + n - 1);
		int8_t s = (int8_t)*shadow_of(at);

		if (s && (int8_t)(last % GRANULE) >= s)
			return s < 0 ? at : (at & ~7ull) + (u64)s;
	}
	return 0;
}

static const char *reason(u8 s)
{
	switch (s) {
	case 0xf1:
	case 0xf2:
	case 0xf3:
		return "a stack frame's red zone";
	case 0xf8:
		return "a variable of the stack out of its scope";
	case SHADOW_GLOBAL:
		return "the red zone of a global";
	case SHADOW_POISON:
		return "memory that is free, or a red zone";
	default:
		return "behind an object's end";
	}
}

static u64 global_at(u64 addr, const char **name)
{
	for (size_t i = 0; i < nr_units; i++) {
		for (size_t k = 0; k < units[i].n; k++) {
			const struct __asan_global *g = &units[i].global[k];

			if (addr - g->start < g->size_with_zone) {
				*name = g->name;
				return addr - g->start;
			}
		}
	}
	return 0;
}

/* An object of the slab at an address, where that lies in memory whose frames have records. */
static size_t describe(u64 addr, char *text, size_t size)
{
	u64 n = (addr - HOSTED_DIRECT - ABI_GPA_RAM) / (FRAME_CHUNK * PAGE_SIZE);

	if (addr < HOSTED_DIRECT + ABI_GPA_RAM || n >= ARRAY_SIZE(frame_chunks) || !frame_chunks[n])
		return 0;
	return slab_describe((const void *)addr, text, size);
}

void sanitize_report(const char *what, const char *kind, u64 addr, u64 size, u64 pc)
{
	static char text[400]; /* panic() has room for not much more */
	const char *name = NULL;
	size_t n = 0;
	u64 off;

	if (__atomic_exchange_n(&silent, 1, __ATOMIC_SEQ_CST))
		return;
	n = (size_t)ksnprintf(text, sizeof(text), "sanitizer: %s: %s", what, kind);
	if (size)
		n += (size_t)ksnprintf(text + n, sizeof(text) - n, " of %lu bytes at %016lx", size,
				       addr);
	off = global_at(addr, &name);
	if (name)
		n += (size_t)ksnprintf(text + n, sizeof(text) - n, " (%s+%lu)", name, off);
	n += describe(addr, text + n, sizeof(text) - n);
	panic("%s\nby [<%016lx>]", text, pc);
}

static void check(u64 addr, size_t n, const char *kind, u64 pc)
{
	u64 bad;

	if (!n || addr >> 47 || __atomic_load_n(&silent, __ATOMIC_RELAXED))
		return;
	bad = first_bad(addr, n);
	if (bad)
		sanitize_report(reason(*shadow_of(bad)), kind, bad, n, pc);
}

#define PC ((u64)__builtin_return_address(0))

/* Calls: all accesses of odd sizes, and in large functions. */
void __asan_loadN_noabort(u64 addr, size_t n);
void __asan_loadN_noabort(u64 addr, size_t n)
{
	check(addr, n, "read", PC);
}

void __asan_storeN_noabort(u64 addr, size_t n);
void __asan_storeN_noabort(u64 addr, size_t n)
{
	check(addr, n, "write", PC);
}

/* Reports: the compiler's own code has looked at the shadow already. */
void __asan_report_load_n_noabort(u64 addr, size_t n);
void __asan_report_load_n_noabort(u64 addr, size_t n)
{
	check(addr, n, "read", PC);
}

void __asan_report_store_n_noabort(u64 addr, size_t n);
void __asan_report_store_n_noabort(u64 addr, size_t n)
{
	check(addr, n, "write", PC);
}

#define SIZED(n)                                         \
	void __asan_load##n##_noabort(u64 addr);         \
	void __asan_load##n##_noabort(u64 addr)          \
	{                                                \
		check(addr, n, "read", PC);              \
	}                                                \
	void __asan_store##n##_noabort(u64 addr);        \
	void __asan_store##n##_noabort(u64 addr)         \
	{                                                \
		check(addr, n, "write", PC);             \
	}                                                \
	void __asan_report_load##n##_noabort(u64 addr);  \
	void __asan_report_load##n##_noabort(u64 addr)   \
	{                                                \
		check(addr, n, "read", PC);              \
	}                                                \
	void __asan_report_store##n##_noabort(u64 addr); \
	void __asan_report_store##n##_noabort(u64 addr)  \
	{                                                \
		check(addr, n, "write", PC);             \
	}

SIZED(1)
SIZED(2)
SIZED(4)
SIZED(8)
SIZED(16)

/* ---- the stack ---- */

void __asan_poison_stack_memory(u64 addr, size_t n);
void __asan_poison_stack_memory(u64 addr, size_t n)
{
	fill(addr, n, 0xf8);
}

void __asan_unpoison_stack_memory(u64 addr, size_t n);
void __asan_unpoison_stack_memory(u64 addr, size_t n)
{
	fill(addr, n, 0);
}

/* Before a call that does not return: the frames above are left with their red zones. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
	u64 from = (u64)__builtin_frame_address(0) & ~7ull;

	fill(from, ROUND_UP(from + 1, (u64)KSTACK_SIZE) - from, 0);
}
