/* report.h - the report of a guest kernel's death, as the command writes it */
#pragma once
#include <stddef.h>

struct report {
	char *text; /* owned */
	size_t len;
};

/* Takes in one more part; parts beyond a MiB are dropped. */
void report_add(struct report *r, const char *text, size_t len);

/* Appends it to a file, its code disassembled. 0, or -1: nothing could be written. */
int report_write(const struct report *r, const char *path, int append);
