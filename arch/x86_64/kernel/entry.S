/* entry.S - where the VMM enters: CPU 0 at _start, the others at ap_entry (abi/boot.h) */

	.section .text.entry, "ax"
	.globl	_start
_start:
	leaq	boot_stack_top(%rip), %rsp
	xorl	%ebp, %ebp
	pushq	%rbp
	pushq	%rbp
	call	boot_main
	ud2

	/* rsi: number of the vCPU. Still on the VMM's tables, where no other stack is mapped. */
	.globl	ap_entry
ap_entry:
	movq	kernel_root(%rip), %rax
	movq	ap_cr4(%rip), %rcx
	movq	%rcx, %cr4
	movl	$0xc0000080, %ecx	/* EFER: no-execute must be legal in the tables first */
	rdmsr
	orl	$0x801, %eax
	wrmsr
	movq	kernel_root(%rip), %rax
	movq	%rax, %cr3
	movq	ap_stacks(,%rsi,8), %rsp
	movl	%esi, %edi
	xorl	%ebp, %ebp
	pushq	%rbp
	pushq	%rbp
	call	boot_ap
	ud2

	/* stack_call(top, fn, arg): goes on as fn(arg) on another stack, for ever */
	.globl	stack_call
stack_call:
	movq	%rdi, %rsp
	movq	%rdx, %rdi
	xorl	%ebp, %ebp
	pushq	%rbp
	pushq	%rbp
	call	*%rsi
	ud2

	/* The first page is left unmapped: an overflow faults. */
	.section .bss.boot_stack, "aw", @nobits
	.balign	4096
	.globl	boot_stack
boot_stack:
	.skip	4096 + 16384
boot_stack_top:
	.globl	boot_ist
boot_ist:
	.skip	16384

	.section .note.GNU-stack, "", @progbits
