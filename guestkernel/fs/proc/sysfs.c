/* sysfs.c - /sys: the few entries that programs read to count processors */
#include "abi/linux/stat.h"
#include "cpu.h"
#include "fs/proc/proc.h"

static int show_cpus(struct text *t, const struct pinode *i)
{
	if (cpu_count == 1)
		text_printf(t, "0\n");
	else
		text_printf(t, "0-%u\n", cpu_count - 1);
	return 0;
}

static int show_thp(struct text *t, const struct pinode *i)
{
	text_printf(t, "always madvise [never]\n");
	return 0;
}

#define RO(n, fn)                                                 \
	{                                                         \
		.name = n, .mode = ABI_S_IFREG | 0444, .show = fn \
	}
#define DIR_OF(n, c)                                                 \
	{                                                            \
		.name = n, .mode = ABI_S_IFDIR | 0555, .children = c \
	}

static const struct pnode nothing[] = {{0}};
static const struct pnode cpu_children[] = {
	RO("online", show_cpus), RO("possible", show_cpus), RO("present", show_cpus), {0}};
static const struct pnode system_children[] = {DIR_OF("cpu", cpu_children), {0}};
static const struct pnode devices_children[] = {DIR_OF("system", system_children), {0}};
static const struct pnode thp_children[] = {RO("enabled", show_thp), {0}};
static const struct pnode mm_children[] = {DIR_OF("transparent_hugepage", thp_children), {0}};
static const struct pnode kernel_children[] = {DIR_OF("mm", mm_children), {0}};
static const struct pnode fs_children[] = {DIR_OF("cgroup", nothing), {0}};
static const struct pnode sys_children[] = {DIR_OF("devices", devices_children),
					    DIR_OF("kernel", kernel_children),
					    DIR_OF("fs", fs_children),
					    DIR_OF("class", nothing),
					    DIR_OF("block", nothing),
					    DIR_OF("bus", nothing),
					    DIR_OF("module", nothing),
					    {0}};

const struct pnode sys_root = {.name = "sys", .mode = ABI_S_IFDIR | 0555, .children = sys_children};
