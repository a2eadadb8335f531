/* symbols.h - names for addresses of this program (vmm/util/program.h) */
#pragma once
#include <stddef.h>
#include <stdio.h>

/* Writes the text with a name behind each PROGRAM_WORD of this build. The text is not trusted. */
void symbols_write(FILE *out, const char *text, size_t len);
