/* init.c - what the folder shares: deadlines and temporary masks */
#include "init.h"
#include "event/internal.h"
#include "ksignal.h"
#include "time.h"

u64 deadline_in(u64 ns)
{
	u64 now = time_mono_ns();

	return now + ns < now ? DEADLINE_NONE : now + ns;
}

int deadline_from(uaddr_t uts, u64 *deadline)
{
	struct abi_timespec ts;

	*deadline = DEADLINE_NONE;
	if (uaddr_is_null(uts))
		return 0;
	if (copy_in_obj(&ts, uts))
		return -EFAULT;
	if (!timespec_valid(&ts))
		return -EINVAL;
	*deadline = deadline_in(timespec_to_ns(&ts));
	return 0;
}

int temporary_mask(uaddr_t uset, size_t setsize)
{
	u64 set;

	if (uaddr_is_null(uset))
		return 0;
	if (setsize != ABI_SIGSET_SIZE)
		return -EINVAL;
	if (copy_in_obj(&set, uset))
		return -EFAULT;
	signal_set_temporary_mask(set);
	return 0;
}

void temporary_mask_done(long result)
{
	if (current->restore_sigmask && result != -ERESTARTNOHAND && result != -EINTR)
		signal_restore_mask(current);
}

void event_init(void)
{
	epoll_init();
	signalfd_init();
}
