/* program.h - this program's own addresses, as text that has names put to it elsewhere
 *
 * Boot has no file to look names up in, and its program lies at another address each time. So it
 * writes an address of its code as PROGRAM_WORD: which build, and the distance from the program's
 * start. A command of the same build puts the name behind it (vmm/cli/symbols.c); without one,
 * addr2line -e runsc takes the number as it stands.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_PREFIX "runsc["
#define PROGRAM_WORD   PROGRAM_PREFIX "%08x]+%#llx" /* program_build(), offset */

/* The first bytes of the build's ID (an ELF note); 0: it has none. */
uint32_t program_build(void);
/* The distance of an address in this program's memory from its start; false: it is not there. */
bool program_offset(uint64_t va, uint64_t *offset);
/* Copies memory of this process where it can be read: whatever the address. */
bool program_read(uint64_t va, void *to, size_t len);
