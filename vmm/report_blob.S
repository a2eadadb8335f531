/* report_blob.S - the report program inside this program; see vmm/cli/report.c */
	.section .rodata, "a"
	.globl report_program_start, report_program_end
	.balign 16
report_program_start:
	.incbin REPORT_PROGRAM
report_program_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
