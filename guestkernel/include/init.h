/* init.h - start-up, in order (init/main.c calls them; each part defines its own)
 *
 * The machine enters kernel_main() on CPU 0 with its boot checked, a boot stack and the direct map;
 * cpu_self() works (CPU 0's struct cpu is the machine's; cpus[] and cpu_count are init/main.c's),
 * interrupts are off. What the machine took of RAM for its tables counts in
 * mach_boot()->kernel_end: RAM behind that is free, up to mach_boot()->ram_slots slots. */
#pragma once
#include "types.h"

struct cpu;
noreturn void kernel_main(void);
noreturn void cpu_main(struct cpu *c); /* further CPUs, on their idle task */

void mm_init(void); /* after frames and slab */
void task_init(void);
void time_init(void);
void time_init_cpu(struct cpu *c);
void futex_init(void);
void vfs_init(void);
void fs_init(void); /* registers all file systems */
void event_init(void);
void ipc_init(void);
void random_init(void);
void control_init(void);		/* control channels: starts containers */
void random_bytes(void *buf, size_t n); /* lib/random.c: ChaCha20 seeded by the machine */
/* Memory is short beyond reclaim: kills the largest process of the sandbox. task/oom.c */
void oom_kill(void);
/* Counters for --stats: static ones register themselves by being listed in debug/stats.c. */
size_t stats_text(char *buf, size_t size);
size_t stacks_text(char *buf, size_t size);
/* init/control.c: something changed that the VMM may wait for (a container ended). Any context. */
void control_notify(void);
struct container;
int container_register(struct container *c) must_check; /* -EBUSY: the number is taken */
void container_unregister(struct container *c);

void dev_init(void); /* fs/dev: devices of memory, devtmpfs */
void tty_init(void);
void devpts_init(void);
void socket_init(void);
void proc_fs_init(void); /* fs/proc */

/* tty/: host descriptors served by the VMM. */
struct file;
void ask_init(void);
/* A container's stdio. *same: the lowest index that is the same open file of the host. May sleep.
 */
int hostfile_open(u32 index, u32 *same, struct file **out) must_check;
void hosttty_resize(u32 rows_cols);
void hosttty_make_controlling(void); /* of the current session, if its stdio is a terminal */
