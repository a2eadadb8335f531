/* control.h - the control channels between VMM and kernel
 *
 * Two channels of abi/ring.h's format lie in the shared region. On ASK the guest is the client:
 * it asks the VMM's I/O thread to serve the host descriptors given to the container (stdio). On
 * TELL the VMM is the client: it starts containers, sends signals and asks for statistics.
 * A request is one slot (header drawn below, 64 bytes); bulk bytes lie in the channel's data area.
 * The VMM formats both channels before the first entry (kind ABI_CHANNEL_CONTROL, entries and
 * slots below). The client puts the slot's number on the request ring, the server answers in the
 * same slot and puts the number on the completion ring, in any order. The client carves up the
 * data area. Doorbells: the guest rings the port, the VMM the irqfd, of the channel (layout.h).
 *
 * Request and reply share one shape, so that each side needs one codec:
 *
 *   off size
 *     0   2  op        ABI_CTL_*
 *     2   2  flags
 *     4   4  id        descriptor index (ASK), container number (TELL)
 *     8   8  arg0
 *    16   8  arg1
 *    24   4  data_off  in the channel's data area
 *    28   4  data_len  bytes asked, or bytes valid in a reply
 *    32   8  ret       reply: result >= 0, or negative errno
 *    40  24  reserved, zero
 */
#pragma once
#include <stdint.h>

#define ABI_CTL_ENTRIES	  64u
#define ABI_CTL_SLOTS	  64u
#define ABI_CTL_SLOT_SIZE 64u

struct abi_ctl {
	uint16_t op;
	uint16_t flags;
	uint32_t id;
	uint64_t arg0;
	uint64_t arg1;
	uint32_t data_off;
	uint32_t data_len;
	int64_t ret;
	uint64_t reserved[3];
};
_Static_assert(sizeof(struct abi_ctl) == 64, "control message layout");
_Static_assert(__builtin_offsetof(struct abi_ctl, ret) == 32, "control message layout");

/* ASK: host descriptors. id = index in the table of the container's stdio (0, 1, 2, ...). */
enum abi_ctl_ask {
	ABI_CTL_FD_INFO =
		1, /* -> arg0 = mode bits (S_IFMT), arg1 = ABI_CTL_FD_*; data: abi_ctl_fdinfo */
	ABI_CTL_FD_READ = 2,  /* arg0 = offset or ~0 for the descriptor's own; waits for data */
	ABI_CTL_FD_WRITE = 3, /* likewise; answers a partial count as write(2) does */
	ABI_CTL_FD_POLL = 4,  /* arg0 = POLL* wanted: answered when one holds (-> ret = revents) */
	ABI_CTL_FD_CANCEL =
		5,	      /* arg0 = slot of a FD_READ or FD_POLL under way: it answers -EINTR */
	ABI_CTL_FD_SEEK = 6,  /* arg0 = offset, arg1 = whence */
	ABI_CTL_FD_TRUNC = 7, /* arg0 = size */
	ABI_CTL_FD_SYNC = 8,
	ABI_CTL_FD_WINSZ = 9, /* terminal: -> arg0 = rows | cols << 16 */
	ABI_CTL_FD_CLOSE = 10,
};
/* flags of READ, WRITE and POLL: answer -EAGAIN (POLL: 0) at once instead of waiting */
#define ABI_CTL_NOWAIT (1u << 0)

#define ABI_CTL_FD_TTY	    (1u << 0)
#define ABI_CTL_FD_READ_OK  (1u << 1) /* opened for reading */
#define ABI_CTL_FD_WRITE_OK (1u << 2)
#define ABI_CTL_FD_APPEND   (1u << 3)
#define ABI_CTL_FD_SAME	    8u /* bits 8..15: lowest index that is the same open file */

struct abi_ctl_fdinfo {
	uint64_t dev, ino, size, rdev;
	uint32_t mode, uid, gid, nlink;
	int64_t atime_ns, mtime_ns, ctime_ns;
};
_Static_assert(sizeof(struct abi_ctl_fdinfo) == 72, "descriptor attributes layout");

/* TELL: commands to the kernel. id = container number. */
enum abi_ctl_tell {
	/* data: struct abi_spec and its strings; -> ret = pid of its init. On error flags may say
	 * ABI_CTL_START_EXEC, and data may hold one line of text that says what failed. */
	ABI_CTL_START = 64,
	ABI_CTL_WAIT = 65,   /* answered at the end of the container's init: ret = wait status */
	ABI_CTL_SIGNAL = 66, /* arg0 = pid (0: init; -1: all), arg1 = signal */
	ABI_CTL_WINCH = 67,  /* arg0 = rows | cols << 16 */
	ABI_CTL_STATS = 68,  /* -> data: text, one "name value" a line */
	ABI_CTL_STACKS = 69, /* -> data: text, all tasks with their kernel stacks */
	ABI_CTL_MEMORY = 70, /* arg0 = new limit in bytes */
	ABI_CTL_STRACE = 71, /* arg0 = 0 or 1 */
	ABI_CTL_PS = 72,     /* -> data: text, one task a line */
};
#define ABI_CTL_START_EXEC (1u << 0) /* the program itself could not be found or executed */
