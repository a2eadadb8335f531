/* global.c - the top of /proc: the system as a whole (proc(5)) */
#include "abi/linux/stat.h"
#include "frame.h"
#include "fs/proc/proc.h"
#include "init.h"
#include "log.h"
#include "sched.h"
#include "slab.h"
#include "string.h"

static int show_meminfo(struct text *t, const struct pinode *i)
{
	struct frame_stats s;
	u64 avail;

	frame_get_stats(&s);
	avail = MIN(s.limit, s.free + s.cache);
	text_printf(t, "MemTotal:       %8llu kB\n", (unsigned long long)s.limit * 4);
	text_printf(t, "MemFree:        %8llu kB\n", (unsigned long long)s.free * 4);
	text_printf(t, "MemAvailable:   %8llu kB\n", (unsigned long long)avail * 4);
	text_printf(t, "Buffers:               0 kB\n");
	text_printf(t, "Cached:         %8llu kB\n", (unsigned long long)s.cache * 4);
	text_printf(t, "SwapCached:            0 kB\n");
	text_printf(t, "Active:         %8llu kB\n", (unsigned long long)s.anon * 4);
	text_printf(t, "Inactive:       %8llu kB\n", (unsigned long long)s.cache * 4);
	text_printf(t, "SwapTotal:             0 kB\nSwapFree:              0 kB\n");
	text_printf(t, "Dirty:          %8llu kB\n", (unsigned long long)s.dirty * 4);
	text_printf(t, "Writeback:             0 kB\n");
	text_printf(t, "AnonPages:      %8llu kB\n", (unsigned long long)s.anon * 4);
	text_printf(t, "Mapped:         %8llu kB\n", 0ull);
	text_printf(t, "Shmem:                 0 kB\n");
	text_printf(t, "Slab:           %8llu kB\n", (unsigned long long)s.kernel * 4);
	text_printf(t, "CommitLimit:    %8llu kB\n", (unsigned long long)s.limit * 4);
	text_printf(t, "Committed_AS:   %8llu kB\n", (unsigned long long)s.anon * 4);
	text_printf(t, "VmallocTotal:   34359738367 kB\nVmallocUsed:           0 kB\n");
	text_printf(t, "HugePages_Total:       0\nHugePages_Free:        0\n");
	text_printf(t, "Hugepagesize:       2048 kB\n");
	return 0;
}

static int show_cpuinfo(struct text *t, const struct pinode *i)
{
	char *buf = kmalloc(4096);

	if (!buf)
		return -ENOMEM;
	for (u32 c = 0; c < cpu_count; c++) {
		mach_cpuinfo(buf, 4096, c);
		text_append(t, buf, strnlen(buf, 4096));
	}
	kfree(buf);
	return 0;
}

static u64 sum_switches(void)
{
	u64 n = 0;

	for (u32 c = 0; c < cpu_count; c++)
		n += cpus[c] ? cpus[c]->nr_switches : 0;
	return n;
}

static int show_stat(struct text *t, const struct pinode *i)
{
	u64 user = 0, sys = 0, up = time_boot_ns() / 10000000, idle, procs = 0, running = 0;

	spin_lock(&tasklist_lock);
	for (struct proc *p = proc_next(i->ct, 1); p; p = proc_next(i->ct, p->pid + 1)) {
		u64 u, s;

		proc_times(p, &u, &s);
		user += u;
		sys += s;
		procs++;
	}
	spin_unlock(&tasklist_lock);
	for (u32 c = 0; c < cpu_count; c++)
		running += cpus[c] && !a_load(&cpus[c]->idle);
	user /= 10000000;
	sys /= 10000000;
	idle = up * cpu_count > user + sys ? up * cpu_count - user - sys : 0;
	text_printf(t, "cpu  %llu 0 %llu %llu 0 0 0 0 0 0\n", (unsigned long long)user,
		    (unsigned long long)sys, (unsigned long long)idle);
	for (u32 c = 0; c < cpu_count; c++)
		text_printf(t, "cpu%u %llu 0 %llu %llu 0 0 0 0 0 0\n", c,
			    (unsigned long long)(user / cpu_count),
			    (unsigned long long)(sys / cpu_count),
			    (unsigned long long)(idle / cpu_count));
	text_printf(t, "intr 0\nctxt %llu\n", (unsigned long long)sum_switches());
	text_printf(t, "btime %lld\n",
		    (long long)((time_real_ns() - (s64)time_boot_ns()) / 1000000000));
	text_printf(t, "processes %llu\nprocs_running %llu\nprocs_blocked 0\nsoftirq 0\n",
		    (unsigned long long)procs, (unsigned long long)running);
	return 0;
}

