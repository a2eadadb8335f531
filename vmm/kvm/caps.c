/* caps.c - opening /dev/kvm and checking that it can do what the sandbox needs */
#include "vmm/kvm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/kvm/arch.h"

static const struct kvm_cap kvm_caps[] = {
	{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", "guest memory"},
	{KVM_CAP_SYNC_MMU, "KVM_CAP_SYNC_MMU", "guest memory that is allocated on demand"},
	{KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING", "interrupts from the file server"},
	{KVM_CAP_IRQFD, "KVM_CAP_IRQFD", "interrupts from the file server"},
	{KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD", "doorbells to the file server"},
	{KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE", "starting further processors"},
	{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", "stopping a running processor"},
	{0},
};

int kvm_open(const char *path, int *fd, struct error *err)
{
	int version;

	*fd = open(path, O_RDWR | O_CLOEXEC);
	if (*fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return error_set(err,
				 "no usable %s (%s): this machine offers no hardware "
				 "virtualization, or the kvm module is not loaded; try \"modprobe "
				 "kvm_amd\" or \"modprobe kvm_intel\", or enable nested "
				 "virtualization where this is a virtual machine",
				 path, strerror(errno));
	if (*fd < 0 && (errno == EACCES || errno == EPERM))
		return error_set(err,
				 "no permission to open %s: run as root or join the group that "
				 "owns it (\"usermod -aG kvm USER\", then log in again)",
				 path);
	if (*fd < 0)
		return error_sys(err, "cannot open %s", path);
	version = ioctl(*fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		close(*fd);
		*fd = -1;
		return error_set(err, "%s is not a KVM device that this program knows (API %d)",
				 path, version);
	}
	return 0;
}

static int caps_check_table(int kvm_fd, const struct kvm_cap *cap, struct error *err)
{
	for (; cap->name; cap++) {
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, cap->cap) > 0)
			continue;
		return error_set(
			err,
			"this KVM is unusable: it lacks %s (%s); a Linux kernel of 5.15 or "
			"newer on hardware with nested paging has it",
			cap->name, cap->why);
	}
	return 0;
}

int kvm_check_caps(int kvm_fd, struct error *err)
{
	if (caps_check_table(kvm_fd, kvm_caps, err))
		return -1;
	return caps_check_table(kvm_fd, arch_kvm_caps, err);
}
