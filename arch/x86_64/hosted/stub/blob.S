/* blob.S - the stub's code inside runsc */
	.section .rodata.stub, "a"
	.balign	4096
	.globl	stub_image_start, stub_image_end
stub_image_start:
	.incbin	STUB_IMAGE
stub_image_end:
	.byte	0
	.section .note.GNU-stack, "", @progbits
