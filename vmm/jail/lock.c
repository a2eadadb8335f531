/* lock.c - loads the boot process's system-call filter for all its threads */
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/jail/filter.h"
#include "vmm/jail/jail.h"

int jail_lock_boot(bool systrap, struct error *err)
{
	struct sock_fprog prog = {
		.len = systrap ? systrap_filter_len : boot_filter_len,
		.filter = (struct sock_filter *)(uintptr_t)(systrap ? systrap_filter : boot_filter),
	};

	/* Nobody may look into this process, nor may it leave its memory in a core file. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return error_sys(err, "cannot make the sandbox undumpable");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog))
		return error_sys(err, "cannot load the system-call filter");
	return 0;
}
