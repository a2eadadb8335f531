/* faults.c - memory that is not there, at the moment that a script asks for
 *
 * The linker sends the kernel's allocations here first. Only those of a script's own processes
 * fail, never the first program's or a kernel task's: what is tried is that a system call unwinds.
 */
#include "fuzz.h"
#include "frame.h"
#include "slab.h"
#include "task.h"

static u32 countdown; /* 0: none fails */

void machine_fail_after(u32 n)
{
	countdown = n;
}

static bool fails(void)
{
	const struct task *t = cpu_current();

	if (!countdown || !t || t->is_kernel || !t->proc || t->proc->pid <= 1)
		return false;
	return --countdown == 0;
}

#define FAILING(type, name, params, args)  \
	type __real_##name params;         \
	type __wrap_##name params;         \
	type __wrap_##name params          \
	{                                  \
		if (fails())               \
			return NULL;       \
		return __real_##name args; \
	}

FAILING(void *, kmalloc, (size_t size), (size))
FAILING(void *, kzalloc, (size_t size), (size))
FAILING(void *, slab_alloc, (struct slab_cache * c), (c))
FAILING(void *, slab_zalloc, (struct slab_cache * c), (c))
FAILING(struct frame *, frame_alloc, (u32 flags), (flags))
FAILING(struct frame *, frame_alloc_order, (u32 order, u32 flags), (order, flags))
