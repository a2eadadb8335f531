/* blob.S - the vDSO inside the kernel's image, on pages of its own: they are mapped to programs */
	.section .rodata.vdso, "a"
	.balign	4096
	.globl	vdso_start
vdso_start:
	.incbin	VDSO_IMAGE
	.balign	4096
	.globl	vdso_end
vdso_end:
	.section .note.GNU-stack, "", @progbits
