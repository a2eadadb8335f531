/* layout_main.c - prints where a header of abi/ differs from the system's */
#include "layout.h"

#include <stdio.h>

int main(void)
{
	unsigned compared = 0, failed = 0;

	for (const struct layout_entry *e = layout_entries; e->name; e++) {
		compared++;
		if (e->what && e->ours == e->theirs)
			continue;
		failed++;
		if (e->what)
			printf("%s: %s is %#llx, the system's %s %#llx\n", layout_header, e->name,
			       e->ours, e->what, e->theirs);
		else
			printf("%s: %s: the system has no such name, and layout_names.py no "
			       "reason\n",
			       layout_header, e->name);
	}
	printf("%s: %u compared, %u differ\n", layout_header, compared, failed);
	return failed || !compared;
}
