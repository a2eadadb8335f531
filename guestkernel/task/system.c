/* system.c - what the system calls itself and has: uname(2), sysinfo(2), host names, getrandom(2),
 * membarrier(2) */
#include "abi/linux/caps.h"
#include "abi/linux/utsname.h"
#include "frame.h"
#include "init.h"
#include "ksignal.h"
#include "log.h"
#include "mm.h"
#include "quiesce.h"
#include "sched.h"
#include "string.h"
#include "syscalls_proto.h"
#include "task.h"
#include "uaccess.h"

/* The interface we keep to; programs look at it to see what they may expect. */
const char kernel_release[] = "6.12.0-casemate";
const char kernel_version[] = "#1 SMP Casemate";

long sys_uname(uaddr_t uname)
{
	struct container *ct = current->container;
	struct abi_utsname u = {0};

	str_copy(u.sysname, "Linux", sizeof(u.sysname));
	str_copy(u.release, kernel_release, sizeof(u.release));
	str_copy(u.version, kernel_version, sizeof(u.version));
	str_copy(u.machine, mach_platform(), sizeof(u.machine));
	spin_lock(&ct->lock);
	str_copy(u.nodename, ct->hostname, sizeof(u.nodename));
	str_copy(u.domainname, ct->domainname, sizeof(u.domainname));
	spin_unlock(&ct->lock);
	return copy_out_obj(uname, &u);
}

static long set_name(uaddr_t uname, int len, char *dst)
{
	struct container *ct = current->container;
	char name[ABI_UTS_LEN] = {0};

	if (!capable(ABI_CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > ABI_UTS_LEN - 1)
		return -EINVAL;
	if (copy_in(name, uname, (size_t)len))
		return -EFAULT;
	spin_lock(&ct->lock);
	memcpy(dst, name, sizeof(name));
	spin_unlock(&ct->lock);
	return 0;
}

long sys_sethostname(uaddr_t name, int len)
{
	return set_name(name, len, current->container->hostname);
}

long sys_setdomainname(uaddr_t name, int len)
{
	return set_name(name, len, current->container->domainname);
}

long sys_sysinfo(uaddr_t info)
{
	struct abi_sysinfo s = {.mem_unit = 1};
	struct frame_stats f;

	frame_get_stats(&f);
	sched_load(s.loads);
	s.uptime = (s64)((time_boot_ns() + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
	s.totalram = f.limit * PAGE_SIZE;
	s.freeram = f.free * PAGE_SIZE;
	s.bufferram = 0;
	s.procs = (u16)MIN(a_load(&task_total), 65535ull);
	return copy_out_obj(info, &s);
}

#define GRND_KNOWN 7u

long sys_getrandom(uaddr_t buf, size_t count, unsigned int flags)
{
	u8 chunk[256];
	size_t done = 0;

	if ((flags & ~GRND_KNOWN) || (flags & 6u) == 6u)
		return -EINVAL;
	count = MIN(count, (size_t)INT32_MAX);
	while (done < count) {
		size_t n = MIN(count - done, sizeof(chunk)), got;

		random_bytes(chunk, n);
		got = copy_out_partial(uaddr_add(buf, done), chunk, n);
		done += got;
		if (got < n)
			return done ? (long)done : -EFAULT;
		if (done < count && signal_pending(current))
			break;
	}
	memset(chunk, 0, sizeof(chunk));
	compiler_barrier();
	return (long)done;
}

#define MEMBARRIER_QUERY		      0
#define MEMBARRIER_GLOBAL		      1
#define MEMBARRIER_PRIVATE_EXPEDITED	      8
#define MEMBARRIER_REGISTER_PRIVATE_EXPEDITED 16

/* A grace period passes every CPU through the kernel's exit, which has a full barrier: that is
 * what each of the commands promises, the expedited ones sooner than a scheduler tick. */
long sys_membarrier(int cmd, unsigned int flags, int cpu)
{
	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_QUERY:
		return MEMBARRIER_GLOBAL | MEMBARRIER_PRIVATE_EXPEDITED |
		       MEMBARRIER_REGISTER_PRIVATE_EXPEDITED;
	case MEMBARRIER_REGISTER_PRIVATE_EXPEDITED:
		current->proc->membarrier_registered = true;
		return 0;
	case MEMBARRIER_PRIVATE_EXPEDITED:
		if (!current->proc->membarrier_registered)
			return -EPERM;
		quiesce_wait();
		return 0;
	case MEMBARRIER_GLOBAL:
		quiesce_wait();
		return 0;
	default:
		return -EINVAL;
	}
}
