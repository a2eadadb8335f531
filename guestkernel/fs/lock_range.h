/* lock_range.h - the list of record locks of one file, as pure data (fcntl_locking(2))
 * Sorted by start. Ranges of one owner never overlap, nor touch if they are of one type. Nothing
 * here allocates, sleeps or locks: the caller does. */
#pragma once
#include <bsd/sys/queue.h>
#include "types.h"

struct lock_range {
	TAILQ_ENTRY(lock_range) link;
	u64 start, end; /* both included */
	u32 type;	/* ABI_F_RDLCK, ABI_F_WRLCK */
	u32 pid;	/* told by F_GETLK; ~0: an open file description's */
	const void *owner;
};
TAILQ_HEAD(lock_list, lock_range);

/* The first lock that keeps r from being set, or null. */
struct lock_range *lock_conflict(struct lock_list *list, const struct lock_range *r);
/* Sets r (or clears the range, type ABI_F_UNLCK): takes from spare[0..1] what it needs (set to
 * null) and adds what has become superfluous to gone. r itself stays the caller's. */
void lock_apply(struct lock_list *list, const struct lock_range *r, struct lock_range *spare[2],
		struct lock_list *gone);
