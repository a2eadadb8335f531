/* selftest.c - does, when a program asks for it, what the sanitizers must report
 *
 * Only the sanitizer build has it. Trust: a program can end its sandbox with it.
 * Tests: test/hosted/sanitized.c
 */
#include "../hosted.h"
#include "frame.h"
#include "log.h"
#include "sanitize.h"
#include "slab.h"
#include "string.h"

static u8 table[13];
static volatile u32 n = 1; /* volatile: else the other sanitizer sees it first */

static void use_after_free(void)
{
	u32 *p = kmalloc(40);

	if (!p)
		return;
	kfree(p);
	p[n] = 1;
}

static void beyond_object(void)
{
	u8 *p = kmalloc(40);

	if (!p)
		return;
	p[39 + n] = 1;
	kfree(p);
}

static void beyond_variable(void)
{
	volatile u8 a[24] = {0};
	volatile u8 *volatile p = a;

	p[23 + n] = a[n];
}

static void beyond_global(void)
{
	u8 *volatile p = table;

	p[12 + n] = 1;
}

static void free_frame(void)
{
	struct frame *f = frame_alloc(0);
	volatile u8 *p;

	if (!f)
		return;
	p = frame_va(f);
	frame_put(f);
	p[100 * n] = 1;
}

static void copy_too_much(void)
{
	u8 *p = kmalloc(100), q[100];

	if (!p)
		return;
	memset(q, 0, sizeof(q));
	memcpy(p, q, 80 + 20 * n);
	memcpy(p + n, q, 100);
	kfree(p);
}

static void shift_too_far(void)
{
	volatile u32 bits = 31 + n, one = 1;

	one <<= bits;
}

/* No sanitizer's: the fault that the boot process catches (vmm/systrap/fault.c). */
static void wild_pointer(void)
{
	u64 *volatile p = (u64 *)0x123450;

	p[n] = 1;
}

static void (*const tests[])(void) = {
	use_after_free, beyond_object, beyond_variable, beyond_global,
	free_frame,	copy_too_much, shift_too_far,	wild_pointer,
};

void sanitize_self_test(u64 nr)
{
	u32 i = (u32)nr - SANITIZE_CALL;

	if (i < ARRAY_SIZE(tests))
		tests[i]();
}
