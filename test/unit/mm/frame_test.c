/* frame_test.c - page allocator and slab against models, in random sequences */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "mm/frame_internal.h"
#include "poison.h"
#include "slab.h"
#include "string.h"
#include "stubs.h"
#include "time.h"

#define RAM_SIZE (64ull << 20)
#define MIB	 (1ull << 20)

static void *ram;

static void start(u64 limit, u32 slots_max)
{
	if (!ram)
		ram = aligned_alloc(2 * MIB, 2 * RAM_SIZE);
	unpoison(ram, 2 * RAM_SIZE);
	memset(ram, 0, 2 * RAM_SIZE);
	memset(&frames, 0, sizeof(frames));
	memset(frame_chunks, 0, sizeof(frame_chunks));
	stub_released = stub_slots_added = stub_reclaims = 0;
	stub_timer = NULL;
	stub_boot(ram, RAM_SIZE, limit, slots_max);
}

/* Every frame on the lists is free, heads are aligned, buddies are not both free, sums agree. */
static void check_lists(void)
{
	u64 sum = 0;

	for (u32 k = 0; k <= BLOCK_ORDER; k++) {
		struct frame *f;

		TAILQ_FOREACH (f, &frames.free[k], free) {
			struct frame *b = f + ((int)((f->pfn ^ (1u << k)) - f->pfn));

			assert_int_equal(f->type, FRAME_FREE);
			assert_int_equal(f->order, k);
			assert_int_equal(f->pfn % (1u << k), 0);
			assert_ptr_equal(frame_of(frame_pa(f)), f);
			if (k < BLOCK_ORDER)
				assert_false(b->type == FRAME_FREE && b->pad == FREE_HEAD &&
					     b->order == k);
			sum += 1ull << k;
		}
		assert_int_equal(!!(frames.nonempty >> k & 1), !TAILQ_EMPTY(&frames.free[k]));
	}
	assert_int_equal(sum, frames.free_frames);
}

static void test_random_blocks(void **state)
{
	enum { N = 400 };
	static struct frame *held[N];
	static u32 order[N];

	start(RAM_SIZE, 1);
	memset(held, 0, sizeof(held));
	srand(1);
	for (int step = 0; step < 20000; step++) {
		u32 i = (u32)rand() % N;

		if (held[i]) {
			u64 *p = frame_va(held[i]);

			/* nobody else wrote here */
			for (u32 k = 0; k < 1u << order[i]; k++)
				assert_int_equal(p[k * PAGE_SIZE / 8], i * 1000 + order[i]);
			frame_free_order(held[i], order[i]);
			held[i] = NULL;
		} else {
			order[i] = (u32)rand() % 100 < 80 ? 0 : (u32)rand() % 6;
			held[i] = frame_alloc_order(order[i], 0);
			if (!held[i])
				continue;
			for (u32 k = 0; k < 1u << order[i]; k++)
				((u64 *)frame_va(held[i]))[k * PAGE_SIZE / 8] = i * 1000 + order[i];
		}
		if (step % 500 == 0)
			check_lists();
	}
	for (u32 i = 0; i < N; i++)
		if (held[i])
			frame_free_order(held[i], order[i]);
	check_lists();
}

static void test_untouched_memory(void **state)
{
	struct frame *f;

	start(RAM_SIZE, 1);
	for (int i = 0; i < 200; i++) {
		f = frame_alloc(FA_ZERO);
		assert_non_null(f);
		assert_true(frame_pa(f).pa < ABI_GPA_RAM + 2 * MIB);
	}
	assert_int_equal(frames.next_block, 1); /* all in the first 2 MiB */
	f = frame_alloc_order(BLOCK_ORDER, 0);
	assert_non_null(f);
	assert_int_equal(frames.next_block, 2);
	frame_free_order(f, BLOCK_ORDER);
}

