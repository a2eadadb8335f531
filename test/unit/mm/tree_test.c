/* tree_test.c - the page cache's index and the tree of VMAs against plain models */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "mm/mm_internal.h"
#include "mm/pagecache_internal.h"
#include "slab.h"
#include "string.h"
#include "stubs.h"

#define RAM_SIZE (64ull << 20)

static int setup(void **state)
{
	void *ram = aligned_alloc(2 << 20, RAM_SIZE);

	memset(ram, 0, RAM_SIZE);
	stub_boot(ram, RAM_SIZE, RAM_SIZE, 1);
	slab_init();
	radix_init();
	vma_cache = slab_cache_create("vma", sizeof(struct vma), 8);
	*state = ram;
	return 0;
}

/* Indices near to and far from each other, at all heights. */
static u64 index_of(u32 i)
{
	static const u64 base[] = {0, 130, 1000, 4050, 262100, 1ull << 30, (1ull << 50) - 3};

	return base[i % ARRAY_SIZE(base)] + i / ARRAY_SIZE(base);
}

static void test_radix(void **state)
{
	enum { N = 700 };
	static u64 items[N][2];
	static bool there[N];
	struct mapping m = {.root = NULL};
	u32 count = 0;

	srand(3);
	for (int step = 0; step < 60000; step++) {
		u32 i = (u32)rand() % N;

		/* phases of growing and of shrinking, down to nothing */
		if (step / 10000 % 2 ? rand() % 3 : !(rand() % 3)) {
			void *p = radix_remove(&m, index_of(i));

			assert_ptr_equal(p, there[i] ? items[i] : NULL);
			count -= there[i];
			there[i] = false;
		} else {
			int err = radix_insert(&m, index_of(i), items[i]);

			assert_int_equal(err, there[i] ? -EEXIST : 0);
			count += !there[i];
			there[i] = true;
		}
		assert_ptr_equal(radix_lookup(&m, index_of(i)), there[i] ? items[i] : NULL);
		if (step % 100 == 0)
			stub_quiesce();
	}
	for (u64 at = 0; radix_next(&m, &at); at++)
		count--;
	assert_int_equal(count, 0);
	for (u32 i = 0; i < N; i++)
		(void)radix_remove(&m, index_of(i));
	assert_null(m.root);
	stub_quiesce();
}

static void test_radix_next(void **state)
{
	static u64 items[3][2];
	struct mapping m = {.root = NULL};
	u64 at = 0;

	assert_null(radix_next(&m, &at));
	assert_int_equal(radix_insert(&m, 5000000, items[2]), 0);
	assert_int_equal(radix_insert(&m, 70, items[1]), 0);
	assert_ptr_equal(radix_next(&m, &at), items[1]);
	assert_int_equal(at, 70);
	at = 71;
	assert_ptr_equal(radix_next(&m, &at), items[2]);
	assert_int_equal(at, 5000000);
	at = 5000001;
	assert_null(radix_next(&m, &at));
}

/* ---- VMAs: page i of a small space has flags model[i], 0: none ---- */
enum { PAGES = 64 };
#define BASE MMAP_MIN_ADDR
static u32 model[PAGES];

static u64 addr_of(u32 page)
{
	return BASE + page * PAGE_SIZE;
}

static void check_space(struct mm *mm)
{
	u64 total = 0, count = 0;
	struct vma *v, *last = NULL;

	RB_FOREACH (v, vma_tree, &mm->vmas) {
		assert_true(v->start < v->end);
		if (last)
			assert_true(last->end <= v->start);
		for (u64 a = v->start; a < v->end; a += PAGE_SIZE)
			assert_int_equal(model[(a - BASE) / PAGE_SIZE], v->flags);
		total += vma_pages(v);
		count++;
		last = v;
	}
	for (u32 i = 0; i < PAGES; i++) {
		total -= model[i] != 0;
		v = mm_find_vma(mm, addr_of(i));
		assert_int_equal(v && v->start <= addr_of(i), model[i] != 0);
	}
	assert_int_equal(total, 0);
	assert_int_equal(count, mm->map_count);
}

static void remove_range(struct mm *mm, u32 from, u32 to)
{
	struct vma *v, *next;

	assert_int_equal(vma_split(mm, addr_of(from)), 0);
	assert_int_equal(vma_split(mm, addr_of(to)), 0);
	for (v = mm_find_vma(mm, addr_of(from)); v && v->start < addr_of(to); v = next) {
		next = vma_next(v);
		vma_detach(mm, v);
		vma_free(v);
	}
	for (u32 i = from; i < to; i++)
		model[i] = 0;
}

static u32 highest_hole(u32 len)
{
	for (u32 at = PAGES - len + 1; at-- > 0;) {
		u32 n = 0;

		while (n < len && !model[at + n])
			n++;
		if (n == len)
			return at;
	}
	return PAGES;
}

static void test_vmas(void **state)
{
	struct mm mm = {.mmap_base = addr_of(PAGES), .hole_top = addr_of(PAGES)};

	RB_INIT(&mm.vmas);
	mach_user_top = addr_of(PAGES);
	srand(4);
	for (int step = 0; step < 20000; step++) {
		u32 len = 1 + (u32)rand() % 8, at = (u32)rand() % (PAGES - len);
		u32 flags = rand() % 2 ? VMA_READ : VMA_READ | VMA_WRITE;
		struct vma *v;

		if (rand() % 2) {
			remove_range(&mm, at, at + len);
		} else {
			u32 want = highest_hole(len);
			u64 hole = vma_find_hole(&mm, len * PAGE_SIZE, 0);

			assert_int_equal(hole, want == PAGES ? 0 : addr_of(want));
			if (!hole)
				continue;
			v = vma_new(&mm, hole, hole + len * PAGE_SIZE, flags);
			assert_non_null(v);
			vma_insert(&mm, v);
			vma_merge(&mm, v);
			for (u32 i = want; i < want + len; i++)
				model[i] = flags;
		}
		if (step % 10 == 0)
			check_space(&mm);
	}
	remove_range(&mm, 0, PAGES);
	assert_int_equal(mm.total_pages, 0);
	assert_int_equal(mm.data_pages, 0);
}

static void test_neighbours_join(void **state)
{
	struct mm mm = {.mmap_base = addr_of(PAGES), .hole_top = addr_of(PAGES)};
	struct vma *v;

	RB_INIT(&mm.vmas);
	for (u32 i = 0; i < 6; i += 2)
		vma_insert(&mm, vma_new(&mm, addr_of(i), addr_of(i + 1), VMA_READ));
	v = vma_new(&mm, addr_of(1), addr_of(2), VMA_READ);
	vma_insert(&mm, v);
	v = vma_merge(&mm, v);
	assert_int_equal(v->start, addr_of(0));
	assert_int_equal(v->end, addr_of(3));
	v = vma_new(&mm, addr_of(3), addr_of(4), VMA_READ | VMA_WRITE);
	vma_insert(&mm, v);
	assert_ptr_equal(vma_merge(&mm, v), v);
	assert_int_equal(mm.map_count, 3);
	memset(model, 1, sizeof(model));
	remove_range(&mm, 0, PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_radix),
		cmocka_unit_test(test_radix_next),
		cmocka_unit_test(test_vmas),
		cmocka_unit_test(test_neighbours_join),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
