/* ring_test.c - abi/ring.h: layout, wrap-around, the doorbell rule, hostile peers */
#include "abi/ring.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#define ENTRIES 8u

struct pair {
	struct abi_ring *ring;
	struct abi_ring_end prod;
	struct abi_ring_end cons;
};

static void pair_make(struct pair *p, uint32_t entries)
{
	p->ring = aligned_alloc(64, abi_channel_round(abi_ring_bytes(entries)));
	assert_non_null(p->ring);
	memset(p->ring, 0, abi_ring_bytes(entries));
	abi_ring_format(p->ring, entries);
	assert_int_equal(abi_ring_attach(&p->prod, p->ring, entries), ABI_RING_OK);
	assert_int_equal(abi_ring_attach(&p->cons, p->ring, entries), ABI_RING_OK);
}

/* Moves both ends and the shared indices, as if so many descriptors had passed. */
static void pair_wind(struct pair *p, uint32_t at)
{
	p->ring->prod = p->ring->cons = at;
	p->prod.mine = p->prod.shown = p->prod.peer = at;
	p->cons.mine = p->cons.shown = p->cons.peer = at;
	p->ring->cons_event = p->ring->prod_event = at - 1;
}

static void fill_and_drain(struct pair *p)
{
	struct abi_ring_desc d;

	assert_int_equal(abi_ring_get(&p->cons, &d), ABI_RING_AGAIN);
	for (uint32_t i = 0; i < ENTRIES; i++)
		assert_int_equal(abi_ring_put(&p->prod, i, i * 2, i * 3ull << 32), ABI_RING_OK);
	assert_int_equal(abi_ring_put(&p->prod, 99, 0, 0), ABI_RING_AGAIN);
	assert_int_equal(abi_ring_get(&p->cons, &d), ABI_RING_AGAIN); /* not published yet */
	abi_ring_publish(&p->prod);
	for (uint32_t i = 0; i < ENTRIES; i++) {
		assert_int_equal(abi_ring_get(&p->cons, &d), ABI_RING_OK);
		assert_int_equal(d.id, i);
		assert_int_equal(d.len, i * 2);
		assert_true(d.off == i * 3ull << 32);
	}
	assert_int_equal(abi_ring_get(&p->cons, &d), ABI_RING_AGAIN);
	assert_int_equal(abi_ring_put(&p->prod, 99, 0, 0), ABI_RING_AGAIN); /* not released yet */
	abi_ring_release(&p->cons);
	assert_int_equal(abi_ring_used(&p->prod), 0);
}

static void test_wraparound(void **state)
{
	const uint32_t starts[] = {0, 5, 0x7ffffffd, 0xfffffff8, 0xfffffffb, 0xffffffff};
	struct pair p;

	(void)state;
	pair_make(&p, ENTRIES);
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		pair_wind(&p, starts[i]);
		for (int round = 0; round < 3; round++)
			fill_and_drain(&p);
	}
	free(p.ring);
}

static void test_doorbell_once_per_sleep(void **state)
{
	const uint32_t starts[] = {0, 0xfffffffd};
	struct abi_ring_desc d;
	struct pair p;

	(void)state;
	pair_make(&p, ENTRIES);
	for (size_t i = 0; i < 2; i++) {
		pair_wind(&p, starts[i]);
		/* Awake: no doorbell. */
		abi_ring_put(&p.prod, 1, 0, 0);
		assert_int_equal(abi_ring_publish(&p.prod), 0);
		/* Armed with something there: must not sleep. */
		assert_int_equal(abi_ring_arm_get(&p.cons), ABI_RING_OK);
		assert_int_equal(abi_ring_get(&p.cons, &d), ABI_RING_OK);
		abi_ring_release(&p.cons);
		/* Asleep: the first publish rings, the next do not. */
		assert_int_equal(abi_ring_arm_get(&p.cons), ABI_RING_AGAIN);
		abi_ring_put(&p.prod, 2, 0, 0);
		abi_ring_put(&p.prod, 3, 0, 0);
		assert_int_equal(abi_ring_publish(&p.prod), 1);
		abi_ring_put(&p.prod, 4, 0, 0);
		assert_int_equal(abi_ring_publish(&p.prod), 0);
		assert_int_equal(abi_ring_publish(&p.prod), 0); /* nothing new */
		while (abi_ring_get(&p.cons, &d) == ABI_RING_OK)
			;
		abi_ring_release(&p.cons);
		assert_int_equal(abi_ring_arm_get(&p.cons), ABI_RING_AGAIN);
		abi_ring_disarm_get(&p.cons);
		abi_ring_put(&p.prod, 5, 0, 0);
		assert_int_equal(abi_ring_publish(&p.prod), 0);
		assert_int_equal(abi_ring_get(&p.cons, &d), ABI_RING_OK);
		assert_int_equal(d.id, 5);
	}
	free(p.ring);
}

