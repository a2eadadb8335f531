/* stats.c - KVM's own counters, from its binary statistics descriptors
 *
 * Format: Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD: a header, descriptors with names, then
 * 64-bit values. The files are the host kernel's; lengths are checked all the same.
 */
#include "vmm/kvm/vm.h"

#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/util/util.h"

#define STATS_MAX   256u
#define NAME_MAX_OK 64u

struct stat_sum {
	char name[NAME_MAX_OK];
	uint64_t value;
};

struct stat_table {
	struct stat_sum stat[STATS_MAX];
	unsigned count;
};

static void stats_add(struct stat_table *t, const char *name, uint64_t value)
{
	for (unsigned i = 0; i < t->count; i++)
		if (!strcmp(t->stat[i].name, name)) {
			t->stat[i].value += value;
			return;
		}
	if (t->count == STATS_MAX)
		return;
	snprintf(t->stat[t->count].name, NAME_MAX_OK, "%s", name);
	t->stat[t->count++].value = value;
}

/* Adds the single counters of one descriptor; histograms are left out. */
static void stats_read(struct stat_table *t, int fd)
{
	struct kvm_stats_header head;
	size_t entry;
	cleanup_free char *desc = NULL;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) || head.num_desc > 1024 ||
	    head.name_size < 8 || head.name_size > 256)
		return;
	entry = sizeof(struct kvm_stats_desc) + head.name_size;
	desc = malloc(entry * head.num_desc);
	if (!desc || pread(fd, desc, entry * head.num_desc, head.desc_offset) !=
			     (ssize_t)(entry * head.num_desc))
		return;
	for (uint32_t i = 0; i < head.num_desc; i++) {
		struct kvm_stats_desc d;
		char name[NAME_MAX_OK];
		uint64_t value;

		memcpy(&d, desc + i * entry, sizeof(d));
		snprintf(name, sizeof(name), "%.*s", (int)head.name_size,
			 desc + i * entry + sizeof(d));
		if (d.size != 1 || pread(fd, &value, sizeof(value),
					 (off_t)head.data_offset + d.offset) != sizeof(value))
			continue;
		stats_add(t, name, value);
	}
}

int vm_print_stats(struct vm *vm, char *buf, unsigned size)
{
	cleanup_free struct stat_table *t = calloc(1, sizeof(*t));
	unsigned used = 0;

	if (!t)
		return 0;
	if (vm->stats_fd >= 0)
		stats_read(t, vm->stats_fd);
	for (unsigned i = 0; i < vm->cpu_count; i++)
		if (vm->cpu[i].stats_fd >= 0)
			stats_read(t, vm->cpu[i].stats_fd);
	for (unsigned i = 0; i < t->count && used < size; i++)
		used += snprintf(buf + used, size - used, "kvm.%s %llu\n", t->stat[i].name,
				 (unsigned long long)t->stat[i].value);
	return used < size ? used : size - 1;
}
