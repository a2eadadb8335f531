/* switch.S - from one kernel stack to another, and to the thread's own */
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

	/* void stack_call(void *top, void (*fn)(void *arg), void *arg): does not return */
	.globl	stack_call
	.type	stack_call, @function
stack_call:
	movq	%rdi, %rsp
	movq	%rdx, %rdi
	xorl	%ebp, %ebp
	call	*%rsi
	ud2
	.size	stack_call, . - stack_call

	/* s64 host_stack_call(u64 sp, s64 (*fn)(void *a, u32 b), void *a, u32 b) */
	.globl	host_stack_call
	.type	host_stack_call, @function
host_stack_call:
	pushq	%rbp
	movq	%rsp, %rbp
	movq	%rdi, %rsp
	andq	$-16, %rsp
	movq	%rsi, %rax
	movq	%rdx, %rdi
	movl	%ecx, %esi
	call	*%rax
	movq	%rbp, %rsp
	popq	%rbp
	ret
	.size	host_stack_call, . - host_stack_call
	.section .note.GNU-stack, "", @progbits
