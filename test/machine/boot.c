/* boot.c - starts the kernel, with a script as the first program of a container
 *
 * kernel_main() runs as it is. Where it would open the channel to the VMM, a kernel task of ours
 * asks for a container with a tmpfs as its root, in the VMM's own words (abi/spec.h). The first
 * program is no file but a function: the linker sends do_execve here, which takes the path
 * SCRIPT for that and leaves all others to the kernel.
 */
#include "boot.h"
#include "abi/boot.h"
#include "abi/control.h"
#include "abi/linux/caps.h"
#include "abi/spec.h"
#include "init.h"
#include "init/control.h"
#include "log.h"
#include "machine.h"
#include "mm.h"
#include "quiesce.h"
#include "sched.h"
#include "slab.h"
#include "string.h"
#include "task.h"

#define SCRIPT	 "/script"
#define RESERVED (16 * PAGE_SIZE) /* the machine's own pages at the start of RAM */
#define SLOT	 (1ull << 30)

static struct abi_boot boot_page;
static struct cpu boot_cpu;
static const struct machine_plan *plan;
static struct container *container;

const struct abi_boot *mach_boot(void)
{
	return &boot_page;
}

const void *mach_vdso_image(size_t *size)
{
	*size = PAGE_SIZE;
	return machine_ram;
}

paddr_t mach_vvar_pa(void)
{
	return PADDR(ABI_GPA_RAM + PAGE_SIZE);
}

/* ---- a container, as the VMM would describe it ---- */

struct blob {
	struct abi_spec spec;
	struct abi_spec_mount mounts[2];
	char strings[64];
};

static u32 blob_string(struct blob *b, u32 *used, const char *s)
{
	u32 at = *used;

	str_copy(b->strings + at, s, sizeof(b->strings) - at);
	*used += (u32)strlen(s) + 1;
	return (u32)offsetof(struct blob, strings) + at;
}

static struct blob *blob_new(void)
{
	struct blob *b = kzalloc(sizeof(*b));
	u32 used = 1;

	if (!b)
		panic("no memory for the specification");
	b->spec = (struct abi_spec){
		.version = ABI_SPEC_VERSION,
		.size = sizeof(*b),
		.umask = 022,
		.argc = 1,
		.argv = blob_string(b, &used, SCRIPT),
		.cwd = blob_string(b, &used, "/"),
		.hostname = blob_string(b, &used, "scripted"),
		.nr_mounts = 2,
		.mounts = offsetof(struct blob, mounts),
	};
	for (u32 i = 0; i < 5; i++)
		b->spec.caps[i] = ABI_CAP_FULL;
	b->mounts[0] = (struct abi_spec_mount){
		.type = ABI_MOUNT_TMPFS,
		.dest = blob_string(b, &used, "/"),
	};
	b->mounts[1] = (struct abi_spec_mount){
		.type = ABI_MOUNT_TMPFS,
		.flags = ABI_MOUNT_OVERLAY,
		.dest = blob_string(b, &used, "/ovl"),
	};
	return b;
}

int __real_container_register(struct container *c);
int __wrap_container_register(struct container *c);
int __real_do_execve(struct exec_args *a);
int __wrap_do_execve(struct exec_args *a);
void __wrap_control_reply(const struct control_req *r, s64 ret, u16 flags, const void *data,
			  size_t n);
void __wrap_control_init(void);

int __wrap_container_register(struct container *c)
{
	container = c;
	return __real_container_register(c);
}

static s64 start_result;
void __wrap_control_reply(const struct control_req *r, s64 ret, u16 flags, const void *data,
			  size_t n)
{
	start_result = ret;
	if (ret < 0)
		host_fail("the container did not start: %lld, %.*s", (long long)ret, (int)n,
			  data ? (const char *)data : "");
}

int __wrap_do_execve(struct exec_args *a)
{
	struct mm *mm;
	int err;

	if (strcmp(a->path, SCRIPT))
		return __real_do_execve(a);
	mm = mm_new();
	if (!mm)
		return -ENOMEM;
	err = mm_setup_stack(mm, mach_user_top - 16 * PAGE_SIZE, false);
	if (err) {
		mm_put(mm);
		return err;
	}
	current->mm = mm;
	mm_switch(mm);
	mach_user_exec(&current->user, (u64)plan->script, mach_user_top - 16 * PAGE_SIZE);
	current->user.entry_arg = plan->arg;
	return 0;
}

static void harness(void *arg)
{
	struct control_req r = {.msg = {.op = ABI_CTL_START}};

	lower_register();
	r.data = (u8 *)blob_new();
	r.data_len = sizeof(struct blob);
	container_start(&r);
	wait_event(&container->exit_wait, a_load_acquire(&container->exited));
	mach_shutdown(container->exit_status);
}

void __wrap_control_init(void)
{
	struct task *t = kthread_create(harness, NULL, "harness");

	if (!t)
		panic("no memory for the harness");
	sched_start(t);
}

void machine_new_round(u64 seed)
{
	host_seed(seed);
	vcpu_restart_count();
}

void mach_shutdown(int wait_status)
{
	if (plan->endless)
		host_fail("the first program ended: status 0x%x", wait_status);
	host_exit(wait_status & 0x7f ? 128 + (wait_status & 0x7f) : (wait_status >> 8) & 0xff);
}

void machine_boot(const struct machine_plan *p)
{
	plan = p;
	host_seed(p->seed);
	host_verbose = p->verbose;
	machine_ram = host_map(SLOT);
	machine_ram_size = SLOT;
	boot_page = (struct abi_boot){
		.magic = ABI_BOOT_MAGIC,
		.version = ABI_BOOT_VERSION,
		.size = sizeof(boot_page),
		.cpu_max = p->cpus,
		.flags = p->strace ? ABI_BOOT_STRACE : 0,
		.ram_slot_size = SLOT,
		.ram_slots = 1,
		.ram_slots_max = 1,
		.ram_limit = p->ram ? p->ram : 64u << 20,
		.kernel_gpa = ABI_GPA_RAM,
		.kernel_end = ABI_GPA_RAM + RESERVED,
		.tsc_khz = 1000000,
		.log_level = LOG_INFO,
	};
	boot_cpu.self = &boot_cpu;
	vcpu_current = &boot_cpu;
	vcpu_add(&boot_cpu, fibre_self());
	kernel_main();
}
