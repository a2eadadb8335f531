/* self_test.c - the scripted machine's own promises: a stale TLB entry lives until it is flushed,
 * an absent page is never cached, fibres keep their stacks, the sequence of turns repeats */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "frame.h"
#include "init.h"
#include "machine.h"
#include "mm.h"
#include "time.h"

/* What the machine asks of the kernel, in the little that these tests need. */
static struct cpu cpu0;
static struct frame frames[16];
struct frame *frame_chunks[ARRAY_SIZE(frame_chunks)] = {frames};
struct cpu *cpus[ABI_CPU_MAX] = {&cpu0};
u32 cpu_count = 1;

void frame_free(struct frame *f)
{
}
void ktimer_interrupt(void)
{
}
void mm_shootdown_ipi(void)
{
}
void cpu_main(struct cpu *c)
{
	host_fail("no second CPU here");
}
void __real_spin_lock(struct spinlock *l);
void __real_spin_unlock(struct spinlock *l);
void __real_spin_lock(struct spinlock *l)
{
}
void __real_spin_unlock(struct spinlock *l)
{
}

#define VA 0x10000000ull

static paddr_t page(u32 n)
{
	return PADDR(ABI_GPA_RAM + n * PAGE_SIZE);
}

static int setup(void **state)
{
	static struct mach_space space;

	vcpu_current = &cpu0;
	for (u32 i = 0; i < ARRAY_SIZE(frames); i++)
		frames[i].type = FRAME_ANON;
	assert_int_equal(mach_space_init(&space), 0);
	mach_space_activate(&space);
	*state = &space;
	return 0;
}

static int teardown(void **state)
{
	mach_space_activate(NULL);
	mach_space_free(*state);
	return 0;
}

static void stale_entry_lives_until_flush(void **state)
{
	struct mach_space *s = *state;
	bool present;

	assert_int_equal(mach_map(s, VA, page(1), MACH_READ | MACH_WRITE), -ENOENT);
	assert_int_equal(mach_space_prepare(s, VA, 1), 0);
	assert_true(tlb_translate(VA, MACH_READ, &present) == PAGE_NONE);
	assert_false(present);
	assert_int_equal(mach_map(s, VA, page(1), MACH_READ | MACH_WRITE), 0);
	assert_int_equal(mach_map(s, VA, page(2), MACH_READ), -EEXIST);
	assert_true(tlb_translate(VA + 5, MACH_WRITE, &present) == page(1).pa + 5);
	assert_int_equal(mach_unmap(s, VA, 1, NULL, NULL), 1);
	assert_true(tlb_translate(VA, MACH_WRITE, &present) == page(1).pa);
	assert_int_equal(cpu0.mach.tlb_stale, 1);
	mach_flush_local(VA, 1);
	assert_true(tlb_translate(VA, MACH_WRITE, &present) == PAGE_NONE);
}

static void lost_right_is_kept_until_flush(void **state)
{
	struct mach_space *s = *state;
	bool present;

	assert_int_equal(mach_space_prepare(s, VA, 1), 0);
	assert_int_equal(mach_map(s, VA, page(1), MACH_READ | MACH_WRITE), 0);
	assert_true(tlb_translate(VA, MACH_WRITE, &present) != PAGE_NONE);
	assert_int_equal(mach_protect(s, VA, 1, MACH_READ), 1);
	assert_true(tlb_translate(VA, MACH_WRITE, &present) != PAGE_NONE);
	mach_flush_local(0, 0);
	assert_true(tlb_translate(VA, MACH_WRITE, &present) == PAGE_NONE);
	assert_true(present);
	assert_int_equal(mach_protect(s, VA, 1, 0), 1);
	assert_true(mach_lookup(s, VA).pa.pa == page(1).pa);
	assert_int_equal(mach_lookup(s, VA).prot, 0);
}

static void first_write_through_a_read_entry_marks_dirty(void **state)
{
	struct mach_space *s = *state;
	bool present;

	assert_int_equal(mach_space_prepare(s, VA, 1), 0);
	assert_int_equal(mach_map(s, VA, page(1), MACH_READ | MACH_WRITE), 0);
	assert_true(tlb_translate(VA, MACH_READ, &present) != PAGE_NONE);
	assert_false(mach_lookup(s, VA).dirty);
	assert_true(mach_lookup(s, VA).accessed);
	assert_true(tlb_translate(VA, MACH_WRITE, &present) != PAGE_NONE);
	assert_true(mach_lookup(s, VA).dirty);
	mach_harvest(s, VA, 1, true, NULL, NULL);
	assert_false(mach_lookup(s, VA).dirty);
}

static struct fibre *main_fibre, *other_fibre;
static int trace[6], traced;

static void other_main(void *arg)
{
	int local = *(int *)arg;

	for (;;) {
		trace[traced++] = local++;
		fibre_switch(main_fibre);
	}
}

static void fibres_keep_their_stacks(void **state)
{
	int first = 40;

	main_fibre = fibre_self();
	other_fibre = fibre_new();
	fibre_start(other_fibre, other_main, &first);
	for (int i = 0; i < 3; i++)
		fibre_switch(other_fibre);
	assert_int_equal(traced, 3);
	assert_int_equal(trace[0], 40);
	assert_int_equal(trace[2], 42);
	fibre_free(other_fibre);
}

static void turns_repeat(void **state)
{
	uint64_t a[4];

	host_seed(7);
	for (int i = 0; i < 4; i++)
		a[i] = host_rand();
	host_seed(7);
	for (int i = 0; i < 4; i++)
		assert_true(a[i] == host_rand());
	host_seed(8);
	assert_true(a[0] != host_rand());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(stale_entry_lives_until_flush, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_right_is_kept_until_flush, setup, teardown),
		cmocka_unit_test_setup_teardown(first_write_through_a_read_entry_marks_dirty, setup,
						teardown),
		cmocka_unit_test(fibres_keep_their_stacks),
		cmocka_unit_test(turns_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
