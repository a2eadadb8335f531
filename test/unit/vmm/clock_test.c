/* clock_test.c - vmm/sandbox/clock.c: the time page's arithmetic */
#include "vmm/sandbox/clock.h"

#include "test/unit/vmm/test.h"

#define SEC 1000000000ull

static struct clock_state clock_at(uint64_t khz, uint64_t tsc, uint64_t ns)
{
	struct clock_state c = {.tsc_base = tsc, .mono_ns = ns};

	clock_scale(khz, &c.nominal, &c.shift);
	c.mult = c.nominal;
	return c;
}

static void test_scale(void **state)
{
	static const uint64_t khz[] = {1000, 24000, 999999, 1000000, 2400000, 3700000, 5000000};

	for (size_t i = 0; i < sizeof(khz) / sizeof(*khz); i++) {
		struct clock_state c = clock_at(khz[i], 1000, 5);
		uint64_t second = clock_read(&c, 1000 + khz[i] * 1000) - 5;

		/* A second is a second within one part in a million. */
		assert_in_range(second, SEC - 1000, SEC + 1000);
	}
}

static void test_forward(void **state)
{
	struct clock_state c = clock_at(2000000, 0, 0);
	uint64_t last = 0, host = 0, tsc = 0;

	/* The host's clock runs 100 ppm fast, then slow: ours follows and never goes back. */
	for (unsigned i = 0; i < 60; i++) {
		tsc += 2 * SEC;
		host += SEC + (i < 30 ? 100000 : -100000);
		for (uint64_t t = tsc - 1000; t <= tsc; t += 100) {
			assert_true(clock_read(&c, t) >= last);
			last = clock_read(&c, t);
		}
		clock_steer(&c, tsc, host);
		assert_true(clock_read(&c, tsc) >= last);
		if (i > 5 && i != 30 && i != 31)
			assert_in_range(host + 250000 - clock_read(&c, tsc), 0, 500000);
	}
}

static void test_step(void **state)
{
	struct clock_state c = clock_at(1000000, 0, 0);

	/* Far behind (the host slept): it jumps ahead. */
	clock_steer(&c, SEC, 10 * SEC);
	assert_int_equal(clock_read(&c, SEC), 10 * SEC);
	assert_int_equal(c.mult, c.nominal);
	/* Far ahead: it slows down but goes on. */
	clock_steer(&c, 2 * SEC, 10 * SEC);
	assert_true(clock_read(&c, 2 * SEC) >= 11 * SEC - 10);
	assert_true(c.mult < c.nominal);
	assert_true(clock_read(&c, 3 * SEC) > clock_read(&c, 2 * SEC) + SEC / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
