/* sysctl.c - /proc/sys: what programs ask of the system's settings
 *
 * The host's name can be set; the rest says what holds here and is read-only. */
#include "abi/linux/caps.h"
#include "abi/linux/stat.h"
#include "fs/proc/proc.h"
#include "init.h"
#include "log.h"
#include "string.h"

static int show_hostname(struct text *t, const struct pinode *i)
{
	char name[sizeof(i->ct->hostname)];

	spin_lock(&i->ct->lock);
	memcpy(name, i->ct->hostname, sizeof(name));
	spin_unlock(&i->ct->lock);
	text_printf(t, "%s\n", name);
	return 0;
}

static int store_hostname(const struct pinode *i, char *text, size_t n)
{
	if (!capable(ABI_CAP_SYS_ADMIN))
		return -EPERM;
	if (n && text[n - 1] == '\n')
		text[--n] = '\0';
	if (n >= sizeof(i->ct->hostname))
		return -EINVAL;
	spin_lock(&i->ct->lock);
	str_copy(i->ct->hostname, text, sizeof(i->ct->hostname));
	spin_unlock(&i->ct->lock);
	return 0;
}

static int show_domainname(struct text *t, const struct pinode *i)
{
	char name[sizeof(i->ct->domainname)];

	spin_lock(&i->ct->lock);
	memcpy(name, i->ct->domainname, sizeof(name));
	spin_unlock(&i->ct->lock);
	text_printf(t, "%s\n", *name ? name : "(none)");
	return 0;
}

static int show_osrelease(struct text *t, const struct pinode *i)
{
	text_printf(t, "%s\n", kernel_release);
	return 0;
}

static int show_osversion(struct text *t, const struct pinode *i)
{
	text_printf(t, "%s\n", kernel_version);
	return 0;
}

static void uuid_text(struct text *t, const u8 *u)
{
	for (u32 k = 0; k < 16; k++)
		text_printf(t, "%s%02x", k == 4 || k == 6 || k == 8 || k == 10 ? "-" : "", u[k]);
	text_append(t, "\n", 1);
}

static void uuid_make(u8 *u)
{
	random_bytes(u, 16);
	u[6] = (u8)((u[6] & 0x0f) | 0x40);
	u[8] = (u8)((u[8] & 0x3f) | 0x80);
}

static int show_uuid(struct text *t, const struct pinode *i)
{
	u8 u[16];

	uuid_make(u);
	uuid_text(t, u);
	return 0;
}

static int show_boot_id(struct text *t, const struct pinode *i)
{
	static struct spinlock lock = SPINLOCK_INIT(RANK_LOG);
	static bool made;
	static u8 id[16];
	u8 fresh[16];

	uuid_make(fresh);
	spin_lock(&lock);
	if (!made)
		memcpy(id, fresh, sizeof(id));
	made = true;
	memcpy(fresh, id, sizeof(id));
	spin_unlock(&lock);
	uuid_text(t, fresh);
	return 0;
}

/* Settings that are one constant text. */
#define CONSTANT(fn, value)                                   \
	static int fn(struct text *t, const struct pinode *i) \
	{                                                     \
		text_append(t, value "\n", sizeof(value));    \
		return 0;                                     \
	}
CONSTANT(show_ostype, "Linux")
CONSTANT(show_pid_max, "32768")
CONSTANT(show_threads_max, "32768")
CONSTANT(show_cap_last_cap, "40")
CONSTANT(show_ngroups_max, "65536")
CONSTANT(show_overflowid, "65534")
CONSTANT(show_core_pattern, "core")
CONSTANT(show_shmmax, "18446744073692774399")
CONSTANT(show_sem, "32000\t1024000000\t500\t32000")
CONSTANT(show_two, "2")
CONSTANT(show_nought, "0")
CONSTANT(show_entropy, "256")
CONSTANT(show_max_map_count, "65530")
CONSTANT(show_mmap_min_addr, "65536")
CONSTANT(show_file_max, "9223372036854775807")
CONSTANT(show_nr_open, "1048576")
CONSTANT(show_pipe_max, "1048576")
CONSTANT(show_somaxconn, "4096")

#define RO(n, fn)                                                 \
	{                                                         \
		.name = n, .mode = ABI_S_IFREG | 0444, .show = fn \
	}
#define DIR_OF(n, c)                                                 \
	{                                                            \
		.name = n, .mode = ABI_S_IFDIR | 0555, .children = c \
	}

static const struct pnode random_children[] = {RO("boot_id", show_boot_id),
					       RO("uuid", show_uuid),
					       RO("entropy_avail", show_entropy),
					       RO("poolsize", show_entropy),
					       {0}};

static const struct pnode kernel_children[] = {
	{.name = "hostname",
	 .mode = ABI_S_IFREG | 0644,
	 .show = show_hostname,
	 .store = store_hostname},
	RO("domainname", show_domainname),
	RO("ostype", show_ostype),
	RO("osrelease", show_osrelease),
	RO("version", show_osversion),
	RO("pid_max", show_pid_max),
	RO("threads-max", show_threads_max),
	RO("cap_last_cap", show_cap_last_cap),
	RO("ngroups_max", show_ngroups_max),
	RO("overflowuid", show_overflowid),
	RO("overflowgid", show_overflowid),
	RO("core_pattern", show_core_pattern),
	RO("shmmax", show_shmmax),
	RO("sem", show_sem),
	RO("randomize_va_space", show_two),
	RO("tainted", show_nought),
	DIR_OF("random", random_children),
	{0},
};
static const struct pnode vm_children[] = {RO("overcommit_memory", show_nought),
					   RO("max_map_count", show_max_map_count),
					   RO("mmap_min_addr", show_mmap_min_addr),
					   {0}};
static const struct pnode fs_children[] = {RO("file-max", show_file_max),
					   RO("nr_open", show_nr_open),
					   RO("pipe-max-size", show_pipe_max),
					   RO("overflowuid", show_overflowid),
					   {0}};
static const struct pnode core_children[] = {RO("somaxconn", show_somaxconn), {0}};
static const struct pnode net_children[] = {DIR_OF("core", core_children), {0}};

const struct pnode sysctl_children[] = {
	DIR_OF("kernel", kernel_children),
	DIR_OF("vm", vm_children),
	DIR_OF("fs", fs_children),
	DIR_OF("net", net_children),
	{0},
};
