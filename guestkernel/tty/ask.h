/* ask.h - the kernel's (client) end of the ASK channel: host descriptors, for tty/ only */
#pragma once
#include "abi/control.h"
#include "waitq.h"

/* Bytes that one request can carry. */
size_t ask_chunk(void);

struct ask_args {
	u16 op, flags;
	u32 fd;
	u64 arg0, arg1;
	struct iter *in;  /* bytes for the VMM, or null */
	struct iter *out; /* where its bytes go, or null */
	size_t len;	  /* of either; at most ask_chunk() */
};
/* One request and its answer: ret of the reply (>= 0 or negative errno), reply fields in *r if not
 * null. Interruptible ones (reads, polls that wait) end with -ERESTARTSYS on a signal. */
s64 ask_call(const struct ask_args *a, struct abi_ctl *r, bool interruptible);

/* A request whose answer is awaited by nobody: fn runs in an interrupt, with the reply. */
struct ask_async {
	void (*fn)(struct ask_async *a, const struct abi_ctl *reply);
	a32_t busy; /* [a] 1 from ask_start until fn has run */
};
int ask_start(struct ask_async *a, u16 op, u32 fd, u64 arg0);