static void test_limit(void **state)
{
	static struct frame *held[8192];
	struct frame *extra;
	u32 n = 0;

	start(8 * MIB, 1);
	while ((held[n] = frame_alloc(FA_USER | FA_NOSLEEP)))
		n++;
	assert_true(n > 1800 && n < 2048); /* records and image take their part */
	assert_int_equal(stub_reclaims, 0);
	extra = frame_alloc(0); /* the kernel's reserve */
	assert_non_null(extra);
	frame_put(extra);
	assert_null(frame_alloc_order(3, FA_USER)); /* reclaims, kills us, gives up */
	assert_int_equal(stub_reclaims, 1);
	frame_set_limit(16 * MIB);
	assert_non_null(frame_alloc(FA_USER | FA_NOSLEEP));
	while (n)
		frame_put(held[--n]);
}

static void test_slot_added(void **state)
{
	u32 n = 0;

	start(2 * RAM_SIZE, 2);
	while (frame_alloc_order(BLOCK_ORDER, 0))
		n++;
	assert_int_equal(stub_slots_added, 1);
	assert_int_equal(frames.end_block, 2 * RAM_SIZE / (2 * MIB));
	assert_int_equal(n, 2 * RAM_SIZE / (2 * MIB) - 4); /* four chunks, records in each */
}

static void test_giveback(void **state)
{
	struct frame *f[20];

	start(RAM_SIZE, 1);
	for (u32 i = 0; i < 20; i++)
		f[i] = frame_alloc_order(BLOCK_ORDER, 0);
	frames.whole_low = 0;
	for (u32 i = 0; i < 20; i++)
		frame_free_order(f[i], BLOCK_ORDER);
	assert_int_equal(stub_released, 0);
	/* were they used in the period? then they stay; else all but two go, cold ones come back */
	frames.whole_low = frames.whole;
	f[0] = frame_alloc_order(BLOCK_ORDER, 0);
	frame_free_order(f[0], BLOCK_ORDER);
	assert_non_null(stub_timer);
	stub_timer->fn(stub_timer);
	assert_int_equal(stub_released, 20 - KEEP_BLOCKS);
	assert_int_equal(frames.whole, KEEP_BLOCKS);
	check_lists();
	for (u32 i = 0; i < 20; i++)
		assert_non_null(f[i] = frame_alloc_order(BLOCK_ORDER, FA_ZERO));
	assert_int_equal(frames.ncold, 0);
}

static void test_slab(void **state)
{
	enum { N = 600 };
	static u8 *held[N];
	static size_t size[N];

	start(RAM_SIZE, 1);
	slab_init();
	srand(2);
	for (int step = 0; step < 40000; step++) {
		u32 i = (u32)rand() % N;

		if (held[i]) {
			for (size_t k = 0; k < size[i]; k++)
				assert_int_equal(held[i][k], (u8)i);
			kfree(held[i]);
			held[i] = NULL;
			continue;
		}
		size[i] = (size_t)rand() % (rand() % 10 ? 300 : 9000);
		held[i] = kmalloc(size[i]);
		assert_non_null(held[i]);
		assert_int_equal((uintptr_t)held[i] % 16, 0);
		memset(held[i], (int)i, size[i]);
	}
	for (u32 i = 0; i < N; i++)
		kfree(held[i]);
}

static void test_krealloc(void **state)
{
	char *p = NULL;

	for (size_t n = 1; n < 100000; n = n * 3 / 2 + 1) {
		p = krealloc(p, n);
		assert_non_null(p);
		for (size_t k = 0; k < n / 2; k++)
			assert_int_equal(p[k], 'x');
		memset(p, 'x', n);
	}
	kfree(p);
	assert_null(kmalloc(3 * MIB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_blocks), cmocka_unit_test(test_untouched_memory),
		cmocka_unit_test(test_limit),	      cmocka_unit_test(test_slot_added),
		cmocka_unit_test(test_giveback),      cmocka_unit_test(test_slab),
		cmocka_unit_test(test_krealloc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
