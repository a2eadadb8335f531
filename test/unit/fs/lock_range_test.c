/* lock_range_test.c - record locks as data, against a byte-by-byte model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "abi/linux/fcntl.h"
#include "fs/lock_range.h"
#include "log.h"

#define BYTES  40
#define OWNERS 3

noreturn void panic(const char *fmt, ...)
{
	fprintf(stderr, "panic: %s\n", fmt);
	abort();
}

static struct lock_list list = TAILQ_HEAD_INITIALIZER(list);
static int model[OWNERS][BYTES]; /* 0 none, 1 shared, 2 exclusive */
static const int owners[OWNERS];

static void free_list(struct lock_list *l)
{
	struct lock_range *e;

	while ((e = TAILQ_FIRST(l))) {
		TAILQ_REMOVE(l, e, link);
		free(e);
	}
}

static void apply(const struct lock_range *r)
{
	struct lock_range *spare[2] = {malloc(sizeof(*r)), malloc(sizeof(*r))};
	struct lock_list gone = TAILQ_HEAD_INITIALIZER(gone);

	lock_apply(&list, r, spare, &gone);
	free(spare[0]);
	free(spare[1]);
	free_list(&gone);
}

static bool model_conflict(int owner, const struct lock_range *r)
{
	for (int o = 0; o < OWNERS; o++)
		for (uint64_t b = r->start; o != owner && b <= r->end; b++)
			if (model[o][b] == 2 || (model[o][b] && r->type == ABI_F_WRLCK))
				return true;
	return false;
}

static void check_list(void)
{
	struct lock_range *e, *f;
	int got[OWNERS][BYTES] = {{0}};
	uint64_t last = 0;

	TAILQ_FOREACH (e, &list, link) {
		assert_true(e->start <= e->end && e->start >= last);
		last = e->start;
		for (uint64_t b = e->start; b <= e->end; b++) {
			int o = (int)((const int *)e->owner - owners);

			assert_int_equal(got[o][b], 0);
			got[o][b] = e->type == ABI_F_WRLCK ? 2 : 1;
		}
		TAILQ_FOREACH (f, &list, link)
			assert_false(f != e && f->owner == e->owner && f->type == e->type &&
				     f->start == e->end + 1);
	}
	assert_memory_equal(got, model, sizeof(model));
}

static void random_operations(void **state)
{
	static const uint32_t types[] = {ABI_F_RDLCK, ABI_F_WRLCK, ABI_F_UNLCK};

	srand(1);
	for (int i = 0; i < 20000; i++) {
		int o = rand() % OWNERS, a = rand() % BYTES, b = rand() % BYTES;
		struct lock_range r = {.start = (uint64_t)(a < b ? a : b),
				       .end = (uint64_t)(a < b ? b : a),
				       .type = types[rand() % 3],
				       .owner = &owners[o]};
		bool clash = r.type != ABI_F_UNLCK && model_conflict(o, &r);

		if (r.type != ABI_F_UNLCK)
			assert_int_equal(lock_conflict(&list, &r) != NULL, clash);
		if (clash)
			continue;
		apply(&r);
		for (uint64_t k = r.start; k <= r.end; k++)
			model[o][k] = r.type == ABI_F_UNLCK ? 0 : r.type == ABI_F_WRLCK ? 2 : 1;
		check_list();
	}
	free_list(&list);
}

static void to_the_end(void **state)
{
	struct lock_range r = {.start = 10, .end = ~0ull, .type = ABI_F_WRLCK, .owner = &owners[0]};

	apply(&r);
	r.start = 0;
	r.end = 9;
	apply(&r); /* joins */
	assert_true(TAILQ_FIRST(&list)->start == 0 && TAILQ_FIRST(&list)->end == ~0ull);
	assert_null(TAILQ_NEXT(TAILQ_FIRST(&list), link));
	r.type = ABI_F_UNLCK;
	r.start = r.end = ~0ull;
	apply(&r);
	assert_true(TAILQ_FIRST(&list)->end == ~0ull - 1);
	free_list(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(to_the_end),
	};

	return cmocka_run_group_tests_name("lock_range", tests, NULL, NULL);
}
