/* layout.h - the guest's physical address space, and what the two sides find there
 *
 *   0x0000_0000_0000   nothing: a null or small address is never backed
 *   0x0000_4000_0000   shared region (8 MiB): one region between VMM and kernel, see below
 *   0x0000_8000_0000   channels: number c at + c * 4 MiB, each a memfd shared with one peer
 *   0x0000_c000_0000   nothing: the local APICs and KVM's own pages live below 4 GiB
 *   0x0001_0000_0000   RAM: slot s at + s * boot.ram_slot_size, added on demand, never removed
 *   boot.window_base   file window (told in the boot page, sized from MAXPHYADDR)
 *
 * RAM starts at 4 GiB, so that no hole has to be cut into it: no firmware and no 32-bit
 * device exists that would need low memory.
 *
 * The shared region, offsets from ABI_GPA_SHARED:
 *
 *   0x000000   boot page (struct abi_boot)                  VMM writes before the first entry
 *   0x001000   time page (struct abi_time_page)             VMM writes while running
 *   0x100000   one 4 KiB block per vCPU (struct abi_cpu_block)
 *   0x200000   control channel, guest asks (stdio): 2 MiB   abi/control.h
 *   0x400000   control channel, VMM asks (commands): 2 MiB  abi/control.h
 *
 * Both ends treat what the other wrote as hostile: copy once, check the copy.
 */
#pragma once
#include <stdint.h>

#define ABI_PAGE_SHIFT 12
#define ABI_PAGE_SIZE  4096u

#define ABI_GPA_SHARED	     0x40000000ull
#define ABI_SHARED_SIZE	     0x800000ull
#define ABI_SHARED_BOOT	     0x0ull
#define ABI_SHARED_TIME	     0x1000ull
#define ABI_SHARED_CPU	     0x100000ull
#define ABI_SHARED_CTL_ASK   0x200000ull
#define ABI_SHARED_CTL_TELL  0x400000ull
#define ABI_CTL_CHANNEL_SIZE 0x200000ull

#define ABI_GPA_CHANNEL	   0x80000000ull
#define ABI_CHANNEL_STRIDE 0x400000ull
#define ABI_CHANNEL_MAX	   256u

#define ABI_GPA_RAM 0x100000000ull
#define ABI_CPU_MAX 256u

/* Interrupt vectors of the irqfds. A channel's vector is ABI_VEC_CHANNEL + (number % 64). */
#define ABI_VEC_CTL_ASK	 0x40u /* completions of the guest's requests */
#define ABI_VEC_CTL_TELL 0x41u /* a command waits */
#define ABI_VEC_TIME	 0x42u /* unused by the VMM: the kernel's own timer */
#define ABI_VEC_IPI	 0x43u /* unused by the VMM: the kernel's own IPI */
#define ABI_VEC_CHANNEL	 0x80u

/* x86-64: port numbers. The I/O bitmap is empty, so that only CPL 0 reaches them. */
#define ABI_PORT_HYPERCALL    0x500u /* OUT, 32 bits: the number; arguments in the vCPU's block */
#define ABI_PORT_DOORBELL     0x504u /* OUT, 32 bits: doorbell index; ioeventfd with datamatch */
#define ABI_DOORBELL_CTL_ASK  0u
#define ABI_DOORBELL_CTL_TELL 1u
#define ABI_DOORBELL_CHANNEL  16u /* + channel number */
