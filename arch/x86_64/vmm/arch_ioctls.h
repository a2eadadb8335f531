/* arch_ioctls.h - ioctls that an x86-64 boot process makes after its set-up, for its filter */
#pragma once
#include <linux/kvm.h>

#define ARCH_IOCTLS(X)                                                     \
	X(KVM_GET_SREGS, "reports; entering the kernel on each processor") \
	X(KVM_SET_SREGS, "entering the kernel on each processor")          \
	X(KVM_GET_REGS, "reports")                                         \
	X(KVM_SET_REGS, "entering the kernel on each processor")           \
	X(KVM_SET_MP_STATE, "entering the kernel on each processor")
