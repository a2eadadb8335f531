/* fault.h - the page-fault path's own */
#pragma once
#include "mm_internal.h"

enum fault_result {
	FAULT_DONE = 0, /* retry the access */
	FAULT_AGAIN,	/* something changed meanwhile: look again */
	FAULT_GROW,	/* a stack may have to grow: needs the lock for writing */
	FAULT_MAPERR,
	FAULT_ACCERR,
	FAULT_BUS,
	FAULT_NOMEM,
};

/* mm->lock is held for reading; page lies in v, which allows the access. */
enum fault_result fault_anon(struct vma *v, u64 page, bool write);
enum fault_result fault_file(struct vma *v, u64 page, bool write);
/* cluster.c: maps zeroed frames at page and around it, where nothing is. False: nothing was done.
 */
bool fault_cluster(struct vma *v, u64 page);
/* After a write fault on private page: its neighbours that will meet one too become writable. */
void fault_write_around(struct vma *v, u64 page);
/* Something is mapped there: pt_lock is held, and dropped. */
enum fault_result fault_present(struct vma *v, u64 page, bool write, struct mach_pte pte);
/* Maps f (a count is consumed) where nothing is: makes tables as needed. FAULT_DONE also if another
 * CPU was faster. */
enum fault_result fault_map_anon(struct vma *v, u64 page, struct frame *f);
