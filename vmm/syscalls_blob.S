/* syscalls_blob.S - the list of system calls as text; see vmm/cli/help.c */
	.section .rodata, "a"
	.globl syscalls_table_start, syscalls_table_end, syscalls_json_start, syscalls_json_end
syscalls_table_start:
	.incbin SYSCALLS_TABLE
syscalls_table_end:
syscalls_json_start:
	.incbin SYSCALLS_JSON
syscalls_json_end:
	.byte 0
	.section .note.GNU-stack, "", %progbits
