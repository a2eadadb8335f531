/* trap.S - into the kernel and back to user mode
 *
 * A task's user registers live in its struct mach_user, which is also the stack that the CPU
 * switches to: user_enter loads them and leaves; a trap stores them and returns from it.
 * GS is the kernel's (struct cpu) in ring 0 and the application's in ring 3; the few instructions
 * where that does not hold are reached only by vectors with a stack of their own, which find their
 * CPU at the top of that stack instead.
 */
#define VEC_SYSCALL 256
#define U_END 192 /* of struct mach_user's frame: offsets.c checks it */
#define MSR_GS_BASE 0xc0000101

	/* clac, unless boot.c finds that the CPU has no SMAP and makes it a nop */
	.macro	CLAC
661:	.byte	0x0f, 0x01, 0xca
	.pushsection .smap_sites, "a"
	.balign	4
	.long	661b - .
	.popsection
	.endm

	.macro	PUSH_REGS
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.endm

	.macro	POP_REGS
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	.endm

	.text
	.globl	syscall_entry
	.balign	64
syscall_entry:
	/* A stack first: whatever comes between has one. Not stored: what the frame of a task holds for
	 * ever (cs, ss), what only a trap's has (error), and rax, which no call reads and each gets its
	 * result in. */
	swapgs
	movq	%rsp, %gs:CPU_USER_RSP
	movq	%gs:CPU_KERNEL_SP, %rsp
	movq	%rax, %gs:CPU_USER_RAX
	movq	%gs:CPU_USER_FRAME, %rax
	movq	%rcx, U_RIP-U_END(%rax)
	movq	%rcx, U_RCX-U_END(%rax)
	movq	%gs:CPU_USER_RSP, %rcx
	movq	%rcx, U_RSP-U_END(%rax)
	movq	%gs:CPU_USER_RAX, %rcx
	movq	%rcx, U_ORIG_RAX-U_END(%rax)
	movq	%r11, U_RFLAGS-U_END(%rax)
	movq	%r11, U_R11-U_END(%rax)
	movq	$VEC_SYSCALL, U_VECTOR-U_END(%rax)
	movq	%rdi, U_RDI-U_END(%rax)
	movq	%rsi, U_RSI-U_END(%rax)
	movq	%rdx, U_RDX-U_END(%rax)
	movq	%r10, U_R10-U_END(%rax)
	movq	%r9, U_R9-U_END(%rax)
	movq	%r8, U_R8-U_END(%rax)
	movq	%rbp, U_RBP-U_END(%rax)
	movq	%rbx, U_RBX-U_END(%rax)
	movq	%r12, U_R12-U_END(%rax)
	movq	%r13, U_R13-U_END(%rax)
	movq	%r14, U_R14-U_END(%rax)
	movq	%r15, U_R15-U_END(%rax)
	xorl	%eax, %eax		/* MACH_SYSCALL */
	popq	%rbp
	ret

	/* rdi: struct mach_user. Returns the cause in eax; of the other registers only rbp and rsp
	 * survive (mach_run_user in machine_inline.h). */
	.globl	user_enter
	.type	user_enter, @function
	.balign	64
user_enter:
	pushq	%rbp
	testb	$1, U_FLAGS(%rdi)	/* MACH_USER_FPU */
	jz	.Lload_fpu
.Lfpu_ready:
	movq	%rsp, %gs:CPU_KERNEL_SP
	movq	U_R15(%rdi), %r15
	movq	U_R14(%rdi), %r14
	movq	U_R13(%rdi), %r13
	movq	U_R12(%rdi), %r12
	movq	U_RBP(%rdi), %rbp
	movq	U_RBX(%rdi), %rbx
	movq	U_R10(%rdi), %r10
	movq	U_R9(%rdi), %r9
	movq	U_R8(%rdi), %r8
	movq	U_RAX(%rdi), %rax
	movq	U_RDX(%rdi), %rdx
	movq	U_RSI(%rdi), %rsi
	movq	U_RIP(%rdi), %rcx
	cmpl	$VEC_SYSCALL, U_VECTOR(%rdi)
	jne	.Lby_iret
	/* rip came from SYSCALL inside user space, so it is canonical: sysret cannot fault */
	movq	U_RFLAGS(%rdi), %r11
	movq	U_RSP(%rdi), %rsp
	movq	U_RDI(%rdi), %rdi
	swapgs
	sysretq

