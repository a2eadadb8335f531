/* kernel_blob.S - the guest kernel's ELF image inside this program; see vmm/sandbox/image.h */
	.section .rodata, "a"
	.globl kernel_image_start, kernel_image_end
	.balign 16
kernel_image_start:
	.incbin KERNEL_IMAGE
kernel_image_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
