/* control.h - the kernel's end of the TELL channel, for init/ only */
#pragma once
#include "abi/control.h"
#include "task.h"

/* A request as it was taken, private to the kernel; answered once by control_reply. */
struct control_req {
	u32 slot;
	struct abi_ctl msg;
	u8 *data; /* copy of the request's data, or null; the handler's to free */
	u32 data_len;
};
/* Answers: text (if any) goes to the request's data range, cut to its length. Any task. */
void control_reply(const struct control_req *r, s64 ret, u16 flags, const void *data, size_t n);
/* ABI_CTL_START: takes over r (and frees its data); answers when the program runs or failed. */
void container_start(struct control_req *r);
struct container *container_find(u32 id);