static int show_uptime(struct text *t, const struct pinode *i)
{
	u64 cs = time_boot_ns() / 10000000;

	text_printf(t, "%llu.%02llu %llu.%02llu\n", (unsigned long long)(cs / 100),
		    (unsigned long long)(cs % 100), (unsigned long long)(cs * cpu_count / 100),
		    (unsigned long long)(cs * cpu_count % 100));
	return 0;
}

static int show_loadavg(struct text *t, const struct pinode *i)
{
	u64 load[3];

	sched_load(load);
	for (u32 k = 0; k < 3; k++)
		text_printf(t, "%llu.%02llu ", (unsigned long long)(load[k] >> 16),
			    (unsigned long long)((load[k] & 0xffff) * 100 >> 16));
	text_printf(t, "1/%llu %u\n", (unsigned long long)a_load(&i->ct->nr_tasks),
		    current->proc->pid);
	return 0;
}

static int show_version(struct text *t, const struct pinode *i)
{
	text_printf(t, "Linux version %s (casemate) %s\n", kernel_release, kernel_version);
	return 0;
}

static int show_filesystems(struct text *t, const struct pinode *i)
{
	for (const struct fs_type *f = fs_first(); f; f = f->next)
		if (f->flags & FS_USER_MOUNT)
			text_printf(t, "%s\t%s\n", f->flags & FS_NODEV ? "nodev" : "", f->name);
	return 0;
}

static int show_cmdline(struct text *t, const struct pinode *i)
{
	text_append(t, "\n", 1);
	return 0;
}

static int show_devices(struct text *t, const struct pinode *i)
{
	text_printf(t, "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/ptmx\n136 pts\n\n"
		       "Block devices:\n");
	return 0;
}

static int show_swaps(struct text *t, const struct pinode *i)
{
	text_printf(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}

static int show_empty(struct text *t, const struct pinode *i)
{
	return 0;
}

static ssize_t readlink_self(const struct pinode *i, char *buf, size_t size)
{
	return ksnprintf(buf, size, "%u", current->proc->pid);
}

static ssize_t readlink_thread_self(const struct pinode *i, char *buf, size_t size)
{
	return ksnprintf(buf, size, "%u/task/%u", current->proc->pid, current->tid);
}

static ssize_t readlink_mounts(const struct pinode *i, char *buf, size_t size)
{
	return ksnprintf(buf, size, "self/mounts");
}

static const struct pnode pid_dir = {
	.name = "pid", .mode = ABI_S_IFDIR | 0555, .children = pid_children};

static int find_pid(const struct pinode *i, u32 nr, struct pinode *out)
{
	struct task *t;
	int err = -ENOENT;

	spin_lock(&tasklist_lock);
	t = task_find(i->ct, nr);
	if (t && t->proc->leader) {
		proc_get(t->proc);
		*out = (struct pinode){.node = &pid_dir,
				       .ct = i->ct,
				       .p = t->proc,
				       .tid = t->proc->pid,
				       .fd = ~0u};
		err = 0;
	}
	spin_unlock(&tasklist_lock);
	return err;
}

static u32 next_pid(const struct pinode *i, u32 from)
{
	struct proc *p;
	u32 nr;

	spin_lock(&tasklist_lock);
	p = proc_next(i->ct, from);
	nr = p ? p->pid : ~0u;
	spin_unlock(&tasklist_lock);
	return nr;
}

#define FILE_RO(n, fn)                                            \
	{                                                         \
		.name = n, .mode = ABI_S_IFREG | 0444, .show = fn \
	}
#define LINK(n, fn)                                                   \
	{                                                             \
		.name = n, .mode = ABI_S_IFLNK | 0777, .readlink = fn \
	}

static const struct pnode root_children[] = {
	LINK("self", readlink_self),
	LINK("thread-self", readlink_thread_self),
	LINK("mounts", readlink_mounts),
	FILE_RO("meminfo", show_meminfo),
	FILE_RO("cpuinfo", show_cpuinfo),
	FILE_RO("stat", show_stat),
	FILE_RO("uptime", show_uptime),
	FILE_RO("loadavg", show_loadavg),
	FILE_RO("version", show_version),
	FILE_RO("filesystems", show_filesystems),
	FILE_RO("cmdline", show_cmdline),
	FILE_RO("devices", show_devices),
	FILE_RO("swaps", show_swaps),
	FILE_RO("modules", show_empty),
	FILE_RO("partitions", show_empty),
	{.name = "sys", .mode = ABI_S_IFDIR | 0555, .children = sysctl_children},
	{0},
};

const struct pnode proc_root = {
	.name = "proc",
	.mode = ABI_S_IFDIR | 0555,
	.children = root_children,
	.find = find_pid,
	.next = next_pid,
};