static void test_doorbell_for_room(void **state)
{
	struct abi_ring_desc d;
	struct pair p;

	(void)state;
	pair_make(&p, ENTRIES);
	pair_wind(&p, 0xfffffffc);
	for (uint32_t i = 0; i < ENTRIES; i++)
		abi_ring_put(&p.prod, i, 0, 0);
	abi_ring_publish(&p.prod);
	assert_int_equal(abi_ring_arm_put(&p.prod), ABI_RING_AGAIN);
	assert_int_equal(abi_ring_get(&p.cons, &d), ABI_RING_OK);
	assert_int_equal(abi_ring_release(&p.cons), 1);
	assert_int_equal(abi_ring_get(&p.cons, &d), ABI_RING_OK);
	assert_int_equal(abi_ring_release(&p.cons), 0);
	assert_int_equal(abi_ring_arm_put(&p.prod), ABI_RING_OK);
	free(p.ring);
}

static void test_hostile_producer(void **state)
{
	const uint32_t wild[] = {ENTRIES + 1, 100, 0x7fffffff, 0x80000000, 0xffffffff};
	struct abi_ring_desc d;
	struct pair p;

	(void)state;
	pair_make(&p, ENTRIES);
	for (size_t i = 0; i < sizeof(wild) / sizeof(*wild); i++) {
		pair_wind(&p, 3);
		p.cons.broken = 0;
		p.ring->prod = 3 + wild[i];
		assert_int_equal(abi_ring_get(&p.cons, &d), ABI_RING_BROKEN);
		p.ring->prod = 4; /* too late */
		assert_int_equal(abi_ring_get(&p.cons, &d), ABI_RING_BROKEN);
		assert_int_equal(abi_ring_arm_get(&p.cons), ABI_RING_BROKEN);
		assert_int_equal(abi_ring_release(&p.cons), 0);
	}
	/* Taking back what was published is no better. */
	pair_wind(&p, 3);
	p.cons.broken = 0;
	p.ring->prod = 6;
	assert_int_equal(abi_ring_get(&p.cons, &d), ABI_RING_OK);
	p.ring->prod = 5;
	assert_int_equal(abi_ring_ready(&p.cons), ABI_RING_BROKEN);
	free(p.ring);
}

static void test_hostile_consumer(void **state)
{
	const uint32_t wild[] = {1, ENTRIES, 0x80000000, 0xffffffff};
	struct pair p;

	(void)state;
	pair_make(&p, ENTRIES);
	for (size_t i = 0; i < sizeof(wild) / sizeof(*wild); i++) {
		pair_wind(&p, 0xfffffffe);
		p.prod.broken = 0;
		for (uint32_t n = 0; n < ENTRIES; n++)
			assert_int_equal(abi_ring_put(&p.prod, n, 0, 0), ABI_RING_OK);
		/* Published are none: every move of cons is a lie. */
		p.ring->cons = 0xfffffffe + wild[i];
		assert_int_equal(abi_ring_put(&p.prod, 9, 0, 0), ABI_RING_BROKEN);
		assert_int_equal(abi_ring_publish(&p.prod), 0);
		assert_int_equal(abi_ring_arm_put(&p.prod), ABI_RING_BROKEN);
	}
	free(p.ring);
}

static void test_attach_checks(void **state)
{
	struct abi_ring_end e;
	struct pair p;

	(void)state;
	pair_make(&p, ENTRIES);
	assert_int_equal(abi_ring_attach(&e, p.ring, ENTRIES * 2), ABI_RING_BROKEN);
	assert_int_equal(abi_ring_attach(&e, p.ring, 3), ABI_RING_BROKEN);
	assert_int_equal(abi_ring_attach(&e, p.ring, 0), ABI_RING_BROKEN);
	p.ring->version++;
	assert_int_equal(abi_ring_attach(&e, p.ring, ENTRIES), ABI_RING_BROKEN);
	p.ring->version--;
	p.ring->magic ^= 1;
	assert_int_equal(abi_ring_attach(&e, p.ring, ENTRIES), ABI_RING_BROKEN);
	free(p.ring);
}

#define REGION 65536u

static void test_channel(void **state)
{
	uint8_t *base = aligned_alloc(4096, REGION);
	struct abi_ring_end req, cpl;
	struct abi_channel c;

	(void)state;
	memset(base, 0, REGION);
	assert_int_equal(abi_channel_open(&c, base, REGION, 1), ABI_RING_BROKEN);
	assert_int_equal(abi_channel_format(base, REGION, 1, 64, 64, 512), ABI_RING_OK);
	assert_int_equal(abi_channel_open(&c, base, REGION, 1), ABI_RING_OK);
	assert_int_equal(abi_channel_open(&c, base, REGION, 2), ABI_RING_BROKEN);
	assert_int_equal(abi_channel_open(&c, base, REGION - 1, 1), ABI_RING_BROKEN);
	assert_int_equal(abi_channel_rings(&c, &req, &cpl), ABI_RING_OK);
	assert_int_equal(c.data_off % 4096, 0);
	assert_int_equal(c.data_off + c.data_size, REGION);
	assert_non_null(abi_channel_slot(&c, 63));
	assert_null(abi_channel_slot(&c, 64));
	assert_null(abi_channel_slot(&c, 0xffffffff));
	assert_non_null(abi_channel_data(&c, c.data_size, 0));
	assert_null(abi_channel_data(&c, c.data_size, 1));
	assert_null(abi_channel_data(&c, 0xffffffff, 0xffffffff));
	assert_null(abi_channel_data(&c, 1, 0xffffffff));
	assert_int_equal(abi_channel_closed(&c), 0);
	abi_channel_close(&c, 0);
	assert_int_not_equal(abi_channel_closed(&c), 0);
	assert_int_equal(abi_channel_format(base, REGION, 1, 63, 63, 512), ABI_RING_BROKEN);
	assert_int_equal(abi_channel_format(base, REGION, 1, 64, 65, 512), ABI_RING_BROKEN);
	assert_int_equal(abi_channel_format(base, REGION, 1, 64, 64, 500), ABI_RING_BROKEN);
	assert_int_equal(abi_channel_format(base, 4096, 1, 64, 64, 512), ABI_RING_BROKEN);
	free(base);
}

