/* switch.S - from one kernel stack to another, in ring 0 and in the hosted machine */
	.text
	/* void ctx_swap(u64 *save_sp, u64 next_sp) */
	.globl	ctx_swap
	.type	ctx_swap, @function
	.balign	32
ctx_swap:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.size	ctx_swap, . - ctx_swap

	/* The first return of a new context: fn in r12, its argument in r13. */
	.globl	ctx_start
	.type	ctx_start, @function
ctx_start:
	movq	%r13, %rdi
	xorl	%ebp, %ebp
	call	*%r12
	ud2
	.size	ctx_start, . - ctx_start

	.section .note.GNU-stack, "", @progbits
