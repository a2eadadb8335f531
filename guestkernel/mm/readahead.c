/* readahead.c - how many pages one read asks for
 *
 * A read that goes on where the last one ended doubles its window up to the file system's number;
 * any other one starts small. The state is a hint: it is kept without care for races. */
#include "pagecache_internal.h"
#include "mm_internal.h"

#define WINDOW_FIRST 32u /* a round trip to the gofer costs more than copying the rest of a run */

size_t readahead_window(struct mapping *m, u64 index)
{
	u64 pages = mapping_pages(m), next = READ_ONCE(m->ra_next);
	u32 asked = MAX(m->ops->readahead, 1u);
	u64 most = MIN(asked, READ_RUN_MAX), n;

	if (index >= pages)
		return 1;
	if (index == 0 && pages <= most)
		n = pages; /* a small file: all of it */
	else if (index == next)
		n = most;
	else
		n = MIN(most, (u64)WINDOW_FIRST);
	n = MIN(n, pages - index);
	WRITE_ONCE(m->ra_next, index + n);
	return n;
}
