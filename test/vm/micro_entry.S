/* micro_entry.S - entry points of the micro kernel (micro.c) */
	.text
	.globl micro_entry, ap_entry
micro_entry:
	lea	stack_bsp_end(%rip), %rsp
	xor	%ebp, %ebp
	call	micro_main
1:	hlt
	jmp	1b
ap_entry:
	lea	stack_ap_end(%rip), %rsp
	xor	%ebp, %ebp
	call	micro_ap
1:	hlt
	jmp	1b

	.bss
	.balign 16
	.skip	16384
stack_bsp_end:
	.skip	16384
stack_ap_end:
	.section .note.GNU-stack, "", %progbits
