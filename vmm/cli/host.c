/* host.c - what the machine offers */
#include "vmm/cli/host.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "abi/layout.h"
#include "vmm/util/util.h"

#define FILES_MIN 1024 /* numbers below are taken while descriptors are put in order */

int host_check(struct error *err)
{
	struct rlimit limit;

	if (access("/proc/self/exe", F_OK))
		return error_set(err, "/proc is not mounted here; a sandbox cannot start without");
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= FILES_MIN)
		return 0;
	limit.rlim_cur = FILES_MIN;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return error_set(err,
				 "the limit on open files (ulimit -n) is %llu; a sandbox needs %d",
				 (unsigned long long)limit.rlim_max, FILES_MIN);
	return 0;
}

/* CPUs that cgroup v2 grants this process, rounded up; 0: no limit. */
static unsigned quota_cpus(void)
{
	char text[512], path[600], *line;
	unsigned long quota, period;

	if (read_text_file("/proc/self/cgroup", text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "0::/");
	if (!line)
		return 0;
	line[strcspn(line, "\n")] = 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%.480s/cpu.max", line + 3);
	if (read_text_file(path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%lu %lu", &quota, &period) != 2 || !period)
		return 0;
	return (quota + period - 1) / period;
}

unsigned host_cpus(uint64_t cap)
{
	unsigned count = 1, quota = quota_cpus();
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set))
		count = CPU_COUNT(&set);
	if (quota && quota < count)
		count = quota;
	if (cap && cap < count)
		count = cap;
	if (count > ABI_CPU_MAX)
		count = ABI_CPU_MAX;
	return count ? count : 1;
}

uint64_t host_memory(void)
{
	struct sysinfo info;
	uint64_t bytes;

	if (sysinfo(&info))
		return 1ull << 30;
	bytes = (uint64_t)info.totalram * info.mem_unit;
	return bytes & ~((2ull << 20) - 1);
}

bool host_tsc_is_stable(void)
{
	static const char *const good[] = {"tsc\n", "kvm-clock\n", "hyperv_clocksource_tsc_page\n"};
	char name[64];

	if (read_text_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", name,
			   sizeof(name)) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!strcmp(name, good[i]))
			return true;
	return false;
}

bool host_has_meltdown(void)
{
	char text[64];

	if (read_text_file("/sys/devices/system/cpu/vulnerabilities/meltdown", text, sizeof(text)) <
	    0)
		return false;
	return strncmp(text, "Not affected", 12) != 0;
}
