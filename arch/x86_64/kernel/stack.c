/* stack.c - the first frame of a kernel stack, and walking one: any x86-64 machine (switch.S) */
#include "kernel.h"
#include "task.h"

void mach_ctx_init(struct task *t, void (*fn)(void *arg), void *arg)
{
	u64 *sp = (u64 *)(void *)((char *)t->kstack + KSTACK_SIZE);

	*--sp = 0; /* ends the chain of frames, and aligns the stack for ctx_start's call */
	*--sp = 0;
	*--sp = (u64)ctx_start;
	*--sp = 0;	  /* rbp */
	*--sp = 0;	  /* rbx */
	*--sp = (u64)fn;  /* r12 */
	*--sp = (u64)arg; /* r13 */
	*--sp = 0;	  /* r14 */
	*--sp = 0;	  /* r15 */
	t->ctx.sp = (u64)sp;
}

size_t mach_backtrace(const struct task *t, u64 *pc, size_t max)
{
	const u64 *fp = t ? (const u64 *)t->ctx.sp + 5 : __builtin_frame_address(0);
	u64 low = (u64)fp & ~(KSTACK_SIZE - 1ul), high = low + KSTACK_SIZE;
	size_t n = 0;

	/* The saved rbp and the return address lie side by side, as in any frame. */
	while (n < max && (u64)fp >= low && (u64)fp < high - 8 && !((u64)fp & 7) && fp[1]) {
		pc[n++] = fp[1];
		if (fp[0] <= (u64)fp)
			break;
		fp = (const u64 *)fp[0];
	}
	return n;
}
