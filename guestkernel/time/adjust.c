/* adjust.c - adjtimex(2), clock_adjtime(2)
 *
 * The clock is the host's: it can be asked and not changed. Whether the host's is in step with
 * others is not known here, which is what "unsynchronised" says. */
#include "abi/linux/timex.h"
#include "syscalls_proto.h"
#include "time.h"
#include "uaccess.h"

#define TICK_US	    10000      /* what USER_HZ stands for */
#define TOLERANCE   32768000ll /* Linux's: 500 parts per million, 16 bits of fraction */
#define MAXERROR_US 16000000ll /* Linux's for a clock that nobody disciplines */

static long ask(struct abi_timex *t)
{
	u64 now = (u64)time_real_ns();

	if (t->modes && t->modes != ABI_ADJ_OFFSET_SS_READ)
		return -EPERM;
	*t = (struct abi_timex){
		.modes = t->modes,
		.maxerror = MAXERROR_US,
		.esterror = MAXERROR_US,
		.status = ABI_STA_UNSYNC,
		.constant = 2,
		.precision = 1,
		.tolerance = TOLERANCE,
		.time = {(s64)(now / NSEC_PER_SEC), (s64)(now % NSEC_PER_SEC / 1000)},
		.tick = TICK_US,
	};
	return ABI_TIME_ERROR;
}

long sys_adjtimex(uaddr_t utx)
{
	struct abi_timex t;
	long r;

	if (copy_in_obj(&t, utx))
		return -EFAULT;
	r = ask(&t);
	if (r >= 0 && copy_out_obj(utx, &t))
		return -EFAULT;
	return r;
}

/* Other clocks have no discipline that could be told. */
long sys_clock_adjtime(int clock, uaddr_t utx)
{
	struct abi_timex t;

	if (clock == ABI_CLOCK_REALTIME)
		return sys_adjtimex(utx);
	return copy_in_obj(&t, utx)		      ? -EFAULT
	       : clock >= 0 && clock <= ABI_CLOCK_TAI ? -EOPNOTSUPP
						      : -EINVAL;
}
