/* calls.c - futex(2) */
#include "futex_internal.h"
#include "syscalls_proto.h"
#include "time.h"

/* The monotonic deadline of a wait: 0, -EFAULT, -EINVAL. */
static int read_timeout(uaddr_t user, bool relative, bool realtime, u64 *deadline)
{
	struct abi_timespec ts;
	u64 ns;

	*deadline = DEADLINE_NONE;
	if (uaddr_is_null(user))
		return 0;
	if (copy_in_obj(&ts, user))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	ns = timespec_to_ns(&ts);
	if (relative) {
		u64 now = time_mono_ns();

		ns = ns > DEADLINE_NONE - 1 - now ? DEADLINE_NONE - 1 : now + ns;
	} else if (realtime) {
		s64 off = time_real_ns() - (s64)time_mono_ns();

		if (ns <= INT64_MAX)
			ns = (s64)ns > off ? (u64)((s64)ns - off) : 0;
	}
	*deadline = ns;
	return 0;
}

long sys_futex(uaddr_t word, int op, unsigned int val, unsigned long timeout, uaddr_t word2,
	       unsigned int val3)
{
	int cmd = op & ABI_FUTEX_CMD_MASK, err;
	bool private = op & ABI_FUTEX_PRIVATE_FLAG, realtime = op & ABI_FUTEX_CLOCK_REALTIME;
	u64 deadline;

	if (realtime && cmd != ABI_FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (cmd) {
	case ABI_FUTEX_WAIT:
		err = read_timeout(UADDR(timeout), true, false, &deadline);
		return err ? err
			   : futex_wait(word, private, val, ABI_FUTEX_BITSET_MATCH_ANY, deadline,
					true);
	case ABI_FUTEX_WAIT_BITSET:
		err = read_timeout(UADDR(timeout), false, realtime, &deadline);
		return err ? err : futex_wait(word, private, val, val3, deadline, false);
	case ABI_FUTEX_WAKE:
		return futex_wake(word, private, val, ABI_FUTEX_BITSET_MATCH_ANY);
	case ABI_FUTEX_WAKE_BITSET:
		return futex_wake(word, private, val, val3);
	case ABI_FUTEX_REQUEUE:
		return futex_requeue(word, word2, private, val, (u32)timeout, NULL);
	case ABI_FUTEX_CMP_REQUEUE:
		return futex_requeue(word, word2, private, val, (u32)timeout, &val3);
	case ABI_FUTEX_WAKE_OP:
		return futex_wake_op(word, word2, private, val, (u32)timeout, val3);
	default:
		return -ENOSYS;
	}
}
