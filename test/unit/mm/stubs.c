/* stubs.c - what mm/'s pure parts ask of the rest of the kernel and of the machine */
#include "stubs.h"
#include "abi/boot.h"
#include "init.h"
#include "log.h"
#include "mm/mm_internal.h"
#include "poison.h"
#include "quiesce.h"
#include "sched.h"
#include "time.h"
#include "vfs.h"

extern void host_abort(const char *text);
extern int host_vprint(char *buf, size_t size, const char *fmt, va_list ap);

static struct abi_boot boot;
static struct task task0;
static struct cpu cpu0 = {.self = &cpu0, .curr = &task0};
struct cpu *cpus[ABI_CPU_MAX] = {&cpu0};
u32 cpu_count = 1;
struct cpu *vcpu_current = &cpu0;
char *machine_ram;
u64 mach_user_top = 0x7ffffffff000ull;
enum log_level log_threshold = LOG_ERROR;
struct frame *zero_frame;

u64 stub_released, stub_slots_added, stub_reclaims;
struct ktimer *stub_timer;
static struct quiesce_head *deferred;

void stub_boot(void *ram, u64 size, u64 limit, u32 slots_max)
{
	machine_ram = ram;
	cpu0.frame_cache = cpu0.slab_cpu = NULL;
	boot.ram_slot_size = size;
	boot.ram_slots = 1;
	boot.ram_slots_max = slots_max;
	boot.ram_limit = limit;
	frame_init_early(ABI_GPA_RAM + 3 * PAGE_SIZE, ABI_GPA_RAM + size);
}

void stub_quiesce(void)
{
	while (deferred) {
		struct quiesce_head *h = deferred;

		deferred = h->next;
		h->fn(h);
	}
}

void quiesce_defer(struct quiesce_head *h, void (*fn)(struct quiesce_head *h))
{
	h->fn = fn;
	h->next = deferred;
	deferred = h;
}

void panic(const char *fmt, ...)
{
	static char text[256];
	va_list ap;

	va_start(ap, fmt);
	host_vprint(text, sizeof(text), fmt, ap);
	va_end(ap);
	host_abort(text);
	__builtin_unreachable();
}

void log_write(enum log_level level, const char *fmt, ...)
{
}
void spin_lock(struct spinlock *l)
{
	kassert(!a_load(&l->owner));
	a_store(&l->owner, 1);
}
void spin_unlock(struct spinlock *l)
{
	kassert(a_load(&l->owner));
	a_store(&l->owner, 0);
}
const struct abi_boot *mach_boot(void)
{
	return &boot;
}
paddr_t mach_va_to_pa(const void *va)
{
	return PADDR(ABI_GPA_RAM + (u64)((const char *)va - machine_ram));
}
void mach_frame_zero(void *page)
{
	__builtin_memset(page, 0, PAGE_SIZE);
}
void mach_frame_copy(void *restrict dst, const void *restrict src)
{
	__builtin_memcpy(dst, src, PAGE_SIZE);
}
int mach_ram_add(u32 slot)
{
	stub_slots_added++;
	boot.ram_slots++;
	return 0;
}
void mach_ram_release(u64 first, u64 count)
{
	char *p = machine_ram + first * BLOCK_FRAMES * PAGE_SIZE;
	size_t n = count * BLOCK_FRAMES * PAGE_SIZE;

	unpoison(p, n); /* the host may touch what is free */
	__builtin_memset(p, 0, n);
	poison(p, n);
	stub_released += count;
}
void ktimer_start(struct ktimer *t, u64 expires)
{
	stub_timer = t;
}
u64 time_mono_ns(void)
{
	return 0;
}
size_t pagecache_reclaim(size_t n)
{
	stub_reclaims++;
	return 0;
}
size_t dentry_reclaim(size_t n)
{
	return 0;
}
u64 pagecache_nr_dirty(void)
{
	return 0;
}
void oom_kill(void)
{
	a_or(&task0.sig_flags, TASK_SIG_KILL); /* the only process there is */
}
void sched_set_state(enum task_state s)
{
}
int sched_block_until(u64 deadline)
{
	return 0;
}
void file_put(struct file *f)
{
	kassert(!ref_put(&f->refs));
}
void mm_shared_put(struct mm_shared *s)
{
	kassert(!ref_put(&s->refs));
}