/* Every header field set to every interesting value: open either refuses, or what it accepts lies
 * inside the region. */
static void test_channel_hostile_header(void **state)
{
	const uint32_t values[] = {0,	       1,	   63,		64,
				   128,	       4096,	   REGION - 64, REGION,
				   0x7fffffff, 0xffffff40, 0xffffffc0,	0xffffffff};
	uint8_t *base = aligned_alloc(4096, REGION);
	uint32_t *words = (uint32_t *)(void *)base, refused = 0;

	(void)state;
	for (uint32_t w = 0; w < 16; w++)
		for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
			struct abi_ring_end req, cpl;
			struct abi_channel c;

			memset(base, 0, REGION);
			abi_channel_format(base, REGION, 1, 64, 64, 512);
			words[w] = values[v];
			if (abi_channel_open(&c, base, REGION, 1)) {
				refused++;
				continue;
			}
			assert_true((uint64_t)c.data_off + c.data_size <= REGION);
			assert_true((uint64_t)c.slot_off + c.slot_count * c.slot_size <= REGION);
			/* Reads the rings' heads: ASan would object. */
			abi_channel_rings(&c, &req, &cpl);
		}
	assert_true(refused > 100);
	free(base);
}

/* Two threads, both sleeping as soon as they may, on a tiny ring: a lost wake-up is a test that
 * never ends (meson's timeout), a spurious one costs nothing. */
#define RACE_COUNT 200000u

struct race {
	struct pair p;
	int work, room; /* eventfds */
	uint32_t sum;
	int broken;
};

static void race_wait(int fd)
{
	uint64_t n;

	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
}

static void race_ring(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void *race_producer(void *arg)
{
	struct race *t = arg;

	for (uint32_t i = 0; i < RACE_COUNT;) {
		int r = abi_ring_put(&t->p.prod, i, ~i, i);

		if (r == ABI_RING_OK) {
			i++;
			if (i % 3 && abi_ring_publish(&t->p.prod))
				race_ring(t->work);
			continue;
		}
		if (r == ABI_RING_BROKEN) {
			t->broken = 1;
			return NULL;
		}
		if (abi_ring_publish(&t->p.prod))
			race_ring(t->work);
		if (abi_ring_arm_put(&t->p.prod) == ABI_RING_AGAIN)
			race_wait(t->room);
	}
	if (abi_ring_publish(&t->p.prod))
		race_ring(t->work);
	return NULL;
}

static void race_consume(struct race *t)
{
	for (uint32_t i = 0; i < RACE_COUNT;) {
		struct abi_ring_desc d;
		int r = abi_ring_get(&t->p.cons, &d);

		if (r == ABI_RING_OK) {
			assert_int_equal(d.id, i);
			assert_int_equal(d.len, ~i);
			assert_int_equal(d.off, i);
			i++;
			if (i % 2 && abi_ring_release(&t->p.cons))
				race_ring(t->room);
			continue;
		}
		assert_int_equal(r, ABI_RING_AGAIN);
		if (abi_ring_release(&t->p.cons))
			race_ring(t->room);
		if (abi_ring_arm_get(&t->p.cons) == ABI_RING_AGAIN)
			race_wait(t->work);
	}
}

static void test_suppression_race(void **state)
{
	struct race t = {.work = eventfd(0, 0), .room = eventfd(0, 0)};
	pthread_t thread;

	(void)state;
	pair_make(&t.p, 4);
	pair_wind(&t.p, 0xffffff00);
	assert_int_equal(pthread_create(&thread, NULL, race_producer, &t), 0);
	race_consume(&t);
	pthread_join(thread, NULL);
	assert_int_equal(t.broken, 0);
	free(t.p.ring);
	close(t.work);
	close(t.room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wraparound),
		cmocka_unit_test(test_doorbell_once_per_sleep),
		cmocka_unit_test(test_doorbell_for_room),
		cmocka_unit_test(test_hostile_producer),
		cmocka_unit_test(test_hostile_consumer),
		cmocka_unit_test(test_attach_checks),
		cmocka_unit_test(test_channel),
		cmocka_unit_test(test_channel_hostile_header),
		cmocka_unit_test(test_suppression_race),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
