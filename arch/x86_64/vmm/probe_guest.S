/* probe_guest.S - the micro guest that tries a KVM; see probe.c
 *
 * One page, copied to PROBE_CODE: ring 0 and ring 3 both run in it. Each thing that works is said
 * by an OUT of its number to the hypercall port. */
#include "arch/x86_64/vmm/probe.h"

#define PORT		 0x500
#define MSR_EFER	 0xc0000080
#define MSR_STAR	 0xc0000081
#define MSR_LSTAR	 0xc0000082
#define MSR_SFMASK	 0xc0000084
#define MSR_TSC_DEADLINE 0x6e0
#define X2APIC_EOI	 0x80b
#define X2APIC_SPIV	 0x80f
#define X2APIC_LVT_TIMER 0x832

	.macro say number
	mov	$\number, %eax
	mov	$PORT, %dx
	out	%eax, %dx
	.endm

	.macro wrmsr_imm msr, high, low
	mov	$\msr, %ecx
	mov	$\low, %eax
	mov	$\high, %edx
	wrmsr
	.endm

	.section .rodata, "a"
	.globl probe_guest_start, probe_guest_end
	.globl probe_guest_fault, probe_guest_timer, probe_guest_irqfd, probe_guest_odd
	.balign 16
probe_guest_start:
	say	PROBE_BEGIN
	mov	$PROBE_LOOPS, %ecx
1:	dec	%ecx
	jnz	1b
	say	PROBE_TIMED

	/* SYSCALL arrives at label 3; SYSRET goes to selectors 0x20 and 0x18 in ring 3. */
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$1, %eax
	wrmsr
	wrmsr_imm MSR_STAR, 0x00100008, 0
	lea	3f(%rip), %rax
	xor	%edx, %edx
	mov	$MSR_LSTAR, %ecx
	wrmsr
	wrmsr_imm MSR_SFMASK, 0, 0x200
	lea	2f(%rip), %rcx
	mov	$2, %r11d
	sysretq

2:	/* ring 3: the fault's handler goes on behind the load */
	mov	PROBE_HOLE, %al
probe_after_load:
	syscall
probe_after_call:
	ud2

3:	/* ring 0 again: the return address must be that of ring 3 */
	lea	probe_after_call(%rip), %rax
	cmp	%rax, %rcx
	jne	probe_guest_odd
	mov	$PROBE_STACK + 0x1000, %esp
	say	PROBE_SYSCALL
	wrmsr_imm X2APIC_SPIV, 0, 0x1ff
	wrmsr_imm X2APIC_LVT_TIMER, 0, (PROBE_VEC_TIMER | 1 << 18)
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	add	$20000, %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$MSR_TSC_DEADLINE, %ecx
	wrmsr
4:	sti
	hlt
	cli
	jmp	4b

	.balign 16
probe_guest_fault:
	cmpq	$4, (%rsp)		/* a read by ring 3 of what is not present */
	jne	probe_guest_odd
	mov	%cr2, %rax
	cmp	$PROBE_HOLE, %rax
	jne	probe_guest_odd
	say	PROBE_FAULT
	add	$8, %rsp
	lea	probe_after_load(%rip), %rax
	mov	%rax, (%rsp)
	iretq

	.balign 16
probe_guest_timer:
	wrmsr_imm X2APIC_EOI, 0, 0
	say	PROBE_TIMER
	iretq

	.balign 16
probe_guest_irqfd:
	wrmsr_imm X2APIC_EOI, 0, 0
	say	PROBE_DONE
	iretq

	.balign 16
probe_guest_odd:
	say	PROBE_ODD
	hlt
probe_guest_end:
	.section .note.GNU-stack, "", %progbits
