/* switch.S - to a first stack, and to the thread's own (kernel/switch.S has the rest) */
	.text
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
