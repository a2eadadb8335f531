/* undefined.c - the undefined-behaviour sanitizer's runtime of the hosted machine, and a self test
 *
 * Provides: the functions that -fsanitize=undefined calls in code that must not go on: each ends
 *   the sandbox, as a report of shadow.c does. What they are given begins with the place in the
 *   source; the types that follow are not told, only the first value.
 * Tests: test/hosted/sanitized.c, by sanitize_self_test()
 */
#include "../hosted.h"
#include "frame.h"
#include "log.h"
#include "sanitize.h"
#include "slab.h"
#include "string.h"

struct place {
	const char *file;
	u32 line, column;
};

static noreturn void undefined(const struct place *at, const char *what, u64 value, u64 pc)
{
	static char text[300];

	ksnprintf(text, sizeof(text), "%s at %s:%u:%u, value %#lx", what, at->file, at->line,
		  at->column, value);
	sanitize_report("undefined behaviour", text, 0, 0, pc);
	panic("undefined behaviour while another report is under way");
}

#define PC ((u64)__builtin_return_address(0))
#define HANDLER(name, what)                                                         \
	noreturn void __ubsan_handle_##name##_abort(const struct place *at, u64 a); \
	noreturn void __ubsan_handle_##name##_abort(const struct place *at, u64 a)  \
	{                                                                           \
		undefined(at, what, a, PC);                                         \
	}

HANDLER(add_overflow, "an addition overflows")
HANDLER(sub_overflow, "a subtraction overflows")
HANDLER(mul_overflow, "a multiplication overflows")
HANDLER(negate_overflow, "a negation overflows")
HANDLER(divrem_overflow, "a division overflows")
HANDLER(shift_out_of_bounds, "a shift of too many bits, or of a negative value")
HANDLER(out_of_bounds, "an index beyond its array")
HANDLER(type_mismatch_v1, "a null or misaligned pointer, or too small an object")
HANDLER(vla_bound_not_positive, "an array without elements")
HANDLER(load_invalid_value, "a value that its type does not have")
HANDLER(pointer_overflow, "pointer arithmetic wraps")
HANDLER(nonnull_arg, "a null argument")
HANDLER(invalid_builtin, "a zero where bits are counted")

noreturn void __ubsan_handle_builtin_unreachable(const struct place *at);
noreturn void __ubsan_handle_builtin_unreachable(const struct place *at)
{
	undefined(at, "an unreachable place is reached", 0, PC);
}

noreturn void __ubsan_handle_nonnull_return_v1_abort(const void *unused, const struct place *at);
noreturn void __ubsan_handle_nonnull_return_v1_abort(const void *unused, const struct place *at)
{
	undefined(at, "a null result", 0, PC);
}
