/* ucopy.c - user copies: what lies above user space is absent (machine.h, "user memory") */
#include "kernel.h"

u64 mach_user_top = 0x7ffffffff000ull; /* the last page stays empty, as on Linux */

/* Bytes of [va, va + n) that lie in user space. */
static size_t user_part(u64 va, size_t n)
{
	if (unlikely(va >= mach_user_top))
		return 0;
	return MIN(n, (size_t)(mach_user_top - va));
}

size_t mach_copy_in(void *dst, u64 src_va, size_t n)
{
	size_t part = user_part(src_va, n);

	return n - part + (part ? ucopy(dst, (const void *)src_va, part) : 0);
}

size_t mach_copy_out(u64 dst_va, const void *src, size_t n)
{
	size_t part = user_part(dst_va, n);

	return n - part + (part ? ucopy((void *)dst_va, src, part) : 0);
}

size_t mach_zero_out(u64 dst_va, size_t n)
{
	size_t part = user_part(dst_va, n);

	return n - part + (part ? uzero((void *)dst_va, part) : 0);
}

void mach_copy_str(char *dst, u64 src_va, size_t n, size_t *len, bool *found)
{
	u64 hit;

	*len = ustr(dst, (const char *)src_va, user_part(src_va, n), &hit);
	*found = hit;
}

int mach_cmpxchg_user(u64 va, u32 *expected, u32 desired)
{
	if (va >= mach_user_top || va & 3 || ucmpxchg((u32 *)va, expected, desired))
		return -EFAULT;
	return 0;
}

int mach_load_user32(u64 va, u32 *value)
{
	if (va >= mach_user_top || va & 3 || uload32((const u32 *)va, value))
		return -EFAULT;
	return 0;
}