.Lby_iret:
	/* A bad rip would fault at iretq, in ring 0 with the application's GS: never try. */
	shrq	$47, %rcx
	jnz	.Lbad_pc
	movq	U_R11(%rdi), %r11
	movq	U_RCX(%rdi), %rcx
	leaq	U_RIP(%rdi), %rsp
	movq	U_RDI(%rdi), %rdi
	swapgs
	iretq

.Lbad_pc:
	movq	%gs:CPU_KERNEL_SP, %rsp
	movq	(%rsp), %rbp
	call	user_bad_pc
	popq	%rbp
	ret

.Lload_fpu:
	pushq	%rdi
	subq	$8, %rsp
	call	fpu_load
	addq	$8, %rsp
	popq	%rdi
	jmp	.Lfpu_ready
	.size	user_enter, . - user_enter

	/* On the stack: vector, error code, and what the CPU pushed. */
	.balign	64
trap_common:
	cld
	CLAC
	testb	$3, 24(%rsp)
	jz	.Ltrap_kernel
	swapgs
	pushq	$-1
	PUSH_REGS
.Ltrap_user:
	movq	%gs:CPU_KERNEL_SP, %rsp
	movq	(%rsp), %rbp
	call	user_trap
	popq	%rbp
	ret

.Ltrap_kernel:
	pushq	$-1
	PUSH_REGS
	pushq	$0
	movq	%rsp, %rdi
	call	kernel_trap
	addq	$8, %rsp
	POP_REGS
	addq	$24, %rsp
	iretq

	/* Vectors on stacks of their own. GS may be anybody's, CR3 is always a kernel's. */
trap_ist:
	cld
	CLAC
	pushq	$-1
	PUSH_REGS
	pushq	$0
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	movl	%eax, %ebx
	movl	%edx, %r12d
	movl	192(%rsp), %eax		/* struct cpu, at the top of the stack */
	movl	196(%rsp), %edx
	wrmsr
	movq	%rsp, %rdi
	call	ist_trap
	movl	$MSR_GS_BASE, %ecx
	movl	%ebx, %eax
	movl	%r12d, %edx
	wrmsr
	addq	$8, %rsp
	POP_REGS
	addq	$24, %rsp
	iretq

	/* A debug trap of user mode is an ordinary one: move it to the task's frame. */
trap_db:
	testb	$3, 24(%rsp)
	jz	trap_ist
	cld
	CLAC
	swapgs
	pushq	$-1
	PUSH_REGS
	movq	%rsp, %rsi
	movq	%gs:CPU_USER_FRAME, %rdi
	subq	$184, %rdi
	movl	$23, %ecx
	rep movsq
	jmp	.Ltrap_user

	.macro	STUB vec
	.balign	16
stub_\vec:
	.if	(\vec == 8) || (\vec >= 10 && \vec <= 14) || (\vec == 17) || (\vec == 21) || \
		(\vec == 29) || (\vec == 30)
	.else
	pushq	$0
	.endif
	pushq	$\vec
	.if	\vec == 1
	jmp	trap_db
	.elseif	(\vec == 2) || (\vec == 8) || (\vec == 18)
	jmp	trap_ist
	.else
	jmp	trap_common
	.endif
	.pushsection .rodata.trap_stubs, "a"
	.quad	stub_\vec
	.popsection
	.endm

	.section .rodata.trap_stubs, "a"
	.balign	8
	.globl	trap_stubs
trap_stubs:
	.text
	.altmacro
	.macro	STUBS from
	.set	v, \from
	.rept	64
	STUB	%v
	.set	v, v + 1
	.endr
	.endm
	STUBS	0
	STUBS	64
	STUBS	128
	STUBS	192
	.noaltmacro

	/* void idle_halt(void): sleeps until an interrupt; kernel_trap() knows the place of the hlt */
	.globl	idle_halt, idle_halt_hlt
	.type	idle_halt, @function
idle_halt:
	sti
idle_halt_hlt:
	hlt
	cli
	ret
	.size	idle_halt, . - idle_halt

	.section .note.GNU-stack, "", @progbits
